package mp4

import (
	"encoding/binary"
	"math/bits"
)

// sound watches how the frames of AAC end: with an element of three ones, and zeros that fill up the byte. One frame in
// four of any other bytes ends so by chance.
type sound struct {
	seen int   // frames at the beginning that end so
	none bool  // the frames are not of a kind that ends so
	odd  int   // grows with frames that end otherwise
	from int64 // the first of them
}

const (
	// soundSure is how many frames must end so before the others are expected to.
	soundSure = 24
	// oddStep and oddMost make a few odd frames among many pass: the data of others has three of four.
	oddStep, oddMost = 4, 24
)

// see takes the last two bytes of the frame at off. It reports false, with the first odd frame, where the frames are
// no longer those of AAC.
func (s *sound) see(off int64, tail []byte) (int64, bool) {
	v := binary.BigEndian.Uint16(tail)
	fill := bits.TrailingZeros16(v)
	ends := fill < 8 && v>>fill&7 == 7
	switch {
	case s.none:
	case s.seen < soundSure:
		s.none = !ends
		s.seen++
	case ends:
		s.odd = max(s.odd-1, 0)
	default:
		if s.odd == 0 {
			s.from = off
		}
		if s.odd += oddStep; s.odd >= oddMost {
			return s.from, false
		}
	}
	return 0, true
}
