package cluster

import (
	"math/rand/v2"
	"testing"
)

func TestBitmapAgainstMap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b Bitmap
	set := map[uint32]bool{}
	for range 5000 {
		c := rnd.Uint32N(1 << 18)
		if got := b.Set(c); got != set[c] {
			t.Fatalf("setting %d says %v", c, got)
		}
		set[c] = true
		if !b.Has(c) {
			t.Fatalf("%d is not set", c)
		}
	}
	for range 500 {
		c, n := rnd.Uint32N(1<<18), rnd.Uint32N(300)
		want, first := 0, uint32(0)
		for i := range n {
			if set[c+i] {
				if want == 0 {
					first = c + i
				}
				want++
			}
		}
		if got, at := b.Count(c, n); got != want || got > 0 && at != first {
			t.Fatalf("%d from %d: %d, first %d, expected %d, first %d", n, c, got, at, want, first)
		}
	}
	if n, _ := b.Count(1<<31, 1<<20); n != 0 || b.Has(^uint32(0)) {
		t.Error("bits where none were set")
	}
}
