package ext

import (
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/finding"
)

const (
	maxLevels   = 5       // of an extent tree
	maxRuns     = 1 << 20 // of one file
	maxProblems = 16      // findings of one file
	extentMagic = 0xF30A
	// unwritten extents carry their length plus this.
	maxInitialized = 32768
)

// mapping is where the bytes of an inode stand.
type mapping struct {
	runs     []block.Run    // on the volume; normalized
	beyond   []block.Extent // blocks that are reserved behind the end of the file, or not written yet
	nodes    []block.Extent // blocks of the map itself
	problems []finding.Finding
}

// budget bounds the nodes that one walk reads, over all files, so that files that share their trees cannot
// make it endless. A sound volume has each node once.
type budget struct {
	nodes int64 // blocks of block maps
	bytes int64 // of attributes that stand in inodes of their own
}

func (v *volume) newBudget() *budget {
	n := min(int64(v.sb.blocksCount), v.src.Size()/v.sb.blockSize+1)
	return &budget{nodes: n + 1<<16, bytes: v.src.Size() + 16<<20}
}

// mapper collects the mapping of one inode.
type mapper struct {
	v       *volume
	in      *inode
	budget  *budget
	visited map[uint64]bool
	limit   uint64 // blocks of the file
	out     mapping
}

// mapInode finds the runs of an inode whose content does not stand in the inode itself.
func (v *volume) mapInode(in *inode, use *budget) mapping {
	m := &mapper{v: v, in: in, budget: use}
	bs := v.sb.blockSize
	size := in.size
	if size < 0 {
		m.problem(badRange, in.offset, "a size that is not negative", size)
		size = 0
	}
	if most := bs << 32; size > most {
		m.problem(badRange, in.offset, fmt.Sprintf("a size up to %d", most), size)
		size = most
	}
	m.limit = uint64((size + bs - 1) / bs)
	if in.flags&flagExtents != 0 {
		m.extents(in.block(), in.offset+iblockOffset, -1, 0, max(m.limit, 1<<32))
	} else {
		m.indirect()
	}
	m.changed(in.ranges)
	m.fill()
	m.out.runs = block.Normalize(m.out.runs, size)
	return m.out
}

func (m *mapper) problem(d *finding.Def, at int64, expected, found any) {
	if len(m.out.problems) < maxProblems {
		m.out.problems = append(m.out.problems, d.New(finding.At(at, 0), finding.Expected(expected, found)))
	}
}

// add puts n blocks at logical block l; at is their first block below.
func (m *mapper) add(l, at, n uint64, kind block.RunKind) {
	bs := m.v.sb.blockSize
	if kind.Stands() {
		if l >= m.limit {
			m.out.beyond = append(m.out.beyond, m.v.sb.blocks(at, n))
			return
		}
		if over := l + n; over > m.limit {
			m.out.beyond = append(m.out.beyond, m.v.sb.blocks(at+m.limit-l, over-m.limit))
			n = m.limit - l
		}
	}
	if l >= m.limit {
		return
	}
	n = min(n, m.limit-l)
	if k := len(m.out.runs); k > 0 {
		last := &m.out.runs[k-1]
		if last.Kind == kind && last.Logical+last.Length == int64(l)*bs && (!kind.Stands() || last.Physical+last.Length == int64(at)*bs) {
			last.Length += int64(n) * bs
			return
		}
		if k >= maxRuns {
			if k == maxRuns {
				m.problem(mapBroken, m.in.offset, fmt.Sprintf("at most %d pieces", maxRuns), "more pieces")
				m.out.runs = append(m.out.runs, block.Run{Logical: int64(l) * bs, Length: int64(m.limit-l) * bs, Kind: block.Lost})
			}
			return
		}
	}
	m.out.runs = append(m.out.runs, block.Run{Logical: int64(l) * bs, Physical: int64(at) * bs, Length: int64(n) * bs, Kind: kind})
}

