package png_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	stdpng "image/png"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/png"
)

func files(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.png")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d fixtures, %v", len(names), err)
	}
	out := map[string][]byte{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(n)] = b
	}
	return out
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Proven, Head: 8, Extension: "png"}
		if name == "texts.png" {
			s.Title = "Harbour at dawn"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, png.Formats()[0], samples)
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, png.Formats()[0], data)
}

func has(r filetype.Report, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// ck makes a chunk.
func ck(kind string, data []byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(append(b, kind...), data...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:]))
}

func ihdr(w, h uint32, depth, colour, interlace byte) []byte {
	b := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return ck("IHDR", append(b, depth, colour, 0, 0, interlace))
}

func deflated(p []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func file(chunks ...[]byte) []byte {
	return append([]byte("\x89PNG\r\n\x1a\n"), bytes.Join(chunks, nil)...)
}

// The rules of chunks and their contents, each in a file whose sums are all right.
func TestRules(t *testing.T) {
	end := ck("IEND", nil)
	grey := ihdr(2, 2, 8, 0, 0)
	good := deflated([]byte{0, 1, 2, 0, 3, 4})
	actl := func(n byte) []byte { return ck("acTL", []byte{0, 0, 0, n, 0, 0, 0, 0}) }
	fctl := func(seq, w, h, x byte) []byte {
		return ck("fcTL", []byte{0, 0, 0, seq, 0, 0, 0, w, 0, 0, 0, h, 0, 0, 0, x, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0})
	}
	fdat := func(seq byte, p []byte) []byte { return ck("fdAT", append([]byte{0, 0, 0, seq}, p...)) }
	half := len(good) / 2
	tests := []struct {
		name    string
		data    []byte
		verdict filetype.Verdict
		code    string
	}{
		{"good", file(grey, ck("IDAT", good), end), filetype.Proven, ""},
		{"two chunks of pixels", file(grey, ck("IDAT", good[:half]), ck("IDAT", nil), ck("IDAT", good[half:]), end), filetype.Proven, ""},
		{"no header", file(ck("IDAT", good), end), filetype.Damaged, "png.order"},
		{"two headers", file(grey, grey, ck("IDAT", good), end), filetype.Damaged, "png.order"},
		{"no pixels", file(grey, end), filetype.Damaged, "png.order"},
		{"pixels apart", file(grey, ck("IDAT", good[:half]), ck("tEXt", []byte("a\x00b")), ck("IDAT", good[half:]), end), filetype.Damaged, "png.pixels"},
		{"pixels twice", file(grey, ck("IDAT", good), ck("tEXt", []byte("a\x00b")), ck("IDAT", good), end), filetype.Damaged, "png.order"},
		{"no palette", file(ihdr(2, 2, 8, 3, 0), ck("IDAT", good), end), filetype.Damaged, "png.order"},
		{"palette in grey", file(grey, ck("PLTE", []byte{1, 2, 3}), ck("IDAT", good), end), filetype.Damaged, "png.order"},
		{"palette too long", file(ihdr(8, 2, 1, 3, 0), ck("PLTE", make([]byte, 9)), ck("IDAT", good), end), filetype.Damaged, "png.header"},
		{"no size", file(ihdr(0, 2, 8, 0, 0), ck("IDAT", good), end), filetype.Damaged, "png.header"},
		{"no such depth", file(ihdr(2, 2, 4, 2, 0), ck("IDAT", good), end), filetype.Damaged, "png.header"},
		{"no such interlace", file(ihdr(2, 2, 8, 0, 2), ck("IDAT", good), end), filetype.Damaged, "png.header"},
		{"too large for anyone", file(ihdr(1<<31-1, 1<<31-1, 16, 6, 0), ck("IDAT", good), end), filetype.Damaged, "png.header"},
		{"no such filter", file(grey, ck("IDAT", deflated([]byte{0, 1, 2, 5, 3, 4})), end), filetype.Damaged, "png.filter"},
		{"too few pixels", file(grey, ck("IDAT", deflated([]byte{0, 1, 2, 0, 3})), end), filetype.Damaged, "png.pixel-count"},
		{"too many pixels", file(grey, ck("IDAT", deflated([]byte{0, 1, 2, 0, 3, 4, 5})), end), filetype.Damaged, "png.pixel-count"},
		{"stream ends early", file(grey, ck("IDAT", good[:len(good)-5]), end), filetype.Damaged, "png.pixels"},
		{"bytes behind the stream", file(grey, ck("IDAT", append(bytes.Clone(good), 1, 2)), end), filetype.Consistent, "png.extra-data"},
		{"unknown and needed", file(grey, ck("ABCD", nil), ck("IDAT", good), end), filetype.Consistent, "png.unknown-critical"},
		{"unknown", file(grey, ck("abCd", nil), ck("IDAT", good), end), filetype.Proven, ""},
		{"no chunk", file(grey, []byte("\x00\x00\x00\x01\x01\x02\x03\x04")), filetype.Damaged, "png.chunk"},
		{"data in the end", file(grey, ck("IDAT", good), ck("IEND", []byte{1})), filetype.Damaged, "png.header"},
		{"Apple's own", file(ck("CgBI", []byte{1, 2, 3, 4}), grey), filetype.Unknown, "png.cgbi"},
		{"animation", file(grey, actl(2), fctl(0, 2, 2, 0), ck("IDAT", good), fctl(1, 2, 2, 0), fdat(2, good), end), filetype.Proven, ""},
		{"animation in pieces", file(grey, actl(1), ck("IDAT", good), fctl(0, 2, 2, 0), fdat(1, good[:half]), fdat(2, good[half:]), end), filetype.Proven, ""},
		{"frame missing", file(grey, actl(2), fctl(0, 2, 2, 0), ck("IDAT", good), end), filetype.Damaged, "png.animation"},
		{"frame out of order", file(grey, actl(2), fctl(0, 2, 2, 0), ck("IDAT", good), fctl(2, 2, 2, 0), fdat(3, good), end), filetype.Damaged, "png.animation"},
		{"frame's data out of order", file(grey, actl(2), fctl(0, 2, 2, 0), ck("IDAT", good), fctl(1, 2, 2, 0), fdat(3, good), end), filetype.Damaged, "png.animation"},
		{"frame outside", file(grey, actl(1), ck("IDAT", good), fctl(0, 2, 2, 1), fdat(1, good), end), filetype.Damaged, "png.animation"},
		{"frame of another size", file(grey, actl(1), ck("IDAT", good), fctl(0, 1, 2, 0), fdat(1, good), end), filetype.Damaged, "png.pixel-count"},
		{"frame data without frame", file(grey, actl(1), ck("IDAT", good), fdat(0, good), end), filetype.Damaged, "png.order"},
		{"frames without animation", file(grey, ck("IDAT", good), fdat(7, good), end), filetype.Proven, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := examine(t, tt.data)
			if r.Verdict != tt.verdict || tt.code != "" && !has(r, tt.code) {
				t.Errorf("%v %v, expected %v with %q", r.Verdict, r.Findings, tt.verdict, tt.code)
			}
		})
	}
}

