package ext

import (
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

const (
	groupInodeUninit = 0x1
	groupBlockUninit = 0x2
)

// group is a block group's descriptor.
type group struct {
	blockBitmap, inodeBitmap, inodeTable uint64 // blocks
	blockSum, inodeSum                   uint32 // checksums of the bitmaps
	unused                               uint32 // inodes at the end of the table that were never used
	flags                                uint16
	usable                               bool // its places lie where they can
	// current says that it is the primary copy and passes its checksum, so that flags, counts and checksums
	// are those of now. A backup's places hold, its counts are those of long ago.
	current bool
}

// parseGroup reads the descriptor of group number from its bytes, which are descSize long.
func parseGroup(b []byte, number uint64, s *superblock) (g group, checksumOK bool) {
	c := cursor.New("ext: group descriptor", 0, b)
	g.blockBitmap, g.inodeBitmap, g.inodeTable = uint64(c.Uint32()), uint64(c.Uint32()), uint64(c.Uint32())
	c.Seek(0x12)
	g.flags = c.Uint16()
	c.Seek(0x18)
	g.blockSum, g.inodeSum = uint32(c.Uint16()), uint32(c.Uint16())
	g.unused = uint32(c.Uint16())
	sum := c.Uint16()
	if s.descSize >= 64 {
		g.blockBitmap |= uint64(c.Uint32()) << 32
		g.inodeBitmap |= uint64(c.Uint32()) << 32
		g.inodeTable |= uint64(c.Uint32()) << 32
		c.Seek(0x32)
		g.unused |= uint32(c.Uint16()) << 16
		c.Seek(0x38)
		g.blockSum |= uint32(c.Uint16()) << 16
		g.inodeSum |= uint32(c.Uint16()) << 16
	}
	if c.Err() != nil {
		return group{}, false
	}
	g.usable = g.placed(number, s)
	switch {
	case s.metaCsum():
		v := crc32cUint32(s.seed, uint32(number))
		v = crc32c(v, b[:0x1E])
		v = crc32c(v, zeros[:2])
		v = crc32c(v, b[0x20:])
		checksumOK = uint16(v) == sum
	case s.gdtCsum():
		var n [4]byte
		binary.LittleEndian.PutUint32(n[:], uint32(number))
		v := crc16(crc16(crc16(0xFFFF, s.uuid[:]), n[:]), b[:0x1E])
		if s.is64() {
			v = crc16(v, b[0x20:])
		}
		checksumOK = v == sum
	default:
		checksumOK = g.usable
		g.flags, g.unused = 0, 0 // these fields had no meaning yet
	}
	return g, checksumOK
}

// placed reports whether the group's structures lie inside the volume and, without flex_bg, in the group.
func (g *group) placed(number uint64, s *superblock) bool {
	low, high := uint64(s.firstDataBlock), s.blocksCount
	if s.incompat&incompatFlexBG == 0 {
		low = s.groupStart(number)
		high = min(high, low+uint64(s.blocksPerGroup))
	}
	inside := func(at, n uint64) bool { return at > 0 && at >= low && at < high && n <= high-at }
	return inside(g.blockBitmap, 1) && inside(g.inodeBitmap, 1) && inside(g.inodeTable, s.tableBlocks()) &&
		g.blockBitmap != g.inodeBitmap
}

// tableBlocks returns the blocks of a group's inode table.
func (s *superblock) tableBlocks() uint64 {
	return (uint64(s.inodesPerGroup)*uint64(s.inodeSize) + uint64(s.blockSize) - 1) / uint64(s.blockSize)
}

// descriptorBlock returns the block that holds the primary copy of descriptor block n.
func (s *superblock) descriptorBlock(n uint64) uint64 {
	super := uint64(superblockOffset / s.blockSize)
	if s.incompat&incompatMetaBG == 0 || n < uint64(s.firstMetaBG) {
		return super + 1 + n
	}
	first := n * uint64(s.blockSize/s.descSize)
	at := s.groupStart(first)
	if s.hasSuper(first) {
		at++
	}
	if first == 0 && s.blockSize == 1024 && s.firstDataBlock == 0 {
		at++
	}
	return at
}

// descriptorBackups returns the blocks that hold copies of descriptor block n.
func (s *superblock) descriptorBackups(n uint64) []uint64 {
	var out []uint64
	if s.incompat&incompatMetaBG == 0 || n < uint64(s.firstMetaBG) {
		for _, g := range s.backups(8) {
			out = append(out, s.groupStart(g)+1+n)
		}
		return out
	}
	per := uint64(s.blockSize / s.descSize)
	for _, g := range []uint64{n*per + 1, n*per + per - 1} {
		if g < s.groups() {
			at := s.groupStart(g)
			if s.hasSuper(g) {
				at++
			}
			out = append(out, at)
		}
	}
	return out
}

// readGroups reads the descriptors of all groups, each from the best copy. It ends early where the volume
// does, so that no more memory is taken than the volume has descriptors.
func (v *volume) readGroups(ctx context.Context) []finding.Finding {
	s := v.sb
	per := uint64(s.blockSize / s.descSize)
	// With flex_bg, tables of groups behind the end of a cut volume can still stand before it, but not of all
	// that a broken superblock can make up.
	const behind = 1024
	total := min(s.groups(), uint64(v.src.Size())/(uint64(s.blocksPerGroup)*uint64(s.blockSize))+behind)
	var broken, restored, firstBroken, firstRestored uint64
	for n := uint64(0); n*per < total && ctx.Err() == nil; n++ {
		place := int64(s.descriptorBlock(n)) * s.blockSize
		if place >= v.src.Size() {
			break
		}
		count := min(per, total-n*per)
		primary := make([]byte, s.blockSize)
		if v.cache.read("ext: group descriptors", primary, place) != nil {
			primary = nil
		}
		var copies [][]byte
		fetched := false
		for i := range count {
			number := n*per + i
			var g group
			ok := false
			if primary != nil {
				g, ok = parseGroup(primary[int64(i)*s.descSize:int64(i+1)*s.descSize], number, s)
				g.current = ok
			}
			if !ok || !g.usable {
				if !fetched {
					fetched = true
					copies = v.descriptorCopies(n)
				}
				for _, b := range copies {
					if c, ok := parseGroup(b[int64(i)*s.descSize:int64(i+1)*s.descSize], number, s); ok && c.usable {
						g = c
						g.flags, g.unused, g.current = 0, 0, false
						if restored++; restored == 1 {
							firstRestored = number
						}
						break
					}
				}
				if !g.current {
					g.flags, g.unused = 0, 0
				}
				if !g.usable {
					if broken++; broken == 1 {
						firstBroken = number
					}
				}
			}
			v.groups = append(v.groups, g)
		}
	}
	var out []finding.Finding
	at := finding.At(int64(s.descriptorBlock(0))*s.blockSize, s.blockSize)
	if restored > 0 {
		out = append(out, descriptorBackup.New(at, finding.Arg("count", restored), finding.Arg("group", firstRestored)))
	}
	if broken > 0 {
		out = append(out, descriptorBroken.New(at, finding.Arg("count", broken), finding.Arg("group", firstBroken)))
	}
	return out
}

// descriptorCopies reads the backups of descriptor block n that can be read.
func (v *volume) descriptorCopies(n uint64) [][]byte {
	var out [][]byte
	for _, at := range v.sb.descriptorBackups(n) {
		b := make([]byte, v.sb.blockSize)
		if v.cache.read("ext: group descriptor backup", b, int64(at)*v.sb.blockSize) == nil {
			out = append(out, b)
		}
	}
	return out
}

// bitmap reads a bitmap of bits bits and verifies its checksum where it has one. It returns nil when it
// cannot be relied on.
func (v *volume) bitmap(g *group, at uint64, bits uint32, sum uint32) []byte {
	if !g.usable || !g.current {
		return nil
	}
	b := make([]byte, (bits+7)/8)
	if v.cache.read("ext: bitmap", b, int64(at)*v.sb.blockSize) != nil {
		return nil
	}
	if v.sb.metaCsum() {
		c := crc32c(v.sb.seed, b)
		if v.sb.descSize < 64 {
			c, sum = c&0xFFFF, sum&0xFFFF
		}
		if c != sum {
			return nil
		}
	}
	return b
}

// inodeBitmap returns the bits of the inodes of a group; nil when unknown.
func (v *volume) inodeBitmap(number uint64) []byte {
	g := &v.groups[number]
	if g.flags&groupInodeUninit != 0 {
		return make([]byte, (v.sb.inodesPerGroup+7)/8)
	}
	return v.bitmap(g, g.inodeBitmap, v.sb.inodesPerGroup, g.inodeSum)
}

// blockBitmap returns the bits of the clusters of a group; nil when unknown.
func (v *volume) blockBitmap(number uint64) []byte {
	g := &v.groups[number]
	if g.flags&groupBlockUninit != 0 {
		return make([]byte, (v.sb.clustersPerGrp+7)/8)
	}
	return v.bitmap(g, g.blockBitmap, v.sb.clustersPerGrp, g.blockSum)
}

func bit(b []byte, n uint64) bool { return n/8 < uint64(len(b)) && b[n/8]&(1<<(n%8)) != 0 }

// blocks returns the bytes of n blocks from b.
func (s *superblock) blocks(b, n uint64) block.Extent {
	return block.Extent{Offset: int64(b) * s.blockSize, Length: int64(n) * s.blockSize}
}

// structures returns the bytes of the volume's own structures: superblocks, descriptors, bitmaps, tables.
func (v *volume) structures() block.Set {
	v.metadataOnce.Do(func() {
		s := v.sb
		var list []block.Extent
		per := uint64(s.blockSize / s.descSize)
		tables := (s.groups() + per - 1) / per
		if s.incompat&incompatMetaBG != 0 {
			tables = min(tables, uint64(s.firstMetaBG))
		}
		tables += uint64(s.reservedGDT)
		for n := range uint64(len(v.groups)) {
			if s.hasSuper(n) {
				at := uint64(s.copyOffset(n) / s.blockSize)
				list = append(list, s.blocks(at, min(1+tables, uint64(s.blocksPerGroup))))
			}
			if g := &v.groups[n]; g.usable {
				list = append(list, s.blocks(g.blockBitmap, 1), s.blocks(g.inodeBitmap, 1), s.blocks(g.inodeTable, s.tableBlocks()))
			}
		}
		if s.incompat&incompatMetaBG != 0 {
			for n := uint64(s.firstMetaBG); n*per < uint64(len(v.groups)); n++ {
				list = append(list, s.blocks(s.descriptorBlock(n), 1))
				for _, at := range s.descriptorBackups(n) {
					list = append(list, s.blocks(at, 1))
				}
			}
		}
		v.metadata = block.SetOf(list...).Within(block.Extent{Length: s.size()})
	})
	return v.metadata
}

// inodePlace returns where an inode stands, or why that is not known.
func (v *volume) inodePlace(number uint32) (int64, error) {
	s := v.sb
	if number == 0 || number > s.inodesCount {
		return 0, cursor.Corrupt(fmt.Sprintf("ext: inode %d", number), -1, fmt.Sprintf("a number from 1 to %d", s.inodesCount), number)
	}
	n := uint64(number-1) / uint64(s.inodesPerGroup)
	if n >= uint64(len(v.groups)) || !v.groups[n].usable {
		return 0, cursor.Corrupt(fmt.Sprintf("ext: inode %d", number), -1, "a readable descriptor of its group", fmt.Sprintf("group %d has none", n))
	}
	index := int64(number-1) % int64(s.inodesPerGroup)
	return int64(v.groups[n].inodeTable)*s.blockSize + index*s.inodeSize, nil
}
