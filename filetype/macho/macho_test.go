package macho_test

import (
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/macho"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, macho.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"clang-386-darwin.obj":          {Extension: "o"},
	"clang-amd64-darwin.obj":        {Extension: "o"},
	"gcc-386-darwin-exec":           {Extension: "macho"},
	"gcc-amd64-darwin-exec":         {Extension: "macho"},
	"fat-gcc-386-amd64-darwin-exec": {Extension: "macho"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, macho.Formats(), files(t), expected) }

func TestPreview(t *testing.T) {
	p, err := format(t, "macho").Preview(t.Context(), block.Bytes(files(t)["fat-gcc-386-amd64-darwin-exec"]))
	if err != nil || len(p.Facts) < 2 || p.Facts[0].Value != "x86" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, macho.Formats(), files(f), 32<<10) }
