package sweep

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// window is how many bytes of a pattern the table of pairs looks for.
const window = 4

// pairTable finds windows of four bytes at any offset.
type pairTable struct {
	// phase has, for each pair of bytes, bit k set when the pair stands k bytes behind the start of a
	// window, k from 0 to 2.
	phase  [65536]uint8
	groups []group
	// solid has, for each byte, whether a window of nothing but that byte is looked for.
	solid [256]bool
	// padded are the probes of three bytes, whose window reaches behind their pattern.
	padded []int
}

// group holds the windows with one mask, in a hash table with open addressing.
type group struct {
	mask  uint32
	shift uint8
	count int
	slots []slot // a power of two, at least four times as many as windows
}

// slot is a place of the table; it is free when it has no candidates.
type slot struct {
	window uint32
	cands  []candidate
}

// place returns where the search for a window begins.
func (g *group) place(w uint32) int { return int(w * 0x9E3779B1 >> g.shift) }

// find returns the slot of w, or the free one where it belongs.
func (g *group) find(w uint32) *slot {
	for i := g.place(w); ; i++ {
		if s := &g.slots[i&(len(g.slots)-1)]; s.cands == nil || s.window == w {
			return s
		}
	}
}

func (g *group) add(w uint32, c candidate) {
	if 4*(g.count+1) > len(g.slots) {
		old := g.slots
		size := max(16, 2*len(old))
		g.slots, g.shift = make([]slot, size), uint8(32-bits.TrailingZeros(uint(size)))
		for _, s := range old {
			if s.cands != nil {
				*g.find(s.window) = s
			}
		}
	}
	s := g.find(w)
	if s.cands == nil {
		g.count++
	}
	s.window, s.cands = w, append(s.cands, c)
}

// add gives probe i, with at least three fixed bytes in a row, to the table by its rarest window.
func (t *pairTable) add(p *compiled, i int) {
	value, mask := p.Bytes, p.mask
	if len(value) < window {
		value = append(bytes.Clone(value), make([]byte, window-len(value))...)
		mask = append(bytes.Clone(mask), make([]byte, window-len(mask))...)
		t.padded = append(t.padded, i)
	}
	pair := func(k int) (v, m [2]byte) { return [2]byte{value[k], value[k+1]}, [2]byte{mask[k], mask[k+1]} }
	best, least := 0, -1
	for k := range len(value) - window + 1 {
		cost := 0
		for phase := range 3 {
			cost += costOf(pair(k + phase))
		}
		if least < 0 || cost < least {
			best, least = k, cost
		}
	}
	for phase := range 3 {
		v, m := pair(best + phase)
		eachPair(v, m, func(a, b byte) { t.phase[uint16(a)|uint16(b)<<8] |= 1 << phase })
	}
	m := binary.LittleEndian.Uint32(mask[best:])
	w := binary.LittleEndian.Uint32(value[best:]) & m
	t.group(m).add(w, candidate{i, best})
	for c := range uint32(256) {
		if (c*0x01010101)&m == w {
			t.solid[c] = true
		}
	}
}

func (t *pairTable) group(mask uint32) *group {
	for i := range t.groups {
		if t.groups[i].mask == mask {
			return &t.groups[i]
		}
	}
	t.groups = append(t.groups, group{mask: mask})
	return &t.groups[len(t.groups)-1]
}

func (t *pairTable) search(m *Matcher, b []byte, base int64, tell found) {
	i := 0
	for start := 0; start < len(b); start += sector {
		end := min(start+sector, len(b))
		piece := b[start:end]
		// All bytes are one when the piece equals itself moved by one. Then only windows that reach over
		// one of its ends can be met in it: by pairs at its first two bytes and at its last three.
		if len(piece) == sector && piece[0] == piece[1] && !t.solid[piece[0]] && bytes.Equal(piece[1:], piece[:sector-1]) {
			for ; i < start+2; i += 3 {
				t.met(m, b, base, i, t.phase[binary.LittleEndian.Uint16(b[i:])], tell)
			}
			if skip := end - 3 - i; skip > 0 {
				i += (skip + 2) / 3 * 3
			}
			continue
		}
		// Three pairs lie in eight bytes.
		for ; i < end && i+8 <= len(b); i += 9 {
			v := binary.LittleEndian.Uint64(b[i:])
			p0, p1, p2 := t.phase[uint16(v)], t.phase[uint16(v>>24)], t.phase[uint16(v>>48)]
			if p0|p1|p2 == 0 {
				continue
			}
			if p0 != 0 {
				t.met(m, b, base, i, p0, tell)
			}
			if p1 != 0 {
				t.met(m, b, base, i+3, p1, tell)
			}
			if p2 != 0 {
				t.met(m, b, base, i+6, p2, tell)
			}
		}
	}
	for ; i+2 <= len(b); i += 3 {
		t.met(m, b, base, i, t.phase[binary.LittleEndian.Uint16(b[i:])], tell)
	}
	for _, p := range t.padded {
		m.try(p, b, base, len(b)-len(m.probes[p].Bytes), tell)
	}
}

// met looks for the windows of which a pair stands at b[i:].
func (t *pairTable) met(m *Matcher, b []byte, base int64, i int, phases uint8, tell found) {
	for k := 0; phases != 0; k, phases = k+1, phases>>1 {
		at := i - k
		if phases&1 == 0 || at < 0 || at+window > len(b) {
			continue
		}
		w := binary.LittleEndian.Uint32(b[at:])
		for j := range t.groups {
			g := &t.groups[j]
			for _, c := range g.find(w & g.mask).cands {
				m.try(c.probe, b, base, at-c.in, tell)
			}
		}
	}
}

// searchShort finds probe i, which has less than three fixed bytes in a row, by its rarest fixed byte, or
// everywhere when it has none.
func (m *Matcher) searchShort(i int, b []byte, base int64, tell found) {
	p := &m.probes[i]
	in, least := -1, 0
	for k, mask := range p.mask {
		if cost := pairCost(p.Bytes[k], 0x80); mask == 0xFF && (in < 0 || cost < least) {
			in, least = k, cost
		}
	}
	if in < 0 {
		for at := range len(b) - len(p.Bytes) + 1 {
			m.try(i, b, base, at, tell)
		}
		return
	}
	// A fixed neighbour behind it makes the search much rarer.
	needle := p.Bytes[in : in+1]
	if in+1 < len(p.mask) && p.mask[in+1] == 0xFF {
		needle = p.Bytes[in : in+2]
	} else if in > 0 && p.mask[in-1] == 0xFF {
		in--
		needle = p.Bytes[in : in+2]
	}
	for at := 0; ; at++ {
		n := bytes.Index(b[at:], needle)
		if n < 0 {
			return
		}
		at += n
		m.try(i, b, base, at-in, tell)
	}
}
