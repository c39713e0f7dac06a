package cab_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/cab"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.cab")
}

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range cab.Formats() {
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
	"stored.cab": {"cab", filetypetest.Sample{Title: "lines.txt"}},
	"packed.cab": {"cab", filetypetest.Sample{Title: "d/lines.txt"}},
	"signed.cab": {"cab", filetypetest.Sample{Title: "d/lines.txt"}},
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

// A block that fails its checksum is told, with what is whole before it.
func TestBlocks(t *testing.T) {
	data := bytes.Clone(files(t)["packed.cab"])
	data[len(data)-20] ^= 1
	if r := examine(t, "cab", data); r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "3 of 4 blocks of data are whole") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "cab").Preview(t.Context(), block.Bytes(files(t)["stored.cab"]))
	if err != nil || len(p.Members) != 2 || p.Members[0].Size != 1492 {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := cab.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
