package exfat

import (
	"encoding/binary"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// windowSize is how much of a FAT or of an allocation bitmap is read at once, in bytes.
const windowSize = 64 << 10

func newWindows(src block.Source) *cluster.Windows { return cluster.NewWindows(src, windowSize) }

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
	copies []*cluster.Windows // the active one first
}

func newTable(src block.Source, b *boot) *table {
	t := &table{b: b}
	for i := range b.fats {
		w := newWindows(block.Section(src, block.Extent{Offset: b.fatAt(i), Length: b.fatBytes()}))
		if i == b.active() && i > 0 {
			t.copies = append([]*cluster.Windows{w}, t.copies...)
		} else {
			t.copies = append(t.copies, w)
		}
	}
	return t
}

// entry returns the entry of cluster c in the copy of the given rank.
func (t *table) entry(rank int, c uint32) uint32 {
	p := t.copies[rank].Bytes(int64(c)*4, 4)
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
	w *cluster.Windows
}

// allocated returns what the bitmap says of a cluster; known is false where it cannot be read.
func (m *bitmaps) allocated(c uint32) (taken, known bool) {
	if m.w == nil || !m.b.valid(c) {
		return false, false
	}
	n := int64(c - 2)
	p := m.w.Bytes(n/8, 1)
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
