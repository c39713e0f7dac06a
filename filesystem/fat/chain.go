package fat

import (
	"cmp"
	"slices"

	"salvor/filesystem/internal/cluster"
)

// ending says why a chain ends where it does.
type ending uint8

const (
	endMark       ending = iota // the FAT says so
	endGoesOn                   // it does not end: there are more clusters than were asked for
	endFree                     // the next cluster's place is marked free
	endInvalid                  // the next cluster cannot be
	endBad                      // the cluster is marked bad
	endLoop                     // the chain comes back
	endUnreadable               // no copy of the FAT can be read there
	endTooLong                  // a limit was met
)

var endingText = [...]string{"its end", "more clusters", "the next entry is free", "the next cluster does not exist",
	"the cluster is marked bad", "a loop", "the FAT cannot be read", "too many pieces"}

func (e ending) String() string { return endingText[e] }

// view says which copy of the FAT is followed.
type view uint8

const (
	viewFirst  view = iota // the preferred copy, the other where that cannot be read
	viewSecond             // the other way round
	viewMixed              // whichever entry is more plausible, one by one
)

var viewText = [...]string{"the first", "the second", "a mixture"}

// span is a run of clusters that follow each other.
type span struct{ first, count uint32 }

func (s span) end() uint32 { return s.first + s.count }

// chain is a part of a FAT that was followed.
type chain struct {
	spans   []span
	count   uint32 // clusters in spans
	end     ending
	last    uint32 // the last cluster, 0 when there is none
	back    uint32 // where a loop came back to
	differs bool   // the copies differ in an entry on the way
	view    view
}

// maxSpans bounds the pieces of one file: 16 MiB of memory.
const maxSpans = 1 << 20

func newBudget(b *boot) *cluster.Budget { return cluster.NewBudget(b.clusters) }

// next returns what follows c in the given view, and whether the copies differ there. left is the number of
// clusters that should still come.
func (t *table) next(v view, c, left uint32) (uint32, bool) {
	a := t.entry(0, c)
	if len(t.copies) < 2 {
		return a, false
	}
	b := t.entry(1, c)
	switch {
	case a == b || a >= entryLast && a != unknown && b >= entryLast && b != unknown:
		return a, false
	case a == unknown:
		return b, false
	case b == unknown:
		return a, false
	case v == viewFirst:
		return a, true
	case v == viewSecond:
		return b, true
	}
	rank := func(x uint32) int {
		switch {
		case t.b.valid(x) && left > 0, x >= entryLast && left == 0:
			return 2
		case t.b.valid(x), x >= entryLast:
			return 1
		}
		return 0
	}
	if rank(b) > rank(a) {
		return b, true
	}
	return a, true
}

// follow walks over at most limit clusters from first. The chain never holds a cluster twice.
func (t *table) follow(v view, first, limit uint32, steps *cluster.Budget) chain {
	ch := chain{view: v}
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
		if n := len(ch.spans); n > 0 && ch.spans[n-1].end() == c {
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
		nx, differs := t.next(v, c, limit-ch.count)
		ch.differs = ch.differs || differs
		stop := true
		switch {
		case nx == unknown:
			ch.end = endUnreadable
		case nx == entryFree:
			ch.end = endFree
		case nx == entryBad:
			ch.end = endBad
		case nx >= entryLast:
			ch.end = endMark
		case !t.b.valid(nx):
			ch.end = endInvalid
		default:
			stop = false
		}
		if stop {
			break
		}
		if nx == mark { // Brent's way to find a loop without memory
			ch.end, ch.back = endLoop, nx
			break
		}
		if lap++; lap == power {
			mark, lap, power = nx, 0, power*2
		}
		c = nx
	}
	ch.cutRepeats()
	return ch
}

// cutRepeats ends the chain before the first cluster that it holds for the second time.
func (ch *chain) cutRepeats() {
	if len(ch.spans) < 2 && ch.end != endLoop {
		return
	}
	sorted := slices.Clone(ch.spans)
	slices.SortFunc(sorted, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	overlap := false
	for i := 1; i < len(sorted); i++ {
		overlap = overlap || sorted[i].first < sorted[i-1].end()
	}
	if !overlap {
		return
	}
	var seen cluster.Bitmap
	at := uint32(0)
	for i, s := range ch.spans {
		for c := s.first; c < s.end(); c++ {
			if !seen.Set(c) {
				at++
				ch.last = c
				continue
			}
			ch.end, ch.back, ch.count = endLoop, c, at
			ch.spans = ch.spans[:i+1]
			ch.spans[i].count = c - s.first
			if c == s.first {
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

// chainOf follows the chain of a file whose size needs wanted clusters, or one of unknown length (wanted
// 0, at most limit), in the copy of the FAT that makes it fit best.
func (t *table) chainOf(first, wanted, limit uint32, steps *cluster.Budget) chain {
	if wanted > 0 {
		limit = wanted
	}
	best := t.follow(viewFirst, first, limit, steps)
	if !best.differs || best.fits(wanted) {
		return best
	}
	for _, v := range []view{viewSecond, viewMixed} {
		other := t.follow(v, first, limit, steps)
		other.differs = true
		if other.fits(wanted) {
			return other
		}
		if other.count > best.count {
			best = other
		}
	}
	return best
}

// directoryChain follows the chain of a directory. Its length is not known, so that any end mark fits; where
// the copies of the FAT lead to different clusters, the chain wins of which more look like a directory.
func (v *volume) directoryChain(first uint32, steps *cluster.Budget) chain {
	limit := v.directoryClusters()
	best := v.t.chainOf(first, 0, limit, steps)
	if !best.differs {
		return best
	}
	other := v.t.follow(viewSecond, first, limit, steps)
	if best.view == viewSecond {
		other = v.t.follow(viewFirst, first, limit, steps)
	}
	other.differs = true
	if other.fits(0) == best.fits(0) && v.looks(&other) > v.looks(&best) {
		return other
	}
	return best
}

// looks is how well the clusters of a chain look like those of one directory.
func (v *volume) looks(ch *chain) int {
	score := 0
	for _, s := range ch.spans {
		for c := s.first; c < s.end(); c++ {
			switch l := v.lookAt(c); {
			case l.dot && c != ch.spans[0].first, l.odd*4 > l.good:
				score--
			case l.good > 0:
				score++
			}
		}
	}
	return score
}
