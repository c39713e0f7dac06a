package ext

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"

	"salvor/cursor"
)

const (
	superblockSize   = 1024
	superblockOffset = 1024 // of the primary one, from the volume's start
	magic            = 0xEF53
	rootInode        = 2
	maxGroups        = 1 << 22 // descriptors that are kept in memory: 256 TiB of blocks of 4 KiB
)

// Features that change how a volume is read, or that are worth telling.
const (
	compatJournal      = 0x4
	compatSparseSuper2 = 0x200
	compatOrphanFile   = 0x1000

	incompatCompression = 0x1
	incompatFiletype    = 0x2
	incompatRecover     = 0x4
	incompatJournalDev  = 0x8
	incompatMetaBG      = 0x10
	incompatExtents     = 0x40
	incompat64Bit       = 0x80
	incompatMMP         = 0x100
	incompatFlexBG      = 0x200
	incompatEAInode     = 0x400
	incompatCsumSeed    = 0x2000
	incompatLargeDir    = 0x4000
	incompatInlineData  = 0x8000
	incompatEncrypt     = 0x10000
	incompatCasefold    = 0x20000

	incompatKnown = incompatCompression | incompatFiletype | incompatRecover | incompatMetaBG | incompatExtents |
		incompat64Bit | incompatMMP | incompatFlexBG | incompatEAInode | incompatCsumSeed | incompatLargeDir |
		incompatInlineData | incompatEncrypt | incompatCasefold

	roCompatSparseSuper = 0x1
	roCompatHugeFile    = 0x8
	roCompatGDTCsum     = 0x10
	roCompatBigalloc    = 0x200
	roCompatMetaCsum    = 0x400
	roCompatProject     = 0x2000
)

const (
	stateClean  = 0x1
	stateErrors = 0x2
)

// superblock holds what is needed of the volume's own description.
type superblock struct {
	offset          int64 // on the volume
	inodesCount     uint32
	blocksCount     uint64
	firstDataBlock  uint32
	blockSize       int64
	clusterBlocks   uint32 // blocks in a cluster; 1 without bigalloc
	blocksPerGroup  uint32
	clustersPerGrp  uint32
	inodesPerGroup  uint32
	state           uint16
	revision        uint32
	firstInode      uint32
	inodeSize       int64
	groupNumber     uint32
	compat          uint32
	incompat        uint32
	roCompat        uint32
	uuid            [16]byte
	label           string
	reservedGDT     uint32
	journalInode    uint32
	journalUUID     [16]byte // of a device that holds the journal
	journalBlocks   []byte   // what it keeps of the journal's inode: block map, high and low half of the size
	lastOrphan      uint32
	descSize        int64
	firstMetaBG     uint32
	backupGroups    [2]uint32
	quotaInodes     [3]uint32
	orphanFileInode uint32
	seed            uint32
	checksumOK      bool // or the volume has none
}

func (s *superblock) metaCsum() bool { return s.roCompat&roCompatMetaCsum != 0 }
func (s *superblock) gdtCsum() bool  { return s.roCompat&(roCompatMetaCsum|roCompatGDTCsum) != 0 }
func (s *superblock) is64() bool     { return s.incompat&incompat64Bit != 0 }

// groups returns the number of block groups.
func (s *superblock) groups() uint64 {
	return (s.blocksCount - uint64(s.firstDataBlock) + uint64(s.blocksPerGroup) - 1) / uint64(s.blocksPerGroup)
}

// groupStart returns the first block of a group.
func (s *superblock) groupStart(group uint64) uint64 {
	return uint64(s.firstDataBlock) + group*uint64(s.blocksPerGroup)
}

// size returns the bytes of the volume, by its own word.
func (s *superblock) size() int64 { return int64(s.blocksCount) * s.blockSize }

// kind names the member of the family by its features, as blkid does.
func (s *superblock) kind() string {
	const ext3Incompat = incompatFiletype | incompatRecover | incompatMetaBG
	const ext3RO = 0x1 | 0x2 | 0x4 // sparse_super, large_file, btree_dir
	switch {
	case s.incompat&^uint32(ext3Incompat) != 0 || s.roCompat&^uint32(ext3RO) != 0:
		return "ext4"
	case s.compat&compatJournal != 0:
		return "ext3"
	}
	return "ext2"
}

