package layers

import (
	"testing"

	"salvor/block"
	"salvor/finding"
)

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		labels []string
		code   string
		text   string
	}{
		{[]string{"hassos-boot", "hassos-kernel0", "hassos-system0", "hassos-kernel1", "hassos-system1", "hassos-bootstate", "hassos-overlay", "hassos-data"},
			"layers.layout", "the partitions are those of Home Assistant OS"},
		{[]string{"hassos-boot", "hassos-kernel0", "hassos-system0", "hassos-data", "x"}, "layers.layout.part",
			"the partitions are those of Home Assistant OS; not found are: hassos-kernel1, hassos-system1, hassos-bootstate, hassos-overlay"},
		{[]string{"bootfs", "rootfs"}, "layers.layout", "the partitions are those of Raspberry Pi OS"},
		{[]string{"STATE", "KERN-A", "ROOT-A", "KERN-B", "ROOT-B", "OEM", "EFI-SYSTEM"}, "layers.layout", "the partitions are those of ChromeOS"},
		{[]string{"hassos-boot", "data"}, "", ""},
		{nil, "", ""},
	} {
		r := &resolver{root: &Layer{Kind: "disk"}}
		for i, l := range c.labels {
			attach(r.root, &Layer{Kind: "partition", Label: l, Extent: block.Extent{Offset: int64(i) * mib, Length: mib}})
		}
		attach(r.root, &Layer{Kind: "partition", Label: "hassos-data", Rival: true})
		r.known()
		var got finding.Finding
		if len(r.root.Findings) > 0 {
			got = r.root.Findings[0]
		}
		if got.Code != c.code || got.Text != c.text {
			t.Errorf("%v: got %s %q", c.labels, got.Code, got.Text)
		}
	}
}
