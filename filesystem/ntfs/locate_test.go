package ntfs

import (
	"bytes"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// hits returns where the probes match in p.
func hits(p []byte) []probe.Hit {
	var out []probe.Hit
	for _, pr := range probes() {
		for at := int64(0); at+pr.At+int64(len(pr.Bytes)) <= int64(len(p)); at += pr.Align {
			if pr.Matches(p[at+pr.At:]) {
				out = append(out, probe.Hit{ID: pr.ID, Offset: at})
			}
		}
	}
	return out
}

// located returns the different volumes that the landmarks of p lead to.
func located(t *testing.T, p []byte) map[block.Extent]filesystem.Candidate {
	t.Helper()
	out := map[block.Extent]filesystem.Candidate{}
	for _, h := range hits(p) {
		list, err := locate(t.Context(), block.Bytes(p), h)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if old, ok := out[c.Extent]; !ok || c.Confirmed > old.Confirmed {
				out[c.Extent] = c
			}
		}
	}
	return out
}

func TestProbes(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	n := map[string]int{}
	for _, h := range hits(p) {
		n[h.ID]++
	}
	// A table of many records must not become as many landmarks.
	if n["ntfs.boot"] != 2 || n["ntfs.first"] < 16 || n["ntfs.first"] > 32 || n["ntfs.record"] < 2 || n["ntfs.record"] > 4 {
		t.Errorf("%v", n)
	}
	for _, pr := range probes() {
		if err := pr.Validate(); err != nil {
			t.Error(err)
		}
	}
}

// wipes are what may be gone of a volume; each leaves its start as it is.
var wipes = []struct {
	name string
	wipe func(p []byte, v *volume)
	// exact says that the size is still known to the sector.
	exact bool
	state filesystem.VolumeState
}{
	{"nothing", func([]byte, *volume) {}, true, filesystem.Clean},
	{"boot sector", func(p []byte, v *volume) { clear(p[:512]) }, true, filesystem.Damaged},
	{"first 8 KiB", func(p []byte, v *volume) { clear(p[:8192]) }, true, filesystem.Damaged},
	{"backup of the boot sector", func(p []byte, v *volume) { clear(p[v.b.size()-v.b.sectorSize:]) }, true, filesystem.Clean},
	{"both boot sectors", wipeBoots, false, filesystem.Damaged},
	{"the table's own record", func(p []byte, v *volume) { clear(p[v.b.mft*v.b.clusterSize:][:v.b.recordSize]) }, true, filesystem.Damaged},
	{"that and the boot sectors", func(p []byte, v *volume) {
		wipeBoots(p, v)
		clear(p[v.b.mft*v.b.clusterSize:][:v.b.recordSize])
	}, false, filesystem.Damaged},
	{"both records of the table", func(p []byte, v *volume) {
		clear(p[v.b.mft*v.b.clusterSize:][:v.b.recordSize])
		clear(p[v.b.mirror*v.b.clusterSize:][:v.b.recordSize])
	}, true, filesystem.Damaged},
	{"both records of the table and the boot sectors", func(p []byte, v *volume) {
		wipeBoots(p, v)
		clear(p[v.b.mft*v.b.clusterSize:][:v.b.recordSize])
		clear(p[v.b.mirror*v.b.clusterSize:][:4*v.b.recordSize])
	}, false, filesystem.Damaged},
	{"the mirror", func(p []byte, v *volume) { clear(p[v.b.mirror*v.b.clusterSize:][:4*v.b.recordSize]) }, true, filesystem.Clean},
}

func wipeBoots(p []byte, v *volume) {
	clear(p[:512])
	clear(p[v.b.size()-v.b.sectorSize:])
}

