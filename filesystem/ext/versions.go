package ext

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"salvor/block"
)

const maxVersions = 1 << 20 // of all inodes, that are kept

// version is the record of an inode as it stood in some transactions.
type version struct {
	number      uint32
	first, last int64 // transactions
	at          int64 // of the record in the last copy, on the volume
	escaped     bool  // the first four bytes of it were taken out
	generation  uint32
	created     uint32
	kind, links uint16
	size        int64
	content     uint32 // a sum of the type, the flags and the map
}

// past is what the journal tells of inodes and names.
type past struct {
	*history
	v        *volume
	versions []version // by inode, then by transaction
	leaves   []int32   // copies that look like blocks of a directory
	grown    map[uint64][]growth
	busy     map[uint64]int64  // the last transaction in which blocks of a group were taken, or may have been
	seeds    map[uint32]uint32 // inode numbers of directories by what their checksums start with
	owners   map[uint64]uint32 // those of directories by their blocks, where there are no checksums
	unseed   *unseeder
	lost     []*lost
	byNumber map[uint32][]*lost
}

// growth is a range of blocks that a bitmap called free in one transaction and used in a later one.
type growth struct {
	blocks block.Extent // bytes on the volume
	when   int64        // the later one
}

// tables finds the inode table in which a block stands.
type tables struct {
	starts []uint64
	groups []uint64
	length uint64
}

func (v *volume) tables() *tables {
	t := &tables{length: v.sb.tableBlocks()}
	type row struct{ start, group uint64 }
	var rows []row
	for n := range v.groups {
		if g := &v.groups[n]; g.usable {
			rows = append(rows, row{g.inodeTable, uint64(n)})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.start, b.start) })
	for _, r := range rows {
		t.starts, t.groups = append(t.starts, r.start), append(t.groups, r.group)
	}
	return t
}

// find returns the number of the first inode in a block.
func (t *tables) find(s *superblock, n uint64) (number uint64, ok bool) {
	i, exact := slices.BinarySearch(t.starts, n)
	if !exact {
		i--
	}
	if i < 0 || n-t.starts[i] >= t.length {
		return 0, false
	}
	return t.groups[i]*uint64(s.inodesPerGroup) + (n-t.starts[i])*uint64(s.blockSize/s.inodeSize) + 1, true
}

// readPast reads the log of the volume's journal; nil when there is none or nothing is in it.
func (v *volume) readPast(ctx context.Context) (*past, error) {
	if v.journal == nil {
		return nil, nil
	}
	h, err := v.journal.readLog(ctx, v.sb.blocksCount)
	if err != nil {
		return nil, err
	}
	if v.over != nil {
		// What the volume itself holds is older than what lies over it.
		old := make([]logged, 0, len(v.over.blocks)+len(h.copies))
		for _, l := range v.over.blocks {
			if l.at == lostCopy {
				continue
			}
			old = append(old, logged{l.block, before, int64(l.block) * v.sb.blockSize, false})
		}
		h.copies = append(old, h.copies...)
		h.index()
	}
	if len(h.copies) == 0 {
		return nil, nil
	}
	p := &past{history: h, v: v, grown: map[uint64][]growth{}, busy: map[uint64]int64{}, seeds: map[uint32]uint32{}, owners: map[uint64]uint32{}, byNumber: map[uint32][]*lost{}}
	if v.sb.metaCsum() {
		p.unseed = newUnseeder(int(v.sb.blockSize) - tailSize)
	}
	if err := p.readVersions(ctx); err != nil {
		return nil, err
	}
	return p, p.readBitmaps(ctx)
}

// readVersions goes over all copies once: inodes become versions, blocks that look like those of a directory
// are noted.
func (p *past) readVersions(ctx context.Context) error {
	s := p.v.sb
	tables := p.v.tables()
	newest := map[uint32]int32{}
	b := make([]byte, s.blockSize)
	d := &directory{inodes: s.inodesCount, filetype: s.incompat&incompatFiletype != 0, blockSize: int(s.blockSize)}
	bitmaps := p.v.bitmapBlocks()
	for i, c := range p.copies {
		if i%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if _, ok := bitmaps[c.block]; ok || !p.read(c, b) {
			continue
		}
		number, ok := tables.find(s, c.block)
		if !ok {
			if d.whole(b) {
				p.leaves = append(p.leaves, int32(i))
				p.ask(c, b)
			}
			continue
		}
		for o := int64(0); o+s.inodeSize <= s.blockSize; o, number = o+s.inodeSize, number+1 {
			if number > uint64(s.inodesCount) {
				break
			}
			raw := b[o : o+s.inodeSize]
			in, err := parseInode(raw, uint32(number), c.at+o, s)
			if err != nil || !in.checksumOK || in.mode == 0 && in.links == 0 {
				continue
			}
			x := version{number: in.number, first: c.when, last: c.when, at: c.at + o, escaped: c.escaped && o == 0, generation: in.generation,
				kind: in.kind(), links: in.links, size: in.size, content: in.contentSum()}
			if in.extra >= 0x94-128 {
				x.created = binary.LittleEndian.Uint32(raw[0x90:])
			}
			if k, ok := newest[x.number]; ok && p.versions[k].same(&x) {
				p.versions[k].last, p.versions[k].at, p.versions[k].escaped = x.last, x.at, x.escaped
				continue
			}
			if len(p.versions) < maxVersions {
				newest[x.number] = int32(len(p.versions))
				p.versions = append(p.versions, x)
			}
		}
	}
	slices.SortStableFunc(p.versions, func(a, b version) int { return cmp.Compare(a.number, b.number) })
	return ctx.Err()
}

