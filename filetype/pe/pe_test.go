package pe_test

import (
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/pe"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range pe.Formats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no row %s", name)
	return filetype.Format{}
}

// expected is what is to be said of each fixture.
var expected = map[string]struct {
	row string
	filetypetest.Sample
}{
	"gcc-386-mingw-exec":            {"pe", filetypetest.Sample{Extension: "exe"}},
	"gcc-386-mingw-no-symbols-exec": {"pe", filetypetest.Sample{Extension: "exe"}},
	"ev-signed-file.exe":            {"pe", filetypetest.Sample{Extension: "exe"}},
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

// The signature belongs to the program.
func TestSignature(t *testing.T) {
	p, err := format(t, "pe").Preview(t.Context(), block.Bytes(files(t)["ev-signed-file.exe"]))
	found := false
	for _, f := range p.Facts {
		found = found || f.Name == "Signature"
	}
	if err != nil || !found || len(p.Members) < 3 {
		t.Errorf("%+v %v", p, err)
	}
}

func TestNot(t *testing.T) {
	for name, b := range map[string][]byte{"text": append([]byte("MZ is short for Mark Zbikowski"), make([]byte, 500)...), "short": []byte("MZ")} {
		if _, err := format(t, "pe").Examine(t.Context(), block.Bytes(b)); err != filetype.ErrNot {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := pe.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
