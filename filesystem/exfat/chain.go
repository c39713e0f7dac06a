package exfat

import (
	"cmp"
	"slices"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// ending says why a chain ends where it does.
type ending uint8

const (
	endMark       ending = iota // the FAT says so
	endGoesOn                   // there are more clusters than were asked for
	endFree                     // the next entry is 0
	endInvalid                  // the next cluster cannot be
	endBad                      // the cluster is marked bad
	endLoop                     // the chain comes back
	endUnreadable               // no copy of the FAT can be read there
	endTooLong                  // a limit was met
)

var endingText = [...]string{"its end", "more clusters", "the next entry is empty", "the next cluster does not exist",
	"the cluster is marked bad", "a loop", "the FAT cannot be read", "too many pieces"}

func (e ending) String() string { return endingText[e] }

// span is a run of clusters that follow each other.
type span struct{ first, count uint32 }

// last is the last cluster of the span.
func (s span) last() uint32 { return s.first + s.count - 1 }

// chain is a part of a FAT that was followed.
type chain struct {
	spans []span
	count uint32
	end   ending
	last  uint32 // the last cluster, 0 when there is none
	rank  int    // the copy of the FAT that was followed
}

// maxSpans bounds the pieces of one file: 8 MiB of memory.
const maxSpans = 1 << 20

func newBudget(b *boot) *cluster.Budget { return cluster.NewBudget(b.clusters) }

// follow walks over at most limit clusters from first in the copy of the given rank. Where that cannot be
// read, the other serves. The chain never holds a cluster twice.
func (t *table) follow(rank int, first, limit uint32, steps *cluster.Budget) chain {
	ch := chain{rank: rank}
	if !t.b.valid(first) {
		ch.end = endInvalid
		return ch
	}
	limit = min(limit, t.b.clusters)
	mark, lap, power := first, uint32(0), uint32(64)
	for c := first; ; {
		if ch.count == limit {
			ch.end = endGoesOn
			break
		}
		if n := len(ch.spans); n > 0 && ch.spans[n-1].last()+1 == c {
			ch.spans[n-1].count++
		} else if n == maxSpans {
			ch.end = endTooLong
			break
		} else {
			ch.spans = append(ch.spans, span{c, 1})
		}
		ch.count++
		ch.last = c
		if !steps.Take() {
			ch.end = endTooLong
			break
		}
		next := t.entry(rank, c)
		if next == unknown && len(t.copies) > 1 {
			next = t.entry(1-rank, c)
		}
		stop := true
		switch {
		case next == unknown:
			ch.end = endUnreadable
		case next == entryFree:
			ch.end = endFree
		case next == entryBad:
			ch.end = endBad
		case next == entryLast:
			ch.end = endMark
		case !t.b.valid(next):
			ch.end = endInvalid
		default:
			stop = false
		}
		if stop {
			break
		}
		if next == mark { // Brent's way to find a loop without memory
			ch.end = endLoop
			break
		}
		if lap++; lap == power {
			mark, lap, power = next, 0, power*2
		}
		c = next
	}
	ch.cutRepeats()
	return ch
}

// cutRepeats ends the chain before the first cluster that it holds for the second time.
func (ch *chain) cutRepeats() {
	sorted := slices.Clone(ch.spans)
	slices.SortFunc(sorted, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	overlap := false
	for i := 1; i < len(sorted); i++ {
		overlap = overlap || sorted[i].first <= sorted[i-1].last()
	}
	if !overlap {
		return
	}
	var seen cluster.Bitmap
	at := uint32(0)
	for i, s := range ch.spans {
		for n := range s.count {
			if !seen.Set(s.first + n) {
				at++
				ch.last = s.first + n
				continue
			}
			ch.end, ch.count = endLoop, at
			ch.spans = ch.spans[:i+1]
			ch.spans[i].count = n
			if n == 0 {
				ch.spans = ch.spans[:i]
			}
			return
		}
	}
}

// fits reports whether the chain ends by its mark after exactly wanted clusters, or after any number when
// wanted is 0.
func (ch *chain) fits(wanted uint32) bool {
	return ch.end == endMark && (wanted == 0 || ch.count == wanted)
}

// chainOf follows the chain of a file of wanted clusters, or of at most limit when wanted is 0, in the active
// FAT or, when it fits there only, in the other.
func (t *table) chainOf(first, wanted, limit uint32, steps *cluster.Budget) chain {
	if wanted > 0 {
		limit = wanted
	}
	best := t.follow(0, first, limit, steps)
	if best.fits(wanted) || len(t.copies) < 2 {
		return best
	}
	other := t.follow(1, first, limit, steps)
	if other.fits(wanted) || other.count > best.count {
		return other
	}
	return best
}

// extents returns where clusters stand, in bytes.
func (b *boot) extents(spans []span) []block.Extent {
	out := make([]block.Extent, 0, len(spans))
	for _, s := range spans {
		out = append(out, block.Extent{Offset: b.at(s.first), Length: int64(s.count) * b.clusterSize})
	}
	return out
}

// stream returns the bytes of spans as a source of size bytes.
func (b *boot) stream(src block.Source, spans []span, size int64) block.Source {
	runs := make([]block.Run, 0, len(spans))
	at := int64(0)
	for _, e := range b.extents(spans) {
		runs = append(runs, block.Run{Logical: at, Physical: e.Offset, Length: e.Length})
		at += e.Length
	}
	return block.Join(src, runs, min(size, at))
}
