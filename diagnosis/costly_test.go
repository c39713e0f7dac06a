package diagnosis

import (
	"strings"
	"testing"
	"time"
)

// A log made of what looks like messages costs no more than others. What is rare in it is found, its last line is
// read, and the answer says that not all was tried.
func TestCostly(t *testing.T) {
	near := "got x of y bytes " + strings.Repeat("got ", 400) + "\n"
	flood := strings.Repeat(near, 20_000)
	e := small(t)
	start := time.Now()
	a := ask(t, e, flood[:len(flood)/2]+"upper[1]: package is for 'hub'\n"+flood[len(flood)/2:]+"got 100 of 200 bytes\n")
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("%v", d)
	}
	seen := map[string]bool{}
	for _, c := range a.Conclusions {
		for _, ev := range c.For {
			seen[ev.Rule] = true
		}
	}
	if !seen["up.wrong"] || !seen["up.size"] {
		t.Errorf("%v", seen)
	}
	if len(a.Problems) != 1 || !strings.Contains(a.Problems[0], "not every line") {
		t.Errorf("%q", a.Problems)
	}
}

// A log that is full of real failures is read to its end without a word of limits.
func TestFlood(t *testing.T) {
	a := ask(t, small(t), strings.Repeat("hash mismatch\nwriter aborted\n", 300_000)+"upper[1]: package is for 'hub'\n")
	if len(a.Problems) != 0 || len(a.Conclusions) < 2 {
		t.Errorf("%q, %+v", a.Problems, a.Conclusions)
	}
}
