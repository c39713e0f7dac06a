package match

import (
	"bytes"
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
	grams    []gram // open addressing; its length is a power of two
	marks    []mark
}

const tableBits = 17

type pattern struct {
	expr     string
	compiled func() *regexp.Regexp
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
	must    [][]string // of each one member stands in every match, in small ASCII letters
}

type literal struct {
	text  string // in small ASCII letters
	at    int    // where its gram stands in it
	units []int32
	next  int32 // of the same gram, -1 at the end
	mark  int32
	// head is the first eight bytes, folded, of those that headMask has.
	head, headMask uint64
}

type gram struct {
	key   uint32
	first int32 // literal, -1 in an empty place
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
			compiled: sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })})
		for _, b := range branches(re.Simplify()) {
			best, must := split(required(b))
			if best == nil {
				return nil, fmt.Errorf("pattern %d: %q has no literal of %d bytes", i, expr, minLiteral)
			}
			s.patterns[i].units = append(s.patterns[i].units, int32(len(s.units)))
			s.units = append(s.units, unit{int32(i), must})
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
				l.head |= uint64(text[i]|fold&0xff) << (8 * i)
				l.headMask |= 0xff << (8 * i)
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

// plausible reports whether a line, its ASCII letters made small, has all parts that every match of the unit
// has. It costs a fraction of what the pattern does.
func (u *unit) plausible(lowered []byte) bool {
	for _, set := range u.must {
		found := false
		for _, part := range set {
			if found = bytes.Contains(lowered, []byte(part)); found {
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// lowered writes line to dst with its ASCII letters made small.
func lowered(dst, line []byte) []byte {
	dst = append(dst[:0], line...)
	for i, c := range dst {
		if 'A' <= c && c <= 'Z' {
			dst[i] = c + 'a' - 'A'
		}
	}
	return dst
}

// Len returns the number of patterns.
func (s *Set) Len() int { return len(s.patterns) }

// Anchored reports whether the pattern can match at a text's begin only.
func (s *Set) Anchored(p int) bool { return s.patterns[p].anchored }

// Regexp returns the pattern, compiled.
func (s *Set) Regexp(p int) *regexp.Regexp { return s.patterns[p].compiled() }

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

// index chooses four bytes of each literal and enters them.
func (s *Set) index() {
	size := 64
	for size < 4*len(s.literals) {
		size *= 2
	}
	s.grams = make([]gram, size)
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
		g := s.find(key)
		if g.first < 0 {
			g.key = key
		}
		l.next, g.first = g.first, int32(i)
	}
}

// find returns the place of a key: its own, or an empty one.
func (s *Set) find(key uint32) *gram {
	for i := hash(key); ; i++ {
		g := &s.grams[int(i)&(len(s.grams)-1)]
		if g.first < 0 || g.key == key {
			return g
		}
	}
}

// fold makes four letters small, and other characters some that are the same for all that fold to them.
const fold = 0x20202020

func load(text string, at int) uint32 {
	return (uint32(text[at]) | uint32(text[at+1])<<8 | uint32(text[at+2])<<16 | uint32(text[at+3])<<24) | fold
}

func hash(key uint32) uint32 { return key * 0x9e3779b1 >> (32 - tableBits) }
