package ext

import (
	"math/rand/v2"
	"testing"

	"salvor/block"
)

// TestClaimed compares the sets with a count of every byte, over borders of batches too.
func TestClaimed(t *testing.T) {
	const size = 4096
	for seed := range uint64(50) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		var c claimed
		var count [size]int
		for i := range 1 + rnd.IntN(200) {
			e := block.Extent{Offset: rnd.Int64N(size), Length: rnd.Int64N(40)}
			e = e.Intersect(block.Extent{Length: size})
			c.add(e)
			for at := e.Offset; at < e.End(); at++ {
				count[at]++
			}
			if i%(1+int(seed)) == 0 {
				c.join()
			}
		}
		c.join()
		for at, n := range count {
			if c.any.Has(int64(at)) != (n > 0) || c.shared.Has(int64(at)) != (n > 1) {
				t.Fatalf("seed %d: byte %d stands in %d extents; claimed %v, shared %v", seed, at, n, c.any.Has(int64(at)), c.shared.Has(int64(at)))
			}
		}
	}
}

// TestClaimedIsSmall has files beside each other cost one extent, however many there are.
func TestClaimedIsSmall(t *testing.T) {
	var c claimed
	for i := range int64(5 * claimsBatch) {
		c.add(block.Extent{Offset: i * 4096, Length: 4096})
	}
	c.join()
	if c.any.Count() != 1 || !c.shared.Empty() || cap(c.batch) > 2*claimsBatch {
		t.Errorf("%d extents, %d shared, %d gathered; expected one, none and at most %d", c.any.Count(), c.shared.Count(), cap(c.batch), 2*claimsBatch)
	}
}

// BenchmarkClaimed gathers a million files whose places come in no order.
func BenchmarkClaimed(b *testing.B) {
	for b.Loop() {
		rnd := rand.New(rand.NewPCG(1, 1))
		var c claimed
		for range 1 << 20 {
			c.add(block.Extent{Offset: rnd.Int64N(1<<24) * 8192, Length: 4096})
		}
		c.join()
	}
}
