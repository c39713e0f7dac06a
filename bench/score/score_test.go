package main

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// known makes a disk with two whole files and one that lost its end, and its truth.
func known(t *testing.T) (*truth, [][]byte) {
	t.Helper()
	var key [32]byte
	noise := rand.NewChaCha8(key)
	files := [][]byte{make([]byte, 5000), make([]byte, 3*sector), make([]byte, 4096)}
	for _, b := range files {
		_, _ = noise.Read(b)
	}
	disk := make([]byte, 64<<10)
	copy(disk[4096:], files[0][:2048]) // in two pieces
	copy(disk[16384:], files[0][2048:])
	copy(disk[8192:], files[1])
	copy(disk[32768:], files[2][:1024])
	list := []knownFile{
		{State: "live", Volume: "a", Path: "x/one.bin", Recoverable: true, Type: "bin", Runs: [][2]int64{{4096, 2048}, {16384, 2952}}},
		{State: "deleted", Volume: "a", Path: "two.bin", Recoverable: true, Type: "bin", Runs: [][2]int64{{8192, 3 * sector}}},
		{State: "deleted", Volume: "a", Path: "three.bin", Type: "bin", Runs: [][2]int64{{32768, 4096}}},
	}
	for i := range list {
		list[i].Size, list[i].SHA256 = int64(len(files[i])), sum(files[i])
	}
	image := filepath.Join(t.TempDir(), "disk.img")
	raw, err := json.Marshal(truth{Size: int64(len(disk)), Files: list})
	if err != nil {
		t.Fatal(err)
	}
	put(t, image, disk)
	put(t, image+".truth.json", raw)
	got, err := readTruth(image, image+".truth.json", "")
	if err != nil {
		t.Fatal(err)
	}
	return got, files
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	truth, files := known(t)
	holes := bytes.Clone(files[0])
	clear(holes[sector : 4*sector])
	mixed := bytes.Clone(files[0])
	mixed[3000] ^= 1
	for _, c := range []struct {
		name string
		b    []byte
		want likeness
	}{
		{"whole, from two pieces", files[0], exact},
		{"a beginning", files[0][:2500], part},
		{"holes of zeros", holes, part},
		{"an embedded piece", files[0][777:1300], part},
		{"bytes behind it", append(bytes.Clone(files[1]), 1, 2, 3), padded},
		{"one wrong bit", mixed, wrong},
		{"two files in one", append(bytes.Clone(files[0][:1024]), files[1]...), wrong},
		{"what was lost", append(bytes.Clone(files[2][:1024]), make([]byte, 3072)...), wrong},
	} {
		if got, _ := truth.compare(c.b); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestScoreOfACase(t *testing.T) {
	truth, files := known(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "files/1-a/x/one.bin"), files[0])
	put(t, filepath.Join(dir, "deleted/1-a/two.bin"), files[0]) // another file under its path
	put(t, filepath.Join(dir, "partial/deleted/1-a/three.bin"), files[0][1:3000])
	put(t, filepath.Join(dir, "partial/deleted/1-a/three.bin.missing.txt"), []byte("0-1"))
	put(t, filepath.Join(dir, "carved/other/f1"), []byte("never a file"))
	put(t, filepath.Join(dir, "image/1.sums"), []byte("not a saved file"))
	put(t, filepath.Join(dir, "report.json"), []byte(`{"files":[
		{"path":"x/one.bin","origin":"filesystem","verdict":"proven","save":"saved","saved_as":"files/1-a/x/one.bin"},
		{"path":"two.bin","origin":"filesystem","verdict":"proven","save":"saved","saved_as":"deleted/1-a/two.bin"},
		{"path":"three.bin","origin":"filesystem","verdict":"partial","save":"saved","saved_as":"partial/deleted/1-a/three.bin"},
		{"path":"","origin":"carved","verdict":"proven","save":"saved","saved_as":"carved/other/f1"}]}`))
	s, err := truth.score(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.exact["live"] != 1 || s.exact["deleted"] != 0 || s.withPath != 1 || s.missed["deleted bin"] != 1 {
		t.Errorf("exact %v, with path %d, missed %v", s.exact, s.withPath, s.missed)
	}
	if s.saved != 4 || s.parts != 1 || s.wrong != 1 || s.proven != 3 || s.falseProven != 2 || !s.judges {
		t.Errorf("%+v", s)
	}
}

func TestScoreOfAProgramThatJudgesNothing(t *testing.T) {
	truth, files := known(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "recup.1/f8.bin"), files[1])
	put(t, filepath.Join(dir, "recup.1/report.xml"), []byte("<xml/>"))
	s, err := truth.score(dir)
	if err != nil {
		t.Fatal(err)
	}
	if s.judges || s.saved != 1 || s.exact["deleted"] != 1 || s.withPath != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTimesAreMedians(t *testing.T) {
	path := filepath.Join(t.TempDir(), "times")
	put(t, path, []byte("salvor 3 2048 0\nsalvor 1 1024 1\nsalvor 2 9216 0\nphotorec 4 1024 0\nphotorec 6 1024 0\n"))
	got, err := readTimes(path)
	if err != nil {
		t.Fatal(err)
	}
	if got["salvor"] != (timing{seconds: 2, peak: 2, failed: 1, code: 1}) || got["photorec"] != (timing{seconds: 5, peak: 1}) {
		t.Errorf("%+v", got)
	}
}

func TestTableSaysWhatWasMissed(t *testing.T) {
	truth, _ := known(t)
	d := disk{name: "disk.img", truth: truth, times: map[string]timing{"salvor": {seconds: 2, peak: 10}, "photorec": {seconds: 5}},
		scores: map[string]score{"salvor": {exact: map[string]int{"live": 1}, judges: true, falseProven: 1, notes: []string{"`x`"},
			missed: map[string]int{"deleted bin": 1}}}}
	var b strings.Builder
	if err := write(&b, 3, "salvor 1", "2 cores", []disk{d, d}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1 (100.0 %)", "deleted bin 1", "| false Proven | 1 | – | – |", "| 2.50 |", "False Proven of salvor", "Memory and the size"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
