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

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range plist.Formats() {
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
	"small.plist": {"plist", filetypetest.Sample{}},
	"many.plist":  {"plist", filetypetest.Sample{}},
	"apple.plist": {"plist", filetypetest.Sample{}},
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

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := plist.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
