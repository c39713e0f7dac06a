package ntfs

import (
	"bytes"
	"context"
	"testing"
	"unicode/utf8"

	"salvor/block"
	"salvor/filesystem"
)

func FuzzBoot(f *testing.F) {
	for _, image := range images {
		f.Add(readImage(f, image.name+".img.gz")[:512])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := parseBoot(p, 0)
		if err != nil {
			return
		}
		if b.size() <= 0 || b.clusters() < 0 || b.mft <= 0 || b.mft >= max(b.clusters(), 1) || b.clusterSize < b.sectorSize || b.recordSize <= 0 || b.indexSize <= 0 {
			t.Errorf("%+v", b)
		}
	})
}

func FuzzRecord(f *testing.F) {
	p := readImage(f, "plain.img.gz")
	v := mustOpen(f, p)
	for _, n := range []int64{0, 3, 5, 9, 64, 66, 70} {
		at := recordAt(f, p, n)
		f.Add(p[at:at+1024], int64(n))
	}
	f.Fuzz(func(t *testing.T, p []byte, number int64) {
		number &= 0xFFFF
		b := bytes.Clone(p)
		if len(b) > maxRecordSize {
			return
		}
		r, err := parseRecord(b, number, 0)
		if err != nil {
			return
		}
		r.number = number
		r.runs = []block.Run{{Length: int64(len(b))}}
		o := v.gather(&r)
		file := v.file(o)
		for _, s := range file.Streams {
			if s.Size < 0 || s.Encoding == "" && !equalRuns(block.Normalize(s.Runs, s.Size), s.Runs) {
				t.Errorf("%q: %d bytes, %v", s.Name, s.Size, s.Runs)
			}
			if src, err := v.Open(file, s.Name); err == nil {
				_, _ = src.ReadAt(make([]byte, 100), max(s.Size/2, 0))
			}
		}
		for _, n := range o.names {
			if e := filesystem.EscapeName(n.name); !utf8.ValidString(e) || filesystem.UnescapeName(e) != n.name {
				t.Errorf("%q becomes %q", n.name, e)
			}
		}
	})
}

func equalRuns(a, b []block.Run) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func FuzzPairs(f *testing.F) {
	f.Add(pairsOf([2]int64{5, 100}, [2]int64{3, -1}, [2]int64{7, 50}), int64(0))
	f.Add([]byte{0x88, 1, 0, 0, 0, 0, 0, 0, 0x40, 1, 1, 1, 1, 1, 1, 1, 1, 0}, int64(1)<<50)
	f.Fuzz(func(t *testing.T, p []byte, first int64) {
		const limit = 1 << 32
		if first < 0 || first > maxVolume {
			return
		}
		spans, _ := appendPairs(nil, p, first, limit)
		at := first
		for _, s := range spans {
			if s.first != at || s.count <= 0 || s.at < -1 || s.at >= 0 && s.at+s.count > limit {
				t.Fatalf("%+v at %d", s, at)
			}
			at += s.count
		}
	})
}

func FuzzIndexBlock(f *testing.F) {
	p := readImage(f, "plain.img.gz")
	n := 0
	for at := 0; at+4096 <= len(p) && n < 4; at += 512 {
		if string(p[at:at+4]) == "INDX" {
			f.Add(p[at:at+4096], int64(5))
			n++
		}
	}
	f.Fuzz(func(t *testing.T, p []byte, folder int64) {
		if len(p) < 512 || len(p) > 4096 || len(p)%512 != 0 {
			return
		}
		b := bytes.Clone(p)
		count := 0
		see := func(e indexEntry) {
			if count++; e.at < 0 || e.at >= len(b) || e.name == "" {
				t.Errorf("%+v", e)
			}
		}
		_ = indexBlock(b, 0, int64(le.Uint64(p[16:])&0xFFFF)*4096, int64(len(b)), 4096, folder, false, see, see)
		slackEntries(p, 0, -1, see)
		if count > len(p) {
			t.Errorf("%d entries in %d bytes", count, len(p))
		}
	})
}

