package exfat

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
)

// places writes the kinds of runs with their clusters: "data 5+2 lost+7".
func places(m *maker, f *filesystem.File) string {
	var out bytes.Buffer
	for _, r := range f.Streams[0].Runs {
		if out.Len() > 0 {
			out.WriteString(", ")
		}
		out.WriteString(r.Kind.String())
		if r.Kind.Stands() {
			fmt.Fprintf(&out, " %d", (r.Physical-m.b.heapAt())/m.b.clusterSize+2)
		}
		fmt.Fprintf(&out, "+%d", r.Length)
	}
	return out.String()
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   spec
		make   func(*maker)
		places string
		codes  string
	}{
		{"one piece", spec{first: 10, size: 1500, noChain: true}, func(m *maker) { m.allocate(10, 11, 12) }, "data 10+1500", ""},
		{"in pieces", spec{first: 10, size: 1500}, func(m *maker) { m.chain(10, 20, 12); m.allocate(10, 20, 12) },
			"data 10+512, data 20+512, data 12+476", ""},
		{"empty", spec{}, func(*maker) {}, "", ""},
		{"not all valid", spec{first: 10, size: 1500, valid: 700, noChain: true}, func(m *maker) { m.allocate(10, 11, 12) },
			"data 10+700, zero+800", "entry.valid-length"},
		{"nothing valid", spec{first: 10, size: 1500, valid: -1, noChain: true}, func(m *maker) { m.allocate(10, 11, 12) },
			"zero+1500", "entry.valid-length"},
		{"free in the bitmap", spec{first: 10, size: 1500, noChain: true}, func(m *maker) { m.allocate(10, 12) }, "data 10+1500", "bitmap.free"},
		{"too short", spec{first: 10, size: 1500}, func(m *maker) { m.chain(10, 11); m.allocate(10, 11) }, "data 10+1024, lost+476", "chain.short"},
		{"too long", spec{first: 10, size: 500}, func(m *maker) { m.chain(10, 11); m.allocate(10, 11) }, "data 10+500", "chain.long"},
		{"loop", spec{first: 10, size: 2500}, func(m *maker) { m.chain(10, 11, 12); m.setIn(0, 12, 11); m.allocate(10, 11, 12) },
			"data 10+1536, lost+964", "chain.broken"},
		{"breaks, the rest stands", spec{first: 10, size: 2000}, func(m *maker) {
			m.chain(10, 11, 12, 13)
			m.setIn(0, 11, 0)
			m.allocate(10, 11, 12, 13)
		}, "data 10+1024, guessed 12+976", "chain.broken chain.guessed"},
		{"behind the end", spec{first: 100, size: 2000, noChain: true}, func(m *maker) { m.allocate(100, 101) }, "data 100+1024, lost+976", "chain.behind-end"},
		{"no such cluster", spec{first: 5000, size: 2000, noChain: true}, func(*maker) {}, "lost+2000", "entry.odd entry.cluster"},
	} {
		m := format(t, 100, 1)
		tt.spec.name = "a file.txt"
		tt.make(m)
		m.put(makerRoot, tt.spec)
		m.put(makerRoot, spec{name: "sibling"})
		f := m.get("live a file.txt")
		if places(m, f) != tt.places || codes(f) != tt.codes {
			t.Errorf("%s: %s (%s), expected %s (%s)", tt.name, places(m, f), codes(f), tt.places, tt.codes)
		}
		if whole := tt.codes == "" || tt.codes == "entry.valid-length"; f.Sound != whole {
			t.Errorf("%s: sound is %v", tt.name, f.Sound)
		}
		if s := m.get("live sibling"); !s.Sound || !s.Times.Modified.Equal(day(1).Add(-time.Hour)) || s.Times.Local {
			t.Errorf("%s: %+v", tt.name, s)
		}
	}
}

