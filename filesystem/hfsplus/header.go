package hfsplus

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/block"
	"salvor/cursor"
)

var be = binary.BigEndian

const (
	headerAt   = 1024 // bytes from the start of the volume; the copy begins as far before its end
	headerSize = 512
	forkSize   = 80
	inFork     = 8 // extents that a fork holds itself
)

// The files that the volume header names, by their catalogue IDs.
const (
	idRootParent = 1
	idRoot       = 2
	idExtents    = 3
	idCatalog    = 4
	idAllocation = 6
	idAttributes = 8
	idFirstUser  = 16
)

// Attribute bits of a volume.
const (
	volumeUnmounted    = 1 << 8
	volumeSpared       = 1 << 9
	volumeInconsistent = 1 << 11
	volumeJournaled    = 1 << 13
)

// extentDescriptor is a row of allocation blocks.
type extentDescriptor struct{ start, count uint32 }

// fork says where a file stands, as far as its record holds it.
type fork struct {
	size    int64  // bytes
	blocks  uint32 // in all extents, those of the overflow file included
	extents [inFork]extentDescriptor
}

// header is a volume header.
type header struct {
	at         int64 // where it was read, in bytes from the start of what holds the volume
	x          bool  // HFSX
	attributes uint32
	journal    uint32 // block of the journal's info block, 0 for none
	created    uint32 // seconds since 1904, local time
	files      uint32
	folders    uint32
	blockSize  int64
	blocks     uint32
	free       uint32
	id         [8]byte
	hasID      bool

	allocation, extents, catalog, attributesFile fork
}

func (h *header) size() int64 { return int64(h.blocks) * h.blockSize }

// parseHeader reads a volume header. at is for errors. [cursor.ErrNot] when the bytes are none.
func parseHeader(p []byte, at int64) (*header, error) {
	c := cursor.New("hfsplus: volume header", at, p)
	signature, version := c.Uint16BE(), c.Uint16BE()
	if c.Err() != nil {
		return nil, c.Err()
	}
	if !(signature == 0x482B && version == 4) && !(signature == 0x4858 && version == 5) {
		return nil, fmt.Errorf("hfsplus: volume header at %d: signature %04x, version %d: %w", at, signature, version, cursor.ErrNot)
	}
	h := &header{at: at, x: signature == 0x4858}
	h.attributes = c.Uint32BE()
	c.Skip(4)
	h.journal, h.created = c.Uint32BE(), c.Uint32BE()
	c.Skip(12)
	h.files, h.folders = c.Uint32BE(), c.Uint32BE()
	h.blockSize, h.blocks, h.free = int64(c.Uint32BE()), c.Uint32BE(), c.Uint32BE()
	c.Seek(104)
	h.id = [8]byte(c.Bytes(8))
	h.hasID = h.id != [8]byte{}
	for _, f := range []*fork{&h.allocation, &h.extents, &h.catalog, &h.attributesFile} {
		*f = readFork(c)
	}
	switch {
	case c.Err() != nil:
		return nil, c.Err()
	case h.blockSize < 512 || h.blockSize > 1<<20 || h.blockSize&(h.blockSize-1) != 0:
		return nil, cursor.Corrupt("hfsplus: volume header: block size", at+40, "a power of two from 512 to 1048576", h.blockSize)
	case h.blocks == 0:
		return nil, cursor.Corrupt("hfsplus: volume header: total blocks", at+44, "at least 1", 0)
	case h.free > h.blocks:
		return nil, cursor.Corrupt("hfsplus: volume header: free blocks", at+48, fmt.Sprintf("at most %d", h.blocks), h.free)
	case !h.valid(&h.catalog) || h.catalog.size == 0:
		return nil, cursor.Corrupt("hfsplus: volume header: catalog file", at+272, "a fork inside of the volume", h.catalog.extents[0])
	}
	return h, nil
}

// valid reports whether the extents of f lie inside of the volume.
func (h *header) valid(f *fork) bool {
	for _, e := range f.extents {
		if e.count > 0 && !h.inside(e) {
			return false
		}
	}
	return f.size >= 0
}

func (h *header) inside(e extentDescriptor) bool {
	return uint64(e.start)+uint64(e.count) <= uint64(h.blocks)
}

// readFork reads the 80 bytes of a fork.
func readFork(c *cursor.Cursor) fork {
	f := fork{size: int64(c.Uint64BE())}
	c.Skip(4)
	f.blocks = c.Uint32BE()
	f.extents = readExtents(c)
	return f
}

func readExtents(c *cursor.Cursor) (out [inFork]extentDescriptor) {
	for i := range out {
		out[i] = extentDescriptor{c.Uint32BE(), c.Uint32BE()}
	}
	return out
}

// when gives a time of the format: whole seconds since 1904, GMT; 0 is not known.
func when(seconds uint32) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	const between = 2082844800 // seconds from 1904 to 1970
	return time.Unix(int64(seconds)-between, 0).UTC()
}

// readHeader reads the volume header at off of src.
func readHeader(src block.Source, off int64) (*header, error) {
	p, err := cursor.Read(src, "hfsplus: volume header", off, headerSize, headerSize)
	if err != nil {
		return nil, err
	}
	return parseHeader(p, off)
}

// embedded returns where the HFS+ volume inside of an HFS wrapper stands, when p, the sector at 1024, is the
// master directory block of one.
func embedded(p []byte) (block.Extent, bool) {
	if len(p) < 130 || be.Uint16(p) != 0x4244 || be.Uint16(p[124:]) != 0x482B {
		return block.Extent{}, false
	}
	size, first := int64(be.Uint32(p[20:])), int64(be.Uint16(p[28:]))*512
	if size < 512 || size%512 != 0 || size > 1<<30 {
		return block.Extent{}, false
	}
	return block.Extent{Offset: first + int64(be.Uint16(p[126:]))*size, Length: int64(be.Uint16(p[128:])) * size}, true
}
