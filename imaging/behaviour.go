package imaging

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
)

// number1 writes a number with one digit behind the point, where that is not 0.
func number1(f float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0")
}

func place(at int64) string { return fmt.Sprintf("0x%X", at) }

// Behaviour watches how a medium behaves while it is read: it takes the reads of a job ([Job.LogRead]) and its bytes
// ([Job.Observers]), and says at the end what that means.
type Behaviour struct {
	size   int64
	reads  int64
	rates  [rateClasses]int64     // bytes that were read, by the class of the rate that they came at
	slow   [rateClasses]block.Set // what may have been read far slower than the rest, by the same class
	whole  block.Set              // failed as a large read
	single block.Set              // read sector by sector there
	bad    block.Set

	head     []byte // the first bytes, to be found again where a medium wraps
	repeats  []int64
	constant [2]block.Set // stretches of zeros, of 0xFF
	cut      block.Set    // those that begin in the middle of data
}

// wrapSample is how many bytes of the start are looked for at other places.
const wrapSample = 64 << 10

// NewBehaviour returns a watcher of a medium of size bytes.
func NewBehaviour(size int64) *Behaviour { return &Behaviour{size: size} }

const (
	rateClasses = 80
	// farSlower is how many classes of rate make a stretch stand out: eight to sixteen times slower.
	farSlower = 7
)

// rateClass is a rate as twice the logarithm to base 2 of bytes in a second.
func rateClass(n int64, took time.Duration) int {
	rate := float64(n) / max(took, time.Nanosecond).Seconds()
	return min(max(int(2*math.Log2(rate)), 0), rateClasses-1)
}

// usualRate is the class of the rate of the byte in the middle, by rate. An average would be the rate of what came out of
// a cache, or of a zone in which a disk spent all of its time.
func (b *Behaviour) usualRate() int {
	var all, until int64
	for _, n := range b.rates {
		all += n
	}
	for class, n := range b.rates {
		if until += n; 2*until >= all {
			return class
		}
	}
	return rateClasses - 1
}

// Read notes a read.
func (b *Behaviour) Read(r Read) {
	switch {
	case r.Good == r.Length && r.Length >= leastCluster:
		class := rateClass(r.Length, r.Took)
		b.reads++
		b.rates[class] += r.Length
		if r.Took >= slowRead && (b.reads <= slowAfter || class+farSlower <= b.usualRate()) {
			b.slow[class].Add(r.Extent)
		}
	case r.Good < r.Length && r.Length >= leastCluster:
		b.whole.Add(r.Extent)
	case r.Good == r.Length:
		b.single.Add(r.Extent)
	default:
		b.bad.Add(r.Extent)
	}
}

// Observe looks at bytes: for those of the start at other places, and for stretches of one value that cut data.
func (b *Behaviour) Observe(e block.Extent, p []byte) {
	if e.Offset == 0 && len(p) >= wrapSample && !uniform(p[:wrapSample]) {
		b.head = bytes.Clone(p[:wrapSample])
	}
	// A medium wraps at a size that cards have: a power of two, or a multiple of 64 MiB.
	for at := e.Offset; at+wrapSample <= e.End(); at += ChunkSize {
		if at%(1<<20) == 0 && at > 0 && len(b.head) > 0 && bytes.Equal(b.head, p[at-e.Offset:at-e.Offset+wrapSample]) && len(b.repeats) < 64 {
			b.repeats = append(b.repeats, at)
		}
	}
	const unit = 32 << 10
	for at := 0; at+unit <= len(p); at += unit {
		q := p[at : at+unit]
		if !uniform(q) || q[0] != 0 && q[0] != 0xFF {
			continue
		}
		where := block.Extent{Offset: e.Offset + int64(at), Length: unit}
		i := 0
		if q[0] == 0xFF {
			i = 1
		}
		b.constant[i].Add(where)
		// Data up to the very border, not in the shape of a file that ends and is padded: the last sector is full.
		if at >= 512 && !uniform(p[at-512:at]) && p[at-1] != 0 && p[at-1] != 0xFF && p[at-2] != 0 && p[at-2] != 0xFF {
			b.cut.Add(where)
		}
	}
}

func uniform(p []byte) bool { return bytes.Equal(p[1:], p[:len(p)-1]) }

// Findings says what was seen.
func (b *Behaviour) Findings() []finding.Finding {
	var out []finding.Finding
	// What was usual is known only now: the first reads may have come out of a cache, or been the slow ones.
	var slow block.Set
	for class, set := range b.slow {
		if class+farSlower <= b.usualRate() {
			slow = slow.Union(set)
		}
	}
	if n := slow.Count(); n > 0 {
		at := slow.Extents()[0].Offset
		out = append(out, slowZones.New(finding.Arg("ranges", n), finding.Arg("at", place(at)), finding.At(at, 0)))
	}
	// Places where a large read failed and no sector of it is bad.
	whole, clean := 0, 0
	for e := range b.whole.All() {
		whole++
		if !b.bad.Overlaps(e) && b.single.Overlaps(e) {
			clean++
		}
	}
	if clean >= 3 && clean*2 > whole {
		out = append(out, fast.New(finding.Arg("ranges", clean), finding.Arg("of", whole)))
	}
	for i, name := range []string{"zeros", "0xFF"} {
		suspect := 0
		var bytes, at int64
		for e := range b.constant[i].All() {
			if e.Length >= 128<<10 && b.cut.Has(e.Offset) {
				if suspect++; suspect == 1 {
					at = e.Offset
				}
				bytes += e.Length
			}
		}
		if suspect >= 4 {
			out = append(out, constant.New(finding.Arg("size", size(bytes)), finding.Arg("ranges", suspect), finding.Arg("at", place(at)), finding.At(at, 0), finding.Expected(nil, name)))
		}
	}
	if at, ok := b.wrapped(); ok {
		out = append(out, wraps.New(finding.Arg("at", place(at)), finding.Arg("size", size(at)), finding.Arg("of", size(b.size)), finding.At(at, 0)))
	}
	return out
}

// wrapped returns where the medium begins again: at a place and at every multiple of it. One repeat alone may be a
// copy of a partition; it counts when it is at a power of two of at least 64 MiB.
func (b *Behaviour) wrapped() (int64, bool) {
	if len(b.repeats) == 0 {
		return 0, false
	}
	at := b.repeats[0]
	for _, r := range b.repeats {
		at = min(at, r)
	}
	want := (b.size - wrapSample) / at
	n := int64(0)
	for k := int64(1); k <= want; k++ {
		for _, r := range b.repeats {
			if r == k*at {
				n++
				break
			}
		}
	}
	if want >= 2 {
		return at, n == min(want, 64)
	}
	return at, n == want && at >= 64<<20 && at&(at-1) == 0
}
