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

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, pe.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"gcc-386-mingw-exec":            {Extension: "exe"},
	"gcc-386-mingw-no-symbols-exec": {Extension: "exe"},
	"ev-signed-file.exe":            {Extension: "exe"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, pe.Formats(), files(t), expected) }

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

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, pe.Formats(), files(f), 32<<10) }
