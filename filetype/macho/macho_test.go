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

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range macho.Formats() {
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
	"clang-386-darwin.obj":          {"macho", filetypetest.Sample{Extension: "o"}},
	"clang-amd64-darwin.obj":        {"macho", filetypetest.Sample{Extension: "o"}},
	"gcc-386-darwin-exec":           {"macho", filetypetest.Sample{Extension: "macho"}},
	"gcc-amd64-darwin-exec":         {"macho", filetypetest.Sample{Extension: "macho"}},
	"fat-gcc-386-amd64-darwin-exec": {"macho", filetypetest.Sample{Extension: "macho"}},
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
	p, err := format(t, "macho").Preview(t.Context(), block.Bytes(files(t)["fat-gcc-386-amd64-darwin-exec"]))
	if err != nil || len(p.Facts) < 2 || p.Facts[0].Value != "x86" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := macho.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
