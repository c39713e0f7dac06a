package ext

import (
	"context"
	"encoding/binary"
	"slices"

	"salvor/block"
)

// Tags of a fast commit, whose fields are little-endian.
const (
	fastAddRange = 1
	fastDelRange = 2
	fastCreate   = 3
	fastLink     = 4
	fastUnlink   = 5
	fastInode    = 6
	fastPad      = 7
	fastTail     = 8
	fastHead     = 9

	maxFastNames = 1 << 20
)

// fastCommits are changes of single files behind the last transaction.
type fastCommits struct {
	inodes map[uint32]fastRecord
	ranges map[uint32][]fastRange
	names  map[uint32][]fastName // by the directory
	count  int
	cut    bool // a first commit is there, and does not match its checksum
}

// fastRecord is an inode without its map of blocks, unless that is inline data.
type fastRecord struct {
	raw []byte
	at  int64 // on the volume
}

// fastRange is a change of a file's map: n blocks at logical block first stand at block at, or nowhere any more.
type fastRange struct {
	first, n, at uint64
	unwritten    bool
	removed      bool
}

// fastName is a change of a directory.
type fastName struct {
	inode   uint32
	name    string
	at      int64
	removed bool
}

// fastTag is one record of a fast commit.
type fastTag struct {
	kind  uint16
	value []byte
	at    int // of the value in the block
}

// parseFastTags reads the records in one block of the fast commit area and goes on with their checksum. ends says, for
// each record that ends a commit, whether it holds; the list ends where one does not, or at what is no record.
func parseFastTags(b []byte, sequence uint32, sum *uint32) (out []fastTag, ended int, more bool) {
	le := binary.LittleEndian
	for at := 0; at+4 <= len(b); {
		kind, n := le.Uint16(b[at:]), int(le.Uint16(b[at+2:]))
		if at+4+n > len(b) || !fastLength(kind, n) {
			return out, ended, false
		}
		value := b[at+4 : at+4+n]
		switch kind {
		case fastHead:
			if le.Uint32(value[4:]) != sequence {
				return out, ended, false
			}
		case fastTail:
			got := crc32c(*sum, b[at:at+8])
			*sum = 0
			if le.Uint32(value) != sequence || le.Uint32(value[4:]) != got {
				return out, ended, false
			}
			out = append(out, fastTag{kind, value, at + 4})
			ended = len(out)
			at += 4 + n
			continue
		}
		*sum = crc32c(*sum, b[at:at+4+n])
		out = append(out, fastTag{kind, value, at + 4})
		at += 4 + n
	}
	return out, ended, true
}

// fastLength reports whether a record of a kind can have n bytes.
func fastLength(kind uint16, n int) bool {
	switch kind {
	case fastAddRange:
		return n == 16
	case fastDelRange:
		return n == 12
	case fastCreate, fastLink, fastUnlink:
		return n >= 9 && n <= 8+255
	case fastInode:
		return n >= 4+128
	case fastTail, fastHead:
		return n >= 8
	case fastPad:
		return true
	}
	return false
}

// readFast reads the fast commits that belong behind the transaction before sequence.
func (j *journal) readFast(ctx context.Context, sequence uint32) (*fastCommits, error) {
	if j.incompat&journalFastCommit == 0 || j.end() == j.blocks {
		return nil, nil
	}
	f := &fastCommits{inodes: map[uint32]fastRecord{}, ranges: map[uint32][]fastRange{}, names: map[uint32][]fastName{}}
	type held struct {
		fastTag
		place int64
	}
	var pending []held
	sum := uint32(0)
	done := false
	err := j.each(ctx, j.end()+1, j.blocks, func(n uint32, b []byte) {
		if done {
			return
		}
		tags, ended, more := parseFastTags(b, sequence, &sum)
		place := j.place(n)
		for i, t := range tags {
			t.value = slices.Clone(t.value)
			pending = append(pending, held{t, place + int64(t.at)})
			if i+1 == ended || t.kind == fastTail {
				for _, x := range pending {
					f.apply(x.fastTag, x.place)
				}
				pending = pending[:0]
			}
		}
		done = !more || place < 0
	})
	if err != nil {
		return nil, err
	}
	// A commit that began and does not end with its checksum was lost.
	f.cut = slices.ContainsFunc(pending, func(x held) bool { return x.kind == fastHead })
	return f, nil
}

