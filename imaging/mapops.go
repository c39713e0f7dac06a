package imaging

import (
	"fmt"
	"io"

	"salvor/block"
)

// combine returns m with what change makes of each stretch, which has one state in m and is finished or not in o. What
// lies behind the end of o is not finished there.
func (m *Map) combine(o *Map, change func(was Status, finished bool) Status) *Map {
	out := m.Clone()
	out.Map = block.NewMap(0, NonTried)
	for e, was := range m.All() {
		at := e.Offset
		if o != nil {
			for d, s := range o.Within(e) {
				out.Append(d.Length, change(was, s == Finished))
				at = d.End()
			}
		}
		out.Append(e.End()-at, change(was, false))
	}
	return out
}

// And returns m, in which only what both maps have finished is finished; the rest of what m has becomes bad sectors.
func (m *Map) And(o *Map) *Map {
	return m.combine(o, func(was Status, finished bool) Status {
		if was == Finished && !finished {
			return BadSector
		}
		return was
	})
}

// Or returns m, in which what one of the maps has finished is finished.
func (m *Map) Or(o *Map) *Map {
	return m.combine(o, func(was Status, finished bool) Status {
		if finished {
			return Finished
		}
		return was
	})
}

// Xor returns m, in which what o has finished is changed: finished blocks become bad sectors, and all else finished.
func (m *Map) Xor(o *Map) *Map {
	return m.combine(o, func(was Status, finished bool) Status {
		switch {
		case !finished:
			return was
		case was == Finished:
			return BadSector
		}
		return Finished
	})
}

// Invert returns m with finished blocks as bad sectors, and all else as finished.
func (m *Map) Invert() *Map {
	return m.combine(nil, func(was Status, _ bool) Status {
		if was == Finished {
			return BadSector
		}
		return Finished
	})
}

// Difference is a stretch whose state is another in one map than in the other.
type Difference struct {
	block.Extent
	First, Second Status // 0 behind the end of a map
}

// Compare returns the stretches in which the maps differ.
func (m *Map) Compare(o *Map) []Difference {
	var out []Difference
	put := func(e block.Extent, a, b Status) {
		if n := len(out); n > 0 && out[n-1].End() == e.Offset && out[n-1].First == a && out[n-1].Second == b {
			out[n-1].Length += e.Length
		} else if e.Length > 0 {
			out = append(out, Difference{e, a, b})
		}
	}
	for e, a := range m.All() {
		at := e.Offset
		for d, b := range o.Within(e) {
			if a != b {
				put(d, a, b)
			}
			at = d.End()
		}
		put(block.Between(at, e.End()), a, 0)
	}
	for e, b := range o.Within(block.Between(m.Size(), o.Size())) {
		put(e, 0, b)
	}
	return out
}

// Tally is how much of a map has one state.
type Tally struct {
	Status Status
	Bytes  int64
	Areas  int
}

// Tallies returns the sums of the five states, in the order in which they are processed.
func (m *Map) Tallies() []Tally {
	out := make([]Tally, len(states))
	for i := range out {
		out[i].Status = Status(states[i])
	}
	for e, s := range m.All() {
		t := &out[stateIndex(s)]
		t.Bytes += e.Length
		t.Areas++
	}
	return out
}

// DomainMap returns a map of size bytes that calls finished what is in set, for the option --domain-mapfile.
func DomainMap(size int64, set block.Set) *Map {
	m := NewMap(size)
	m.Map = block.NewMap(0, NonTried)
	at := int64(0)
	for e := range set.Within(block.Extent{Length: size}).All() {
		m.Append(e.Offset-at, NonTried)
		m.Append(e.Length, Finished)
		at = e.End()
	}
	m.Append(size-at, NonTried)
	m.Current = Finished
	return m
}

// Picture returns the map as a picture of cells characters: each shows the state of its stretch that needs most
// attention. Bad sectors come first, then what is not scraped, not trimmed, not tried; finished is a dot.
func (m *Map) Picture(cells int) string {
	if m.Size() == 0 || cells <= 0 {
		return ""
	}
	cells = int(min(int64(cells), m.Size()))
	picture := make([]byte, cells)
	rank := func(s byte) int {
		for i, c := range []byte{'.', '?', '*', '/', '-'} {
			if c == s {
				return i
			}
		}
		return 0
	}
	per := func(i int) int64 { return int64(float64(m.Size()) * float64(i) / float64(cells)) }
	for i := range picture {
		picture[i] = '.'
		for _, s := range m.Within(block.Between(per(i), max(per(i+1), per(i)+1))) {
			if s != Finished && rank(byte(s)) > rank(picture[i]) {
				picture[i] = byte(s)
			}
		}
	}
	return string(picture)
}

