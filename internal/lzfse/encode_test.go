package lzfse

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// The encoders below are simple ones, made from the formats: what they give is valid, not small.

// token is a copy of literals and then of a match.
type token struct {
	literals        []byte
	match, distance int
}

// tokens finds matches of at least four bytes at the last place of their first four.
func tokens(p []byte, maxLiterals, maxMatch, maxDistance int) []token {
	var out []token
	last := map[uint32]int{}
	from := 0
	for i := 0; i+4 <= len(p); {
		key := binary.LittleEndian.Uint32(p[i:])
		at, ok := last[key]
		last[key] = i
		if !ok || i-at > maxDistance {
			i++
			continue
		}
		n := 4
		for i+n < len(p) && n < maxMatch && p[at+n] == p[i+n] {
			n++
		}
		for i-from > maxLiterals {
			out = append(out, token{literals: p[from : from+maxLiterals]})
			from += maxLiterals
		}
		out = append(out, token{p[from:i], n, i - at})
		i += n
		from = i
	}
	for from < len(p) {
		n := min(maxLiterals, len(p)-from)
		out = append(out, token{literals: p[from : from+n]})
		from += n
	}
	return out
}

// encodeLZVN uses every kind of opcode where it can.
func encodeLZVN(p []byte) []byte {
	var out []byte
	distance := 0
	literal := func(l []byte) {
		for len(l) > 0 {
			n := min(len(l), 271)
			if n < 16 {
				out = append(out, 0xE0|byte(n))
			} else {
				out = append(out, 0xE0, byte(n-16))
			}
			out = append(out, l[:n]...)
			l = l[n:]
		}
	}
	more := func(m int) {
		for m > 0 {
			n := min(m, 271)
			if n < 16 {
				out = append(out, 0xF0|byte(n))
			} else {
				out = append(out, 0xF0, byte(n-16))
			}
			m -= n
		}
	}
	for _, t := range tokens(p, 1<<30, 1<<30, 0xFFFF) {
		if t.match == 0 {
			literal(t.literals)
			continue
		}
		l := len(t.literals)
		if l > 3 {
			literal(t.literals[:l-l%4])
			t.literals = t.literals[l-l%4:]
			l %= 4
		}
		m := min(t.match, []int{10, 8, 6, 4}[l]) // what the three bits hold that no other opcode takes
		switch {
		case t.distance == distance && l > 0:
			out = append(out, byte(l<<6|(m-3)<<3|6))
		case t.distance < 0x600:
			out = append(out, byte(l<<6|(m-3)<<3|t.distance>>8), byte(t.distance))
		case t.distance < 0x4000:
			m = min(t.match, 34)
			v := t.distance<<2 | (m-3)&3
			out = append(out, byte(0xA0|l<<3|(m-3)>>2), byte(v), byte(v>>8))
		default:
			out = append(out, byte(l<<6|(m-3)<<3|7), byte(t.distance), byte(t.distance>>8))
		}
		out = append(out, t.literals...)
		distance = t.distance
		more(t.match - m)
	}
	out = append(out, 0x0E, 0x16) // opcodes without effect
	return append(out, 6, 0, 0, 0, 0, 0, 0, 0)
}

// writer packs bits, the first into the lowest.
type writer struct {
	p   []byte
	acc uint64
	n   int
}

func (w *writer) push(v uint64, n int) {
	w.acc |= v << w.n
	for w.n += n; w.n >= 8; w.n -= 8 {
		w.p = append(w.p, byte(w.acc))
		w.acc >>= 8
	}
}

// finish returns the bytes, and how many bits of the last one are unused, as a number from 0 to -7.
func (w *writer) finish() ([]byte, int) {
	if w.n == 0 {
		return w.p, 0
	}
	return append(w.p, byte(w.acc)), w.n - 8
}

// normalized scales counts to a sum of states, with at least 1 for each symbol that occurs.
func normalized(counts []int, states int) []uint16 {
	total, out := 0, make([]uint16, len(counts))
	for _, n := range counts {
		total += n
	}
	if total == 0 {
		return out
	}
	sum, largest := 0, 0
	for i, n := range counts {
		if n > 0 {
			out[i] = uint16(max(1, n*states/total))
			sum += int(out[i])
		}
		if out[i] > out[largest] {
			largest = i
		}
	}
	for sum > states {
		for i := range out {
			if out[i] > 1 && sum > states {
				out[i]--
				sum--
			}
		}
	}
	out[largest] += uint16(states - sum)
	return out
}

// step finds the state of a symbol from which pulling bits leads to next.
func step(table []entry, symbol uint8, next int) (state int, v uint64, n int) {
	for s, e := range table {
		if d := next - int(e.delta); e.symbol == symbol && d >= 0 && d < 1<<e.bits {
			return s, uint64(d), int(e.bits)
		}
	}
	panic("no state")
}

func symbolOf(v int, extra []uint8) (symbol uint8, low, n int) {
	base := 0
	for i, b := range extra {
		if v < base+1<<b {
			return uint8(i), v - base, int(b)
		}
		base += 1 << b
	}
	panic("too large")
}

