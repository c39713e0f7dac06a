package crypt

import (
	"encoding/binary"
	"hash"
	"sync"
)

const (
	whirlpoolBlock  = 64
	whirlpoolRounds = 10
)

// whirlpool is the hash of ISO/IEC 10118-3:2004, which cryptsetup offers beside the SHA family. Its state is a
// matrix of 8 by 8 bytes, a row a word.
type whirlpool struct {
	state  [8]uint64
	buffer [whirlpoolBlock]byte
	filled int
	length uint64 // bytes; 2^61 of them are not reached
}

func newWhirlpool() hash.Hash { return &whirlpool{} }

// whirlpoolTables are made once: the S-box and the multiplication by the first row of the diffusion matrix.
var whirlpoolTables = sync.OnceValue(func() *whirlpoolTable {
	// The S-box is built of three boxes for nibbles: E, its inverse, and R.
	e := [16]byte{0x1, 0xb, 0x9, 0xc, 0xd, 0x6, 0xf, 0x3, 0xe, 0x8, 0x7, 0x4, 0xa, 0x2, 0x5, 0x0}
	r := [16]byte{0x7, 0xc, 0xb, 0xd, 0xe, 0x4, 0x9, 0xf, 0x6, 0x3, 0x8, 0xa, 0x2, 0x5, 0x1, 0x0}
	var inverse [16]byte
	for i, v := range e {
		inverse[v] = byte(i)
	}
	t := &whirlpoolTable{}
	for x := range 256 {
		u, l := e[x>>4], inverse[x&15]
		m := r[u^l]
		s := e[u^m]<<4 | inverse[l^m]
		t.box[x] = s
		var row uint64
		for _, factor := range []byte{1, 1, 4, 1, 8, 5, 2, 9} {
			row = row<<8 | uint64(whirlpoolTimes(s, factor))
		}
		for i := range t.rows {
			t.rows[i][x] = row>>(8*i) | row<<(64-8*i)
		}
	}
	for i := range t.rounds {
		t.rounds[i] = binary.BigEndian.Uint64(t.box[8*i:])
	}
	return t
})

type whirlpoolTable struct {
	box    [256]byte
	rows   [8][256]uint64
	rounds [whirlpoolRounds]uint64
}

// whirlpoolTimes multiplies modulo x^8 + x^4 + x^3 + x^2 + 1.
func whirlpoolTimes(a, b byte) (p byte) {
	for ; b > 0; b >>= 1 {
		p ^= a * (b & 1)
		a = a<<1 ^ a>>7*0x1d
	}
	return p
}

// turn is one round without its key.
func (t *whirlpoolTable) turn(in *[8]uint64) (out [8]uint64) {
	for i := range out {
		for j := range t.rows {
			out[i] ^= t.rows[j][byte(in[(i-j)&7]>>(56-8*j))]
		}
	}
	return out
}

func (w *whirlpool) compress(p []byte) {
	t := whirlpoolTables()
	key, state := w.state, w.state
	for i := range state {
		v := binary.BigEndian.Uint64(p[8*i:])
		state[i] ^= v
		w.state[i] ^= v
	}
	for _, c := range t.rounds {
		key = t.turn(&key)
		key[0] ^= c
		state = t.turn(&state)
		for i := range state {
			state[i] ^= key[i]
		}
	}
	for i := range state {
		w.state[i] ^= state[i]
	}
}

func (w *whirlpool) Write(p []byte) (int, error) {
	n := len(p)
	w.length += uint64(n)
	for len(p) > 0 {
		m := copy(w.buffer[w.filled:], p)
		p = p[m:]
		if w.filled += m; w.filled == whirlpoolBlock {
			w.compress(w.buffer[:])
			w.filled = 0
		}
	}
	return n, nil
}

func (w *whirlpool) Sum(b []byte) []byte {
	c := *w
	// One bit, zeros, and the length in bits as a number of 256 bits that ends with a block.
	pad := whirlpoolBlock - c.filled
	if pad < 1+32 {
		pad += whirlpoolBlock
	}
	tail := make([]byte, pad)
	tail[0] = 0x80
	binary.BigEndian.PutUint64(tail[pad-8:], c.length*8)
	_, _ = c.Write(tail)
	for _, v := range c.state {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	return b
}

func (w *whirlpool) Reset()         { *w = whirlpool{} }
func (w *whirlpool) Size() int      { return whirlpoolBlock }
func (w *whirlpool) BlockSize() int { return whirlpoolBlock }
