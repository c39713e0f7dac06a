package ext

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"time"

	"salvor/cursor"
)

// Inode flags.
const (
	flagCompressed = 0x4
	flagEncrypted  = 0x800
	flagIndex      = 0x1000
	flagHuge       = 0x40000
	flagExtents    = 0x80000
	flagVerity     = 0x100000
	flagEAInode    = 0x200000
	flagInline     = 0x10000000
)

// Types in the upper four bits of a mode.
const (
	typeFIFO    = 0x1
	typeChar    = 0x2
	typeDir     = 0x4
	typeBlock   = 0x6
	typeRegular = 0x8
	typeLink    = 0xA
	typeSocket  = 0xC
)

const (
	iblockOffset = 0x28
	iblockSize   = 60
)

// inode is a file's record.
type inode struct {
	number     uint32
	offset     int64  // on the volume
	raw        []byte // inodeSize bytes
	mode       uint16
	uid, gid   uint32
	size       int64
	links      uint16
	sectors    uint64 // of 512 bytes, or blocks with the huge flag
	flags      uint32
	generation uint32
	attributes uint64 // block of extended attributes
	deleted    uint32 // seconds, or the next number of a list of orphans
	extra      int    // bytes of fields behind the first 128
	checksumOK bool   // or the volume has none
	// past is set for a record out of the journal: its lists of blocks are read as they were at when.
	past *history
	when int64
	// rebuilt says that the record on the volume is broken, and the journal's copy stands for it.
	rebuilt bool
	ranges  []fastRange // changes of its map by fast commits
}

func (in *inode) kind() uint16   { return in.mode >> 12 }
func (in *inode) block() []byte  { return in.raw[iblockOffset : iblockOffset+iblockSize] }
func (in *inode) isDir() bool    { return in.kind() == typeDir }
func (in *inode) inline() bool   { return in.flags&flagInline != 0 }
func (in *inode) String() string { return fmt.Sprintf("ext: inode %d", in.number) }

// typed reports whether the type is one that exists.
func (in *inode) typed() bool { return knownType(in.kind()) }

func knownType(kind uint16) bool {
	switch kind {
	case typeFIFO, typeChar, typeDir, typeBlock, typeRegular, typeLink, typeSocket:
		return true
	}
	return false
}

// parseInode reads an inode from its record, which it keeps.
func parseInode(b []byte, number uint32, offset int64, s *superblock) (*inode, error) {
	in := &inode{number: number, offset: offset, raw: b}
	c := cursor.New("ext: inode", offset, b)
	in.mode = c.Uint16()
	in.uid = uint32(c.Uint16())
	in.size = int64(c.Uint32())
	c.Seek(0x14)
	in.deleted = c.Uint32()
	in.gid = uint32(c.Uint16())
	in.links = c.Uint16()
	in.sectors = uint64(c.Uint32())
	in.flags = c.Uint32()
	c.Seek(0x64)
	in.generation = c.Uint32()
	in.attributes = uint64(c.Uint32())
	sizeHigh := c.Uint32()
	c.Seek(0x74)
	sectorsHigh := c.Uint16()
	attributesHigh := c.Uint16()
	in.uid |= uint32(c.Uint16()) << 16
	in.gid |= uint32(c.Uint16()) << 16
	if in.kind() == typeRegular || in.kind() == typeDir && s.incompat&incompatLargeDir != 0 {
		in.size |= int64(sizeHigh) << 32
	}
	if s.roCompat&roCompatHugeFile != 0 {
		in.sectors |= uint64(sectorsHigh) << 32
	}
	if s.is64() {
		in.attributes |= uint64(attributesHigh) << 32
	}
	if s.inodeSize > 128 {
		c.Seek(0x80)
		if extra := int(c.Uint16()); extra%4 == 0 && int64(extra) <= s.inodeSize-128 {
			in.extra = extra
		}
	}
	in.checksumOK = !s.metaCsum() || in.checksum(s)
	return in, c.Err()
}