// encode makes one compressed block, in the older or the newer form, and the mark of end.
func encode(p []byte, older bool) []byte {
	list := tokens(p, 300, 2000, 200000)
	var literals []byte
	var counts [4][]int
	for i, n := range []int{symbolsL, symbolsM, symbolsD, symbolsLiteral} {
		counts[i] = make([]int, n)
	}
	for _, t := range list {
		literals = append(literals, t.literals...)
		for i, v := range []int{len(t.literals), t.match, t.distance} {
			s, _, _ := symbolOf(v, [][]uint8{bitsL[:], bitsM[:], bitsD[:]}[i])
			counts[i][s]++
		}
	}
	for len(literals)%4 != 0 {
		literals = append(literals, 0)
	}
	for _, b := range literals {
		counts[3][b]++
	}
	freq := [4][]uint16{normalized(counts[0], statesL), normalized(counts[1], statesM), normalized(counts[2], statesD), normalized(counts[3], statesLiteral)}
	var tables [4][]entry
	for i, n := range []int{statesL, statesM, statesD, statesLiteral} {
		tables[i], _ = symbolTable(n, freq[i])
	}
	var lit, lmd writer
	var state [4]int
	for i := len(literals) - 1; i >= 0; i-- {
		s, v, n := step(tables[3], literals[i], state[i%4])
		lit.push(v, n)
		state[i%4] = s
	}
	var at [3]int
	for k := len(list) - 1; k >= 0; k-- {
		t := list[k]
		for i, v := range []int{t.distance, t.match, len(t.literals)} {
			i = 2 - i
			symbol, low, extra := symbolOf(v, [][]uint8{bitsL[:], bitsM[:], bitsD[:]}[i])
			s, bits, n := step(tables[i], symbol, at[i])
			lmd.push(uint64(low), extra)
			lmd.push(bits, n)
			at[i] = s
		}
	}
	litBytes, litUnused := lit.finish()
	lmdBytes, lmdUnused := lmd.finish()
	var out []byte
	le := binary.LittleEndian
	if older {
		out = append(out, "bvx1"...)
		for _, v := range []int{len(p), len(litBytes) + len(lmdBytes), len(literals), len(list), len(litBytes), len(lmdBytes), litUnused} {
			out = le.AppendUint32(out, uint32(v))
		}
		for _, s := range state {
			out = le.AppendUint16(out, uint16(s))
		}
		out = le.AppendUint32(out, uint32(lmdUnused))
		for _, s := range at {
			out = le.AppendUint16(out, uint16(s))
		}
		for _, f := range freq {
			for _, v := range f {
				out = le.AppendUint16(out, v)
			}
		}
		out = append(out, 0, 0)
	} else {
		var w writer
		for _, f := range freq {
			for _, v := range f {
				pushFrequency(&w, int(v))
			}
		}
		head, _ := w.finish()
		out = append(out, "bvx2"...)
		out = le.AppendUint32(out, uint32(len(p)))
		out = le.AppendUint64(out, uint64(len(literals))|uint64(len(litBytes))<<20|uint64(len(list))<<40|uint64(litUnused+7)<<60)
		out = le.AppendUint64(out, uint64(state[0])|uint64(state[1])<<10|uint64(state[2])<<20|uint64(state[3])<<30|
			uint64(len(lmdBytes))<<40|uint64(lmdUnused+7)<<60)
		out = le.AppendUint64(out, uint64(32+len(head))|uint64(at[0])<<32|uint64(at[1])<<42|uint64(at[2])<<52)
		out = append(out, head...)
	}
	out = append(append(out, litBytes...), lmdBytes...)
	return append(out, "bvx$"...)
}

func pushFrequency(w *writer, v int) {
	switch {
	case v < 2:
		w.push(uint64(v)<<1, 2)
	case v < 4:
		w.push(uint64(v-2)<<2|1, 3)
	case v < 8:
		w.push(uint64(v-4)<<3|3, 5)
	case v < 24:
		w.push(uint64(v-8)<<4|7, 8)
	default:
		w.push(uint64(v-24)<<4|15, 14)
	}
}

// sample returns text-like bytes with matches near and far.
func sample(n int) []byte {
	var b bytes.Buffer
	seed := uint32(7)
	for b.Len() < n {
		seed = bits.RotateLeft32(seed*2654435761+12345, 7)
		switch seed % 5 {
		case 0:
			b.WriteString("the update was interrupted ")
		case 1:
			b.Write(bytes.Repeat([]byte{byte(seed >> 8)}, int(seed>>16%40)+1))
		case 2:
			if b.Len() > 5000 {
				p := b.Bytes()[int(seed>>8)%(b.Len()-300):]
				b.Write(append([]byte(nil), p[:seed>>5%300]...))
			}
		default:
			b.Write(binary.LittleEndian.AppendUint32(nil, seed))
		}
	}
	return b.Bytes()[:n]
}
