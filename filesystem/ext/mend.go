package ext

import (
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/mend"
)

// Places of fields in a superblock and in a group descriptor, in bytes.
const (
	freeBlocksAt     = 0x0C
	freeInodesAt     = 0x10
	stateAt          = 0x3A
	groupNumberAt    = 0x5A
	incompatAt       = 0x60
	lastOrphanAt     = 0xE8
	freeBlocksHighAt = 0x158
	checksumAt       = 0x3FC
)

// Mend gives back the superblock and the group descriptors from their backups. Those are as old as the last check or
// change of size, so that counts, flags and checksums of bitmaps are taken from the bitmaps and tables themselves. A
// volume with a superblock from a backup is marked as not checked, and, where its journal holds changes that were not
// carried out, as one that needs its journal: the next check or mount then does its part.
func Mend(ctx context.Context, vol block.Source, _ int64) (mend.List, error) {
	m := &mender{vol: vol}
	v, err := open(ctx, vol)
	if err != nil {
		return m.list, err
	}
	m.v = v
	if m.survey, err = v.survey(ctx); err != nil {
		return m.list, err
	}
	if err := m.groups(ctx); err != nil {
		return m.list, err
	}
	if err := m.reserved(); err != nil {
		return m.list, err
	}
	return m.list, m.superblock()
}

type mender struct {
	vol    block.Source
	v      *volume
	survey *survey
	list   mend.List

	freeClusters, freeInodes uint64
	lost                     int // groups without a usable descriptor, or whose counts nothing tells
}

var le = binary.LittleEndian

// groups gives back the broken descriptors of each descriptor block, and sums up what all of them say.
func (m *mender) groups(ctx context.Context) error {
	v, s := m.v, m.v.sb
	per := uint64(s.blockSize / s.descSize)
	lostBitmaps := 0
	for n := uint64(0); n*per < uint64(len(v.groups)); n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		place := int64(s.descriptorBlock(n)) * s.blockSize
		now := make([]byte, s.blockSize)
		if v.cache.read("ext: group descriptors", now, place) != nil {
			clear(now)
		}
		var copies [][]byte
		restored := 0
		for i := range min(per, uint64(len(v.groups))-n*per) {
			number := n*per + i
			g := &v.groups[number]
			d := now[int64(i)*s.descSize : int64(i+1)*s.descSize]
			if !g.current {
				if copies == nil {
					copies = v.descriptorCopies(n)
				}
				made, whole := m.descriptor(number, i, copies)
				if made == nil {
					m.lost++
					continue
				}
				if !whole {
					lostBitmaps++
				}
				copy(d, made)
				restored++
			}
			m.freeClusters += uint64(le.Uint16(d[0x0C:]))
			m.freeInodes += uint64(le.Uint16(d[0x0E:]))
			if s.descSize >= 64 {
				m.freeClusters += uint64(le.Uint16(d[0x2C:])) << 16
				m.freeInodes += uint64(le.Uint16(d[0x2E:])) << 16
			}
		}
		if restored > 0 {
			if err := m.list.Add(m.vol, "ext group descriptors", place, now,
				fmt.Sprintf("%d descriptors of their backups, whose places fit the volume", restored),
				"counts, flags and checksums by the bitmaps and inode tables as they stand"); err != nil {
				return err
			}
		}
	}
	if m.lost > 0 {
		m.list.Note("%d group descriptors are broken in every copy: they are left as they are, for e2fsck to decide on this copy.", m.lost)
	}
	if lostBitmaps > 0 {
		m.list.Note("The bitmaps of %d groups do not agree with the files that stand there: their descriptors lead to them, and e2fsck has to make them anew on this copy.", lostBitmaps)
		m.lost += lostBitmaps
	}
	return nil
}

// descriptor makes the descriptor of a group, entry i of its block, from the first copy that can be; nil when none can.
// whole says that the bitmaps agree with what stands in the group.
func (m *mender) descriptor(number, i uint64, copies [][]byte) (d []byte, whole bool) {
	s := m.v.sb
	for _, b := range copies {
		raw := b[int64(i)*s.descSize : int64(i+1)*s.descSize]
		if g, ok := parseGroup(raw, number, s); ok && g.usable {
			d = append([]byte(nil), raw...)
			whole = m.recount(number, &g, d)
			m.seal(number, d)
			return d, whole
		}
	}
	return nil, false
}

