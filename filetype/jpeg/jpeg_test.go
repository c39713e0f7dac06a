package jpeg_test

import (
	"bytes"
	"encoding/binary"
	"image"
	stdjpeg "image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/jpeg"
	"salvor/internal/need"
)

func files(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*.jpg")
	if err != nil || len(names) < 15 {
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
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 160, Extension: "jpg"}
		if name == "arithmetic.jpg" {
			s.Verdict = filetype.Unknown
		}
		if name == "exif.jpg" {
			s.Title = "Harbour at dawn"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, jpeg.Formats()[0], samples)
}

func examine(t testing.TB, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, jpeg.Formats()[0], data)
}

func has(r filetype.Report, code, words string) bool {
	for _, f := range r.Findings {
		if f.Code == code && strings.Contains(f.Text, words) {
			return true
		}
	}
	return false
}

func TestHints(t *testing.T) {
	h := examine(t, files(t)["exif.jpg"]).Hints
	if h.Camera != "ACME Cam 7" || h.Author != "Ada" || !h.Taken.Equal(time.Date(2023, 4, 5, 4, 7, 8, 0, time.UTC)) {
		t.Errorf("%+v", h)
	}
}

// at returns the offset of the n-th place (from 0) where marker m stands.
func at(t *testing.T, data []byte, m byte, n int) int {
	t.Helper()
	for i := 0; i+1 < len(data); i++ {
		if data[i] == 0xFF && data[i+1] == m {
			if n == 0 {
				return i
			}
			n--
		}
	}
	t.Fatalf("no marker FF%02X number %d", m, n)
	return 0
}

// Each contradiction is found where it stands.
func TestContradictions(t *testing.T) {
	f := files(t)
	tests := []struct {
		name, file string
		change     func([]byte) []byte
		code       string
		words      string
	}{
		{"restart markers swapped", "restart-rows.jpg", func(b []byte) []byte {
			i := at(t, b, 0xD2, 0)
			b[i+1] = 0xD3
			return b
		}, "jpeg.scan", "expected restart marker 2, found marker FFD3"},
		{"restart marker lost", "restart-rows.jpg", func(b []byte) []byte {
			i := at(t, b, 0xD1, 0)
			return append(b[:i:i], b[i+2:]...)
		}, "jpeg.scan", "restart marker 1"},
		{"a row lost", "restart-rows.jpg", func(b []byte) []byte {
			i, j := at(t, b, 0xD1, 0), at(t, b, 0xD2, 0)
			return append(b[:i:i], b[j:]...)
		}, "jpeg.scan", "restart marker 1, found marker FFD2"},
		{"early end", "base420.jpg", func(b []byte) []byte {
			return append(b[:len(b)/2:len(b)/2], 0xFF, 0xD9)
		}, "jpeg.scan", "found marker FFD9"},
		{"late end", "base420.jpg", func(b []byte) []byte {
			return append(b[:len(b)-2:len(b)-2], 0x12, 0x34, 0x56, 0xFF, 0xD9)
		}, "jpeg.scan", "found more data"},
		{"no end", "base420.jpg", func(b []byte) []byte {
			return append(b[:len(b)-2:len(b)-2], 0xFF, 0xD8, 0xFF, 0xE0)
		}, "jpeg.segment", "found FFD8"},
		{"no tables", "base420.jpg", func(b []byte) []byte {
			i := at(t, b, 0xC4, 0)
			n := int(binary.BigEndian.Uint16(b[i+2:]))
			return append(b[:i:i], b[i+2+n:]...)
		}, "jpeg.segment", "tables of component"},
		{"no picture", "base420.jpg", func(b []byte) []byte {
			return append(b[:at(t, b, 0xDA, 0)], 0xFF, 0xD9)
		}, "jpeg.segment", "expected a picture"},
		{"a component lost", "scans.jpg", func(b []byte) []byte {
			return append(b[:at(t, b, 0xDA, 2)], 0xFF, 0xD9)
		}, "jpeg.segment", "a scan of component"},
		{"a component twice", "scans.jpg", func(b []byte) []byte {
			i := at(t, b, 0xDA, 1)
			b[i+5] = b[at(t, b, 0xDA, 0)+5]
			return b
		}, "jpeg.segment", "each component in one scan"},
		{"bits out of order", "progressive.jpg", func(b []byte) []byte {
			i := at(t, b, 0xDA, 0)
			b[i+int(b[i+3])+1] = 0x00
			return b
		}, "jpeg.segment", "to go on from bit"},
		{"two frames", "base420.jpg", func(b []byte) []byte {
			i := at(t, b, 0xC0, 0)
			n := 2 + int(binary.BigEndian.Uint16(b[i+2:]))
			return append(append(bytes.Clone(b[:i+n]), b[i:i+n]...), b[i+n:]...)
		}, "jpeg.segment", "one frame"},
		{"a sector of another file", "base444.jpg", func(b []byte) []byte {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 512 {
				b[5000+i] = byte(r.Uint32())
			}
			return b
		}, "jpeg.scan", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := tt.change(bytes.Clone(f[tt.file]))
			r := examine(t, data)
			if r.Verdict != filetype.Damaged || !has(r, tt.code, tt.words) || r.GoodUntil == 0 {
				t.Errorf("%v, good until %d of %d: %v", r.Verdict, r.GoodUntil, len(data), r.Findings)
			}
		})
	}
}

