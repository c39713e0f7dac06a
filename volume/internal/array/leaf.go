package array

import (
	"errors"
	"io"

	"salvor/block"
	"salvor/volume"
)

// errMissing is what the system would say of a part that is not there.
var errMissing = errors.New("the member is missing")

// errUntrusted says why a part that is there is not asked.
var errUntrusted = errors.New("the member does not hold these bytes, by its own word")

// Leaf returns src as the part that stands at the given index among the members.
func Leaf(src block.Source, member int) volume.Placer { return &leaf{Source: src, member: member} }

type leaf struct {
	block.Source
	member int
}

func (l *leaf) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(l.Source, within)
}

func (l *leaf) Places(within block.Extent) []volume.Place {
	within = within.Intersect(block.Extent{Length: l.Size()})
	var out []volume.Place
	at := within.Offset
	for _, u := range append(block.UnreadableIn(l.Source, within), block.Unreadable{Extent: block.Extent{Offset: within.End()}}) {
		if u.Offset > at {
			out = append(out, volume.Place{Logical: at, Length: u.Offset - at, Member: l.member, Physical: at})
		}
		at = u.End()
	}
	return out
}

// Window returns the bytes of e in p; those behind the end of p are unreadable. A nil p gives nil.
func Window(p volume.Placer, e block.Extent) volume.Placer {
	switch {
	case p == nil || e.Offset < 0 || e.Length < 0:
		return nil
	case e.Offset == 0 && e.Length == p.Size():
		return p
	}
	return &window{p: p, e: e, Source: block.Section(p, e)}
}

type window struct {
	block.Source
	p volume.Placer
	e block.Extent
}

func (w *window) Unreadable(within block.Extent) []block.Unreadable {
	return w.Known(within, NewBudget())
}

func (w *window) Known(within block.Extent, b *Budget) []block.Unreadable {
	out := lost(w.p, within.Intersect(block.Extent{Length: w.e.Length}).Shift(w.e.Offset), b)
	for i := range out {
		out[i].Extent = out[i].Extent.Shift(-w.e.Offset)
	}
	return out
}

func (w *window) Places(within block.Extent) []volume.Place {
	within = within.Intersect(block.Extent{Length: w.e.Length})
	out := w.p.Places(within.Shift(w.e.Offset))
	for i := range out {
		out[i].Logical -= w.e.Offset
	}
	return out
}

// Masked returns p with the bytes of hidden unreadable, since the part itself says that they are not its own: a list
// of bad blocks, or what a rebuild has not reached yet. A nil p gives nil.
func Masked(p volume.Placer, hidden block.Set) volume.Placer {
	if p == nil {
		return nil
	}
	if hidden = hidden.Within(block.Extent{Length: p.Size()}); hidden.Empty() {
		return p
	}
	return &masked{p: p, hidden: hidden}
}

type masked struct {
	p      volume.Placer
	hidden block.Set
}

func (m *masked) Size() int64 { return m.p.Size() }

func (m *masked) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	asked := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(block.Extent{Length: m.Size()})
	if !m.hidden.Overlaps(asked) {
		return m.p.ReadAt(p, off)
	}
	first := m.hidden.Within(asked).Extents()[0]
	if good := p[:first.Offset-off]; len(good) > 0 {
		if n, err := m.p.ReadAt(good, off); n < len(good) {
			return n, err
		}
	}
	return int(first.Offset - off), block.NewUnreadable(first, block.Absent, errUntrusted)
}

func (m *masked) Unreadable(within block.Extent) []block.Unreadable {
	return m.Known(within, NewBudget())
}

func (m *masked) Known(within block.Extent, b *Budget) []block.Unreadable {
	within = within.Intersect(block.Extent{Length: m.Size()})
	var out []block.Unreadable
	at := within.Offset
	for _, e := range append(m.hidden.Within(within).Extents(), block.Extent{Offset: within.End()}) {
		out = append(out, Known(m.p, block.Between(at, e.Offset), b)...)
		if e.Length > 0 {
			out = append(out, block.Unreadable{Extent: e, Why: block.Absent, Err: errUntrusted})
		}
		at = e.End()
	}
	return out
}

func (m *masked) Places(within block.Extent) []volume.Place {
	within = within.Intersect(block.Extent{Length: m.Size()})
	var out []volume.Place
	for _, e := range m.hidden.Complement(within).Extents() {
		out = append(out, m.p.Places(e)...)
	}
	return out
}

// get reads from a part that may be missing. Its error is an [*block.UnreadableError] or one that ends all.
func get(part volume.Placer, p []byte, off int64) (int, error) {
	if part == nil {
		return 0, block.NewUnreadable(block.Extent{Offset: off, Length: int64(len(p))}, block.Absent, errMissing)
	}
	n, err := part.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = block.NewUnreadable(block.Extent{Offset: off + int64(n), Length: int64(len(p) - n)}, block.Absent, io.ErrUnexpectedEOF)
	}
	return n, err
}

// failing returns the range of err that holds off, cut to the bytes from off to end, with its reason.
func failing(err error, off, end int64) block.Unreadable {
	u, _ := block.IsUnreadable(err)
	for _, r := range u.Ranges {
		if r.Has(off) {
			r.Extent = block.Between(off, min(end, r.End()))
			return r
		}
	}
	// A range that does not hold the byte at which the read stopped says nothing of the next one.
	return block.Unreadable{Extent: block.Extent{Offset: off, Length: 1}, Why: block.Bad, Err: err}
}
