package fat

import (
	"bytes"
	"testing"

	"salvor/block"
	"salvor/filesystem"
)

// TestWipedBootArea wipes all boot sectors: the FATs and the directories give the layout.
func TestWipedBootArea(t *testing.T) {
	for _, name := range []string{"floppy12", "fat16", "fat32"} {
		whole := readImage(t, name+".img.gz")
		v := mustOpen(t, whole)
		want, _ := files(t, v)
		p := bytes.Clone(whole)
		clear(p[:v.b.fatAt(0)])
		broken := mustOpen(t, p)
		if broken.b.width != v.b.width || broken.b.clusterSize() != v.b.clusterSize() || broken.b.dataAt() != v.b.dataAt() {
			t.Errorf("%s: %+v, expected %+v", name, broken.b, v.b)
			continue
		}
		got, errs := files(t, broken)
		if len(errs) > 0 || volumeCodes(broken)[:12] != "boot.implied" || broken.Info().State != filesystem.Damaged {
			t.Errorf("%s: %v, %s", name, errs, volumeCodes(broken))
		}
		for path, f := range want {
			if g := got[path]; g == nil || g.Size() != f.Size() || g.Sound {
				t.Errorf("%s: %s: %+v", name, path, g)
			}
		}
	}
}

func TestImplyChance(t *testing.T) {
	p := make([]byte, 1<<20)
	copy(p[4096:], []byte{0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F})
	copy(p[8192:], []byte{0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F})
	for _, p := range [][]byte{p, make([]byte, 1<<20), bytes.Repeat([]byte{0xFF}, 1<<20), bytes.Repeat([]byte{0xF8, 0xFF, 0xFF, 0xFF}, 1<<18)} {
		if b := imply(block.Bytes(p)); b != nil {
			t.Errorf("%+v", b)
		}
	}
}

// TestFormattedOver has an old volume under a new one: its directories and what they name come back.
func TestFormattedOver(t *testing.T) {
	for _, name := range []string{"fat16", "fat32"} {
		p := readImage(t, name+".img.gz")
		v := mustOpen(t, p)
		want, _ := files(t, v)
		for i := range 2 {
			at := v.b.fatAt(i)
			clear(p[at+int64(v.b.width) : at+v.b.fatBytes()])
			if v.b.width == 32 {
				copy(p[at+8:], []byte{0xF8, 0xFF, 0xFF, 0x0F})
			}
		}
		root := block.Extent{Offset: v.b.rootAt(), Length: v.b.rootBytes()}
		if v.b.width == 32 {
			root = block.Extent{Offset: v.b.at(2), Length: v.b.clusterSize()}
		}
		clear(p[root.Offset:root.End()])
		formatted := mustOpen(t, p)
		got, errs := files(t, formatted)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		found := 0
		for path, f := range got {
			if f.State != filesystem.Rebuilt || f.Sound {
				if f.State == filesystem.Live && f.Path != "" {
					t.Errorf("%s: %s is live", name, path)
				}
				continue
			}
			for _, inner := range []string{"IMG_0001.JPG", "IMG_0002.JPG", "level 3/bottom.dat"} {
				if len(f.Path) < len(inner) || f.Path[len(f.Path)-len(inner):] != inner {
					continue
				}
				found++
				old := want["live DCIM/100CANON/"+inner]
				if old == nil {
					old = want["live DCIM/deep folder with a long name/"+inner]
				}
				a, err := readAll(t, formatted, f)
				b, _ := readAll(t, v, old)
				if err != nil || len(a) != len(b) {
					t.Errorf("%s: %s: %v", name, path, err)
				}
			}
		}
		if found != 3 {
			t.Errorf("%s: %d of 3 files of the old volume: %v", name, found, got)
		}
	}
}
