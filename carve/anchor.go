package carve

import (
	"salvor/block"
	"salvor/filetype"
)

// maxAnchored is how many places of one anchor are tried.
const maxAnchored = 8

// byAnchor looks for a structure whose place in the file is known; its distance is the length of the gap.
func (q *quest) byAnchor(w *way, depth int) *Found {
	for _, a := range w.reach.Anchors {
		if a.Offset < w.at || q.spent() {
			continue
		}
		here := w.last + a.Offset - w.at
		for _, x := range q.anchored(a, here) {
			if f := q.across(w, a, x-here, depth); f != nil {
				return f
			}
		}
	}
	return nil
}

// anchored returns the places of an anchor on the tape. What was found is kept as long as the free space is the same.
func (q *quest) anchored(a filetype.Anchor, here int64) []int64 {
	b := q.b
	if b.generation != q.j.generation {
		b.anchored, b.generation = nil, q.j.generation
	}
	key := anchorKey{a.Offset, here, string(a.Bytes)}
	if found, ok := b.anchored[key]; ok {
		return found
	}
	before := q.read.n
	found := q.t.anchored(a, here, maxAnchored)
	q.decoded -= (q.read.n - before) / searchCost
	if b.anchored == nil || len(b.anchored) > maxKept {
		b.anchored = map[anchorKey][]int64{}
	}
	b.anchored[key] = found
	return found
}

// anchorKey tells a search for an anchor from others of the same file.
type anchorKey struct {
	offset, here int64
	bytes        string
}

const (
	// searchCost is how many bytes are searched in the time in which one is decoded.
	searchCost = 16
	// maxKept is how many searches of a file are remembered.
	maxKept = 1 << 10
)

// across looks for the place before an anchor at which the last piece ends, when the gap is known.
func (q *quest) across(w *way, a filetype.Anchor, gap int64, depth int) *Found {
	unit := q.t.unit
	up := func(off int64) int64 { return w.at + (off-w.at+unit-1)/unit*unit }
	low := up(max(w.reach.Good, w.at+1))
	high := w.at + (a.Offset-w.at)/unit*unit
	at := func(split int64) (*Found, candidate, filetype.Reach) {
		cut := block.Extent{Offset: w.last, Length: split - w.at}
		return q.follow(w, cut, cut.End()+gap, split, q.markAt(w, cut, split))
	}
	if high < low || q.spent() {
		return nil
	}
	// With all up to the anchor taken from before the gap, the contradiction comes in what the piece does not hold any more.
	q.trials--
	f, c, r := at(high)
	if f != nil {
		return f
	}
	var best []candidate
	if c.bad > a.Offset {
		best = append(best, c)
	}
	if r.Good <= high { // else it speaks of what stands behind the gap
		low = max(low, up(r.Good))
	}
	if r.Bad > low && r.Bad < high {
		high = w.at + (r.Bad-w.at)/unit*unit
	}
	// A gap that nothing was written to says itself where it begins.
	if begin, ok := q.t.fill(w.last+low-w.at, w.last+high-w.at, gap, q.kind); ok && (w.reach.Dense || gap >= leastFill*unit) {
		if f, _, _ := at(begin - w.last + w.at); f != nil {
			return f
		}
	}
	for split := high; split >= low; split -= unit {
		if q.spent() {
			return nil
		}
		cut := block.Extent{Offset: w.last, Length: split - w.at}
		if r.Whole && q.blind([]block.Extent{cut, {Offset: cut.End() + gap}}, shifted(r.Blind, -w.at)) {
			continue // as at the anchor, nothing would tell
		}
		q.trials--
		f, c, _ := at(split)
		if f != nil {
			return f
		}
		if c.bad > a.Offset {
			best = append(best, c)
		}
	}
	return q.deeper(w, best, depth)
}

// leastFill is how many empty clusters are no coincidence inside of data that may have such itself.
const leastFill = 4

// shifted returns extents moved by a distance.
func shifted(list []block.Extent, by int64) []block.Extent {
	out := make([]block.Extent, len(list))
	for i, e := range list {
		out[i] = e.Shift(by)
	}
	return out
}
