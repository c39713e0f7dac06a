package plist_test

import (
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/plist"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.plist")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, plist.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"small.plist": {},
	"many.plist":  {},
	"apple.plist": {},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, plist.Formats(), files(t), expected) }

func TestPreview(t *testing.T) {
	for name := range files(t) {
		p, err := format(t, "plist").Preview(t.Context(), block.Bytes(files(t)[name]))
		want := "Leuchtturm"
		if name == "many.plist" {
			want = "entry number 7 of the harbour"
		}
		if err != nil || !strings.Contains(p.Text, want) {
			t.Errorf("%s: %+v %v", name, p, err)
		}
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, plist.Formats(), files(f), 32<<10) }
