package block

import (
	"math/rand/v2"
	"testing"
)

// TestClaims compares the sets with a count of every byte, over borders of batches too.
func TestClaims(t *testing.T) {
	const size = 4096
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var c Claims
		var count [size]int
		for i := range 1 + rnd.IntN(200) {
			e := Extent{Offset: rnd.Int64N(size), Length: rnd.Int64N(40)}.Intersect(Extent{Length: size})
			c.Add(e)
			for at := e.Offset; at < e.End(); at++ {
				count[at]++
			}
			if i%(1+int(seed)) == 0 {
				c.join()
			}
		}
		claimed, shared := c.Any(), c.Shared()
		for at, n := range count {
			if claimed.Has(int64(at)) != (n > 0) || shared.Has(int64(at)) != (n > 1) {
				t.Fatalf("seed %d: byte %d stands in %d extents; claimed %v, shared %v", seed, at, n, claimed.Has(int64(at)), shared.Has(int64(at)))
			}
		}
	}
}

// TestClaimsGoOn has claims come after an answer was taken: the answer keeps its value, the next one is whole.
func TestClaimsGoOn(t *testing.T) {
	var c Claims
	if !c.Any().Empty() || !c.Shared().Empty() {
		t.Error("the zero value has claims")
	}
	c.Add(Extent{0, 10}, Extent{20, 10})
	before := c.Any()
	c.Add(Extent{5, 10}, Extent{5, 0})
	if got, want := c.Shared(), SetOf(Extent{5, 5}); !got.Equal(want) {
		t.Errorf("shared %v, expected %v", got.Extents(), want.Extents())
	}
	if got, want := c.Any(), SetOf(Extent{0, 15}, Extent{20, 10}); !got.Equal(want) {
		t.Errorf("claimed %v, expected %v", got.Extents(), want.Extents())
	}
	if want := SetOf(Extent{0, 10}, Extent{20, 10}); !before.Equal(want) {
		t.Errorf("an answer changed to %v", before.Extents())
	}
}

// TestClaimsAreSmall has files beside each other cost one extent, however many there are.
func TestClaimsAreSmall(t *testing.T) {
	var c Claims
	for i := range int64(5 * claimsBatch) {
		c.Add(Extent{Offset: i * 4096, Length: 4096})
	}
	if c.Any().Count() != 1 || !c.Shared().Empty() || cap(c.batch) > 2*claimsBatch {
		t.Errorf("%d extents, %d shared, %d gathered; expected one, none and at most %d", c.Any().Count(), c.Shared().Count(), cap(c.batch), 2*claimsBatch)
	}
}

// BenchmarkClaims gathers a million files whose places come in no order.
func BenchmarkClaims(b *testing.B) {
	for b.Loop() {
		rnd := rand.New(rand.NewPCG(1, 1))
		var c Claims
		for range 1 << 20 {
			c.Add(Extent{Offset: rnd.Int64N(1<<24) * 8192, Length: 4096})
		}
		c.Any()
	}
}
