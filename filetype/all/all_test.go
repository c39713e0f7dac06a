package all_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/all"
	"salvor/filetype/filetypetest"
)

func table(t testing.TB) *filetype.Table {
	t.Helper()
	tb, err := all.Table()
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func TestRows(t *testing.T) {
	tb := table(t)
	for _, want := range []string{"jpeg", "png", "zip", "gzip", "pdf", "sqlite", "mp4", "text", "json", "csv"} {
		if _, ok := tb.ByName(want); !ok {
			t.Errorf("no row %s", want)
		}
	}
	if len(tb.Probes()) < 7 {
		t.Errorf("%d probes", len(tb.Probes()))
	}
	for _, f := range tb.Formats() {
		if len(f.Extensions) == 0 {
			t.Errorf("%s: no extension", f.Name)
		}
		for _, e := range f.Extensions {
			if e != strings.ToLower(e) || strings.Contains(e, ".") && e[0] == '.' {
				t.Errorf("%s: extension %q", f.Name, e)
			}
		}
	}
	codes := map[string]bool{}
	for _, d := range all.Findings() {
		if codes[d.Code] || d.Text == "" || !strings.Contains(d.Code, ".") {
			t.Errorf("finding %+v", d)
		}
		codes[d.Code] = true
	}
}

// kinds says which row each folder's fixtures belong to.
var kinds = map[string]string{"psd": "psd", "mpeg": "ts", "asf": "asf", "flv": "flv", "aac": "aac", "aiff": "aiff", "webp": "webp", "tiff": "tiff", "matroska": "matroska", "ogg": "ogg", "flac": "flac", "mp3": "mp3", "avi": "avi", "wav": "wav", "bmp": "bmp", "gif": "gif", "jpeg": "jpeg", "png": "png", "gzip": "gzip", "zip": "zip", "pdf": "pdf", "sqlite": "sqlite", "mp4": "mp4"}

// Every fixture of every family is found by the whole table as its own family finds it, and what is said
// of it keeps the rules of reports.
func TestFixtures(t *testing.T) {
	tb := table(t)
	seen := map[string]int{}
	for folder, want := range kinds {
		names, err := filepath.Glob("../" + folder + "/testdata/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, ".md") || strings.HasSuffix(name, ".gz") && folder != "gzip" {
				continue
			}
			if fi, err := os.Stat(name); err != nil || fi.IsDir() {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f, r, err := tb.Identify(t.Context(), block.Bytes(data), name)
			if err != nil {
				t.Fatal(err)
			}
			if f == nil || f.Name != want {
				t.Logf("%s: %v %v %v", name, f, r.Verdict, r.Findings)
				continue
			}
			if r.Verdict >= filetype.Consistent {
				seen[want]++
			}
			if err := filetypetest.Check(*f, block.Bytes(data), r); err != nil && r.Size <= int64(len(data)) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, want := range kinds {
		if seen[want] == 0 {
			t.Errorf("no whole %s among the fixtures", want)
		}
	}
}

// Random bytes, and random bytes behind any signature, are nothing that is whole.
func TestNoise(t *testing.T) {
	tb := table(t)
	r := rand.New(rand.NewPCG(1, 2))
	var probes []struct {
		at int64
		b  []byte
	}
	for _, f := range tb.Formats() {
		for _, p := range f.Signatures {
			probes = append(probes, struct {
				at int64
				b  []byte
			}{p.At, p.Bytes})
		}
	}
	for i := range 2000 {
		data := make([]byte, 64+r.IntN(8000))
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		if i%2 == 0 {
			p := probes[r.IntN(len(probes))]
			if p.at+int64(len(p.b)) < int64(len(data)) {
				copy(data[p.at:], p.b)
			}
		}
		f, rep, err := tb.Identify(t.Context(), block.Bytes(data), "")
		if err != nil || f != nil && rep.Verdict >= filetype.Consistent {
			t.Errorf("round %d: %v is %v: %v %v", i, f.Name, rep.Verdict, rep.Findings, err)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	tb := table(f)
	for _, row := range tb.Formats() {
		for _, p := range row.Signatures {
			f.Add(append(make([]byte, min(p.At, 100)), p.Bytes...))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		row, r, err := tb.Identify(t.Context(), block.Bytes(data), "x.json")
		if err != nil {
			t.Fatal(err)
		}
		if row != nil {
			if err := filetypetest.Check(*row, block.Bytes(data), r); err != nil {
				t.Fatal(err)
			}
		}
	})
}
