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

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, dtb.Formats(), name)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"board.dtb":  {Extension: "dtb", Title: "ACME GW-100"},
	"padded.dtb": {Extension: "dtb", Title: "ACME GW-100"},
	"image.itb":  {Extension: "itb", Title: "GW-100 kernel"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, dtb.Formats(), files(t), expected) }

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

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, dtb.Formats(), files(f), 32<<10) }
