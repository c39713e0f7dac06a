package wincompress

import (
	"encoding/binary"
	"fmt"
)

func corrupt(what string) error { return fmt.Errorf("%w: %s", ErrCorrupt, what) }

// words reads bits from little-endian words of 16 bits, the high bit first. Behind the end it reads zeros and
// counts how far.
type words struct {
	b    []byte
	at   int
	bits uint32 // the next ones at the top
	have int
	over int // words that were read behind the end
}

// fill makes at least 16 bits ready.
func (w *words) fill() {
	if w.have >= 16 {
		return
	}
	v := uint32(0)
	if w.at+2 <= len(w.b) {
		v = uint32(binary.LittleEndian.Uint16(w.b[w.at:]))
	} else {
		w.over++
	}
	w.at += 2
	w.bits |= v << (16 - w.have)
	w.have += 16
}

// read returns the next n bits, at most 17.
func (w *words) read(n int) uint32 {
	if n == 0 {
		return 0
	}
	w.fill()
	if n > 16 {
		high := w.read(n - 16)
		return high<<16 | w.read(16)
	}
	v := w.bits >> (32 - n)
	w.bits <<= n
	w.have -= n
	return v
}

// code is a canonical Huffman code of lengths up to maxBits, with its decoding table.
type code struct {
	maxBits int
	table   []uint16 // symbol<<5 | length for each sequence of maxBits bits
}

// build makes the table of a code. A code that is not complete is an error, but for one that is empty.
func (c *code) build(lengths []byte, maxBits int) error {
	c.maxBits = maxBits
	if cap(c.table) < 1<<maxBits {
		c.table = make([]uint16, 1<<maxBits)
	}
	c.table = c.table[:1<<maxBits]
	var count [17]int
	for _, n := range lengths {
		if int(n) > maxBits {
			return corrupt("a code that is too long")
		}
		count[n]++
	}
	if count[0] == len(lengths) {
		clear(c.table)
		return nil
	}
	left := 1 << maxBits
	var next [17]int
	at := 0
	for n := 1; n <= maxBits; n++ {
		next[n] = at
		at += count[n] << (maxBits - n)
		left -= count[n] << (maxBits - n)
	}
	if left < 0 {
		return corrupt("more codes than there are")
	}
	if left > 0 {
		return corrupt("a code with gaps")
	}
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		span := 1 << (maxBits - int(n))
		entry := uint16(symbol)<<5 | uint16(n)
		for i := next[n]; i < next[n]+span; i++ {
			c.table[i] = entry
		}
		next[n] += span
	}
	return nil
}

// decode returns the next symbol; ok is false when the code has none.
func (c *code) decode(w *words) (symbol int, ok bool) {
	w.fill()
	e := c.table[w.bits>>(32-c.maxBits)]
	n := int(e & 31)
	if n == 0 {
		return 0, false
	}
	w.bits <<= n
	w.have -= n
	return int(e >> 5), true
}

// repeat copies length bytes from offset bytes before at in dst, which may overlap, and returns the place
// behind them.
func repeat(dst []byte, at, offset, length int) (int, error) {
	if offset <= 0 || offset > at {
		return at, corrupt("a match before the start")
	}
	if length > len(dst)-at {
		return at, corrupt("a match over the end")
	}
	if offset >= length {
		copy(dst[at:at+length], dst[at-offset:])
		return at + length, nil
	}
	for range length {
		dst[at] = dst[at-offset]
		at++
	}
	return at, nil
}
