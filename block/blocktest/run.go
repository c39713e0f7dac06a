package blocktest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"

	"salvor/block"
)

// reads is how many random reads a part of the suite makes.
const reads = 400

// guardByte fills buffers before a read, so that bytes written behind n are seen.
const guardByte = 0xA7

// Run is the conformance suite. open returns a new source, the bytes that it must give, as long as the
// source, and those of them that it must refuse; what want holds there has no meaning.
func Run(t *testing.T, open func(t *testing.T) (src block.Source, want []byte, unreadable block.Set)) {
	t.Helper()
	part := func(name string, fn func(t *testing.T, c *checker)) {
		t.Run(name, func(t *testing.T) {
			src, want, bad := open(t)
			fn(t, &checker{src: src, want: want, bad: bad})
		})
	}
	part("Size", func(t *testing.T, c *checker) {
		if got := c.src.Size(); got != int64(len(c.want)) {
			t.Fatalf("Size = %d, want %d", got, len(c.want))
		}
		for e := range c.bad.All() {
			if e.End() > int64(len(c.want)) {
				t.Fatalf("the test's own unreadable range %v lies behind the end %d", e, len(c.want))
			}
		}
	})
	part("Edges", func(t *testing.T, c *checker) {
		size := int64(len(c.want))
		for _, off := range []int64{-1, -size - 1, -1 << 62} {
			if n, err := c.src.ReadAt(make([]byte, 16), off); n != 0 || err == nil || errors.Is(err, io.EOF) {
				t.Errorf("ReadAt(16 bytes, %d) = %d, %v; want 0 and an error that is not io.EOF", off, n, err)
			}
		}
		for _, off := range []int64{0, size / 2, size} {
			if n, err := c.src.ReadAt(nil, off); n != 0 || (err != nil && !(off == size && errors.Is(err, io.EOF))) {
				t.Errorf("ReadAt(no bytes, %d) = %d, %v; want 0, nil", off, n, err)
			}
		}
		for _, off := range []int64{size, size + 1, size + 1<<40, 1<<63 - 1} {
			if n, err := c.src.ReadAt(make([]byte, 1), off); n != 0 || !errors.Is(err, io.EOF) {
				t.Errorf("ReadAt(1 byte, %d) = %d, %v; want 0, io.EOF (size %d)", off, n, err, size)
			}
		}
		for _, e := range c.edges() {
			c.read(t, e.Offset, e.Length)
		}
	})
	part("Random", func(t *testing.T, c *checker) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for range reads {
			off, n := c.random(rnd)
			c.read(t, off, n)
		}
	})
	part("Whole", func(t *testing.T, c *checker) {
		// All that can be read is read, going on behind each failure; nothing else is.
		var got block.Set
		for off := int64(0); off < int64(len(c.want)); {
			n := c.read(t, off, min(64<<10, int64(len(c.want))-off))
			got.Add(block.Extent{Offset: off, Length: int64(n)})
			off += int64(n)
			if off < int64(len(c.want)) && n == 0 {
				// A coarse source gives nothing of a read that fails somewhere, but each byte that it can.
				if bad := c.bad.Within(block.Between(off, int64(len(c.want)))).Extents(); len(bad) > 0 && bad[0].Offset == off {
					off = bad[0].End()
					continue
				}
				if c.read(t, off, 1) == 1 {
					got.Add(block.Extent{Offset: off, Length: 1})
				}
				off++
			}
		}
		if want := c.bad.Complement(block.Extent{Length: int64(len(c.want))}); !got.Equal(want) {
			t.Errorf("readable bytes are %v, want %v", got.Extents(), want.Extents())
		}
	})
	part("Known", func(t *testing.T, c *checker) {
		rnd := rand.New(rand.NewPCG(3, 4))
		whole := block.Extent{Length: int64(len(c.want))}
		c.known(t, whole)
		for range reads / 4 {
			off, n := c.random(rnd)
			c.known(t, block.Extent{Offset: off, Length: n})
			c.origin(t, block.Extent{Offset: off, Length: n})
		}
		c.origin(t, whole)
	})
	part("Concurrent", func(t *testing.T, c *checker) {
		var wg sync.WaitGroup
		for i := range uint64(4) {
			wg.Go(func() {
				rnd := rand.New(rand.NewPCG(i, 5))
				for range reads / 4 {
					off, n := c.random(rnd)
					c.read(t, off, n)
					block.UnreadableIn(c.src, block.Extent{Offset: off, Length: n})
					block.Origin(c.src, block.Extent{Offset: off, Length: n})
					if c.src.Size() != int64(len(c.want)) {
						t.Error("Size changed")
					}
				}
			})
		}
		wg.Wait()
	})
}

type checker struct {
	src  block.Source
	want []byte
	bad  block.Set
}

// edges returns reads around each border of the unreadable ranges and of the source.
func (c *checker) edges() []block.Extent {
	size := int64(len(c.want))
	at := []int64{0, size}
	for e := range c.bad.All() {
		if at = append(at, e.Offset, e.End()); len(at) > 64 {
			break
		}
	}
	var out []block.Extent
	for _, a := range at {
		for _, off := range []int64{a - 513, a - 1, a, a + 1} {
			for _, n := range []int64{1, 2, 512, 1025, 1 << 17} {
				if off >= 0 && off < size {
					out = append(out, block.Extent{Offset: off, Length: n})
				}
			}
		}
	}
	return out
}

