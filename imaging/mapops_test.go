package imaging_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/imaging"
	"salvor/internal/need"
)

func randomMap(rnd *rand.Rand, sectors int) *imaging.Map {
	m := imaging.NewMap(int64(sectors) * 512)
	for range 20 {
		m.Set(block.Extent{Offset: rnd.Int64N(int64(sectors)) * 512, Length: (1 + rnd.Int64N(9)) * 512}, imaging.Status("?*/-+++"[rnd.IntN(7)]))
	}
	return m
}

func text(t *testing.T, m *imaging.Map) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		if line[0] != '#' {
			out.WriteString(line)
		}
	}
	return out.String()
}

// And, or, xor and invert do what ddrescuelog does.
func TestMapOperations(t *testing.T) {
	need.Tools(t, "ddrescuelog")
	dir := t.TempDir()
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		a, b := randomMap(rnd, 60), randomMap(rnd, 60)
		for name, m := range map[string]*imaging.Map{"a": a, "b": b} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text(t, m)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for option, got := range map[string]*imaging.Map{"-y": a.And(b), "-z": a.Or(b), "-x": a.Xor(b), "-n": a.Invert()} {
			args := []string{option, filepath.Join(dir, "b"), filepath.Join(dir, "a")}
			if option == "-n" {
				args = []string{option, filepath.Join(dir, "a")}
			}
			out, err := exec.Command("ddrescuelog", args...).Output()
			if err != nil {
				t.Fatalf("ddrescuelog %v: %v", args, err)
			}
			want, err := imaging.ReadMap(bytes.NewReader(out))
			if err != nil {
				t.Fatal(err)
			}
			if d := got.Compare(want); len(d) > 0 {
				t.Errorf("seed %d, %s: %v", seed, option, d)
			}
		}
		same := exec.Command("ddrescuelog", "-q", "-p", filepath.Join(dir, "b"), filepath.Join(dir, "a")).Run() == nil
		if same != (len(a.Compare(b)) == 0) {
			t.Errorf("seed %d: compare", seed)
		}
		if len(a.Compare(a.Clone())) != 0 {
			t.Error("a map differs from itself")
		}
		// As a domain.
		d := imaging.DomainMap(a.Size(), a.Of(imaging.Finished))
		if !d.Of(imaging.Finished).Equal(a.Of(imaging.Finished)) || d.Size() != a.Size() {
			t.Errorf("domain %s", text(t, d))
		}
	}
}

func TestMapViews(t *testing.T) {
	m := imaging.NewMap(1000 * 512)
	m.Set(block.Extent{Length: 900 * 512}, imaging.Finished)
	m.Set(block.Extent{Offset: 100 * 512, Length: 512}, imaging.BadSector)
	m.Set(block.Extent{Offset: 103 * 512, Length: 1024}, imaging.NonScraped)
	m.Set(block.Extent{Offset: 500 * 512, Length: 512}, imaging.NonTrimmed)
	if p := m.Picture(10); p != ".-...*...?" {
		t.Errorf("picture %q", p)
	}
	if m.Picture(0) != "" || imaging.NewMap(0).Picture(5) != "" || len(imaging.NewMap(3).Picture(100)) != 3 {
		t.Error("pictures of nothing")
	}
	c := m.Clusters(64 << 10)
	if len(c) != 2 || c[0] != (imaging.Cluster{Extent: block.Extent{Offset: 0xc800, Length: 0xa00}, Bad: 1536, Areas: 2}) || c[1].Areas != 1 {
		t.Errorf("clusters %v", c)
	}
	want := "[{? 51200 1} {* 512 1} {/ 1024 1} {- 512 1} {+ 458752 4}]"
	if got := fmt.Sprint(m.Tallies()); got != strings.Replace(want, "458752", fmt.Sprint(896*512), 1) {
		t.Errorf("tallies %v", got)
	}
	longer := m.Clone()
	longer.Append(512, imaging.Finished)
	if d := m.Compare(longer); len(d) != 1 || d[0].First != 0 || d[0].Second != imaging.Finished || len(longer.Compare(m)) != 1 {
		t.Errorf("%v", d)
	}
}