// uuidText returns the UUID as tools print it; "" when the volume has none.
func (s *superblock) uuidText() string { return uuidText(s.uuid) }

// journalUUIDText names the device that holds the journal.
func (s *superblock) journalUUIDText() string { return uuidText(s.journalUUID) }

func uuidText(uuid [16]byte) string {
	if uuid == [16]byte{} {
		return ""
	}
	h := hex.EncodeToString(uuid[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// hasSuper reports whether a group holds a copy of the superblock and, without meta_bg, the descriptors.
func (s *superblock) hasSuper(group uint64) bool {
	switch {
	case group == 0:
		return true
	case s.compat&compatSparseSuper2 != 0:
		return group == uint64(s.backupGroups[0]) || group == uint64(s.backupGroups[1])
	case group == 1 || s.roCompat&roCompatSparseSuper == 0:
		return true
	case group%2 == 0:
		return false
	}
	return powerOf(group, 3) || powerOf(group, 5) || powerOf(group, 7)
}

func powerOf(n, base uint64) bool {
	for n > 1 {
		if n%base != 0 {
			return false
		}
		n /= base
	}
	return n == 1
}

// backups returns up to limit groups beyond the first that hold copies, in order.
func (s *superblock) backups(limit int) []uint64 {
	if s.compat&compatSparseSuper2 != 0 {
		var out []uint64
		for _, g := range s.backupGroups {
			if g != 0 && uint64(g) < s.groups() {
				out = append(out, uint64(g))
			}
		}
		return out
	}
	var out []uint64
	for g := uint64(1); g < s.groups() && len(out) < limit && g < 1<<20; g++ {
		if s.hasSuper(g) {
			out = append(out, g)
		}
	}
	return out
}

// copyOffset returns where on the volume the superblock copy of a group stands.
func (s *superblock) copyOffset(group uint64) int64 {
	if group == 0 {
		return superblockOffset
	}
	return int64(s.groupStart(group)) * s.blockSize
}

// start returns where the volume begins when this copy stands at offset; negative when it cannot.
func (s *superblock) start(offset int64) int64 { return offset - s.copyOffset(uint64(s.groupNumber)) }

// parseSuperblock reads a copy of the superblock that stands at offset. It answers cursor.ErrNot where the
// magic is missing and a CorruptError where a field cannot be. A wrong checksum is no error, see checksumOK.
func parseSuperblock(b []byte, offset int64) (*superblock, error) {
	if len(b) < superblockSize || binary.LittleEndian.Uint16(b[0x38:]) != magic {
		return nil, cursor.ErrNot
	}
	b = b[:superblockSize]
	c := cursor.New("ext: superblock", offset, b)
	s := &superblock{offset: offset}
	s.inodesCount = c.Uint32()
	s.blocksCount = uint64(c.Uint32())
	c.Seek(0x14)
	s.firstDataBlock = c.Uint32()
	logBlock, logCluster := c.Uint32(), c.Uint32()
	s.blocksPerGroup, s.clustersPerGrp, s.inodesPerGroup = c.Uint32(), c.Uint32(), c.Uint32()
	c.Seek(0x3A)
	s.state = c.Uint16()
	c.Seek(0x4C)
	s.revision = c.Uint32()
	s.firstInode, s.inodeSize, s.descSize = 11, 128, 32
	// Revision 0 did not have these two yet, but today's tools write and read them there as well.
	c.Seek(0x68)
	copy(s.uuid[:], c.Bytes(16))
	s.label = c.String(16)
	if s.revision > 0 {
		c.Seek(0x54)
		s.firstInode, s.inodeSize, s.groupNumber = c.Uint32(), int64(c.Uint16()), uint32(c.Uint16())
		s.compat, s.incompat, s.roCompat = c.Uint32(), c.Uint32(), c.Uint32()
		c.Seek(0xCE)
		s.reservedGDT = uint32(c.Uint16())
		c.Seek(0xD0)
		copy(s.journalUUID[:], c.Bytes(16))
		s.journalInode = c.Uint32()
		c.Seek(0xE8)
		s.lastOrphan = c.Uint32()
		c.Seek(0xFE)
		if size := int64(c.Uint16()); s.is64() {
			s.descSize = size
			c.Seek(0x150)
			s.blocksCount |= uint64(c.Uint32()) << 32
		}
		if c.Seek(0xFD); c.Uint8() == 1 {
			c.Seek(0x10C)
			s.journalBlocks = slices.Clone(c.Bytes(68))
		}
		c.Seek(0x104)
		s.firstMetaBG = c.Uint32()
		c.Seek(0x240)
		s.quotaInodes[0], s.quotaInodes[1] = c.Uint32(), c.Uint32()
		c.Seek(0x24C)
		s.backupGroups = [2]uint32{c.Uint32(), c.Uint32()}
		c.Seek(0x26C)
		s.quotaInodes[2] = c.Uint32()
		s.seed = c.Uint32()
		c.Seek(0x280)
		if s.compat&compatOrphanFile != 0 {
			s.orphanFileInode = c.Uint32()
		}
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	if s.incompat&incompatCsumSeed == 0 {
		s.seed = crc32c(^uint32(0), s.uuid[:])
	}
	s.checksumOK = !s.metaCsum() || crc32c(^uint32(0), b[:0x3FC]) == binary.LittleEndian.Uint32(b[0x3FC:])
	if s.incompat&incompatJournalDev != 0 {
		return nil, cursor.ErrNot // a journal of its own, without files
	}
	return s, s.check(logBlock, logCluster)
}

// check bounds every field by which others are computed.
func (s *superblock) check(logBlock, logCluster uint32) error {
	bad := func(at int64, field string, expected, found any) error {
		return cursor.Corrupt("ext: superblock: "+field, s.offset+at, expected, found)
	}
	if logBlock > 6 {
		return bad(0x18, "block size", "1 to 64 KiB", fmt.Sprintf("2^%d", uint64(logBlock)+10))
	}
	s.blockSize = 1024 << logBlock
	bits := uint32(s.blockSize * 8)
	s.clusterBlocks = 1
	if s.roCompat&roCompatBigalloc != 0 {
		if logCluster < logBlock || logCluster > logBlock+20 {
			return bad(0x1C, "cluster size", "a block or more", logCluster)
		}
		s.clusterBlocks = 1 << (logCluster - logBlock)
		if s.clustersPerGrp == 0 || s.clustersPerGrp > bits || uint64(s.blocksPerGroup) != uint64(s.clustersPerGrp)*uint64(s.clusterBlocks) {
			return bad(0x24, "clusters per group", s.blocksPerGroup/s.clusterBlocks, s.clustersPerGrp)
		}
	} else {
		s.clustersPerGrp = s.blocksPerGroup
		if s.blocksPerGroup < 8 || s.blocksPerGroup > bits {
			return bad(0x20, "blocks per group", fmt.Sprintf("8 to %d", bits), s.blocksPerGroup)
		}
	}
	if s.inodesPerGroup == 0 || s.inodesPerGroup > bits {
		return bad(0x28, "inodes per group", fmt.Sprintf("1 to %d", bits), s.inodesPerGroup)
	}
	if s.inodeSize < 128 || s.inodeSize > s.blockSize || s.inodeSize&(s.inodeSize-1) != 0 {
		return bad(0x58, "inode size", fmt.Sprintf("a power of two from 128 to %d", s.blockSize), s.inodeSize)
	}
	if s.firstDataBlock > 1 || s.firstDataBlock == 1 && s.blockSize != 1024 {
		return bad(0x14, "first data block", "0, or 1 with blocks of 1 KiB", s.firstDataBlock)
	}
	if s.descSize < 32 || s.descSize > 1024 || s.descSize&(s.descSize-1) != 0 || s.is64() && s.descSize < 64 {
		return bad(0xFE, "descriptor size", "a power of two from 32 to 1024", s.descSize)
	}
	if s.blocksCount <= uint64(s.firstDataBlock) || s.blocksCount > uint64(math.MaxInt64/s.blockSize/2) || s.blocksCount >= 1<<48 {
		return bad(0x4, "blocks", "more than none and less than 2^48", s.blocksCount)
	}
	if s.groups() > maxGroups {
		return bad(0x4, "groups", fmt.Sprintf("at most %d", maxGroups), s.groups())
	}
	// Inodes fill whole groups; a volume made by another tool may name fewer.
	if most := s.groups() * uint64(s.inodesPerGroup); uint64(s.inodesCount) > most || s.inodesCount < rootInode {
		return bad(0, "inodes", fmt.Sprintf("%d to %d", rootInode, most), s.inodesCount)
	}
	return nil
}
