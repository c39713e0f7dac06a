package exfat

import (
	"context"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// lookSize is how much of a cluster tells whether it is one of a directory, in bytes.
const lookSize = 4 << 10

// searchChunk is how much is read at once where whole clusters are read on the way, in bytes.
const searchChunk = 1 << 20

// Bounds of a search, which a device reads through in minutes: single reads, and bytes where all is read.
const (
	maxReads      = 1 << 20
	maxSearchSize = 64 << 30
)

// look is what the beginning of a cluster says of it as a directory.
type look struct {
	sets    int // whose checksum fits
	special int // entries that stand in a root directory only: bitmap, up-case table
	ended   bool
	names   []span // clusters of the directories that the sets name
}

// lookAt judges cluster c.
func (v *volume) lookAt(c uint32) look {
	p := make([]byte, min(v.b.clusterSize, lookSize))
	bad, err := cluster.ReadAround(v.src, p, v.b.at(c))
	if err != nil || !bad.Empty() && bad.Has(0) {
		return look{}
	}
	return v.lookAtBytes(p)
}

// lookAtBytes judges the beginning of a cluster. Only sets that lie in it wholly count.
func (v *volume) lookAtBytes(p []byte) look {
	var l look
	for i := 0; i+entrySize <= len(p); i += entrySize {
		kind := p[i]
		switch {
		case kind == typeEnd:
			l.ended = true
			return l
		case kind == typeBitmap || kind == typeUpcase:
			l.special++
		case kind|inUse == typeFile:
			n := int(p[i+1]) + 1
			if n < 3 || i+n*entrySize > len(p) || p[i+entrySize]|inUse != typeStream {
				continue
			}
			entries := make([][]byte, n)
			for k := range entries {
				entries[k] = p[i+k*entrySize:][:entrySize]
			}
			s, err := parseSet(entries, 0, v.up)
			if err != nil || !s.sumFits || len(s.units) == 0 {
				continue
			}
			l.sets++
			if first := s.stream.first; s.isDirectory() && v.b.valid(first) && len(l.names) < lookSize/entrySize {
				l.names = append(l.names, span{first, min(v.b.needed(min(s.size(), maxDirectory)), v.b.room(first))})
			}
			i += (n - 1) * entrySize
		}
	}
	return l
}

// search looks for directories in the clusters that no live file has and that w, which has walked over
// everything with a name, did not read.
func (v *volume) search(ctx context.Context, s *survey, w *walker) error {
	type candidate struct {
		c     uint32
		ended bool
	}
	var list []candidate
	var named cluster.Bitmap
	looked := int64(0)
	consider := func(c uint32, p []byte) {
		if p[0] == typeEnd {
			return
		}
		l := v.lookAtBytes(p)
		if l.sets == 0 && l.special < 2 || len(list) >= maxLost {
			return
		}
		list = append(list, candidate{c, l.ended})
		for _, n := range l.names {
			for i := range n.count {
				named.Set(n.first + i)
			}
		}
	}
	skip := func(c uint32) bool { return s.live.Has(c) || w.read.Has(c) }
	step, most := uint64(1), int64(maxReads)
	if v.b.clusterSize <= 4*lookSize { // else it is cheaper to read the beginnings only
		step, most = uint64(searchChunk/v.b.clusterSize), maxSearchSize/v.b.clusterSize
	}
	buf := make([]byte, searchChunk)
	end := min(uint64(v.b.clusters)+2, uint64(max((v.src.Size()-v.b.heapAt())/v.b.clusterSize, 0))+2)
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
		one := v.b.clusterSize
		p := buf[:min(int64(n)*one, int64(len(buf)))]
		if n == 1 {
			p = buf[:min(one, lookSize)]
		}
		bad, err := cluster.ReadAround(v.src, p, v.b.at(uint32(at)))
		if err != nil {
			return err
		}
		for i := range n {
			c := uint32(at) + i
			q := p[int64(i)*one:]
			q = q[:min(int64(len(q)), one, lookSize)]
			if skip(c) || !bad.Empty() && bad.Overlaps(block.Extent{Offset: int64(i) * one, Length: int64(len(q))}) {
				continue
			}
			consider(c, q)
		}
	}
	// Those that no other names first. A cluster that goes on where the one before it stopped belongs to that.
	for _, nested := range []bool{false, true} {
		for i, x := range list {
			if named.Has(x.c) != nested {
				continue
			}
			if n := len(s.remains); !nested && n > 0 && i > 0 && !list[i-1].ended && list[i-1].c+1 == x.c {
				if last := &s.remains[n-1][0]; last.last() == list[i-1].c {
					last.count++
					continue
				}
			}
			s.remains = append(s.remains, []span{{x.c, 1}})
		}
	}
	return nil
}
