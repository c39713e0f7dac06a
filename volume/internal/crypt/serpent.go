package crypt

import (
	"crypto/cipher"
	"encoding/binary"
	"errors"
)

const serpentRounds = 32

// serpent is the cipher in its bit-sliced form: the bits of 32 nibbles stand in four words, the S-boxes are their
// algebraic normal forms.
type serpent struct {
	keys [serpentRounds + 1][4]uint32
}

func newSerpent(key []byte) (cipher.Block, error) {
	if len(key) != 16 && len(key) != 24 && len(key) != 32 {
		return nil, errors.New("crypt: a key of another length")
	}
	// A short key is filled up with one bit and zeros.
	var full [32]byte
	if copy(full[:], key) < len(full) {
		full[len(key)] = 1
	}
	defer clear(full[:])
	var w [8 + 4*(serpentRounds+1)]uint32
	for i := range 8 {
		w[i] = binary.LittleEndian.Uint32(full[4*i:])
	}
	for i := 8; i < len(w); i++ {
		w[i] = rotate(w[i-8]^w[i-5]^w[i-3]^w[i-1]^0x9e3779b9^uint32(i-8), 11)
	}
	s := &serpent{}
	for i := range s.keys {
		k := w[8+4*i:]
		s.keys[i][0], s.keys[i][1], s.keys[i][2], s.keys[i][3] = substitute((serpentRounds+3-i)%8, k[0], k[1], k[2], k[3])
	}
	clear(w[:])
	return s, nil
}

func (s *serpent) BlockSize() int { return blockSize }

func (s *serpent) Encrypt(dst, src []byte) {
	a, b, c, d := load(src)
	for i := range serpentRounds {
		k := &s.keys[i]
		a, b, c, d = substitute(i%8, a^k[0], b^k[1], c^k[2], d^k[3])
		if i == serpentRounds-1 {
			break
		}
		a, c = rotate(a, 13), rotate(c, 3)
		b, d = b^a^c, d^c^a<<3
		b, d = rotate(b, 1), rotate(d, 7)
		a, c = a^b^d, c^d^b<<7
		a, c = rotate(a, 5), rotate(c, 22)
	}
	k := &s.keys[serpentRounds]
	store(dst, a^k[0], b^k[1], c^k[2], d^k[3])
}

func (s *serpent) Decrypt(dst, src []byte) {
	a, b, c, d := load(src)
	k := &s.keys[serpentRounds]
	a, b, c, d = a^k[0], b^k[1], c^k[2], d^k[3]
	for i := serpentRounds - 1; i >= 0; i-- {
		if i < serpentRounds-1 {
			a, c = rotate(a, 32-5), rotate(c, 32-22)
			a, c = a^b^d, c^d^b<<7
			b, d = rotate(b, 32-1), rotate(d, 32-7)
			b, d = b^a^c, d^c^a<<3
			a, c = rotate(a, 32-13), rotate(c, 32-3)
		}
		a, b, c, d = restore(i%8, a, b, c, d)
		k := &s.keys[i]
		a, b, c, d = a^k[0], b^k[1], c^k[2], d^k[3]
	}
	store(dst, a, b, c, d)
}

func load(p []byte) (a, b, c, d uint32) {
	_ = p[15]
	return binary.LittleEndian.Uint32(p), binary.LittleEndian.Uint32(p[4:]), binary.LittleEndian.Uint32(p[8:]), binary.LittleEndian.Uint32(p[12:])
}

func store(p []byte, a, b, c, d uint32) {
	_ = p[15]
	binary.LittleEndian.PutUint32(p, a)
	binary.LittleEndian.PutUint32(p[4:], b)
	binary.LittleEndian.PutUint32(p[8:], c)
	binary.LittleEndian.PutUint32(p[12:], d)
}

