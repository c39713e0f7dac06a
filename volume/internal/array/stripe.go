package array

import (
	"slices"

	"salvor/volume"
)

// Striping says which of two ways an array of parts of different sizes was made in.
type Striping uint8

// Before version 3.14 and since Linux 3.14 a byte of the second zone and of those behind it may stand on another
// part; arrays whose parts have one size are the same in both.
const (
	Alternate Striping = iota // the turn begins anew with each zone: since Linux 3.14
	Original                  // the turn is counted from the start of the array: before
)

// zone is a range of the array that is striped over the same parts.
type zone struct {
	start, end int64 // of the array, bytes
	at         int64 // where it begins on its parts, bytes
	parts      []int
}

type striped struct {
	chunk int64
	zones []zone
	how   Striping
}

// Stripe returns parts in turns of chunk bytes. sizes are the bytes of each part that are used; what is no whole
// chunk at the end is not. Where sizes differ, the parts that are longer go on by themselves in zones. It returns nil
// when chunk is not positive, the numbers do not agree, or the array would be too large.
func Stripe(parts []volume.Placer, sizes []int64, chunk int64, how Striping) volume.Placer {
	if chunk <= 0 || len(parts) == 0 || len(parts) > MaxParts || len(parts) != len(sizes) {
		return nil
	}
	g := &striped{chunk: chunk, how: how}
	used := slices.Clone(sizes)
	for i := range used {
		if used[i] < 0 || used[i] > maxSize/int64(len(parts)) {
			return nil
		}
		used[i] -= used[i] % chunk
	}
	ends := slices.Compact(slices.Sorted(slices.Values(used)))
	at, size := int64(0), int64(0)
	for _, end := range ends {
		if end == at {
			continue
		}
		z := zone{start: size, at: at}
		for i, u := range used {
			if u >= end {
				z.parts = append(z.parts, i)
			}
		}
		size += (end - at) * int64(len(z.parts))
		z.end = size
		g.zones = append(g.zones, z)
		at = end
	}
	return &array{size: size, parts: parts, geometry: g}
}

func (g *striped) find(off int64, spots []spot) ([]spot, int64) {
	i, _ := slices.BinarySearchFunc(g.zones, off, func(z zone, off int64) int {
		if z.end <= off {
			return -1
		}
		return 1
	})
	z := &g.zones[i]
	n := int64(len(z.parts))
	in := off - z.start
	turn := in / g.chunk
	if g.how == Original {
		turn = off / g.chunk
	}
	rest := in % g.chunk
	part := z.parts[turn%n]
	return append(spots, spot{part, z.at + in/(g.chunk*n)*g.chunk + rest}), g.chunk - rest
}

func (g *striped) spare() int { return 0 }
