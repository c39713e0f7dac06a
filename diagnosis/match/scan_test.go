package match

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// hit is a pattern that matched on a line.
type hit struct {
	line    string
	pattern int
}

func hits(set *Set, text string) []hit {
	var list []hit
	set.NewScanner().Scan([]byte(text), 0, len(text), func(l *Line) bool {
		for _, p := range l.Patterns {
			if line := text[l.Start:l.End]; set.Regexp(int(p)).MatchString(line) {
				list = append(list, hit{line, int(p)})
			}
		}
		return true
	})
	return list
}

func TestScan(t *testing.T) {
	set, err := Compile([]string{
		`No space left on device`,
		`(?i)curl: \((6|7)\) `,
		`^FAILED \(remote`,
		`timeout|timed out`,
		`device$`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !set.Anchored(2) || set.Anchored(0) || set.Anchored(4) || set.Len() != 5 {
		t.Error("anchors")
	}
	got := hits(set, "cp: No space left on device\nNO SPACE LEFT ON DEVICE\r\nCURL: (7) x\rcurl: (8) x\n\nx FAILED (remote: 'no')\nFAILED (remote: 'no') timed out")
	want := []hit{
		{"cp: No space left on device", 0}, {"cp: No space left on device", 4},
		{"CURL: (7) x", 1},
		{"FAILED (remote: 'no') timed out", 2}, {"FAILED (remote: 'no') timed out", 3},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if _, err := Compile([]string{`a.b`}); err == nil {
		t.Error("a pattern without a literal was taken")
	}
}

// made returns patterns and a log in which some of them stand, made from words.
func made(r *rand.Rand, patterns, lines int) ([]string, string) {
	word := func() string {
		b := make([]byte, 3+r.IntN(7))
		for i := range b {
			b[i] = "etaoinshrdlucmfwypvbgk"[r.IntN(22)]
		}
		return string(b)
	}
	var exprs, texts []string
	for range patterns {
		a, b, c := word(), word(), word()
		switch r.IntN(4) {
		case 0:
			exprs = append(exprs, fmt.Sprintf(`%s %s: %s`, a, b, c))
		case 1:
			exprs = append(exprs, fmt.Sprintf(`(?i)%s %s (\d+) %s`, a, b, c))
			b += " 12"
		case 2:
			exprs = append(exprs, fmt.Sprintf(`(%s|%s) failed: %s`, a, b, c))
			a, b = b, "failed:"
		default:
			exprs = append(exprs, fmt.Sprintf(`%s .*%s$`, a+b, c))
			a, b = a+b, "x"
		}
		texts = append(texts, a+" "+b+" "+c)
	}
	var log strings.Builder
	for i := range lines {
		fmt.Fprintf(&log, "Nov 21 14:31:%02d gw %s[%d]: ", i%60, word(), r.IntN(999))
		for range r.IntN(12) {
			log.WriteString(word() + " ")
		}
		if r.IntN(10) == 0 {
			log.WriteString(texts[r.IntN(len(texts))])
		}
		log.WriteByte('\n')
	}
	return exprs, log.String()
}

// What is found is exactly what each pattern finds by itself on each line.
func TestAgainstEach(t *testing.T) {
	for seed := range uint64(8) {
		exprs, log := made(rand.New(rand.NewPCG(seed, 9)), 40, 300)
		set, err := Compile(exprs)
		if err != nil {
			t.Fatal(err)
		}
		var want []hit
		for _, line := range strings.Split(log, "\n") {
			for i, e := range exprs {
				if regexp.MustCompile(e).MatchString(line) {
					want = append(want, hit{line, i})
				}
			}
		}
		got := hits(set, log)
		order := func(a, b hit) int { return strings.Compare(a.line, b.line)*1000 + a.pattern - b.pattern }
		slices.SortFunc(got, order)
		slices.SortFunc(want, order)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %d hits, want %d", seed, len(got), len(want))
		}
	}
}

// In a line of any length each match is found, in a window that does not claim to be the line.
func TestLongLines(t *testing.T) {
	set, err := Compile([]string{`needle (\d+)`, `^needle`, `needle \d+$`})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("needle 0")
	for i := 1; i < 50; i++ {
		b.WriteString(strings.Repeat("x", i*97) + fmt.Sprintf(" needle %d", i))
	}
	text := b.String()
	found := map[string]bool{}
	anchored, ended := 0, 0
	set.NewScanner().Scan([]byte(text), 0, len(text), func(l *Line) bool {
		if l.End-l.Start > max(maxLine, cell+2*margin) {
			t.Errorf("a window of %d bytes", l.End-l.Start)
		}
		line := text[l.Start:l.End]
		for _, m := range set.Regexp(0).FindAllString(line, -1) {
			found[m] = true
		}
		if l.Begin && l.Start != 0 || l.Ended && l.End != len(text) {
			t.Errorf("%+v", *l)
		}
		if l.Begin && set.Regexp(1).MatchString(line) {
			anchored++
		}
		if l.Ended && set.Regexp(2).MatchString(line) {
			ended++
		}
		return true
	})
	if anchored != 1 || ended < 1 {
		t.Errorf("%d windows with the begin, %d with the end", anchored, ended)
	}
	for i := range 50 {
		if !found[fmt.Sprintf("needle %d", i)] {
			t.Errorf("needle %d is not found", i)
		}
	}
}

// Of overlapping texts each literal counts once.
func TestShare(t *testing.T) {
	set, _ := Compile([]string{`needle`})
	text := []byte(strings.Repeat("a needle in hay, ", 4000))
	count := func(text []byte, from, to int) (n int) {
		set.NewScanner().Scan(text, from, to, func(l *Line) bool { n++; return true })
		return n
	}
	whole := count(text, 0, len(text))
	if whole < len(text)/maxLine {
		t.Errorf("%d windows", whole)
	}
	if n := count(text, 100, 100); n != 0 {
		t.Errorf("%d lines where none counts", n)
	}
	if n := count(text, 2, 3); n != 1 {
		t.Errorf("%d lines of one literal", n)
	}
	if n := count(text, 3, 18); n != 0 {
		t.Errorf("%d lines between literals", n)
	}
}

// A text that slows down engines which backtrack.
func TestBackless(t *testing.T) {
	set, err := Compile([]string{`fail(a+)+b$`, `(x+x+)+y fail`})
	if err != nil {
		t.Fatal(err)
	}
	text := bytes.Repeat([]byte("fail"+strings.Repeat("a", 500)+strings.Repeat("x", 500)+" fail\n"), 200)
	start := time.Now()
	set.NewScanner().Scan(text, 0, len(text), func(l *Line) bool {
		for _, p := range l.Patterns {
			if set.Regexp(int(p)).Match(text[l.Start:l.End]) {
				t.Errorf("pattern %d matches", p)
			}
		}
		return true
	})
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("%v", d)
	}
}

func BenchmarkScan(b *testing.B) {
	exprs, log := made(rand.New(rand.NewPCG(1, 9)), 1500, 20000)
	set, err := Compile(exprs)
	if err != nil {
		b.Fatal(err)
	}
	text := []byte(log)
	c := set.NewScanner()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		c.Scan(text, 0, len(text), func(l *Line) bool {
			for _, p := range l.Patterns {
				set.Regexp(int(p)).Match(text[l.Start:l.End])
			}
			return true
		})
	}
}
