package match

import (
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of what is looked at for one pattern.
const (
	minLiteral  = 4  // bytes that a literal needs to be looked for
	maxExact    = 64 // strings that a part of a pattern may stand for and still be told one by one
	maxLiterals = 64 // literals of which one must stand in a match
	maxClass    = 6  // members of a class of characters that are told one by one
	maxBytes    = 64 // bytes of a literal that count
)

// Literals returns strings in small ASCII letters of which at least one stands, in letters of either case, in
// every match of the pattern. ok is false when there are none of 4 bytes or more.
func Literals(pattern string) (literals []string, ok bool, err error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false, err
	}
	for _, b := range branches(re.Simplify()) {
		best, _ := split(required(b))
		if best == nil {
			return nil, false, nil
		}
		literals = append(literals, best...)
	}
	return literals, true, nil
}

// required returns sets of literals; of each set at least one member stands in every match.
func required(re *syntax.Regexp) [][]string {
	var a analysis
	a.walk(re)
	a.flush()
	return a.sets
}

// branches returns the alternatives of a pattern that is, or ends in, such, else the pattern.
func branches(re *syntax.Regexp) []*syntax.Regexp {
	all := spread(re)
	if len(all) > maxLiterals {
		return []*syntax.Regexp{re}
	}
	return all
}

func spread(re *syntax.Regexp) []*syntax.Regexp {
	switch re.Op {
	case syntax.OpCapture:
		return spread(re.Sub[0])
	case syntax.OpAlternate:
		var all []*syntax.Regexp
		for _, sub := range re.Sub {
			all = append(all, spread(sub)...)
		}
		return all
	case syntax.OpConcat: // what alternatives have in common at their begin stands before them
		head, last := re.Sub[:len(re.Sub)-1], re.Sub[len(re.Sub)-1]
		tails := spread(last)
		if len(tails) == 1 {
			break
		}
		all := make([]*syntax.Regexp, len(tails))
		for i, tail := range tails {
			all[i] = &syntax.Regexp{Op: syntax.OpConcat, Flags: re.Flags, Sub: append(head[:len(head):len(head)], tail)}
		}
		return all
	}
	return []*syntax.Regexp{re}
}

// maxMust bounds the parts that a line is asked for before a pattern is tried, and their alternatives.
const maxMust = 16

// split returns the set that is looked for, nil when none is fit, and the others that a line is asked for.
func split(sets [][]string) (best []string, must [][]string) {
	best = choose(sets)
	for _, set := range sets {
		if len(best) > 0 && len(set) == len(best) && set[0] == best[0] {
			continue
		}
		short := slices.ContainsFunc(set, func(s string) bool { return len(s) < 2 })
		if !short && len(set) <= maxMust && len(must) < maxMust {
			must = append(must, set)
		}
	}
	return best, must
}

// choose returns the set that will be found least often where it does not match, nil when none is fit.
func choose(sets [][]string) []string {
	var best []string
	var most float64
	for _, set := range sets {
		if worth := worthOf(set); worth > most {
			best, most = set, worth
		}
	}
	return best
}

// asked returns the set that is best to ask a line for, also where it is too short to be looked for.
func asked(sets [][]string) []string {
	if best := choose(sets); best != nil {
		return best
	}
	var best []string
	for _, set := range sets {
		shortest := func(set []string) int {
			return len(slices.MinFunc(set, func(a, b string) int { return len(a) - len(b) }))
		}
		if n := shortest(set); n >= 2 && len(set) <= maxMust && (best == nil || n > shortest(best)) {
			best = set
		}
	}
	return best
}

// worthOf is the rarity of the most frequent member; 0 for a set that is not fit.
func worthOf(set []string) float64 {
	if len(set) == 0 || len(set) > maxLiterals {
		return 0
	}
	least := -1.0
	for _, s := range set {
		if len(s) < minLiteral {
			return 0
		}
		if r := rarity(s); least < 0 || r < least {
			least = r
		}
	}
	return least
}

// analysis walks over a pattern from left to right and keeps what the text just behind it must be.
type analysis struct {
	exact []string // all that the part since the last flush can be; nil is the empty string alone
	sets  [][]string
	open  bool // something stood in the pattern that cannot be told exactly
}

// flush ends the exact part: it must stand in a match, and what follows is not known to follow at once.
func (a *analysis) flush() {
	if len(a.exact) > 0 {
		a.sets = append(a.sets, a.exact)
	}
	a.exact, a.open = nil, true
}

