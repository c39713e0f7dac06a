package tiff

import (
	"bytes"
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
	return filetypetest.Load(t, os.DirFS("testdata"), "*.tif")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 16, Extension: "tif"}
		if name == "exif.tif" {
			s.Title, s.Head = "Harbour", 700
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func text(r filetype.Report) (s string) {
	for _, f := range r.Findings {
		s += f.Text + "\n"
	}
	return s
}

// A broken strip is told by its place, with the rows above it, and the end of the file is still found.
func TestBrokenStrip(t *testing.T) {
	for _, name := range []string{"lzw.tif", "zip.tif", "packbits.tif", "tiled.tif", "jpeg.tif"} {
		p := files(t)[name]
		found := 0
		for at := 600; at+600 < len(p); at += 211 {
			q := bytes.Clone(p)
			for i := range 400 {
				q[at+i] = byte(i*7) | 0x80
			}
			r, err := examine(t, q)
			if err != nil {
				continue
			}
			if r.Verdict == filetype.Damaged && r.Size == int64(len(p)) && strings.Contains(text(r), "strip") {
				found++
			}
		}
		if found == 0 && name != "jpeg.tif" {
			t.Errorf("%s: no overwritten strip was found", name)
		}
	}
	p := files(t)["zip.tif"]
	r, err := examine(t, p)
	if err != nil || r.Hints.Camera != "" {
		t.Errorf("%v %v", r.Hints, err)
	}
}

func TestUpper(t *testing.T) {
	p := bytes.Clone(files(t)["none.tif"])
	// The directory stands behind the strips: without it nothing is known.
	r, err := examine(t, p[:len(p)/2])
	if err != nil || r.Verdict != filetype.Partial || r.GoodUntil != 8 {
		t.Errorf("%v good until %d: %v %v", r.Verdict, r.GoodUntil, r.Findings, err)
	}
	raw := rawFile(t, "dng")
	r, err = examine(t, raw[:len(raw)-1000])
	if err != nil || r.Verdict != filetype.Partial || r.Size != int64(len(raw)) || r.GoodUntil != int64(len(raw)-1000) ||
		!strings.Contains(text(r), "the upper 87 % (28 of 32 rows)") {
		t.Errorf("%v good until %d of %d: %v %v", r.Verdict, r.GoodUntil, r.Size, text(r), err)
	}
}

func TestHints(t *testing.T) {
	r, err := examine(t, files(t)["exif.tif"])
	h := r.Hints
	if err != nil || h.Camera != "Maker Cam 1" || h.Author != "Ada" || !h.Taken.Equal(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)) {
		t.Errorf("%+v %v", h, err)
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	p, err := f.Preview(t.Context(), block.Bytes(files(t)["pages.tif"]))
	if err != nil || len(p.Facts) < 2 || p.Facts[0].Value != "64 × 48 pixels" || p.Facts[1].Value != "3" {
		t.Errorf("%v %v", p.Facts, err)
	}
	m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["lzw.tif"]), 10)
	if err != nil || m.Bounds().Dx() != 80 {
		t.Errorf("%v", err)
	}
}

// Directories that loop, or ask for what cannot be, cost nothing.
func TestHostile(t *testing.T) {
	p := files(t)["none.tif"]
	r := rand.New(rand.NewPCG(3, 3))
	first := int(p[4]) | int(p[5])<<8 | int(p[6])<<16
	for range 3000 {
		q := bytes.Clone(p)
		for range 1 + r.IntN(6) {
			q[first+r.IntN(len(q)-first)] = byte(r.Uint32())
		}
		if rep, err := examine(t, q); err == nil && rep.Verdict == filetype.Proven {
			t.Error("proven")
		}
	}
	loop := bytes.Clone(p)
	n := int(p[first]) | int(p[first+1])<<8
	copy(loop[first+2+12*n:], p[4:8])
	if rep, err := examine(t, loop); err != nil || rep.Verdict != filetype.Consistent {
		t.Errorf("a loop: %v %v", rep.Verdict, err)
	}
	bomb := bytes.Clone(files(t)["zip.tif"])
	filetypetest.Bomb(t, Formats()[0], bomb, 2*time.Second, 8<<20)
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	for _, kind := range rawKinds {
		f.Add(rawFile(f, kind))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		filetypetest.Fuzz(t, Formats()[0], data)
		filetypetest.Fuzz(t, Formats()[1], data)
	})
}

func BenchmarkExamine(b *testing.B) {
	for _, name := range []string{"none.tif", "lzw.tif", "zip.tif", "packbits.tif"} {
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
