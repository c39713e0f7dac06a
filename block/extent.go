package block

import (
	"fmt"
	"math"
)

// Extent is a range of bytes: Length bytes from Offset. Neither is negative in a valid Extent.
type Extent struct {
	Offset, Length int64
}

// End returns the first offset behind the extent, or math.MaxInt64 where the sum does not fit.
func (e Extent) End() int64 {
	// An extent that was shifted may begin before 0, where the difference would not fit either.
	if e.Offset > 0 && e.Length > math.MaxInt64-e.Offset {
		return math.MaxInt64
	}
	return e.Offset + e.Length
}

// Valid reports whether neither field is negative and the end can be represented.
func (e Extent) Valid() bool {
	return e.Offset >= 0 && e.Length >= 0 && e.Length <= math.MaxInt64-e.Offset
}

// Contains reports whether o lies wholly inside e. An empty extent lies inside e when its offset does
// not lie outside.
func (e Extent) Contains(o Extent) bool { return o.Offset >= e.Offset && o.End() <= e.End() }

// Has reports whether the byte at off lies inside e.
func (e Extent) Has(off int64) bool { return off >= e.Offset && off < e.End() }

// Overlaps reports whether e and o share at least one byte.
func (e Extent) Overlaps(o Extent) bool {
	return e.Length > 0 && o.Length > 0 && e.Offset < o.End() && o.Offset < e.End()
}

// Intersect returns the bytes that e and o share; its Length is 0 when there are none.
func (e Extent) Intersect(o Extent) Extent {
	start, end := max(e.Offset, o.Offset), min(e.End(), o.End())
	if end <= start {
		return Extent{Offset: start}
	}
	return Extent{start, end - start}
}

// Shift returns e moved by d bytes.
func (e Extent) Shift(d int64) Extent { return Extent{e.Offset + d, e.Length} }

func (e Extent) String() string { return fmt.Sprintf("0x%x+0x%x", e.Offset, e.Length) }

// Between returns the extent from start up to, not including, end. It is empty when end <= start.
func Between(start, end int64) Extent {
	if end <= start {
		return Extent{Offset: start}
	}
	return Extent{start, end - start}
}
