package fat

import (
	"context"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// Bounds of a search for directories, which a device reads through in minutes: single reads, and bytes where
// all is read.
const (
	maxReads      = 1 << 20
	maxSearchSize = 64 << 30
	searchChunk   = 1 << 20
	lookSize      = 4 << 10
)

// search looks for directories in the clusters that no live file has and that w, which has walked over everything
// with a name, did not read. Each begins with an entry for itself, which names its cluster, and one for its
// parent. The further clusters of a directory have neither: they are taken for such when nothing in them is odd and
// the checksum of a long name fits, also of one that begins in another cluster.
func (v *volume) search(ctx context.Context, s *survey, w *walker) error {
	one := v.b.clusterSize()
	step, most := uint64(1), int64(maxReads)
	if one <= 4*lookSize { // else it is cheaper to read the beginnings only
		step, most = uint64(searchChunk/one), maxSearchSize/one
	}
	parent, rests := map[uint32]uint32{}, map[broken][]uint32{}
	var found, parts []uint32
	buf := make([]byte, searchChunk)
	end := min(uint64(v.b.clusters)+2, uint64(max((v.src.Size()-v.b.dataAt())/one, 0))+2)
	looked := int64(0)
	for at := uint64(2); at < end; at += step {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := uint32(min(step, end-at))
		if live, _ := s.live.Count(uint32(at), n); live == int(n) {
			continue
		}
		if looked += int64(n); looked > most {
			s.unsearched = end - at
			break
		}
		p := buf[:min(int64(n)*one, int64(len(buf)))]
		if n == 1 {
			p = buf[:min(one, lookSize)]
		}
		bad, err := cluster.ReadAround(v.src, p, v.b.at(uint32(at)))
		if err != nil {
			return err
		}
		for i := range n {
			c, off := uint32(at)+i, int64(i)*one
			if s.live.Has(c) || w.directories.Has(c) || bad.Overlaps(block.Extent{Offset: off, Length: dotLook}) {
				continue
			}
			if up, ok := dots(p[off:off+dotLook], c, v.b.width); ok && len(found) < maxOrphans {
				found = append(found, c)
				parent[c] = up
			} else if !ok && len(parts) < maxOrphans && bad.Empty() && continues(p[off:min(off+min(one, lookSize), int64(len(p)))], v.b) {
				parts = append(parts, c)
				b := rest(p[off:])
				rests[b] = append(rests[b], c)
			}
		}
	}
	// Those whose parent was not found first: the others are named by theirs, or come behind.
	for _, nested := range []bool{false, true} {
		for _, c := range found {
			if _, known := parent[parent[c]]; known == nested {
				s.remains = append(s.remains, c)
			}
		}
	}
	s.parts, s.rests = parts, rests
	if s.unsearched > 0 {
		v.mu.Lock()
		v.note(searchLimited.New(finding.Expected(nil, s.unsearched)))
		v.mu.Unlock()
	}
	return nil
}

// dots reports whether a cluster begins with the entries of the directory at cluster c and of its parent,
// which it returns.
func dots(p []byte, c uint32, width int) (parent uint32, ok bool) {
	if p[0] != '.' || p[entrySize] != '.' {
		return 0, false
	}
	self, err := parseShort(p[:entrySize], 0, width)
	up, upErr := parseShort(p[entrySize:dotLook], 0, width)
	if err != nil || upErr != nil || !self.isDirectory() || !up.isDirectory() || string(self.name[:]) != string(dotName) ||
		string(up.name[:]) != string(dotDotName) || self.start != c || self.badTimes || self.size != 0 {
		return 0, false
	}
	return up.start, true
}

// continues reports whether the beginning of a cluster holds entries of a directory: all of them in order, and with a
// long name that is proven by its checksum.
func continues(p []byte, b *boot) bool {
	if p[0] == markEnd || p[11]&0xC0 != 0 {
		return false
	}
	proofs := 0
	var n longName
	if x, within := goesOn(p); within {
		// The beginning of the name stands elsewhere; the rest must fit in itself.
		q, order := p, x.order
		for ; len(q) >= entrySize && isLongEntry(q) && q[0] == order && q[13] == x.checksum; q = q[entrySize:] {
			order--
		}
		if e, err := parseShort(q[:min(entrySize, len(q))], 0, b.width); order == 0 && err == nil && checksum(e.name) == x.checksum {
			proofs++
		}
	}
	for ; len(p) >= entrySize && p[0] != markEnd; p = p[entrySize:] {
		if isLongEntry(p) {
			l := parsePart(p)
			switch {
			case !l.plausible():
				return false
			case l.order == markDeleted:
				n.addDeleted(l)
			default:
				n.add(l)
			}
			continue
		}
		e, err := parseShort(p, 0, b.width)
		if err != nil || e.isDot() || e.modified.IsZero() {
			return false
		}
		if doubts, _ := e.doubts(b); doubts > 0 {
			return false
		}
		if long, _ := n.of(e.name); long != "" && !e.wasDeleted {
			proofs++
		} else if long, _ := n.ofDeleted(e.name); long != "" && e.wasDeleted {
			proofs++
		}
		n.reset()
	}
	return proofs > 0
}
