package gif

import (
	"bytes"
	"image"
	"image/color"
	stdgif "image/gif"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.gif")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 6, Extension: "gif"})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

// A broken frame is told by its place, and the end of the file is still found.
func TestDamaged(t *testing.T) {
	data := files(t)["anim.gif"]
	frames := 0
	for at := len(data) / 3; at < len(data)-300; at += 97 {
		p := bytes.Clone(data)
		for i := range 120 {
			p[at+i] = 0xFF
		}
		r, err := examine(t, p)
		if err != nil || r.Verdict >= filetype.Consistent {
			continue
		}
		if r.GoodUntil > int64(at)+256 {
			t.Errorf("overwritten at %d, good until %d: %v", at, r.GoodUntil, r.Findings)
		}
		for _, f := range r.Findings {
			if strings.Contains(f.Text, "frames before that are whole") {
				frames++
			}
		}
	}
	if frames == 0 {
		t.Error("nothing said how many frames are whole")
	}
	r, err := examine(t, data[:len(data)*2/3])
	if err != nil || r.Verdict != filetype.Partial {
		t.Errorf("%v %v", r.Verdict, err)
	}
	still := files(t)["still.gif"]
	r, err = examine(t, still[:len(still)/2])
	if err != nil || !strings.Contains(r.Findings[0].Text, "the upper ") {
		t.Errorf("%v %v", r.Findings, err)
	}
}

func TestStructure(t *testing.T) {
	one := files(t)["one.gif"]
	head := one[:bytes.IndexByte(one, 0x2C)]
	frame := one[len(head) : len(one)-1]
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	end := []byte{0x3B}
	empty := bytes.Clone(frame)
	empty[5] = 0
	coded := bytes.Clone(frame)
	coded[10] = 12
	tests := []struct {
		name    string
		data    []byte
		verdict filetype.Verdict
		size    int
		not     bool
	}{
		{"as it is", one, filetype.Consistent, len(one), false},
		{"no frame", cat(head, end), 0, 0, true},
		{"no blocks", cat(head, []byte("words")), 0, 0, true},
		{"sub-blocks ended twice", cat(head, frame, []byte{0}, end), filetype.Consistent, len(one) + 1, false},
		{"zeros behind a frame", cat(head, frame, make([]byte, 100)), filetype.Damaged, 0, false},
		{"a second frame without width", cat(head, frame, empty, end), filetype.Damaged, 0, false},
		{"a second frame with wide codes", cat(head, frame, coded, end), filetype.Damaged, 0, false},
		{"control of a wrong size", cat(head, frame, []byte{0x21, 0xF9, 3, 1, 2, 3, 0}, end), filetype.Damaged, 0, false},
		{"nothing behind", cat(head, frame), filetype.Partial, 0, false},
	}
	for _, tt := range tests {
		r, err := examine(t, tt.data)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || tt.size > 0 && r.Size != int64(tt.size) {
			t.Errorf("%s: %v of %d: %v %v", tt.name, r.Verdict, r.Size, r.Findings, err)
		}
	}
}

// What image/gif refuses is never called whole here, and its own files are whole.
func TestAgainstImageGIF(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 40 {
		m := image.NewPaletted(image.Rect(0, 0, 1+r.IntN(90), 1+r.IntN(90)), color.Palette{})
		for i := range 1 + r.IntN(256) {
			m.Palette = append(m.Palette, color.Gray{uint8(i)})
		}
		for i := range m.Pix {
			m.Pix[i] = uint8(r.IntN(len(m.Palette)) & r.IntN(256))
		}
		var b bytes.Buffer
		if err := stdgif.Encode(&b, m, nil); err != nil {
			t.Fatal(err)
		}
		got, err := examine(t, b.Bytes())
		if err != nil || got.Verdict != filetype.Consistent || got.Size != int64(b.Len()) {
			t.Errorf("picture %d: %v %v %v", n, got.Verdict, got.Findings, err)
		}
		for range 30 {
			p := bytes.Clone(b.Bytes())
			p[r.IntN(len(p))] ^= 1 << r.IntN(8)
			_, refused := stdgif.DecodeAll(bytes.NewReader(p))
			if got, err := examine(t, p); refused != nil && err == nil && got.Verdict == filetype.Consistent &&
				!strings.Contains(refused.Error(), "bounds") && !strings.Contains(refused.Error(), "pixel") &&
				!strings.Contains(refused.Error(), "too much image data") && !strings.Contains(refused.Error(), "color table") {
				t.Errorf("image/gif refuses what looks whole here: %v", refused)
			}
		}
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["anim.gif"]))
	want := []filetype.Fact{{Name: "Picture", Value: "64 × 48 pixels"}, {Name: "Frames", Value: "10"}, {Name: "Length", Value: "0:02"}}
	if err != nil || len(p.Facts) != 3 || p.Facts[0] != want[0] || p.Facts[1] != want[1] || p.Facts[2] != want[2] {
		t.Errorf("%v %v", p.Facts, err)
	}
	p, _ = f.Preview(t.Context(), block.Bytes(files(t)["comment.gif"]))
	if !strings.Contains(p.Facts[1].Value, "rainy") {
		t.Errorf("%v", p.Facts)
	}
	m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["anim.gif"]), 32)
	if err != nil || m.Bounds().Dx() != 64 {
		t.Errorf("%v", err)
	}
}

// A picture of four thousand million pixels in few bytes costs nothing.
func TestBomb(t *testing.T) {
	p := bytes.Clone(files(t)["still.gif"])
	i := bytes.Index(p, []byte{0x2C, 0, 0, 0, 0})
	copy(p[6:], "\xFF\xFF\xFF\xFF")
	copy(p[i+5:], "\xFF\xFF\xFF\xFF")
	filetypetest.Bomb(t, Formats()[0], p, time.Second, 1<<20)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["still.gif"])
}
