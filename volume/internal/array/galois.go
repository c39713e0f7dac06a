package array

import "crypto/subtle"

// The field of RAID 6: bytes, added by exclusive or, multiplied modulo x^8 + x^4 + x^3 + x^2 + 1. The generator is 2.
const polynomial = 0x11d

// product returns a times b.
func product(a, b byte) byte {
	var p byte
	for x := int(a); b != 0; b >>= 1 {
		if b&1 != 0 {
			p ^= byte(x)
		}
		if x <<= 1; x&0x100 != 0 {
			x ^= polynomial
		}
	}
	return p
}

// power returns 2 to the n; n is not negative.
func power(n int) byte {
	p := byte(1)
	for range n % 255 {
		p = product(p, 2)
	}
	return p
}

// inverse returns what a, which is not 0, gives 1 with: a to the 254.
func inverse(a byte) byte {
	r, square := byte(1), product(a, a)
	for range 7 {
		r = product(r, square)
		square = product(square, square)
	}
	return r
}

// addProduct adds c times src to dst. Both have one length.
func addProduct(dst, src []byte, c byte) {
	if c == 1 {
		subtle.XORBytes(dst, dst, src)
		return
	}
	var table [256]byte
	for i := range table {
		table[i] = product(c, byte(i))
	}
	for i, b := range src {
		dst[i] ^= table[b]
	}
}

// scale multiplies dst by c.
func scale(dst []byte, c byte) {
	if c == 1 {
		return
	}
	var table [256]byte
	for i := range table {
		table[i] = product(c, byte(i))
	}
	for i, b := range dst {
		dst[i] = table[b]
	}
}
