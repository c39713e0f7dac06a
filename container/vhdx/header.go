package vhdx

import (
	"bytes"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
)

var fileMagic = []byte("vhdxfile")

const (
	headerSize  = 4 << 10
	regionSize  = 64 << 10
	header1     = 64 << 10
	header2     = 128 << 10
	region1     = 192 << 10
	region2     = 256 << 10
	maxRegions  = 2047
	maxMetadata = 64 << 10
)

// guid is an ID as it stands in the file.
type guid [16]byte

// String writes a GUID as people do: the first three groups stand with their low byte first.
func (g guid) String() string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8:10], g[10:])
}

// IDs of regions and of metadata, as they stand in the file.
var (
	idBlocks     = guid{0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08}
	idMetadata   = guid{0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e}
	idParameters = guid{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b}
	idDiskSize   = guid{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8}
	idSector     = guid{0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47, 0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f}
	idParent     = guid{0x2d, 0x5f, 0xd3, 0xa8, 0x0b, 0xb3, 0x4d, 0x45, 0xab, 0xf7, 0xd3, 0xd8, 0x48, 0x34, 0xab, 0x0c}
	idLocator    = guid{0xb7, 0xef, 0x4a, 0xb0, 0x9e, 0xd1, 0x81, 0x4a, 0xb7, 0x89, 0x25, 0xb8, 0xe9, 0x44, 0x59, 0x13}
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checked reports whether the CRC-32C at byte 4 of a structure fits; it is computed with itself as zeros.
func checked(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	c := cursor.New("", 0, b[4:8])
	sum := crc32.Update(0, castagnoli, b[:4])
	sum = crc32.Update(sum, castagnoli, []byte{0, 0, 0, 0})
	return crc32.Update(sum, castagnoli, b[8:]) == c.Uint32()
}

// header is one of the two headers.
type header struct {
	number     uint64
	data       guid // changes with the content of the disk
	log        guid // zero where there is nothing to replay
	logAt, len int64
}

func parseHeader(b []byte, off int64) (*header, error) {
	c := cursor.New("vhdx: header", off, b)
	magic := c.Bytes(4)
	c.Skip(4)
	h := &header{number: c.Uint64()}
	c.Skip(16)
	copy(h.data[:], c.Bytes(16))
	copy(h.log[:], c.Bytes(16))
	c.Skip(2)
	version := c.Uint16()
	h.len, h.logAt = int64(c.Uint32()), int64(c.Uint64())
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*header, error) {
		return nil, cursor.Corrupt("vhdx: header", off, expected, found)
	}
	switch {
	case string(magic) != "head":
		return bad("head", fmt.Sprintf("%q", magic))
	case !checked(b):
		return bad("a CRC-32C that fits", "another one")
	case version != 1:
		return bad("version 1", version)
	}
	return h, nil
}

// readHeader returns the header that counts; one says that the other is damaged.
func readHeader(src block.Source) (h *header, one bool, err error) {
	for _, at := range []int64{header1, header2} {
		b, e := cursor.Read(src, "vhdx: header", at, headerSize, headerSize)
		var found *header
		if e == nil {
			found, e = parseHeader(b, at)
		}
		switch {
		case e != nil && !bearable(e):
			return nil, false, e
		case e != nil:
			one, err = true, e
		case h == nil || found.number > h.number:
			h = found
		}
	}
	if h != nil {
		err = nil
	}
	return h, one, err
}

// bearable reports whether an error is about the image, so that another copy may be tried.
func bearable(err error) bool {
	if _, ok := cursor.IsCorrupt(err); ok {
		return true
	}
	_, ok := block.IsUnreadable(err)
	return ok
}

// parseRegions reads a region table.
func parseRegions(b []byte, off int64) (map[guid]block.Extent, error) {
	c := cursor.New("vhdx: region table", off, b)
	magic := c.Bytes(4)
	c.Skip(4)
	n := c.Uint32()
	c.Skip(4)
	if c.Err() != nil || !bytes.Equal(magic, []byte("regi")) || n > maxRegions || !checked(b) {
		return nil, cursor.Corrupt("vhdx: region table", off, "regi, and a CRC-32C that fits", fmt.Sprintf("%q", magic))
	}
	out := map[guid]block.Extent{}
	for range n {
		var id guid
		copy(id[:], c.Bytes(16))
		e := block.Extent{Offset: int64(c.Uint64()), Length: int64(c.Uint32())}
		required := c.Uint32()&1 != 0
		if err := c.Err(); err != nil {
			return nil, err
		}
		if required && id != idBlocks && id != idMetadata {
			return nil, cursor.Corrupt("vhdx: region table", off, "regions that are known", id)
		}
		if e.Valid() {
			out[id] = e
		}
	}
	return out, nil
}

// readRegions returns the regions of the first table, or of its copy.
func readRegions(src block.Source) (regions map[guid]block.Extent, copied bool, err error) {
	for _, at := range []int64{region1, region2} {
		b, e := cursor.Read(src, "vhdx: region table", at, regionSize, regionSize)
		if e == nil {
			regions, e = parseRegions(b, at)
		}
		if e == nil {
			return regions, at == region2, nil
		}
		if err = e; !bearable(e) {
			break
		}
	}
	return nil, false, err
}
