package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/rescue"
	"salvor/sweep"
)

const mebi = 1 << 20

// medium is what a sweep is measured over.
type medium struct {
	name string
	data []byte
}

// media are the kinds of bytes that stand on media: none of them has an order that the sweep could skip, but for the zeros.
func media(size int, dump []byte) []medium {
	rnd := rand.NewChaCha8([32]byte{1})
	random := make([]byte, size)
	_, _ = rnd.Read(random) // it never fails
	mix := make([]byte, 0, size+len(dump))
	for len(dump) > 0 && len(mix) < size {
		mix = append(mix, dump...)
	}
	out := []medium{{"random bytes", random}, {"English text", english(size)}, {"zeros", make([]byte, size)}, {"0xFF, erased flash", bytes.Repeat([]byte{0xFF}, size)}, {"machine code", code(size)}}
	if len(mix) > 0 {
		out = append(out, medium{"a flash dump", mix[:size]})
	}
	return out
}

// matchers are the search of the one sweep without and with firmware.
func matchers() (without, with *sweep.Matcher, err error) {
	t, err := rescue.NewTables()
	if err != nil {
		return nil, nil, err
	}
	files := slices.Clone(t.Signatures)
	for i := range files {
		files[i].Align = max(files[i].Align, 512) // where sectors begin, as rescue looks for them
	}
	base := slices.Concat(t.Landmarks, files)
	if without, err = sweep.NewMatcher(base); err != nil {
		return nil, nil, err
	}
	var images []probe.Probe
	for _, f := range t.Firmware {
		images = append(images, f.Probes...)
	}
	with, err = sweep.NewMatcher(slices.Concat(base, images))
	return without, with, err
}

// piece is what the two searches take turns at: so short that whatever else the machine does seldom meets one of them alone.
const piece = 256 << 10

// sweepBoth searches the bytes with both in each round, piece by piece in turns, and returns how long each takes, by the medians
// of the rounds of each piece, and how many places it finds.
func sweepBoth(a, b *sweep.Matcher, p []byte, rounds int) (took [2]time.Duration, hits [2]int) {
	times := make([][2][]time.Duration, (len(p)+piece-1)/piece)
	for round := range rounds {
		var sweeps [2]*sweep.Sweep
		hits = [2]int{}
		for i, m := range []*sweep.Matcher{a, b} {
			sweeps[i] = m.NewSweep(int64(len(p)), func(probe.Hit) { hits[i]++ })
		}
		for i := range times {
			at, end := i*piece, min((i+1)*piece, len(p))
			for n := range 2 {
				k := (n + i + round) % 2
				begun := time.Now()
				sweeps[k].Observe(block.Between(int64(at), int64(end)), p[at:end])
				times[i][k] = append(times[i][k], time.Since(begun))
			}
		}
	}
	for i := range times {
		took[0] += median(times[i][0])
		took[1] += median(times[i][1])
	}
	return took, hits
}

func median[T int64 | float64 | time.Duration](x []T) T {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// measureSweep writes what the search for firmware adds to the one sweep: how much of its time, by medians of the rounds.
func measureSweep(w io.Writer, size, rounds int, dump []byte) (worst float64, err error) {
	without, with, err := matchers()
	if err != nil {
		return 0, err
	}
	fmt.Fprintf(w, "| %d MiB of | without, MB/s | with, MB/s | adds | places to look at |\n|---|---:|---:|---:|---:|\n", size/mebi)
	for _, m := range media(size, dump) {
		took, hits := sweepBoth(without, with, m.data, rounds)
		adds := float64(took[1])/float64(took[0]) - 1
		worst = max(worst, adds)
		fmt.Fprintf(w, "| %s | %.0f | %.0f | %+.1f %% | %d |\n", m.name, rate(len(m.data), took[0]), rate(len(m.data), took[1]), 100*adds, hits[1]-hits[0])
	}
	return worst, nil
}

func rate(n int, d time.Duration) float64 { return float64(n) / 1e6 / max(d.Seconds(), 1e-9) }