// recount writes into d what the bitmaps and the inode table of a group say.
func (m *mender) recount(number uint64, g *group, d []byte) bool {
	v, s := m.v, m.v.sb
	blockBits, inodeBits := m.bits(g.blockBitmap), m.bits(g.inodeBitmap)
	if blockBits == nil || inodeBits == nil {
		return false
	}
	first := s.groupStart(number)
	extent := s.blocks(first, min(s.blocksCount-first, uint64(s.blocksPerGroup)))
	claims := m.survey.claims.Within(extent)
	flags := g.flags
	if !s.gdtCsum() {
		flags = 0
	}
	whole := true
	if flags&groupBlockUninit != 0 && !claims.Empty() {
		flags &^= groupBlockUninit
	}
	clusters := (uint64(extent.Length/s.blockSize) + uint64(s.clusterBlocks) - 1) / uint64(s.clusterBlocks)
	if flags&groupBlockUninit == 0 {
		for e := range v.structures().Within(extent).Union(claims).All() {
			for at := e.Offset; at < e.End(); at += s.blockSize * int64(s.clusterBlocks) {
				whole = whole && bit(blockBits, (uint64(at/s.blockSize)-first)/uint64(s.clusterBlocks))
			}
		}
		free := clusters - count(blockBits, clusters)
		put16(d, 0x0C, 0x2C, uint32(free))
		if s.metaCsum() {
			put16(d, 0x18, 0x38, crc32c(s.seed, blockBits[:s.clustersPerGrp/8]))
		}
	}
	live := uint32(0) // the last inode of the group that holds a file, from 1
	for i := s.inodesPerGroup; i > 0 && live == 0; i-- {
		if m.survey.inUse.has(uint32(number)*s.inodesPerGroup + i) {
			live = i
		}
	}
	if flags&groupInodeUninit != 0 && live > 0 && bit(inodeBits, uint64(live-1)) {
		flags &^= groupInodeUninit
	}
	if flags&groupInodeUninit == 0 {
		last, dirs := uint32(0), uint32(0)
		for i := range s.inodesPerGroup {
			switch inode := uint32(number)*s.inodesPerGroup + i + 1; {
			case bit(inodeBits, uint64(i)):
				last = i + 1
				if in, err := v.inode(inode); err == nil && in.isDir() && in.links > 0 {
					dirs++
				}
			case m.survey.inUse.has(inode) && !m.survey.doubted.has(inode):
				whole = false
			}
		}
		used := uint32(count(inodeBits, uint64(s.inodesPerGroup)))
		put16(d, 0x0E, 0x2E, s.inodesPerGroup-used)
		put16(d, 0x10, 0x30, dirs)
		if s.gdtCsum() {
			put16(d, 0x1C, 0x32, s.inodesPerGroup-last)
		}
		if s.metaCsum() {
			put16(d, 0x1A, 0x3A, crc32c(s.seed, inodeBits[:(s.inodesPerGroup+7)/8]))
		}
	}
	if s.gdtCsum() {
		le.PutUint16(d[0x12:], flags)
	}
	return whole
}

// bits reads the block of a bitmap; nil when it cannot be read.
func (m *mender) bits(at uint64) []byte {
	p := make([]byte, m.v.sb.blockSize)
	if m.v.cache.read("ext: bitmap", p, int64(at)*m.v.sb.blockSize) != nil {
		return nil
	}
	return p
}

// count returns how many of the first n bits are set.
func count(b []byte, n uint64) (set uint64) {
	for i := range n {
		if bit(b, i) {
			set++
		}
	}
	return set
}

// put16 writes the low half of a number at low and, where d is long enough, the high half at high.
func put16(d []byte, low, high int, n uint32) {
	le.PutUint16(d[low:], uint16(n))
	if len(d) >= 64 {
		le.PutUint16(d[high:], uint16(n>>16))
	}
}

// seal writes the checksum of a descriptor.
func (m *mender) seal(number uint64, d []byte) {
	s := m.v.sb
	n := le.AppendUint32(nil, uint32(number))
	switch {
	case s.metaCsum():
		sum := crc32c(crc32c(crc32c(crc32c(s.seed, n), d[:0x1E]), zeros[:2]), d[0x20:])
		le.PutUint16(d[0x1E:], uint16(sum))
	case s.gdtCsum():
		sum := crc16(crc16(crc16(0xFFFF, s.uuid[:]), n), d[:0x1E])
		if s.is64() {
			sum = crc16(sum, d[0x20:])
		}
		le.PutUint16(d[0x1E:], sum)
	}
}

