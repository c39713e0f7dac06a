package ntfs

import (
	"cmp"
	"slices"

	"salvor/block"
)

// claimsBatch is how many extents are gathered before they are joined with those met before. Files stand
// close to each other, so that joined extents are far fewer than files.
const claimsBatch = 1 << 16

// claimed gathers the places of many files: what any of them stands on, and what more than one does. Its
// memory grows with how scattered the files are, not with how many there are.
type claimed struct {
	any, shared block.Set
	batch       []block.Extent
}

func (c *claimed) add(list ...block.Extent) {
	c.batch = append(c.batch, list...)
	if len(c.batch) >= claimsBatch {
		c.join()
	}
}

// join brings what was gathered into the sets.
func (c *claimed) join() {
	union, shared := overlaps(c.batch)
	c.shared = c.shared.Union(shared).Union(c.any.Intersect(union))
	c.any = c.any.Union(union)
	c.batch = c.batch[:0]
}

// overlaps returns the union of the extents, which it puts in order, and the bytes that stand in more than one.
func overlaps(list []block.Extent) (union, shared block.Set) {
	slices.SortFunc(list, func(a, b block.Extent) int { return cmp.Compare(a.Offset, b.Offset) })
	end := int64(0)
	for _, e := range list {
		if e.Length <= 0 {
			continue
		}
		if e.Offset < end {
			shared.Add(block.Between(e.Offset, min(end, e.End())))
		}
		end = max(end, e.End())
		union.Add(e)
	}
	return union, shared
}
