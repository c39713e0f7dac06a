package sweep

import (
	"fmt"
	"slices"
	"sort"

	"salvor/block"
	"salvor/block/probe"
)

// Sweep looks for the probes of a Matcher on one medium. Its methods must not run at the same time.
type Sweep struct {
	m    *Matcher
	size int64
	emit func(probe.Hit)
	runs []run // apart, by start
	join []byte
}

// run is a range of observed bytes without a gap. first and last are its outermost bytes, as many as
// a pattern across its border can reach in.
type run struct {
	start, end  int64
	first, last []byte
}

// NewSweep returns a Sweep over a medium of size bytes. It gives each hit to emit, from inside of Observe.
func (m *Matcher) NewSweep(size int64, emit func(probe.Hit)) *Sweep {
	return &Sweep{m: m, size: size, emit: emit}
}

// reach is how far a pattern that stands across a border reaches to one side of it.
func (s *Sweep) reach() int { return max(s.m.longest-1, 0) }

// Resume tells that the bytes of have were observed in an earlier run, whose hits are kept. It reads the
// bytes at their borders from src, the copy, so that patterns across them are found. It is called before
// the first Observe.
func (s *Sweep) Resume(have block.Set, src block.Source) error {
	reach := int64(s.reach())
	for e := range have.All() {
		r := run{start: e.Offset, end: e.End()}
		for _, side := range []struct {
			to *[]byte
			at block.Extent
		}{
			{&r.first, block.Extent{Offset: e.Offset, Length: min(reach, e.Length)}},
			{&r.last, block.Between(max(e.Offset, e.End()-reach), e.End())},
		} {
			p := make([]byte, side.at.Length)
			if n, err := src.ReadAt(p, side.at.Offset); n < len(p) {
				return fmt.Errorf("sweep: the border %v of what was read earlier: %w", side.at, err)
			}
			*side.to = p
		}
		s.runs = append(s.runs, r)
	}
	return nil
}

// Observe searches p, the bytes of e on the medium. Extents come in any order; each byte comes once; a byte
// that comes again is not searched again. p is not kept.
func (s *Sweep) Observe(e block.Extent, p []byte) {
	e = block.Extent{Offset: e.Offset, Length: min(e.Length, int64(len(p)))}
	if e.Offset < 0 || e.Length <= 0 {
		return
	}
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].end > e.Offset })
	for e.Length > 0 {
		next := e.End()
		if i < len(s.runs) {
			next = min(next, s.runs[i].start)
		}
		if fresh := block.Between(e.Offset, next); fresh.Length > 0 {
			i = s.observe(i, fresh, p[:fresh.Length])
		}
		if i >= len(s.runs) || s.runs[i].end >= e.End() {
			return
		}
		// The rest lies behind the run that is already known.
		skip := s.runs[i].end - e.Offset
		e, p = block.Between(e.Offset+skip, e.End()), p[skip:]
		i++
	}
}

// observe searches e, which no run holds; i is the index of the first run behind it. It returns the index
// of the run that e is part of afterwards.
func (s *Sweep) observe(i int, e block.Extent, p []byte) int {
	reach := s.reach()
	s.m.search(p, e.Offset, func(probe, at int) { s.tell(probe, e.Offset+int64(at)) })
	r := run{start: e.Offset, end: e.End()}
	if i > 0 && s.runs[i-1].end == e.Offset {
		i--
		left := s.runs[i]
		s.across(left.last, p[:min(reach, len(p))], e.Offset)
		r.start, r.first = left.start, left.first
		if len(r.first) < reach {
			r.first = append(r.first, p[:min(reach-len(r.first), len(p))]...)
		}
		r.last = append(left.last, tail(p, reach)...)
		s.runs = slices.Delete(s.runs, i, i+1)
	} else {
		r.first = slices.Clone(p[:min(reach, len(p))])
		r.last = slices.Clone(tail(p, reach))
	}
	r.last = append(r.last[:0], tail(r.last, reach)...)
	if i < len(s.runs) && s.runs[i].start == r.end {
		right := s.runs[i]
		s.across(r.last, right.first, r.end)
		if len(r.first) < reach {
			r.first = append(r.first, right.first[:min(reach-len(r.first), len(right.first))]...)
		}
		r.last = tail(append(r.last, right.last...), reach)
		r.end = right.end
		s.runs[i] = r
		return i
	}
	s.runs = slices.Insert(s.runs, i, r)
	return i
}

// across tells the matches that begin in left and end in right, which meet at border.
func (s *Sweep) across(left, right []byte, border int64) {
	s.join = append(append(s.join[:0], left...), right...)
	base := border - int64(len(left))
	s.m.search(s.join, base, func(probe, at int) {
		if at < len(left) && at+len(s.m.probes[probe].Bytes) > len(left) {
			s.tell(probe, base+int64(at))
		}
	})
}

func (s *Sweep) tell(i int, at int64) {
	p := &s.m.probes[i]
	s.emit(probe.Hit{ID: p.ID, Offset: at - p.At})
}

// Observed returns the bytes that were observed so far, those of an earlier run included.
func (s *Sweep) Observed() block.Set {
	var o block.Set
	for _, r := range s.runs {
		o.Add(block.Between(r.start, r.end))
	}
	return o
}

// tail returns the last n bytes of p, or all.
func tail(p []byte, n int) []byte { return p[max(0, len(p)-n):] }
