package match

import (
	"bytes"
	"encoding/binary"
)

// Sizes of lines, in bytes.
const (
	maxLine = 4 << 10 // a longer line is tried in windows
	cell    = 1 << 10 // what of a long line one window stands for
	margin  = 1 << 10 // what a window has beside that

	maxMissing = 8   // lines of a text without a pattern's other parts, where that is costly
	mustCost   = 256 // bytes that are searched for a part in the time in which a pattern is tried on one
)

// Line is a line, or a window of a long one, in which literals were found.
type Line struct {
	Start, End int // in the text, without the line's end
	// Begin and Ended say that Start and End are those of the line itself.
	Begin, Ended bool
	Patterns     []int32 // candidates, in the order of their literals; valid until the next line
}

// Scanner looks for the patterns of a set. It serves one goroutine.
type Scanner struct {
	set     *Set
	asked   table
	stamp   []uint32 // the line for which a unit was last noted
	now     uint32
	units   []int32
	noted   []uint32 // the line for which a pattern was last noted
	lowered lowered
	missing []int32 // how often a pattern's other parts were missing
	line    Line
	until   int // what begins before this belongs to line
	given   rest
	// Spent is what it cost to ask lines for the parts of patterns, in bytes that a pattern is tried on. Costly says that
	// a pattern whose other parts were missing often is given up for the rest of the text.
	Spent  int64
	Costly bool
	// Inside and Open say that the text begins and ends inside of a line.
	Inside, Open bool
}

// NewScanner returns a scanner for the set.
func (s *Set) NewScanner() *Scanner {
	return &Scanner{set: s, asked: s.table(true), stamp: make([]uint32, len(s.units)), noted: make([]uint32, len(s.patterns)),
		missing: make([]int32, len(s.patterns)), given: rest{wanted: s.table(false), listed: make([]bool, len(s.patterns))}}
}

// Scan calls each with all lines of text in which patterns may match, in order. Of what stands there only
// literals that begin in text[from:to] count. Lines end with LF or CR. It stops when each returns false. Each
// pattern is asked for again.
func (c *Scanner) Scan(text []byte, from, to int, each func(*Line) bool) {
	c.line, c.until, c.units = Line{Patterns: c.line.Patterns[:0]}, -1, c.units[:0]
	c.restart()
	clear(c.missing)
	bits := &c.asked.bits
	i := max(from, 0)
	for ; i+8 <= len(text) && i < to+maxBytes; i += 4 {
		w := binary.LittleEndian.Uint64(text[i:]) | fold<<32 | fold
		h0, h1, h2, h3 := hash(uint32(w)), hash(uint32(w>>8)), hash(uint32(w>>16)), hash(uint32(w>>24))
		b0, b1 := bits[h0>>6]>>(h0&63), bits[h1>>6]>>(h1&63)
		b2, b3 := bits[h2>>6]>>(h2&63), bits[h3>>6]>>(h3&63)
		if (b0|b1|b2|b3)&1 == 0 {
			continue
		}
		if b0&1 != 0 && !c.at(text, i, uint32(w), from, to, each) ||
			b1&1 != 0 && !c.at(text, i+1, uint32(w>>8), from, to, each) ||
			b2&1 != 0 && !c.at(text, i+2, uint32(w>>16), from, to, each) ||
			b3&1 != 0 && !c.at(text, i+3, uint32(w>>24), from, to, each) {
			return
		}
	}
	for ; i+4 <= len(text) && i < to+maxBytes; i++ {
		key := binary.LittleEndian.Uint32(text[i:]) | fold
		h := hash(key)
		if bits[h>>6]>>(h&63)&1 != 0 && !c.at(text, i, key, from, to, each) {
			return
		}
	}
	c.flush(text, each)
}