// Whatever is gone, the volume is found at its true start, wherever that is, and its files are read from there.
func TestLocate(t *testing.T) {
	for _, image := range images {
		whole := readImage(t, image.name+".img.gz")
		v := mustOpen(t, whole)
		want, _ := files(t, v)
		for _, w := range wipes {
			for _, shift := range []int64{0, 63 * 512, 1 << 20, 777 * 4096} {
				p := make([]byte, shift, shift+int64(len(whole))+1<<20)
				p = append(p, whole...)
				w.wipe(p[shift:], v)
				p = append(p, make([]byte, 1<<20)...)
				found := located(t, p)
				if len(found) == 0 {
					t.Errorf("%s, %s, at %d: nothing is found", image.name, w.name, shift)
					continue
				}
				for e, c := range found {
					short := v.b.size() - e.Length
					if e.Offset != shift || short < 0 || short > v.b.clusterSize || w.exact && short != 0 || c.Confirmed <= c.Refuted {
						t.Errorf("%s, %s, at %d: found at %v, expected %d bytes (confirmed %d, refuted %d)", image.name, w.name, shift, e, v.b.size(), c.Confirmed, c.Refuted)
						continue
					}
					if c.Label != "Test Volume" {
						t.Errorf("%s, %s: label %q", image.name, w.name, c.Label)
					}
					fsys, err := Open(t.Context(), block.Section(block.Bytes(p), e))
					if err != nil {
						t.Errorf("%s, %s, at %d: %v", image.name, w.name, shift, err)
						continue
					}
					if got := fsys.Info().State; got != w.state {
						t.Errorf("%s, %s: the volume is %v, expected %v: %v", image.name, w.name, got, w.state, fsys.Info().Findings)
					}
					if shift > 63*512 {
						continue // once is enough
					}
					sameFiles(t, image.name+", "+w.name, v, want, fsys)
				}
			}
		}
	}
}

// sameFiles holds the live files of a damaged volume against those of the whole one.
func sameFiles(t *testing.T, name string, v *volume, want map[string]*filesystem.File, fsys filesystem.FileSystem) {
	t.Helper()
	got, _ := files(t, fsys)
	for key, f := range want {
		g := got[key]
		if f.State != filesystem.Live || !f.Mode.IsRegular() {
			continue
		}
		if g == nil {
			t.Errorf("%s: %s is missing", name, key)
			continue
		}
		p, err := readAll(t, v, f)
		q, gotErr := readAll(t, fsys, g)
		if err != nil || gotErr != nil || !bytes.Equal(p, q) {
			t.Errorf("%s: %s: %d bytes, expected %d: %v", name, key, len(q), len(p), gotErr)
		}
	}
}

// A record that stands by itself, a file of records, and a boot sector that leads nowhere are no volume.
func TestNoVolume(t *testing.T) {
	whole := readImage(t, "plain.img.gz")
	v := mustOpen(t, whole)
	table := v.b.mft * v.b.clusterSize
	noise := func(n int) []byte { return bytes.Repeat([]byte{0xA5, 0x5A, 3}, n/3+1)[:n] }
	record := append(noise(1<<20), whole[table:table+1024]...)
	records := append(append(noise(1<<20), whole[table+16*1024:table+80*1024]...), noise(1<<20)...)
	for name, p := range map[string][]byte{"a record": record, "records": records, "nothing": nil, "noise": noise(1 << 20), "zeros": make([]byte, 1<<20)} {
		for e, c := range located(t, p) {
			if c.Confirmed > c.Refuted {
				t.Errorf("%s: a volume at %v", name, e)
			}
		}
		if _, err := Open(t.Context(), block.Bytes(p)); err == nil {
			t.Errorf("%s opens", name)
		}
	}
}

// sparse is a large volume of which only the start stands anywhere.
type sparse struct {
	head []byte
	size int64
}

func (s sparse) Size() int64 { return s.size }

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(s.head)) {
		copy(p, s.head[off:])
	}
	return len(p), nil
}

