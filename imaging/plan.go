package imaging

import (
	"strings"
	"time"

	"salvor/block"
)

// Plan says how a medium is read: what of it, in which phases, how eagerly. The zero value reads everything, as a
// person wants it who does not know what is wrong with the medium. Fields that GNU ddrescue has an option for are named
// as that option is.
type Plan struct {
	// Domain limits what is read; nil is everything. What lies outside keeps its state.
	Domain *block.Set

	Reverse        bool // every pass in the other direction
	Unidirectional bool // all passes in one direction
	NoTrim         bool // no trimming
	NoScrape       bool // no scraping
	TryAgain       bool // what failed, but for bad sectors, is called not tried before the first read
	Retrim         bool // what failed is called not trimmed before the first read
	// RetryPasses is how often bad sectors are read again; -1 for ever.
	RetryPasses int
	// CopyPasses says which of the passes 1 to 5 of the copying phase are run, bit 1 for pass 1; 0 is all of them.
	CopyPasses uint8

	// Cluster is the size of a read in bytes while nothing fails. 0 lets it follow how far errors are apart.
	Cluster int64
	// SkipSize and MaxSkipSize are how much is passed over behind the first error and at most, in bytes; 0 chooses
	// by the size of the medium. NoSkip passes over nothing.
	SkipSize, MaxSkipSize int64
	NoSkip                bool
	// MinReadRate is the rate in bytes per second below which an area is slow, and left for later; 0 is a tenth of
	// the average, negative calls nothing slow.
	MinReadRate int64
	// MaxReadRate bounds the rate of reading in bytes per second; 0 is no bound.
	MaxReadRate int64
	// PauseOnError and PauseOnPass give the medium time to cool.
	PauseOnError, PauseOnPass time.Duration

	// The run ends with an [ExhaustedError] when more reads failed than MaxReadErrors, when there are more new bad
	// areas than MaxBadAreas, when more bytes fail in a second than MaxErrorRate, when more reads were slow than
	// MaxSlowReads, or when nothing could be read for Timeout. 0 is no bound; -1 allows none.
	MaxReadErrors, MaxBadAreas, MaxSlowReads int
	MaxErrorRate                             int64
	// AllBadAreas counts the bad areas that were there before, too.
	AllBadAreas bool
	Timeout     time.Duration
}

const (
	// leastCluster and smallCluster are the least size of a read in bytes where errors are near each other, and
	// the largest where they are looked for sector by sector.
	leastCluster = 16 << 10
	smallCluster = 64 << 10
	// leastGap is the size in bytes below which the gap between two failures is not searched for islands: one
	// cluster, which would have been one failed read.
	leastGap = 64 << 10
	largeGap = 256 << 10 // before the edges are trimmed
	// firstSkip is what is passed over behind a first error, at least. A cluster of errors is seldom smaller than
	// that, and a skip which was too far costs nothing but reading back.
	firstSkip = 256 << 10
	// slowRead is the least time of a read that may be called slow: below it, it is the system that is slow.
	slowRead = 50 * time.Millisecond
	// slowAfter is how many reads make an average.
	slowAfter = 32
)

// outcome is what became of a read.
type outcome struct {
	good  int64 // bytes from its start that were read, whole sectors
	took  time.Duration
	stuck bool // there was no answer in time
}

// planner decides what to read next, and keeps the map. It knows no clock and no source.
type planner struct {
	Plan
	m      *Map
	sector int64
	in     domain
	lost   block.Set // what was given up on in this run

	phase Status
	pass  int
	dir   int   // 1 forward, -1 backward
	pos   int64 // where the pass is; backward the end of what it still looks at
	ended bool
	quick bool

	skip    int64 // what the next error passes over
	size    int64 // the size of the next read of the copying phase, 0 for the usual one
	clean   int64 // bytes read since the last error
	slow    int   // slow reads in a row
	gap     gap   // between two failures, that the copying phase comes back to
	level   int64 // of the search for islands: gaps of at least this size
	least   int64 // to which the search goes down before the edges are trimmed, and then again
	streak  int64 // bytes read since the last error at this place, of small reads
	at      int64 // where the next small read must begin (forward) or end (backward) to be part of the streak
	careful int64 // up to here sector by sector, since something failed as a whole

	cost     costs
	counts   [5]int64 // bytes in each state, in the order of states
	resumed  mapPlace
	retried  int // passes of the retrying in this run
	areas    int // separate places where something failed
	lastFail block.Extent
}

