package sweep_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/sweep"
)

const chunk = 1 << 20

// BenchmarkObserve shows bytes per second for kinds of media and of probes.
func BenchmarkObserve(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	random := make([]byte, 16*chunk)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	media := map[string][]byte{"zeros": make([]byte, 16*chunk), "random": random}
	// The test's own program is as real as binaries are.
	if name, err := os.Executable(); err == nil {
		if real, err := os.ReadFile(name); err == nil && len(real) > 0 {
			media["binary"] = bytes.Repeat(real, 1+16*chunk/len(real))[:16*chunk]
		}
	}
	for _, set := range []struct {
		name   string
		probes []probe.Probe
	}{{"aligned", onlyAligned()}, {"anywhere200", many()}, {"usual", withoutShort()}, {"usual+short", usual}} {
		m, err := sweep.NewMatcher(set.probes)
		if err != nil {
			b.Fatal(err)
		}
		for _, name := range []string{"zeros", "random", "binary"} {
			data := media[name]
			b.Run(set.name+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					s := m.NewSweep(int64(len(data)), func(probe.Hit) {})
					for at := 0; at < len(data); at += chunk {
						s.Observe(block.Extent{Offset: int64(at), Length: chunk}, data[at:at+chunk])
					}
				}
			})
		}
	}
}
