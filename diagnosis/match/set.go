package match

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync"
)

// Set is patterns that are looked for together. It may be used by several goroutines.
type Set struct {
	patterns []pattern
	units    []unit
	literals []literal
	keys     []uint32 // of grams, in open addressing; their number is a power of two
	grams    []gram
	marks    []mark
}

const tableBits = 18

type pattern struct {
	expr     string
	compiled func() *regexp.Regexp
	folded   func() *regexp.Regexp
	anchored bool
	units    []int32
	uses     []use
}

// use is a literal that a pattern is looked for by, and how many of its units are.
type use struct{ literal, units int32 }

// mark is a bit of the table, and how many literals are looked for by it.
type mark struct {
	bit      uint32
	literals int32
}

// unit is an alternative of a pattern, or all of it.
type unit struct {
	pattern int32
	must    [][]part // of each one member stands in every match
}

type literal struct {
	text  string // in small ASCII letters
	at    int    // where its gram stands in it
	units []int32
	next  int32 // of the same gram, -1 at the end
	mark  int32
	head  window // its first eight bytes
}

type gram struct {
	first int32 // literal, -1 in an empty place
	// What stands in front of the key and from it on in all of its literals: most places are known by it to be none of
	// them before one is looked at.
	before, after window
}

// window is up to eight bytes, folded, of those that mask has.
type window struct{ bytes, mask uint64 }

func (w *window) set(i int, c byte) {
	w.bytes |= uint64(c|fold&0xff) << (8 * i)
	w.mask |= 0xff << (8 * i)
}

// join leaves what both have in common.
func (w *window) join(o window) {
	same := w.mask & o.mask
	for i := range 8 {
		if b := uint64(0xff) << (8 * i); (w.bytes^o.bytes)&b != 0 {
			same &^= b
		}
	}
	w.mask, w.bytes = same, w.bytes&same
}

// at reports whether the bytes of text from i on can be those of the window.
func (w *window) at(text []byte, i int) bool {
	return (binary.LittleEndian.Uint64(text[i:])|fold<<32|fold)&w.mask == w.bytes
}

// Compile makes a set of patterns; they are called by their index. Each must pass [Check] and have [Literals].
func Compile(exprs []string) (*Set, error) {
	s := &Set{}
	byText := map[string]int32{}
	for i, expr := range exprs {
		re, err := syntax.Parse(expr, syntax.Perl)
		if err != nil {
			return nil, fmt.Errorf("pattern %d: %w", i, err)
		}
		s.patterns = append(s.patterns, pattern{expr: expr, anchored: anchored(re),
			compiled: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) }),
			folded:   sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("(?i:" + expr + ")") })})
		for _, b := range branches(re.Simplify()) {
			best, must := split(required(b))
			if best == nil {
				return nil, fmt.Errorf("pattern %d: %q has no literal of %d bytes", i, expr, minLiteral)
			}
			s.patterns[i].units = append(s.patterns[i].units, int32(len(s.units)))
			s.units = append(s.units, unit{int32(i), parts(must)})
			s.enter(best, byText)
		}
	}
	s.index()
	return s, nil
}

// enter notes the literals of the last unit.
func (s *Set) enter(literals []string, byText map[string]int32) {
	u := int32(len(s.units) - 1)
	for _, text := range literals {
		text = text[:min(len(text), maxBytes)]
		n, have := byText[text]
		if !have {
			n = int32(len(s.literals))
			byText[text] = n
			l := literal{text: text}
			for i := range min(len(text), 8) {
				l.head.set(i, text[i])
			}
			s.literals = append(s.literals, l)
		}
		if l := &s.literals[n]; len(l.units) == 0 || l.units[len(l.units)-1] != u {
			l.units = append(l.units, u)
			p := &s.patterns[s.units[u].pattern]
			i := slices.IndexFunc(p.uses, func(u use) bool { return u.literal == n })
			if i < 0 {
				i, p.uses = len(p.uses), append(p.uses, use{literal: n})
			}
			p.uses[i].units++
		}
	}
}

