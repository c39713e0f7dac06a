package lp

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"salvor/cursor"
)

const (
	geometryMagic = 0x616C4467
	headerMagic   = 0x414C5030
	geometrySize  = 52
	smallHeader   = 128
	maxMetadata   = 1 << 20
	maxSlots      = 8
	maxEntries    = 4096
	sectorSize    = 512
	// maxSector keeps the product with a sector, and a sum of two, inside of int64.
	maxSector = 1 << 50
)

// geometry says where metadata stands.
type geometry struct {
	size, slots, block int64
	valid              bool // its checksum agrees
}

// parseGeometry decodes the geometry that stands at base. Bytes without its magic number are [cursor.ErrNot].
func parseGeometry(b []byte, base int64) (geometry, error) {
	var g geometry
	c := cursor.New("lp: geometry", base, b)
	if c.Uint32() != geometryMagic || c.Err() != nil {
		return g, cursor.ErrNot
	}
	size := int(c.Uint32())
	sum := bytes.Clone(c.Bytes(32))
	g.size, g.slots, g.block = int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32())
	if c.Err() != nil {
		return g, c.Err()
	}
	if size < geometrySize || size > len(b) || g.size < smallHeader || g.size > maxMetadata || g.size%sectorSize != 0 || g.slots < 1 || g.slots > maxSlots {
		return g, cursor.Corrupt("lp: geometry", base, "sensible sizes", fmt.Sprintf("%d slots of %d bytes", g.slots, g.size))
	}
	g.valid = bytes.Equal(sumOf(b[:size], 8), sum)
	return g, nil
}

// sumOf is the SHA-256 of b with the 32 bytes at hole as zeros.
func sumOf(b []byte, hole int) []byte {
	b = bytes.Clone(b)
	clear(b[hole : hole+32])
	sum := sha256.Sum256(b)
	return sum[:]
}

type partition struct {
	name         string
	attributes   uint32
	first, count int
	group        int
}

type extent struct {
	sectors, at uint64
	kind        uint32 // 0 stands at a place, 1 is zeros
	device      uint32
}

type device struct {
	size uint64
	name string
}

// metadata is a slot's table as it stands.
type metadata struct {
	headerGood, tablesGood bool
	partitions             []partition
	extents                []extent
	groups                 []string
	devices                []device
}

type table struct{ at, count, each int }

// parseMetadata decodes the metadata that stands at base. Bytes without its magic number are [cursor.ErrNot].
func parseMetadata(b []byte, base int64) (metadata, error) {
	var m metadata
	c := cursor.New("lp: metadata", base, b)
	if c.Uint32() != headerMagic || c.Err() != nil {
		return m, cursor.ErrNot
	}
	major := c.Uint16()
	c.Skip(2)
	size := int(c.Uint32())
	headerSum := bytes.Clone(c.Bytes(32))
	length := int(c.Uint32())
	tableSum := bytes.Clone(c.Bytes(32))
	var tables [4]table
	for i := range tables {
		tables[i] = table{int(c.Uint32()), int(c.Uint32()), int(c.Uint32())}
	}
	if c.Err() != nil {
		return m, c.Err()
	}
	if major != 10 {
		return m, cursor.Corrupt("lp: metadata", base+4, "version 10", major)
	}
	if size < smallHeader || size > len(b) || length > len(b)-size {
		return m, cursor.Corrupt("lp: metadata", base+8, "a header and tables inside of the slot", fmt.Sprintf("%d and %d bytes", size, length))
	}
	m.headerGood = bytes.Equal(sumOf(b[:size], 12), headerSum)
	body := b[size : size+length]
	sum := sha256.Sum256(body)
	m.tablesGood = bytes.Equal(sum[:], tableSum)
	least := [4]int{52, 24, 48, 64}
	for i, t := range tables {
		if t.count < 0 || t.count > maxEntries || t.at < 0 || t.at > length || t.count > 0 && (t.each < least[i] || t.each > 4096 || t.count > (length-t.at)/t.each) {
			return m, cursor.Corrupt("lp: metadata", base+80+int64(12*i), "a table inside of the metadata", fmt.Sprintf("%d entries of %d bytes at %d", t.count, t.each, t.at))
		}
		for n := range t.count {
			off := t.at + n*t.each
			m.entry(i, cursor.New("lp: entry", base+int64(size+off), body[off:off+t.each]))
		}
	}
	return m, nil
}

// entry decodes one entry of table i.
func (m *metadata) entry(i int, c *cursor.Cursor) {
	switch i {
	case 0:
		p := partition{name: c.String(36), attributes: c.Uint32()}
		p.first, p.count, p.group = int(c.Uint32()), int(c.Uint32()), int(c.Uint32())
		m.partitions = append(m.partitions, p)
	case 1:
		e := extent{sectors: c.Uint64(), kind: c.Uint32()}
		e.at, e.device = c.Uint64(), c.Uint32()
		m.extents = append(m.extents, e)
	case 2:
		m.groups = append(m.groups, c.String(36))
	case 3:
		c.Skip(16)
		m.devices = append(m.devices, device{size: c.Uint64(), name: c.String(36)})
	}
}
