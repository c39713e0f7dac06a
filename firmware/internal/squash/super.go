package squash

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"time"

	"salvor/block"
	"salvor/cursor"
)

// SuperSize is the length of the superblock, in bytes.
const SuperSize = 96

const (
	metaSize     = 8192
	none64       = ^uint64(0)
	none32       = ^uint32(0)
	maxBlockLog  = 20
	minBlockLog  = 12
	hasOptions   = 0x400
	maxInodes    = 64 << 20
	maxFragments = 16 << 20
)

var le = binary.LittleEndian

// compressions are the ways of compression by their numbers.
var compressions = [...]string{"", "gzip", "lzma", "lzo", "xz", "lz4", "zstd"}

// Super is the superblock.
type Super struct {
	Inodes, Fragments, IDs uint32
	BlockSize              int64 // bytes
	Compression            string
	Flags                  uint16
	Made                   time.Time
	Used                   int64 // bytes of the image, without what fills it up
	root                   uint64
	idTable, xattrTable    uint64
	inodeTable, dirTable   uint64
	fragTable, exportTable uint64
}

// VariantError says that this is a squashfs of a kind that cannot be read here.
type VariantError struct {
	Title string // "squashfs 3.1, big-endian"
	Size  int64  // by its own word, in bytes; 0 when not known
}

func (e *VariantError) Error() string { return e.Title + ": this kind cannot be checked" }

// ParseSuper reads the first bytes of an image: [SuperSize], or what there is. It answers cursor.ErrNot, a
// [*VariantError], or a [*cursor.CorruptError] for a superblock whose numbers cannot be.
func ParseSuper(p []byte) (*Super, error) {
	if len(p) < SuperSize {
		return nil, cursor.ErrNot
	}
	if err := variant(p); err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(p, []byte("hsqs")) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("squashfs: superblock", 0, p[:SuperSize])
	c.Skip(4)
	s := &Super{Inodes: c.Uint32(), Made: time.Unix(int64(c.Uint32()), 0).UTC(), BlockSize: int64(c.Uint32()), Fragments: c.Uint32()}
	way, log := c.Uint16(), c.Uint16()
	s.Flags = c.Uint16()
	s.IDs = uint32(c.Uint16())
	major, minor := c.Uint16(), c.Uint16()
	s.root = c.Uint64()
	used := c.Uint64()
	s.idTable, s.xattrTable, s.inodeTable, s.dirTable, s.fragTable, s.exportTable = c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()

	sized := log >= minBlockLog && log <= maxBlockLog && s.BlockSize == 1<<log
	known := way > 0 && int(way) < len(compressions)
	ordered := used < 1<<62 && used >= SuperSize && s.inodeTable >= SuperSize && s.inodeTable < s.dirTable && s.dirTable <= s.idTable && s.idTable < used
	versioned := major == 4 && minor == 0
	right := 0
	for _, ok := range []bool{sized, known, ordered, versioned} {
		if ok {
			right++
		}
	}
	if right < 2 { // four letters alone are no squashfs
		return nil, cursor.ErrNot
	}
	corrupt := func(at int64, expected, found any) error {
		return cursor.Corrupt("squashfs: superblock", at, expected, found)
	}
	switch {
	case !versioned:
		return nil, corrupt(28, "version 4.0", fmt.Sprintf("version %d.%d", major, minor))
	case !sized:
		return nil, corrupt(12, "a block size from 4 KiB to 1 MiB that is 2 to the power of its logarithm", fmt.Sprintf("%d bytes, logarithm %d", s.BlockSize, log))
	case !known:
		return nil, corrupt(20, "a compression from 1 to 6", way)
	case !ordered:
		return nil, corrupt(40, "tables one behind the other inside of the bytes used", fmt.Sprintf("inodes at %d, directories at %d, IDs at %d, %d bytes used", s.inodeTable, s.dirTable, s.idTable, used))
	case s.Inodes == 0 || s.Inodes > maxInodes:
		return nil, corrupt(4, fmt.Sprintf("1 to %d inodes", maxInodes), s.Inodes)
	case s.Fragments > maxFragments || uint64(s.Fragments) > used:
		return nil, corrupt(16, fmt.Sprintf("at most %d fragments", min(maxFragments, used)), s.Fragments)
	}
	for _, t := range []uint64{s.xattrTable, s.fragTable, s.exportTable} {
		if t != none64 && (t < s.dirTable || t >= used) {
			return nil, corrupt(56, "tables behind the directories, inside of the bytes used", t)
		}
	}
	s.Compression, s.Used = compressions[way], int64(used)
	return s, nil
}

