package array

import (
	"io"

	"salvor/block"
	"salvor/volume"
)

// MaxParts is the largest number of parts that an array may have; the largest of md is 4096.
const MaxParts = 4096

// spot is where a byte stands: on which part, at which offset of it.
type spot struct {
	part   int
	offset int64
}

// geometry knows where the bytes of an array stand. It is pure.
type geometry interface {
	// find appends the places of the byte at off to spots, the one to be read first at the front, and returns how
	// many bytes from there on stand behind each other in all of them.
	find(off int64, spots []spot) ([]spot, int64)
	// spare is how many parts, whichever they are, may be lost without losing a byte.
	spare() int
}

// stripes is the optional part of a geometry with parity.
type stripes interface {
	// restore fills p with the bytes of want out of the other parts of its stripe. It returns how many bytes it
	// got, and, when those are not all, what cannot be had from there on, as offsets of the part.
	restore(parts []volume.Placer, p []byte, want spot) (int, error)
	// beyond returns the bytes of e, offsets on the parts, of which too much of the stripe that want is part of
	// is known to be lost, want's own bytes among it.
	beyond(parts []volume.Placer, want spot, e block.Extent, b *Budget) []block.Unreadable
}

// array is a source over parts.
type array struct {
	size  int64
	parts []volume.Placer
	geometry
}

func (a *array) Size() int64 { return a.size }

func (a *array) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= a.size {
		return 0, io.EOF
	}
	end := error(nil)
	if left := a.size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	var few [8]spot
	spots := few[:0]
	n := 0
	for n < len(p) {
		at := off + int64(n)
		var length int64
		spots, length = a.find(at, spots[:0])
		piece := p[n:min(int64(len(p)), int64(n)+length)]
		m, err := a.read(piece, spots)
		n += m
		if err != nil {
			return n, shift(err, at-spots[0].offset, block.Extent{Length: a.size})
		}
	}
	return n, end
}

// read fills p from the first of the spots that can, byte by byte. Ranges of its error are offsets of the first
// spot.
func (a *array) read(p []byte, spots []spot) (int, error) {
	n := 0
	for {
		var bad block.Unreadable
		before := n
		for i, s := range spots {
			m, err := get(a.parts[s.part], p[n:], s.offset+int64(n))
			n += m
			if n == len(p) {
				return n, nil
			}
			if _, ok := block.IsUnreadable(err); !ok {
				return n, err
			}
			if m > 0 {
				break // the places before may go on from here
			}
			u := failing(err, s.offset+int64(n), s.offset+int64(len(p)))
			u.Extent = u.Extent.Shift(spots[0].offset - s.offset)
			bad = worse(bad, u, i)
		}
		if n > before {
			continue
		}
		st, ok := a.geometry.(stripes)
		if !ok || len(spots) == 0 {
			return n, &block.UnreadableError{Ranges: []block.Unreadable{bad}}
		}
		m, err := st.restore(a.parts, p[n:n+int(bad.Length)], spot{spots[0].part, spots[0].offset + int64(n)})
		n += m
		if n == len(p) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// worse joins the failures of copies, which share their first byte: what fails of all, with the reason that tells
// most.
func worse(bad, u block.Unreadable, i int) block.Unreadable {
	if i == 0 {
		return u
	}
	length := min(bad.Length, u.Length)
	if bad.Why == block.Absent {
		bad = u
	}
	bad.Length = length
	return bad
}

// shift moves the ranges of an UnreadableError by d and cuts them to within; other errors pass.
func shift(err error, d int64, within block.Extent) error {
	u, ok := block.IsUnreadable(err)
	if !ok {
		return err
	}
	moved := &block.UnreadableError{}
	for _, r := range u.Ranges {
		if r.Extent = r.Extent.Shift(d).Intersect(within); r.Length > 0 {
			moved.Ranges = append(moved.Ranges, r)
		}
	}
	return moved
}

// whole reports whether no more is known to be lost than any array of this geometry bears.
func (a *array) whole(all *Budget) bool {
	b := all.quarter()
	broken := 0
	for _, p := range a.parts {
		if !b.Spend() {
			return false
		}
		if p == nil || len(lost(p, block.Extent{Length: p.Size()}, b)) > 0 {
			broken++
		}
	}
	return broken <= a.spare()
}

// manyBytes is how much is asked for before it pays to look at the parts as wholes first.
const manyBytes = 16 << 20

func (a *array) Unreadable(within block.Extent) []block.Unreadable {
	return a.Known(within, NewBudget())
}

func (a *array) Known(within block.Extent, b *Budget) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: a.size})
	if within.Length > manyBytes && a.whole(b) {
		return nil
	}
	var out []block.Unreadable
	var spots []spot
	for off := within.Offset; off < within.End() && b.Spend(); {
		var length int64
		spots, length = a.find(off, spots[:0])
		length = min(length, within.End()-off)
		for _, u := range a.lost(spots, length, b) {
			u.Extent = u.Extent.Shift(off - spots[0].offset)
			if n := len(out); n > 0 && out[n-1].End() == u.Offset && out[n-1].Why == u.Why {
				out[n-1].Length += u.Length
				continue
			}
			out = append(out, u)
		}
		off += length
	}
	return out
}

