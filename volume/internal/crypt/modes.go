package crypt

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
)

// decryptBlocks decrypts every block of p by itself.
func decryptBlocks(c cipher.Block, p []byte) {
	for ; len(p) >= blockSize; p = p[blockSize:] {
		c.Decrypt(p[:blockSize], p[:blockSize])
	}
}

type identity struct{}

func (identity) decrypt([]byte, *[blockSize]byte, int) {}

type ecb struct{ data cipher.Block }

func (e *ecb) decrypt(p []byte, _ *[blockSize]byte, _ int) { decryptBlocks(e.data, p) }

// cbc decrypts all blocks first and adds the encrypted ones before them afterwards, which is much faster than one
// after the other.
type cbc struct{ data cipher.Block }

func (c *cbc) decrypt(p []byte, iv *[blockSize]byte, _ int) {
	var before [MaxSector]byte
	copy(before[:], iv[:])
	copy(before[blockSize:], p[:len(p)-blockSize])
	decryptBlocks(c.data, p)
	subtle.XORBytes(p, p, before[:len(p)])
}

// xts has a second key, which makes the vector of a sector to the tweak of its first block; each further block's
// is the one before it, doubled in GF(2^128).
type xts struct{ data, tweak cipher.Block }

func (x *xts) decrypt(p []byte, iv *[blockSize]byte, skip int) {
	var tweaks [MaxSector]byte
	var t [blockSize]byte
	x.tweak.Encrypt(t[:], iv[:])
	low, high := binary.LittleEndian.Uint64(t[:]), binary.LittleEndian.Uint64(t[8:])
	for range skip / blockSize {
		low, high = double(low, high)
	}
	for i := 0; i < len(p); i += blockSize {
		binary.LittleEndian.PutUint64(tweaks[i:], low)
		binary.LittleEndian.PutUint64(tweaks[i+8:], high)
		low, high = double(low, high)
	}
	subtle.XORBytes(p, p, tweaks[:len(p)])
	decryptBlocks(x.data, p)
	subtle.XORBytes(p, p, tweaks[:len(p)])
}

// double multiplies by x modulo x^128 + x^7 + x^2 + x + 1, bit 0 of the low half being the constant term.
func double(low, high uint64) (uint64, uint64) {
	return low<<1 ^ (high>>63)*0x87, high<<1 | low>>63
}

// lrw adds to each block the product of a second key and the number of the block, before and after the cipher.
type lrw struct {
	data cipher.Block
	key  [2]uint64 // most significant half first
}

func (l *lrw) decrypt(p []byte, iv *[blockSize]byte, skip int) {
	var tweaks [MaxSector]byte
	high, low := binary.BigEndian.Uint64(iv[:]), binary.BigEndian.Uint64(iv[8:])
	add := func(n uint64) {
		if low += n; low < n {
			high++
		}
	}
	add(uint64(skip / blockSize))
	for i := 0; i < len(p); i += blockSize {
		h, o := l.times(high, low)
		binary.BigEndian.PutUint64(tweaks[i:], h)
		binary.BigEndian.PutUint64(tweaks[i+8:], o)
		add(1)
	}
	subtle.XORBytes(p, p, tweaks[:len(p)])
	decryptBlocks(l.data, p)
	subtle.XORBytes(p, p, tweaks[:len(p)])
}

// times multiplies the key by a number in GF(2^128).
func (l *lrw) times(high, low uint64) (h, o uint64) {
	kh, kl := l.key[0], l.key[1]
	for i := range 128 {
		bit := low >> i & 1
		if i >= 64 {
			bit = high >> (i - 64) & 1
		}
		h ^= kh & -bit
		o ^= kl & -bit
		kl, kh = double(kl, kh)
	}
	return h, o
}

// elephant is what BitLocker of Windows Vista and 7 does: CBC, then two diffusers over the whole sector, then a
// key of the sector.
type elephant struct {
	cbc
	tweak cipher.Block
	iv    func(*[blockSize]byte, uint64)
}

// decrypt gets the offset of the sector in the place of a vector.
func (e *elephant) decrypt(p []byte, offset *[blockSize]byte, _ int) {
	var iv, key [2 * blockSize]byte
	at := binary.LittleEndian.Uint64(offset[:])
	e.iv((*[blockSize]byte)(iv[:blockSize]), at)
	e.cbc.decrypt(p, (*[blockSize]byte)(iv[:blockSize]), 0)
	diffuse(p)
	e.tweak.Encrypt(key[:blockSize], offset[:])
	second := *offset
	second[15] = 0x80
	e.tweak.Encrypt(key[blockSize:], second[:])
	for q := p; len(q) > 0; q = q[len(key):] {
		subtle.XORBytes(q, q[:len(key)], key[:])
	}
}

// diffuse undoes diffuser B, then diffuser A. Both walk over the sector as a ring of 32-bit words.
func diffuse(p []byte) {
	var words [MaxSector / 4]uint32
	d := words[:len(p)/4]
	for i := range d {
		d[i] = binary.LittleEndian.Uint32(p[4*i:])
	}
	mask := len(d) - 1 // the size of a sector is a power of two
	for range 3 {
		for i := 0; i < len(d); i += 4 {
			d[i] += d[(i+2)&mask] ^ d[(i+5)&mask]
			d[i+1] += d[(i+3)&mask] ^ rotate(d[(i+6)&mask], 10)
			d[i+2] += d[(i+4)&mask] ^ d[(i+7)&mask]
			d[i+3] += d[(i+5)&mask] ^ rotate(d[(i+8)&mask], 25)
		}
	}
	for range 5 {
		for i := 0; i < len(d); i += 4 {
			d[i] += d[(i-2)&mask] ^ rotate(d[(i-5)&mask], 9)
			d[i+1] += d[(i-1)&mask] ^ d[(i-4)&mask]
			d[i+2] += d[i&mask] ^ rotate(d[(i-3)&mask], 13)
			d[i+3] += d[(i+1)&mask] ^ d[(i-2)&mask]
		}
	}
	for i, w := range d {
		binary.LittleEndian.PutUint32(p[4*i:], w)
	}
}

func rotate(v uint32, n int) uint32 { return v<<n | v>>(32-n) }
