package media

// Sum16 computes a check of 16 bits, eight bytes at a step.
type Sum16 struct {
	reflected bool
	table     [8][256]uint16
}

// NewSum16 returns the check with that polynomial, given with the highest power first and without x^16. A reflected
// one takes the lowest bit of each byte first.
func NewSum16(polynomial uint16, reflected bool) *Sum16 {
	s := &Sum16{reflected: reflected}
	mirror := uint16(0)
	for i := range 16 {
		mirror |= polynomial >> i & 1 << (15 - i)
	}
	for i := range 256 {
		c := uint16(i)
		if !reflected {
			c <<= 8
		}
		for range 8 {
			switch {
			case reflected && c&1 != 0:
				c = c>>1 ^ mirror
			case reflected:
				c >>= 1
			case c&0x8000 != 0:
				c = c<<1 ^ polynomial
			default:
				c <<= 1
			}
		}
		s.table[0][i] = c
	}
	for k := 1; k < 8; k++ {
		for i := range 256 {
			s.table[k][i] = s.step(s.table[k-1][i], 0)
		}
	}
	return s
}

func (s *Sum16) step(c uint16, b byte) uint16 {
	if s.reflected {
		return c>>8 ^ s.table[0][byte(c)^b]
	}
	return c<<8 ^ s.table[0][byte(c>>8)^b]
}

// Update adds p to the check c.
func (s *Sum16) Update(c uint16, p []byte) uint16 {
	t := &s.table
	for len(p) >= 8 {
		first, second := p[0]^byte(c>>8), p[1]^byte(c)
		if s.reflected {
			first, second = p[0]^byte(c), p[1]^byte(c>>8)
		}
		c = t[7][first] ^ t[6][second] ^ t[5][p[2]] ^ t[4][p[3]] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]]
		p = p[8:]
	}
	for _, b := range p {
		c = s.step(c, b)
	}
	return c
}
