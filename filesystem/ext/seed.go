package ext

import "encoding/binary"

// unseeder finds out with which value a checksum was started. Checksums of directory blocks and extent nodes
// start with a value made of the number and the generation of their inode, so that each such block tells,
// by itself, whose it was. The checksum is linear: what it makes of the data alone is taken away, and
// the rest is the starting value, moved by the length of the data, which can be moved back.
type unseeder struct {
	length int
	rows   [32]uint32 // what a single bit comes from
}

var castagnoliTable, castagnoliIndex = func() (t [256]uint32, back [256]byte) {
	for i := range t {
		v := uint32(i)
		for range 8 {
			if v&1 != 0 {
				v = v>>1 ^ 0x82F63B78
			} else {
				v >>= 1
			}
		}
		t[i] = v
		back[v>>24] = byte(i)
	}
	return t, back
}()

// newUnseeder is for data of length bytes.
func newUnseeder(length int) *unseeder {
	u := &unseeder{length: length}
	for i := range u.rows {
		v := uint32(1) << i
		for range length {
			at := castagnoliIndex[v>>24]
			v = (v^castagnoliTable[at])<<8 | uint32(at)
		}
		u.rows[i] = v
	}
	return u
}

// seed returns the value that the checksum sum of b, which has the length that u is for, was started with.
func (u *unseeder) seed(b []byte, sum uint32) uint32 {
	v := sum ^ crc32c(0, b[:u.length])
	out := uint32(0)
	for i := 0; v != 0; i, v = i+1, v>>1 {
		if v&1 != 0 {
			out ^= u.rows[i]
		}
	}
	return out
}

// leafSeed returns the value that the checksum of a directory block was started with; false where the block has none.
func (u *unseeder) leafSeed(b []byte) (uint32, bool) {
	t := b[len(b)-tailSize:]
	le := binary.LittleEndian
	if le.Uint32(t) != 0 || le.Uint16(t[4:]) != tailSize || t[6] != 0 || t[7] != tailType || u.length != len(b)-tailSize {
		return 0, false
	}
	return u.seed(b, le.Uint32(t[8:])), true
}
