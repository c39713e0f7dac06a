package imaging

import (
	"time"

	"salvor/block"
)

// deafness notices a source that fails everywhere, as one does that was pulled out but whose system does not say so.
type deafness struct {
	fails int
	good  block.Extent // the last sector that was read
	bytes []byte       // what it held, where that is compared
	saved []failure    // the last ones, in their order
}

// failure is what the map said before a read that failed.
type failure struct {
	mapBlock
	at time.Time
}

const (
	// deafAfter is how many reads fail in a row before the source is asked where it could be read before.
	deafAfter = 24
	// doubtful is for how long before a source is found to be gone its failures are not believed: what its system still
	// kept of it may have been read between them.
	doubtful = 30 * time.Second
	// manyFailures is how many are remembered.
	manyFailures = 1 << 12
)

// note counts a read, and reports whether it is time to ask.
func (d *deafness) note(m *Map, e block.Extent, o outcome) bool {
	if o.good == e.Length || o.stuck {
		d.heard()
		return false
	}
	if len(d.saved) >= manyFailures {
		d.saved = append(d.saved[:0], d.saved[manyFailures/2:]...)
	}
	now := time.Now()
	for s, st := range m.Within(block.Between(e.Offset+o.good, e.End())) {
		d.saved = append(d.saved, failure{mapBlock{s, st}, now})
	}
	if o.good > 0 {
		d.heard()
		return false
	}
	d.fails++
	return d.fails >= deafAfter
}

func (d *deafness) heard() { d.fails = 0 }

// undo gives back what may have failed only because no one was there. What was read since stays.
func (d *deafness) undo(p *planner) {
	since := time.Now().Add(-doubtful)
	for i := len(d.saved) - 1; i >= 0 && d.saved[i].at.After(since); i-- {
		var again []block.Extent
		for e, st := range p.m.Within(d.saved[i].e) {
			if st != Finished {
				again = append(again, e)
			}
		}
		for _, e := range again {
			p.set(e, d.saved[i].s)
		}
	}
	d.saved = d.saved[:0]
	d.heard()
}
