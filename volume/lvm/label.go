package lvm

import (
	"fmt"
	"hash/crc32"
	"strings"

	"salvor/block"
	"salvor/cursor"
)

const (
	sector     = 512
	labelMagic = "LABELONE"
	labelType  = "LVM2 001"
	areaMagic  = " LVM2 x[5A%r0N*>"
	maxAreas   = 16
)

// label is the first structure of a physical volume.
type label struct {
	sector    int64 // in which it says that it stands
	id        string
	size      int64 // of the device, bytes
	data      []block.Extent
	metadata  []block.Extent
	sumWanted uint32
	sumFound  uint32
}

// sum is LVM's CRC: that of Ethernet, begun with a number of its own, without the last inversion.
func sum(b []byte) uint32 {
	const begin = 0xf597a6cf
	return ^crc32.Update(^uint32(begin), crc32.IEEETable, b)
}

// dashed prints an identifier of 32 letters as LVM does.
func dashed(id string) string {
	if len(id) != 32 {
		return ""
	}
	for _, c := range []byte(id) {
		if !nameByte(c) && c != '!' && c != '#' {
			return ""
		}
	}
	return strings.Join([]string{id[0:6], id[6:10], id[10:14], id[14:18], id[18:22], id[22:26], id[26:32]}, "-")
}

// parseLabel reads a label sector that stands at off.
func parseLabel(b []byte, off int64) (label, error) {
	const structure = "lvm: label"
	if len(b) < sector || string(b[:8]) != labelMagic || string(b[24:32]) != labelType {
		return label{}, cursor.ErrNot
	}
	b = b[:sector]
	c := cursor.New(structure, off, b)
	c.Skip(8)
	number := c.Uint64()
	l := label{sumWanted: c.Uint32(), sumFound: sum(b[20:])}
	header := c.Uint32()
	if number > 3 {
		return l, cursor.Corrupt(structure, off, "a sector from 0 to 3", number)
	}
	l.sector = int64(number)
	if header < 32 || header > sector-40 {
		return l, cursor.Corrupt(structure, off, "a header inside of the sector", header)
	}
	c.Seek(int(header))
	if l.id = dashed(string(c.Bytes(32))); l.id == "" {
		return l, cursor.Corrupt(structure, off, "a UUID", fmt.Sprintf("%q", b[header:header+32]))
	}
	l.size = bounded(c.Uint64())
	l.data = areas(c)
	l.metadata = areas(c)
	return l, nil
}

// areas reads a list of places, up to a pair of zeros.
func areas(c *cursor.Cursor) []block.Extent {
	var out []block.Extent
	for c.Len() >= 16 && len(out) < maxAreas {
		at, size := c.Uint64(), c.Uint64()
		if at == 0 && size == 0 {
			break
		}
		out = append(out, block.Extent{Offset: bounded(at), Length: bounded(size)})
	}
	return out
}

// bounded returns n, or the largest medium that is believed.
func bounded(n uint64) int64 { return int64(min(n, 1<<58)) }
