package fat

import (
	"bytes"
	"context"
	"encoding/binary"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// windowSize is how much of a FAT is read at once, in bytes: a multiple of the sector sizes and of 3, so
// that no pair of 12-bit entries lies across a border.
const windowSize = 48 << 10

// unknown is the value of a FAT entry that cannot be read. No entry has it, since only 28 bits count.
const unknown = ^uint32(0)

// Values of FAT entries, brought to 28 bits whatever the width.
const (
	entryFree = 0
	entryBad  = 0x0FFFFFF7
	entryLast = 0x0FFFFFF8 // and above
)

// table reads the entries of the copies of a FAT. It is safe for concurrent use.
type table struct {
	src     block.Source
	b       *boot
	copies  []int              // the copies that are in use, the one to prefer first
	windows []*cluster.Windows // of those, in the same order
}

func newTable(src block.Source, b *boot) *table {
	t := &table{src: src, b: b}
	if b.mirrored {
		for i := range min(b.copies, 2) {
			t.copies = append(t.copies, i)
		}
	} else {
		t.copies = []int{b.active}
	}
	for _, i := range t.copies {
		fat := block.Section(src, block.Extent{Offset: b.fatAt(i), Length: b.fatBytes()})
		t.windows = append(t.windows, cluster.NewWindows(fat, windowSize))
	}
	return t
}

// prefer makes copy the first choice.
func (t *table) prefer(copy int) {
	if len(t.copies) == 2 && t.copies[1] == copy {
		t.copies[0], t.copies[1] = t.copies[1], t.copies[0]
		t.windows[0], t.windows[1] = t.windows[1], t.windows[0]
	}
}

// entry returns the entry of cluster c in the copy of the given rank in t.copies, or unknown.
func (t *table) entry(rank int, c uint32) uint32 {
	var at int64
	n := int64(4)
	switch t.b.width {
	case 12:
		at, n = int64(c)+int64(c)/2, 2
	case 16:
		at, n = int64(c)*2, 2
	default:
		at = int64(c) * 4
	}
	p := t.windows[rank].Bytes(at, n)
	if p == nil {
		return unknown
	}
	return decodeEntry(t.b.width, c, p)
}

// decodeEntry reads the entry of cluster c, whose bytes p starts with, and widens the reserved values.
func decodeEntry(width int, c uint32, p []byte) uint32 {
	switch width {
	case 12:
		v := uint32(binary.LittleEndian.Uint16(p))
		if c%2 == 1 {
			v >>= 4
		}
		v &= 0xFFF
		if v >= 0xFF7 {
			v |= 0x0FFFF000
		}
		return v
	case 16:
		v := uint32(binary.LittleEndian.Uint16(p))
		if v >= 0xFFF7 {
			v |= 0x0FFF0000
		}
		return v
	default:
		return binary.LittleEndian.Uint32(p) & 0x0FFFFFFF
	}
}

// used reports whether a cluster is taken by the word of any copy. An entry that cannot be read counts as
// taken, since nothing says that it is free.
func (t *table) used(c uint32) bool {
	if !t.b.valid(c) {
		return true
	}
	known := false
	for rank := range t.copies {
		switch v := t.entry(rank, c); v {
		case unknown:
		case entryFree:
			known = true
		default:
			return true
		}
	}
	return !known
}

// plausible reports whether v can be an entry of an allocated or a free cluster.
func (t *table) plausible(v uint32) bool {
	return v == entryFree || v >= entryBad && v != unknown || t.b.valid(v)
}

// difference is what a comparison of two copies found.
type difference struct {
	entries     int64
	first, last uint32
	bad         [2]int64 // bytes that cannot be read, of each copy
	odd         [2]int64 // of the entries that differ, those that cannot be
}

// compare reads both copies through once and counts the entries that differ. Entries 0 and 1, which hold
// flags, do not count.
func (t *table) compare(ctx context.Context) (difference, error) {
	var d difference
	if len(t.copies) < 2 {
		return d, nil
	}
	const chunk = windowSize * 16
	var p [2][]byte
	var bad [2]block.Set
	// What a cut image does not have is told elsewhere, and must not cost time.
	size := min(t.b.fatBytes(), (int64(t.b.clusters)+2)*int64(t.b.width)/8+2, t.src.Size()-t.b.fatAt(t.copies[1]))
	for i := range p {
		p[i] = make([]byte, max(min(chunk, size), 0))
	}
	for at := int64(0); at < size; at += chunk {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		n := min(chunk, size-at)
		for i := range p {
			p[i] = p[i][:n]
			var err error
			if bad[i], err = cluster.ReadAround(t.src, p[i], t.b.fatAt(t.copies[i])+at); err != nil {
				return d, err
			}
			d.bad[i] += bad[i].Bytes()
		}
		if bad[0].Empty() && bad[1].Empty() && bytes.Equal(p[0], p[1]) {
			continue
		}
		t.compareChunk(&d, at, p, bad[0].Union(bad[1]))
	}
	return d, nil
}

func (t *table) compareChunk(d *difference, at int64, p [2][]byte, bad block.Set) {
	n := int64(4)
	if t.b.width != 32 {
		n = 2
	}
	for c := uint32(at * 8 / int64(t.b.width)); c < t.b.clusters+2; c++ {
		off := int64(c)*int64(t.b.width)/8 - at
		if off+n > int64(len(p[0])) {
			return
		}
		if c < 2 {
			continue
		}
		a, b := decodeEntry(t.b.width, c, p[0][off:]), decodeEntry(t.b.width, c, p[1][off:])
		if a == b || a >= entryLast && b >= entryLast || bad.Overlaps(block.Extent{Offset: off, Length: n}) {
			continue
		}
		if d.entries == 0 {
			d.first = c
		}
		d.last = c
		d.entries++
		for i, v := range []uint32{a, b} {
			if !t.plausible(v) {
				d.odd[i]++
			}
		}
	}
}
