package exfat

import (
	"encoding/binary"
	"sync"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// windowSize is how much of a FAT or of an allocation bitmap is read at once, in bytes.
const windowSize = 64 << 10

// maxWindows bounds a cache: 4 MiB for each structure.
const maxWindows = 64

// windows reads a structure on the volume through a cache. It is safe for concurrent use.
type windows struct {
	src block.Source // of the structure

	mu     sync.Mutex
	cached map[int64]*window
	order  []int64
	last   *window
	lastAt int64
}

// window is a cached piece, and the ranges in it that could not be read.
type window struct {
	p   []byte
	bad block.Set
}

func newWindows(src block.Source) *windows {
	return &windows{src: src, cached: map[int64]*window{}, lastAt: -1}
}

// bytes returns the n bytes at off, which must not cross a window; nil where they cannot be read.
func (w *windows) bytes(off, n int64) []byte {
	at := off / windowSize
	w.mu.Lock()
	x := w.last
	if x == nil || w.lastAt != at {
		x = w.load(at)
		w.last, w.lastAt = x, at
	}
	w.mu.Unlock()
	off -= at * windowSize
	if off+n > int64(len(x.p)) || !x.bad.Empty() && x.bad.Overlaps(block.Extent{Offset: off, Length: n}) {
		return nil
	}
	return x.p[off : off+n]
}

func (w *windows) load(at int64) *window {
	if x := w.cached[at]; x != nil {
		return x
	}
	x := &window{p: make([]byte, max(min(windowSize, w.src.Size()-at*windowSize), 0))}
	var err error
	if x.bad, err = cluster.ReadAround(w.src, x.p, at*windowSize); err != nil {
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

// Values of FAT entries.
const (
	entryFree = 0
	entryBad  = 0xFFFFFFF7
	entryLast = 0xFFFFFFFF
	// unknown stands for an entry that cannot be read. No cluster has this number.
	unknown = 0xFFFFFFFE
)

// table reads the copies of the FAT.
type table struct {
	b      *boot
	copies []*windows // the active one first
}

func newTable(src block.Source, b *boot) *table {
	t := &table{b: b}
	for i := range b.fats {
		w := newWindows(block.Section(src, block.Extent{Offset: b.fatAt(i), Length: b.fatBytes()}))
		if i == b.active() && i > 0 {
			t.copies = append([]*windows{w}, t.copies...)
		} else {
			t.copies = append(t.copies, w)
		}
	}
	return t
}

// entry returns the entry of cluster c in the copy of the given rank.
func (t *table) entry(rank int, c uint32) uint32 {
	p := t.copies[rank].bytes(int64(c)*4, 4)
	if p == nil {
		return unknown
	}
	v := binary.LittleEndian.Uint32(p)
	if v == unknown {
		return 1 // as impossible, and it can be read
	}
	return v
}

// bitmaps tells which clusters are allocated. The zero value knows of none.
type bitmaps struct {
	b *boot
	w *windows
}

// allocated returns what the bitmap says of a cluster; known is false where it cannot be read.
func (m *bitmaps) allocated(c uint32) (taken, known bool) {
	if m.w == nil || !m.b.valid(c) {
		return false, false
	}
	n := int64(c - 2)
	p := m.w.bytes(n/8, 1)
	if p == nil {
		return false, false
	}
	return p[0]>>(n%8)&1 != 0, true
}

// count returns how many of n clusters from c are allocated, and how many are not, by the bitmap, with the
// first of those.
func (m *bitmaps) count(c, n uint32) (taken, free, firstFree uint32) {
	for i := uint32(0); i < n; {
		at := int64(c-2) + int64(i)
		if m.w != nil && at%8 == 0 && n-i >= 8 {
			if p := m.w.bytes(at/8, 1); p != nil && p[0] == 0xFF {
				taken += 8
				i += 8
				continue
			}
		}
		is, known := m.allocated(c + i)
		switch {
		case is:
			taken++
		case known:
			if free == 0 {
				firstFree = c + i
			}
			free++
		}
		i++
	}
	return taken, free, firstFree
}
