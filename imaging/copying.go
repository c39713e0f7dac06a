package imaging

import (
	"time"

	"salvor/block"
)

// usual returns the size of a read among good data.
func (s *planner) usual() int64 {
	if s.Cluster > 0 {
		return s.Cluster
	}
	return s.cost.cluster(s.sector, s.areas)
}

func (s *planner) skipSize() int64 {
	if s.NoSkip {
		return 0
	}
	if s.SkipSize > 0 {
		return s.SkipSize
	}
	n := max(int64(firstSkip), s.m.Size()/100_000)
	return s.align(min(n, s.maxSkip()))
}

func (s *planner) maxSkip() int64 {
	if s.MaxSkipSize > 0 {
		return s.MaxSkipSize
	}
	return s.align(max(s.m.Size()/100, smallCluster))
}

func (s *planner) align(n int64) int64 { return (n + s.sector - 1) / s.sector * s.sector }

// head returns the first n bytes of e in the direction of the pass, cut so that what follows is aligned to n, and
// that no read crosses a chunk.
func (s *planner) head(e block.Extent, n int64, dir int) block.Extent {
	n = min(n, ChunkSize)
	if dir > 0 {
		return block.Between(e.Offset, min(e.End(), e.Offset/n*n+n))
	}
	return block.Between(max(e.Offset, (e.End()-1)/n*n), e.End())
}

// copy is a pass of large reads. The first takes everything and passes over what is behind an error or slow; the
// others come to what was left from a side that is good, and leave it at the first error.
func (s *planner) copy() (block.Extent, bool) {
	for {
		e, ok := s.found(NonTried)
		if !ok {
			return e, false
		}
		if (s.pass > 1 || !s.NoSkip) && s.broken(e, -s.dir) {
			s.leave(e)
			continue
		}
		if s.pass > 1 && s.quick {
			s.enterGap(e)
		}
		n := s.usual()
		if s.size > 0 {
			n = min(n, s.size)
		}
		e = s.head(e, n, s.dir)
		s.stand(e)
		return e, true
	}
}

// leave goes on behind e.
func (s *planner) leave(e block.Extent) {
	if s.dir > 0 {
		s.pos = e.End()
	} else {
		s.pos = e.Offset
	}
}

// jump passes over n bytes.
func (s *planner) jump(n int64) {
	if s.dir > 0 {
		s.pos = min(s.pos+n, s.m.Size())
	} else {
		s.pos = max(s.pos-n, 0)
	}
}

func (s *planner) succeeded(e block.Extent, took time.Duration) {
	if s.phase == NonTried && s.pass < 5 {
		s.leave(e)
		s.clean += e.Length
		switch {
		case s.gap.wary:
			s.size = s.cost.few(s.clean, s.sector)
		case s.size > 0:
			s.size *= 4
		}
		switch {
		case s.pass <= 2 && e.Length >= leastCluster && s.isSlow(e, took):
			if s.slow++; s.slow > 1 {
				s.jump(s.skip)
				s.skip = min(2*s.skip, s.maxSkip())
				s.clean = 0
			}
		case s.clean >= s.skip:
			s.skip, s.size, s.slow, s.gap.wary = s.skipSize(), 0, 0, false
		}
		return
	}
	s.note(e, true)
	if s.phase == BadSector {
		s.leave(e)
	}
}

// isSlow reports whether a read was slower than an area that is well. What comes out of a cache makes an average that
// no disk keeps up with, so that a read must be slow for itself too.
func (s *planner) isSlow(e block.Extent, took time.Duration) bool {
	if s.MinReadRate < 0 || took <= 0 {
		return false
	}
	rate := float64(e.Length) / took.Seconds()
	if s.MinReadRate > 0 {
		return rate < float64(s.MinReadRate)
	}
	return took >= slowRead && s.cost.reads >= slowAfter && rate < s.cost.rate()/10
}

