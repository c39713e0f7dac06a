package vmdk

import (
	"bytes"
	"fmt"

	"salvor/block"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

const (
	sector     = 512
	headerSize = 512
	atEnd      = 1<<64 - 1 // of the grain directory: the footer says where it stands
)

var sparseMagic = []byte("KDMV")

// Flags of a sparse extent.
const (
	flagSecond = 1 << 1 // there is a second copy of the tables
	flagZero   = 1 << 2 // entry 1 is a grain of zeros
	flagPacked = 1 << 16
)

// sparse is the header of a sparse extent. Sizes and places are in sectors.
type sparse struct {
	flags      uint32
	capacity   int64
	grain      int64
	text, texN int64 // the descriptor in it
	perTable   int64
	second     int64 // the copy of the grain directory; 0 where there is none
	directory  int64 // atEnd where the footer says
	end        bool
	unclean    bool
}

// parseSparse reads a header or a footer that stands at off.
func parseSparse(b []byte, off int64) (*sparse, error) {
	if !bytes.HasPrefix(b, sparseMagic) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("vmdk: header", off, b)
	c.Skip(4)
	version := c.Uint32()
	s := &sparse{flags: c.Uint32(), capacity: int64(c.Uint64()), grain: int64(c.Uint64()), text: int64(c.Uint64()), texN: int64(c.Uint64()), perTable: int64(c.Uint32())}
	second, directory := c.Uint64(), c.Uint64()
	c.Skip(8)
	s.unclean = c.Uint8() == 1
	c.Skip(4)
	algorithm := c.Uint16()
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*sparse, error) {
		return nil, cursor.Corrupt("vmdk: header", off, expected, found)
	}
	switch {
	case version < 1 || version > 3:
		return bad("version 1 to 3", version)
	case s.capacity <= 0 || s.capacity > 1<<45:
		return bad("a size that can be", s.capacity)
	case s.grain < 1 || s.grain > mapped.MaxUnit/sector || s.grain&(s.grain-1) != 0:
		return bad("grains of a power of two", s.grain)
	case s.perTable < 1 || s.perTable > 1<<16:
		return bad("entries of a table", s.perTable)
	case s.flags&flagPacked != 0 && algorithm != 1:
		return bad("deflate", algorithm)
	}
	s.end = directory == atEnd
	s.directory = place(directory)
	if s.flags&flagSecond != 0 || s.flags&flagPacked == 0 {
		s.second = place(second)
	}
	return s, nil
}

// place returns a place in sectors that can be one; 0 for all else.
func place(v uint64) int64 {
	if v > 1<<50 {
		return 0
	}
	return int64(v)
}

// sparseExtent is a sparse extent of a disk.
type sparseExtent struct {
	*sparse
	src     block.Source
	tables  *mapped.Tables
	inflate *mapped.Inflater
}

// newSparse reads the header of a sparse extent, and its footer where that counts.
func newSparse(src block.Source) (*sparseExtent, error) {
	b := make([]byte, min(headerSize, src.Size()))
	n, err := src.ReadAt(b, 0)
	if n < len(sparseMagic) && err != nil && src.Size() >= headerSize {
		return nil, err
	}
	s, err := parseSparse(b[:n], 0)
	if err != nil {
		return nil, err
	}
	if s.end {
		at := src.Size() - 2*headerSize // before the marker of the end
		b, err := cursor.Read(src, "vmdk: footer", at, headerSize, headerSize)
		if err != nil {
			return nil, err
		}
		f, err := parseSparse(b, at)
		if err != nil || f.end || f.capacity != s.capacity || f.grain != s.grain || f.perTable != s.perTable {
			return nil, cursor.Corrupt("vmdk: footer", at, "a copy of the header with the place of the directory", "something else")
		}
		f.text, f.texN = s.text, s.texN
		s = f
	}
	return &sparseExtent{sparse: s, src: src, tables: mapped.NewTables(src), inflate: &mapped.Inflater{}}, nil
}

// size returns the bytes of the disk that the extent holds.
func (s *sparseExtent) size() int64 { return s.capacity * sector }

// maxJoined is how many grains are looked at for one piece.
const maxJoined = 256

// locate says what stands at off of the extent. What was not written is what below says.
func (s *sparseExtent) locate(off int64, below func(e block.Extent, off int64) mapped.Piece) (mapped.Piece, error) {
	size := s.grain * sector
	span := size * s.perTable
	at := func(off int64) (mapped.Piece, error) {
		e := block.Extent{Offset: off / size * size, Length: size}.Intersect(block.Extent{Length: s.size()})
		entry, err := s.entry(off/span, off%span/size)
		switch {
		case err != nil:
			return mapped.Piece{Extent: e}, err
		case entry == 0:
			return below(e, off), nil
		case entry == 1 && s.flags&flagZero != 0:
			return mapped.Piece{Extent: e}, nil
		case s.flags&flagPacked != 0:
			return s.packed(e, entry*sector), nil
		}
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: s.src, At: entry * sector}, nil
	}
	return mapped.Run(off, s.size(), maxJoined, at)
}

// entry returns where a grain stands, in sectors: by the first copy of the tables, or by the second. 0 is a grain that
// was not written.
func (s *sparseExtent) entry(table, index int64) (int64, error) {
	failed, answered := error(cursor.Corrupt("vmdk: header", 0, "a grain directory", "none")), false
	for _, directory := range []int64{s.directory, s.second} {
		if directory == 0 {
			continue
		}
		v, err := s.entryOf(directory, table, index)
		if err == nil && v != 0 {
			return v, nil
		}
		if answered = answered || err == nil; err != nil {
			failed = err
		}
	}
	if answered {
		return 0, nil
	}
	return 0, failed
}

func (s *sparseExtent) entryOf(directory, table, index int64) (int64, error) {
	at := directory*sector + 4*table
	v, err := s.tables.Uint32("vmdk: grain directory", at)
	if err != nil || v == 0 && s.flags&flagPacked != 0 {
		return 0, err
	}
	// Without packing, all tables are there from the beginning: 0 is no place.
	if v == 0 || int64(v)*sector >= s.src.Size() {
		return 0, cursor.Corrupt("vmdk: grain directory", at, "the place of a table", v)
	}
	at = int64(v)*sector + 4*index
	if v, err = s.tables.Uint32("vmdk: grain table", at); err != nil {
		return 0, err
	}
	if int64(v)*sector >= s.src.Size() {
		return 0, cursor.Corrupt("vmdk: grain table", at, "a place inside of the file", v)
	}
	return int64(v), nil
}

// markerSize is what stands before a packed grain: its first sector, and how many bytes it has.
const markerSize = 12

func (s *sparseExtent) packed(e block.Extent, at int64) mapped.Piece {
	return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
		b, err := cursor.Read(s.src, "vmdk: grain", at, markerSize, markerSize)
		if err != nil {
			return err
		}
		c := cursor.New("vmdk: grain", at, b)
		first, n := int64(c.Uint64()), int64(c.Uint32())
		if first != e.Offset/sector {
			return cursor.Corrupt("vmdk: grain", at, fmt.Sprintf("that of sector %d", e.Offset/sector), first)
		}
		if b, err = mapped.ReadPacked(s.src, "vmdk: grain", at+markerSize, n); err != nil {
			return err
		}
		whole := make([]byte, s.grain*sector) // the last one is stored whole or short
		k, err := s.inflate.ZlibUpTo("vmdk: grain", at, b, whole)
		if err == nil && k < len(dst) {
			err = cursor.Corrupt("vmdk: grain", at, len(dst), k)
		}
		copy(dst, whole)
		return err
	}}
}
