package extimg

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	superAt   = 1024
	superSize = 1024
	ones      = 0xFFFFFFFF
	maxGroups = 1 << 20

	mustRecover = 0x4 // features that a reader must know
	mustMeta    = 0x10
	must64      = 0x80
	mustSeed    = 0x2000
	mustExtents = 0x40
	hasJournal  = 0x4 // features that it need not know
	readCluster = 0x200
	readGDT     = 0x10 // features that a writer must know
	readMeta    = 0x400
	clean       = 1
)

var le = binary.LittleEndian

// super is a superblock.
type super struct {
	blocks, first      int64
	size               int64 // of a block, bytes
	perGroup, inodes   int64 // of a group
	clusters           int64 // of a group: what a bit of its bitmap stands for
	inodeSize, desc    int64 // bytes
	state              uint16
	has, must, read    uint32
	uuid               []byte
	name               string
	seed, sum, haveSum uint32
}

func parse(p []byte) (*super, error) {
	if len(p) < superSize || le.Uint16(p[56:]) != 0xEF53 {
		return nil, cursor.ErrNot
	}
	c := cursor.New("ext: superblock", superAt, p)
	c.Seek(120)
	s := &super{blocks: int64(le.Uint32(p[4:])), first: int64(le.Uint32(p[20:])), perGroup: int64(le.Uint32(p[32:])), clusters: int64(le.Uint32(p[36:])), inodes: int64(le.Uint32(p[40:])),
		state: le.Uint16(p[58:]), has: le.Uint32(p[92:]), must: le.Uint32(p[96:]), read: le.Uint32(p[100:]), uuid: p[104:120], name: c.String(16),
		inodeSize: 128, desc: 32, sum: le.Uint32(p[1020:]), haveSum: fsimage.Castagnoli(ones, p[:1020])}
	log := le.Uint32(p[24:])
	if log > 6 || s.perGroup == 0 || s.inodes == 0 {
		return nil, cursor.ErrNot
	}
	s.size = 1024 << log
	if s.read&readCluster == 0 {
		s.clusters = s.perGroup
	}
	if le.Uint32(p[76:]) > 0 { // revision
		s.inodeSize = int64(le.Uint16(p[88:]))
	}
	if s.must&must64 != 0 {
		s.blocks |= int64(le.Uint32(p[336:])) << 32
		s.desc = int64(le.Uint16(p[254:]))
	}
	total := int64(le.Uint32(p))
	if s.clusters > s.size*8 || s.clusters == 0 || s.inodes > s.size*8 || s.blocks <= s.first || s.blocks > 1<<48 || s.first > 1 || s.inodeSize < 128 || s.inodeSize > s.size || s.inodeSize&(s.inodeSize-1) != 0 ||
		s.desc < 32 || s.desc > 1024 || s.desc%8 != 0 || total == 0 || s.groups() > maxGroups || total > s.groups()*s.inodes {
		return nil, cursor.ErrNot
	}
	s.seed = fsimage.Castagnoli(ones, s.uuid)
	if s.must&mustSeed != 0 {
		s.seed = le.Uint32(p[624:])
	}
	return s, nil
}

func read(src block.Source) (*super, error) {
	p, err := cursor.Read(src, "ext: superblock", superAt, superSize, superSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parse(p)
}

func (s *super) groups() int64 { return (s.blocks - s.first + s.perGroup - 1) / s.perGroup }

func (s *super) bytes() int64 { return s.blocks * s.size }

func (s *super) summed() bool { return s.read&readMeta != 0 }

func (s *super) title() string {
	name := "ext2"
	switch {
	case s.must&(mustExtents|must64) != 0 || s.read&(readMeta|readGDT) != 0:
		name = "ext4"
	case s.has&hasJournal != 0:
		name = "ext3"
	}
	name = fmt.Sprintf("%s, blocks of %d bytes", name, s.size)
	if s.must&mustRecover != 0 {
		name += ", journal to be replayed"
	} else if s.state&clean == 0 {
		name += ", not unmounted"
	}
	return name
}

// group is a descriptor.
type group struct {
	blockMap, inodeMap, inodes int64 // blocks
	flags                      uint16
	blockSum, inodeSum         uint32
	unused                     int64
	sum                        uint16
}

func (s *super) parseGroup(p []byte) group {
	g := group{blockMap: int64(le.Uint32(p)), inodeMap: int64(le.Uint32(p[4:])), inodes: int64(le.Uint32(p[8:])), flags: le.Uint16(p[18:]),
		blockSum: uint32(le.Uint16(p[24:])), inodeSum: uint32(le.Uint16(p[26:])), unused: int64(le.Uint16(p[28:])), sum: le.Uint16(p[30:])}
	if len(p) >= 64 {
		g.blockMap |= int64(le.Uint32(p[32:])) << 32
		g.inodeMap |= int64(le.Uint32(p[36:])) << 32
		g.inodes |= int64(le.Uint32(p[40:])) << 32
		g.unused |= int64(le.Uint16(p[50:])) << 16
		g.blockSum |= uint32(le.Uint16(p[56:])) << 16
		g.inodeSum |= uint32(le.Uint16(p[58:])) << 16
	}
	return g
}

// groupSum is the sum of a descriptor.
func (s *super) groupSum(number int64, p []byte) uint16 {
	if !s.summed() {
		crc := crc16(0xFFFF, s.uuid)
		crc = crc16(crc, le.AppendUint32(nil, uint32(number)))
		crc = crc16(crc, p[:30])
		return crc16(crc, p[32:])
	}
	crc := fsimage.Castagnoli(s.seed, le.AppendUint32(nil, uint32(number)))
	crc = fsimage.Castagnoli(crc, p[:30])
	crc = fsimage.Castagnoli(crc, []byte{0, 0})
	return uint16(fsimage.Castagnoli(crc, p[32:]))
}

// crc16 is the CRC-16 with the polynomial 0x8005, its bits from the low one on.
func crc16(crc uint16, p []byte) uint16 {
	for _, b := range p {
		crc ^= uint16(b)
		for range 8 {
			low := crc & 1
			if crc >>= 1; low != 0 {
				crc ^= 0xA001
			}
		}
	}
	return crc
}

// inodeSum computes the sum of an inode and returns the one that it holds.
func (s *super) inodeSum(number int64, p []byte) (want, have uint32) {
	head := le.AppendUint32(nil, uint32(number))
	crc := fsimage.Castagnoli(s.seed, head)
	crc = fsimage.Castagnoli(crc, p[100:104]) // generation
	want = uint32(le.Uint16(p[124:]))
	crc = fsimage.Castagnoli(crc, p[:124])
	crc = fsimage.Castagnoli(crc, []byte{0, 0})
	if len(p) == 128 {
		return want, fsimage.Castagnoli(crc, p[126:]) & 0xFFFF
	}
	if le.Uint16(p[128:]) < 4 { // no room for the high word
		return want, fsimage.Castagnoli(crc, p[126:]) & 0xFFFF
	}
	crc = fsimage.Castagnoli(crc, p[126:130])
	crc = fsimage.Castagnoli(crc, []byte{0, 0})
	return want | uint32(le.Uint16(p[130:]))<<16, fsimage.Castagnoli(crc, p[132:])
}
