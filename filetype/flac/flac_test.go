package flac

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.flac")
}

// firstFrame returns where the frames begin, less 8.
func firstFrame(p []byte) int {
	off := 4
	for {
		last := p[off]&0x80 != 0
		off += 4 + (int(p[off+1])<<16 | int(p[off+2])<<8 | int(p[off+3]))
		if last {
			return off - 8
		}
	}
}

// follow returns where the frames of p from off on end, and the byte behind each, which is not told from a fill.
func follow(t testing.TB, p []byte, off, depth int) (ends []int64) {
	t.Helper()
	for off < len(p) {
		f, ok := parseFrame(p[off:])
		if !ok {
			t.Fatalf("no frame at %d", off)
		}
		n, err := f.measure(p[off:], depth)
		if err != nil {
			t.Fatalf("the frame at %d: %v", off, err)
		}
		if sum.Update(0, p[off:off+n]) != 0 {
			t.Fatalf("the frame at %d of %d bytes fails its check", off, n)
		}
		off += n
		ends = append(ends, int64(off), int64(off+1))
	}
	return ends
}

// Every frame of encoders ends, bit by bit, where its check says.
func TestMeasure(t *testing.T) {
	for name, depth := range map[string]int{"tone.flac": 16, "noise24.flac": 24, "cover.flac": 8, "stream.flac": 16} {
		p := files(t)[name]
		ends := follow(t, p, 8+firstFrame(p), depth)
		if len(ends) < 4 || ends[len(ends)-2] != int64(len(p)) {
			t.Errorf("%s: %v of %d", name, ends, len(p))
		}
	}
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"tone.flac": "A tone", "cover.flac": "Sweep"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name], Extension: "flac", Head: 8}
		if name == "stream.flac" {
			s.Loose, s.Ends = true, follow(t, data, 8+firstFrame(data), 16)
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

// Any flipped bit in the sound is found, and the sound is good up to its frame.
func TestFlipped(t *testing.T) {
	for name, depth := range map[string]int{"tone.flac": 16, "noise24.flac": 24} {
		p := files(t)[name]
		first := 8 + firstFrame(p)
		ends := follow(t, p, first, depth)
		for at := first; at < len(p); at += 37 {
			q := bytes.Clone(p)
			q[at] ^= 1 << (at % 8)
			good := int64(first)
			for _, e := range ends {
				if e <= int64(at) && e > good && (e-good) > 1 {
					good = e
				}
			}
			r, err := examine(t, q)
			if err != nil || r.Verdict >= filetype.Consistent || r.GoodUntil > int64(at) || r.GoodUntil < good-1 {
				t.Fatalf("%s: flipped at %d: %v good until %d, expected %d: %v %v", name, at, r.Verdict, r.GoodUntil, good, r.Findings, err)
			}
		}
	}
}

func TestCut(t *testing.T) {
	p := files(t)["tone.flac"]
	r, err := examine(t, p[:len(p)*3/4])
	if err != nil || r.Verdict != filetype.Partial || !strings.Contains(r.Findings[0].Text, "plays 0:00–0:00 of 0:02") {
		t.Errorf("%v %v", r.Findings, err)
	}
	// Another file of the same maker behind the cut is not taken for the rest.
	r, err = examine(t, append(bytes.Clone(p[:len(p)*3/4]), p...))
	if err != nil || r.Verdict != filetype.Damaged || r.GoodUntil > int64(len(p)*3/4) {
		t.Errorf("%v %v %v", r.Verdict, r.Findings, err)
	}
}

func TestTagged(t *testing.T) {
	p := files(t)["tone.flac"]
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x14"), make([]byte, 20)...)
	v1 := append([]byte("TAG"), make([]byte, 125)...)
	q := bytes.Join([][]byte{id3, p, v1}, nil)
	if r, err := examine(t, append(q, "more"...)); err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(q)) {
		t.Errorf("%v of %d, expected %d: %v %v", r.Verdict, r.Size, len(q), r.Findings, err)
	}
	if _, err := examine(t, append(id3, files(t)["tone.flac"][100:]...)); err != filetype.ErrNot {
		t.Errorf("a tag before something else: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	p := files(t)["tone.flac"]
	off := 8 + firstFrame(p)
	for at := off; at < off+6; at++ {
		for bit := range 8 {
			q := bytes.Clone(p[off : off+16])
			q[at-off] ^= 1 << bit
			if _, ok := parseFrame(q); ok {
				t.Errorf("bit %d of byte %d of a header flipped: accepted", bit, at-off)
			}
		}
	}
	for n := range 16 {
		parseFrame(p[off : off+n])
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["tone.flac"]))
	if err != nil || len(p.Facts) != 4 || p.Facts[2].Value != "FLAC, 16 bit, 11025 Hz, mono" || p.Facts[3].Value != "0:02" {
		t.Errorf("%v %v", p.Facts, err)
	}
	m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["cover.flac"]), 10)
	if err != nil || m.Bounds().Dx() != 32 {
		t.Errorf("%v", err)
	}
	if _, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["tone.flac"]), 10); err != filetype.ErrNot {
		t.Errorf("%v", err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func FuzzMeasure(f *testing.F) {
	p := files(f)["noise24.flac"]
	f.Add(p[8+firstFrame(p):], 24)
	f.Fuzz(func(t *testing.T, p []byte, depth int) {
		if fr, ok := parseFrame(p); ok {
			if n, err := fr.measure(p, depth&31+1); err == nil && (n > len(p) || n < 8) {
				t.Errorf("%d of %d bytes", n, len(p))
			}
		}
	})
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["noise24.flac"])
}