// add puts alternatives behind the exact part, or ends it where that would be too many.
func (a *analysis) add(alternatives []string) {
	if a.exact == nil {
		a.exact = []string{""}
	}
	if len(a.exact)*len(alternatives) > maxExact || len(a.exact[0]) > maxBytes {
		a.flush()
		a.exact = []string{""}
	}
	if len(alternatives) > maxExact {
		a.sets = append(a.sets, alternatives)
		a.exact, a.open = nil, true
		return
	}
	next := make([]string, 0, len(a.exact)*len(alternatives))
	for _, head := range a.exact {
		for _, tail := range alternatives {
			next = append(next, head+tail)
		}
	}
	a.exact = next
}

func (a *analysis) walk(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText,
		syntax.OpWordBoundary, syntax.OpNoWordBoundary:
	case syntax.OpLiteral:
		a.add([]string{lower(string(re.Rune))})
	case syntax.OpCharClass:
		if all := members(re.Rune); all != nil {
			a.add(all)
		} else {
			a.flush()
		}
	case syntax.OpCapture:
		a.walk(re.Sub[0])
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			a.walk(sub)
		}
	case syntax.OpAlternate:
		a.alternate(re.Sub)
	case syntax.OpQuest:
		if all := exactly(re.Sub[0]); all != nil {
			a.add(append([]string{""}, all...))
		} else {
			a.flush()
		}
	case syntax.OpPlus:
		a.walk(re.Sub[0])
		a.flush()
	case syntax.OpRepeat:
		if re.Min > 0 {
			a.walk(re.Sub[0])
		}
		a.flush()
	default: // any character, a star, nothing at all
		a.flush()
	}
}

// alternate joins what the alternatives ask for: all of them told exactly, or one literal of each.
func (a *analysis) alternate(subs []*syntax.Regexp) {
	var all []string
	for _, sub := range subs {
		one := exactly(sub)
		if one == nil {
			all = nil
			break
		}
		all = append(all, one...)
	}
	if all != nil && len(all) <= maxLiterals {
		a.add(all)
		return
	}
	a.flush()
	var union []string
	for _, sub := range subs {
		best := asked(required(sub))
		if best == nil {
			return
		}
		union = append(union, best...)
	}
	a.sets = append(a.sets, union)
}

// exactly returns all strings that re matches, nil when they are too many.
func exactly(re *syntax.Regexp) []string {
	var a analysis
	a.walk(re)
	switch {
	case a.open:
		return nil
	case a.exact == nil:
		return []string{""}
	}
	return a.exact
}

// members returns the members of a small class of characters, folded, nil when they are too many.
func members(ranges []rune) []string {
	var all []string
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i+1]-ranges[i] > 4*maxClass || len(all) > maxClass {
			return nil
		}
		for r := ranges[i]; r <= ranges[i+1]; r++ {
			if r == '\n' || r == '\r' { // they end lines
				continue
			}
			s := lower(string(r))
			seen := false
			for _, have := range all {
				seen = seen || have == s
			}
			if !seen {
				all = append(all, s)
			}
		}
	}
	if len(all) > maxClass || len(all) == 0 {
		return nil
	}
	return all
}

// lower makes ASCII letters small. Only those: a match in letters that fold otherwise is not looked for.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return strings.ToLower(s)
}

// rarity says, in bits, how seldom a literal stands in logs by accident: by how often its bytes do.
func rarity(s string) float64 {
	bits := 0.0
	for i := 0; i < min(len(s), 24); i++ {
		bits += float64(bitsOf(s[i]))
	}
	for _, word := range commonWords {
		if strings.Contains(s, word) {
			bits -= 10
		}
	}
	return max(bits, 1)
}

// commonWords stand in many lines of every log.
var commonWords = []string{"error", "fail", "update", "device", "kernel", "systemd", "warning", "image", "could not", "unable to"}

// usualWords are what lines of logs are made of: four bytes of them mark no literal well.
const usualWords = " error: failed: could not cannot unable to the for from with device kernel: systemd[ service started session interface connection connected " +
	"address network update version status memory driver initialized registered loaded configuration request response received client server user root " +
	"partition image block write read file system mounted state change config info warning debug message process running starting stopping " +
	"event buffer stopped daemon packet eth0 usb link queue thread handler timer check socket port power reset reading writing " +
	"complete success install download package firmware signature checksum invalid missing timeout timed out not found no such"

// bitsOf is about -log2 of how often a byte stands in logs.
func bitsOf(c byte) int {
	switch {
	case strings.IndexByte(" eatoinsr", c) >= 0:
		return 4
	case 'a' <= c && c <= 'z', '0' <= c && c <= '3':
		return 5
	case strings.IndexByte("0123456789:.-[]=/", c) >= 0:
		return 6
	}
	return 8
}
