package webp

import (
	"bytes"
	"encoding/binary"
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
	return filetypetest.Load(t, os.DirFS("testdata"), "*.webp")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 16, Extension: "webp"}
		if name == "exif.webp" {
			s.Title = "Harbour"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func TestStructure(t *testing.T) {
	lossy, anim, exif := files(t)["lossy.webp"], files(t)["anim.webp"], files(t)["exif.webp"]
	set := func(p []byte, at int, b ...byte) []byte {
		q := bytes.Clone(p)
		copy(q[at:], b)
		return q
	}
	grown := func(p []byte, more string) []byte {
		q := append(bytes.Clone(p), more...)
		binary.LittleEndian.PutUint32(q[4:], uint32(len(q)-8))
		return q
	}
	frame := bytes.Index(anim, []byte("ANMF"))
	picture := bytes.Index(exif, []byte("VP8 "))
	tests := []struct {
		name    string
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		{"a canvas of another size", set(exif, 24, 99), filetype.Damaged, false},
		{"no key frame", set(lossy, 20, 0x71), 0, true},
		{"no start of a picture", set(exif, picture+11, 0), filetype.Damaged, false},
		{"a first part that is too long", set(exif, picture+10, 0xFF), filetype.Damaged, false},
		{"a frame outside", set(anim, frame+8, 200), filetype.Damaged, false},
		{"a frame without picture", set(anim, frame+24, 'J', 'U', 'N', 'K'), filetype.Damaged, false},
		{"a frame where there is no animation", set(anim, 20, 0), filetype.Damaged, false},
		{"no size", set(lossy, 4, 0, 0, 0, 0), 0, true},
		{"no name of a chunk", grown(lossy, "\x00\x01\x02\x03\x00\x00\x00\x00"), filetype.Damaged, false},
		{"a second picture", grown(lossy, string(lossy[12:])), filetype.Damaged, false},
		{"something more", grown(exif, "abcd\x01\x00\x00\x00x\x00"), filetype.Consistent, false},
		{"sound", set(lossy, 8, 'W', 'A', 'V', 'E'), 0, true},
	}
	for _, tt := range tests {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", tt.name, r.Verdict, r.Findings, err)
		}
	}
}

// What cannot be decoded is damaged; a cut animation says how many frames are whole.
func TestDecoded(t *testing.T) {
	p := bytes.Clone(files(t)["lossless.webp"])
	for i := 40; i < 400; i++ {
		p[i] = 0xFF
	}
	if r, err := examine(t, p); err != nil || r.Verdict != filetype.Damaged || r.Size != int64(len(p)) {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
	anim := files(t)["anim.webp"]
	r, err := examine(t, anim[:len(anim)-200])
	text := ""
	for _, f := range r.Findings {
		text += f.Text
	}
	if err != nil || r.Verdict != filetype.Partial || !strings.Contains(text, "frames before that are whole") {
		t.Errorf("%v %v", text, err)
	}
}

// Other bits in the place of the last third of a lossless picture are not called whole.
func TestOtherBits(t *testing.T) {
	p := files(t)["lossless.webp"]
	for seed := range 40 {
		q := bytes.Clone(p)
		for i := len(q) * 2 / 3; i < len(q); i++ {
			q[i] = byte((i*i + seed*977) * 2654435761 >> 13)
		}
		if r, err := examine(t, q); err != nil || r.Verdict != filetype.Damaged {
			t.Errorf("seed %d: %v %v %v", seed, r.Verdict, r.Findings, err)
		}
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["anim.webp"]))
	if err != nil || len(p.Facts) != 3 || p.Facts[0].Value != "64 × 48 pixels" || p.Facts[1].Value != "5" || p.Facts[2].Value != "0:01" {
		t.Errorf("%v %v", p.Facts, err)
	}
	p, err = f.Preview(t.Context(), block.Bytes(files(t)["exif.webp"]))
	if err != nil || len(p.Facts) != 3 || p.Facts[1].Value != "Maker Cam 1" || p.Facts[2].Value != "2024-05-06 07:08:09" {
		t.Errorf("%v %v", p.Facts, err)
	}
	for name, data := range files(t) {
		if m, err := f.Thumbnail(t.Context(), block.Bytes(data), 9); err != nil || m.Bounds().Dx() < 40 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Thumbnail(t.Context(), block.Bytes([]byte("RIFF")), 9); err != filetype.ErrNot {
		t.Errorf("%v", err)
	}
}

// A picture of 268 million pixels is not decoded.
func TestBomb(t *testing.T) {
	p := []byte("RIFF\x00\x00\x00\x00WEBPVP8L\x40\x00\x00\x00\x2F\xFF\xFF\xFF\x0F")
	p = append(p, make([]byte, 64-5)...)
	p[4] = byte(len(p) - 8)
	r := filetypetest.Bomb(t, Formats()[0], p, time.Second, 4<<20)
	if r.Verdict != filetype.Consistent || r.Findings[0].Code != "filetype.followed" {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["lossy.webp"])
}

// Other bytes in the middle of a lossy picture decode to something, and do not take as many bytes as there are.
func TestForeignBytes(t *testing.T) {
	whole, err := os.ReadFile("testdata/lossy.webp")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	missed := 0
	for range 60 {
		data := bytes.Clone(whole)
		for i := 600 + r.IntN(500); i < len(data); i++ {
			data[i] = byte(r.Uint32())
		}
		rep, err := examine(t, data)
		if err == nil && rep.Verdict >= filetype.Consistent {
			missed++
		}
	}
	if missed > 3 {
		t.Errorf("%d of 60 look whole", missed)
	}
}
