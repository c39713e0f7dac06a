package exfat

import (
	"context"
	"math/bits"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// bitmaps tells which clusters are allocated. The zero value knows of none.
type bitmaps struct {
	b *boot
	w *cluster.Windows // of the bitmap in use
	// other is the second bitmap of TexFAT. It serves where the first cannot be read.
	other *cluster.Windows
	// differ says that the two were compared and are not the same.
	differ bool
}

func bit(w *cluster.Windows, c uint32) (set, known bool) {
	n := int64(c - 2)
	p := w.Bytes(n/8, 1)
	return p != nil && p[0]>>(n%8)&1 != 0, p != nil
}

// allocated returns what the bitmap says of a cluster; known is false where it cannot be read.
func (m *bitmaps) allocated(c uint32) (taken, known bool) {
	if m.w == nil || !m.b.valid(c) {
		return false, false
	}
	taken, known = bit(m.w, c)
	if !known && m.other != nil {
		return bit(m.other, c)
	}
	return taken, known
}

// onlyOther reports whether the second bitmap alone calls a cluster allocated.
func (m *bitmaps) onlyOther(c uint32) bool {
	if !m.differ || !m.b.valid(c) {
		return false
	}
	taken, known := bit(m.w, c)
	was, _ := bit(m.other, c)
	return known && !taken && was
}

// count returns how many of n clusters from c are allocated, and how many are not, by the bitmap, with the
// first of those.
func (m *bitmaps) count(c, n uint32) (taken, free, firstFree uint32) {
	for i := uint32(0); i < n; {
		at := int64(c-2) + int64(i)
		if m.w != nil && at%8 == 0 && n-i >= 8 {
			if p := m.w.Bytes(at/8, 1); p != nil && p[0] == 0xFF {
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

// openBitmaps opens the allocation bitmap in use, and with TexFAT the other one. The other takes its place when
// the first is not there, or contradicts the root directory and the other does not.
func (v *volume) openBitmaps(used, other special, steps *cluster.Budget) {
	first, firstFits := v.openBitmap(used, steps)
	second, secondFits := v.openBitmap(other, steps)
	switch {
	case second != nil && (first == nil || !firstFits && secondFits):
		v.note(bitmapOther, finding.At(other.at, entrySize))
		first, second, firstFits, used = second, first, secondFits, other
	case first == nil:
		v.note(bitmapMissing)
		return
	}
	v.bitmap = bitmaps{b: v.b, w: first, other: second}
	v.bitmapAt = used
	v.trusted = firstFits && used.length >= v.bitmapBytes()
	if !firstFits {
		v.note(bitmapOdd, finding.At(v.b.at(used.first), int64(min(used.length, maxVolume))))
	}
}

// openBitmap opens the bitmap that an entry leads to, nil when there is none, and reports whether it has its own
// clusters and those of the root directory.
func (v *volume) openBitmap(s special, steps *cluster.Budget) (w *cluster.Windows, fits bool) {
	if s.kind == 0 {
		return nil, false
	}
	if s.length < v.bitmapBytes() || !v.b.valid(s.first) {
		v.note(bitmapBroken, finding.At(s.at, entrySize), finding.Expected(v.bitmapBytes(), s.length))
	}
	src := v.structure(s, steps)
	if src.Size() == 0 {
		return nil, false
	}
	w = newWindows(src)
	fits, _ = bit(w, s.first)
	if fits && len(v.rootSpans) > 0 {
		fits, _ = bit(w, v.rootSpans[0].first)
		return w, fits
	}
	return w, false
}

// compareBitmaps reads both bitmaps of TexFAT through and notes where they differ. What cannot be read in either
// does not count.
func (v *volume) compareBitmaps(ctx context.Context) error {
	m := &v.bitmap
	if m.other == nil || m.differ {
		return nil
	}
	count, first, last := 0, uint32(0), uint32(0)
	size := int64(v.bitmapBytes())
	const step = 8
	for at := int64(0); at < size; at += step {
		if at%windowSize == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		n := min(step, size-at)
		a, b := m.w.Bytes(at, n), m.other.Bytes(at, n)
		if a == nil || b == nil {
			continue
		}
		for i := range a {
			x := a[i] ^ b[i]
			if left := int64(v.b.clusters) - (at+int64(i))*8; left < 8 {
				x &= 1<<left - 1 // the bits behind the last cluster mean nothing
			}
			if x == 0 {
				continue
			}
			c := uint32((at+int64(i))*8) + 2
			if count == 0 {
				first = c + uint32(bits.TrailingZeros8(x))
			}
			last = c + uint32(bits.Len8(x)) - 1
			count += bits.OnesCount8(x)
		}
	}
	if count == 0 {
		return nil
	}
	m.differ = true
	v.mu.Lock()
	defer v.mu.Unlock()
	v.note(bitmapDiffers, finding.At(v.bitmapAt.at, entrySize), finding.Expected("no difference", count),
		finding.Arg("first", first), finding.Arg("last", last))
	return nil
}

// doubt makes a guess of clusters that are free by the bitmap in use and taken by the other: a file may have been
// removed, or another one written, just before the volume stopped.
func (v *volume) doubt(c *content) {
	if !v.bitmap.differ {
		return
	}
	old, doubts, first := c.pieces, 0, uint32(0)
	c.pieces = nil
	for _, p := range old {
		if p.kind != block.Data && p.kind != block.Guessed {
			c.add(p.first, p.count, p.kind)
			continue
		}
		for i := range p.count {
			kind := p.kind
			if v.bitmap.onlyOther(p.first + i) {
				kind = block.Guessed
				if doubts == 0 {
					first = p.first + i
				}
				doubts++
			}
			c.add(p.first+i, 1, kind)
		}
	}
	if doubts > 0 {
		c.note(deletedDoubted, finding.Expected(0, doubts), v.clusterAt(first))
	}
}