// checksum verifies the whole record.
func (in *inode) checksum(s *superblock) bool {
	b := in.raw
	sum := crc32cUint32(in.seed(s), in.generation)
	want := uint32(binary.LittleEndian.Uint16(b[0x7C:]))
	sum = crc32c(sum, b[:0x7C])
	sum = crc32c(sum, zeros[:2])
	if len(b) == 128 || in.extra < 4 {
		return crc32c(sum, b[0x7E:])&0xFFFF == want
	}
	want |= uint32(binary.LittleEndian.Uint16(b[0x82:])) << 16
	sum = crc32c(sum, b[0x7E:0x82])
	sum = crc32c(sum, zeros[:2])
	return crc32c(sum, b[0x84:]) == want
}

// seed starts the checksums that cover an inode's own number; those of its blocks add the generation.
func (in *inode) seed(s *superblock) uint32 { return crc32cUint32(s.seed, in.number) }

func (in *inode) blockSeed(s *superblock) uint32 { return crc32cUint32(in.seed(s), in.generation) }

// inode reads the record of a number: that on the volume, or a copy in the journal where that is broken.
func (v *volume) inode(number uint32) (*inode, error) {
	if r, ok := v.rebuilt[number]; ok && v.history != nil {
		if in, err := v.history.inode(&r.version); err == nil {
			in.rebuilt = true
			return in, nil
		}
	}
	return v.record(number)
}

// record reads what stands on the volume.
func (v *volume) record(number uint32) (*inode, error) {
	at, err := v.inodePlace(number)
	if err != nil {
		return nil, err
	}
	b := make([]byte, v.sb.inodeSize)
	if err := v.cache.read(fmt.Sprintf("ext: inode %d", number), b, at); err != nil {
		return nil, err
	}
	if v.fast != nil {
		if in, err := v.fast.record(number, b, v.sb); in != nil || err != nil {
			return in, err
		}
	}
	return parseInode(b, number, at, v.sb)
}

// fileMode gives the mode in io/fs's terms.
func (in *inode) fileMode() fs.FileMode {
	m := fs.FileMode(in.mode & 0o777)
	if in.mode&0o4000 != 0 {
		m |= fs.ModeSetuid
	}
	if in.mode&0o2000 != 0 {
		m |= fs.ModeSetgid
	}
	if in.mode&0o1000 != 0 {
		m |= fs.ModeSticky
	}
	return m | typeMode(in.kind())
}

func typeMode(kind uint16) fs.FileMode {
	switch kind {
	case typeFIFO:
		return fs.ModeNamedPipe
	case typeChar:
		return fs.ModeDevice | fs.ModeCharDevice
	case typeDir:
		return fs.ModeDir
	case typeBlock:
		return fs.ModeDevice
	case typeLink:
		return fs.ModeSymlink
	case typeSocket:
		return fs.ModeSocket
	case typeRegular:
		return 0
	}
	return fs.ModeIrregular
}

// time reads a time whose seconds stand at at and whose extra bits, where the inode has them, at extra.
func (in *inode) time(at, extra int) time.Time {
	if at >= 128 && in.extra < at+4-128 {
		return time.Time{}
	}
	seconds := int64(int32(binary.LittleEndian.Uint32(in.raw[at:])))
	nanos := int64(0)
	if in.extra >= extra+4-128 {
		x := binary.LittleEndian.Uint32(in.raw[extra:])
		seconds += int64(x&3) << 32
		nanos = int64(x >> 2)
		if nanos >= int64(time.Second) {
			nanos = 0
		}
	}
	return time.Unix(seconds, nanos).UTC()
}

// deletedTime is zero when the inode was not deleted, or the field links orphans.
func (in *inode) deletedTime(s *superblock) time.Time {
	if in.deleted == 0 || in.deleted <= s.inodesCount {
		return time.Time{}
	}
	return time.Unix(int64(in.deleted), 0).UTC()
}

// project returns the number for which a quota counts the file; 0 is none.
func (in *inode) project() uint32 {
	const at = 0x9C
	if in.extra < at+4-128 {
		return 0
	}
	return binary.LittleEndian.Uint32(in.raw[at:])
}
