package gpt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"salvor/cursor"
)

var magic = []byte("EFI PART")

const (
	headerSize   = 92   // bytes of the fields that are defined
	maxHeader    = 4096 // the header lies in one sector
	entrySize    = 128
	maxEntrySize = 4096
	maxArray     = 4 << 20
	usualEntries = 128
	// maxSector keeps every product with a sector size, and a sum of two, inside of int64.
	maxSector = math.MaxInt64 / 4096 / 4
)

// guid is stored with its first three fields in little-endian order.
type guid [16]byte

func (g guid) String() string {
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// header holds the fields of a header as they stand.
type header struct {
	revision, size    uint32
	crc, computed     uint32
	own, other        uint64
	first, last       uint64
	disk              guid
	array             uint64
	count, entrySize  uint32
	arrayCRC          uint32
	crcRead, crcMatch bool // the header's size allowed to compute its CRC; it agrees
}

// parseHeader decodes the sector that stands at base. Bytes without the magic are [cursor.ErrNot].
func parseHeader(b []byte, base int64) (header, error) {
	var h header
	c := cursor.New("gpt: header", base, b)
	m := c.Bytes(8)
	if c.Err() != nil {
		return h, c.Err()
	}
	if string(m) != string(magic) {
		return h, cursor.ErrNot
	}
	h.revision, h.size, h.crc = c.Uint32(), c.Uint32(), c.Uint32()
	c.Skip(4)
	h.own, h.other, h.first, h.last = c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()
	copy(h.disk[:], c.Bytes(16))
	h.array, h.count, h.entrySize, h.arrayCRC = c.Uint64(), c.Uint32(), c.Uint32(), c.Uint32()
	if c.Err() != nil {
		return h, c.Err()
	}
	if h.size >= headerSize && int64(h.size) <= int64(len(b)) {
		h.crcRead = true
		h.computed = headerCRC(b[:h.size])
		h.crcMatch = h.computed == h.crc
	}
	return h, nil
}

// headerCRC is the CRC-32 of a header with its own field as zero.
func headerCRC(b []byte) uint32 {
	crc := crc32.ChecksumIEEE(b[:16])
	crc = crc32.Update(crc, crc32.IEEETable, make([]byte, 4))
	return crc32.Update(crc, crc32.IEEETable, b[20:])
}

// slot is an entry of the array as it stands.
type slot struct {
	kind, id    guid
	first, last uint64
	attributes  uint64
	name        string
}

func (s slot) empty() bool { return s.kind == guid{} }

// possible reports whether a partition can lie there.
func (s slot) possible() bool {
	return s.first > 0 && s.first <= s.last && s.last < maxSector
}

// parseSlot decodes one entry, which stands at base.
func parseSlot(b []byte, base int64) (slot, error) {
	var s slot
	c := cursor.New("gpt: entry", base, b)
	copy(s.kind[:], c.Bytes(16))
	copy(s.id[:], c.Bytes(16))
	s.first, s.last, s.attributes = c.Uint64(), c.Uint64(), c.Uint64()
	s.name = utf16Name(c.Bytes(72))
	return s, c.Err()
}
