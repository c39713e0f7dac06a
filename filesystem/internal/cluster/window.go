package cluster

import (
	"sync"

	"salvor/block"
)

// maxWindows bounds the cache of a structure: 64 windows.
const maxWindows = 64

// Windows reads a structure of a volume, such as a FAT, through a cache of bounded size. It is safe for
// concurrent use.
type Windows struct {
	src  block.Source // of the structure
	size int64        // bytes of a window

	mu     sync.Mutex
	cached map[int64]*window
	order  []int64 // the cached windows, oldest first
	last   *window // the one that was used last
	lastAt int64
}

// window is a cached piece, and the ranges in it that could not be read.
type window struct {
	p   []byte
	bad block.Set
}

// NewWindows returns a reader of src that keeps up to 64 windows of size bytes.
func NewWindows(src block.Source, size int64) *Windows {
	return &Windows{src: src, size: size, cached: map[int64]*window{}}
}

// Bytes returns the n bytes at off, which must not cross a window; nil where they cannot be read or are not
// there. The caller must not change them.
func (w *Windows) Bytes(off, n int64) []byte {
	at := off / w.size
	w.mu.Lock()
	x := w.last
	if x == nil || w.lastAt != at {
		x = w.load(at)
		w.last, w.lastAt = x, at
	}
	w.mu.Unlock()
	off -= at * w.size
	if off+n > int64(len(x.p)) || !x.bad.Empty() && x.bad.Overlaps(block.Extent{Offset: off, Length: n}) {
		return nil
	}
	return x.p[off : off+n]
}

// load returns a window. The caller holds the lock.
func (w *Windows) load(at int64) *window {
	if x := w.cached[at]; x != nil {
		return x
	}
	x := &window{p: make([]byte, max(min(w.size, w.src.Size()-at*w.size), 0))}
	var err error
	if x.bad, err = ReadAround(w.src, x.p, at*w.size); err != nil {
		// The context is over or the source is closed: nothing to keep.
		x.bad = block.SetOf(block.Extent{Length: int64(len(x.p))})
		return x
	}
	if len(w.order) >= maxWindows {
		delete(w.cached, w.order[0])
		w.order = w.order[1:]
	}
	w.cached[at] = x
	w.order = append(w.order, at)
	return x
}

// Budget bounds the steps of all chains that one walk follows, since hostile entries can all name one long chain.
type Budget struct{ left int64 }

// NewBudget returns one for a volume of that many clusters.
func NewBudget(clusters uint32) *Budget { return &Budget{left: 1<<22 + 4*int64(clusters)} }

// Take uses up one step and reports whether there was one left.
func (b *Budget) Take() bool {
	b.left--
	return b.left >= 0
}
