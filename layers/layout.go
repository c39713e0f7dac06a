package layers

import (
	"slices"
	"strings"

	"salvor/finding"
)

// layout is how the partitions or volumes of a kind of device are called.
type layout struct {
	name  string
	parts []string // labels of partitions or volumes, lower case
	least int      // how many of them make it known
}

// layouts are those of systems whose labels are documented, the more telling ones first.
var layouts = []layout{
	{"Home Assistant OS", []string{"hassos-boot", "hassos-kernel0", "hassos-system0", "hassos-kernel1", "hassos-system1", "hassos-bootstate", "hassos-overlay", "hassos-data"}, 3},
	{"ChromeOS", []string{"state", "kern-a", "root-a", "kern-b", "root-b", "oem", "efi-system"}, 4},
	{"Android with two slots", []string{"boot_a", "boot_b", "super", "misc", "metadata", "userdata"}, 4},
	{"Android", []string{"boot", "recovery", "system", "cache", "misc", "userdata"}, 4},
	{"Raspberry Pi OS", []string{"bootfs", "rootfs"}, 2},
	{"Windows", []string{"efi system partition", "microsoft reserved partition", "basic data partition"}, 3},
}

// known says whose partitions these are, when their labels say so, and which of them are nowhere.
func (r *resolver) known() {
	have := map[string]bool{}
	r.root.Walk(func(l *Layer, _ int) bool {
		if !l.Rival && l.State != Missing && (l.Kind == "partition" || l.Volume > 0) {
			have[strings.ToLower(l.Label)] = true
		}
		return true
	})
	for _, known := range layouts {
		missing := slices.DeleteFunc(slices.Clone(known.parts), func(p string) bool { return have[p] })
		if len(known.parts)-len(missing) < known.least {
			continue
		}
		if len(missing) == 0 {
			r.add(layoutKnown.New(finding.Expected(nil, known.name)))
		} else {
			r.add(layoutPart.New(finding.Expected(strings.Join(missing, ", "), known.name)))
		}
		return
	}
}
