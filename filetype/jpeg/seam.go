package jpeg

import "slices"

// seam compares the brightness of each block with that of the block above. In a picture both are nearly alike; where
// the data of another picture goes on in the middle, they are not. Only the row behind the place where a scout was
// told to go on is looked at: further on, the other picture is compared with itself.
type seam struct {
	above []int32 // the last value of each column of blocks of the first component
	value int32   // of the current block
	sum   int64   // differences of this row
	n     int64
	usual int64 // the mean difference of the rows so far, times 256; 0 while unknown
	rows  int
	watch int64 // differences that are still to be looked at
	found int64 // their sum so far
	seen  int64
}

const (
	// seamLeast is how many blocks must be compared, and seamMost how many are.
	seamLeast, seamMost = 96, 512
	// seamTimes is how many times the usual difference is no more the same picture; seamFree is allowed in any case.
	seamTimes, seamFree = 4, 80
)

// copied returns a seam of its own for a mark.
func (s *seam) copied() *seam {
	if s == nil {
		return nil
	}
	c := *s
	c.above = slices.Clone(s.above)
	c.watch = 0
	return &c
}

// resumed returns a seam that watches what comes.
func (s *seam) resumed() *seam {
	c := s.copied()
	if c != nil && c.rows > 1 {
		c.watch, c.found, c.seen = seamMost, 0, 0
	}
	return c
}

// see takes the value of a block in column x of row y.
func (s *seam) see(x, y int) {
	if x >= len(s.above) {
		return
	}
	d := int64(s.value) - int64(s.above[x])
	s.above[x] = s.value
	if y == 0 {
		return
	}
	d = max(d, -d)
	s.sum += d
	s.n++
	if s.watch > 0 {
		s.watch--
		s.found += d
		s.seen++
	}
}

// foreign reports whether what was watched is not the picture that it was.
func (s *seam) foreign() bool {
	return s.watch > 0 && s.seen >= seamLeast && s.found*256 > s.seen*(s.usual*seamTimes+seamFree*256)
}

// endRow takes the row into the mean.
func (s *seam) endRow() {
	if s.n == 0 {
		return
	}
	mean := s.sum * 256 / s.n
	if s.usual == 0 {
		s.usual = mean
	}
	s.usual = (s.usual*7 + mean) / 8
	s.sum, s.n = 0, 0
	s.rows++
}
