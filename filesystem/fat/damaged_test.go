package fat

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/filesystem"
)

// widths are volumes of each kind with few clusters of content.
var widths = []struct{ width, clusters int }{{12, 500}, {16, 5000}, {32, 66000}}

// kinds writes the kinds of runs with their clusters: "data 5+2 lost".
func places(v *volume, f *filesystem.File) string {
	var out bytes.Buffer
	for _, r := range f.Streams[0].Runs {
		if out.Len() > 0 {
			out.WriteString(", ")
		}
		out.WriteString(r.Kind.String())
		if r.Kind.Stands() {
			fmt.Fprintf(&out, " %d", (r.Physical-v.b.dataAt())/v.b.clusterSize()+2)
		}
		fmt.Fprintf(&out, "+%d", r.Length)
	}
	return out.String()
}

func TestLiveChains(t *testing.T) {
	for _, w := range widths {
		for _, tt := range []struct {
			name   string
			size   uint32
			make   func(*maker)
			start  uint32
			places string
			codes  string
		}{
			{"whole", 1500, func(m *maker) { m.chain(10, 11, 12) }, 10, "data 10+1500", ""},
			{"in pieces", 1500, func(m *maker) { m.chain(10, 20, 12) }, 10, "data 10+512, data 20+512, data 12+476", ""},
			{"backwards", 1024, func(m *maker) { m.chain(11, 10) }, 11, "data 11+512, data 10+512", ""},
			{"empty", 0, func(*maker) {}, 0, "", ""},
			{"unsized", 0, func(m *maker) { m.chain(10, 11) }, 10, "", "chain.unsized"},
			{"too short", 1500, func(m *maker) { m.chain(10, 11) }, 10, "data 10+1024, lost+476", "chain.short"},
			{"too long", 1000, func(m *maker) { m.chain(10, 11, 12) }, 10, "data 10+1000", "chain.long"},
			{"no start", 1000, func(*maker) {}, 0, "lost+1000", "entry.cluster"},
			{"start 1", 1000, func(*maker) {}, 1, "lost+1000", "entry.cluster"},
			{"loop", 2500, func(m *maker) { m.chain(10, 11, 12); m.set(12, 11) }, 10, "data 10+1536, lost+964", "chain.loop"},
			{"loop onto itself", 2500, func(m *maker) { m.set(10, 10) }, 10, "data 10+512, lost+1988", "chain.loop"},
			{"free start", 512, func(*maker) {}, 10, "data 10+512", "chain.broken"},
			{"breaks, free behind", 2000, func(m *maker) { m.chain(10, 11, 12, 13); m.free(11, 12, 13) }, 10,
				"data 10+1024, guessed 12+976", "chain.broken chain.guessed"},
			{"breaks, the rest stands", 2000, func(m *maker) { m.chain(10, 11, 12, 13); m.set(10, 0x0FFFFFF0) }, 10,
				"data 10+512, guessed 11+1488", "chain.broken chain.guessed"},
			{"breaks before another's", 2000, func(m *maker) { m.chain(10, 11); m.free(11); m.chain(12, 13, 14, 15) }, 10,
				"data 10+1024, lost+976", "chain.broken"},
			{"bad cluster", 2000, func(m *maker) { m.chain(10, 11, 12, 13); m.set(11, 0x0FFFFFF7); m.chain(12) }, 10,
				"data 10+1024, lost+976", "chain.broken"},
		} {
			m := format(t, w.width, w.clusters, 1)
			tt.make(m)
			m.slot(0, 0, "A       TXT", 0x20, tt.start, tt.size)
			m.slot(0, 1, "SIBLING TXT", 0x20, 0, 0)
			v := mustOpen(t, m.p)
			got, errs := files(t, v)
			f := got["live A.TXT"]
			if f == nil || len(errs) > 0 || got["live SIBLING.TXT"] == nil {
				t.Errorf("FAT%d, %s: %v, %v", w.width, tt.name, got, errs)
				continue
			}
			if places(v, f) != tt.places || codes(f) != tt.codes || f.Sound != (tt.codes == "") {
				t.Errorf("FAT%d, %s: %s (%s), expected %s (%s); sound: %v", w.width, tt.name, places(v, f), codes(f), tt.places, tt.codes, f.Sound)
			}
			used, err := v.Used(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range f.Streams[0].Runs {
				if !used.Contains(r.PhysicalExtent()) {
					t.Errorf("FAT%d, %s: %v is not used", w.width, tt.name, r)
				}
			}
		}
	}
}

func TestFATsThatDiffer(t *testing.T) {
	for _, w := range widths {
		for _, tt := range []struct {
			name   string
			change func(*maker)
			places string
			codes  string
		}{
			{"first wiped", func(m *maker) {
				for c := range uint32(20) {
					m.setIn(0, c+2, 0)
				}
				if w.width == 32 {
					m.setIn(0, 2, entryLast)
				}
			}, "data 10+512, data 15+1024, data 12+452", "chain.copies-differ"},
			{"second wiped", func(m *maker) {
				for c := range uint32(20) {
					m.setIn(1, c+2, 0)
				}
			}, "data 10+512, data 15+1024, data 12+452", "chain.copies-differ"},
			{"each half wiped", func(m *maker) { m.setIn(0, 10, 0); m.setIn(1, 15, 0); m.setIn(0, 16, 1) },
				"data 10+512, data 15+1024, data 12+452", "chain.copies-differ"},
			{"first astray", func(m *maker) { m.setIn(0, 15, 0x0FFFFFFF) },
				"data 10+512, data 15+1024, data 12+452", "chain.copies-differ"},
			{"elsewhere", func(m *maker) { m.setIn(1, 30, 31) }, "data 10+512, data 15+1024, data 12+452", ""},
		} {
			m := format(t, w.width, w.clusters, 1)
			m.chain(10, 15, 16, 12)
			m.slot(0, 0, "A       TXT", 0x20, 10, 1988)
			tt.change(m)
			v := mustOpen(t, m.p)
			got, _ := files(t, v)
			f := got["live A.TXT"]
			if f == nil || places(v, f) != tt.places || codes(f) != tt.codes || f.Sound != (tt.codes == "") {
				t.Errorf("FAT%d, %s: %s (%s), expected %s (%s)", w.width, tt.name, places(v, f), codes(f), tt.places, tt.codes)
			}
			if volumeCodes(v) != "table.differs" || v.Info().State != filesystem.Damaged {
				t.Errorf("FAT%d, %s: volume %s, %v", w.width, tt.name, volumeCodes(v), v.Info().State)
			}
		}
		m := format(t, w.width, w.clusters, 1)
		m.setIn(1, 7, 9)
		m.setIn(0, 40, 41)
		info := mustOpen(t, m.p).Info()
		if len(info.Findings) != 1 || info.Findings[0].Found != "2" || info.Findings[0].Args["first"] != "7" || info.Findings[0].Args["last"] != "40" {
			t.Errorf("FAT%d: %+v", w.width, info.Findings)
		}
	}
}

func TestUnreadableFATs(t *testing.T) {
	for _, w := range widths {
		m := format(t, w.width, w.clusters, 1)
		m.chain(10, 11, 12, 15)
		m.slot(0, 0, "A       TXT", 0x20, 10, 2000)
		at := func(copy int) block.Extent { return block.Extent{Offset: m.b.fatAt(copy), Length: 512} }
		for _, tt := range []struct {
			bad    []block.Extent
			places string
			codes  string
		}{
			{[]block.Extent{at(0)}, "data 10+1536, data 15+464", ""},
			{[]block.Extent{at(1)}, "data 10+1536, data 15+464", ""},
			{[]block.Extent{at(0), at(1)}, "data 10+512, lost+1488", "chain.unreadable"},
		} {
			src := blocktest.Faulty(block.Bytes(m.p), blocktest.Bad(tt.bad...))
			fsys, err := Open(context.Background(), src)
			if err != nil {
				t.Fatalf("FAT%d: %v", w.width, err)
			}
			v := fsys.(*volume)
			got, _ := files(t, v)
			f := got["live A.TXT"]
			if f == nil || places(v, f) != tt.places || codes(f) != tt.codes {
				t.Errorf("FAT%d, %v: %+v, expected %s (%s)", w.width, tt.bad, f, tt.places, tt.codes)
			}
			if v.Info().State != filesystem.Damaged {
				t.Errorf("FAT%d, %v: %v", w.width, tt.bad, v.Info())
			}
		}
	}
}

func TestCrossLinked(t *testing.T) {
	m := format(t, 16, 5000, 1)
	m.chain(10, 11, 12)
	m.chain(20, 11)
	m.chain(11, 12)
	m.slot(0, 0, "A       TXT", 0x20, 10, 1500)
	m.slot(0, 1, "B       TXT", 0x20, 20, 1500)
	m.slot(0, 2, "C       TXT", 0x20, 30, 100)
	m.chain(30)
	got := list(t, m)
	for _, name := range []string{"A.TXT", "B.TXT"} {
		f := got["live "+name]
		if codes(f) != "chain.cross-linked" || f.Sound || f.Findings[0].Found != "2" || f.Findings[0].Offset != m.b.at(11) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if f := got["live C.TXT"]; !f.Sound || len(f.Findings) > 0 {
		t.Errorf("%+v", f)
	}
}

func TestDirectories(t *testing.T) {
	m := format(t, 32, 66000, 1)
	m.directory(0, 10)
	m.slot(0, 0, "SUB        ", attrDirectory, 10, 0)
	m.slot(10, 2, "FILE    TXT", 0x20, 0, 0)
	m.slot(10, 3, "LOOP       ", attrDirectory, 10, 0)    // names its own parent's cluster
	m.slot(10, 4, "ROOT       ", attrDirectory, 2, 0)     // and the root
	m.slot(10, 5, "NOWHERE    ", attrDirectory, 0, 0)     // no cluster
	m.slot(10, 6, "NODOT      ", attrDirectory, 11, 0)    // a directory without "."
	m.slot(10, 7, "NODIR      ", attrDirectory, 12, 0)    // file content
	m.slot(10, 8, "SIZED      ", attrDirectory, 13, 4096) // a size
	m.slot(10, 9, "LAST    TXT", 0x20, 0, 0)
	m.chain(11)
	m.slot(11, 0, "INNER   TXT", 0x20, 0, 0)
	m.chain(12)
	m.fill(12, 0x77)
	m.directory(10, 13)
	got, errs := files(t, mustOpen(t, m.p))
	for path, want := range map[string]string{
		"SUB":                 "",
		"SUB/FILE.TXT":        "",
		"SUB/LOOP":            "chain.cross-linked directory.loop",
		"SUB/ROOT":            "chain.cross-linked directory.dot directory.loop",
		"SUB/NOWHERE":         "entry.cluster",
		"SUB/NODOT":           "directory.dot",
		"SUB/NODIR":           "directory.dot",
		"SUB/SIZED":           "entry.directory-size",
		"SUB/LAST.TXT":        "",
		"SUB/NODOT/INNER.TXT": "",
	} {
		f := got["live "+path]
		if f == nil {
			t.Errorf("%s is missing", path)
			continue
		}
		if path == "SUB" {
			want = "chain.cross-linked"
		}
		if codes(f) != want {
			t.Errorf("%s: %s, expected %s", path, codes(f), want)
		}
	}
	if len(errs) > 0 || len(got) != 11 {
		t.Errorf("%d files, errors %v", len(got), errs)
	}
}

func TestBrokenEntries(t *testing.T) {
	m := format(t, 16, 5000, 1)
	m.slot(0, 0, "FIRST   TXT", 0x20, 0, 0)
	copy(m.slot(0, 1, "X", 0, 0, 0), bytes.Repeat([]byte{0x13}, 32)) // garbage
	m.slot(0, 2, "BAD\x01    TXT", 0x20, 0, 0)                       // one doubt
	m.slot(0, 3, "SLASH/  TXT", 0x20, 0, 0)
	m.slot(0, 4, "HIGH    TXT", 0x20, 0xFFF0, 10)
	m.slot(0, 5, "LABEL      ", attrVolume, 0, 0)
	m.slot(0, 6, "NUL\x00    TXT", 0x20, 0, 0)
	m.slot(0, 7, "SECOND  TXT", 0x20, 0, 0)
	// 8 is an end mark, yet more follows.
	m.chain(100)
	m.slot(0, 9, "BEHIND  TXT", 0x20, 100, 5)
	m.slot(0, 10, "STALE   TXT", 0x20, 200, 5)
	v := mustOpen(t, m.p)
	got, errs := files(t, v)
	for name, want := range map[string]string{
		"live FIRST.TXT":             "",
		`live BAD` + "\x01" + `.TXT`: "entry.name",
		`live SLASH\x2f.TXT`:         "entry.name",
		"live HIGH.TXT":              "entry.cluster",
		`live NUL\x00.TXT`:           "entry.name",
		"live SECOND.TXT":            "",
		"live BEHIND.TXT":            "entry.behind-end",
		"deleted STALE.TXT":          "",
	} {
		f := got[name]
		if f == nil {
			t.Errorf("%s is missing", name)
		} else if codes(f) != want || f.Sound && want != "" {
			t.Errorf("%s: %s, expected %s; sound %v", name, codes(f), want, f.Sound)
		}
	}
	if len(errs) != 1 || v.Info().Label != "LABEL" {
		t.Errorf("errors %v, label %q", errs, v.Info().Label)
	}
}

func TestBrokenLongNames(t *testing.T) {
	m := format(t, 16, 5000, 1)
	short := raw("LONGNA~1TXT")
	at := 0
	put := func(parts [][]byte, name [11]byte) {
		for _, p := range parts {
			copy(m.slot(0, at, "", 0, 0, 0), p)
			at++
		}
		copy(m.slot(0, at, "", 0x20, 0, 0), name[:])
		at++
	}
	name := func(n int) [][]byte { return long(units(n), short) }
	put(name(30), short)
	put(name(30)[1:], raw("LONGNA~2TXT"))
	broken := name(30)
	broken[1][13] ^= 0xFF
	put(broken, raw("LONGNA~3TXT"))
	put(nil, raw("PLAIN   TXT"))
	put([][]byte{name(30)[0]}, raw("LONGNA~4TXT")) // the rest of it was lost
	put(name(26), short)
	got, errs := files(t, mustOpen(t, m.p))
	for path, want := range map[string]string{
		"live abcdefghijklmnopqrstuvwxyzabcd": "",
		"live LONGNA~2.TXT":                   "entry.long-name",
		"live LONGNA~3.TXT":                   "entry.long-name",
		"live PLAIN.TXT":                      "",
		"live LONGNA~4.TXT":                   "entry.long-name",
		"live abcdefghijklmnopqrstuvwxyz":     "",
	} {
		if f := got[path]; f == nil || codes(f) != want {
			t.Errorf("%s: %v", path, f)
		}
	}
	if len(errs) > 0 || len(got) != 7 {
		t.Errorf("%d files, errors %v", len(got), errs)
	}
}

func TestLostChains(t *testing.T) {
	for _, w := range widths {
		m := format(t, w.width, w.clusters, 1)
		// A directory whose entry is gone, with a file and a directory in it, and a chain of its own.
		m.directory(0, 10)
		m.slot(10, 2, "FILE    TXT", 0x20, 11, 600)
		m.chain(11, 12)
		m.slot(10, 3, "DEEPER     ", attrDirectory, 13, 0)
		m.directory(10, 13)
		m.slot(13, 2, "DEEP    TXT", 0x20, 14, 512)
		m.chain(14)
		m.chain(20, 22, 21)
		m.slot(0, 0, "LIVE    TXT", 0x20, 30, 512)
		m.chain(30)
		m.set(40, 0x0FFFFFF7) // a bad cluster is no chain
		got, errs := files(t, mustOpen(t, m.p))
		for path, size := range map[string]int64{
			"live LIVE.TXT":                                       512,
			"orphan lost+found-chains/cluster-10":                 0,
			"orphan lost+found-chains/cluster-10/FILE.TXT":        600,
			"orphan lost+found-chains/cluster-10/DEEPER":          0,
			"orphan lost+found-chains/cluster-10/DEEPER/DEEP.TXT": 512,
			"orphan lost+found-chains/cluster-20":                 1536,
		} {
			if f := got[path]; f == nil || f.Size() != size {
				t.Errorf("FAT%d: %s: %+v", w.width, path, f)
			}
		}
		if len(got) != 7 || len(errs) > 0 {
			t.Errorf("FAT%d: %d files, errors %v", w.width, len(got), errs)
		}
	}
}

func TestTruncatedImage(t *testing.T) {
	whole := readImage(t, "fat16.img.gz")
	v := mustOpen(t, whole[:100<<10])
	got, errs := files(t, v)
	if volumeCodes(v) != "boot.truncated names.code-page" || len(errs) == 0 {
		t.Errorf("volume %s, errors %v", volumeCodes(v), errs)
	}
	for _, err := range errs { // of directories behind the cut
		if u, ok := block.IsUnreadable(err); !ok || u.Ranges[0].Why != block.Absent {
			t.Error(err)
		}
	}
	cut := got["live DCIM/100CANON/IMG_0002.JPG"]
	if cut == nil || cut.Sound || codes(cut) != "chain.behind-end" {
		t.Fatalf("%+v", cut)
	}
	p, err := readAll(t, v, cut)
	if _, unreadable := block.IsUnreadable(err); !unreadable || len(p) != 100<<10-84992 {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	if f := got["live DCIM/100CANON/IMG_0001.JPG"]; f == nil || !f.Sound {
		t.Errorf("%+v", f)
	}
	// Cut inside of the FATs and the root directory.
	for n := 512; n < 40<<10; n += 512 * 3 {
		fsys, err := Open(context.Background(), block.Bytes(whole[:n]))
		if err != nil {
			continue
		}
		files(t, fsys)
	}
}

// TestStructuresOverwritten damages every structure of each image in turn, at random, as the conformance
// suite does anywhere.
func TestStructuresOverwritten(t *testing.T) {
	rounds := 60
	if testing.Short() {
		rounds = 10
	}
	for _, image := range images {
		whole := readImage(t, image.name+".img.gz")
		b := mustOpen(t, whole).b
		want, _ := files(t, mustOpen(t, whole))
		rnd := rand.New(rand.NewPCG(3, 4))
		areas := map[string]block.Extent{
			"boot": {Length: b.reserved * b.sectorSize},
			"FATs": {Offset: b.fatAt(0), Length: min(2*b.fatBytes(), 4096)},
			"root": {Offset: b.rootAt(), Length: 4096},
			"data": {Offset: b.dataAt(), Length: 200 << 10},
		}
		for name, area := range areas {
			p := append([]byte(nil), whole...)
			least := len(want)
			for range rounds {
				at := area.Offset + rnd.Int64N(area.Length)
				hit := p[at:min(at+1+rnd.Int64N(64), area.End())]
				old := append([]byte(nil), hit...)
				for i := range hit {
					hit[i] = byte(rnd.Uint32())
				}
				fsys, err := Open(context.Background(), block.Bytes(p))
				if err == nil {
					got, _ := files(t, fsys)
					least = min(least, len(got))
				}
				copy(hit, old)
			}
			if name == "FATs" && least < len(want) {
				t.Errorf("%s: damage to the FATs left %d of %d names", image.name, least, len(want))
			}
		}
	}
}

// TestHostileDirectory names one long chain very often, and nests without end.
func TestHostileDirectory(t *testing.T) {
	m := format(t, 32, 200000, 1)
	for c := uint32(100); c < 190000; c++ {
		m.set(c, c+1)
	}
	m.set(190000, 100)
	var dir []uint32
	for c := uint32(3); c < 99; c++ {
		dir = append(dir, c)
	}
	m.chain(append([]uint32{2}, dir...)...)
	n := 0
	for _, c := range dir {
		for i := range 16 {
			m.slot(c, i, fmt.Sprintf("F%-7dTXT", n), 0x20, 100+uint32(n), 0xF0000000>>6)
			n++
		}
	}
	got, _ := files(t, mustOpen(t, m.p))
	if len(got) < n {
		t.Errorf("%d files, expected %d", len(got), n)
	}
}

func TestDeepDirectories(t *testing.T) {
	m := format(t, 16, 5000, 1)
	parent := uint32(0)
	for i := range uint32(400) {
		c := 10 + i
		index := 2
		if parent == 0 {
			index = 0
		}
		m.slot(parent, index, "D          ", attrDirectory, c, 0)
		m.directory(parent, c)
		parent = c
	}
	got, _ := files(t, mustOpen(t, m.p))
	deep := 0
	for _, f := range got {
		if codes(f) == "directory.depth" {
			deep++
		}
	}
	if deep != 1 || len(got) < maxDepth {
		t.Errorf("%d files, %d too deep", len(got), deep)
	}
	// The same, around in a circle.
	m.slot(parent, 2, "D          ", attrDirectory, 10, 0)
	files(t, mustOpen(t, m.p))
}

func TestReservedBitsOfFAT32(t *testing.T) {
	m := format(t, 32, 66000, 1)
	m.chain(10, 11)
	for c := range 2 {
		p := m.p[m.b.fatAt(c):]
		binary.LittleEndian.PutUint32(p[40:], binary.LittleEndian.Uint32(p[40:])|0xA0000000)
	}
	m.slot(0, 0, "A       TXT", 0x20, 10|0x70000000, 1024)
	if f := list(t, m)["live A.TXT"]; f == nil || !f.Sound {
		t.Errorf("%+v", f)
	}
}
