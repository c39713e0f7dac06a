package hfsplus

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zlib"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/internal/lzfse"
)

// Compressed files have no data fork. An extended attribute of this name begins with a header of 16 bytes, in
// low-byte-first order: magic, type, size of the content. The stored bytes stand behind it or, in units of
// 64 KiB, in the resource fork.
const (
	compressionAttribute = "com.apple.decmpfs"
	compressionHeader    = 16
	compressionMagic     = 0x636D7066 // "fpmc" on disk
	compressionUnit      = 64 << 10
	encodingPrefix       = "hfsplus.decmpfs:"
)

// Types of compression.
const (
	packedNot           = 1 // the content itself, in the attribute
	packedZlib          = 3
	packedZlibResource  = 4
	packedLZVN          = 7
	packedLZVNResource  = 8
	packedPlain         = 9
	packedPlainResource = 10
	packedLZFSE         = 11
	packedLZFSEResource = 12
)

// maxInline is the most content that an attribute stands for; larger files use their resource fork.
const maxInline = 1 << 20

// compression is the header of such an attribute.
type compression struct {
	kind uint32
	size int64
}

func parseCompression(value []byte) (compression, bool) {
	if len(value) < compressionHeader || binary.LittleEndian.Uint32(value) != compressionMagic {
		return compression{}, false
	}
	c := compression{binary.LittleEndian.Uint32(value[4:]), int64(binary.LittleEndian.Uint64(value[8:]))}
	return c, c.size >= 0
}

// inResource reports whether the stored bytes stand in the resource fork.
func (c compression) inResource() bool {
	switch c.kind {
	case packedZlibResource, packedLZVNResource, packedPlainResource, packedLZFSEResource:
		return true
	}
	return false
}

func (c compression) known() bool {
	switch c.kind {
	case packedNot, packedZlib, packedLZVN, packedPlain, packedLZFSE:
		return c.size <= maxInline
	}
	return c.inResource()
}

func (c compression) encoding() string { return encodingPrefix + strconv.Itoa(int(c.kind)) }

// decode gives the content of a compressed file: see filesystem.Kind.
func decode(encoding string, stored block.Source, size int64) (filesystem.Encoded, error) {
	kind, err := strconv.ParseUint(strings.TrimPrefix(encoding, encodingPrefix), 10, 32)
	c := compression{uint32(kind), size}
	if err != nil || !c.known() || c.kind == packedNot || !strings.HasPrefix(encoding, encodingPrefix) {
		return nil, cursor.Corrupt("hfsplus: encoding", -1, encodingPrefix+"3, 4 or 7 to 12", encoding)
	}
	u := filesystem.Units{Size: size, Unit: compressionUnit, MaxEncoded: 2 * compressionUnit,
		Decode: func(_ int64, dst, p []byte) error { return unpack(c.kind, dst, p) }}
	switch {
	case !c.inResource():
		u.Unit, u.MaxEncoded = max(size, 1), 2*maxInline
		u.Place = func(int64) (block.Extent, error) { return block.Extent{Length: stored.Size()}, nil }
	case c.kind == packedZlibResource:
		u.Place = zlibTable(stored, size)
	default:
		u.Place = offsetsTable(stored, size)
	}
	return filesystem.NewDecoded(stored, u)
}

// zlibTable finds units in a resource fork of type 4: at the offset that its header names stand a length, the
// number of units, and for each its offset behind that length and its size.
func zlibTable(stored block.Source, size int64) func(int64) (block.Extent, error) {
	units := (size + compressionUnit - 1) / compressionUnit
	return func(i int64) (block.Extent, error) {
		head, err := cursor.Read(stored, "hfsplus: compressed resource fork", 0, 4, 4)
		if err != nil {
			return block.Extent{}, err
		}
		base := int64(be.Uint32(head)) + 4
		p, err := cursor.Read(stored, "hfsplus: table of compressed units", base, 4, 4)
		if err != nil {
			return block.Extent{}, err
		}
		if n := int64(binary.LittleEndian.Uint32(p)); n != units {
			return block.Extent{}, cursor.Corrupt("hfsplus: table of compressed units", base, units, n)
		}
		if p, err = cursor.Read(stored, "hfsplus: table of compressed units", base+4+8*i, 8, 8); err != nil {
			return block.Extent{}, err
		}
		return block.Extent{Offset: base + int64(binary.LittleEndian.Uint32(p)), Length: int64(binary.LittleEndian.Uint32(p[4:]))}, nil
	}
}

// offsetsTable finds units in a resource fork of the other types: it begins with the offset of each, and of the end.
func offsetsTable(stored block.Source, size int64) func(int64) (block.Extent, error) {
	units := (size + compressionUnit - 1) / compressionUnit
	return func(i int64) (block.Extent, error) {
		p, err := cursor.Read(stored, "hfsplus: table of compressed units", 4*i, 8, 8)
		if err != nil {
			return block.Extent{}, err
		}
		from, to := int64(binary.LittleEndian.Uint32(p)), int64(binary.LittleEndian.Uint32(p[4:]))
		if from < 4*(units+1) || to < from {
			return block.Extent{}, cursor.Corrupt("hfsplus: table of compressed units", 4*i, fmt.Sprintf("an offset of at least %d, in order", 4*(units+1)), fmt.Sprintf("%d, %d", from, to))
		}
		return block.Between(from, to), nil
	}
}

// unpack decodes one unit. Each kind has a first byte that marks a unit which did not get smaller.
func unpack(kind uint32, dst, p []byte) error {
	if len(p) == 0 {
		return cursor.Corrupt("hfsplus: compressed unit", 0, "stored bytes", "none")
	}
	plain := func() error {
		if len(p)-1 < len(dst) {
			return cursor.Corrupt("hfsplus: uncompressed unit", 0, fmt.Sprintf("%d bytes", len(dst)), len(p)-1)
		}
		copy(dst, p[1:])
		return nil
	}
	n, err := 0, error(nil)
	switch kind {
	case packedZlib, packedZlibResource:
		if p[0]&0x0F == 0x0F {
			return plain()
		}
		n, err = inflate(dst, p)
	case packedLZVN, packedLZVNResource:
		if p[0] == 0x06 {
			return plain()
		}
		n, err = lzfse.DecodeLZVN(dst, p)
	case packedLZFSE, packedLZFSEResource:
		if p[0] == 0xFF {
			return plain()
		}
		n, err = lzfse.Decode(dst, p)
	default:
		return plain()
	}
	if err == nil && n < len(dst) {
		err = cursor.Corrupt("hfsplus: compressed unit", int64(n), fmt.Sprintf("%d bytes", len(dst)), n)
	}
	return err
}

// inflate fills dst out of a zlib stream, whose checksum is compared when it ends there.
func inflate(dst, p []byte) (int, error) {
	r, err := zlib.NewReader(bytes.NewReader(p))
	if err != nil {
		return 0, cursor.Corrupt("hfsplus: zlib stream", 0, "its header", err)
	}
	defer r.Close()
	n, err := io.ReadFull(r, dst)
	if err != nil {
		return n, cursor.Corrupt("hfsplus: zlib stream", int64(n), fmt.Sprintf("%d bytes", len(dst)), err)
	}
	var more [1]byte
	if m, err := r.Read(more[:]); m > 0 || !errors.Is(err, io.EOF) {
		return n, cursor.Corrupt("hfsplus: zlib stream", int64(n), "its end and its checksum", fmt.Sprint(err))
	}
	return n, nil
}
