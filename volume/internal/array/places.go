package array

import (
	"cmp"
	"slices"

	"salvor/volume"
)

// appendPlace appends p, joined with the last of the list where it goes on from that.
func appendPlace(list []volume.Place, p volume.Place) []volume.Place {
	if n := len(list); n > 0 {
		l := &list[n-1]
		if l.Member == p.Member && l.Computed == p.Computed && l.Logical+l.Length == p.Logical && l.Physical+l.Length == p.Physical {
			l.Length += p.Length
			return list
		}
	}
	return append(list, p)
}

func order(list []volume.Place) {
	slices.SortFunc(list, func(a, b volume.Place) int { return cmp.Compare(a.Logical, b.Logical) })
}
