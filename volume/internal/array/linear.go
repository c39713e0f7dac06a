package array

import (
	"sort"

	"salvor/block"
	"salvor/volume"
)

// Piece is a part with the number of its bytes that are used, from its start.
type Piece struct {
	Part   volume.Placer // nil: missing
	Length int64
}

// Concat returns the pieces behind each other. Empty ones are left out. It returns nil when they are longer together
// than a source can be.
func Concat(pieces []Piece) volume.Placer {
	g := &linear{}
	var parts []volume.Placer
	size := int64(0)
	for _, p := range pieces {
		if p.Length <= 0 {
			continue
		}
		if p.Length > maxSize-size {
			return nil
		}
		g.starts = append(g.starts, size)
		size += p.Length
		parts = append(parts, p.Part)
	}
	g.size = size
	if len(parts) == 1 && parts[0] != nil && parts[0].Size() == size {
		return parts[0]
	}
	return &array{size: size, parts: parts, geometry: g}
}

// maxSize is the largest size of an array, in bytes: twice that still fits an offset.
const maxSize = 1 << 61

type linear struct {
	starts []int64
	size   int64
}

func (g *linear) find(off int64, spots []spot) ([]spot, int64) {
	i := sort.Search(len(g.starts), func(i int) bool { return g.starts[i] > off }) - 1
	end := g.size
	if i+1 < len(g.starts) {
		end = g.starts[i+1]
	}
	return append(spots, spot{i, off - g.starts[i]}), end - off
}

func (g *linear) spare() int { return 0 }

// Zeros returns size bytes of zeros that stand nowhere, for what a format says to be empty.
func Zeros(size int64) volume.Placer {
	return zeros{block.Join(block.Bytes(nil), []block.Run{{Length: size, Kind: block.Zero}}, size)}
}

type zeros struct{ block.Source }

func (z zeros) Origin(within block.Extent) []block.Run { return block.Origin(z.Source, within) }

func (zeros) Places(block.Extent) []volume.Place { return nil }

// Mirror returns the first size bytes of parts that hold the same bytes; the first part is read first.
func Mirror(parts []volume.Placer, size int64) volume.Placer {
	if len(parts) == 0 || len(parts) > MaxParts || size < 0 || size > maxSize {
		return nil
	}
	return &array{size: size, parts: parts, geometry: mirror{n: len(parts), size: size}}
}

type mirror struct {
	n    int
	size int64
}

func (g mirror) find(off int64, spots []spot) ([]spot, int64) {
	for i := range g.n {
		spots = append(spots, spot{i, off})
	}
	return spots, g.size - off
}

func (g mirror) spare() int { return g.n - 1 }