// apply takes up one record that a checksum covers.
func (f *fastCommits) apply(t fastTag, place int64) {
	le := binary.LittleEndian
	b := t.value
	number := func() uint32 { return le.Uint32(b) }
	switch t.kind {
	case fastAddRange:
		r := fastRange{first: uint64(le.Uint32(b[4:])), n: uint64(le.Uint16(b[8:])), at: uint64(le.Uint32(b[12:])) | uint64(le.Uint16(b[10:]))<<32}
		if r.n > maxInitialized {
			r.n, r.unwritten = r.n-maxInitialized, true
		}
		f.ranges[number()] = append(f.ranges[number()], r)
	case fastDelRange:
		f.ranges[number()] = append(f.ranges[number()], fastRange{first: uint64(le.Uint32(b[4:])), n: uint64(le.Uint32(b[8:])), removed: true})
	case fastCreate, fastLink, fastUnlink:
		if f.count > maxFastNames {
			return
		}
		f.names[number()] = append(f.names[number()], fastName{le.Uint32(b[4:]), string(b[8:]), place, t.kind == fastUnlink})
	case fastInode:
		f.inodes[number()] = fastRecord{b[4:], place + 4}
	default:
		return
	}
	f.count++
}

// record changes a record as a replay would: all but the map of blocks.
func (f *fastCommits) record(number uint32, raw []byte, s *superblock) (*inode, error) {
	x, ok := f.inodes[number]
	if !ok {
		return nil, nil
	}
	raw = slices.Clone(raw)
	new := x.raw[:min(len(x.raw), len(raw))]
	copy(raw[:iblockOffset], new)
	copy(raw[0x64:], new[0x64:])
	flags := binary.LittleEndian.Uint32(raw[0x20:])
	switch {
	case flags&flagExtents != 0:
		if binary.LittleEndian.Uint16(raw[iblockOffset:]) != extentMagic {
			clear(raw[iblockOffset : iblockOffset+iblockSize])
			binary.LittleEndian.PutUint16(raw[iblockOffset:], extentMagic)
			binary.LittleEndian.PutUint16(raw[iblockOffset+4:], (iblockSize-12)/12)
		}
	default:
		copy(raw[iblockOffset:iblockOffset+iblockSize], new[iblockOffset:])
	}
	in, err := parseInode(raw, number, x.at, s)
	if err != nil {
		return nil, err
	}
	in.checksumOK = true // that of the fast commit covers it
	in.ranges = f.ranges[number]
	return in, nil
}

// has reports whether there is a newer record of an inode.
func (f *fastCommits) has(number uint32) bool {
	if f == nil {
		return false
	}
	_, ok := f.inodes[number]
	return ok
}

// changed applies changes of a file's map to what its inode leads to.
func (m *mapper) changed(list []fastRange) {
	bs := m.v.sb.blockSize
	for _, r := range list {
		if r.first >= 1<<32 || r.n > 1<<32 {
			continue
		}
		cut := block.Extent{Offset: int64(r.first) * bs, Length: int64(r.n) * bs}
		var kept []block.Run
		for _, x := range m.out.runs {
			kept = append(kept, block.Slice([]block.Run{x}, block.Between(0, cut.Offset))...)
			kept = append(kept, block.Slice([]block.Run{x}, block.Between(cut.End(), x.Logical+x.Length))...)
		}
		m.out.runs = kept
		switch {
		case r.removed:
		case !m.inside(r.at, r.n):
			m.problem(badRange, m.in.offset, "a block of the volume", r.at)
		case r.unwritten:
			m.out.beyond = append(m.out.beyond, m.v.sb.blocks(r.at, r.n))
			m.add(r.first, 0, r.n, block.Zero)
		default:
			m.add(r.first, r.at, r.n, block.Data)
		}
	}
}

// rename applies changes of a directory to its entries.
func (f *fastCommits) rename(number uint32, list []entry, kind func(uint32) uint8) []entry {
	if f == nil {
		return list
	}
	for _, c := range f.names[number] {
		i := slices.IndexFunc(list, func(e entry) bool { return !e.stale && e.name == c.name && e.inode == c.inode })
		switch {
		case c.removed && i >= 0:
			list[i].stale = true
		case !c.removed && i < 0 && validName(c.name):
			list = append(list, entry{inode: c.inode, name: c.name, kind: kind(c.inode), offset: c.at})
		}
	}
	return list
}