// lost returns what is known to be lost of a piece in all of its places, as offsets of the first.
func (a *array) lost(spots []spot, length int64, b *Budget) []block.Unreadable {
	e := block.Extent{Offset: spots[0].offset, Length: length}
	if st, ok := a.geometry.(stripes); ok {
		return st.beyond(a.parts, spots[0], e, b)
	}
	out := lost(a.parts[spots[0].part], e, b)
	for _, s := range spots[1:] {
		if len(out) == 0 {
			break
		}
		var both []block.Unreadable
		for _, u := range lost(a.parts[s.part], e.Shift(s.offset-e.Offset), b) {
			u.Extent = u.Extent.Shift(e.Offset - s.offset)
			for _, o := range out {
				if c := o.Extent.Intersect(u.Extent); c.Length > 0 {
					if o.Why == block.Absent {
						o = u
					}
					both = append(both, block.Unreadable{Extent: c, Why: o.Why, Err: o.Err})
				}
			}
		}
		out = both
	}
	return out
}

func (a *array) Places(within block.Extent) []volume.Place {
	within = within.Intersect(block.Extent{Length: a.size})
	var out []volume.Place
	var spots []spot
	for off := within.Offset; off < within.End(); {
		var length int64
		spots, length = a.find(off, spots[:0])
		length = min(length, within.End()-off)
		for _, p := range a.places(spots, length) {
			p.Logical += off - spots[0].offset
			out = appendPlace(out, p)
		}
		off += length
	}
	return out
}

// places returns the places of a piece, Logical as offsets of the first spot.
func (a *array) places(spots []spot, length int64) []volume.Place {
	first := spots[0].offset
	gaps := block.SetOf(block.Extent{Offset: first, Length: length})
	var out []volume.Place
	for _, s := range spots {
		part := a.parts[s.part]
		if part == nil {
			continue
		}
		for _, e := range gaps.Extents() {
			for _, p := range part.Places(e.Shift(s.offset - first)) {
				p.Logical += first - s.offset
				out = append(out, p)
				gaps.Remove(block.Extent{Offset: p.Logical, Length: p.Length})
			}
		}
		if gaps.Empty() {
			break
		}
	}
	if st, ok := a.geometry.(stripes); ok && !gaps.Empty() {
		out = append(out, a.computed(st, spots[0], gaps)...)
	}
	if len(out) > 1 {
		order(out)
	}
	return out
}

// computed returns the places of the bytes of gaps that come out of a stripe: each is led to the first other part
// that can be read there.
func (a *array) computed(st stripes, want spot, gaps block.Set) []volume.Place {
	var out []volume.Place
	for _, e := range gaps.Extents() {
		var gone block.Set
		for _, u := range st.beyond(a.parts, want, e, NewBudget()) {
			gone.Add(u.Extent)
		}
		rest := block.SetOf(gone.Complement(e).Extents()...)
		for i, part := range a.parts {
			if i == want.part || part == nil {
				continue
			}
			for _, c := range rest.Extents() {
				for _, p := range part.Places(c) {
					p.Computed = true
					out = append(out, p)
					rest.Remove(block.Extent{Offset: p.Logical, Length: p.Length})
				}
			}
		}
	}
	return out
}
