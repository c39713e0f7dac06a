package avi

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.avi")
}

func TestSuite(t *testing.T) {
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Head: 12, Extension: "avi"}
		if name == "mjpeg.avi" {
			s.Title = "Test ride"
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	return filetypetest.Examine(t, Formats()[0], data)
}

func chunk(id string, parts ...string) string {
	data := strings.Join(parts, "")
	p := id + string(binary.LittleEndian.AppendUint32(nil, uint32(len(data)))) + data
	if len(data)%2 == 1 {
		p += "\x00"
	}
	return p
}

func le(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }

// header returns a list hdrl of one stream of pictures, with the given number of frames in all parts.
func header(total int) string {
	strh := "vids" + "XVID" + strings.Repeat("\x00", 12) + le(1) + le(10) + le(0) + le(total) + strings.Repeat("\x00", 20)
	return chunk("LIST", "hdrl", chunk("avih", le(100000), strings.Repeat("\x00", 52)),
		chunk("LIST", "strl", chunk("strh", strh)), chunk("LIST", "odml", chunk("dmlh", le(total))))
}

// Further parts belong to the film, and one that is announced and not there is missing.
func TestParts(t *testing.T) {
	first := chunk("RIFF", "AVI ", header(3), chunk("LIST", "movi", chunk("00dc", "abc"), chunk("LIST", "rec ", chunk("00dc", "de"))))
	second := chunk("RIFF", "AVIX", chunk("LIST", "movi", chunk("00dc", "fghi"), chunk("ix00", "....")))
	r, err := examine(t, []byte(first+second+"behind it"))
	if err != nil || r.Verdict != filetype.Consistent || r.Size != int64(len(first+second)) {
		t.Errorf("%v of %d, expected %d: %v %v", r.Verdict, r.Size, len(first+second), r.Findings, err)
	}
	r, err = examine(t, []byte(first))
	if err != nil || r.Verdict != filetype.Partial || r.GoodUntil != int64(len(first)) {
		t.Errorf("%v %v %v", r.Verdict, r.Findings, err)
	}
	for n := len(first) + 12; n < len(first+second); n++ {
		if r, err = examine(t, []byte((first + second)[:n])); err != nil || r.Verdict != filetype.Partial || r.Size != int64(len(first+second)) {
			t.Errorf("cut at %d: %v of %d: %v %v", n, r.Verdict, r.Size, r.Findings, err)
		}
	}
}

func TestStructure(t *testing.T) {
	film := chunk("LIST", "movi", chunk("00dc", "abc"), chunk("00dc", "de"))
	entry := func(at, size int) string { return "00dc" + le(16) + le(at) + le(size) }
	movi := len("RIFF....AVI ") + len(header(2)) + 8
	deep := "x"
	for range 12 {
		deep = chunk("LIST", "strl", deep)
	}
	tests := []struct {
		name    string
		p       string
		verdict filetype.Verdict
		not     bool
		words   string
	}{
		{"no index", chunk("RIFF", "AVI ", header(2), film), filetype.Consistent, false, "2 frames, 0:00"},
		{"an index", chunk("RIFF", "AVI ", header(2), film, chunk("idx1", entry(4, 3), entry(16, 2))), filetype.Consistent, false, ""},
		{"an index from the start", chunk("RIFF", "AVI ", header(2), film, chunk("idx1", entry(movi+4, 3), entry(movi+16, 2))), filetype.Consistent, false, ""},
		{"an index that leaves one out", chunk("RIFF", "AVI ", header(2), film, chunk("idx1", entry(4, 3))), filetype.Consistent, false, ""},
		{"an index that is wrong", chunk("RIFF", "AVI ", header(2), film, chunk("idx1", entry(4, 3), entry(18, 2))), filetype.Damaged, false, "(1 before it are right)"},
		{"an index with a wrong size", chunk("RIFF", "AVI ", header(2), film, chunk("idx1", entry(4, 3), entry(16, 9))), filetype.Damaged, false, ""},
		{"another stream", chunk("RIFF", "AVI ", header(1), chunk("LIST", "movi", chunk("07dc", "abc"))), filetype.Damaged, false, "one of 1 streams"},
		{"something else", chunk("RIFF", "AVI ", header(1), chunk("LIST", "movi", chunk("00dc", "abc"), chunk("what", "abc"))), filetype.Damaged, false, "plays 0:00"},
		{"no film", chunk("RIFF", "AVI ", header(0)), 0, true, ""},
		{"no header", chunk("RIFF", "AVI ", film), 0, true, ""},
		{"too deep", chunk("RIFF", "AVI ", deep), 0, true, ""},
		{"fewer frames", chunk("RIFF", "AVI ", header(20), film) + "xx", filetype.Consistent, false, "tells of 20 frames, the film has 2"},
	}
	for _, tt := range tests {
		r, err := examine(t, []byte(tt.p))
		text := ""
		for _, f := range r.Findings {
			text += f.Text + "\n"
		}
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict || !strings.Contains(text, tt.words) {
			t.Errorf("%s: %v %v %v", tt.name, r.Verdict, text, err)
		}
	}
}