// Merging takes every sector that any copy has, tells who won, and where two hold other bytes.
func TestMerge(t *testing.T) {
	const size = 3<<20 + 512*3
	data := random(77, size)
	rnd := rand.New(rand.NewPCG(1, 2))
	var copies []imaging.Partial
	have := block.Set{}
	for range 3 {
		m := imaging.NewMap(size)
		img := make([]byte, size)
		for range 40 {
			e := block.Extent{Offset: rnd.Int64N(size/512) * 512, Length: (1 + rnd.Int64N(300)) * 512}.Intersect(block.Extent{Length: size})
			m.Set(e, imaging.Finished)
			copy(img[e.Offset:e.End()], data[e.Offset:])
		}
		have = have.Union(m.Of(imaging.Finished))
		copies = append(copies, imaging.Partial{Map: m, Image: block.Bytes(img)})
	}
	out := make([]byte, size)
	next := int64(0)
	m, err := imaging.Merge(copies, size, 512, &memory{now: out}, func(g imaging.Merging) {
		if g.Offset != next || g.Disagree {
			t.Errorf("%+v, expected one at %d", g, next)
		}
		next = g.End()
		if g.Won >= 0 && !copies[g.Won].Map.Of(imaging.Finished).Contains(g.Extent) || g.Won < 0 && have.Overlaps(g.Extent) {
			t.Errorf("%+v", g)
		}
	})
	if err != nil || next != size || !m.Of(imaging.Finished).Equal(have) {
		t.Fatalf("%v, ends at %d", err, next)
	}
	for e := range have.All() {
		if !bytes.Equal(out[e.Offset:e.End()], data[e.Offset:e.End()]) {
			t.Fatalf("wrong in %v", e)
		}
	}
	// Two against one, and one against one.
	full := func(b []byte) imaging.Partial {
		m := imaging.NewMap(1024)
		m.Set(block.Extent{Length: 1024}, imaging.Finished)
		return imaging.Partial{Map: m, Image: block.Bytes(b)}
	}
	x, y := bytes.Repeat([]byte{1}, 1024), bytes.Repeat([]byte{2}, 1024)
	copy(y[512:], x)
	for n, tt := range []struct {
		copies []imaging.Partial
		won    int
	}{{[]imaging.Partial{full(x), full(y), full(y)}, 1}, {[]imaging.Partial{full(x), full(y)}, 0}} {
		var told []imaging.Merging
		if _, err := imaging.Merge(tt.copies, 1024, 512, &memory{now: make([]byte, 1024)}, func(g imaging.Merging) { told = append(told, g) }); err != nil {
			t.Fatal(err)
		}
		if len(told) != 2 || told[0].Won != tt.won || !told[0].Disagree || told[1].Won != 0 || told[1].Disagree {
			t.Errorf("%d: %+v", n, told)
		}
	}
}

// Maps that a person made may stand in any order, and those that say two things of one place are refused.
func TestReadLooseMap(t *testing.T) {
	m, err := imaging.ReadLooseMap(strings.NewReader("0 ? 1\n1024 512 +\n0 512 +\n1024 1024 +\n4096 512 -\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := text(t, m); got != "0x00000000     ?               1\n0x00000000  0x00000200  +\n0x00000200  0x00000200  ?\n0x00000400  0x00000400  +\n0x00000800  0x00000800  ?\n0x00001000  0x00000200  -\n" {
		t.Error(got)
	}
	for _, bad := range []string{"0 ? 1\n0 512 +\n0 512 -\n", "0 ? 1\nx 512 +\n", ""} {
		if _, err := imaging.ReadLooseMap(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzReadLooseMap(f *testing.F) {
	f.Add("0 ? 1\n1024 512 +\n0 512 +\n")
	f.Add("0 + \n0x10 -1 -\n0 010 *\n")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := imaging.ReadLooseMap(strings.NewReader(s))
		if err != nil {
			return
		}
		at := int64(0)
		for e := range m.All() {
			if e.Offset != at {
				t.Fatalf("a hole at %d", at)
			}
			at = e.End()
		}
		_ = m.Picture(100)
		_ = m.Clusters(1 << 20)
		_ = imaging.ReadPattern(m, m)
		if _, err := m.Invert().WriteTo(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