// at looks at the literals of the four bytes at i.
func (c *Scanner) at(text []byte, i int, key uint32, from, to int, each func(*Line) bool) bool {
	g := &c.set.grams[c.set.place(key)]
	if i+8 <= len(text) && !g.after.at(text, i) || i >= 8 && !g.before.at(text, i-8) {
		return true
	}
	for n := g.first; n >= 0; {
		l := &c.set.literals[n]
		live := c.asked.literals[n] > 0
		n = l.next
		start := i - l.at
		if !live || start < from || start >= to || !l.stands(text, start) {
			continue
		}
		if start >= c.until && !c.next(text, start, each) {
			return false
		}
		for _, u := range l.units {
			if c.stamp[u] != c.now && !c.asked.gone[c.set.units[u].pattern] {
				c.stamp[u] = c.now
				c.units = append(c.units, u)
			}
		}
	}
	return true
}

// flush hands over the line that was gathered, with the patterns of which it has all parts.
func (c *Scanner) flush(text []byte, each func(*Line) bool) bool {
	if len(c.units) == 0 {
		return true
	}
	l := &c.line
	l.Patterns = l.Patterns[:0]
	isLowered := false
	for _, n := range c.units {
		u := &c.set.units[n]
		if len(u.must) > 0 && !isLowered {
			c.lowered.set(text[l.Start:l.End])
			isLowered = true
		}
		if c.noted[u.pattern] == c.now {
			continue
		}
		c.Spent += int64(len(u.must) * (l.End - l.Start) / mustCost)
		if u.plausible(&c.lowered) {
			c.noted[u.pattern] = c.now
			l.Patterns = append(l.Patterns, u.pattern)
		} else if c.missing[u.pattern]++; c.Costly && c.missing[u.pattern] > maxMissing {
			c.Enough(u.pattern)
		}
	}
	c.units = c.units[:0]
	return len(l.Patterns) == 0 || each(l)
}

// next goes to the line, or the window of a long line, in which start stands.
func (c *Scanner) next(text []byte, start int, each func(*Line) bool) bool {
	if !c.flush(text, each) {
		return false
	}
	c.now++
	c.until = c.find(text, start, c.until)
	return true
}

// LineAt returns the line, or the window of a long line, in which a place stands.
func (c *Scanner) LineAt(text []byte, at int) Line {
	c.line = Line{Patterns: c.line.Patterns[:0]}
	c.find(text, at, -1)
	return Line{Start: c.line.Start, End: c.line.End, Begin: c.line.Begin, Ended: c.line.Ended}
}

// find sets the line in which start stands; what stands before known is the line before, or more of this one. It
// returns where the part ends that the line or window stands for.
func (c *Scanner) find(text []byte, start, known int) (until int) {
	back := max(0, start-maxLine, known)
	begin := bytes.LastIndexByte(text[back:start], '\n')
	if r := bytes.LastIndexByte(text[back+begin+1:start], '\r'); r >= 0 {
		begin += r + 1
	}
	first := back + begin + 1
	if begin < 0 && back == known && back > 0 {
		first = max(c.line.Start, start-maxLine)
	}
	ahead := min(len(text), start+maxLine)
	end := bytes.IndexByte(text[start:ahead], '\n')
	if end < 0 {
		end = ahead - start
	}
	if r := bytes.IndexByte(text[start:start+end], '\r'); r >= 0 {
		end = r
	}
	l := &c.line
	l.Begin = begin >= 0 || first == 0 && !c.Inside || first == l.Start && l.Begin
	l.Start, l.End = first, start+end
	l.Ended = l.End < ahead || ahead == len(text) && !c.Open
	until = l.End
	if l.End-l.Start <= maxLine {
		return until
	}
	if l.Start < start-margin {
		l.Start, l.Begin = start-margin, false
	}
	until = min(l.End, start+cell)
	if l.End > until+margin {
		l.End, l.Ended = until+margin, false
	}
	return until
}

// stands reports whether the literal stands at a place of text.
func (l *literal) stands(text []byte, at int) bool {
	if at+8 <= len(text) && !l.head.at(text, at) {
		return false
	}
	return at+len(l.text) <= len(text) && equal(text[at:at+len(l.text)], l.text)
}

// equal compares text with a literal, letters of either case being one.
func equal(text []byte, literal string) bool {
	for i := range len(literal) {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != literal[i] {
			return false
		}
	}
	return true
}
