package layers

import (
	"math/rand/v2"
	"slices"
	"testing"

	"salvor/block/probe"
	"salvor/filesystem"
)

// Lanes find what trying each probe at each of its places finds.
func TestLanes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 7))
	few := func(n int) []byte { // of few values, so that there is much to find
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(random.IntN(3))
		}
		return b
	}
	hits := 0
	for range 200 {
		kinds := make([]filesystem.Kind, 3)
		for i := range kinds {
			for j := range 1 + random.IntN(4) {
				p := probe.Probe{ID: string(rune('a'+i)) + string(rune('a'+j)), Bytes: few(2 + random.IntN(3)), At: int64(random.IntN(40)), Align: 2 + int64(random.IntN(3))*7}
				if random.IntN(2) == 0 {
					p.Mask = few(len(p.Bytes))
				}
				kinds[i].Probes = append(kinds[i].Probes, p)
			}
		}
		b, base := few(300), int64(random.IntN(100))
		got, want := make([][]probe.Hit, len(kinds)), make([][]probe.Hit, len(kinds))
		for _, l := range lanesOf(kinds) {
			l.match(got, b, base)
		}
		for i := range kinds {
			for j := range kinds[i].Probes {
				p := &kinds[i].Probes[j]
				for at := range b {
					if start := base + int64(at) - p.At; start%p.Align == 0 && p.Matches(b[at:]) {
						want[i] = append(want[i], probe.Hit{ID: p.ID, Offset: start})
					}
				}
			}
			if hits += len(want[i]); !slices.Equal(unique(got[i]), unique(want[i])) {
				t.Fatalf("%+v in %v at %d: %v, want %v", kinds[i].Probes, b, base, got[i], want[i])
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d hits", hits)
	}
}
