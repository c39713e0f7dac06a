package bmp

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
	return filetypetest.Load(t, os.DirFS("testdata"), "*.bmp")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		samples = append(samples, filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 138, Extension: "bmp"})
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

// coded returns a picture of 8 by 4 pixels with the given codes.
func coded(compression uint32, depth uint16, codes []byte) []byte {
	p := make([]byte, 54+4<<depth)
	copy(p, "BM")
	le := binary.LittleEndian
	le.PutUint32(p[2:], uint32(len(p)+len(codes)))
	le.PutUint32(p[10:], uint32(len(p)))
	le.PutUint32(p[14:], 40)
	le.PutUint32(p[18:], 8)
	le.PutUint32(p[22:], 4)
	le.PutUint16(p[26:], 1)
	le.PutUint16(p[28:], depth)
	le.PutUint32(p[30:], compression)
	le.PutUint32(p[34:], uint32(len(codes)))
	return append(p, codes...)
}

func TestRuns(t *testing.T) {
	tests := []struct {
		name    string
		kind    uint32
		codes   []byte
		verdict filetype.Verdict
		words   string
	}{
		{"rows", rle8, []byte{8, 1, 0, 0, 8, 1, 0, 0, 8, 1, 0, 0, 8, 1, 0, 0, 0, 1}, filetype.Consistent, ""},
		{"absolute", rle8, []byte{0, 3, 1, 2, 3, 0, 5, 7, 0, 1}, filetype.Consistent, ""},
		{"nibbles", rle4, []byte{0, 5, 0x12, 0x34, 0x50, 0, 3, 0x11, 0, 1}, filetype.Consistent, ""},
		{"moved", rle8, []byte{0, 2, 3, 2, 5, 1, 0, 1}, filetype.Consistent, ""},
		{"too long a row", rle8, []byte{8, 1, 0, 0, 8, 1, 0, 0, 9, 1, 0, 1}, filetype.Damaged, "lower 50 % (2 of 4 rows)"},
		{"too many rows", rle8, []byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1}, filetype.Damaged, "lower 100 %"},
		{"moved out", rle8, []byte{0, 2, 9, 0, 0, 1}, filetype.Damaged, ""},
		{"no end", rle8, []byte{8, 1, 0, 0, 8, 1, 0, 0}, filetype.Partial, "lower 50 %"},
	}
	for _, tt := range tests {
		depth := uint16(8)
		if tt.kind == rle4 {
			depth = 4
		}
		r, err := examine(t, coded(tt.kind, depth, tt.codes))
		text := ""
		for _, f := range r.Findings {
			text += f.Text
		}
		if err != nil || r.Verdict != tt.verdict || !strings.Contains(text, tt.words) {
			t.Errorf("%s: %v %v %v", tt.name, r.Verdict, r.Findings, err)
		}
	}
}

// The picture ends where its rows do, whatever the header says, and a header that agrees with nothing is none.
func TestSizes(t *testing.T) {
	data := files(t)["v3.bmp"]
	at := func(off int, v uint32) []byte {
		p := bytes.Clone(data)
		binary.LittleEndian.PutUint32(p[off:], v)
		return append(p, 0, 0, 0, 0, 7)
	}
	n := int64(len(data))
	for what, tt := range map[string]struct {
		p    []byte
		size int64
		not  bool
	}{
		"size 0": {at(2, 0), n, false}, "size of the pixels": {at(2, uint32(n)-54), n, false}, "two zeros counted": {at(2, uint32(n)+2), n + 2, false},
		"a byte that is none": {at(2, uint32(n)+5), n, false}, "another size of the pixels": {at(34, 99), n, false},
		"width of a sea": {at(18, 1<<30), 0, true}, "two planes": {at(26, 2|24<<16), 0, true}, "17 bits": {at(26, 1|17<<16), 0, true},
		"pixels in the header": {at(10, 20), 0, true}, "pixels far away": {at(10, 1<<24), 0, true}, "unknown compression": {at(30, 9), 0, true},
		"no row": {at(22, 0), 0, true}, "twice as high": {at(22, 94), 0, true},
	} {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || !tt.not && (r.Size != tt.size || r.Verdict != filetype.Consistent) {
			t.Errorf("%s: %v of %d, expected %d: %v %v", what, r.Verdict, r.Size, tt.size, r.Findings, err)
		}
	}
	// The other way up, the first rows are the upper ones.
	p := at(22, uint32(0x100000000-46))
	r, err := examine(t, p[:len(data)/2])
	if err != nil || r.Verdict != filetype.Partial || r.Size != n || !strings.Contains(r.Findings[0].Text, "upper 47 %") {
		t.Errorf("%v %v %v", r.Verdict, r.Findings, err)
	}
}

// A colour profile behind the pixels belongs to the file.
func TestProfile(t *testing.T) {
	p := bytes.Clone(files(t)["rgb24.bmp"])
	le := binary.LittleEndian
	le.PutUint32(p[14+56:], 0x4D424544)
	le.PutUint32(p[14+112:], uint32(len(p)-14))
	le.PutUint32(p[14+116:], 300)
	le.PutUint32(p[2:], uint32(len(p)+300))
	p = append(p, bytes.Repeat([]byte("profile"), 50)...)
	n := int64(len(files(t)["rgb24.bmp"]))
	if r, err := examine(t, p); err != nil || r.Verdict != filetype.Consistent || r.Size != n+300 {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
	if r, err := examine(t, p[:n+100]); err != nil || r.Verdict != filetype.Partial || r.Size != n+300 {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["rgb24.bmp"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "61 × 46 pixels" || p.Facts[1].Value != "24 bits" {
		t.Errorf("%v %v", p.Facts, err)
	}
	if m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["rgb24.bmp"]), 9); err != nil || m.Bounds().Dx() != 61 {
		t.Errorf("%v", err)
	}
	if _, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["rle.bmp"][:100]), 9); err != filetype.ErrNot {
		t.Errorf("%v", err)
	}
}

// Two letters and noise are no picture.
func TestChance(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for range 20000 {
		p := make([]byte, 600)
		for i := range p {
			p[i] = byte(r.Uint32())
		}
		copy(p, "BM")
		copy(p[6:], "\x00\x00\x00\x00")
		copy(p[14:], "\x28\x00\x00\x00")
		copy(p[26:], "\x01\x00\x18\x00\x00\x00\x00\x00")
		if rep, err := examine(t, p); err == nil && (rep.Verdict >= filetype.Consistent || rep.Size < 1<<20) {
			t.Errorf("%v %v", rep.Verdict, rep.Findings)
		}
	}
}

func TestBomb(t *testing.T) {
	filetypetest.Bomb(t, Formats()[0], coded(rle8, 8, bytes.Repeat([]byte{0, 2, 0, 0}, 1<<20)), 2*time.Second, 1<<20)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	for _, name := range []string{"rgb24.bmp", "rle.bmp"} {
		data := files(b)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := kind.Examine(b.Context(), block.Bytes(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