func newPlanner(m *Map, p Plan, sector int64) *planner {
	s := &planner{Plan: p, m: m, sector: sector, in: domainOf(p.Domain, m.Size(), sector)}
	s.cost = newCosts(m.Size() / sector)
	m.joinSubsectors(sector)
	for e, st := range m.All() {
		s.counts[stateIndex(st)] += e.Length
	}
	again := func(to Status, from ...Status) {
		for e := range m.Of(from...).All() {
			for d := range s.in.within(e) {
				s.set(d, to)
			}
		}
	}
	switch {
	case p.TryAgain && p.Retrim:
		again(NonTried, NonTrimmed, NonScraped, BadSector)
	case p.TryAgain:
		again(NonTried, NonTrimmed, NonScraped)
	case p.Retrim:
		again(NonTrimmed, NonScraped, BadSector)
	}
	s.begin()
	return s
}

// begin goes on where the map says that the work stopped.
func (s *planner) begin() {
	s.phase, s.pass, s.least = NonTried, 1, largeGap
	at := s.m.Pos
	if s.m.Current == NonTried && s.m.Pass >= 1 && s.m.Pass <= 5 {
		s.pass = s.m.Pass
	} else {
		at = 0
	}
	s.enter()
	if at > 0 && at < s.m.Size() && s.pass < 5 {
		s.pos = at
	}
	if s.m.Current == BadSector {
		s.resumed = mapPlace{max(s.m.Pass, 1), s.m.Pos}
	}
}

// mapPlace is where the map says that the retrying stopped.
type mapPlace struct {
	pass int
	at   int64
}

// use changes what may be read, and begins anew with the first pass. quick leaves out what costs a failure for
// nearly every sector: small gaps between failures, and what lies between trimmed edges.
func (s *planner) use(d *block.Set, quick bool) {
	s.quick = quick
	s.in = domainOf(d, s.m.Size(), s.sector)
	s.in.remove(s.lost)
	s.phase = NonTried
	s.again()
}

// again begins with the first pass, of which what was done is left out: what failed only because no one was there may have
// failed in an earlier phase.
func (s *planner) again() {
	if s.phase == BadSector {
		s.resumed = mapPlace{s.pass, s.pos}
		s.retried--
	}
	s.phase, s.pass, s.ended, s.least = NonTried, 1, false, largeGap
	s.enter()
}

// enter sets up a pass.
func (s *planner) enter() {
	s.dir = 1
	switch {
	case s.phase == NonTried && (s.pass == 2 || s.pass == 4), s.phase == BadSector && s.pass%2 == 0:
		s.dir = -1
	}
	if s.Unidirectional {
		s.dir = 1
	}
	if s.Reverse {
		s.dir = -s.dir
	}
	s.rewind()
	s.skip, s.size, s.clean, s.slow = s.skipSize(), 0, 0, 0
	s.streak, s.at, s.careful = 0, -1, -1
	s.gap.end, s.gap.wary = -1, false
	s.level = 0
	if s.phase == NonTried && s.pass == 5 {
		s.level = s.least
		for s.level < s.largestGap() {
			s.level *= 2
		}
	}
}

func (s *planner) rewind() {
	s.pos = 0
	if s.dir < 0 {
		s.pos = s.m.Size()
	}
}

