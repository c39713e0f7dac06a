package rescue

import (
	"math/rand/v2"
	"slices"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/sweep"
)

// BenchmarkFirmwareProbes shows what looking for firmware adds to the sweep: the same probes with and without it, over random
// bytes, which no table of a medium can skip, over zeros, and over text.
func BenchmarkFirmwareProbes(b *testing.B) {
	t, err := NewTables()
	if err != nil {
		b.Fatal(err)
	}
	aligned := slices.Clone(t.Signatures)
	for i := range aligned {
		aligned[i].Align = max(aligned[i].Align, sectorSize)
	}
	without, err := sweep.NewMatcher(slices.Concat(t.Landmarks, aligned))
	if err != nil {
		b.Fatal(err)
	}
	const size = 32 << 20
	rnd := rand.NewChaCha8([32]byte{1})
	random, text := make([]byte, size), make([]byte, size)
	_, _ = rnd.Read(random) // it never fails
	for i := range text {
		text[i] = "etaoin shrdlu\n"[random[i]%14]
	}
	for _, medium := range []struct {
		name string
		data []byte
	}{{"random", random}, {"text", text}, {"zeros", make([]byte, size)}} {
		for _, m := range []struct {
			name string
			m    *sweep.Matcher
		}{{"without", without}, {"with", t.matcher}} {
			b.Run(medium.name+"/"+m.name, func(b *testing.B) {
				b.SetBytes(size)
				for b.Loop() {
					s := m.m.NewSweep(size, func(probe.Hit) {})
					for at := 0; at < size; at += mebi {
						s.Observe(block.Extent{Offset: int64(at), Length: mebi}, medium.data[at:at+mebi])
					}
				}
			})
		}
	}
}
