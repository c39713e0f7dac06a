package iso_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/iso"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range iso.Formats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no row %s", name)
	return filetype.Format{}
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	f := format(t, name)
	r, err := f.Examine(t.Context(), block.Bytes(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(f, block.Bytes(data), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

// expected is what is to be said of each fixture.
var expected = map[string]struct {
	row string
	filetypetest.Sample
}{
	"joliet.iso": {"iso", filetypetest.Sample{Title: "LIGHTHOUSE", Head: 34824}},
	"plain.iso":  {"iso", filetypetest.Sample{Title: "PLAIN", Head: 34824}},
	"rock.iso":   {"iso", filetypetest.Sample{Title: "ROCK", Head: 34824}},
}

func TestSuite(t *testing.T) {
	all := files(t)
	for name, want := range expected {
		s := want.Sample
		s.Name, s.Data = name, all[name]
		if s.Data == nil {
			t.Fatalf("no fixture %s", name)
		}
		if s.Verdict == filetype.Unknown {
			s.Verdict = filetype.Consistent
		}
		filetypetest.Run(t, format(t, want.row), []filetypetest.Sample{s})
	}
}

func TestPreview(t *testing.T) {
	for _, name := range []string{"joliet.iso", "rock.iso"} {
		p, err := format(t, "iso").Preview(t.Context(), block.Bytes(files(t)[name]))
		found := false
		for _, m := range p.Members {
			found = found || m.Name == "deep/A long name of words.txt" && m.Size == 3000
		}
		if err != nil || !found {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

// A number that differs between its byte orders, and a folder in a circle, are contradictions.
func TestFolders(t *testing.T) {
	data := files(t)["plain.iso"]
	root := int(binary.LittleEndian.Uint32(data[32768+158:])) * 2048
	bad := bytes.Clone(data)
	bad[root+2] ^= 1
	if r := examine(t, "iso", bad); r.Verdict != filetype.Damaged {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 256<<10 {
			f.Add(data)
		}
	}
	rows := iso.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
