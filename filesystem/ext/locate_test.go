package ext

import (
	"bytes"
	"context"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// volumeStart is where volumes begin in the disks of these tests, and tail what follows them.
const (
	volumeStart = 3 << 20
	volumeTail  = 1 << 20
)

// disk puts a volume into a larger source.
func disk(p []byte) []byte {
	d := make([]byte, volumeStart+len(p)+volumeTail)
	for i := range d[:volumeStart] {
		d[i] = byte(i * 7)
	}
	copy(d[volumeStart:], p)
	return d
}

// hits finds the probes as the sweep does.
func hits(p []byte) (out []probe.Hit) {
	for _, x := range Kind().Probes {
		for at := 0; ; at++ {
			i := bytes.Index(p[at:], []byte{0x53, 0xEF})
			if i < 0 {
				break
			}
			at += i
			off := int64(at) - x.At
			if off >= 0 && x.Aligned(off) && x.Matches(p[at:]) {
				out = append(out, probe.Hit{ID: x.ID, Offset: off})
			}
		}
	}
	return out
}

func locateHit(t *testing.T, p []byte, hit probe.Hit) []filesystem.Candidate {
	t.Helper()
	c, err := Kind().Locate(context.Background(), block.Bytes(p), hit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestProbes(t *testing.T) {
	if len(Kind().Probes) == 0 {
		t.Fatal("no probes")
	}
	for _, x := range Kind().Probes {
		if err := x.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// TestLocate finds each volume by its primary superblock and by every backup, at its exact place.
func TestLocate(t *testing.T) {
	for _, image := range images {
		p := image.read(t)
		v := mustOpen(t, p)
		want := block.Extent{Offset: volumeStart, Length: v.sb.size()}
		for _, wiped := range []bool{false, true} {
			d := disk(p)
			if wiped {
				clear(d[volumeStart+superblockOffset:][:superblockSize])
			}
			byPlace := map[int64]bool{}
			for _, hit := range hits(d) {
				for _, c := range locateHit(t, d, hit) {
					if c.Confirmed <= c.Refuted {
						continue
					}
					if c.Extent != want {
						t.Errorf("%s: the hit at 0x%x gives %v, expected %v (%d confirmed, %d refuted)", image.name, hit.Offset, c.Extent, want, c.Confirmed, c.Refuted)
						continue
					}
					if c.Kind != "ext" || c.Label != v.info.Label || c.UUID != v.info.UUID || c.FromBackup != wiped || len(c.Findings) > 0 {
						t.Errorf("%s: the hit at 0x%x gives %+v", image.name, hit.Offset, c)
					}
					byPlace[hit.Offset+superblockOffset-volumeStart] = true
				}
			}
			places := []int64{superblockOffset}
			if wiped {
				places = nil
			}
			if v.sb.revision > 0 { // before, copies did not say where they stand
				for _, g := range v.sb.backups(100) {
					places = append(places, v.sb.copyOffset(g))
				}
			}
			for _, at := range places {
				if !byPlace[at] {
					t.Errorf("%s: the superblock at 0x%x of the volume does not lead to it (wiped is %v)", image.name, at, wiped)
				}
			}
		}
	}
}

// TestBackup opens volumes whose primary superblock is gone, then the descriptors behind it too.
func TestBackup(t *testing.T) {
	for _, image := range images {
		p := image.read(t)
		v := mustOpen(t, p)
		if v.sb.revision == 0 || len(v.sb.backups(1)) == 0 {
			continue
		}
		want, _ := files(t, v)
		for _, descriptors := range []bool{false, true} {
			q := bytes.Clone(p)
			clear(q[superblockOffset:][:superblockSize])
			if descriptors {
				n := v.sb.descriptorBlock(0)
				clear(q[int64(n)*v.sb.blockSize:][:v.sb.blockSize])
			}
			b, err := open(context.Background(), block.Bytes(q))
			if err != nil {
				t.Errorf("%s: %v", image.name, err)
				continue
			}
			info := b.Info()
			if info.State != filesystem.Damaged || info.Kind != v.info.Kind || info.UUID != v.info.UUID || info.Size != v.info.Size {
				t.Errorf("%s: %+v", image.name, info)
			}
			has(t, image.name, volumeCodes(b), "superblock.broken", "superblock.backup")
			got, _ := files(t, b)
			for key, w := range want {
				f := got[key]
				if w.State != filesystem.Live {
					continue
				}
				if f == nil {
					t.Errorf("%s: %s is missing (descriptors gone: %v)", image.name, key, descriptors)
					continue
				}
				if f.ID != w.ID || f.Size() != w.Size() || f.Mode != w.Mode {
					t.Errorf("%s: %s is %s, %d bytes, expected %s, %d", image.name, key, f.ID, f.Size(), w.ID, w.Size())
				}
			}
		}
	}
}

// TestLocateCopies has copies of the primary superblock where a journal or a file holds them: they name
// themselves the first, and must not shift the volume.
func TestLocateCopies(t *testing.T) {
	for _, name := range []string{"ext4", "ext4-4k", "ext2", "kernel-torn", "kernel-deleted", "gdt_csum"} {
		p := readImage(t, name)
		v := mustOpen(t, p)
		bs := int(v.sb.blockSize)
		free := freeBlocks(t, v, 24)
		from := bs // the block of the superblock, and the descriptors behind it
		if bs > 1024 {
			from = 0
		}
		q := bytes.Clone(p)
		copy(q[int(free[0])*bs:], p[from:from+bs])
		for i := range 3 {
			copy(q[(int(free[8])+i)*bs:], p[from+i*bs:from+(i+1)*bs])
		}
		for _, wiped := range []bool{false, true} {
			d := disk(q)
			if wiped {
				clear(d[volumeStart+superblockOffset:][:superblockSize])
			}
			want := block.Extent{Offset: volumeStart, Length: v.sb.size()}
			seen := 0
			for _, hit := range hits(d) {
				for _, c := range locateHit(t, d, hit) {
					if c.Extent != want && c.Confirmed > c.Refuted {
						t.Errorf("%s: the hit at 0x%x gives a volume at 0x%x, %d confirmed, %d refuted", name, hit.Offset, c.Extent.Offset, c.Confirmed, c.Refuted)
					}
					if c.Extent == want {
						seen++
					}
				}
			}
			if seen == 0 {
				t.Errorf("%s: the volume is not found", name)
			}
		}
	}
}

// freeBlocks returns n blocks in a row that nothing uses.
func freeBlocks(t *testing.T, v *volume, n int64) []int64 {
	t.Helper()
	used, err := v.Used(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for e := range used.Complement(block.Extent{Length: v.sb.size()}).All() {
		if e.Length >= n*v.sb.blockSize && e.Offset > 0 {
			var out []int64
			for i := range n {
				out = append(out, e.Offset/v.sb.blockSize+i)
			}
			return out
		}
	}
	t.Fatalf("no %d free blocks", n)
	return nil
}

func TestLocateChance(t *testing.T) {
	d := make([]byte, 4<<20)
	for i := range d {
		d[i] = byte(i>>9) ^ byte(i*31)
	}
	sb := readImage(t, "ext4")[superblockOffset:][:superblockSize]
	copy(d[512*1001:], sb)
	copy(d[3<<20:], sb[:0x60])
	copy(d[2<<20+0x38:], []byte{0x53, 0xEF, 1, 0, 1, 0})
	for _, hit := range hits(d) {
		for _, c := range locateHit(t, d, hit) {
			if c.Confirmed > c.Refuted {
				t.Errorf("0x%x: %+v", hit.Offset, c)
			}
		}
	}
	for _, off := range []int64{-1 << 40, -1024, -512, 4 << 20, 1 << 40, 1<<63 - 1} {
		if c := locateHit(t, d, probe.Hit{ID: "ext.superblock", Offset: off}); len(c) > 0 {
			t.Errorf("0x%x: %+v", off, c)
		}
	}
}

func TestLocateCut(t *testing.T) {
	p := readImage(t, "ext4")
	for _, c := range locateHit(t, p[:8<<20], probe.Hit{ID: "ext.superblock"}) {
		if c.Extent.Offset != 0 || c.Extent.Length != int64(len(p)) || len(c.Findings) != 1 || c.Findings[0].Code != cutShort.Code {
			t.Errorf("%+v", c)
		}
	}
}
