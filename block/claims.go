package block

import (
	"cmp"
	"slices"
)

// claimsBatch is how many extents are gathered before they are joined with those met before. Files stand
// close to each other, so that joined extents are far fewer than files.
const claimsBatch = 1 << 16

// Claims gathers the places of many files: what any of them stands on, and what more than one does. Its
// memory grows with how scattered the files are, not with how many there are. The zero value has no claim.
// Its methods must not run beside each other.
type Claims struct {
	any, shared Set
	batch       []Extent
}

// Add notes a claim to each of the extents. Those that overlap each other are claims of their own.
func (c *Claims) Add(list ...Extent) {
	c.batch = append(c.batch, list...)
	if len(c.batch) >= claimsBatch {
		c.join()
	}
}

// Any returns the bytes that were claimed at least once.
func (c *Claims) Any() Set {
	c.join()
	return c.any
}

// Shared returns the bytes that were claimed more than once.
func (c *Claims) Shared() Set {
	c.join()
	return c.shared
}

// join brings what was gathered into the sets.
func (c *Claims) join() {
	if len(c.batch) == 0 {
		return
	}
	union, shared := overlaps(c.batch)
	c.shared = c.shared.Union(shared).Union(c.any.Intersect(union))
	c.any = c.any.Union(union)
	c.batch = c.batch[:0]
}

// overlaps returns the union of the extents, which it puts in order, and the bytes that stand in more than one.
func overlaps(list []Extent) (union, shared Set) {
	slices.SortFunc(list, func(a, b Extent) int { return cmp.Compare(a.Offset, b.Offset) })
	end := int64(0)
	for _, e := range list {
		if e.Length <= 0 {
			continue
		}
		if e.Offset < end {
			shared.Add(Between(e.Offset, min(end, e.End())))
		}
		end = max(end, e.End())
		union.Add(e)
	}
	return union, shared
}
