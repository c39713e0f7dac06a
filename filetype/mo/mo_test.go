package mo_test

import (
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/mo"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.mo") }

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, mo.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"little.mo": {Title: "lighthouse 1.0"},
	"big.mo":    {Title: "lighthouse 1.0"},
	"plain.mo":  {Title: "lighthouse 1.0"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, mo.Formats(), files(t), expected) }

func TestPreview(t *testing.T) {
	p, err := format(t, "mo").Preview(t.Context(), block.Bytes(files(t)["little.mo"]))
	if err != nil || !strings.Contains(p.Text, "harbour = Hafen\n") || p.Facts[1].Value != "de" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, mo.Formats(), files(f), 32<<10) }
