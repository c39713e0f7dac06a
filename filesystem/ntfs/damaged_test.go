package ntfs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path"
	"runtime"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

// lowest returns a record that is free and above those of the volume.
func lowest(t testing.TB, p []byte) int64 {
	t.Helper()
	v := mustOpen(t, p)
	for n := int64(firstFree + 8); n < v.table.count(); n++ {
		if r, err := v.table.record(n); err != nil || !r.inUse() {
			return n
		}
	}
	t.Fatal("no record is free")
	return 0
}

func TestRecords(t *testing.T) {
	at, _ := freeCluster(t, mustOpen(t, readImage(t, "plain.img.gz")))
	name := resident(typeName, "", nameOf(refer(5, 5), "made.bin", 5000))
	standard := resident(typeStandard, "", standardOf(someTime))
	data := func(pairs []byte, clusters int64) []byte { return mapped(typeData, "", 5000, 4096, pairs, clusters) }
	for _, tt := range []struct {
		what       string
		attributes [][]byte
		flags      uint16
		path       string // "" when nothing is to be given
		codes      string
		runs       string
	}{
		{"whole", [][]byte{standard, name, data(pairsOf([2]int64{2, at}), 2)}, 1, "orphan made.bin", "runs.free name.unlisted", "data+5000"},
		{"in pieces", [][]byte{standard, name, data(pairsOf([2]int64{1, at + 1}, [2]int64{1, at}), 2)}, 1, "orphan made.bin", "runs.free name.unlisted", "data+4096 data+904"},
		{"with a hole", [][]byte{standard, name, data(pairsOf([2]int64{1, -1}, [2]int64{1, at}), 2)}, 1, "orphan made.bin", "runs.free name.unlisted", "zero+4096 data+904"},
		{"behind the end", [][]byte{standard, name, data(pairsOf([2]int64{2, 1 << 30}), 2)}, 1, "orphan made.bin", "runs.broken runs.broken name.unlisted", "lost+5000"},
		{"too few clusters", [][]byte{standard, name, data(pairsOf([2]int64{1, at}), 2)}, 1, "orphan made.bin", "runs.broken runs.broken runs.free name.unlisted", "data+4096 lost+904"},
		{"no end mark", [][]byte{standard, name, data(bytes.Repeat([]byte{0x11, 1, 1}, 5), 2)}, 1, "orphan made.bin", "", ""},
		{"lengths of 9 bytes", [][]byte{standard, name, data([]byte{0x99, 1, 1}, 2)}, 1, "orphan made.bin", "runs.broken runs.broken name.unlisted", "lost+5000"},
		{"a negative length", [][]byte{standard, name, data([]byte{0x11, 0xFF, 1, 0}, 2)}, 1, "orphan made.bin", "runs.broken runs.broken name.unlisted", "lost+5000"},
		{"no name", [][]byte{standard, data(pairsOf([2]int64{2, at}), 2)}, 1, "orphan lost+found-nameless/m%d-1", "runs.free name.unlisted name.gone", "data+5000"},
		{"deleted", [][]byte{standard, name, data(pairsOf([2]int64{2, at}), 2)}, 0, "deleted made.bin", "", "data+5000"},
		{"deleted and overwritten", [][]byte{standard, name, data(pairsOf([2]int64{2, 4}), 2)}, 0, "deleted made.bin", "deleted.foreign", "foreign+5000"},
		{"no content", [][]byte{standard, name}, 1, "orphan made.bin", "name.unlisted", ""},
		{"in a folder that was used again", [][]byte{standard, resident(typeName, "", nameOf(refer(64, 99), "made.bin", 0)), resident(typeData, "", []byte("x"))}, 1,
			"orphan lost+found-reused/m64-99/made.bin", "name.unlisted parent.reused", "data+1"},
		{"in a folder that is gone", [][]byte{standard, resident(typeName, "", nameOf(refer(99999, 1), "made.bin", 0)), resident(typeData, "", []byte("x"))}, 1,
			"orphan lost+found-unknown/m99999-1/made.bin", "name.unlisted parent.gone", "data+1"},
		{"size without clusters", [][]byte{standard, name, mapped(typeData, "", 1<<50, 4096, []byte{0}, 0)}, 1, "orphan made.bin", "sizes.contradict runs.broken name.unlisted", "lost+1125899906842624"},
		{"unknown compression", [][]byte{standard, name, compressedAs(data(pairsOf([2]int64{2, at}), 2), 2, 4)}, 1, "orphan made.bin", "compression.unknown name.unlisted", "lost+5000"},
		{"units of 2^60 clusters", [][]byte{standard, name, compressedAs(data(pairsOf([2]int64{2, at}), 2), 1, 60)}, 1, "orphan made.bin", "compression.unknown name.unlisted", "lost+5000"},
	} {
		p := readImage(t, "plain.img.gz")
		n := lowest(t, p)
		if placeRecord(t, p, n, buildRecord(t, n, uint16(2-tt.flags), tt.flags, tt.attributes...)) < 0 {
			t.Fatal("no place")
		}
		got, errs := files(t, mustOpen(t, p))
		key := tt.path
		if strings.Contains(key, "%d") {
			key = fmt.Sprintf(key, n)
		}
		f := got[key]
		if f == nil || f.Sound || got["live hello.txt"] == nil || len(errs) > 0 {
			t.Errorf("%s: %+v, %v", tt.what, f, errs)
			continue
		}
		if tt.what != "no end mark" && (codes(f) != tt.codes || runsOf(f) != tt.runs) {
			t.Errorf("%s: %s (%s), expected %s (%s)", tt.what, runsOf(f), codes(f), tt.runs, tt.codes)
		}
	}
}

