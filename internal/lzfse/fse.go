package lzfse

import (
	"encoding/binary"
	"math/bits"
)

// Numbers of symbols and of states, by the reference.
const (
	symbolsL, symbolsM, symbolsD, symbolsLiteral = 20, 20, 64, 256
	statesL, statesM, statesD, statesLiteral     = 64, 64, 256, 1024

	symbols = symbolsL + symbolsM + symbolsD + symbolsLiteral
)

// The values that a symbol of a length or a distance stands for: base plus so many extra bits.
var (
	bitsL = [symbolsL]uint8{16: 2, 17: 3, 18: 5, 19: 8}
	bitsM = [symbolsM]uint8{16: 3, 17: 5, 18: 8, 19: 11}
	bitsD = distanceBits()
)

func distanceBits() (out [symbolsD]uint8) {
	for i := range out {
		out[i] = uint8(i / 4)
	}
	return out
}

// entry is what to do in one state of a decoder of symbols.
type entry struct {
	bits   uint8 // to pull
	symbol uint8
	delta  int16 // plus what was pulled gives the next state
}

// value is the same for a decoder of lengths or distances.
type value struct {
	total uint8 // bits to pull: those of the state over those of the value
	extra uint8 // of these, the bits of the value
	delta int16
	base  int32
}

// spread calls fill for every state in order, with its symbol, the bits to pull and the delta. It reports
// whether the frequencies fit into the states.
func spread(states int, frequencies []uint16, fill func(state, symbol int, k uint8, delta int16)) bool {
	sum := 0
	for _, f := range frequencies {
		sum += int(f)
	}
	if sum > states {
		return false
	}
	state := 0
	for symbol, f := range frequencies {
		if f == 0 {
			continue
		}
		n := int(f)
		k := bits.LeadingZeros32(uint32(n)) - bits.LeadingZeros32(uint32(states))
		wide := 2*states>>k - n // states that pull one bit more
		for j := range n {
			if j < wide {
				fill(state, symbol, uint8(k), int16((n+j)<<k-states))
			} else {
				fill(state, symbol, uint8(k-1), int16((j-wide)<<(k-1)))
			}
			state++
		}
	}
	return true
}

func symbolTable(states int, frequencies []uint16) ([]entry, bool) {
	t := make([]entry, states)
	ok := spread(states, frequencies, func(state, symbol int, k uint8, delta int16) {
		t[state] = entry{bits: k, symbol: uint8(symbol), delta: delta}
	})
	return t, ok
}

func valueTable(states int, frequencies []uint16, extra []uint8) ([]value, bool) {
	t := make([]value, states)
	base := make([]int32, len(extra))
	for i := 1; i < len(extra); i++ {
		base[i] = base[i-1] + 1<<extra[i-1]
	}
	ok := spread(states, frequencies, func(state, symbol int, k uint8, delta int16) {
		t[state] = value{total: k + extra[symbol], extra: extra[symbol], delta: delta, base: base[symbol]}
	})
	return t, ok
}

// stream gives bits from the end of its bytes to their beginning.
type stream struct {
	p     []byte // what is not loaded yet
	acc   uint64
	n     int // bits in acc
	empty int // bits that were asked for behind the beginning
}

// newStream begins at the end of p, whose last byte has -unused bits that do not count (0 to 7).
func newStream(p []byte, unused int) (s stream, ok bool) {
	if unused > 0 || unused < -7 {
		return s, false
	}
	s.p = p
	s.fill()
	s.n += unused
	if s.n < 0 || s.acc>>s.n != 0 {
		return s, false
	}
	return s, true
}

// fill loads whole bytes until there are at least 56 bits, or none is left.
func (s *stream) fill() {
	n := min((63-s.n)>>3, len(s.p))
	if len(s.p) >= 8 {
		v := binary.LittleEndian.Uint64(s.p[len(s.p)-8:]) >> (64 - 8*n)
		s.acc = s.acc<<(8*n) | v
	} else {
		for i := range n {
			s.acc = s.acc<<8 | uint64(s.p[len(s.p)-1-i])
		}
	}
	s.p = s.p[:len(s.p)-n]
	s.n += 8 * n
}

// pull takes n bits, at most 32.
func (s *stream) pull(n uint8) uint32 {
	if int(n) > s.n {
		s.empty += int(n) - s.n
		s.acc, s.n = 0, 0
		return 0
	}
	s.n -= int(n)
	v := s.acc >> s.n
	s.acc &= 1<<s.n - 1
	return uint32(v)
}
