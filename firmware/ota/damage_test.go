package ota

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// TestDamage overwrites one stretch of a package: members that it does not touch are still found, whole, and with their
// bytes; the package is not called whole.
func TestDamage(t *testing.T) {
	files := []file{{metadataPath, []byte(metadata), false}}
	for i := range 8 {
		files = append(files, file{fmt.Sprintf("part%d.img", i), firmwaretest.Noise(1500+i*300, uint64(i)), false})
	}
	image := plainZip(t, files...)
	whole := firmwaretest.Open(t, image, nil, Formats()...)
	rnd := rand.New(rand.NewPCG(8, 8))
	for range 300 {
		p := bytes.Clone(image)
		at := rnd.IntN(len(p))
		hit := block.Extent{Offset: int64(at), Length: int64(min(1+rnd.IntN(512), len(p)-at))}
		for i := range p[at:hit.End()] {
			p[at+i] = byte(rnd.Uint32())
		}
		got := firmwaretest.Open(t, p, nil, Formats()...)
		if got.Format == "" {
			continue // without the name of the metadata it is any zip
		}
		if v := firmware.Whole(got); v.Answer == firmware.OK {
			t.Fatalf("damage at %v: %v", hit, v)
		}
		for i, c := range whole.Children {
			e := block.Extent{Offset: c.Offset - int64(30+len(c.Name)), Length: c.Size + int64(30+len(c.Name))}
			if e.Overlaps(hit) {
				continue
			}
			found := false
			for _, x := range got.Children {
				b, err := io.ReadAll(block.Reader(x.Source))
				found = found || err == nil && x.Name == c.Name && bytes.Equal(b, files[i].data) && len(x.Checks) > 0 && x.Checks[0].State == firmware.Passed
			}
			if !found {
				t.Errorf("damage at %v: %q is lost", hit, c.Name)
			}
		}
	}
}
