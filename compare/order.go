package compare

import (
	"fmt"
	"math/bits"
	"slices"

	"salvor/block"
)

// edgeLimit is the largest block size that is told.
const edgeLimit = 1 << 20

// end draws the conclusions from the classes.
func (c *classifier) end(region aligned) {
	t := c.t
	// Where nothing is old, what is foreign is what stood there before.
	if c.olds == 0 || t.Bytes[Old] == 0 {
		if c.firstForeign >= 0 && (c.firstNot < 0 || c.firstForeign < c.firstNot) {
			c.firstNot = c.firstForeign
		}
		c.lastNot = max(c.lastNot, c.lastForeign)
	}
	c.fills()
	if c.hard > 0 {
		t.Block = min(int64(edgeLimit), int64(1)<<bits.TrailingZeros64(uint64(c.hard)))
	}
	wrong := c.firstNot >= 0 || c.firstForeign >= 0
	switch {
	case c.firstNew < 0 && !wrong && t.Bytes[Unreadable] > 0:
		t.Order, t.Bracket = Unknown, Bracket{0, c.size}
	case !wrong && t.NoRoom == 0 && t.Bytes[Unreadable] == 0:
		t.Order, t.Bracket = Complete, Bracket{c.size, c.size}
	case !wrong:
		t.Order, t.Bracket = Ascending, Bracket{c.lastNew + 1, c.size}
	case c.firstNew < 0:
		t.Order, t.Bracket = NotBegun, Bracket{0, c.firstNot}
		if c.firstNot < 0 {
			t.Bracket.To = c.firstForeign
		}
	case c.firstNot < 0:
		// All that differs is foreign: written, and changed since.
		t.Order, t.Bracket = Unknown, Bracket{0, c.size}
	case c.lastNew < c.firstNot:
		t.Order, t.Bracket = Ascending, Bracket{c.lastNew + 1, c.firstNot}
	case c.lastNot < c.firstNew:
		t.Order, t.Bracket = Descending, Bracket{c.lastNot + 1, c.firstNew}
	default:
		t.Order, t.Bracket = Scattered, Bracket{c.firstNot, c.lastNew + 1}
	}
	t.Stop = stopAt(t, region)
}

// fills gives bytes that are what erasing leaves, and what the package has there, the class New where nothing on the
// region was erased and left so: then they were written. They never move the bracket.
func (c *classifier) fills() {
	t := c.t
	if c.filled.Empty() || t.Bytes[Erased] > 0 || c.more || c.olds == 0 {
		return
	}
	if slices.ContainsFunc(t.Runs, func(r Run) bool { return r.Class == Torn }) && t.Bytes[Old] == 0 {
		return
	}
	var out []Run
	add := func(r Run) {
		if r.Length <= 0 {
			return
		}
		if n := len(out); n > 0 && out[n-1].Class == r.Class && r.Class != Torn && out[n-1].End() == r.Offset {
			out[n-1].Length += r.Length
			return
		}
		out = append(out, r)
	}
	for _, r := range t.Runs {
		if r.Class != Same {
			add(r)
			continue
		}
		at := r.Offset
		for e := range c.filled.Within(r.Extent).All() {
			add(Run{Extent: block.Between(at, e.Offset), Class: Same})
			add(Run{Extent: e, Class: New})
			at = e.End()
			t.Bytes[New] += e.Length
			t.Bytes[Same] -= e.Length
		}
		add(Run{Extent: block.Between(at, r.End()), Class: Same})
	}
	t.Runs = out
	t.FillOnly = c.firstNew < 0
}

// stopAt says what lies where writing was left.
func stopAt(t *Target, region aligned) Stop {
	from, to := t.Bracket.From, t.Bracket.To
	if t.Order == Complete || t.Order == NotBegun || t.Order == Unknown {
		return Stop{}
	}
	place := block.Between(t.At+from, t.At+to)
	s := Stop{Kind: AtNothing, Place: place}
	if t.Order == Scattered {
		s.Words = "blocks were written out of order, so that there is no one place"
		return s
	}
	erase := t.eraseSize
	near := block.Between(max(0, place.Offset-max(erase, unit)), min(place.End()+max(erase, unit), region.src.Size()))
	bad := block.UnreadableIn(region.src, near)
	lost := slices.IndexFunc(t.Runs, func(r Run) bool { return r.Class == Unreadable && r.Shift(t.At).Overlaps(near) })
	edge := place.Offset
	if erase > 0 {
		edge = (place.Offset + erase - 1) / erase * erase
	}
	switch {
	case len(bad) > 0 && bad[0].Why == block.Bad, lost >= 0:
		at := int64(0)
		if lost >= 0 {
			at = t.At + t.Runs[lost].Offset
		} else {
			at = bad[0].Offset
		}
		s.Kind, s.Words = AtBadBlock, fmt.Sprintf("what stands at 0x%X of the region could not be read", at)
	case t.NoRoom > 0 && to >= t.Piece.Extent.Length-t.NoRoom:
		s.Kind, s.Words = AtRegionEnd, fmt.Sprintf("the region ends there, and %d bytes of the part have no room in it", t.NoRoom)
	case erase > 0 && edge <= place.End():
		s.Kind, s.Words = AtEraseEdge, fmt.Sprintf("an erase block of %d bytes begins at 0x%X of the region", erase, edge)
	default:
		s.Words = "nothing special lies there: the writing was ended from outside"
	}
	return s
}