// A cut picture says how much of it is there, and is good up to a whole row.
func TestCutSaysHowMuch(t *testing.T) {
	data := files(t)["base444.jpg"]
	n := len(data) * 2 / 3
	r := examine(t, data[:n])
	if r.Verdict != filetype.Partial || !has(r, "jpeg.part", "%") || r.GoodUntil > int64(n) || r.GoodUntil < int64(n)/2 {
		t.Errorf("%v, good until %d of %d: %v", r.Verdict, r.GoodUntil, n, r.Findings)
	}
	// What is good ends where a row does: with that, and the lines cut to it, it is a whole picture.
	i := at(t, data, 0xC0, 0)
	short := append(bytes.Clone(data[:r.GoodUntil]), 0xFF, 0xD9)
	for lines := 8; lines < 120; lines += 8 {
		binary.BigEndian.PutUint16(short[i+5:], uint16(lines))
		if got := examine(t, short); got.Verdict == filetype.Consistent {
			t.Logf("%d lines are good", lines)
			return
		}
	}
	t.Log("the row ends inside a byte")
}

// Some writers set a restart marker behind the last interval too; only the right one.
func TestLastRestart(t *testing.T) {
	data := files(t)["restart-rows.jpg"]
	for m, want := range map[byte]filetype.Verdict{0xD7: filetype.Consistent, 0xD6: filetype.Damaged} {
		c := append(bytes.Clone(data[:len(data)-2]), 0xFF, m, 0xFF, 0xD9)
		if r := examine(t, c); r.Verdict != want || want == filetype.Consistent && r.Size != int64(len(c)) {
			t.Errorf("FF%02X: %v, %d of %d bytes: %v", m, r.Verdict, r.Size, len(c), r.Findings)
		}
	}
}

// The number of lines may come behind the first scan.
func TestLateLines(t *testing.T) {
	for _, name := range []string{"base420.jpg", "gray.jpg", "base444.jpg", "scans.jpg"} {
		data := bytes.Clone(files(t)[name])
		i := at(t, data, 0xC0, 0)
		lines := binary.BigEndian.Uint16(data[i+5:])
		binary.BigEndian.PutUint16(data[i+5:], 0)
		end := at(t, data, 0xDA, 0) + 2
		for data[end] != 0xFF || data[end+1] == 0 { // the first scan has no restart markers
			end++
		}
		dnl := binary.BigEndian.AppendUint16([]byte{0xFF, 0xDC, 0, 4}, lines)
		whole := append(append(bytes.Clone(data[:end]), dnl...), data[end:]...)
		if r := examine(t, whole); r.Verdict != filetype.Consistent || r.Size != int64(len(whole)) {
			t.Errorf("%s: %v, %d of %d bytes: %v", name, r.Verdict, r.Size, len(whole), r.Findings)
		}
		if r := examine(t, data); r.Verdict == filetype.Consistent {
			t.Errorf("%s: no number of lines, and %v", name, r.Verdict)
		}
	}
}

