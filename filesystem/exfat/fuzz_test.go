package exfat

import (
	"context"
	"testing"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/filesystem/internal/cluster"
)

func FuzzBoot(f *testing.F) {
	for _, name := range []string{"small.img.gz", "usual.img.gz", "large.img.gz", "dfir_ntfs/exfat_win.raw.gz"} {
		f.Add(readImage(f, name)[:bootSize])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		b, err := parseBoot(p, 0)
		if err != nil {
			return
		}
		last := b.clusters + 1
		if !b.valid(last) || b.valid(last+1) || b.at(last)+b.clusterSize > b.size() || b.at(2) < b.fatAt(b.fats) {
			t.Errorf("%+v: areas overlap or end behind the volume", b)
		}
	})
}

func FuzzSet(f *testing.F) {
	m := format(f, 100, 1)
	var joined []byte
	for _, e := range m.put(makerRoot, spec{name: "a name of more than fifteen units.txt", first: 9, size: 100}) {
		joined = append(joined, e...)
	}
	f.Add(joined)
	up := usual()
	f.Fuzz(func(t *testing.T, p []byte) {
		var entries [][]byte
		for ; len(p) >= entrySize; p = p[entrySize:] {
			entries = append(entries, p[:entrySize])
		}
		if len(entries) == 0 {
			return
		}
		s, err := parseSet(entries, 0, up)
		if err != nil {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Error(err)
			}
			return
		}
		s.doubts(m.b)
		s.times()
		s.attributes()
		if name := filesystem.EscapeName(cluster.Name(s.units)); !utf8.ValidString(name) || name == "" {
			t.Errorf("name %q", name)
		}
	})
}

func FuzzUpcase(f *testing.F) {
	f.Add([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	f.Add([]byte{0, 0, 1, 0, 0xFF, 0xFF, 9, 0, 'A', 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		if u, err := parseUpcase(p); err == nil && len(u.units) != 1<<16 {
			t.Errorf("%d units", len(u.units))
		}
	})
}

// small is a volume of a few KiB with one of everything, which a fuzzer can change wholly.
func small(t testing.TB, fats int) []byte {
	m := format(t, 60, fats)
	m.allocate(10, 11, 12, 13, 14, 40, 41)
	m.put(makerRoot, spec{name: "sub", attr: attrDirectory, first: 10, size: 512, noChain: true})
	m.put(10, spec{name: "file", first: 11, size: 900, noChain: true})
	m.chain(13, 14)
	m.put(10, spec{name: "pieces", first: 13, size: 900, valid: 500})
	m.put(makerRoot, spec{name: "gone", first: 20, size: 2000, noChain: true, gone: true})
	m.put(makerRoot, spec{name: "open", first: 40, noChain: true})
	m.put(30, spec{name: "before", first: 31, size: 100, noChain: true})
	return m.p
}

func FuzzVolume(f *testing.F) {
	for _, fats := range []int{1, 2} {
		p := small(f, fats)
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