// variant recognises the kinds that cannot be read.
func variant(p []byte) error {
	var order binary.ByteOrder = le
	words := ", little-endian"
	own := ""
	switch string(p[:4]) {
	case "hsqs":
	case "sqsh":
		order, words = binary.BigEndian, ", big-endian"
	case "shsq", "hsqt":
		own = ", a maker's own with LZMA"
	case "qshs", "tqsh":
		order, words, own = binary.BigEndian, ", big-endian", ", a maker's own with LZMA"
	default:
		return nil
	}
	major, minor := order.Uint16(p[28:]), order.Uint16(p[30:])
	if own == "" && major == 4 && order == le || major == 0 || major > 4 || minor > 16 {
		return nil
	}
	e := &VariantError{Title: fmt.Sprintf("squashfs %d.%d%s%s", major, minor, words, own)}
	var size uint64
	sane := true
	switch major {
	case 4:
		size = order.Uint64(p[40:])
		sane = bits.OnesCount32(order.Uint32(p[12:])) == 1
	case 3:
		size = order.Uint64(p[63:])
		sane = bits.OnesCount32(order.Uint32(p[51:])) == 1
	default:
		size = uint64(order.Uint32(p[8:]))
		log := order.Uint16(p[34:])
		sane = log >= minBlockLog && log <= maxBlockLog
	}
	if !sane || size < 64 || size > 1<<50 {
		return nil // some letters and a small number are no sign
	}
	e.Size = int64(size)
	return e
}

// FS is an image that is open.
type FS struct {
	Super
	src    block.Source
	packed *packer
	frags  []fragment
	broken error // of the fragment table
	metas  *cache
}

// fragment is where a block of ends of files stands.
type fragment struct {
	at   int64
	word uint32 // size, and whether it is packed
}

// Open opens the image at offset 0 of src. A table of fragments that cannot be read is told by whoever needs it.
func Open(ctx context.Context, src block.Source) (*FS, error) {
	p, err := cursor.Read(src, "squashfs: superblock", 0, SuperSize, SuperSize)
	if _, short := cursor.IsCorrupt(err); short {
		return nil, cursor.ErrNot
	}
	if err != nil {
		return nil, err
	}
	s, err := ParseSuper(p)
	if err != nil {
		return nil, err
	}
	f := &FS{Super: *s, src: src, packed: &packer{way: s.Compression}, metas: newCache(64)}
	f.frags, f.broken = f.readFragments(ctx)
	return f, ctx.Err()
}

// Region is a stretch of the image with the name of what stands there.
type Region struct {
	Name string
	block.Extent
}

// Regions returns what stands where, in order, by the superblock's word.
func (f *FS) Regions() []Region {
	out := []Region{{"superblock", block.Extent{Length: SuperSize}}, {"file data", block.Between(SuperSize, int64(f.inodeTable))}, {"inode table", block.Between(int64(f.inodeTable), int64(f.dirTable))}}
	return append(out, Region{"directory table", block.Between(int64(f.dirTable), f.dirEnd())}, Region{"tables of fragments and IDs", block.Between(f.dirEnd(), f.Used)})
}

// dirEnd is where the directory table ends: with the first block of the next table, which that table's list names.
func (f *FS) dirEnd() int64 {
	end := f.Used
	for _, t := range []uint64{f.fragTable, f.exportTable, f.idTable} {
		if t == none64 || t == f.fragTable && f.Fragments == 0 {
			continue
		}
		if p, err := cursor.Read(f.src, "squashfs: table", int64(t), 8, 8); err == nil {
			if at := le.Uint64(p); at >= f.dirTable && at < uint64(end) {
				end = int64(at)
			}
		}
		end = min(end, int64(t))
	}
	if f.xattrTable != none64 {
		if p, err := cursor.Read(f.src, "squashfs: table", int64(f.xattrTable), 8, 8); err == nil {
			if at := le.Uint64(p); at >= f.dirTable && at < uint64(end) {
				end = int64(at)
			}
		}
	}
	return end
}
