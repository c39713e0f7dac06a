package mp4

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func judge(t testing.TB, p []byte) filetype.Report {
	t.Helper()
	r, err := examine(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(Formats()[0], block.Bytes(p), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

func has(r filetype.Report, code string) bool {
	for _, f := range r.Findings {
		if f.Code == code {
			return true
		}
	}
	return false
}

// at returns the place of the n-th box of a kind, by its letters.
func at(t testing.TB, p []byte, kind string, n int) int {
	t.Helper()
	from := 0
	for {
		i := bytes.Index(p[from:], []byte(kind))
		if i < 0 {
			t.Fatalf("no box %s", kind)
		}
		if n--; n < 0 {
			return from + i - 4
		}
		from += i + 4
	}
}

func TestHints(t *testing.T) {
	r := judge(t, fixture(t, "h264.mp4"))
	if want := time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC); !r.Hints.Taken.Equal(want) {
		t.Errorf("taken %v, expected %v", r.Hints.Taken, want)
	}
	if r := judge(t, fixture(t, "h264.mov")); r.Hints.Camera != "Maker Cam 1" {
		t.Errorf("camera %q", r.Hints.Camera)
	}
	if r := judge(t, fixture(t, "tone.m4a")); r.Hints.Author != "Someone" {
		t.Errorf("author %q", r.Hints.Author)
	}
	for _, f := range fixtures {
		if r := judge(t, fixture(t, f.name)); Formats()[0].ClassOf(r) != f.class {
			t.Errorf("%s: class %s, expected %s", f.name, r.Class, f.class)
		}
	}
}

func TestWithoutIndex(t *testing.T) {
	p := fixture(t, "h264.mp4")
	r := judge(t, p[:at(t, p, "moov", 0)])
	if r.Verdict != filetype.Partial || !has(r, "mp4.no-index") {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
	// The same on a medium, with something else behind.
	q := append(bytes.Clone(p[:at(t, p, "moov", 0)]), bytes.Repeat([]byte{0x55}, 9000)...)
	r = judge(t, q)
	if r.Verdict != filetype.Partial || !has(r, "mp4.no-index") || r.GoodUntil != int64(at(t, p, "moov", 0)) {
		t.Errorf("followed: %v, good until %d, %v", r.Verdict, r.GoodUntil, r.Findings)
	}
}

func TestContradictions(t *testing.T) {
	change := func(name, kind string, n, field int, value uint32) []byte {
		p := bytes.Clone(fixture(t, name))
		binary.BigEndian.PutUint32(p[at(t, p, kind, n)+field:], value)
		return p
	}
	for _, c := range []struct {
		name, text string
		p          []byte
	}{
		{"a chunk outside the data", "sample of track", change("h264.mp4", "stco", 0, 16, 4)},
		{"more times than samples", "stts", change("h264.mp4", "stts", 0, 16, 99)},
		{"fewer samples in chunks", "", change("h264.mp4", "stsc", 0, 20, 1)},
		{"a table longer than its box", "stsz", change("h264.mp4", "stsz", 0, 16, 1<<30)},
		{"a sync sample that is none", "stss", change("h264.mp4", "stss", 0, 16, 5000)},
		{"NAL units", "NAL unit", change("h264.mp4", "stco", 0, 16, binary.BigEndian.Uint32(fixture(t, "h264.mp4")[at(t, fixture(t, "h264.mp4"), "stco", 0)+16:])+1)},
		{"a fragment's run", "run of a fragment", change("frag.mp4", "trun", 0, 12, 1<<31)},
		{"fragments in wrong order", "fragment number", change("dash.mp4", "mfhd", 1, 12, 1)},
		{"an item outside the file", "", change("photo.heic", "iloc", 0, 24, 0x7FFFFFF)},
		{"a movie header", "movie header", change("h264.mp4", "mvhd", 0, 20, 0)},
	} {
		r := judge(t, c.p)
		text := ""
		for _, f := range r.Findings {
			text += f.Text + "\n"
		}
		if r.Verdict > filetype.Partial || !strings.Contains(text, c.text) {
			t.Errorf("%s: %v %v", c.name, r.Verdict, r.Findings)
		}
	}
}

func TestLargeBoxes(t *testing.T) {
	// The same file with a size of 64 bits for its mdat, and with an mdat that ends with the file.
	p := fixture(t, "faststart.mp4")
	i := at(t, p, "mdat", 0)
	n := len(p) - i
	wide := slices.Concat(p[:i-8], []byte{0, 0, 0, 1}, []byte("mdat"), binary.BigEndian.AppendUint64(nil, uint64(n+8)), p[i+8:])
	if r := judge(t, wide); string(p[i-4:i]) == "free" && (r.Verdict != filetype.Consistent || r.Size != int64(len(wide))) {
		t.Errorf("64 bits: %v of %d: %v", r.Verdict, r.Size, r.Findings)
	}
	open := bytes.Clone(p)
	binary.BigEndian.PutUint32(open[i:], 0)
	if r := judge(t, open); r.Verdict != filetype.Consistent || !has(r, "mp4.open-end") || r.Size != int64(len(p)) {
		t.Errorf("open: %v of %d: %v", r.Verdict, r.Size, r.Findings)
	}
}

func TestWithoutBrands(t *testing.T) {
	p := fixture(t, "h264.mov")
	n := int(binary.BigEndian.Uint32(p))
	// Keep all places: the brands become free space.
	q := bytes.Clone(p)
	copy(q[4:], "free")
	r, err := Formats()[1].Examine(context.Background(), block.Bytes(q))
	if err != nil || r.Verdict != filetype.Consistent || r.Extension != "mov" {
		t.Errorf("%v %v", err, r)
	}
	for _, p := range [][]byte{append([]byte("\x00\x00\x00\x10free"), make([]byte, 600)...), []byte("\x00\x00\x00\x08wide\x00\x00\x01\x00mdat" + strings.Repeat("x", 600)), q[:n+20]} {
		if _, err := examine(context.Background(), block.Bytes(p)); !errors.Is(err, filetype.ErrNot) {
			t.Errorf("%.20q: %v, expected ErrNot", p, err)
		}
	}
}

func TestRandomDamage(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	for _, f := range fixtures {
		good := fixture(t, f.name)
		for range 100 {
			p := bytes.Clone(good)
			for range 1 + r.Intn(4) {
				i := r.Intn(len(p))
				r.Read(p[i:min(len(p), i+1+r.Intn(64))])
			}
			if rep, err := examine(context.Background(), block.Bytes(p)); err == nil {
				if err := filetypetest.Check(Formats()[0], block.Bytes(p), rep); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestBomb: a table of 2^32 samples of a constant size costs nothing, one of the size of its box costs what
// the box does.
func TestBomb(t *testing.T) {
	p := bytes.Clone(fixture(t, "pcm.mov"))
	i := at(t, p, "stsz", 0)
	binary.BigEndian.PutUint32(p[i+16:], 1<<32-1)
	filetypetest.Bomb(t, Formats()[0], p, time.Second, 8<<20)
	j := at(t, p, "stts", 0)
	binary.BigEndian.PutUint32(p[j+16:], 1<<32-1)
	k := at(t, p, "stsc", 0)
	binary.BigEndian.PutUint32(p[k+20:], 1<<32-1)
	binary.BigEndian.PutUint32(p[i+12:], 0)
	filetypetest.Bomb(t, Formats()[0], p, time.Second, 8<<20)
	h := bytes.Clone(fixture(t, "h264.mp4"))
	i = at(t, h, "stsz", 0)
	binary.BigEndian.PutUint32(h[i+12:], 1)       // each sample of one byte,
	binary.BigEndian.PutUint32(h[i+16:], 1<<32-1) // four thousand million of them
	binary.BigEndian.PutUint32(h[at(t, h, "stsc", 0)+20:], 1<<32-1)
	filetypetest.Bomb(t, Formats()[0], h, time.Second, 8<<20)
}

func FuzzExamine(f *testing.F) {
	for _, x := range fixtures {
		if p := fixture(f, x.name); len(p) < 30_000 {
			f.Add(p)
		}
	}
	f.Fuzz(func(t *testing.T, p []byte) { filetypetest.Fuzz(t, Formats()[0], p) })
}
