package ext

import (
	"context"
	"encoding/binary"
	"slices"

	"salvor/block"
)

const scanSize = 1 << 20 // bytes of an inode table that are read at once

// survey is what one pass over all inode tables tells about the volume as a whole.
type survey struct {
	inUse   inodeSet // inodes that hold a file now
	doubted inodeSet // those of them that the bitmap calls free
	deleted []uint32 // inodes that held one, in order
	claims  block.Set
	shared  block.Set // bytes that more than one file in use claims

	contested     block.Set // bytes that more than one deleted file claims
	used, unknown block.Set // bytes that the block bitmaps call used, and those of which they say nothing reliable

	past *past // what the journal knows; nil when that is nothing

	folders       block.Set // bytes that directories claim
	journalPlaces block.Set // and the journal
	doubtful      block.Set // where structures are gone, so that what stands beside them may be too
	search        bool      // inodes are gone, so that what they led to has to be searched
	found         *found    // nil while that was not done
}

// inodeSet is a set of inode numbers that takes memory only for groups in which it has some.
type inodeSet struct {
	per   uint32
	words map[uint32][]uint64
}

func newInodeSet(per uint32) inodeSet { return inodeSet{per, map[uint32][]uint64{}} }

func (s inodeSet) has(n uint32) bool {
	if n == 0 {
		return false
	}
	w, i := s.words[(n-1)/s.per], (n-1)%s.per
	return w != nil && w[i/64]&(1<<(i%64)) != 0
}

// add puts n into the set and reports whether it was not there.
func (s inodeSet) add(n uint32) bool {
	if n == 0 || s.has(n) {
		return false
	}
	w := s.words[(n-1)/s.per]
	if w == nil {
		w = make([]uint64, (s.per+63)/64)
		s.words[(n-1)/s.per] = w
	}
	i := (n - 1) % s.per
	w[i/64] |= 1 << (i % 64)
	return true
}

// all yields the numbers in order.
func (s inodeSet) all(yield func(uint32) bool) {
	groups := make([]uint32, 0, len(s.words))
	for g := range s.words {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		for i, w := range s.words[g] {
			for b := uint32(0); w != 0; b, w = b+1, w>>1 {
				if w&1 != 0 && !yield(g*s.per+uint32(i)*64+b+1) {
					return
				}
			}
		}
	}
}

