package match

import "bytes"

// part is a string, in small ASCII letters, that a line is asked for.
type part struct {
	text  []byte
	pairs [maxPairs]uint16 // bits of its first pairs of bytes in a line's [pairs]
	n     uint8
}

// maxPairs is how many pairs of a part are asked for before it is searched.
const maxPairs = 4

func parts(sets [][]string) [][]part {
	out := make([][]part, len(sets))
	for i, set := range sets {
		for _, s := range set {
			p := part{text: []byte(s), n: uint8(min(len(s)-1, maxPairs))}
			for i := range p.n {
				p.pairs[i] = pairBit(s[i], s[i+1])
			}
			out[i] = append(out[i], p)
		}
	}
	return out
}

// in reports whether the part stands in a line.
func (p *part) in(l *lowered) bool {
	for _, bit := range p.pairs[:p.n] {
		if l.pairs[bit>>6]>>(bit&63)&1 == 0 {
			return false
		}
	}
	return bytes.Contains(l.text, p.text)
}

// lowered is a line with its ASCII letters made small, and which pairs of bytes stand in it: a table of bits in which
// most parts that do not stand in the line are missed without a search.
type lowered struct {
	text  []byte
	pairs [1 << (pairBits - 6)]uint64
}

const pairBits = 10

func pairBit(a, b byte) uint16 {
	return uint16((uint32(a)<<8|uint32(b))*0x9e3779b1>>(32-pairBits)) & (1<<pairBits - 1)
}

func (l *lowered) set(line []byte) {
	l.text = append(l.text[:0], line...)
	clear(l.pairs[:])
	last := byte('\n') // stands in no line
	for i, c := range l.text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
			l.text[i] = c
		}
		bit := pairBit(last, c)
		l.pairs[bit>>6] |= 1 << (bit & 63)
		last = c
	}
}

// plausible reports whether a line has all parts that every match of the unit has. It costs a fraction of what the
// pattern does.
func (u *unit) plausible(l *lowered) bool {
	for _, set := range u.must {
		found := false
		for i := range set {
			if found = set[i].in(l); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}
