package sweep

import (
	"errors"
	"fmt"
	"iter"
	"math/bits"

	"salvor/block/probe"
)

// sector is the unit of aligned probes, in bytes.
const sector = 512

// leastBits is how many bits of a pattern must count; with fewer it would match almost everywhere.
const leastBits = 11

// Matcher holds probes in the form in which they are looked for. It does not change and may be shared.
type Matcher struct {
	probes  []compiled
	longest int // bytes of the longest pattern
	aligned []lane
	pairs   *pairTable // nil when no probe needs it
	short   []int      // probes that neither holds
}

// compiled is a probe with a mask of full length.
type compiled struct {
	probe.Probe
	mask []byte
}

// NewMatcher compiles probes. It returns an error when one is not valid, has too few bits that count, or
// shares its ID with another; the errors of all are joined.
func NewMatcher(probes []probe.Probe) (*Matcher, error) {
	m := &Matcher{}
	var errs []error
	seen := map[string]bool{}
	for i := range probes {
		p := probes[i]
		if err := p.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("sweep: %w", err))
			continue
		}
		if seen[p.ID] {
			errs = append(errs, fmt.Errorf("sweep: probe %s: the ID is given twice", p.ID))
			continue
		}
		seen[p.ID] = true
		c := compiled{Probe: p, mask: make([]byte, len(p.Bytes))}
		n := 0
		for j := range c.mask {
			c.mask[j] = 0xFF
			if p.Mask != nil {
				c.mask[j] = p.Mask[j]
			}
			n += bits.OnesCount8(c.mask[j])
		}
		if n < leastBits {
			errs = append(errs, fmt.Errorf("sweep: probe %s: %d bits count, expected at least %d", p.ID, n, leastBits))
			continue
		}
		m.probes = append(m.probes, c)
		m.longest = max(m.longest, len(p.Bytes))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for i := range m.probes {
		switch p := &m.probes[i]; {
		case p.Align >= sector && p.Align%sector == 0:
			m.addAligned(i)
		case p.fixedRun() >= 3:
			if m.pairs == nil {
				m.pairs = &pairTable{}
			}
			m.pairs.add(p, i)
		default:
			m.short = append(m.short, i)
		}
	}
	return m, nil
}

// fixedRun returns the largest number of neighbouring bytes all of whose bits count.
func (c *compiled) fixedRun() int {
	n, most := 0, 0
	for _, m := range c.mask {
		if n++; m != 0xFF {
			n = 0
		}
		most = max(most, n)
	}
	return most
}

// found is told of a match: a probe, and where its pattern stands in the bytes that were searched.
type found func(probe, at int)

// search finds all patterns that lie wholly inside b, whose first byte stands at base on the medium.
func (m *Matcher) search(b []byte, base int64, tell found) {
	for i := range m.aligned {
		m.aligned[i].search(m, b, base, tell)
	}
	if m.pairs != nil {
		m.pairs.search(m, b, base, tell)
	}
	for _, i := range m.short {
		m.searchShort(i, b, base, tell)
	}
}

// try tells probe i at b[at:] when its pattern stands there and its structure may.
func (m *Matcher) try(i int, b []byte, base int64, at int, tell found) {
	p := &m.probes[i]
	if at < 0 || at > len(b)-len(p.Bytes) || !p.Aligned(base+int64(at)-p.At) || !p.Matches(b[at:]) {
		return
	}
	tell(i, at)
}

// pairCost is about how often a pair of bytes is met on real media, in units of a random one.
func pairCost(a, b byte) int {
	text := func(c byte) bool { return c == ' ' || c >= 'a' && c <= 'z' }
	switch {
	case a == 0 && b == 0:
		return 20000
	case a == 0xFF && b == 0xFF:
		return 5000
	case a == b:
		return 50
	case a == 0 || b == 0:
		return 60
	case text(a) && text(b):
		return 40
	case a == 0xFF || b == 0xFF:
		return 8
	case a < 0x80 && b < 0x80:
		return 5
	}
	return 1
}

// eachPair calls fn with every pair of bytes that value and mask allow.
func eachPair(value, mask [2]byte, fn func(a, b byte)) {
	for a := range bytesOf(value[0], mask[0]) {
		for b := range bytesOf(value[1], mask[1]) {
			fn(a, b)
		}
	}
}

// bytesOf yields, in order, the bytes that agree with value in the bits of mask.
func bytesOf(value, mask byte) iter.Seq[byte] {
	return func(yield func(byte) bool) {
		free := uint16(^mask)
		for rest := uint16(0); ; rest = (rest - free) & free { // the next subset of the free bits
			if !yield(value&mask|byte(rest)) || rest == free {
				return
			}
		}
	}
}

// anyPair is the cost of a pair of which nothing is fixed: more than that of every other.
const anyPair = 1 << 24

func costOf(value, mask [2]byte) (n int) {
	if mask == [2]byte{} {
		return anyPair
	}
	eachPair(value, mask, func(a, b byte) { n += pairCost(a, b) })
	return n
}