// Len returns the number of patterns.
func (s *Set) Len() int { return len(s.patterns) }

// Anchored reports whether the pattern can match at a text's begin only.
func (s *Set) Anchored(p int) bool { return s.patterns[p].anchored }

// Regexp returns the pattern, compiled.
func (s *Set) Regexp(p int) *regexp.Regexp { return s.patterns[p].compiled() }

// Folded returns the pattern, compiled so that capital and small letters are the same.
func (s *Set) Folded(p int) *regexp.Regexp { return s.patterns[p].folded() }

// anchored reports whether each match of a pattern begins at the text's begin.
func anchored(re *syntax.Regexp) bool {
	var first func(re *syntax.Regexp) bool
	first = func(re *syntax.Regexp) bool {
		switch re.Op {
		case syntax.OpBeginText, syntax.OpBeginLine:
			return true
		case syntax.OpCapture, syntax.OpConcat:
			return len(re.Sub) > 0 && first(re.Sub[0])
		case syntax.OpAlternate:
			for _, sub := range re.Sub {
				if !first(sub) {
					return false
				}
			}
			return true
		}
		return false
	}
	return first(re)
}

// wordsMeet is how many bits rarer four bytes are that say where one word ends and how the next begins: lines have
// the words of others far more often than two of them in their order.
const wordsMeet = 8

// index chooses four bytes of each literal and enters them.
func (s *Set) index() {
	size := 64
	for size < 4*len(s.literals) {
		size *= 2
	}
	s.keys, s.grams = make([]uint32, size), make([]gram, size)
	for i := range s.grams {
		s.grams[i].first = -1
	}
	taken, marks := map[uint32]int{}, map[uint32]int32{}
	for i := range s.literals {
		l := &s.literals[i]
		best := -1000.0
		for at := 0; at+4 <= len(l.text); at++ {
			// what many literals share is no good mark of any
			mark := l.text[at : at+4]
			r := rarity(mark) - 2*float64(taken[load(mark, 0)])
			if strings.Contains(usualWords, mark) {
				r -= 12
			}
			if mark[1] == ' ' || mark[2] == ' ' {
				r += wordsMeet
			}
			if r > best {
				best, l.at = r, at
			}
		}
		key := load(l.text, l.at)
		taken[key]++
		h := hash(key)
		m, have := marks[h]
		if !have {
			m = int32(len(s.marks))
			marks[h], s.marks = m, append(s.marks, mark{bit: h})
		}
		s.marks[m].literals++
		l.mark = m
		at := s.place(key)
		s.keys[at] = key
		g := &s.grams[at]
		before, after := l.around()
		if g.first < 0 {
			g.before, g.after = before, after
		} else {
			g.before.join(before)
			g.after.join(after)
		}
		l.next, g.first = g.first, int32(i)
	}
}

// around returns what stands in front of a literal's gram, and from it on.
func (l *literal) around() (before, after window) {
	for i := range min(l.at, 8) {
		before.set(7-i, l.text[l.at-1-i])
	}
	for i := range min(len(l.text)-l.at, 8) {
		after.set(i, l.text[l.at+i])
	}
	return before, after
}

// place returns where a key stands, or the empty place where it would. No key is 0, since all have the bits of fold.
func (s *Set) place(key uint32) uint32 {
	mask := uint32(len(s.keys) - 1)
	i := hash(key) & mask
	for s.keys[i] != key && s.keys[i] != 0 {
		i = (i + 1) & mask
	}
	return i
}

// fold makes four letters small, and other characters some that are the same for all that fold to them.
const fold = 0x20202020

func load(text string, at int) uint32 {
	return (uint32(text[at]) | uint32(text[at+1])<<8 | uint32(text[at+2])<<16 | uint32(text[at+3])<<24) | fold
}

func hash(key uint32) uint32 { return key * 0x9e3779b1 >> (32 - tableBits) }