// fill makes holes of what no part of the map names. What a broken part should have named is Lost already.
func (m *mapper) fill() {
	bs := m.v.sb.blockSize
	slices.SortStableFunc(m.out.runs, func(a, b block.Run) int {
		switch {
		case a.Logical < b.Logical:
			return -1
		case a.Logical > b.Logical:
			return 1
		}
		return 0
	})
	var holes []block.Run
	at := int64(0)
	for _, r := range m.out.runs {
		if r.Logical > at {
			holes = append(holes, block.Run{Logical: at, Length: r.Logical - at, Kind: block.Zero})
		}
		at = max(at, r.Logical+r.Length)
	}
	if end := int64(m.limit) * bs; at < end {
		holes = append(holes, block.Run{Logical: at, Length: end - at, Kind: block.Zero})
	}
	m.out.runs = append(m.out.runs, holes...)
}

// inside reports whether n blocks from at lie in the volume.
func (m *mapper) inside(at, n uint64) bool {
	s := m.v.sb
	return at > uint64(s.firstDataBlock) && at < s.blocksCount && n <= s.blocksCount-at && int64(at+n)*s.blockSize <= m.v.src.Size()
}

// node reads a block of the map; nil when it cannot be used, which has been told.
func (m *mapper) node(at uint64) []byte {
	place := int64(at) * m.v.sb.blockSize
	switch {
	case !m.inside(at, 1):
		m.problem(badRange, m.in.offset, fmt.Sprintf("a block up to %d", m.v.sb.blocksCount-1), at)
		return nil
	case m.visited[at]:
		m.problem(mapBroken, place, nil, fmt.Sprintf("block %d stands in it twice", at))
		return nil
	case m.budget.nodes <= 0:
		m.problem(mapBroken, place, nil, "the lists of all files are longer than the volume")
		return nil
	}
	if m.visited == nil {
		m.visited = map[uint64]bool{}
	}
	m.visited[at] = true
	m.budget.nodes--
	b := make([]byte, m.v.sb.blockSize)
	if err := m.v.readNode(m.in, "ext: block of a map", b, at, m.fits); err != nil {
		m.problem(mapBroken, place, nil, err)
		return nil
	}
	m.out.nodes = append(m.out.nodes, m.v.sb.blocks(at, 1))
	return b
}

// fits reports whether a block can be a node of the map.
func (m *mapper) fits(b []byte) bool {
	le := binary.LittleEndian
	s := m.v.sb
	if m.in.flags&flagExtents == 0 {
		some := false
		for at := 0; at+4 <= len(b); at += 4 {
			n := uint64(le.Uint32(b[at:]))
			if some = some || n != 0; n >= s.blocksCount {
				return false
			}
		}
		return some
	}
	most := int(le.Uint16(b[4:]))
	if le.Uint16(b) != extentMagic || most > (len(b)-12)/12 || int(le.Uint16(b[2:])) > most || le.Uint16(b[2:]) == 0 {
		return false
	}
	tail := 12 + 12*most
	return !s.metaCsum() || tail+4 <= len(b) && crc32c(m.in.blockSeed(s), b[:tail]) == le.Uint32(b[tail:])
}