func TestCrossLinked(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		make       func(*maker)
	}{
		{"the later one wins", "data 10+512, foreign 11+512", "data 11+1024", func(m *maker) {
			m.put(makerRoot, spec{name: "a", first: 10, size: 1024, noChain: true, day: 2})
			m.put(makerRoot, spec{name: "b", first: 11, size: 1024, noChain: true, day: 3})
		}},
		{"no one knows", "data 10+512, guessed 11+512", "guessed 11+512, data 12+512", func(m *maker) {
			m.put(makerRoot, spec{name: "a", first: 10, size: 1024, noChain: true, day: 3})
			m.put(makerRoot, spec{name: "b", first: 11, size: 1024, noChain: true, day: 3})
		}},
		{"the one that fits wins", "data 10+1024", "foreign 11+512, lost+512", func(m *maker) {
			m.chain(11)
			m.put(makerRoot, spec{name: "a", first: 10, size: 1024, noChain: true, day: 2})
			m.put(makerRoot, spec{name: "b", first: 11, size: 1024, day: 3})
		}},
	} {
		m := format(t, 100, 1)
		m.allocate(10, 11, 12)
		tt.make(m)
		a, b := m.get("live a"), m.get("live b")
		if places(m, a) != tt.a || places(m, b) != tt.b || a.Sound || b.Sound {
			t.Errorf("%s: %s (%s) and %s (%s), expected %s and %s", tt.name, places(m, a), codes(a), places(m, b), codes(b), tt.a, tt.b)
		}
		v := m.open()
		if _, err := v.Used(t.Context()); err != nil || v.Info().State != filesystem.Damaged {
			t.Errorf("%s: %v, %v", tt.name, v.Info(), err)
		}
	}
}

func TestUnclosed(t *testing.T) {
	for _, tt := range []struct {
		name           string
		spec           spec
		live, rebuilt  string
		lost, chained  bool
		rebuiltContent int64
	}{
		{"size 0, in one piece", spec{first: 10, noChain: true}, "", "guessed 10+1536", false, false, 1536},
		{"size 0, chained", spec{first: 10}, "", "guessed 10+512, guessed 20+512", false, true, 1024},
		{"valid length not written", spec{first: 10, size: 1400, valid: 100, noChain: true}, "data 10+100, zero+1300", "guessed 10+1400", false, false, 1400},
	} {
		m := format(t, 100, 1)
		m.allocate(10, 11, 12)
		if tt.chained {
			m.release(11, 12)
			m.allocate(20)
			m.chain(10, 20)
		}
		m.fill(10, 1)
		m.fill(11, 2)
		m.fill(12, 3)
		tt.spec.name = "CLIP.MP4"
		m.put(makerRoot, tt.spec)
		live, rebuilt := m.get("live CLIP.MP4"), m.get("rebuilt CLIP.MP4")
		if places(m, live) != tt.live || places(m, rebuilt) != tt.rebuilt || rebuilt.Sound || rebuilt.Size() != tt.rebuiltContent {
			t.Errorf("%s: %s and %s, expected %s and %s", tt.name, places(m, live), places(m, rebuilt), tt.live, tt.rebuilt)
		}
		if got, _ := files(t, m.open()); len(got) != 3 {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	// Without a first cluster the allocation alone tells of it.
	m := format(t, 100, 1)
	m.allocate(10, 11, 12)
	m.put(makerRoot, spec{name: "CLIP.MP4"})
	if f := m.get("orphan lost+found-allocated/cluster-10"); places(m, f) != "guessed 10+1536" {
		t.Errorf("%s", places(m, f))
	}
}

func TestDeleted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		spec   spec
		make   func(*maker)
		places string
		codes  string
	}{
		{"one piece", spec{first: 10, size: 1500, noChain: true}, func(*maker) {}, "data 10+1500", ""},
		{"partly taken", spec{first: 10, size: 1500, noChain: true}, func(m *maker) {
			m.allocate(11)
			m.put(makerRoot, spec{name: "new", first: 11, size: 100, noChain: true, day: 5})
		}, "data 10+512, foreign 11+512, data 12+476", "deleted.overwritten"},
		{"chain still there", spec{first: 10, size: 1500}, func(m *maker) { m.chain(10, 20, 30) },
			"data 10+512, data 20+512, data 30+476", "deleted.chain"},
		{"chain gone", spec{first: 10, size: 1500}, func(*maker) {}, "data 10+512, guessed 11+988", "deleted.guessed"},
		{"around an older file", spec{first: 10, size: 1024, day: 4}, func(m *maker) {
			m.allocate(11)
			m.put(makerRoot, spec{name: "old", first: 11, size: 100, noChain: true, day: 2})
		}, "data 10+512, guessed 12+512", "deleted.guessed deleted.around"},
		{"a later deleted file stood there", spec{first: 10, size: 1024, noChain: true, day: 2}, func(m *maker) {
			m.put(makerRoot, spec{name: "later", first: 11, size: 512, noChain: true, day: 3, gone: true})
		}, "data 10+512, foreign 11+512", "deleted.contested deleted.overwritten"},
		{"an earlier one stood there", spec{first: 10, size: 1024, noChain: true, day: 3}, func(m *maker) {
			m.put(makerRoot, spec{name: "earlier", first: 11, size: 512, noChain: true, day: 2, gone: true})
		}, "data 10+1024", ""},
		{"renamed before", spec{first: 10, size: 1024, noChain: true}, func(m *maker) {
			m.put(makerRoot, spec{name: "other name", first: 10, size: 1024, noChain: true, gone: true})
		}, "data 10+1024", ""},
		{"of one time", spec{first: 10, size: 1024, noChain: true}, func(m *maker) {
			m.put(makerRoot, spec{name: "other", first: 11, size: 100, noChain: true, gone: true})
		}, "data 10+512, guessed 11+512", "deleted.contested"},
		{"still allocated", spec{first: 10, size: 1024, noChain: true}, func(m *maker) { m.allocate(10, 11) },
			"guessed 10+1024", "deleted.allocated"},
		{"start that cannot be", spec{first: 0, size: 1024, noChain: true}, func(*maker) {}, "lost+1024", "deleted.start"},
	} {
		m := format(t, 100, 1)
		tt.spec.name, tt.spec.gone = "a file.txt", true
		m.put(makerRoot, tt.spec)
		tt.make(m)
		f := m.get("deleted a file.txt")
		if places(m, f) != tt.places || codes(f) != tt.codes || f.Sound {
			t.Errorf("%s: %s (%s), expected %s (%s)", tt.name, places(m, f), codes(f), tt.places, tt.codes)
		}
	}
}

