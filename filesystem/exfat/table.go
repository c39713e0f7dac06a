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