// compressedAs makes an attribute say that it is compressed.
func compressedAs(a []byte, method uint16, unit byte) []byte {
	le.PutUint16(a[12:], method)
	a[34] = unit
	return a
}

// runsOf shows the kinds and lengths of the runs of the content.
func runsOf(f *filesystem.File) string {
	var out []string
	if len(f.Streams) > 0 {
		for _, r := range f.Streams[0].Runs {
			out = append(out, fmt.Sprintf("%v+%d", r.Kind, r.Length))
		}
	}
	return strings.Join(out, " ")
}

// Of two deleted files that claim the same clusters the later has them.
func TestContested(t *testing.T) {
	for _, tt := range []struct {
		changed      [2]uint64
		first, other string
	}{
		{[2]uint64{someTime, someTime + 1}, "foreign+4096 data+904", "data+4096 data+904"},
		{[2]uint64{someTime + 1, someTime}, "data+5000", "foreign+4096 data+904"},
		{[2]uint64{someTime, someTime}, "guessed+4096 data+904", "guessed+4096 data+904"},
	} {
		p := readImage(t, "plain.img.gz")
		at, _ := freeCluster(t, mustOpen(t, p))
		for i, start := range []int64{at, at} {
			n := lowest(t, p) + int64(i)
			for mustOpen(t, p).numbered(n) {
				n++
			}
			runs := pairsOf([2]int64{1, start}, [2]int64{1, start + 1 + int64(i)})
			placeRecord(t, p, n, buildRecord(t, n, 2, 0, resident(typeStandard, "", standardOf(tt.changed[i])),
				resident(typeName, "", nameOf(refer(5, 5), fmt.Sprintf("file %d", i), 0)), mapped(typeData, "", 5000, 4096, runs, 2)))
		}
		got, _ := files(t, mustOpen(t, p))
		f, g := got["deleted file 0"], got["deleted file 1"]
		if f == nil || g == nil {
			t.Fatal(got)
		}
		if runsOf(f) != tt.first || runsOf(g) != tt.other {
			t.Errorf("%v: %s and %s", tt.changed, runsOf(f), runsOf(g))
		}
	}
}

