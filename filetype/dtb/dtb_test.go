package dtb_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/dtb"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.*tb")
}

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range dtb.Formats() {
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
	"board.dtb":  {"dtb", filetypetest.Sample{Extension: "dtb", Title: "ACME GW-100"}},
	"padded.dtb": {"dtb", filetypetest.Sample{Extension: "dtb", Title: "ACME GW-100"}},
	"image.itb":  {"dtb", filetypetest.Sample{Extension: "itb", Title: "GW-100 kernel"}},
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
	p, err := format(t, "dtb").Preview(t.Context(), block.Bytes(files(t)["board.dtb"]))
	if err != nil || len(p.Members) != 4 || p.Facts[1].Value != "acme,gw100, acme,gw" {
		t.Errorf("%+v %v", p, err)
	}
}

// A tree without end, and one that is too deep, are contradictions.
func TestHostile(t *testing.T) {
	data := bytes.Clone(files(t)["padded.dtb"])
	for at := 56; at+3 < len(data); at += 4 {
		for _, b := range []byte{1, 2, 3, 4, 9, 0xFF} {
			c := bytes.Clone(data)
			c[at+3] = b
			filetypetest.Bomb(t, format(t, "dtb"), c, 5*time.Second, 4<<20)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := dtb.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
