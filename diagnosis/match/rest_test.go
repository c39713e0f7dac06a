package match

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

// taken is what of each pattern is found by a receiver that has enough of one after few lines, and asks for the
// last of each behind that.
func taken(set *Set, text string, limit int) (first, last map[int]string) {
	first, last = map[int]string{}, map[int]string{}
	found := map[int]int{}
	c := set.NewScanner()
	note := func(p int, line string) {
		if !set.Regexp(p).MatchString(line) {
			return
		}
		if _, have := first[p]; !have {
			first[p] = line
		}
		last[p] = line
	}
	for range 2 { // a scanner begins anew with each text
		clear(found)
		c.Scan([]byte(text), 0, len(text), func(l *Line) bool {
			for _, p := range l.Patterns {
				note(int(p), text[l.Start:l.End])
				if found[int(p)]++; found[int(p)] >= limit {
					c.Enough(p)
				}
			}
			return true
		})
		rest := map[int32]int{}
		c.Rest([]byte(text), 0, len(text), func(p int32, at int) { rest[p] = at })
		for p, at := range rest {
			l := c.LineAt([]byte(text), at)
			if line := text[l.Start:l.End]; c.Plausible(p, []byte(line)) {
				note(int(p), line)
			}
		}
	}
	return first, last
}

// However early a pattern is given up, its first and its last line are found: of the last those that have all that
// every match has.
func TestEnough(t *testing.T) {
	for seed := range uint64(8) {
		exprs, log := made(rand.New(rand.NewPCG(seed, 5)), 60, 400)
		set, err := Compile(exprs)
		if err != nil {
			t.Fatal(err)
		}
		first, last := map[int]string{}, map[int]string{}
		res := make([]*regexp.Regexp, len(exprs))
		for p, e := range exprs {
			res[p] = regexp.MustCompile(e)
		}
		for _, line := range strings.Split(log, "\n") {
			for p, re := range res {
				if re.MatchString(line) {
					if _, have := first[p]; !have {
						first[p] = line
					}
					last[p] = line
				}
			}
		}
		// a literal alone may stand in a line behind the last match: then that line is the last that is looked at
		gotFirst, gotLast := taken(set, log, 3)
		exact := 0
		for p := range exprs {
			if gotFirst[p] != first[p] {
				t.Errorf("seed %d, %s: first %q, want %q", seed, exprs[p], gotFirst[p], first[p])
			}
			if gotLast[p] == last[p] {
				exact++
			}
		}
		if exact*10 < len(exprs)*9 {
			t.Errorf("seed %d: the last line of %d of %d", seed, exact, len(exprs))
		}
	}
}

// What was given up is asked for again when that is wanted, and no pattern suffers from another one's leaving.
func TestResume(t *testing.T) {
	set, err := Compile([]string{`write failed: full`, `write failed: \w+`, `(?i)WRITE FAILED`})
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(strings.Repeat("write failed: full\n", 10))
	var counts [3]int
	c := set.NewScanner()
	lines := 0
	c.Scan(text, 0, len(text), func(l *Line) bool {
		if lines++; lines == 6 {
			c.Resume(1)
			c.Resume(1)
		}
		for _, p := range l.Patterns {
			if counts[p]++; p == 1 {
				c.Enough(p)
				c.Enough(p)
			}
		}
		return true
	})
	if counts != [3]int{10, 2, 10} {
		t.Errorf("%v", counts)
	}
	var rest []int
	c.Rest(text, 0, len(text), func(p int32, at int) { rest = append(rest, int(p), at) })
	if len(rest) != 2 || rest[0] != 1 || rest[1] != len(text)-19 {
		t.Errorf("%v", rest)
	}
	c.Rest(text, 0, 30, func(_ int32, at int) { rest = append(rest, at) })
	if len(rest) == 3 && rest[2] >= 30 {
		t.Errorf("%v: outside of what counts", rest)
	}
}
