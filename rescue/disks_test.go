package rescue

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDisks rescues two disks into one case: the volumes of the second have numbers of their own, carved files too,
// and each file is saved from its own disk.
func TestDisks(t *testing.T) {
	dir := t.TempDir()
	first := copyOf(t, exampleImage, dir)
	image, err := os.ReadFile(first)
	must(t, err)
	second := filepath.Join(dir, "second.img")
	changed := bytes.Clone(image)
	changed[len(changed)-100_000] ^= 1 // a disk of its own, whose files are the same
	must(t, os.WriteFile(second, changed, 0o600))
	alone := filepath.Join(dir, "alone")
	_, err = rescued(t, first, alone, nil, nil)
	must(t, err)

	both := filepath.Join(dir, "both")
	r, err := rescued(t, first, both, func(o *Options) { o.More = []string{second} }, nil)
	must(t, err)
	if !strings.Contains(r.Safe, "second.img were only read") {
		t.Errorf("safe: %s", r.Safe)
	}
	volumes := map[int]map[int]int{}
	ids := map[string]bool{}
	for _, e := range entries(t, both) {
		if volumes[e.Source] == nil {
			volumes[e.Source] = map[int]int{}
		}
		volumes[e.Source][e.Volume]++
		if ids[e.ID] {
			t.Errorf("two files are called %s", e.ID)
		}
		ids[e.ID] = true
		if e.Volume == 0 && e.Source == 2 && !strings.HasPrefix(e.ID, "c2/") {
			t.Errorf("%s was carved on the second disk", e.ID)
		}
	}
	for v := 1; v <= 4; v++ {
		if n := volumes[1][v]; n == 0 || n != volumes[2][v+4] {
			t.Errorf("volume %d has %d files, volume %d on the second disk %d", v, n, v+4, volumes[2][v+4])
		}
	}
	want, got := saved(t, alone), saved(t, both)
	for name, sum := range want {
		if got[name] != sum && !strings.HasPrefix(name, "carved/") && !strings.HasPrefix(name, "partial/carved/") {
			t.Errorf("%s is %s, alone %s", name, got[name], sum)
		}
	}

	// The other way round, and again: the same numbers, nothing new.
	_, err = rescued(t, second, both, func(o *Options) { o.More = []string{first} }, nil)
	must(t, err)
	if d := differences(got, saved(t, both)); len(d) > 0 {
		t.Errorf("named in another order: %.500q", d)
	}
	// A third one that is added later goes on behind them.
	third := filepath.Join(dir, "third.img")
	changed[len(changed)-100_000] ^= 3
	must(t, os.WriteFile(third, changed, 0o600))
	_, err = rescued(t, first, both, func(o *Options) { o.More = []string{third} }, nil)
	must(t, err)
	seen := map[int]bool{}
	for _, e := range entries(t, both) {
		if e.Source == 3 && e.Volume > 0 {
			seen[e.Volume] = true
		}
	}
	for v := 9; v <= 12; v++ {
		if !seen[v] {
			t.Errorf("the third disk has no volume %d: %v", v, seen)
		}
	}
}

// TestMirror takes two disks with the same bytes for two disks.
func TestMirror(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.img"), filepath.Join(dir, "b.img")
	for _, p := range []string{a, b} {
		must(t, os.WriteFile(p, bytes.Repeat([]byte("the same bytes "), 10_000), 0o600))
	}
	to := filepath.Join(dir, "case")
	for range 2 {
		_, err := rescued(t, b, to, func(o *Options) { o.More = []string{a} }, nil)
		must(t, err)
	}
	p, err := os.ReadFile(filepath.Join(to, "case.json"))
	must(t, err)
	if n := bytes.Count(p, []byte(`"number"`)); n != 2 {
		t.Errorf("%d sources, want 2:\n%s", n, p)
	}
}