// advance goes to the next pass or phase. It reports false behind the last one.
func (s *planner) advance() bool {
	switch {
	case s.quick && s.phase == NonTrimmed:
		s.ended = true
		return false
	case s.phase == NonTried && s.pass == 5 && s.least > leastGap:
		// The edges of what failed give more good data in a read than small gaps between failures: they are trimmed
		// before the last pass of the copying phase comes to those, and what it leaves behind once more after it.
		s.least = leastGap
		s.phase, s.pass = NonTrimmed, 1
	case s.phase == NonTried && s.pass < 5:
		s.pass++
	case s.phase == NonTrimmed && s.pass == 1:
		s.phase, s.pass = NonTried, 5
	case s.phase == NonTried:
		s.phase, s.pass = NonTrimmed, 2
	case s.phase == NonTrimmed:
		s.phase, s.pass = NonScraped, 1
	case s.phase == NonScraped && s.RetryPasses != 0:
		s.phase, s.pass = BadSector, 1
		s.retried++
		if r := s.resumed; r.pass > 0 {
			s.resumed = mapPlace{}
			s.pass = r.pass
			s.enter()
			s.pos = min(r.at, s.m.Size())
			return true
		}
	case s.phase == BadSector && (s.RetryPasses < 0 || s.retried < s.RetryPasses):
		s.pass++
		s.retried++
	default:
		s.ended = true
		return false
	}
	s.enter()
	return true
}

// next returns what to read, false when all was done that the plan asks for. It may be asked again after the last.
func (s *planner) next() (block.Extent, bool) {
	for !s.ended {
		if e, ok := s.step(); ok {
			return e, true
		}
		if s.phase == BadSector && !s.any(BadSector) {
			s.ended = true
			break
		}
		s.advance()
	}
	return block.Extent{}, false
}

// step returns what the pass reads next, false at its end.
func (s *planner) step() (block.Extent, bool) {
	switch s.phase {
	case NonTried:
		if s.CopyPasses != 0 && s.CopyPasses&(1<<s.pass) == 0 {
			return block.Extent{}, false
		}
		if s.pass == 5 {
			return s.search()
		}
		return s.copy()
	case NonTrimmed:
		if s.NoTrim {
			return block.Extent{}, false
		}
		return s.trim()
	case NonScraped:
		if s.NoScrape {
			return block.Extent{}, false
		}
		return s.scrape()
	}
	return s.retry()
}

// done takes what became of the read of e, which next returned.
func (s *planner) done(e block.Extent, o outcome) {
	good := block.Extent{Offset: e.Offset, Length: o.good}
	s.set(good, Finished)
	rest := block.Between(good.End(), e.End())
	single := e.Length <= s.sector
	s.cost.note(e.Length, s.sector, rest.Length == 0, o.took)
	switch {
	case rest.Length == 0:
		s.succeeded(e, o.took)
		return
	case o.stuck:
		s.set(rest, NonTrimmed)
		s.lost.Add(rest)
		s.in.remove(block.SetOf(rest))
	case single:
		s.set(rest, BadSector)
	case s.phase == NonScraped:
		s.set(rest, NonScraped)
	default:
		s.set(rest, NonTrimmed)
	}
	if s.lastFail.Length == 0 || rest.Offset > s.lastFail.End()+s.skip || rest.End() < s.lastFail.Offset-s.skip {
		s.areas++
	}
	s.lastFail = rest
	s.failed(e, rest, single)
}

// extra takes what became of a read that next did not return.
func (s *planner) extra(e block.Extent, o outcome) {
	good := block.Extent{Offset: e.Offset, Length: o.good}
	s.set(good, Finished)
	s.cost.note(e.Length, s.sector, o.good == e.Length, o.took)
	switch rest := block.Between(good.End(), e.End()); {
	case rest.Length == 0:
	case e.Length <= s.sector && !o.stuck:
		s.set(rest, BadSector)
	default:
		s.set(rest, NonTrimmed)
		if o.stuck {
			s.lost.Add(rest)
			s.in.remove(block.SetOf(rest))
		}
	}
}

// set changes the state of e.
func (s *planner) set(e block.Extent, to Status) {
	for d, st := range s.m.Within(e) {
		s.counts[stateIndex(st)] -= d.Length
		s.counts[stateIndex(to)] += d.Length
	}
	s.m.Set(e, to)
}

// states are those of a block, by how far they are processed.
const states = "?*/-+"

func stateIndex(s Status) int { return max(strings.IndexByte(states, byte(s)), 0) }

func (s *planner) of(st Status) int64 { return s.counts[stateIndex(st)] }

// mark notes in the map where the work is.
func (s *planner) mark() {
	s.m.Current, s.m.Pass, s.m.Pos = s.phase, s.pass, min(max(s.pos, 0), s.m.Size())
}
