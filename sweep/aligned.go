package sweep

import (
	"encoding/binary"
	"slices"
)

// lane finds aligned probes whose pairs stand at one remainder of the sector.
type lane struct {
	at    int64              // the remainder, 0 to sector-1
	bits  [65536 / 64]uint64 // which pairs begin a candidate
	cands map[uint16][]candidate
}

// candidate is a probe whose pair stands `in` bytes behind the start of its pattern.
type candidate struct {
	probe, in int
}

// rare is the cost up to which a pair is met so seldom that one lane more, which each sector asks, costs more than it saves.
const rare = 64

// addAligned gives probe i to the lane of its rarest pair, or to one that is there for others, when the pair in it is rare.
func (m *Matcher) addAligned(i int) {
	p := &m.probes[i]
	pair := func(k int) (v, mask [2]byte) {
		return [2]byte{p.Bytes[k], p.Bytes[k+1]}, [2]byte{p.mask[k], p.mask[k+1]}
	}
	best, least := 0, 0
	for k := range len(p.Bytes) - 1 {
		cost := costOf(pair(k))
		if cost <= rare && m.hasLane((p.At+int64(k))%sector) {
			cost -= rare
		}
		if k == 0 || cost < least {
			best, least = k, cost
		}
	}
	l := m.lane((p.At + int64(best)) % sector)
	v, mask := pair(best)
	eachPair(v, mask, func(a, b byte) {
		w := uint16(a) | uint16(b)<<8
		l.bits[w>>6] |= 1 << (w & 63)
		l.cands[w] = append(l.cands[w], candidate{i, best})
	})
}

func (m *Matcher) hasLane(at int64) bool {
	return slices.ContainsFunc(m.aligned, func(l lane) bool { return l.at == at })
}

func (m *Matcher) lane(at int64) *lane {
	for i := range m.aligned {
		if m.aligned[i].at == at {
			return &m.aligned[i]
		}
	}
	m.aligned = append(m.aligned, lane{at: at, cands: map[uint16][]candidate{}})
	return &m.aligned[len(m.aligned)-1]
}

func (l *lane) search(m *Matcher, b []byte, base int64, tell found) {
	first := (l.at - base%sector + sector) % sector
	for at := int(first); at+2 <= len(b); at += sector {
		w := binary.LittleEndian.Uint16(b[at:])
		if l.bits[w>>6]>>(w&63)&1 == 0 {
			continue
		}
		for _, c := range l.cands[w] {
			m.try(c.probe, b, base, at-c.in, tell)
		}
	}
}