// A record that is broken costs the content of its file and neither its name nor its siblings.
func TestBrokenRecord(t *testing.T) {
	whole := readImage(t, "plain.img.gz")
	v := mustOpen(t, whole)
	want, _ := files(t, v)
	for _, name := range []string{"docs/deep/er/file.bin", "hello.txt", "docs", "names", "many"} {
		number := int64(0)
		if _, err := fmt.Sscanf(want["live "+name].ID, "m%d-", &number); err != nil {
			t.Fatal(err)
		}
		p := bytes.Clone(whole)
		clear(p[recordAt(t, p, number):][:1024])
		copy(p[recordAt(t, whole, number):], "BAAD")
		got, errs := files(t, mustOpen(t, p))
		f := got["live "+name]
		if f == nil || f.Sound || !strings.Contains(codes(f), "record.lost") || len(errs) == 0 {
			t.Errorf("%s: %+v, %v", name, f, errs)
		}
		for key, g := range want {
			if strings.HasPrefix(g.Path, name) || g.State != filesystem.Live || strings.HasPrefix(g.Path, "docs/hard") {
				continue
			}
			if h := got[key]; h == nil {
				t.Errorf("%s is broken, and %s missing", name, key)
			}
		}
		parentsFirst(t, name+" is broken", mustOpen(t, p))
		// What was in a folder keeps its name, since the folder's own folder still names it.
		for key, g := range want {
			if g.State == filesystem.Live && strings.HasPrefix(g.Path, name+"/") && got[key] == nil {
				t.Errorf("%s is broken, and %s has lost its name", name, key)
			}
		}
	}
}

// parentsFirst holds a walk to giving folders before what is in them.
func parentsFirst(t *testing.T, what string, v *volume) {
	t.Helper()
	given := map[string]bool{".": true}
	for f := range v.Files(t.Context()) {
		if f == nil {
			continue
		}
		if parent := path.Dir(f.Path); !given[parent] && !strings.HasPrefix(f.Path, "lost+found-") {
			t.Errorf("%s: %q came before its folder", what, f.Path)
		}
		if f.Mode.IsDir() {
			given[f.Path] = true
		}
	}
}

// A record that was not written whole is told, whatever it says.
func TestTornRecord(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	got, _ := files(t, mustOpen(t, p))
	number := int64(0)
	if _, err := fmt.Sscanf(got["live docs/in the record.txt"].ID, "m%d-", &number); err != nil {
		t.Fatal(err)
	}
	p[recordAt(t, p, number)+511] ^= 0x40
	got, _ = files(t, mustOpen(t, p))
	f := got["live docs/in the record.txt"]
	if f == nil || f.Sound || codes(f) != "record.torn" || f.Streams[0].Runs[0].Kind != block.Guessed {
		t.Errorf("%+v", f)
	}
}

