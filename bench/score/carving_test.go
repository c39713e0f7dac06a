package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// What a carver made of the disk: one file exact, one padded, one begun, one false, and a cut one told rightly.
func TestCarving(t *testing.T) {
	truth, files := known(t)
	truth.Files[0].State, truth.Files[1].State = "two", "whole"
	cut := files[2][:1024]
	truth.Files[2] = knownFile{State: "cut", Size: int64(len(cut)), SHA256: sum(cut), Type: "bin", Runs: [][2]int64{{32768, 1024}}, Origin: "bin/3", Full: 4096, Least: 1024}
	truth.bySum[truth.Files[2].SHA256] = 2
	truth.starts[2] = int64(len(truth.content))
	truth.content = append(truth.content, cut...)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "carved/other/a.bin"), files[0])
	put(t, filepath.Join(dir, "carved/other/b.bin"), append(append([]byte{}, files[1]...), 9))
	put(t, filepath.Join(dir, "carved/other/c.bin"), append(append([]byte{}, files[0][:3000]...), files[2][:700]...))
	put(t, filepath.Join(dir, "carved/other/d.bin"), []byte("never a file"))
	put(t, filepath.Join(dir, "partial/carved/other/e.bin"), cut)
	put(t, filepath.Join(dir, "report.json"), []byte(`{"files":[
		{"origin":"carved","verdict":"proven","saved_as":"carved/other/a.bin"},
		{"origin":"carved","verdict":"proven","saved_as":"carved/other/b.bin"},
		{"origin":"carved","verdict":"damaged","saved_as":"carved/other/c.bin"},
		{"origin":"carved","verdict":"consistent","saved_as":"carved/other/d.bin"},
		{"origin":"carved","verdict":"partial","saved_as":"partial/carved/other/e.bin"}]}`))
	c, err := truth.carving(dir)
	if err != nil {
		t.Fatal(err)
	}
	if c.exact["two"] != 1 || c.exact["whole"] != 0 || c.padded != 1 || c.blurred != 1 || c.wrong != 1 || c.saved != 5 || c.cutRight != 1 || c.cutWhole != 0 {
		t.Errorf("%+v", c)
	}
	if c.falseProven != 1 || c.falseWhole != 2 || c.proven != 2 || c.kinds["bin"] != [2]int{0, 1} {
		t.Errorf("%+v", c)
	}
}

// A cut file that is called whole, or saved with bytes that are not its own, is not told rightly.
func TestCarvingOfACutFile(t *testing.T) {
	truth, files := known(t)
	truth.Files[1].State, truth.Files[1].Recoverable, truth.Files[1].Least = "cut", false, 1024
	for _, c := range []struct {
		b                    []byte
		verdict              string
		wantRight, wantWhole int
	}{
		{files[1], "partial", 1, 0},
		{files[1][:1200], "damaged", 1, 0},
		{files[1][:1023], "damaged", 0, 0}, // less than its whole units
		{files[1], "consistent", 0, 1},
		{append(append([]byte{}, files[1]...), 1), "partial", 0, 0},
	} {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "carved/x"), c.b)
		put(t, filepath.Join(dir, "report.json"), []byte(`{"files":[{"origin":"carved","verdict":"`+c.verdict+`","saved_as":"carved/x"}]}`))
		got, err := truth.carving(dir)
		if err != nil || got.cutRight != c.wantRight || got.cutWhole != c.wantWhole {
			t.Errorf("%s, %d bytes: right %d, whole %d, %v", c.verdict, len(c.b), got.cutRight, got.cutWhole, err)
		}
	}
}

func TestCarvingTables(t *testing.T) {
	truth, _ := known(t)
	truth.Files[0].State, truth.Files[1].State = "two", "whole"
	var b strings.Builder
	truth.carvingTables(&b, "mix.img", []string{"salvor", "photorec"}, map[string]carving{
		"salvor":   {exact: map[string]int{"whole": 1, "two": 1}, judges: true, kinds: map[string][2]int{"bin": {1, 1}}},
		"photorec": {exact: map[string]int{"whole": 1}, wrong: 7}}, map[string]timing{"salvor": {seconds: 2}})
	for _, want := range []string{"| in two pieces, exact of 1 | 1 (100.0 %) | 0 (0.0 %) |", "| false | 0 | 7 |", "| false Proven | 0 | – |", "| bin | 1 + 1 | 1 + 1 | 0 + 0 |"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// A piece from the middle of a known file is a part of it, wherever it begins and ends.
func TestInside(t *testing.T) {
	truth, files := known(t)
	for _, from := range []int{0, 1, 511, 512, 700, 1024} {
		b := files[0][from : from+1300]
		if like, _ := truth.compare(b); like != part {
			t.Errorf("from %d: %v", from, like)
		}
		c := append(append([]byte{}, b...), 0x5A)
		c[20] ^= 1
		if like, _ := truth.compare(c); like != wrong {
			t.Errorf("changed, from %d: %v", from, like)
		}
	}
}