// extents reads one node of the extent tree, which answers for the logical blocks from up to to. depth is
// what its parent calls for; -1 at the root.
func (m *mapper) extents(b []byte, off int64, depth int, from, to uint64) {
	le := binary.LittleEndian
	lost := func(why string) {
		m.problem(mapBroken, off, nil, why)
		m.add(from, 0, to-from, block.Lost)
	}
	entries, most, level := int(le.Uint16(b[2:])), int(le.Uint16(b[4:])), int(le.Uint16(b[6:]))
	switch {
	case le.Uint16(b) != extentMagic:
		lost(fmt.Sprintf("an extent node starts with 0x%04x, expected 0x%04x", le.Uint16(b), extentMagic))
		return
	case most > (len(b)-12)/12 || entries > most:
		lost(fmt.Sprintf("an extent node has %d of %d entries", entries, most))
		return
	case level > maxLevels || depth >= 0 && level != depth:
		lost(fmt.Sprintf("an extent node has depth %d", level))
		return
	}
	kind := block.Data
	if tail := 12 + 12*most; depth >= 0 && m.v.sb.metaCsum() && tail+4 <= len(b) {
		if crc32c(m.in.blockSeed(m.v.sb), b[:tail]) != le.Uint32(b[tail:]) {
			m.problem(mapBroken, off, nil, "an extent node does not match its checksum")
			kind = block.Guessed
		}
	}
	next := from // the lowest logical block that an entry may have
	for i := range entries {
		e := b[12+12*i:]
		l := uint64(le.Uint32(e))
		if l < next || l >= to {
			m.problem(mapBroken, off+int64(12+12*i), nil, fmt.Sprintf("extent %d starts at block %d of the file, expected %d to %d", i, l, next, to))
			continue
		}
		if level > 0 {
			end := to
			if i+1 < entries {
				if n := uint64(le.Uint32(b[12+12*(i+1):])); n > l && n < to {
					end = n
				}
			}
			next = l + 1
			at := uint64(le.Uint32(e[4:])) | uint64(le.Uint16(e[8:]))<<32
			if child := m.node(at); child != nil {
				m.extents(child, int64(at)*m.v.sb.blockSize, level-1, l, end)
			} else {
				m.add(l, 0, end-l, block.Lost)
			}
			continue
		}
		n := uint64(le.Uint16(e[4:]))
		at := uint64(le.Uint32(e[8:])) | uint64(le.Uint16(e[6:]))<<32
		unwritten := n > maxInitialized
		if unwritten {
			n -= maxInitialized
		}
		switch {
		case n == 0 || n > to-l:
			m.problem(mapBroken, off+int64(12+12*i), nil, fmt.Sprintf("extent %d has %d blocks", i, n))
			if n > 0 {
				m.add(l, 0, to-l, block.Lost)
			}
		case !m.inside(at, n):
			m.problem(badRange, off+int64(12+12*i), fmt.Sprintf("blocks up to %d", m.v.sb.blocksCount-1), fmt.Sprintf("%d to %d", at, at+n-1))
			m.add(l, 0, n, block.Lost)
		case unwritten:
			m.out.beyond = append(m.out.beyond, m.v.sb.blocks(at, n))
			m.add(l, 0, n, block.Zero)
		default:
			m.add(l, at, n, kind)
		}
		next = min(l+n, to)
	}
}

// indirect reads the classic map: 12 blocks and three trees of pointers.
func (m *mapper) indirect() {
	per := uint64(m.v.sb.blockSize / 4)
	b := m.in.block()
	logical := uint64(0)
	for i := range uint64(15) {
		at := uint64(binary.LittleEndian.Uint32(b[4*i:]))
		level := 0
		span := uint64(1)
		if i >= 12 {
			level = int(i) - 11
			for range level {
				span *= per
			}
		}
		m.pointer(at, level, logical, span)
		logical += span
	}
	if m.limit > logical {
		m.problem(badRange, m.in.offset, fmt.Sprintf("a size up to %d blocks", logical), m.limit)
	}
}

// pointer follows one pointer that answers for span blocks from logical. Blocks that the size does not
// reach belong to the file all the same, but trees of them are not read.
func (m *mapper) pointer(at uint64, level int, logical, span uint64) {
	switch {
	case at == 0:
	case level == 0:
		if !m.inside(at, 1) {
			m.problem(badRange, m.in.offset, fmt.Sprintf("a block up to %d", m.v.sb.blocksCount-1), at)
			m.add(logical, 0, 1, block.Lost)
			return
		}
		m.add(logical, at, 1, block.Data)
	case logical >= m.limit:
	default:
		b := m.node(at)
		if b == nil {
			m.add(logical, 0, span, block.Lost)
			return
		}
		per := span / (uint64(m.v.sb.blockSize) / 4)
		for i := range uint64(len(b) / 4) {
			if l := logical + i*per; l < m.limit {
				m.pointer(uint64(binary.LittleEndian.Uint32(b[4*i:])), level-1, l, per)
			}
		}
	}
}
