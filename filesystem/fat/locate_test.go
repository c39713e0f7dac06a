package fat

import (
	"context"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

func locateAt(t *testing.T, p []byte, off int64) ([]filesystem.Candidate, error) {
	t.Helper()
	return Kind().Locate(context.Background(), block.Bytes(p), probe.Hit{ID: "fat.boot", Offset: off})
}

// hits finds the probes as the sweep does.
func hits(p []byte) (out []probe.Hit) {
	for _, x := range Kind().Probes {
		if x.ID == table16 || x.ID == table32 {
			continue // see bare_test.go
		}
		for off := int64(0); off+x.At+int64(len(x.Bytes)) <= int64(len(p)); off += x.Align {
			if x.Matches(p[off+x.At:]) {
				out = append(out, probe.Hit{ID: x.ID, Offset: off})
			}
		}
	}
	return out
}

func TestProbes(t *testing.T) {
	for _, x := range Kind().Probes {
		if err := x.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestLocate(t *testing.T) {
	const start = 1<<20 + 512*7
	for _, image := range images {
		volume := readImage(t, image.name+".img.gz")
		disk := make([]byte, start+len(volume)+4096)
		copy(disk[start:], volume)
		check := func(name string, hit probe.Hit, fromBackup bool) {
			t.Helper()
			c, err := Kind().Locate(context.Background(), block.Bytes(disk), hit)
			if err != nil || len(c) != 1 {
				t.Errorf("%s, %s at 0x%x: %v, %v", image.name, name, hit.Offset, c, err)
				return
			}
			want := mustOpen(t, volume).Info()
			if c[0].Extent != (block.Extent{Offset: start, Length: want.Size}) || c[0].Kind != image.kind ||
				c[0].Label != image.label || c[0].UUID != image.uuid || c[0].FromBackup != fromBackup {
				t.Errorf("%s, %s at 0x%x: %+v", image.name, name, hit.Offset, c[0])
			}
			if c[0].Confirmed < 3 {
				t.Errorf("%s, %s: only %d facts agree", image.name, name, c[0].Confirmed)
			}
		}
		found := hits(disk)
		want := 1
		if image.kind == "fat32" {
			want = 2
		}
		if len(found) != want {
			t.Fatalf("%s: %d hits, expected %d", image.name, len(found), want)
		}
		for _, hit := range found {
			check("whole", hit, false)
		}
		if image.kind != "fat32" {
			continue
		}
		clear(disk[start : start+512])
		found = hits(disk)
		if len(found) != 1 || found[0].Offset != start+6*512 {
			t.Fatalf("%s: hits %v", image.name, found)
		}
		check("backup", found[0], true)
		// With the FATs gone, the info sector, the backup's place and the root directory still tell.
		b := mustOpen(t, volume).b
		clear(disk[start+b.fatAt(0) : start+b.fatAt(2)])
		c, err := locateAt(t, disk, found[0].Offset)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c {
			if x.Extent.Offset != start {
				t.Errorf("without FATs the volume moved to 0x%x", x.Extent.Offset)
			}
		}
	}
}

func TestLocateChance(t *testing.T) {
	disk := make([]byte, 8<<20)
	copy(disk[512*100:], readImage(t, "fat16.img.gz")[:512])
	copy(disk[512*3000:], readImage(t, "fat32.img.gz")[:512])
	copy(disk[512*5000+54:], "FAT16   ")
	for _, hit := range hits(disk) {
		if c, err := Kind().Locate(context.Background(), block.Bytes(disk), hit); len(c) > 0 || err != nil {
			t.Errorf("0x%x: %+v, %v", hit.Offset, c, err)
		}
	}
	for _, off := range []int64{-512, 8 << 20, 1 << 40} {
		if c, err := locateAt(t, disk, off); len(c) > 0 || err != nil {
			t.Errorf("0x%x: %+v, %v", off, c, err)
		}
	}
}

// TestLocateRepeats has a volume with a third copy of the boot area behind the backup, as some tools write it.
func TestLocateRepeats(t *testing.T) {
	p := readImage(t, "fat32.img.gz")
	copy(p[12*512:18*512], p[:6*512])
	found := hits(p)
	if len(found) != 3 {
		t.Fatalf("hits %v", found)
	}
	for _, hit := range found {
		c, err := Kind().Locate(context.Background(), block.Bytes(p), hit)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range c {
			if x.Extent.Offset != 0 {
				t.Errorf("the hit at 0x%x gives a volume at 0x%x: %+v", hit.Offset, x.Extent.Offset, x)
			}
		}
	}
}

func TestLocateNoHeads(t *testing.T) {
	p := readImage(t, "util-linux/fat16_noheads.img.gz")
	found := hits(p)
	if len(found) != 1 {
		t.Fatalf("hits %v", found)
	}
	if c, err := locateAt(t, p, 0); err != nil || len(c) != 1 || c[0].UUID != "2004-1014" {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLocateCut(t *testing.T) {
	volume := readImage(t, "fat16.img.gz")
	c, err := locateAt(t, volume[:1<<20], 0)
	if err != nil || len(c) != 1 || len(c[0].Findings) != 1 || c[0].Findings[0].Code != "fat.boot.truncated" {
		t.Errorf("%+v, %v", c, err)
	}
}