// Folders that are in each other, and lists of attributes that lead to themselves, come to an end.
func TestLoops(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	a := lowest(t, p)
	b := a + 1
	for mustOpen(t, p).numbered(b) {
		b++
	}
	folder := func(n, parent int64, name string) []byte {
		return buildRecord(t, n, 1, recordInUse|recordDirectory, resident(typeStandard, "", standardOf(someTime)), resident(typeName, "", directoryNameOf(refer(parent, 1), name)))
	}
	placeRecord(t, p, a, folder(a, b, "a"))
	placeRecord(t, p, b, folder(b, a, "b"))
	got, _ := files(t, mustOpen(t, p))
	n := 0
	for key := range got {
		if strings.Contains(key, "lost+found-loop/") {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d of two folders in a loop", n)
	}

	p = readImage(t, "plain.img.gz")
	list := make([]byte, 26)
	le.PutUint32(list, typeData)
	le.PutUint16(list[4:], 26)
	le.PutUint64(list[16:], uint64(refer(a, 1)))
	placeRecord(t, p, a, buildRecord(t, a, 1, recordInUse, resident(typeStandard, "", standardOf(someTime)), resident(typeList, "", bytes.Repeat(list, 10)),
		resident(typeName, "", nameOf(refer(5, 5), "looped", 0))))
	got, _ = files(t, mustOpen(t, p))
	if got["orphan looped"] == nil {
		t.Error("the file is missing")
	}
}

// Random damage of real volumes: no panic, an end, bounded memory, and siblings that are still found. The suite of all
// readers does the same with other damage; this one also swaps sectors and writes over headers with other headers.
func TestDamage(t *testing.T) {
	rounds := 60
	if need.CI() {
		rounds = 1500
	}
	rnd := rand.New(rand.NewPCG(5, 6))
	var before runtime.MemStats
	for _, name := range []string{"plain.img.gz", "special.img.gz", "sector4096.img.gz"} {
		whole := readImage(t, name)
		v := mustOpen(t, whole)
		var places []int64
		for _, r := range v.table.runs {
			for at := int64(0); at < r.Length; at += 512 {
				places = append(places, r.Physical+at)
			}
		}
		for at := 0; at+4 <= len(whole); at += 512 {
			if string(whole[at:at+4]) == "INDX" {
				places = append(places, int64(at))
			}
		}
		found, expected := 0, 0
		live, _ := files(t, v)
		for range rounds {
			p := bytes.Clone(whole)
			for range 1 + rnd.IntN(12) {
				at := places[rnd.IntN(len(places))]
				other := places[rnd.IntN(len(places))]
				switch rnd.IntN(4) {
				case 0:
					copy(p[at:at+512], whole[other:other+512])
				case 1:
					p[at+rnd.Int64N(512)] ^= byte(1 << rnd.IntN(8))
				case 2:
					le.PutUint64(p[at+rnd.Int64N(63)*8:], rnd.Uint64())
				default:
					le.PutUint32(p[at+rnd.Int64N(127)*4:], []uint32{0, 1, 0x7FFFFFFF, 0xFFFFFFFF}[rnd.IntN(4)])
				}
			}
			runtime.ReadMemStats(&before)
			start := time.Now()
			fsys, err := Open(context.Background(), block.Bytes(p))
			if err != nil {
				continue
			}
			for f, err := range fsys.Files(context.Background()) {
				if err == nil && f.State == filesystem.Live && f.Mode.IsRegular() {
					found++
					for _, s := range f.Streams {
						src, err := fsys.Open(f, s.Name)
						if err == nil && s.Size < 1<<20 {
							_, _ = io.Copy(io.Discard, block.Reader(src)) // of damaged files an error is right
						}
					}
				}
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Fatalf("%s: a walk took %v", name, took)
			}
			var after runtime.MemStats
			runtime.ReadMemStats(&after)
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 512<<20 {
				t.Fatalf("%s: a walk took %d bytes of memory", name, grown)
			}
			for _, f := range live {
				if f.State == filesystem.Live && f.Mode.IsRegular() {
					expected++
				}
			}
		}
		if float64(found) < 0.9*float64(expected) {
			t.Errorf("%s: %d of %d files", name, found, expected)
		}
	}
}

// A volume with a table of 16 TB and clusters of 2 MiB: arithmetic only, since nothing of it is there.
func TestLargeVolume(t *testing.T) {
	p := readImage(t, "plain.img.gz")
	le.PutUint64(p[40:], 1<<35) // 16 TB in sectors
	v := mustOpen(t, p)
	info := v.Info()
	if info.Size != 1<<44+512 || info.State != filesystem.Damaged {
		t.Errorf("%+v", info)
	}
	got, _ := files(t, v)
	if f := got["live docs/deep/er/file.bin"]; f == nil {
		t.Error("its files are missing")
	}
	if need.CI() {
		if _, err := v.Used(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
