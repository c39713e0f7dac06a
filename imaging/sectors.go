package imaging

import "salvor/block"

// trim reads the failed blocks sector by sector from both edges to the first one that fails. What lies between is
// called not scraped.
func (s *planner) trim() (block.Extent, bool) {
	for {
		e, ok := s.found(NonTrimmed)
		if !ok {
			return e, false
		}
		s.stand(e)
		for _, dir := range [...]int{s.dir, -s.dir} {
			if s.quick && !s.good(e, -dir) || s.isBad(e, -dir) {
				continue
			}
			return s.head(e, s.sector, dir), true
		}
		if s.quick {
			s.leave(e) // what else it holds comes when all else is safe
			continue
		}
		s.set(e, NonScraped)
	}
}

// good reports whether the sector before e (side < 0) or behind it was read, or is none.
func (s *planner) good(e block.Extent, side int) bool {
	at := e.Offset - 1
	if side > 0 {
		at = e.End()
	}
	st, run := s.m.At(at)
	return st == Finished || run.Length == 0
}

// isBad reports whether the sector before e (side < 0) or behind it is bad.
func (s *planner) isBad(e block.Extent, side int) bool {
	at := e.Offset - 1
	if side > 0 {
		at = e.End()
	}
	st, _ := s.m.At(at)
	return st == BadSector
}

// scrape reads what is left sector by sector; several at once where many were good in a row.
func (s *planner) scrape() (block.Extent, bool) {
	e, ok := s.found(NonScraped)
	if !ok {
		return e, false
	}
	return s.creep(e, s.dir), true
}

// retry reads each bad sector once.
func (s *planner) retry() (block.Extent, bool) {
	e, ok := s.found(BadSector)
	if !ok {
		return e, false
	}
	e = s.head(e, s.sector, s.dir)
	s.stand(e)
	return e, true
}