func TestBrokenSets(t *testing.T) {
	m := format(t, 100, 1)
	bad := m.put(makerRoot, spec{name: "wrong checksum"})
	bad[0][2]++
	hash := m.put(makerRoot, spec{name: "x"})
	hash[2][2] = 'y'
	gone := m.put(makerRoot, spec{name: "headless file", first: 30, size: 100, noChain: true, gone: true})
	copy(gone[0], make([]byte, entrySize))
	gone[0][0] = typeName &^ inUse
	m.put(makerRoot, spec{name: "last"})
	got, errs := files(t, m.open())
	for path, want := range map[string]string{
		"live wrong checksum": "entry.checksum", "live y": "entry.checksum entry.name-hash", "live last": "",
		"deleted headless file": "entry.headless",
	} {
		if f := got[path]; f == nil || codes(f) != want || f.Sound != (want == "") {
			t.Errorf("%s: %+v", path, f)
		}
	}
	if len(errs) > 0 {
		t.Error(errs)
	}
}

func TestMakers(t *testing.T) {
	m := format(t, 100, 1)
	ext := make([]byte, entrySize)
	ext[0], ext[2], ext[18] = typeVendor, 0x42, 7
	run := make([]byte, entrySize)
	run[0], run[1], run[2] = typeVendorRun, flagAllocation|flagNoChain, 0x43
	le.PutUint32(run[20:], 20)
	le.PutUint64(run[24:], 600)
	m.allocate(20, 21)
	m.put(makerRoot, spec{name: "a", extra: [][]byte{ext, run}})
	g := m.slot(makerRoot)
	g[0] = typeGUID
	for i := range 16 {
		g[6+i] = byte(i)
	}
	f := m.get("live a")
	if v := f.Attributes["user.exfat.vendor.00000042-0000-0000-0000-000000000000"]; len(v) != 14 || v[0] != 7 {
		t.Errorf("%v", f.Attributes)
	}
	if len(f.Streams) != 2 || f.Streams[1].Size != 600 || f.Streams[1].Runs[0].Physical != m.b.at(20) {
		t.Errorf("%+v", f.Streams)
	}
	if got, _ := files(t, m.open()); len(got) != 2 || volumeCodes(m.open()) != "volume.guid" {
		t.Errorf("%v, %s", got, volumeCodes(m.open()))
	}
}

func TestDirectories(t *testing.T) {
	m := format(t, 200, 1)
	m.allocate(10, 12)
	m.put(makerRoot, spec{name: "sub", attr: attrDirectory, first: 10, size: 512, noChain: true})
	m.put(10, spec{name: "inner"})
	m.put(10, spec{name: "loop", attr: attrDirectory, first: 10, size: 512, noChain: true})
	// Allocated, and no one names it.
	m.put(12, spec{name: "lost one"})
	// Deleted with its content; and one that only its cluster tells of.
	m.put(makerRoot, spec{name: "gone", attr: attrDirectory, first: 20, size: 512, noChain: true, gone: true})
	m.put(20, spec{name: "in gone", first: 21, size: 100, noChain: true, gone: true})
	m.put(30, spec{name: "from before", first: 31, size: 100, noChain: true})
	got, errs := files(t, m.open())
	for path, want := range map[string]string{
		"live sub":                               "chain.cross-linked",
		"live sub/inner":                         "",
		"live sub/loop":                          "chain.cross-linked directory.loop",
		"orphan lost+found-allocated/cluster-12": "lost.allocated",
		"orphan lost+found-allocated/cluster-12/lost one": "",
		"deleted gone":                                          "",
		"deleted gone/in gone":                                  "",
		"rebuilt lost+found-directories/cluster-30":             "directory.found",
		"rebuilt lost+found-directories/cluster-30/from before": "",
	} {
		if f := got[path]; f == nil || codes(f) != want {
			t.Errorf("%s: %+v", path, f)
		}
	}
	if len(errs) > 0 || len(got) != 10 {
		t.Errorf("%d files, %v", len(got), errs)
	}
}