// Cluster is a place with errors near each other.
type Cluster struct {
	block.Extent
	Bad   int64 // bytes that failed
	Areas int
}

// Clusters returns the places with errors: failures with less than gap good bytes between them belong together.
func (m *Map) Clusters(gap int64) []Cluster {
	var out []Cluster
	for e, s := range m.All() {
		if s == Finished || s == NonTried {
			continue
		}
		if n := len(out); n > 0 && e.Offset-out[n-1].End() < gap {
			c := &out[n-1]
			c.Extent, c.Bad, c.Areas = block.Between(c.Offset, e.End()), c.Bad+e.Length, c.Areas+1
			continue
		}
		out = append(out, Cluster{e, e.Length, 1})
	}
	return out
}

// Merging is what became of a stretch when partial copies of one medium were merged.
type Merging struct {
	block.Extent
	Won      int  // index of the copy whose bytes were taken, -1 where none has any
	Disagree bool // another copy has other bytes there
}

// Partial is a copy of a part of a medium.
type Partial struct {
	Map   *Map
	Image block.Source
}

// Merge writes to target what any of the copies has, and returns the map of what came out. Where copies that have a sector
// hold different bytes, what most of them hold is taken, and of as many the first in order. each is told of every
// stretch, in order.
func Merge(copies []Partial, size, sector int64, target io.WriterAt, each func(Merging)) (*Map, error) {
	out := NewMap(size)
	out.Map = block.NewMap(0, NonTried)
	out.Current = Finished
	last := Merging{Won: -2}
	tell := func(m Merging) {
		if m.Won == last.Won && m.Disagree == last.Disagree && m.Offset == last.End() {
			last.Length += m.Length
			return
		}
		if last.Length > 0 {
			each(last)
		}
		last = m
	}
	buf := make([][]byte, len(copies))
	for i := range buf {
		buf[i] = make([]byte, ChunkSize)
	}
	result := make([]byte, ChunkSize)
	has := make([]bool, len(copies))
	for at := int64(0); at < size; at += ChunkSize {
		chunk := block.Between(at, min(at+ChunkSize, size))
		for i, c := range copies {
			for e, s := range c.Map.Within(chunk) {
				if s != Finished {
					continue
				}
				if n, err := c.Image.ReadAt(buf[i][e.Offset-at:e.End()-at], e.Offset); int64(n) < e.Length {
					return nil, err
				}
			}
		}
		var good block.Set
		for off := at; off < chunk.End(); off += sector {
			e := block.Between(off, min(off+sector, chunk.End()))
			p := func(i int) string { return string(buf[i][e.Offset-at : e.End()-at]) }
			best, state, votes := -1, NonTried, map[string]int{}
			for i, c := range copies {
				st, run := c.Map.At(off)
				has[i] = st == Finished && run.Contains(e)
				if has[i] {
					votes[p(i)]++
				} else if st != 0 && st != Finished && stateIndex(st) > stateIndex(state) {
					state = st
				}
			}
			for i := range copies {
				if has[i] && (best < 0 || votes[p(i)] > votes[p(best)]) {
					best = i
				}
			}
			tell(Merging{e, best, len(votes) > 1})
			if best < 0 {
				out.Append(e.Length, state)
				continue
			}
			out.Append(e.Length, Finished)
			copy(result[e.Offset-at:], p(best))
			good.Add(e)
		}
		for e := range good.All() {
			if _, err := target.WriteAt(result[e.Offset-at:e.End()-at], e.Offset); err != nil {
				return nil, err
			}
		}
	}
	if last.Length > 0 {
		each(last)
	}
	return out, nil
}

// Describe says in a few words how much of the map is finished.
func (m *Map) Describe() string {
	good := int64(0)
	for e, s := range m.All() {
		if s == Finished {
			good += e.Length
		}
	}
	return fmt.Sprintf("%d of %d bytes are finished", good, m.Size())
}
