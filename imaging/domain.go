package imaging

import (
	"iter"
	"sort"

	"salvor/block"
)

// domain is what may be read: extents in order, whole sectors.
type domain struct{ e []block.Extent }

func domainOf(s *block.Set, size, sector int64) domain {
	if s == nil {
		return domain{[]block.Extent{{Length: size}}}
	}
	var whole block.Set
	for e := range s.All() {
		e = e.Intersect(block.Extent{Length: size})
		if e.Length > 0 {
			whole.Add(block.Between(e.Offset/sector*sector, min(size, (e.End()+sector-1)/sector*sector)))
		}
	}
	return domain{whole.Extents()}
}

func (d *domain) remove(s block.Set) {
	if !s.Empty() {
		d.e = block.SetOf(d.e...).Subtract(s).Extents()
	}
}

// from returns the index of the first extent that ends behind at.
func (d domain) from(at int64) int {
	return sort.Search(len(d.e), func(i int) bool { return d.e[i].End() > at })
}

// up returns the first place at or behind at that is in d, false when there is none.
func (d domain) up(at int64) (int64, bool) {
	i := d.from(at)
	if i == len(d.e) {
		return 0, false
	}
	return max(at, d.e[i].Offset), true
}

// down returns the last place at or before at that the end of a byte in d touches.
func (d domain) down(at int64) (int64, bool) {
	i := d.from(at - 1)
	switch {
	case i < len(d.e) && d.e[i].Offset < at:
		return at, true
	case i > 0:
		return d.e[i-1].End(), true
	}
	return 0, false
}

// first returns the first stretch of d inside of e.
func (d domain) first(e block.Extent) block.Extent {
	if i := d.from(e.Offset); i < len(d.e) {
		return d.e[i].Intersect(e)
	}
	return block.Extent{}
}

// last returns the last stretch of d inside of e.
func (d domain) last(e block.Extent) block.Extent {
	i := d.from(e.End() - 1)
	if i < len(d.e) && d.e[i].Offset < e.End() {
		return d.e[i].Intersect(e)
	}
	if i > 0 {
		return d.e[i-1].Intersect(e)
	}
	return block.Extent{}
}

// within yields the stretches of d inside of e.
func (d domain) within(e block.Extent) iter.Seq[block.Extent] {
	return func(yield func(block.Extent) bool) {
		for i := d.from(e.Offset); i < len(d.e) && d.e[i].Offset < e.End(); i++ {
			if !yield(d.e[i].Intersect(e)) {
				return
			}
		}
	}
}

// ahead returns the first stretch in state st at or behind at that may be read.
func (s *planner) ahead(at int64, st Status) (block.Extent, bool) {
	for at < s.m.Size() {
		var ok bool
		if at, ok = s.in.up(at); !ok {
			break
		}
		is, run := s.m.At(at)
		if is == st {
			return s.in.first(block.Between(at, run.End())), true
		}
		at = run.End()
	}
	return block.Extent{}, false
}

// behind returns the last stretch in state st before at that may be read.
func (s *planner) behind(at int64, st Status) (block.Extent, bool) {
	for at > 0 {
		var ok bool
		if at, ok = s.in.down(at); !ok {
			break
		}
		is, run := s.m.At(at - 1)
		if is == st {
			return s.in.last(block.Between(run.Offset, at)), true
		}
		at = run.Offset
	}
	return block.Extent{}, false
}

// found returns the next stretch in state st in the direction of the pass.
func (s *planner) found(st Status) (block.Extent, bool) {
	if s.dir > 0 {
		return s.ahead(s.pos, st)
	}
	return s.behind(s.pos, st)
}

func (s *planner) any(st Status) bool {
	_, ok := s.ahead(0, st)
	return ok
}

// broken reports whether what lies before e (side < 0) or behind it failed: the byte next to it or, where that may not be
// read now, the first one within the least skip that was tried.
func (s *planner) broken(e block.Extent, side int) bool {
	at := e.Offset - 1
	if side > 0 {
		at = e.End()
	}
	st, run := s.m.At(at)
	if in, ok := s.in.up(at); st == NonTried && run.Length > 0 && (!ok || in != at) {
		switch {
		case side < 0 && e.Offset-run.Offset < firstSkip:
			st, _ = s.m.At(run.Offset - 1)
		case side > 0 && run.End()-e.End() < firstSkip:
			st, _ = s.m.At(run.End())
		}
	}
	return st == NonTrimmed || st == NonScraped || st == BadSector
}

// largestGap returns the size of the largest stretch that was not tried.
func (s *planner) largestGap() int64 {
	n := int64(0)
	for e, ok := s.ahead(0, NonTried); ok; e, ok = s.ahead(e.End(), NonTried) {
		n = max(n, e.Length)
	}
	return n
}
