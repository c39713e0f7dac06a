package match

import (
	"encoding/binary"
	"slices"
)

// table says which patterns are looked for at present, and by which of their literals and four bytes.
type table struct {
	set      *Set
	bits     [1 << (tableBits - 6)]uint64
	gone     []bool  // patterns that are not looked for
	literals []int32 // units that are looked for by a literal
	marks    []int32 // literals that are looked for by a bit
}

// table returns a table of all patterns, or of none.
func (s *Set) table(all bool) table {
	t := table{set: s, gone: make([]bool, len(s.patterns)), literals: make([]int32, len(s.literals)), marks: make([]int32, len(s.marks))}
	for p := range t.gone {
		if t.gone[p] = true; all {
			t.enter(int32(p))
		}
	}
	return t
}

// enter looks for a pattern that is gone.
func (t *table) enter(p int32) {
	t.gone[p] = false
	for _, u := range t.set.patterns[p].uses {
		m := t.set.literals[u.literal].mark
		if t.literals[u.literal] == 0 {
			if t.marks[m]++; t.marks[m] == 1 {
				bit := t.set.marks[m].bit
				t.bits[bit>>6] |= 1 << (bit & 63)
			}
		}
		t.literals[u.literal] += u.units
	}
}

// leave does not look for a pattern any more: a text that is full of it costs no more than any other.
func (t *table) leave(p int32) {
	t.gone[p] = true
	for _, u := range t.set.patterns[p].uses {
		m := t.set.literals[u.literal].mark
		if t.literals[u.literal] -= u.units; t.literals[u.literal] == 0 {
			if t.marks[m]--; t.marks[m] == 0 {
				bit := t.set.marks[m].bit
				t.bits[bit>>6] &^= 1 << (bit & 63)
			}
		}
	}
}

// rest is what was not asked for to the end of a text.
type rest struct {
	patterns []int32
	listed   []bool
	floor    int   // no pattern was given up before this
	wanted   table // while the last of each is looked for
}

// Enough says that a pattern is not asked for any more in this text, behind the present line.
func (c *Scanner) Enough(pattern int32) {
	if c.asked.gone[pattern] {
		return
	}
	c.asked.leave(pattern)
	if !c.given.listed[pattern] {
		c.given.listed[pattern] = true
		if len(c.given.patterns) == 0 {
			c.given.floor = c.line.Start
		}
		c.given.patterns = append(c.given.patterns, pattern)
	}
}

// Resume asks for a pattern again.
func (c *Scanner) Resume(pattern int32) {
	if c.asked.gone[pattern] {
		c.asked.enter(pattern)
	}
}

// restart asks for all patterns again.
func (c *Scanner) restart() {
	for _, p := range c.given.patterns {
		c.Resume(p)
		c.given.listed[p] = false
	}
	c.given.patterns = c.given.patterns[:0]
}

// Rest calls each with the patterns that are not asked for any more, and with where the last literal of each
// stands that begins in text[from:to]; the last first.
func (c *Scanner) Rest(text []byte, from, to int, each func(pattern int32, at int)) {
	w := &c.given.wanted
	left := 0
	for _, p := range c.given.patterns {
		if c.asked.gone[p] {
			w.enter(p)
			left++
		}
	}
	floor := max(from, c.given.floor)
	look := func(i int) {
		key := binary.LittleEndian.Uint32(text[i:]) | fold
		for n := c.set.grams[c.set.place(key)].first; n >= 0; {
			l := &c.set.literals[n]
			live := w.literals[n] > 0
			n = l.next
			start := i - l.at
			if !live || start < from || start >= to || !l.stands(text, start) {
				continue
			}
			for _, u := range l.units {
				if p := c.set.units[u].pattern; !w.gone[p] {
					w.leave(p)
					left--
					each(p, start)
				}
			}
		}
	}
	i := min(to+maxBytes, len(text)) - 4
	for ; i-3 >= floor && left > 0; i -= 4 {
		for back := range 4 {
			h := hash(binary.LittleEndian.Uint32(text[i-back:]) | fold)
			if w.bits[h>>6]>>(h&63)&1 != 0 {
				look(i - back)
			}
		}
	}
	for ; i >= floor && left > 0; i-- {
		look(i)
	}
	for _, p := range c.given.patterns {
		if !w.gone[p] {
			w.leave(p)
		}
	}
}

// Plausible reports whether a line has all parts that every match of the pattern has.
func (c *Scanner) Plausible(pattern int32, line []byte) bool {
	c.lowered.set(line)
	return slices.ContainsFunc(c.set.patterns[pattern].units, func(u int32) bool {
		c.Spent += int64(len(c.set.units[u].must) * len(line) / mustCost)
		return c.set.units[u].plausible(&c.lowered)
	})
}
