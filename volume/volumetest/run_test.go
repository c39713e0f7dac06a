package volumetest

import (
	"context"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
)

// TestDescribe shows all that a table says, by a scheme that is made up.
func TestDescribe(t *testing.T) {
	s := volume.Scheme{Name: "made", Probes: []probe.Probe{{ID: "made.up", Bytes: []byte("MADE"), Align: 512}},
		Read: func(_ context.Context, src block.Source, hits []probe.Hit) ([]volume.Table, error) {
			var out []volume.Table
			for _, h := range hits {
				out = append(out, volume.Table{Scheme: "made", Copy: "up", Offset: h.Offset, SectorSize: 512, Valid: true,
					Entries: []volume.Entry{{Number: 1, Name: "a", Extent: block.Extent{Offset: 512, Length: 1024}, Container: true}}})
			}
			return out, nil
		}}
	img := make([]byte, 4096)
	copy(img[1024:], "MADE")
	copy(img[1100:], "MADE") // not at a sector
	if got, want := Describe(Read(t, s, img)), "made.up@1024/512 valid 1:1+2c=a"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	Check(t, s, Read(t, s, img))
	Damage(t, s, img)
}
