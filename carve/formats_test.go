package carve_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"salvor/block"
	"salvor/carve"
	"salvor/filetype"
	jpegformat "salvor/filetype/jpeg"
	pngformat "salvor/filetype/png"
	sqliteformat "salvor/filetype/sqlite"
	textformat "salvor/filetype/text"
	zipformat "salvor/filetype/zip"
)

// realTable has formats as the program has them.
func realTable(t testing.TB) *filetype.Table {
	t.Helper()
	return tableOf(t, slices.Concat(jpegformat.Formats(), pngformat.Formats(), sqliteformat.Formats(), zipformat.Formats())...)
}

// photo returns a picture with detail, so that its files have some KiB.
func photo(seed uint64, w, h int) image.Image {
	rnd := rand.New(rand.NewPCG(seed, 5))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.Set(x, y, color.RGBA{uint8(x * 2), uint8(y * 3), uint8(rnd.IntN(64)), 255})
		}
	}
	return m
}

func jpegOf(t testing.TB, seed uint64, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, photo(seed, w, h), nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pngOf(t testing.TB, seed uint64, w, h int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, photo(seed, w, h)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipOf(t testing.TB, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, p := range members {
		// Sizes in the local header, as most programs write them.
		m, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, CRC32: crc32.ChecksumIEEE(p), CompressedSize64: uint64(len(p)), UncompressedSize64: uint64(len(p))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRealFormats(t *testing.T) {
	j1, j2 := jpegOf(t, 1, 320, 200), jpegOf(t, 2, 200, 100)
	p1, p2 := pngOf(t, 3, 100, 100), pngOf(t, 4, 300, 300)
	z := zipOf(t, map[string][]byte{"a.jpg": jpegOf(t, 5, 100, 100), "b.png": pngOf(t, 6, 50, 50), "c.txt": prose(7, 2000)})
	broken := bytes.Clone(p2)
	broken[len(broken)/2] ^= 0x10
	const size = 4 << 20
	files := map[int][]byte{4096: j1, 131072: p1, 262144: z, 1 << 20: j2, 2<<20 + 512: broken, 3 << 20: p1[:len(p1)/2]}
	data := medium(size, files)
	table := realTable(t)
	found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	whole := map[int64]int{4096: len(j1), 131072: len(p1), 262144: len(z), 1 << 20: len(j2)}
	broke := map[int64]bool{2<<20 + 512: true, 3 << 20: true}
	for _, f := range found {
		switch n, ok := whole[f.Offset]; {
		case ok && f.Report.Verdict >= filetype.Consistent && f.Size == int64(n):
			delete(whole, f.Offset)
		case broke[f.Offset] && (f.Report.Verdict == filetype.Damaged || f.Report.Verdict == filetype.Partial):
			// It is given up to where its format saw the break, which is little behind the break itself.
			if n := len(files[int(f.Offset)]); f.Size > int64(n)+4096 {
				t.Errorf("%#x: %d bytes are given as good, of which %d are", f.Offset, f.Size, n)
			}
		default:
			t.Errorf("false: %s at %#x, %d bytes, %v %v", f.Format.Name, f.Offset, f.Size, f.Report.Verdict, f.Report.Findings)
		}
	}
	if len(whole) > 0 {
		t.Errorf("not found, or not whole: %v; found %d, %+v", whole, len(found), stats)
	}
}

// Noise in which every signature stands many times gives no file.
func TestNoFalseFiles(t *testing.T) {
	const size = 8 << 20
	table := realTable(t)
	for seed := range uint64(2) {
		data := random(20+seed, size)
		rnd := rand.New(rand.NewPCG(seed, 6))
		probes := table.Probes()
		for range 4000 {
			p := probes[rnd.IntN(len(probes))]
			copy(data[rnd.IntN(size-2000)/16*16+int(p.At):], p.Bytes)
		}
		// Headers that are right further than their signature.
		heads := [][]byte{jpegOf(t, 1, 64, 64)[:200], pngOf(t, 2, 64, 64)[:60], zipOf(t, map[string][]byte{"a": prose(3, 600)})[:90]}
		for range 300 {
			copy(data[rnd.IntN(size-2000):], heads[rnd.IntN(len(heads))])
		}
		hits := hitsOf(t, table, data)
		found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hits), Table: table})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			t.Errorf("false: %s at %#x, %d bytes, %v good until %d %v", f.Format.Name, f.Offset, f.Size, f.Report.Verdict, f.Report.GoodUntil, f.Report.Findings)
		}
		if len(hits) < 2000 || stats.Failed > 0 {
			t.Errorf("%d hits, %+v", len(hits), stats)
		}
	}
}

// Text in free space is found with the program's own text formats, which also say what it is.
func TestRealText(t *testing.T) {
	var csv bytes.Buffer
	for i := range 60 {
		fmt.Fprintf(&csv, "2026-11-%02d,sensor-%d,%d.5,ok\n", i%28+1, i%7, 20+i%9)
	}
	western := bytes.ReplaceAll(prose(8, 3000), []byte("ö"), []byte{0xF6})
	western = bytes.Map(func(r rune) rune {
		if r > 0x7F {
			return 'x'
		}
		return r
	}, western)
	copy(western[1000:], "gr\xf6\xdfer als")
	files := map[int][]byte{4096: prose(1, 7000), 65536: json(3000), 131072: json(200), 262144: csv.Bytes(), 300 << 10: western, 400 << 10: prose(2, 200000)}
	exts := map[int64]string{4096: "txt", 65536: "json", 131072: "json", 262144: "csv", 300 << 10: "txt", 400 << 10: "txt"}
	for _, fill := range []byte{0, 0xFF} {
		data := bytes.Repeat([]byte{fill}, 1<<20)
		copy(data[700<<10:], random(30, 300<<10))
		for at, p := range files {
			copy(data[at:], p)
		}
		got := map[int64]string{}
		_, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, 1<<20)),
			Table: tableOf(t, slices.Concat(textformat.Formats(), pngformat.Formats())...),
			Emit: func(f carve.Found) error {
				got[f.Offset] = f.Format.Extension(f.Report)
				if p := files[int(f.Offset)]; f.Size != int64(len(p)) {
					t.Errorf("%#x: %d bytes, want %d", f.Offset, f.Size, len(p))
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, exts) {
			t.Errorf("found %v, want %v", got, exts)
		}
	}
}
