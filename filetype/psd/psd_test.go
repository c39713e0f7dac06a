package psd

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.ps*")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 26, Extension: name[len(name)-3:]})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

// document returns a grey picture of 4 by 2 pixels with these sections.
func document(resources, layers, picture string) []byte {
	n := func(s string) string { return string(binary.BigEndian.AppendUint32(nil, uint32(len(s)))) + s }
	return []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x04\x00\x08\x00\x01" + n("") + n(resources) + n(layers) + picture)
}

func resource(id uint16, data string) string {
	p := "8BIM" + string(binary.BigEndian.AppendUint16(nil, id)) + "\x00\x00" + string(binary.BigEndian.AppendUint32(nil, uint32(len(data)))) + data
	if len(data)%2 == 1 {
		p += "\x00"
	}
	return p
}

func TestStructure(t *testing.T) {
	rows := "\x00\x00" + "abcdefgh"
	packed := "\x00\x01" + "\x00\x02\x00\x05" + "\xFDa" + "\x03abcd"
	for what, tt := range map[string]struct {
		p       []byte
		verdict filetype.Verdict
		words   string
	}{
		"rows":                       {document("", "", rows), filetype.Consistent, ""},
		"packed rows":                {document(resource(1000, "odd"), "layers", packed), filetype.Consistent, ""},
		"a short row":                {document("", "", "\x00\x01\x00\x02\x00\x02\xFDa\xFEa"), filetype.Damaged, "upper 50 %"},
		"a run that is cut":          {document("", "", "\x00\x01\x00\x02\x00\x02\xFDa\x03a"), filetype.Damaged, "row of the picture"},
		"no such packing":            {document("", "", "\x00\x07abcdefgh"), filetype.Damaged, "packing"},
		"zipped":                     {document("", "", "\x00\x02abcdefgh"), filetype.Unknown, "does not tell its end"},
		"a resource of another kind": {document("8BIX"+resource(1000, "x")[4:], "", rows), filetype.Damaged, "8BIM"},
		"a resource that is long":    {document(resource(1000, "xx")[:12]+"xx", "", rows)[:44], filetype.Partial, ""},
		"bytes that are no resource": {document(resource(1000, "xx")+"8BIM", "", rows), filetype.Damaged, "a block"},
		"half a picture":             {document("", "", rows)[:44], filetype.Partial, ""},
	} {
		r, err := examine(t, tt.p)
		text := ""
		for _, f := range r.Findings {
			text += f.Text + "\n"
		}
		if err != nil || r.Verdict != tt.verdict || !strings.Contains(text, tt.words) {
			t.Errorf("%s: %v %v %v", what, r.Verdict, text, err)
		}
	}
	for what, change := range map[string]func(p []byte){"version": func(p []byte) { p[5] = 3 }, "width": func(p []byte) { p[18] = 1 }, "depth": func(p []byte) { p[23] = 9 }, "mode": func(p []byte) { p[25] = 77 }} {
		p := document("", "", rows)
		change(p)
		if _, err := examine(t, p); err != filetype.ErrNot {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["rle.psd"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "53 × 40 pixels" || p.Facts[1].Value != "RGB, 8 bits" {
		t.Errorf("%v %v", p.Facts, err)
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 32, 16)), nil); err != nil {
		t.Fatal(err)
	}
	d := document(resource(resourceThumbnail, strings.Repeat("\x00", 28)+b.String()), "", "\x00\x00abcdefgh")
	if m, err := f.Thumbnail(t.Context(), block.Bytes(d), 9); err != nil || m.Bounds().Dx() != 32 {
		t.Errorf("%v", err)
	}
	if _, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["rle.psd"]), 9); err != filetype.ErrNot {
		t.Errorf("%v", err)
	}
}

// A picture of 300,000 by 300,000 in few bytes costs nothing.
func TestBomb(t *testing.T) {
	p := document("", "", "\x00\x01")
	p[5] = 2
	copy(p[14:], "\x00\x04\x93\xE0\x00\x04\x93\xE0")
	filetypetest.Bomb(t, Formats()[0], append(p, make([]byte, 100)...), time.Second, 1<<20)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Add(document(resource(1000, "odd"), "layers", "\x00\x01\x00\x02\x00\x05\xFDa\x03abcd"))
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["rle.psd"])
}