// survey returns the survey of the volume, which it makes once.
func (v *volume) survey(ctx context.Context) (*survey, error) {
	select {
	case <-v.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { v.turn <- struct{}{} }()
	if v.done != nil {
		return v.done, nil
	}
	s := &survey{inUse: newInodeSet(v.sb.inodesPerGroup), doubted: newInodeSet(v.sb.inodesPerGroup)}
	use := v.newBudget()
	var err error
	if s.past, err = v.readPast(ctx); err != nil {
		return nil, err
	}
	if s.past != nil && v.history == nil {
		if err := s.past.findBroken(ctx); err != nil {
			return nil, err
		}
		v.history = s.past
	}
	s.doubtful = v.findDoubtful()
	if v.journal != nil {
		s.journalPlaces = block.Places(v.journal.runs)
	}
	s.search = v.damaged()
	var claims, former, folders block.Claims
	inUse := func(in *inode) {
		s.inUse.add(in.number)
		list := v.claims(in, use)
		claims.Add(list...)
		if in.isDir() {
			if s.search {
				folders.Add(list...)
			}
			if s.past != nil {
				s.past.met(in, use)
			}
		}
	}
	for n := range v.groups {
		if err := v.scanGroup(ctx, uint64(n), func(in *inode, allocated, known bool) {
			switch {
			case v.holdsFile(in, allocated, known):
				inUse(in)
				if known && !allocated {
					s.doubted.add(in.number)
				}
			case in.links == 0 && in.typed() && in.number >= v.sb.firstInode:
				s.deleted = append(s.deleted, in.number)
				former.Add(v.claims(in, use)...)
			}
		}); err != nil {
			return nil, err
		}
	}
	for number, r := range v.rebuilt {
		if in, err := v.inode(number); err == nil && r.links > 0 && (number >= v.sb.firstInode || number == rootInode) {
			inUse(in)
		}
	}
	if v.fast != nil {
		for number := range v.fast.inodes {
			if in, err := v.inode(number); err != nil || number < v.sb.firstInode && number != rootInode {
				continue
			} else if in.links > 0 {
				inUse(in)
			} else if in.typed() {
				s.deleted = append(s.deleted, number)
			}
		}
		slices.Sort(s.deleted)
	}
	s.folders = folders.Any()
	s.claims, s.shared, s.contested = claims.Any(), claims.Shared(), former.Shared()
	if s.used, s.unknown, err = v.allocation(ctx); err != nil {
		return nil, err
	}
	if s.past != nil {
		if err := s.past.findLost(ctx, s); err != nil {
			return nil, err
		}
		if err := s.past.readNames(ctx, s); err != nil {
			return nil, err
		}
	}
	v.done = s
	return s, nil
}

// holdsFile reports whether an inode is in use. allocated is what the bitmap says where it is known.
func (v *volume) holdsFile(in *inode, allocated, known bool) bool {
	if in.number < v.sb.firstInode && in.number != rootInode {
		return in.links > 0 || in.size > 0 // the volume's own: the journal, quota, reserved descriptors
	}
	switch {
	case !in.typed():
		return false
	case known && allocated:
		return in.links > 0 || in.deletedTime(v.sb).IsZero()
	}
	// In use by its own word alone. Where the bitmap says that it is free, one of them is wrong.
	return in.links > 0 && in.deleted == 0 && in.checksumOK
}

// claims returns the bytes on which an inode's content and lists stand.
func (v *volume) claims(in *inode, use *budget) []block.Extent {
	const resizeInode = 7 // its blocks are the reserved descriptors
	var out []block.Extent
	if in.number == resizeInode || in.inline() || !in.hasMap() {
		return nil
	}
	m := v.mapInode(in, use)
	for _, r := range m.runs {
		if e := r.PhysicalExtent(); e.Length > 0 {
			// A cut last block belongs to the file as a whole.
			e.Length = (e.Length + v.sb.blockSize - 1) &^ (v.sb.blockSize - 1)
			out = append(out, e)
		}
	}
	out = append(out, m.beyond...)
	return append(out, m.nodes...)
}

// hasMap reports whether the inode leads to blocks.
func (in *inode) hasMap() bool {
	switch in.kind() {
	case typeRegular, typeDir:
		return true
	case typeLink:
		return !in.fastLink()
	}
	return in.number < rootInode+9 && in.number != rootInode && in.kind() == 0
}

// fastLink reports whether the target of a link stands in the inode itself.
func (in *inode) fastLink() bool {
	return in.kind() == typeLink && !in.inline() && in.flags&flagEAInode == 0 && in.size < iblockSize && in.flags&flagExtents == 0
}

// scanGroup calls emit for each inode of a group that is not empty. Its record is valid during the call only.
// known says that the group's bitmap is reliable.
func (v *volume) scanGroup(ctx context.Context, number uint64, emit func(in *inode, allocated, known bool)) error {
	s := v.sb
	g := &v.groups[number]
	if !g.usable || g.flags&groupInodeUninit != 0 {
		return ctx.Err()
	}
	count := int64(s.inodesPerGroup)
	if g.current && g.unused < s.inodesPerGroup {
		count -= int64(g.unused)
	}
	first := number * uint64(s.inodesPerGroup)
	if first >= uint64(s.inodesCount) {
		return ctx.Err()
	}
	count = min(count, int64(uint64(s.inodesCount)-first))
	bitmap := v.inodeBitmap(number)
	start := int64(g.inodeTable) * s.blockSize
	end := min(start+count*s.inodeSize, v.src.Size())
	buf := make([]byte, min(scanSize, max(end-start, 0)))
	record := func(b []byte, at int64) {
		if binary.LittleEndian.Uint16(b) == 0 && binary.LittleEndian.Uint16(b[0x1A:]) == 0 && binary.LittleEndian.Uint32(b[4:]) == 0 {
			return
		}
		index := uint64(at-start) / uint64(s.inodeSize)
		if _, ok := v.rebuilt[uint32(first+index)+1]; ok || v.fast.has(uint32(first+index)+1) {
			return
		}
		if in, err := parseInode(b, uint32(first+index)+1, at, s); err == nil {
			emit(in, bit(bitmap, index), bitmap != nil)
		}
	}
	for at := start; at < end; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := int(min(int64(len(buf)), end-at))
		b := buf[:n-n%int(s.inodeSize)]
		if len(b) == 0 {
			break
		}
		if m, _ := v.view.ReadAt(b, at); m < len(b) {
			// Some of it cannot be read: take what can, inode by inode.
			for o := 0; o < len(b); o += int(s.inodeSize) {
				one := b[o : o+int(s.inodeSize)]
				if o+len(one) > m && v.cache.read("ext: inode table", one, at+int64(o)) != nil {
					continue
				}
				record(one, at+int64(o))
			}
		} else {
			for o := 0; o < len(b); o += int(s.inodeSize) {
				record(b[o:o+int(s.inodeSize)], at+int64(o))
			}
		}
		at += int64(len(b))
	}
	return ctx.Err()
}
