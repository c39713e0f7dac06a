package matroska

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.[mw][ke]*")
}

// elementEnds returns where the elements of a segment end that does not tell its size.
func elementEnds(t testing.TB, p []byte) (ends []int64) {
	t.Helper()
	head, _ := parseHead(0, p)
	segment, ok := parseHead(head.end, p[head.end:])
	if !ok || !segment.open {
		t.Fatal("a segment that tells its size")
	}
	for off := segment.body; off < int64(len(p)); {
		e, ok := parseHead(off, p[off:])
		if !ok {
			t.Fatalf("no element at %d", off)
		}
		if off = e.end; e.open {
			off = e.body
		}
		ends = append(ends, off)
	}
	return ends
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"film.mkv": "Test ride", "film.webm": "On the web", "merged.mkv": "Test ride"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		_, extension, _ := strings.Cut(name, ".")
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name], Extension: extension, Head: 64}
		if name == "live.webm" || name == "piped.mkv" {
			s.Loose, s.Ends = true, elementEnds(t, data)
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

// Where an element has a check, every flipped bit in it is found.
func TestChecks(t *testing.T) {
	p := files(t)["film.mkv"]
	r, _ := examine(t, p)
	if !strings.Contains(text(r), "checks computed") || strings.Contains(text(r), "; 0 checks") {
		t.Errorf("%v", r.Findings)
	}
	head, _ := parseHead(0, p)
	segment, _ := parseHead(head.end, p[head.end:])
	checked := 0
	for off := segment.body; off < segment.end; {
		e, _ := parseHead(off, p[off:])
		if e.body+6 < e.end && p[e.body] == idCRC {
			checked++
			for at := e.body; at < e.end; at += 1 + (e.end-e.body)/40 {
				q := bytes.Clone(p)
				q[at] ^= 0x10
				if r, err := examine(t, q); err != nil || r.Verdict >= filetype.Consistent && at > e.body+1 {
					t.Errorf("%s flipped at %d: %v %v", inSegment[e.id], at, r.Verdict, err)
				}
			}
		}
		off = e.end
	}
	if checked < 4 {
		t.Errorf("%d elements have a check", checked)
	}
}

func TestHints(t *testing.T) {
	r, err := examine(t, files(t)["film.mkv"])
	if err != nil || !r.Hints.Taken.Equal(time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)) {
		t.Errorf("%+v %v", r.Hints, err)
	}
	if r, err = examine(t, files(t)["sound.mka"]); err != nil || r.Hints.Author != "Ada" || r.Class != filetype.Audio {
		t.Errorf("%+v %v %v", r.Hints, r.Class, err)
	}
}

func TestBroken(t *testing.T) {
	p := files(t)["film.webm"]
	r, err := examine(t, p[:len(p)*2/3])
	if err != nil || r.Verdict != filetype.Partial || !strings.Contains(text(r), "of 0:02") || r.Size != int64(len(p)) {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, text(r), err)
	}
	cluster := bytes.Index(p, []byte{0x1F, 0x43, 0xB6, 0x75})
	cues := bytes.LastIndex(p, []byte{0x1C, 0x53, 0xBB, 0x6B})
	replace := func(at int, b ...byte) []byte {
		q := bytes.Clone(p)
		copy(q[at:], b)
		return q
	}
	position := cues + bytes.IndexByte(p[cues:], idCuePosition) + 2
	for what, q := range map[string][]byte{
		"a cluster of something else":        replace(cluster+8, 0x55, 0x55),
		"an element that no segment has":     replace(cluster, 0x1F, 0x43, 0xB6, 0x76),
		"an index that points elsewhere":     replace(position, 0x7F),
		"a foreign sector in the film":       replace(cues-600, bytes.Repeat([]byte{0x3C}, 512)...),
		"an element longer than the segment": replace(cluster+4, 0x08),
	} {
		r, err := examine(t, q)
		if err != nil || r.Verdict != filetype.Damaged || r.GoodUntil >= int64(len(p)) {
			t.Errorf("%s: %v good until %d: %v %v", what, r.Verdict, r.GoodUntil, r.Findings, err)
		}
	}
	for what, q := range map[string][]byte{"another kind of document": bytes.Replace(p, []byte("webm"), []byte("wxbm"), 1), "no segment": replace(bytes.Index(p, []byte{0x18, 0x53, 0x80, 0x67}), 0xEC)} {
		if _, err := examine(t, q); err != filetype.ErrNot {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, tt := range []struct {
		p    string
		size uint64
		n    int
		open bool
	}{{"\x81", 1, 1, false}, {"\x40\x02", 2, 2, false}, {"\xFF", 127, 1, true}, {"\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 1<<56 - 1, 8, true},
		{"\x00", 0, 0, false}, {"\x40", 0, 0, false}, {"", 0, 0, false}, {"\x08\x00\x00\x00\x05", 5, 5, false}} {
		if size, n, open := parseSize([]byte(tt.p)); n != tt.n || n > 0 && (size != tt.size || open != tt.open) {
			t.Errorf("%q: %d %d %v", tt.p, size, n, open)
		}
	}
	if id, n := parseID([]byte{0x1A, 0x45, 0xDF, 0xA3}); id != idEBML || n != 4 {
		t.Errorf("%x %d", id, n)
	}
	if float([]byte{0x40, 0x09, 0, 0, 0, 0, 0, 0}) != 3.125 || float([]byte{0x40, 0x48, 0, 0}) != 3.125 || float([]byte{0xFF, 0xF0, 0, 0}) != 0 {
		t.Error("floats")
	}
}

func TestPreview(t *testing.T) {
	p, err := Formats()[0].Preview(t.Context(), block.Bytes(files(t)["film.mkv"]))
	if err != nil || len(p.Facts) != 3 || p.Facts[0].Value != "64 × 48 pixels" || p.Facts[1].Value != "0:02" || len(p.Members) != 2 ||
		p.Members[1].Note != "A_VORBIS 16000 Hz, mono" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { filetypetest.Fuzz(t, Formats()[0], data) })
}

// large returns a film of a live stream with its clusters a hundred times.
func large(t testing.TB) []byte {
	p := files(t)["piped.mkv"]
	at := bytes.Index(p, []byte{0x1F, 0x43, 0xB6, 0x75})
	return append(bytes.Clone(p[:at]), bytes.Repeat(p[at:], 100)...)
}

func BenchmarkExamine(b *testing.B) {
	data := large(b)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := kind.Examine(b.Context(), block.Bytes(data)); err != nil {
			b.Fatal(err)
		}
	}
}
