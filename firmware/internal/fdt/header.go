package fdt

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// HeaderSize is the length of a header of version 17, in bytes.
const HeaderSize = 40

// Magic is what a tree begins with.
const Magic = 0xD00DFEED

var be = binary.BigEndian

// Header is the header of a tree. Its extents lie inside of TotalSize.
type Header struct {
	TotalSize               int64 // bytes
	Struct, Strings         block.Extent
	Reservations            int64 // offset of the memory reservation block
	Version, LastCompatible uint32
	BootCPU                 uint32
}

// ParseHeader reads a header. It answers cursor.ErrNot for what does not have the magic, and a [*cursor.CorruptError]
// for one whose blocks cannot be.
func ParseHeader(p []byte) (*Header, error) {
	const name = "device tree: header"
	c := cursor.New(name, 0, p)
	if c.Uint32BE() != Magic {
		return nil, cursor.ErrNot
	}
	h := &Header{TotalSize: int64(c.Uint32BE())}
	h.Struct.Offset, h.Strings.Offset, h.Reservations = int64(c.Uint32BE()), int64(c.Uint32BE()), int64(c.Uint32BE())
	h.Version, h.LastCompatible, h.BootCPU = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	h.Strings.Length = int64(c.Uint32BE())
	size := int64(HeaderSize)
	if h.Version == 16 {
		size -= 4
		h.Struct.Length = h.TotalSize - h.Struct.Offset
		if h.Strings.Offset > h.Struct.Offset {
			h.Struct.Length = h.Strings.Offset - h.Struct.Offset
		}
	} else {
		h.Struct.Length = int64(c.Uint32BE())
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	whole := block.Extent{Offset: size, Length: h.TotalSize - size}
	switch {
	case h.Version < 16 || h.LastCompatible > 17 || h.LastCompatible > h.Version:
		return nil, cursor.Corrupt(name, 20, "version 16 or 17", fmt.Sprintf("version %d, compatible with %d", h.Version, h.LastCompatible))
	case h.TotalSize < size+16+16:
		return nil, cursor.Corrupt(name, 4, fmt.Sprintf("at least %d bytes in all", size+32), h.TotalSize)
	case h.Struct.Offset%4 != 0 || h.Struct.Length < 16 || !whole.Contains(h.Struct):
		return nil, cursor.Corrupt(name, 8, fmt.Sprintf("a structure block inside of %d bytes", h.TotalSize), h.Struct)
	case !whole.Contains(h.Strings):
		return nil, cursor.Corrupt(name, 12, fmt.Sprintf("a strings block inside of %d bytes", h.TotalSize), h.Strings)
	case h.Struct.Overlaps(h.Strings):
		return nil, cursor.Corrupt(name, 8, "a structure block beside the strings block", fmt.Sprintf("%v and %v", h.Struct, h.Strings))
	case h.Reservations%8 != 0 || !whole.Contains(block.Extent{Offset: h.Reservations, Length: 16}):
		return nil, cursor.Corrupt(name, 16, fmt.Sprintf("memory reservations inside of %d bytes", h.TotalSize), h.Reservations)
	}
	return h, nil
}

// ReadHeader reads the header at offset 0 of src.
func ReadHeader(src block.Source) (*Header, error) {
	p, err := cursor.Read(src, "device tree: header", 0, min(HeaderSize, src.Size()), HeaderSize)
	if err != nil {
		return nil, err
	}
	if len(p) < HeaderSize {
		return nil, cursor.ErrNot
	}
	return ParseHeader(p)
}
