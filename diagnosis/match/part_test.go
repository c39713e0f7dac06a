package match

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestPart holds that asking for pairs first gives the answer of the search alone.
func TestPart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcABC \x00\xff"[r.IntN(9)]
		}
		return b
	}
	var l lowered
	found := 0
	for range 20000 {
		line := text(r.IntN(40))
		want := string(bytes.ToLower(bytes.ReplaceAll(text(1+r.IntN(6)), []byte{0xff}, nil)))
		if want == "" {
			continue
		}
		l.set(line)
		p := parts([][]string{{want}})[0][0]
		// Of letters beyond ASCII nothing is made small, here as in the scanner.
		has := bytes.Contains(asciiLower(line), []byte(want))
		if got := p.in(&l); got != has {
			t.Fatalf("%q in %q: %v, want %v", want, line, got, has)
		}
		if has {
			found++
		}
	}
	if found < 100 {
		t.Fatalf("only %d parts stood in their line: the test shows nothing", found)
	}
}

func asciiLower(b []byte) []byte {
	b = bytes.Clone(b)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

func TestWindow(t *testing.T) {
	of := func(s string) (w window) {
		for i := range s {
			w.set(i, s[i])
		}
		return w
	}
	both := of("update f")
	both.join(of("update s"))
	for text, want := range map[string]bool{"UPDATE F": true, "update s": true, "update x": true, "updates ": false, "upd4te f": false} {
		if got := both.at([]byte(text), 0); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	both.join(window{})
	if !both.at([]byte("anything"), 0) {
		t.Error("a window that has nothing in common with another still refuses")
	}
}
