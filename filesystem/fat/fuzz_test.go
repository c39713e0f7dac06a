package fat

import (
	"bytes"
	"context"
	"testing"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
)

func FuzzBoot(f *testing.F) {
	for _, name := range []string{"floppy12.img.gz", "fat16.img.gz", "fat32.img.gz", "sector4096.img.gz", "dfir_ntfs/fat_unusual_cluster.raw.gz"} {
		f.Add(readImage(f, name)[:bootSize])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := parseBoot(p, 0)
		if err != nil {
			return
		}
		last := b.clusters + 1
		if !b.valid(last) || b.valid(last+1) || b.at(last)+b.clusterSize() > b.size() {
			t.Errorf("%+v: cluster %d ends behind the volume", b, last)
		}
		if b.fatAt(b.copies) > b.dataAt() || b.dataAt() >= b.size() {
			t.Errorf("%+v: areas overlap", b)
		}
	})
}

func FuzzEntry(f *testing.F) {
	p := readImage(f, "fat16.img.gz")
	b, err := parseBoot(p, 0)
	if err != nil {
		f.Fatal(err)
	}
	for i := range int64(40) {
		f.Add(p[b.rootAt()+i*entrySize:][:entrySize], 16)
	}
	f.Fuzz(func(t *testing.T, p []byte, width int) {
		e, err := parseShort(p, 0, width)
		if err != nil {
			if len(p) >= entrySize {
				t.Error(err)
			}
			return
		}
		e.doubts(b)
		if name := filesystem.EscapeName(e.shortName(0, usualPage())); !utf8.ValidString(name) || name == "" {
			t.Errorf("name %q", name)
		}
	})
}

func FuzzLongName(f *testing.F) {
	f.Add(bytes.Join(long(units(40), raw("LONGNA~1TXT")), nil), []byte("LONGNA~1TXT"), false)
	f.Add(bytes.Join(long(units(13), raw("LONGNA~1TXT")), nil), []byte("\xe5ONGNA~1TXT"), true)
	f.Fuzz(func(t *testing.T, p, name []byte, deleted bool) {
		var short [11]byte
		copy(short[:], name)
		var n longName
		for ; len(p) >= entrySize; p = p[entrySize:] {
			if deleted {
				n.addDeleted(parsePart(p))
			} else {
				n.add(parsePart(p))
			}
			if len(n.parts) > maxParts {
				t.Fatalf("%d parts", len(n.parts))
			}
		}
		got, _ := n.of(short)
		if deleted {
			got, _ = n.ofDeleted(short)
		}
		if e := filesystem.EscapeName(got); !utf8.ValidString(e) || filesystem.UnescapeName(e) != got {
			t.Errorf("%q becomes %q", got, e)
		}
	})
}

// small is a volume of a few KiB with one of everything, which a fuzzer can change wholly.
func small(t testing.TB, width int) []byte {
	m := format(t, width, 60, 1)
	m.directory(0, 10)
	m.slot(0, 0, "SUB        ", attrDirectory, 10, 0)
	m.slot(10, 2, "FILE    TXT", 0x20, 11, 1000)
	m.chain(11, 13)
	m.deletedEntry(10, 3, "XONE    TXT", 0x20, 20, 2000)
	m.deletedEntry(0, 1, "XIR        ", attrDirectory, 30, 0)
	m.directory(0, 30)
	m.free(30)
	m.deletedEntry(30, 2, "XNNER   TXT", 0x20, 31, 100)
	m.chain(40, 41)
	for i, p := range long(units(20), raw("LONGNA~1TXT")) {
		copy(m.slot(0, 2+i, "", 0, 0, 0), p)
	}
	m.slot(0, 4, "LONGNA~1TXT", 0x20, 12, 10)
	m.chain(12)
	return m.p
}

func FuzzVolume(f *testing.F) {
	for _, width := range []int{12, 32} {
		p := small(f, width)
		f.Add(p)
		f.Add(p[:len(p)/2])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) > 1<<20 {
			return
		}
		src := block.Bytes(p)
		ctx := context.Background()
		if _, err := Kind().Locate(ctx, src, probe.Hit{}); err != nil {
			t.Error(err)
		}
		fsys, err := Open(ctx, src)
		if err != nil {
			return
		}
		filesystemtest.Laws(t, fsys)
	})
}