// contentSum tells maps of blocks apart.
func (in *inode) contentSum() uint32 {
	sum := crc32.Update(uint32(in.kind()), castagnoli, in.block())
	return crc32cUint32(sum, in.flags&(flagExtents|flagInline|flagEAInode|flagEncrypted))
}

// same reports whether two records of an inode hold the same file with the same content.
func (a *version) same(b *version) bool {
	return a.incarnation(b) && a.links == b.links && a.size == b.size && a.content == b.content
}

// incarnation reports whether two records of a number are of one file.
func (a *version) incarnation(b *version) bool {
	return a.generation == b.generation && (a.created == b.created || a.created == 0 || b.created == 0)
}

// inode returns the record of a version, which reads its lists of blocks as of its time.
func (p *past) inode(x *version) (*inode, error) {
	raw := make([]byte, p.v.sb.inodeSize)
	if n, err := p.v.src.ReadAt(raw, x.at); n < len(raw) {
		return nil, &readError{"ext: copy of an inode", err}
	}
	if x.escaped {
		copy(raw, []byte{0xC0, 0x3B, 0x39, 0x98})
	}
	in, err := parseInode(raw, x.number, x.at, p.v.sb)
	if err != nil {
		return nil, err
	}
	in.past, in.when = p.history, x.last
	return in, nil
}

// bitmapBlocks returns the groups by the blocks of their bitmaps of blocks.
func (v *volume) bitmapBlocks() map[uint64]uint64 {
	out := map[uint64]uint64{}
	if v.journal == nil {
		return out
	}
	for n := range v.groups {
		if g := &v.groups[n]; g.usable {
			out[g.blockBitmap] = uint64(n)
		}
	}
	return out
}

// readBitmaps compares each copy of a bitmap with the one before it.
func (p *past) readBitmaps(ctx context.Context) error {
	s := p.v.sb
	bitmaps := p.v.bitmapBlocks()
	length := int(s.clustersPerGrp+7) / 8
	one, two := make([]byte, s.blockSize), make([]byte, s.blockSize)
	per := uint64(s.clusterBlocks)
	for i := 0; i < len(p.order); {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := i
		n := p.copies[p.order[i]].block
		for k < len(p.order) && p.copies[p.order[k]].block == n {
			k++
		}
		group, ok := bitmaps[n]
		known := false
		for ; ok && i < k; i++ {
			c := p.copies[p.order[i]]
			if !p.read(c, two) {
				continue
			}
			if known {
				first := s.groupStart(group)
				// Blocks that were taken and freed again in one transaction leave no trace but a bitmap that was
				// written for no reason, or beside others that were taken.
				if slices.Equal(one[:length], two[:length]) {
					p.taken(group, c.when)
				}
				rises(one[:length], two[:length], func(from, to uint64) {
					p.taken(group, c.when)
					p.grown[group] = append(p.grown[group], growth{s.blocks(first+from*per, (to-from)*per), c.when})
				})
			}
			one, two, known = two, one, true
		}
		i = k
	}
	return nil
}

// rises calls emit for each range of bits that are clear in a and set in b.
func rises(a, b []byte, emit func(from, to uint64)) {
	from, in := uint64(0), false
	for i := range b {
		x := b[i] &^ a[i]
		if x == 0 && !in || x == 0xFF && in {
			continue
		}
		for k := range 8 {
			set := x>>k&1 != 0
			at := uint64(i*8 + k)
			if set && !in {
				from = at
			} else if !set && in {
				emit(from, at)
			}
			in = set
		}
	}
	if in {
		emit(from, uint64(len(b)*8))
	}
}

// usedAgain returns the bytes inside e that a bitmap called free and, after transaction when, used again.
func (p *past) usedAgain(e block.Extent, when int64) block.Set {
	var list []block.Extent
	s := p.v.sb
	span := int64(s.blocksPerGroup) * s.blockSize
	start := int64(s.firstDataBlock) * s.blockSize
	for g := (e.Offset - start) / span; g <= (e.End()-1-start)/span && len(p.grown) > 0; g++ {
		for _, x := range p.grown[uint64(max(g, 0))] {
			if x.when > when && x.blocks.Overlaps(e) {
				list = append(list, x.blocks.Intersect(e))
			}
		}
	}
	return block.SetOf(list...)
}

func (p *past) taken(group uint64, when int64) {
	if last, ok := p.busy[group]; !ok || last < when {
		p.busy[group] = when
	}
}

// busyAfter reports whether blocks of a group in which e lies were taken after transaction when.
func (p *past) busyAfter(e block.Extent, when int64) bool {
	s := p.v.sb
	span := int64(s.blocksPerGroup) * s.blockSize
	start := int64(s.firstDataBlock) * s.blockSize
	for g := max(e.Offset-start, 0) / span; g <= max(e.End()-1-start, 0)/span; g++ {
		if last, ok := p.busy[uint64(g)]; ok && last > when {
			return true
		}
	}
	return false
}

// loggedAfter returns the bytes inside e to which metadata was written after transaction when.
func (p *past) loggedAfter(e block.Extent, when int64) block.Set {
	bs := p.v.sb.blockSize
	i, _ := slices.BinarySearchFunc(p.order, uint64(e.Offset/bs), func(i int32, n uint64) int { return cmp.Compare(p.copies[i].block, n) })
	var list []block.Extent
	for ; i < len(p.order); i++ {
		c := p.copies[p.order[i]]
		x := block.Extent{Offset: int64(c.block) * bs, Length: bs}
		if x.Offset >= e.End() {
			break
		}
		if c.when > when {
			list = append(list, x.Intersect(e))
		}
	}
	return block.SetOf(list...)
}