// mpo joins pictures into a multi-picture file, whose index is in the first.
func mpo(first []byte, others ...[]byte) []byte {
	le := binary.LittleEndian
	n := uint32(len(others) + 1)
	seg := []byte("MPF\x00II\x2a\x00\x08\x00\x00\x00")
	seg = le.AppendUint16(seg, 1)
	seg = le.AppendUint32(le.AppendUint16(le.AppendUint16(seg, 0xB002), 7), 16*n)
	seg = le.AppendUint32(le.AppendUint32(seg, 26), 0)
	base := 2 + 4 + 4 // SOI, marker and length, "MPF\0"
	size := len(first) + 4 + len(seg) + 16*int(n)
	off := size
	seg = append(seg, make([]byte, 16)...)
	for _, o := range others {
		seg = le.AppendUint32(seg, 0)
		seg = le.AppendUint32(seg, uint32(len(o)))
		seg = le.AppendUint32(seg, uint32(off-base))
		seg = le.AppendUint32(seg, 0)
		off += len(o)
	}
	out := append([]byte{0xFF, 0xD8, 0xFF, 0xE2}, binary.BigEndian.AppendUint16(nil, uint16(len(seg)+2))...)
	out = append(append(out, seg...), first[2:]...)
	for _, o := range others {
		out = append(out, o...)
	}
	return out
}

func TestMultiPicture(t *testing.T) {
	f := files(t)
	whole := mpo(f["base420.jpg"], f["gray.jpg"], f["progressive.jpg"])
	r := examine(t, append(bytes.Clone(whole), "behind"...))
	if r.Verdict != filetype.Consistent || r.Size != int64(len(whole)) {
		t.Fatalf("%v, %d of %d bytes: %v", r.Verdict, r.Size, len(whole), r.Findings)
	}
	r = examine(t, whole[:len(whole)-10])
	if r.Verdict != filetype.Partial || r.Missing.Bytes() != 10 || r.Size != int64(len(whole)) {
		t.Errorf("cut: %v, missing %v: %v", r.Verdict, r.Missing.Extents(), r.Findings)
	}
	broken := bytes.Clone(whole)
	copy(broken[len(broken)-2000:], make([]byte, 1500))
	if r = examine(t, broken); r.Verdict != filetype.Damaged {
		t.Errorf("broken: %v %v", r.Verdict, r.Findings)
	}
	foreign := bytes.Clone(whole)
	copy(foreign[len(foreign)-len(f["progressive.jpg"]):], "not a JPEG")
	if r = examine(t, foreign); r.Verdict != filetype.Consistent || !has(r, "jpeg.other-picture", "picture 3") ||
		r.Size != int64(len(whole)-len(f["progressive.jpg"])) {
		t.Errorf("foreign: %v, %d bytes: %v", r.Verdict, r.Size, r.Findings)
	}
	hole := &filetypetest.Holed{Source: block.Bytes(whole), Holes: block.SetOf(block.Extent{Offset: int64(len(whole)) - 500, Length: 10})}
	r, err := jpeg.Examine(t.Context(), hole)
	if err != nil || r.Verdict != filetype.Partial || !r.Missing.Equal(hole.Holes) {
		t.Errorf("hole: %v, missing %v: %v %v", r.Verdict, r.Missing.Extents(), r.Findings, err)
	}
}

