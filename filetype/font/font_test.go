package font_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/font"
)

func files(t testing.TB) map[string][]byte {
	out := filetypetest.Load(t, os.DirFS("testdata"), "*.[otw]*")
	out["glyf.woff"] = pack(t, out["glyfTest.ttf"])
	return out
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, font.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"CFFTest.otf":    {Row: "ttf", Extension: "otf", Title: "CFFTest"},
	"cmapTest.ttf":   {Row: "ttf", Extension: "ttf", Title: "cmapTest"},
	"glyfTest.ttf":   {Row: "ttf", Extension: "ttf", Title: "glyfTest"},
	"opensans.woff2": {Row: "woff2", Extension: "woff2"},
	"glyf.woff":      {Row: "woff", Extension: "woff", Title: "glyfTest"},
}

func TestSuite(t *testing.T) { filetypetest.RunAll(t, font.Formats(), files(t), expected) }

// pack makes WOFF of a TrueType font.
func pack(t testing.TB, font []byte) []byte {
	t.Helper()
	n := int(binary.BigEndian.Uint16(font[4:]))
	out := make([]byte, 44+20*n)
	copy(out, "wOFF")
	copy(out[4:], font[:4])
	binary.BigEndian.PutUint16(out[12:], uint16(n))
	binary.BigEndian.PutUint32(out[16:], uint32(len(font)))
	for i := range n {
		e := font[12+16*i:]
		off, size := binary.BigEndian.Uint32(e[8:]), binary.BigEndian.Uint32(e[12:])
		data := font[off : off+size]
		var b bytes.Buffer
		z := zlib.NewWriter(&b)
		if _, err := z.Write(data); err != nil {
			t.Fatal(err)
		}
		z.Close()
		packed := b.Bytes()
		if len(packed) >= len(data) {
			packed = data
		}
		d := out[44+20*i:]
		copy(d, e[:4])
		binary.BigEndian.PutUint32(d[4:], uint32(len(out)))
		binary.BigEndian.PutUint32(d[8:], uint32(len(packed)))
		binary.BigEndian.PutUint32(d[12:], size)
		copy(d[16:20], e[4:8])
		out = append(out, packed...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	binary.BigEndian.PutUint32(out[8:], uint32(len(out)))
	return out
}

// A table that fails its checksum is told, with how many are whole.
func TestTables(t *testing.T) {
	data := bytes.Clone(files(t)["glyfTest.ttf"])
	data[len(data)/2] ^= 1
	if r := examine(t, "ttf", data); r.Verdict != filetype.Damaged || !strings.Contains(fmt.Sprint(r.Findings), "tables are whole") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "ttf").Preview(t.Context(), block.Bytes(files(t)["cmapTest.ttf"]))
	if err != nil || len(p.Members) < 5 || p.Facts[0].Value != "cmapTest" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, font.Formats(), files(f), 32<<10) }
