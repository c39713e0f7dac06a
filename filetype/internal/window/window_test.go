package window

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand"
	"testing"

	"salvor/block"
)

// holed cannot give the bytes of one extent.
type holed struct {
	block.Source
	hole block.Extent
}

func (h holed) ReadAt(p []byte, off int64) (int, error) {
	e := block.Extent{Offset: off, Length: int64(len(p))}
	if !e.Overlaps(h.hole) {
		return h.Source.ReadAt(p, off)
	}
	n := int(max(0, h.hole.Offset-off))
	n, _ = h.Source.ReadAt(p[:n], off)
	return n, block.NewUnreadable(h.hole, block.Bad, nil)
}

func pattern(n int) []byte {
	b := make([]byte, n)
	rand.New(rand.NewSource(1)).Read(b)
	return b
}

func TestBytesAnywhere(t *testing.T) {
	data := pattern(50_000)
	w := New(context.Background(), block.Bytes(data), 8192)
	r := rand.New(rand.NewSource(2))
	for range 2000 {
		off, n := r.Intn(len(data)), r.Intn(4096)
		p, err := w.Bytes(int64(off), n)
		if off+n > len(data) {
			if !errors.Is(err, ErrEnd) {
				t.Fatalf("%d+%d: %v, expected ErrEnd", off, n, err)
			}
			continue
		}
		if err != nil || !bytes.Equal(p, data[off:off+n]) {
			t.Fatalf("%d+%d: wrong bytes (%v)", off, n, err)
		}
	}
	if _, err := w.Bytes(0, 8193); !errors.Is(err, ErrEnd) {
		t.Errorf("a piece longer than the buffer: %v", err)
	}
	if _, err := w.Bytes(-1, 1); !errors.Is(err, ErrEnd) {
		t.Errorf("a negative offset: %v", err)
	}
}

func TestUnreadableIsKept(t *testing.T) {
	data := pattern(50_000)
	hole := block.Extent{Offset: 20_000, Length: 512}
	w := New(context.Background(), holed{block.Bytes(data), hole}, 8192)
	r := rand.New(rand.NewSource(3))
	for range 2000 {
		e := block.Extent{Offset: int64(r.Intn(len(data) - 3000)), Length: 1 + int64(r.Intn(2900))}
		p, err := w.Bytes(e.Offset, int(e.Length))
		if e.Overlaps(hole) {
			if _, ok := block.IsUnreadable(err); !ok {
				t.Fatalf("%v: %v, expected an UnreadableError", e, err)
			}
			if got := w.Gap(err, block.Extent{Length: 50_000}); !got.Equal(block.SetOf(hole)) {
				t.Fatalf("gap %v", got)
			}
			continue
		}
		if err != nil || !bytes.Equal(p, data[e.Offset:e.End()]) {
			t.Fatalf("%v: wrong bytes (%v)", e, err)
		}
	}
}

func TestReader(t *testing.T) {
	data := pattern(50_000)
	w := New(context.Background(), block.Bytes(data), 4096)
	rd := w.Reader(block.Extent{Offset: 100, Length: 40_000})
	first, err := rd.ReadByte()
	if err != nil || first != data[100] {
		t.Fatal(first, err)
	}
	rest, err := io.ReadAll(rd)
	if err != nil || !bytes.Equal(rest, data[101:40_100]) || rd.Offset() != 40_100 {
		t.Fatalf("%d bytes, %v, at %d", len(rest), err, rd.Offset())
	}
	rd = w.Reader(block.Extent{Offset: 49_990, Length: 100})
	if _, err = io.ReadAll(rd); !errors.Is(err, ErrEnd) || !errors.Is(rd.Err(), ErrEnd) {
		t.Errorf("behind the end: %v, %v", err, rd.Err())
	}
	if gap := w.Gap(rd.Err(), block.Extent{Offset: 49_990, Length: 100}); gap.Bytes() != 90 {
		t.Errorf("gap of %d bytes, expected 90", gap.Bytes())
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	w := New(ctx, block.Bytes(pattern(50_000)), 4096)
	cancel()
	_, err := w.Bytes(30_000, 10)
	if !errors.Is(err, context.Canceled) || Missing(err) {
		t.Errorf("%v", err)
	}
}