func (c *checker) random(rnd *rand.Rand) (off, n int64) {
	size := int64(len(c.want))
	off = rnd.Int64N(size + 1)
	switch rnd.IntN(3) {
	case 0:
		n = 1 + rnd.Int64N(32)
	case 1:
		n = 1 + rnd.Int64N(4096)
	default:
		n = 1 + rnd.Int64N(min(size+100, 1<<20))
	}
	return off, n
}

// read makes one read, checks it against the contract, and returns how many bytes it gave.
func (c *checker) read(t *testing.T, off, length int64) int {
	t.Helper()
	p := bytes.Repeat([]byte{guardByte}, int(length))
	n, err := c.src.ReadAt(p, off)
	asked := block.Extent{Offset: off, Length: length}.Intersect(block.Extent{Length: int64(len(c.want))})
	bad := c.bad.Within(asked).Extents()
	where := block.Extent{Offset: off, Length: length}
	switch {
	case n < 0 || int64(n) > asked.Length:
		t.Errorf("read %v gave %d bytes", where, n)
		return 0
	case len(bad) > 0:
		first := bad[0].Offset
		if off+int64(n) > first {
			t.Errorf("read %v gave %d bytes, but the byte at %#x cannot be read", where, n, first)
		}
		u, ok := block.IsUnreadable(err)
		if !ok {
			t.Errorf("read %v over the unreadable %v: error %v, want *block.UnreadableError", where, bad[0], err)
			break
		}
		c.ranges(t, where, u, off+int64(n), first)
	case asked.Length < length:
		if int64(n) != asked.Length || !errors.Is(err, io.EOF) {
			t.Errorf("read %v over the end: %d, %v; want %d, io.EOF", where, n, err, asked.Length)
		}
	default:
		if int64(n) != length || err != nil {
			t.Errorf("read %v: %d, %v; want %d, nil", where, n, err, length)
		}
	}
	if int64(n) == length && err != nil {
		t.Errorf("read %v gave all bytes beside the error %v", where, err)
	}
	if !bytes.Equal(p[:n], c.want[off:off+int64(n)]) {
		t.Errorf("read %v gave wrong bytes", where)
	}
	return n
}

// ranges checks the ranges of an error: in order, apart, inside the source, with a reason, and one of them
// holds both the byte at which the read stopped and the first that cannot be read.
func (c *checker) ranges(t *testing.T, where block.Extent, u *block.UnreadableError, stop, first int64) {
	t.Helper()
	at, holds := int64(0), false
	for _, r := range u.Ranges {
		if r.Length <= 0 || r.Offset < at || r.End() > int64(len(c.want)) {
			t.Errorf("read %v: the error's range %v is empty, out of order, or outside of the source", where, r.Extent)
		}
		if r.Why < block.Bad || r.Why > block.Absent {
			t.Errorf("read %v: the error's range %v has no reason (%v)", where, r.Extent, r.Why)
		}
		at = r.End()
		holds = holds || (r.Has(stop) && r.Has(first))
	}
	if !holds {
		t.Errorf("read %v: stopped at %#x, first unreadable byte %#x, but no range holds both: %v", where, stop, first, u)
	}
}

// known checks that what the source says to be unreadable is so.
func (c *checker) known(t *testing.T, within block.Extent) {
	t.Helper()
	at := within.Offset
	for _, u := range block.UnreadableIn(c.src, within) {
		if u.Length <= 0 || u.Offset < at || u.End() > within.End() {
			t.Errorf("UnreadableIn(%v): range %v is empty, out of order, or outside", within, u.Extent)
		}
		if !c.bad.Contains(u.Extent) {
			t.Errorf("UnreadableIn(%v) names %v, of which bytes can be read", within, u.Extent)
		}
		at = u.End()
	}
}

// origin checks that the origin covers within once, in order, and that lost bytes are unreadable ones.
func (c *checker) origin(t *testing.T, within block.Extent) {
	t.Helper()
	within = within.Intersect(block.Extent{Length: int64(len(c.want))})
	at := within.Offset
	for _, r := range block.Origin(c.src, within) {
		if r.Logical != at || r.Length <= 0 {
			t.Errorf("Origin(%v): a run of %d bytes at %#x, expected the next at %#x", within, r.Length, r.Logical, at)
			return
		}
		switch r.Kind {
		case block.Lost, block.Foreign:
			if !c.bad.Contains(r.LogicalExtent()) {
				t.Errorf("Origin(%v): %v is %v, but bytes of it can be read", within, r.LogicalExtent(), r.Kind)
			}
		case block.Zero:
			piece := c.want[r.Logical : r.Logical+r.Length]
			if c.bad.Within(r.LogicalExtent()).Empty() && len(bytes.Trim(piece, "\x00")) > 0 {
				t.Errorf("Origin(%v): %v is zero, but holds data", within, r.LogicalExtent())
			}
		}
		at = r.Logical + r.Length
	}
	if within.Length > 0 && at != within.End() {
		t.Errorf("Origin(%v) ends at %#x", within, at)
	}
}