// Of a volume that is too large to be searched wholly, what stands together with the landmarks is found.
func TestLargeScan(t *testing.T) {
	whole := readImage(t, "plain.img.gz")
	v := mustOpen(t, whole)
	want, _ := files(t, v)
	for _, w := range wipes {
		if w.name != "both records of the table and the boot sectors" && w.name != "both records of the table" {
			continue
		}
		p := bytes.Clone(whole)
		w.wipe(p, v)
		fsys, err := Open(t.Context(), sparse{p, 1 << 40})
		if err != nil {
			t.Fatalf("%s: %v", w.name, err)
		}
		sameFiles(t, w.name+", 1 TB", v, want, fsys)
	}
}

// A landmark near the end of the medium, or before its start, is read without harm.
func TestLocateAtTheEdge(t *testing.T) {
	p := readImage(t, "plain.img.gz")[:20<<10]
	for _, id := range []string{"ntfs.boot", "ntfs.first", "ntfs.record"} {
		for _, off := range []int64{-512, 0, 16 << 10, int64(len(p)) - 512, int64(len(p)), 1 << 40} {
			if _, err := locate(t.Context(), block.Bytes(p), probe.Hit{ID: id, Offset: off}); err != nil {
				t.Errorf("%s at %d: %v", id, off, err)
			}
		}
	}
}

func TestBootSectors(t *testing.T) {
	whole := readImage(t, "plain.img.gz")[:512]
	for _, tt := range []struct {
		name   string
		change func(b []byte)
		ok     bool
		check  func(b *boot) bool
	}{
		{"as it is", func([]byte) {}, true, func(b *boot) bool { return b.clusterSize == 4096 && b.recordSize == 1024 && b.indexSize == 4096 }},
		{"no mark", func(b []byte) { b[510] = 0 }, false, nil},
		{"another name", func(b []byte) { b[3] = 'X' }, false, nil},
		{"sectors of 768", func(b []byte) { le.PutUint16(b[11:], 768) }, false, nil},
		{"no sectors in a cluster", func(b []byte) { b[13] = 0 }, false, nil},
		{"reserved sectors", func(b []byte) { b[14] = 1 }, false, nil},
		{"no sectors", func(b []byte) { le.PutUint64(b[40:], 0) }, false, nil},
		{"all sectors", func(b []byte) { le.PutUint64(b[40:], 1<<63) }, false, nil},
		{"table behind the end", func(b []byte) { le.PutUint64(b[48:], 1<<40) }, false, nil},
		{"no table", func(b []byte) { le.PutUint64(b[48:], 0) }, false, nil},
		{"mirror behind the end", func(b []byte) { le.PutUint64(b[56:], 1<<40) }, true, func(b *boot) bool { return b.mirror == 0 }},
		{"records of 3 clusters", func(b []byte) { b[64] = 3 }, false, nil},
		{"records of 4 KiB", func(b []byte) { b[64] = 0xF4 }, true, func(b *boot) bool { return b.recordSize == 4096 }},
		{"records of 2^100", func(b []byte) { b[64] = 0x9C }, false, nil},
		{"index blocks of nothing", func(b []byte) { b[68] = 0 }, true, func(b *boot) bool { return b.indexSize == usualIndex }},
		{"clusters of 2 MiB", func(b []byte) { b[13] = 0xF4; le.PutUint64(b[40:], 1<<20) }, true, func(b *boot) bool { return b.clusterSize == 2<<20 }},
		{"clusters of 4 MiB", func(b []byte) { b[13] = 0xF4; le.PutUint16(b[11:], 1024) }, false, nil},
		{"16 TB", func(b []byte) { le.PutUint64(b[40:], 1<<35) }, true, func(b *boot) bool { return b.size() == 1<<44+512 && b.clusters() == 1<<32 }},
	} {
		b := bytes.Clone(whole)
		tt.change(b)
		got, err := parseBoot(b, 0)
		if (err == nil) != tt.ok || tt.ok && !tt.check(got) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
}
