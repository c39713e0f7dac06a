package media

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

func TestClock(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "0:00", 151 * time.Second: "2:31", 3723 * time.Second: "1:02:03", -1: "0:00", 59999 * time.Millisecond: "0:59"} {
		if got := Clock(d); got != want {
			t.Errorf("%v: %q, expected %q", d, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	tests := []struct {
		n, num, rate uint64
		want         time.Duration
	}{
		{44100, 1, 44100, time.Second}, {90, 1001, 30000, 3003 * time.Millisecond}, {5, 1, 0, 0}, {1 << 63, 1 << 62, 1, 0},
	}
	for _, tt := range tests {
		if got := Span(tt.n, tt.num, tt.rate).Round(time.Millisecond); got != tt.want {
			t.Errorf("%v: %v", tt, got)
		}
	}
}

func TestWords(t *testing.T) {
	e := &exam.Exam{}
	broken := cursor.Corrupt("frame", 7, "a", "b")
	for _, err := range []error{nil, filetype.ErrNot, context.Canceled} {
		if got := Plays(e, err, time.Second, 2*time.Second); got != err {
			t.Error(got)
		}
		_ = Upper(e, err, 1, 2)
	}
	if len(e.R.Findings) != 0 {
		t.Errorf("%v", e.R.Findings)
	}
	_ = Plays(e, broken, time.Second, 151*time.Second)
	_ = Plays(e, broken, time.Second, 0)
	_ = Plays(e, broken, 0, 0)
	_ = Upper(e, &exam.Gone{}, 60, 100)
	_ = Upper(e, broken, 0, 100)
	want := []string{"plays 0:00–0:01 of 2:31", "plays 0:00–0:01 of an unknown length", "the upper 60 % (60 of 100 rows) of the picture are there"}
	for i, w := range want {
		if i >= len(e.R.Findings) || e.R.Findings[i].Text != w {
			t.Errorf("%v, expected %q", e.R.Findings, w)
		}
	}
}

func TestPicture(t *testing.T) {
	d := Decoder{png.DecodeConfig, png.Decode}
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	m, err := d.Thumbnail(t.Context(), block.Bytes(b.Bytes()), 1)
	if err != nil || m.Bounds().Dx() != 3 {
		t.Errorf("%v", err)
	}
	huge := bytes.Clone(b.Bytes())
	copy(huge[16:], "\x00\x10\x00\x00\x00\x10\x00\x00")
	for _, p := range [][]byte{nil, b.Bytes()[:40], huge} {
		if _, err := d.Bytes(t.Context(), p); !errors.Is(err, filetype.ErrNot) {
			t.Errorf("%v", err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Bytes(ctx, b.Bytes()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestSettled(t *testing.T) {
	for what, tt := range map[string]struct {
		behind string
		size   int
		want   bool
	}{
		"the source ends": {"", 700, true}, "zeros": {string(make([]byte, 2000)), 700, true}, "0xFF": {strings.Repeat("\xFF", 400), 700, true},
		"other bytes": {"words", 700, false}, "zeros, then others": {string(make([]byte, 100)) + "words", 700, false},
		"zeros up to the next sector": {string(make([]byte, 324)) + "words", 700, true},
		"others at a sector":          {"words", 1024, false}, "zeros at a sector": {string(make([]byte, 600)), 1024, true},
	} {
		var got bool
		k := exam.Kind{Format: "x", Walk: func(e *exam.Exam) (err error) {
			if got, err = Settled(e, int64(tt.size)); err != nil {
				return err
			}
			if !got {
				return BrokenOff(e, int64(tt.size), "x")
			}
			return e.Whole(filetype.Consistent, int64(tt.size))
		}}
		r, err := k.Examine(t.Context(), block.Bytes(append(make([]byte, tt.size), tt.behind...)))
		if err != nil || got != tt.want || r.Size != int64(tt.size) || (r.Verdict == filetype.Partial) == tt.want {
			t.Errorf("%s: %v, %v of %d: %v", what, got, r.Verdict, r.Size, err)
		}
	}
}