// A header that claims 65500 by 65500 pixels costs neither time nor memory beyond its data.
func TestBomb(t *testing.T) {
	for _, name := range []string{"progressive.jpg", "base420.jpg"} {
		data := bytes.Clone(files(t)[name])
		m := byte(0xC0)
		if name == "progressive.jpg" {
			m = 0xC2
		}
		i := at(t, data, m, 0)
		binary.BigEndian.PutUint16(data[i+5:], 65500)
		binary.BigEndian.PutUint16(data[i+7:], 65500)
		if r := filetypetest.Bomb(t, jpeg.Formats()[0], data, 2*time.Second, 8<<20); r.Verdict == filetype.Consistent {
			t.Errorf("%s: %v", name, r.Verdict)
		}
	}
	// Fill bytes without end, as erased flash gives.
	data := append(bytes.Clone(files(t)["base420.jpg"][:600]), bytes.Repeat([]byte{0xFF}, 1<<20)...)
	if r := filetypetest.Bomb(t, jpeg.Formats()[0], data, time.Second, 8<<20); r.Verdict == filetype.Consistent {
		t.Error(r.Verdict)
	}
}

// djpeg, with warnings as errors, and image/jpeg agree on whole pictures; over flipped bits the rates of
// what each sees are told.
func TestAgainstDecoders(t *testing.T) {
	djpeg := need.Tool(t, "djpeg")
	accepts := func(data []byte) bool {
		cmd := exec.Command(djpeg, "-strict", "-outfile", os.DevNull)
		cmd.Stdin = bytes.NewReader(data)
		return cmd.Run() == nil
	}
	r := rand.New(rand.NewPCG(11, 12))
	rounds := 25
	if testing.Short() {
		rounds = 4
	}
	var flips, ours, theirs, both, theirsOnly int
	for name, data := range files(t) {
		rep := examine(t, data)
		if !accepts(data) {
			t.Errorf("%s: djpeg refuses the fixture", name)
		}
		if rep.Verdict != filetype.Consistent {
			continue
		}
		if _, err := stdjpeg.Decode(bytes.NewReader(data)); err != nil && name != "odd411.jpg" {
			t.Logf("%s: image/jpeg: %v", name, err)
		}
		for range rounds {
			c := bytes.Clone(data)
			c[r.IntN(len(c))] ^= 1 << r.IntN(8)
			rep, err := jpeg.Examine(t.Context(), block.Bytes(c))
			seen := err != nil || rep.Verdict != filetype.Consistent || rep.Size != int64(len(c))
			refused := !accepts(c)
			flips++
			if seen {
				ours++
			}
			if refused {
				theirs++
			}
			if seen && refused {
				both++
			}
			if refused && !seen {
				theirsOnly++
			}
		}
	}
	t.Logf("of %d flipped bits, %d are seen here, %d by djpeg -strict, %d by both, %d by djpeg alone", flips, ours, theirs, both, theirsOnly)
	if theirsOnly*50 > flips {
		t.Errorf("djpeg alone sees %d of %d flips", theirsOnly, flips)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, jpeg.Formats()[0], data) })
}

func BenchmarkBaseline(b *testing.B) {
	m := image.NewYCbCr(image.Rect(0, 0, 2048, 1536), image.YCbCrSubsampleRatio420)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range m.Y {
		m.Y[i] = byte(128 + 60*((i/64)%2) + r.IntN(40))
	}
	for i := range m.Cb {
		m.Cb[i], m.Cr[i] = byte(100+i%50), byte(100+r.IntN(20))
	}
	var buf bytes.Buffer
	if err := stdjpeg.Encode(&buf, m, &stdjpeg.Options{Quality: 90}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(buf.Len()))
	for b.Loop() {
		if r, err := jpeg.Examine(b.Context(), block.Bytes(buf.Bytes())); err != nil || r.Verdict != filetype.Consistent {
			b.Fatal(r, err)
		}
	}
}