func FuzzLog(f *testing.F) {
	m := newLog()
	m.add(logAddBlock, logDeleteBlock, entryOf(refer(200, 3), directoryNameOf(refer(5, 5), "folder")), nil)
	m.add(logUpdateValue, 0, changeOf(refer(202, 4), refer(5, 5), "a.txt", changeDeleted, 0, 2), nil)
	f.Add(m.bytes()[2*logPage:])
	v := mustOpen(f, readImage(f, "plain.img.gz"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 64<<10 {
			return
		}
		for at := 0; at+logPage <= len(p); at += logPage {
			if string(p[at:at+4]) == "RSTR" {
				_, _ = parseRestart(bytes.Clone(p[at:at+logPage]), 0)
			}
		}
		s := &survey{pages: map[int64]*[pageLength]known{}, leads: map[reference]lead{}, removed: map[reference]uint64{}}
		l := &logReader{v: v, s: s, restart: restart{pageSize: logPage, dataAt: logData, sequenceBits: testSequenceBits}}
		l.read(context.Background(), block.Bytes(p), func(off int64) int64 { return off })
	})
}

func FuzzChange(f *testing.F) {
	f.Add(changeOf(refer(202, 4), refer(5, 5), "a.txt", changeDeleted, 0, 2))
	f.Add(changeOf(refer(202, 4), refer(5, 5), "a.txt", 0x100, changeDirectory, 3))
	f.Fuzz(func(t *testing.T, p []byte) {
		carveChanges(p, func(c change) {
			if c.name == "" || c.at < 0 || c.at >= len(p) || c.file.number() == 0 {
				t.Errorf("%+v", c)
			}
		})
	})
}

func FuzzReparse(f *testing.F) {
	f.Add([]byte("\x0c\x00\x00\xa0\x10\x00\x00\x00\x00\x00\x02\x00\x02\x00\x02\x00\x00\x00\x00\x00a\x00b\x00"))
	f.Add([]byte("\x17\x00\x00\x80\x10\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, err := parseReparse(p); err == nil && r.packing != "" && r.unit == 0 {
			t.Errorf("%+v", r)
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add("ntfs.lznt1:65536", []byte("\x03\xb0\x02a\xfc\x0f"), int64(5000))
	f.Add("ntfs.xpress:4096", []byte("abc"), int64(3))
	f.Add("ntfs.lzx:32768", make([]byte, 100), int64(70000))
	f.Fuzz(func(t *testing.T, encoding string, p []byte, size int64) {
		if size > 1<<40 {
			return
		}
		d, err := Decode(encoding, block.Bytes(p), size)
		if err != nil {
			return
		}
		for _, off := range []int64{0, size / 2, max(size-1, 0)} {
			_, _ = d.ReadAt(make([]byte, 64), off)
		}
		block.UnreadableIn(d, block.Extent{Length: min(size, 1<<20)})
	})
}

// FuzzVolume changes bytes of a small volume anywhere.
func FuzzVolume(f *testing.F) {
	whole := readImage(f, "plain.img.gz")
	v := mustOpen(f, whole)
	table := v.b.mft * v.b.clusterSize
	f.Add(int64(0), []byte{1, 2, 3})
	f.Add(table+5*1024+60, []byte{0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, at int64, change []byte) {
		if at < 0 || at >= int64(len(whole)) || len(change) > 4096 {
			return
		}
		p := bytes.Clone(whole)
		copy(p[at:], change)
		fsys, err := Open(t.Context(), block.Bytes(p))
		if err != nil {
			return
		}
		n := 0
		for f := range fsys.Files(t.Context()) {
			if n++; n > 10_000 {
				t.Fatal("the walk does not end")
			}
			if f != nil && f.ID == "" {
				t.Errorf("%q has no ID", f.Path)
			}
		}
		if _, err := fsys.Used(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
