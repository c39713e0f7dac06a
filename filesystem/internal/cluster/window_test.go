package cluster

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
)

// counted counts reads.
type counted struct {
	block.Source
	mu    sync.Mutex
	reads int
}

func (c *counted) ReadAt(p []byte, off int64) (int, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Source.ReadAt(p, off)
}

func TestWindows(t *testing.T) {
	p := make([]byte, 100<<10+7)
	for i := range p {
		p[i] = byte(i * 7 / 3)
	}
	bad := block.Extent{Offset: 5 << 10, Length: 512}
	src := &counted{Source: blocktest.Faulty(block.Bytes(p), blocktest.Bad(bad))}
	w := NewWindows(src, 1<<10)
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, 1))
			for range 5000 {
				off := rnd.Int64N(101<<10) &^ 3
				got := w.Bytes(off, 4)
				e := block.Extent{Offset: off, Length: 4}
				if e.Overlaps(bad) || e.End() > int64(len(p)) {
					if got != nil {
						t.Errorf("bytes at %d", off)
					}
				} else if !bytes.Equal(got, p[off:off+4]) {
					t.Errorf("%x at %d, expected %x", got, off, p[off:off+4])
				}
			}
		})
	}
	all.Wait()
	if len(w.cached) > maxWindows || len(w.order) != len(w.cached) {
		t.Errorf("%d windows are kept", len(w.cached))
	}
	before := src.reads
	for range 100 {
		w.Bytes(2048, 4)
		w.Bytes(4096, 4)
	}
	if src.reads > before+2 {
		t.Errorf("%d reads of two windows", src.reads-before)
	}
}

// What an error hides is asked for again.
func TestWindowsForgetErrors(t *testing.T) {
	w := NewWindows(broken{block.Bytes(make([]byte, 100))}, 64)
	if w.Bytes(0, 4) != nil || len(w.cached) > 0 {
		t.Error("a window that was not read is kept")
	}
}

func TestBudget(t *testing.T) {
	b := NewBudget(10)
	n := 0
	for b.Take() {
		n++
	}
	if n != 1<<22+40 || b.Take() {
		t.Errorf("%d steps", n)
	}
}