// A recording that was interrupted has sizes of 0 and no index: it is good up to its last whole frame.
func TestInterrupted(t *testing.T) {
	p := bytes.Clone(files(t)["mjpeg.avi"])
	movi := bytes.Index(p, []byte("movi"))
	copy(p[4:], "\x00\x00\x00\x00")
	copy(p[movi-4:], "\x00\x00\x00\x00")
	index := bytes.Index(p, []byte("idx1"))
	for _, tail := range []string{"", "00dc\x00\x10\x00\x00cut", strings.Repeat("\x00", 4096), strings.Repeat("\xFF", 4096)} {
		r, err := examine(t, append(bytes.Clone(p[:index]), tail...))
		if err != nil || r.Verdict != filetype.Partial || r.GoodUntil != int64(index) || r.Findings[0].Code != "avi.no-index" {
			t.Errorf("%q: %v good until %d, expected %d: %v %v", tail[:min(4, len(tail))], r.Verdict, r.GoodUntil, index, r.Findings, err)
		}
	}
}

func TestPlays(t *testing.T) {
	p := files(t)["mjpeg.avi"]
	r, err := examine(t, p[:len(p)*4/5])
	if err != nil || r.Verdict != filetype.Partial || r.Findings[0].Text != "plays 0:00–0:01 of 0:02" {
		t.Errorf("%v %v", r.Findings, err)
	}
	// A foreign cluster in the middle of the film.
	q := bytes.Clone(p)
	copy(q[30000:], bytes.Repeat([]byte{0xA5}, 4096))
	if r, err = examine(t, q); err != nil || r.Verdict != filetype.Damaged || r.GoodUntil > 34096 || r.Size != int64(len(p)) {
		t.Errorf("%v good until %d of %d: %v %v", r.Verdict, r.GoodUntil, r.Size, r.Findings, err)
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["sound.avi"]))
	if err != nil || len(p.Facts) != 2 || p.Facts[0].Value != "64 × 48 pixels" || p.Facts[1].Value != "0:02" || len(p.Members) != 2 ||
		p.Members[1].Note != "codec 0x55, 11025 Hz, mono" || !strings.HasPrefix(p.Members[0].Note, "MP43 64 × 48") {
		t.Errorf("%+v %v", p, err)
	}
}

func TestTaken(t *testing.T) {
	want := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)
	for _, s := range []string{"Mon May  6 07:08:09 2024\n\x00", "2024:05:06 07:08:09", "2024-05-06 07:08:09\x00"} {
		if got := taken(s); !got.Equal(want) {
			t.Errorf("%q: %v", s, got)
		}
	}
	if got := taken("yesterday"); !got.IsZero() {
		t.Errorf("%v", got)
	}
	list := header(1)
	list = chunk("LIST", list[8:], chunk("IDIT", "Mon May  6 07:08:09 2024\n\x00"))
	r, err := examine(t, []byte(chunk("RIFF", "AVI ", list, chunk("LIST", "movi", chunk("00dc", "abc")))))
	if err != nil || !r.Hints.Taken.Equal(want) {
		t.Errorf("%v %v %v", r.Hints, r.Findings, err)
	}
}

func FuzzExamine(f *testing.F) {
	for name, data := range files(f) {
		if name != "mjpeg.avi" {
			f.Add(data)
		}
	}
	f.Add([]byte(chunk("RIFF", "AVI ", header(2), chunk("LIST", "movi", chunk("00dc", "abc")), chunk("idx1", "00dc", le(16), le(4), le(3)))))
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

func BenchmarkExamine(b *testing.B) {
	filetypetest.Benchmark(b, Formats()[0], files(b)["mjpeg.avi"])
}
