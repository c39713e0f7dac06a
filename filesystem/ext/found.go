package ext

import (
	"context"
	"encoding/binary"
	"slices"

	"salvor/block"
)

// maxFound is how many blocks of directories and of extent trees are kept that were found by what is in them.
const maxFound = 4 << 20

// found are blocks that were found by what is in them, where inodes are gone that would lead to them.
type found struct {
	dirs     map[uint32][]foundBlock // by the number of their directory
	nameless []foundBlock            // of directories of which the first block was not found
	leaves   map[uint32][]uint64     // leaves of extent trees by what their checksums start with
}

// foundBlock is a block of a directory.
type foundBlock struct {
	at     int64 // on the volume
	seed   uint32
	parent uint32 // where it is the first
	first  bool
	copied bool // it stands in the journal
}

// damaged reports whether inodes are gone, so that it pays to look for what they led to.
func (v *volume) damaged() bool {
	if root, err := v.inode(rootInode); err != nil || !root.isDir() || !root.checksumOK || root.rebuilt {
		return true
	}
	return slices.ContainsFunc(v.groups, func(g group) bool { return !g.usable }) || len(v.groups) > 0 && !v.groups[0].current
}

// search reads all that no file is known to hold, for blocks of directories and of extent trees.
func (v *volume) search(ctx context.Context, s *survey) (*found, error) {
	sb := v.sb
	f := &found{dirs: map[uint32][]foundBlock{}, leaves: map[uint32][]uint64{}}
	d := &directory{inodes: sb.inodesCount, filetype: sb.incompat&incompatFiletype != 0, blockSize: int(sb.blockSize)}
	var names, nodes *unseeder
	most := (int(sb.blockSize) - 12) / 12
	if sb.metaCsum() {
		names, nodes = newUnseeder(int(sb.blockSize)-tailSize), newUnseeder(12+12*most)
	}
	count := 0
	var loose []foundBlock // without the number of their directory
	seeds := map[uint32]uint32{}
	look := func(at int64, b []byte, copied bool) {
		if count >= maxFound {
			return
		}
		le := binary.LittleEndian
		if le.Uint16(b) == extentMagic && nodes != nil && int(le.Uint16(b[4:])) == most && le.Uint16(b[6:]) == 0 && le.Uint16(b[2:]) > 0 && int(le.Uint16(b[2:])) <= most {
			count++
			seed := nodes.seed(b, le.Uint32(b[12+12*most:]))
			f.leaves[seed] = append(f.leaves[seed], uint64(at/sb.blockSize))
			return
		}
		if le.Uint32(b) > sb.inodesCount || !d.whole(b) && !indexRoot(d, b) {
			return
		}
		x := foundBlock{at: at, copied: copied}
		var number uint32
		number, x.parent = d.itself(b)
		x.first = number != 0
		if names != nil {
			seed, ok := names.leafSeed(b)
			if !ok && !x.first {
				return
			}
			if x.seed = seed; ok && x.first {
				seeds[seed] = number
			}
		}
		count++
		if number != 0 {
			f.dirs[number] = append(f.dirs[number], x)
		} else {
			loose = append(loose, x)
		}
	}
	known := s.claims.Subtract(s.folders).Union(s.journalPlaces)
	buf := make([]byte, scanSize)
	for e := range known.Complement(block.Extent{Length: min(sb.size(), v.src.Size())}).All() {
		first := (e.Offset + sb.blockSize - 1) / sb.blockSize * sb.blockSize
		for at := first; at+sb.blockSize <= e.End(); {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			n := min(int64(len(buf)), (e.End()-at)/sb.blockSize*sb.blockSize)
			m, _ := v.view.ReadAt(buf[:n], at)
			for o := int64(0); o+sb.blockSize <= int64(m); o += sb.blockSize {
				look(at+o, buf[o:o+sb.blockSize], false)
			}
			if int64(m) < n {
				n = (int64(m)/sb.blockSize + 1) * sb.blockSize // over the one that cannot be read
			}
			at += n
		}
	}
	if s.past != nil {
		s.past.newestLeaves(func(c logged, b []byte) {
			if there := make([]byte, sb.blockSize); v.cache.read("ext: directory block", there, int64(c.block)*sb.blockSize) == nil && d.whole(there) {
				return // what stands in its place was found there
			}
			look(c.at, b, true)
		})
		for _, x := range s.past.versions {
			if x.kind == typeDir {
				seeds[crc32cUint32(crc32cUint32(sb.seed, x.number), x.generation)] = x.number
			}
		}
	}
	for _, x := range loose {
		if number := seeds[x.seed]; names != nil && number != 0 {
			f.dirs[number] = append(f.dirs[number], x)
		} else {
			f.nameless = append(f.nameless, x)
		}
	}
	return f, nil
}

// indexRoot reports whether b is the root of a hash tree, in which no more names stand than the two.
func indexRoot(d *directory, b []byte) bool {
	number, _ := d.itself(b)
	return number != 0 && int(binary.LittleEndian.Uint16(b[16:])) == len(b)-12
}

// newestLeaves calls emit for the newest copy of each block of a directory.
func (p *past) newestLeaves(emit func(c logged, b []byte)) {
	newest := map[uint64]int32{}
	for _, i := range p.leaves {
		newest[p.copies[i].block] = i
	}
	b := make([]byte, p.v.sb.blockSize)
	for _, i := range p.leaves {
		c := p.copies[i]
		list := p.of(c.block)
		// A copy of something else that is newer took its place.
		if newest[c.block] == i && len(list) > 0 && list[len(list)-1] == i && p.read(c, b) {
			emit(c, b)
		}
	}
}

// of returns the blocks of one directory, those of one generation, the first one in front.
func (f *found) of(number uint32) []foundBlock {
	if f == nil {
		return nil
	}
	list := f.dirs[number]
	if len(list) == 0 {
		return nil
	}
	best := list[0]
	for _, x := range list {
		if x.first && (!best.first || best.copied && !x.copied) {
			best = x
		}
	}
	var out []foundBlock
	for _, x := range list {
		if x.seed == best.seed && (!x.first || x == best) {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b foundBlock) int {
		switch {
		case a.first && !b.first:
			return -1
		case b.first && !a.first:
			return 1
		}
		return 0
	})
	return out
}