func (s *planner) failed(e, rest block.Extent, single bool) {
	switch {
	case s.phase == NonTried && s.pass < 5:
		s.leave(e)
		s.clean, s.size = 0, s.sector
		if s.pass > 1 {
			s.gap.broken++
			s.leaveGap()
			return
		}
		s.jump(s.skip)
		s.skip = min(2*s.skip, max(s.maxSkip(), s.skip))
	case s.phase == BadSector:
		s.leave(e)
	default:
		s.note(e, false)
		if !single {
			s.careful = rest.End()
		}
	}
}

// gap is what was passed over behind a failure, to which a later pass comes from its good side.
type gap struct {
	end           int64 // where the failure stands; -1 outside of any
	wary          bool  // it is read sector by sector
	tried, broken int   // how many there were so far, and in how many of them something failed before that end
}

// enterGap decides how a gap is read. A large read that fails is one failure more than the sector in it will cost; reading
// sector by sector costs a request for each. What is better follows from how many of the gaps so far held errors.
func (s *planner) enterGap(e block.Extent) {
	end := e.Offset
	if s.dir > 0 {
		end = e.End()
	}
	if s.gap.end == end {
		return
	}
	s.gap.end, s.gap.wary = end, false
	if !s.broken(e, s.dir) {
		return
	}
	s.gap.tried++
	chance := float64(s.gap.broken+1) / float64(s.gap.tried+1)
	sectors := min(e.Length, s.skipSize()) / s.sector
	if chance*s.cost.fail.Seconds() > float64(sectors)*s.cost.small.Seconds() {
		s.gap.wary, s.size, s.clean = true, s.sector, 0
	}
}

// leaveGap goes on behind the gap that the pass is in.
func (s *planner) leaveGap() {
	s.size, s.gap.wary = 0, false
	if e, ok := s.found(NonTried); ok && ((s.dir > 0 && e.Offset == s.pos) || (s.dir < 0 && e.End() == s.pos)) {
		s.leave(e)
	}
}

// search is the last pass of the copying phase: it looks for good islands between failures, with single sectors in
// the middle of gaps, of the largest ones first, and reads from each island outward. A sector that fails here
// would have to be tried by itself anyway, so that the search costs nothing. What is left of a gap when it is small
// is called not scraped: it lies between failures, within a size that one failed read would have had.
func (s *planner) search() (block.Extent, bool) {
	for {
		e, ok := s.found(NonTried)
		if !ok {
			if s.level /= 2; s.level >= s.least && s.any(NonTried) {
				s.rewind()
				continue
			}
			if s.least == leastGap {
				s.giveUpGaps()
			}
			return e, false
		}
		for _, dir := range [...]int{s.dir, -s.dir} {
			if !s.broken(e, -dir) {
				return s.creep(e, dir), true
			}
		}
		if e.Length < s.level || e.Length <= s.sector {
			s.leave(e)
			continue
		}
		middle := (e.Offset + e.Length/2) / s.sector * s.sector
		s.streak, s.at = 0, -1
		s.stand(e)
		return block.Between(max(middle, e.Offset), min(middle+s.sector, e.End())), true
	}
}

// stand keeps the pass at e, which changes while it is read.
func (s *planner) stand(e block.Extent) {
	if s.dir > 0 {
		s.pos = e.Offset
	} else {
		s.pos = e.End()
	}
}

// creep returns the next small read of e from its side that is good.
func (s *planner) creep(e block.Extent, dir int) block.Extent {
	begin := e.Offset
	if dir < 0 {
		begin = e.End()
	}
	if s.at != begin {
		s.streak = 0
	}
	s.stand(e)
	n := s.sector
	if s.careful < 0 || begin >= s.careful || dir < 0 {
		n = s.cost.few(s.streak, s.sector)
	}
	if dir > 0 {
		s.at = s.head(e, n, dir).End()
	} else {
		s.at = s.head(e, n, dir).Offset
	}
	return s.head(e, n, dir)
}

// note counts what a small read came to.
func (s *planner) note(e block.Extent, ok bool) {
	if ok {
		s.streak += e.Length
	} else {
		s.streak, s.at = 0, -1
	}
}

// giveUpGaps calls what is left of the gaps not scraped.
func (s *planner) giveUpGaps() {
	for e, ok := s.ahead(0, NonTried); ok; e, ok = s.ahead(e.End(), NonTried) {
		s.set(e, NonScraped)
	}
}
