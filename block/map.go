package block

import (
	"iter"
	"slices"
	"sort"
)

// Map gives every byte from 0 to its size one value, as runs of equal values: the state of a copy, the
// owner of a range. It is not safe for use beside a change.
type Map[V comparable] struct {
	size int64
	at   []int64 // starts; at[0] == 0; ascending
	val  []V
}

// NewMap returns a Map in which every byte from 0 to size has the value v.
func NewMap[V comparable](size int64, v V) *Map[V] {
	return &Map[V]{size: size, at: []int64{0}, val: []V{v}}
}

// Size returns the number of bytes that the Map covers.
func (m *Map[V]) Size() int64 { return m.size }

// Count returns the number of runs of equal values.
func (m *Map[V]) Count() int { return len(m.at) }

// index returns the run that holds off, which lies in the Map.
func (m *Map[V]) index(off int64) int {
	return sort.Search(len(m.at), func(i int) bool { return m.at[i] > off }) - 1
}

// At returns the value of the byte at off and the whole run of equal values around it. Outside of the
// Map it returns the zero value and an empty extent.
func (m *Map[V]) At(off int64) (V, Extent) {
	var zero V
	if off < 0 || off >= m.size {
		return zero, Extent{Offset: off}
	}
	i := m.index(off)
	return m.val[i], Between(m.at[i], m.end(i))
}

func (m *Map[V]) end(i int) int64 {
	if i+1 < len(m.at) {
		return m.at[i+1]
	}
	return m.size
}

// Set gives every byte of e, as far as it lies in the Map, the value v.
func (m *Map[V]) Set(e Extent, v V) {
	e = e.Intersect(Extent{0, m.size})
	if e.Length == 0 {
		return
	}
	i, j := m.index(e.Offset), m.index(e.End()-1)
	var at []int64
	var val []V
	push := func(a int64, x V) {
		at, val = append(at, a), append(val, x)
	}
	if m.at[i] < e.Offset {
		push(m.at[i], m.val[i])
	}
	push(e.Offset, v)
	if end := m.end(j); end > e.End() {
		push(e.End(), m.val[j])
	}
	// Neighbours of equal value become one run.
	lo, hi := i, j+1
	if lo > 0 {
		lo--
		at, val = slices.Insert(at, 0, m.at[lo]), slices.Insert(val, 0, m.val[lo])
	}
	if hi < len(m.at) {
		push(m.at[hi], m.val[hi])
		hi++
	}
	n := 1
	for k := 1; k < len(at); k++ {
		if val[k] != val[n-1] {
			at[n], val[n] = at[k], val[k]
			n++
		}
	}
	m.at = slices.Replace(m.at, lo, hi, at[:n]...)
	m.val = slices.Replace(m.val, lo, hi, val[:n]...)
}

// Append makes the Map longer by length bytes of value v.
func (m *Map[V]) Append(length int64, v V) {
	if length <= 0 {
		return
	}
	switch last := len(m.val) - 1; {
	case m.size == 0:
		m.at, m.val = append(m.at[:0], 0), append(m.val[:0], v)
	case m.val[last] != v:
		m.at, m.val = append(m.at, m.size), append(m.val, v)
	}
	m.size += length
}

// All yields the runs of equal values in order.
func (m *Map[V]) All() iter.Seq2[Extent, V] {
	return func(yield func(Extent, V) bool) {
		if m.size == 0 {
			return
		}
		for i := range m.at {
			if !yield(Between(m.at[i], m.end(i)), m.val[i]) {
				return
			}
		}
	}
}

// Within yields the runs of equal values inside e, cut at its borders, in order.
func (m *Map[V]) Within(e Extent) iter.Seq2[Extent, V] {
	return func(yield func(Extent, V) bool) {
		e := e.Intersect(Extent{0, m.size})
		if e.Length == 0 {
			return
		}
		for i := m.index(e.Offset); i < len(m.at) && m.at[i] < e.End(); i++ {
			if !yield(Between(m.at[i], m.end(i)).Intersect(e), m.val[i]) {
				return
			}
		}
	}
}

// Where returns the bytes whose value v keep accepts.
func (m *Map[V]) Where(keep func(V) bool) Set {
	var s Set
	for e, v := range m.All() {
		if keep(v) {
			s.appendOrdered(e)
		}
	}
	return s
}

// Clone returns a Map that shares nothing with m.
func (m *Map[V]) Clone() *Map[V] {
	return &Map[V]{size: m.size, at: slices.Clone(m.at), val: slices.Clone(m.val)}
}