func TestTwoFATs(t *testing.T) {
	m := format(t, 100, 2)
	m.chain(10, 20, 30)
	m.allocate(10, 20, 30)
	m.setIn(0, 20, 0)
	m.put(makerRoot, spec{name: "a", first: 10, size: 1500})
	if f := m.get("live a"); places(m, f) != "data 10+512, data 20+512, data 30+476" || codes(f) != "chain.other-fat" || f.Sound {
		t.Errorf("%s: %s", places(m, f), codes(f))
	}
	// With the other one in use all is well.
	m.p[106] |= flagActiveFAT
	m.seal()
	v := m.open()
	if f := m.get("live a"); codes(f) != "" || v.t.b.active() != 1 || v.bitmap.w == nil {
		t.Errorf("%s, FAT %d", codes(f), v.t.b.active())
	}
}

func TestBootRegions(t *testing.T) {
	whole := readImage(t, "usual.img.gz")
	want, _ := files(t, mustOpen(t, whole))
	for _, tt := range []struct {
		name   string
		damage func(p []byte)
		code   string
		sound  bool
	}{
		{"main wiped", func(p []byte) { clear(p[:12*512]) }, "boot.backup-used", true},
		{"main changed", func(p []byte) { p[88]++ }, "boot.backup-used", true},
		{"backup wiped", func(p []byte) { clear(p[12*512 : 24*512]) }, "boot.backup", true},
		{"both checksums wiped", func(p []byte) { clear(p[11*512 : 12*512]); clear(p[23*512 : 24*512]) }, "boot.checksum", false},
		{"both gone", func(p []byte) { clear(p[:24*512]) }, "boot.implied", false},
		{"the first MiB gone", func(p []byte) { clear(p[:1<<20]) }, "boot.implied", false},
	} {
		p := bytes.Clone(whole)
		tt.damage(p)
		v := mustOpen(t, p)
		got, errs := files(t, v)
		if volumeCodes(v) != tt.code || len(got) != len(want) || len(errs) > 0 {
			t.Errorf("%s: %s, %d of %d files, %v", tt.name, volumeCodes(v), len(got), len(want), errs)
			continue
		}
		for path, f := range got {
			if whole := want[path]; whole == nil || f.Sound != (whole.Sound && tt.sound) || f.Size() != whole.Size() {
				t.Errorf("%s: %s: %+v", tt.name, path, f)
			}
		}
	}
	for _, p := range [][]byte{make([]byte, 1<<20), whole[:100], bytes.Repeat([]byte("EXFAT   "), 1<<17), nil} {
		if _, err := Open(t.Context(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

// TestImplied works out the layout of volumes with clusters of every size that formatters choose.
func TestImplied(t *testing.T) {
	for _, name := range []string{"small.img.gz", "usual.img.gz", "large.img.gz"} {
		p := readImage(t, name)
		want := mustOpen(t, p).b
		got := imply(block.Bytes(p))
		if got == nil || got.clusterSize != want.clusterSize || got.heapAt() != want.heapAt() || got.fatAt(0) != want.fatAt(0) ||
			got.root != want.root || got.clusters != want.clusters {
			t.Errorf("%s: %+v, expected %+v", name, got, want)
		}
	}
}

func TestUpcase(t *testing.T) {
	p := readImage(t, "usual.img.gz")
	v := mustOpen(t, p)
	at := int64(0)
	for _, s := range v.specials(v.rootSpans) {
		if s.kind == typeUpcase {
			at = v.b.at(s.first)
		}
	}
	differ := 0
	for i, u := range usual().units {
		if v.up.units[i] != u {
			differ++
		}
	}
	if differ > 600 {
		t.Errorf("%d units differ from the usual table", differ)
	}
	p[at+200]++
	broken := mustOpen(t, p)
	if volumeCodes(broken) != "upcase" {
		t.Error(volumeCodes(broken))
	}
	if got, errs := files(t, broken); len(errs) > 0 || got["live привет мир.txt"] == nil || !got["live привет мир.txt"].Sound {
		t.Errorf("%v", errs)
	}
}