// Where the blocks stand that a volume keeps for descriptors of groups to come.
const (
	compatResizeInode = 0x10
	resizeInode       = 7
	doubleIndirectAt  = iblockOffset + 13*4
)

// reserved gives back the blocks that are kept for more descriptors: each lists its own copies in the groups with a
// superblock, as the inode for resizing has them.
func (m *mender) reserved() error {
	s := m.v.sb
	if s.compat&compatResizeInode == 0 || s.reservedGDT == 0 || s.incompat&incompatMetaBG != 0 {
		return nil
	}
	in, err := m.v.inode(resizeInode)
	if err != nil || !in.checksumOK {
		return nil // nothing says that they are used
	}
	list := make([]byte, s.blockSize)
	if m.v.cache.read("ext: block of the inode for resizing", list, int64(le.Uint32(in.raw[doubleIndirectAt:]))*s.blockSize) != nil {
		return nil
	}
	per := uint64(s.blockSize / s.descSize)
	first := uint64(superblockOffset/s.blockSize) + 1
	tables := (s.groups() + per - 1) / per
	each := uint64(s.blockSize / 4)
	for i := range uint64(s.reservedGDT) {
		at := first + tables + i
		if uint64(le.Uint32(list[4*((tables+i)%each):])) != at {
			continue
		}
		want, n := make([]byte, s.blockSize), 0
		for g := uint64(1); g < s.groups() && uint64(n) < each; g++ {
			if s.hasSuper(g) {
				le.PutUint32(want[4*n:], uint32(g*uint64(s.blocksPerGroup)+at))
				n++
			}
		}
		if err := m.list.Add(m.vol, "ext block kept for group descriptors", int64(at)*s.blockSize, want,
			"the inode for resizing, which names this block, and the groups that have a superblock"); err != nil {
			return err
		}
	}
	return nil
}

// superblock gives the superblock back from the backup that was used.
func (m *mender) superblock() error {
	s := m.v.sb
	if s.offset == superblockOffset {
		if s.checksumOK {
			return nil
		}
		m.list.Note("The superblock does not match its checksum, and no backup has the same layout: which of its fields is wrong stands nowhere, so that it is left as it is.")
		return nil
	}
	p, err := cursor.Read(m.vol, "ext: backup of the superblock", s.offset, superblockSize, superblockSize)
	if err != nil {
		return err
	}
	le.PutUint16(p[groupNumberAt:], 0)
	evidence := []string{fmt.Sprintf("the backup in group %d, to which the root directory stands where it must", s.groupNumber)}
	if m.lost == 0 {
		free := m.freeClusters * uint64(s.clusterBlocks)
		le.PutUint32(p[freeBlocksAt:], uint32(free))
		if s.is64() {
			le.PutUint32(p[freeBlocksHighAt:], uint32(free>>32))
		}
		le.PutUint32(p[freeInodesAt:], uint32(m.freeInodes))
		evidence = append(evidence, fmt.Sprintf("the sums of the group descriptors: %d free blocks, %d free inodes", free, m.freeInodes))
	}
	le.PutUint16(p[stateAt:], le.Uint16(p[stateAt:])&^stateClean)
	le.PutUint32(p[lastOrphanAt:], 0) // a list of long ago would have files removed
	if m.v.over != nil {
		le.PutUint32(p[incompatAt:], le.Uint32(p[incompatAt:])|incompatRecover)
		evidence = append(evidence, "the journal holds changes that were not carried out: the superblock says so again")
		m.list.Note("The journal holds changes that were not carried out: `e2fsck -n` leaves them out and complains of what they would change; a check or mount of this copy that may write carries them out.")
	}
	m.list.Note("The volume is marked as not checked: run `e2fsck` on this copy before it is used.")
	if s.metaCsum() {
		le.PutUint32(p[checksumAt:], crc32c(^uint32(0), p[:checksumAt]))
	}
	return m.list.Add(m.vol, "ext superblock", superblockOffset, p, evidence...)
}
