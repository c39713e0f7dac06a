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

// Sum32 computes a check of 32 bits that takes the highest bit of each byte first, eight bytes at a step.
type Sum32 [8][256]uint32

// NewSum32 returns the check with that polynomial, given with the highest power first and without x^32.
func NewSum32(polynomial uint32) *Sum32 {
	t := &Sum32{}
	for i := range 256 {
		c := uint32(i) << 24
		for range 8 {
			if c&(1<<31) != 0 {
				c = c<<1 ^ polynomial
			} else {
				c <<= 1
			}
		}
		t[0][i] = c
	}
	for k := 1; k < 8; k++ {
		for i := range 256 {
			c := t[k-1][i]
			t[k][i] = c<<8 ^ t[0][c>>24]
		}
	}
	return t
}

// Update adds p to the check c.
func (t *Sum32) Update(c uint32, p []byte) uint32 {
	for len(p) >= 8 {
		c ^= uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])
		c = t[7][c>>24] ^ t[6][c>>16&0xFF] ^ t[5][c>>8&0xFF] ^ t[4][c&0xFF] ^ t[3][p[4]] ^ t[2][p[5]] ^ t[1][p[6]] ^ t[0][p[7]]
		p = p[8:]
	}
	for _, b := range p {
		c = c<<8 ^ t[0][byte(c>>24)^b]
	}
	return c
}