// A broken picture still has its end, and says how many rows are good.
func TestDamagedKeepsItsEnd(t *testing.T) {
	data := bytes.Clone(files(t)["rgb8.png"])
	data[len(data)/2] ^= 0x10
	r := examine(t, append(data, "behind"...))
	if r.Verdict != filetype.Damaged || r.Size != int64(len(data)) || r.GoodUntil >= r.Size {
		t.Errorf("%v, %d of %d bytes, good until %d: %v", r.Verdict, r.Size, len(data), r.GoodUntil, r.Findings)
	}
	hole := block.Extent{Offset: int64(len(data)) / 2, Length: 100}
	src := &filetypetest.Holed{Source: block.Bytes(files(t)["rgb8.png"]), Holes: block.SetOf(hole, hole.Shift(200))}
	r, err := png.Examine(t.Context(), src)
	if err != nil || r.Verdict != filetype.Partial || r.Size != int64(len(data)) || !r.Missing.Equal(src.Holes) {
		t.Errorf("%v, %d of %d bytes, missing %v: %v %v", r.Verdict, r.Size, len(data), r.Missing.Extents(), r.Findings, err)
	}
}

func TestHints(t *testing.T) {
	grey, good, end := ihdr(2, 2, 8, 0, 0), deflated([]byte{0, 1, 2, 0, 3, 4}), ck("IEND", nil)
	r := examine(t, file(grey, ck("tEXt", []byte("Author\x00Ada")), ck("iTXt", []byte("Title\x00\x00\x00de\x00Titel\x00Häfen")),
		ck("tIME", []byte{0x07, 0xE7, 4, 5, 6, 7, 8}), ck("IDAT", good), end))
	if r.Hints.Title != "Häfen" || r.Hints.Author != "Ada" || !r.Hints.Taken.Equal(time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)) {
		t.Errorf("%+v", r.Hints)
	}
}

// A picture of 4 GiB in four MiB costs no memory.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("inflates 256 MiB")
	}
	rows := make([]byte, (1<<14+1)*(1<<14))
	data := file(ihdr(1<<14, 1<<14, 8, 0, 0), ck("IDAT", deflated(rows)), ck("IEND", nil))
	rows = nil
	r := filetypetest.Bomb(t, png.Formats()[0], data, 20*time.Second, 4<<20)
	if r.Verdict != filetype.Proven {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

// What image/png refuses is never called whole here.
func TestAgainstImagePNG(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	agree, refused := 0, 0
	for name, data := range files(t) {
		if _, err := stdpng.Decode(bytes.NewReader(data)); err != nil {
			t.Errorf("%s: image/png refuses the fixture: %v", name, err)
		}
		for range 200 {
			c := bytes.Clone(data)
			c[r.IntN(len(c))] ^= 1 << r.IntN(8)
			if _, err := stdpng.Decode(bytes.NewReader(c)); err == nil {
				continue
			}
			refused++
			rep, err := png.Examine(t.Context(), block.Bytes(c))
			if err != nil || rep.Verdict < filetype.Consistent {
				agree++
			} else if rep.Size == int64(len(c)) {
				t.Errorf("%s: image/png refuses what is %v here", name, rep.Verdict)
			}
		}
	}
	t.Logf("of %d flipped files that image/png refuses, %d are refused here", refused, agree)
}

func TestFindings(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range png.Findings {
		if seen[d.Code] || !strings.HasPrefix(d.Code, "png.") || d.Text == "" {
			t.Errorf("declared badly: %+v", d)
		}
		seen[d.Code] = true
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 20000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, png.Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	data := files(b)["rgb8.png"]
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := png.Examine(b.Context(), block.Bytes(data)); err != nil {
			b.Fatal(err)
		}
	}
}
