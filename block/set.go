package block

import (
	"iter"
	"slices"
	"sort"
)

// Set is a set of bytes, kept as extents in order that neither touch nor overlap. The zero value is the
// empty set. A Set is a value: methods that return a Set never change their receiver; [Set.Add] and
// [Set.Remove] change it and must not run beside other uses of the same Set.
type Set struct {
	e []Extent
}

// SetOf returns the union of the given extents, which may overlap and stand in any order.
func SetOf(extents ...Extent) Set {
	sorted := make([]Extent, 0, len(extents))
	for _, e := range extents {
		if e.Length > 0 {
			sorted = append(sorted, e)
		}
	}
	slices.SortFunc(sorted, func(a, b Extent) int {
		switch {
		case a.Offset < b.Offset:
			return -1
		case a.Offset > b.Offset:
			return 1
		}
		return 0
	})
	var s Set
	for _, e := range sorted {
		s.appendOrdered(e)
	}
	return s
}

// appendOrdered adds e, whose offset is at least that of every extent in s.
func (s *Set) appendOrdered(e Extent) {
	if e.Length <= 0 {
		return
	}
	if n := len(s.e); n > 0 && e.Offset <= s.e[n-1].End() {
		if e.End() > s.e[n-1].End() {
			s.e[n-1].Length = e.End() - s.e[n-1].Offset
		}
		return
	}
	s.e = append(s.e, e)
}

// first returns the index of the first extent whose end lies behind off, or touches it when touch is set.
func (s Set) first(off int64, touch bool) int {
	return sort.Search(len(s.e), func(i int) bool {
		if touch {
			return s.e[i].End() >= off
		}
		return s.e[i].End() > off
	})
}

// Add puts the bytes of e into s.
func (s *Set) Add(e Extent) {
	if e.Length <= 0 {
		return
	}
	if n := len(s.e); n == 0 || e.Offset > s.e[n-1].End() {
		s.e = append(s.e, e)
		return
	}
	i := s.first(e.Offset, true)
	j := i
	start, end := e.Offset, e.End()
	for j < len(s.e) && s.e[j].Offset <= end {
		start, end = min(start, s.e[j].Offset), max(end, s.e[j].End())
		j++
	}
	s.e = slices.Replace(s.e, i, j, Between(start, end))
}

// Remove takes the bytes of e out of s.
func (s *Set) Remove(e Extent) {
	if e.Length <= 0 {
		return
	}
	i := s.first(e.Offset, false)
	j := i
	var keep []Extent
	for j < len(s.e) && s.e[j].Offset < e.End() {
		if left := Between(s.e[j].Offset, e.Offset); left.Length > 0 {
			keep = append(keep, left)
		}
		if right := Between(e.End(), s.e[j].End()); right.Length > 0 {
			keep = append(keep, right)
		}
		j++
	}
	if i < j {
		s.e = slices.Replace(s.e, i, j, keep...)
	}
}

// All yields the extents in order.
func (s Set) All() iter.Seq[Extent] { return slices.Values(s.e) }

// Extents returns a copy of the extents in order.
func (s Set) Extents() []Extent { return slices.Clone(s.e) }

// Count returns the number of separate extents.
func (s Set) Count() int { return len(s.e) }

// Empty reports whether s has no byte.
func (s Set) Empty() bool { return len(s.e) == 0 }

// Bytes returns the number of bytes in s.
func (s Set) Bytes() int64 {
	var n int64
	for _, e := range s.e {
		n += e.Length
	}
	return n
}

// Clone returns a Set that shares nothing with s.
func (s Set) Clone() Set { return Set{slices.Clone(s.e)} }

// Has reports whether the byte at off is in s.
func (s Set) Has(off int64) bool {
	i := s.first(off, false)
	return i < len(s.e) && s.e[i].Offset <= off
}

// Contains reports whether every byte of e is in s.
func (s Set) Contains(e Extent) bool {
	if e.Length <= 0 {
		return true
	}
	i := s.first(e.Offset, false)
	return i < len(s.e) && s.e[i].Contains(e)
}

// Overlaps reports whether at least one byte of e is in s.
func (s Set) Overlaps(e Extent) bool {
	if e.Length <= 0 {
		return false
	}
	i := s.first(e.Offset, false)
	return i < len(s.e) && s.e[i].Offset < e.End()
}

// Within returns the part of s that lies inside e.
func (s Set) Within(e Extent) Set {
	var r Set
	for i := s.first(e.Offset, false); i < len(s.e) && s.e[i].Offset < e.End(); i++ {
		r.appendOrdered(s.e[i].Intersect(e))
	}
	return r
}

// Complement returns the part of e that is not in s.
func (s Set) Complement(e Extent) Set {
	var r Set
	at := e.Offset
	for i := s.first(e.Offset, false); i < len(s.e) && s.e[i].Offset < e.End(); i++ {
		r.appendOrdered(Between(at, s.e[i].Offset))
		at = s.e[i].End()
	}
	r.appendOrdered(Between(at, e.End()))
	return r
}

// Union returns the bytes that are in s or in o.
func (s Set) Union(o Set) Set {
	var r Set
	i, j := 0, 0
	for i < len(s.e) || j < len(o.e) {
		if j == len(o.e) || (i < len(s.e) && s.e[i].Offset <= o.e[j].Offset) {
			r.appendOrdered(s.e[i])
			i++
		} else {
			r.appendOrdered(o.e[j])
			j++
		}
	}
	return r
}

// Intersect returns the bytes that are in both s and o.
func (s Set) Intersect(o Set) Set {
	var r Set
	i, j := 0, 0
	for i < len(s.e) && j < len(o.e) {
		r.appendOrdered(s.e[i].Intersect(o.e[j]))
		if s.e[i].End() < o.e[j].End() {
			i++
		} else {
			j++
		}
	}
	return r
}

// Subtract returns the bytes that are in s and not in o.
func (s Set) Subtract(o Set) Set {
	var r Set
	j := 0
	for _, e := range s.e {
		at := e.Offset
		for j < len(o.e) && o.e[j].End() <= at {
			j++
		}
		for k := j; k < len(o.e) && o.e[k].Offset < e.End(); k++ {
			r.appendOrdered(Between(at, o.e[k].Offset))
			at = max(at, o.e[k].End())
		}
		r.appendOrdered(Between(at, e.End()))
	}
	return r
}

// Shift returns s with every extent moved by d bytes.
func (s Set) Shift(d int64) Set {
	r := Set{make([]Extent, len(s.e))}
	for i, e := range s.e {
		r.e[i] = e.Shift(d)
	}
	return r
}

// Equal reports whether s and o hold the same bytes.
func (s Set) Equal(o Set) bool { return slices.Equal(s.e, o.e) }