// restore applies the inverse of S-box n to 32 nibbles, whose bits stand in four words.
func restore(n int, a, b, c, d uint32) (w, x, y, z uint32) {
	ab, ac, ad, bc, bd, cd := a&b, a&c, a&d, b&c, b&d, c&d
	abc, abd, acd, bcd := ab&c, ab&d, ac&d, bc&d
	switch n {
	case 0:
		w = ^(ab ^ c ^ bc ^ ad ^ bd ^ abd ^ cd ^ acd ^ bcd)
		x = a ^ b ^ c ^ ac ^ bd ^ acd ^ bcd
		y = ^(a ^ b ^ ab ^ c ^ d)
		z = ^(a ^ bc ^ d ^ abd ^ cd ^ acd ^ bcd)
	case 1:
		w = ^(a ^ b ^ ab ^ abc ^ bd ^ acd ^ bcd)
		x = b ^ c ^ abc ^ d ^ ad ^ bd ^ acd ^ bcd
		y = ^(a ^ b ^ ac ^ bc ^ abc ^ d ^ acd)
		z = a ^ c ^ d ^ bd
	case 2:
		w = a ^ b ^ c ^ bc ^ bd
		x = b ^ ab ^ c ^ ad ^ abd ^ cd ^ acd
		y = ^(a ^ ab ^ c ^ d ^ ad ^ bd ^ abd ^ acd)
		z = ^(ab ^ bc ^ abc ^ d ^ acd)
	case 3:
		w = a ^ c ^ bc ^ d ^ ad ^ bd ^ bcd
		x = b ^ c ^ bc ^ abc ^ d ^ ad ^ acd ^ bcd
		y = ab ^ ac ^ bc ^ ad ^ bd ^ abd ^ cd ^ acd
		z = a ^ b ^ c ^ ac ^ abc ^ ad ^ abd ^ cd
	case 4:
		w = ^(a ^ b ^ c ^ d ^ ad ^ abd ^ cd ^ acd)
		x = ab ^ c ^ ac ^ d ^ ad ^ acd
		y = ^(a ^ b ^ ab ^ c ^ ac ^ abc ^ d ^ bd ^ abd)
		z = b ^ ab ^ c ^ ad ^ abd ^ cd
	case 5:
		w = a ^ bc ^ d ^ abd
		x = a ^ b ^ ac ^ bc ^ abc ^ d ^ ad ^ abd
		y = a ^ ab ^ c ^ bd ^ abd ^ acd
		z = ^(b ^ ab ^ c ^ abc ^ ad)
	case 6:
		w = ^(a ^ ab ^ ac ^ bc ^ abc ^ d ^ abd ^ bcd)
		x = ^(b ^ c ^ ac ^ d)
		y = ^(a ^ b ^ bc ^ bd ^ abd ^ cd ^ bcd)
		z = ^(b ^ ab ^ c ^ bc ^ abc ^ d ^ ad ^ abd ^ cd ^ bcd)
	default:
		w = ^(a ^ b ^ bc ^ bd ^ abd ^ cd ^ bcd)
		x = ^(a ^ c ^ bc ^ d ^ ad ^ bd ^ acd ^ bcd)
		y = b ^ ac ^ d ^ abd ^ cd ^ acd
		z = ab ^ c ^ abc ^ ad ^ bd ^ abd
	}
	return w, x, y, z
}

// substitute applies S-box n to 32 nibbles, whose bits stand in four words.
func substitute(n int, a, b, c, d uint32) (w, x, y, z uint32) {
	ab, ac, ad, bc, bd, cd := a&b, a&c, a&d, b&c, b&d, c&d
	abc, abd, acd, bcd := ab&c, ab&d, ac&d, bc&d
	switch n {
	case 0:
		w = ^(a ^ ab ^ c ^ ac ^ bc ^ abc ^ d ^ acd ^ bcd)
		x = ^(a ^ ac ^ bc ^ abc ^ bd ^ acd ^ bcd)
		y = b ^ ab ^ ac ^ abc ^ d ^ bd ^ bcd
		z = a ^ b ^ c ^ d ^ ad
	case 1:
		w = ^(a ^ b ^ bc ^ ad ^ cd ^ acd ^ bcd)
		x = ^(a ^ ab ^ c ^ ac ^ d ^ bd ^ abd ^ acd ^ bcd)
		y = ^(b ^ ab ^ c ^ d)
		z = ^(b ^ ac ^ d ^ ad ^ abd ^ acd ^ bcd)
	case 2:
		w = b ^ c ^ ac ^ d
		x = a ^ b ^ c ^ bc ^ abc ^ ad ^ abd ^ cd ^ acd
		y = a ^ b ^ bc ^ d ^ bd ^ abd ^ cd ^ acd
		z = ^(a ^ b ^ c ^ abc ^ bd)
	case 3:
		w = a ^ b ^ bc ^ d ^ ad ^ cd ^ acd ^ bcd
		x = a ^ b ^ ac ^ ad ^ abd ^ cd ^ acd
		y = a ^ ab ^ c ^ abc ^ d ^ bd ^ abd
		z = a ^ b ^ ab ^ c ^ ac ^ abc ^ d ^ cd ^ acd
	case 4:
		w = ^(b ^ ab ^ c ^ d ^ ad ^ bd)
		x = a ^ ac ^ bc ^ d ^ bd ^ cd ^ acd ^ bcd
		y = a ^ ab ^ c ^ bc ^ abc ^ bd ^ abd ^ cd ^ bcd
		z = a ^ b ^ c ^ bc ^ ad ^ bd ^ abd
	case 5:
		w = ^(b ^ ab ^ c ^ d ^ ad ^ bd)
		x = ^(a ^ ab ^ c ^ d ^ bd ^ abd ^ cd)
		y = ^(b ^ ac ^ d ^ abd ^ cd ^ acd ^ bcd)
		z = ^(a ^ b ^ c ^ abc ^ d ^ ad ^ acd)
	case 6:
		w = ^(a ^ b ^ c ^ ac ^ bc ^ abc ^ d ^ abd ^ bcd)
		x = ^(b ^ c ^ ad)
		y = ^(a ^ ab ^ c ^ bc ^ abc ^ bd ^ abd ^ cd ^ bcd)
		z = b ^ ab ^ c ^ ac ^ abc ^ d ^ cd ^ bcd
	default:
		w = ^(ab ^ c ^ ad ^ bd ^ cd ^ acd ^ bcd)
		x = b ^ ab ^ c ^ ac ^ bc ^ d ^ ad ^ abd ^ acd
		y = a ^ b ^ c ^ abc ^ d ^ ad ^ bd ^ abd ^ bcd
		z = a ^ b ^ c ^ ac ^ abc ^ ad
	}
	return w, x, y, z
}
