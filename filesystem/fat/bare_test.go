package fat

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
)

// bare finds the volumes that FATs give away.
func bare(t testing.TB, p []byte) (hits int, out []filesystem.Candidate) {
	t.Helper()
	for _, x := range Kind().Probes {
		if x.ID != table16 && x.ID != table32 {
			continue
		}
		for off := int64(0); off+int64(len(x.Bytes)) <= int64(len(p)); off += x.Align {
			if !x.Matches(p[off:]) {
				continue
			}
			hits++
			c, err := Kind().Locate(context.Background(), block.Bytes(p), probe.Hit{ID: x.ID, Offset: off})
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, c...)
		}
	}
	return hits, out
}

// A volume without any boot sector and without a partition table is found by its FATs, wherever it is.
func TestLocateByFAT(t *testing.T) {
	for _, name := range []string{"fat16", "fat32"} {
		whole := readImage(t, name+".img.gz")
		v := mustOpen(t, whole)
		want, _ := files(t, v)
		for _, start := range []int64{0, 1 << 20, 63 * 512, 5<<20 + 512*7} {
			disk := make([]byte, start+int64(len(whole))+3<<20)
			copy(disk[start:], whole)
			if hits, c := bare(t, disk); hits < 2 || len(c) > 0 {
				t.Errorf("%s: %d hits, with a boot sector %+v", name, hits, c)
			}
			clear(disk[start : start+v.b.fatAt(0)])
			_, c := bare(t, disk)
			if len(c) != 1 {
				t.Errorf("%s at 0x%x: %+v", name, start, c)
				continue
			}
			x := c[0]
			if x.Extent.Offset > start || start-x.Extent.Offset >= usualStart || x.Kind != name || x.Label != v.Info().Label || !x.FromBackup || x.Confirmed < 4 || x.Refuted > 0 {
				t.Errorf("%s at 0x%x: %+v", name, start, x)
			}
			fsys, err := Open(t.Context(), block.Section(block.Bytes(disk), x.Extent))
			if err != nil {
				t.Errorf("%s at 0x%x: %v", name, start, err)
				continue
			}
			got, _ := files(t, fsys)
			for path, f := range want {
				if g := got[path]; g == nil || g.Size() != f.Size() {
					t.Errorf("%s at 0x%x: %s: %+v", name, start, path, g)
				}
			}
		}
	}
}

// Nothing but a FAT gives a volume: not random bytes, not heads of FATs among them, not what looks like one table, and
// no other file system.
func TestLocateByFATChance(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	p := make([]byte, 16<<20)
	for i := 0; i < len(p); i += 8 {
		binary.LittleEndian.PutUint64(p[i:], rnd.Uint64())
	}
	if _, c := bare(t, p); len(c) > 0 {
		t.Errorf("random bytes: %+v", c)
	}
	for range 200 { // heads in random bytes, some in pairs
		at := int(rnd.Int64N(int64(len(p)-1<<20))) &^ 511
		copy(p[at:], []byte{0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x0F})
		copy(p[at+int(rnd.Int64N(1<<19))&^511:], p[at:at+512])
	}
	if hits, c := bare(t, p); hits < 200 || len(c) > 0 {
		t.Errorf("%d heads in random bytes: %+v", hits, c)
	}
	clear(p)
	for range 200 { // tables that count up, in pairs, in zeros
		at := int(rnd.Int64N(int64(len(p)-1<<20))) &^ 511
		copy(p[at:], []byte{0xF8, 0xFF, 0xFF, 0xFF})
		for c := 2; c < 256; c++ {
			binary.LittleEndian.PutUint16(p[at+2*c:], uint16(c+1))
		}
		copy(p[at+int(rnd.Int64N(1<<19))&^511:], p[at:at+512])
	}
	if hits, c := bare(t, p); hits < 200 || len(c) > 0 {
		t.Errorf("%d tables: %+v", hits, c)
	}
	list, err := filepath.Glob("../*/testdata/*.img.gz")
	if err != nil || len(list) < 20 {
		t.Fatalf("%d images, %v", len(list), err)
	}
	specimens, _ := filepath.Glob("../*/testdata/*/*.gz")
	for _, path := range slices.Concat(list, specimens) {
		dir, name := filepath.Split(path)
		if strings.HasSuffix(name, ".txt.gz") {
			continue
		}
		src := filesystemtest.Image(t, os.DirFS(dir), name)
		if src.Size() > 80<<20 && testing.Short() {
			continue
		}
		p := make([]byte, src.Size())
		_, _ = src.ReadAt(p, 0)
		if hits, c := bare(t, p); len(c) > 0 {
			t.Errorf("%s: %d hits: %+v", path, hits, c)
		}
	}
}
