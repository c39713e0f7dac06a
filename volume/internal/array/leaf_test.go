package array

import (
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/volume"
)

func TestParts(t *testing.T) {
	data := make([]byte, 9000)
	for i := range data {
		data[i] = byte(i * 7)
	}
	bad := blocktest.Bad(block.Extent{Offset: 100, Length: 50}, block.Extent{Offset: 8000, Length: 1})
	hidden := block.SetOf(block.Extent{Offset: 120, Length: 100}, block.Extent{Offset: 4000, Length: 512}, block.Extent{Offset: 8900, Length: 5000})
	leaf := func() volume.Placer { return Leaf(blocktest.Faulty(block.Bytes(data), bad), 3) }
	gone := block.SetOf(bad[0].Extent, bad[1].Extent)
	whole := block.Extent{Length: 9000}
	for name, open := range map[string]func() (volume.Placer, int64, block.Set){
		"leaf": func() (volume.Placer, int64, block.Set) { return leaf(), 0, gone },
		"masked": func() (volume.Placer, int64, block.Set) {
			return Masked(leaf(), hidden), 0, gone.Union(hidden).Within(whole)
		},
		"window": func() (volume.Placer, int64, block.Set) {
			return Window(leaf(), block.Extent{Offset: 110, Length: 8000}), 110, gone
		},
		"window of masked": func() (volume.Placer, int64, block.Set) {
			return Window(Masked(leaf(), hidden), block.Extent{Offset: 4000, Length: 5000}), 4000, gone.Union(hidden)
		},
	} {
		src, from, gone := open()
		e := block.Extent{Offset: from, Length: src.Size()}
		lost := gone.Within(e).Shift(-from)
		t.Run(name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
				src, _, _ := open()
				return src, data[e.Offset:e.End()], lost
			})
			var placed block.Set
			for _, p := range src.Places(block.Extent{Length: src.Size()}) {
				if p.Member != 3 || p.Computed || p.Physical != p.Logical+from {
					t.Errorf("%+v", p)
				}
				placed.Add(block.Extent{Offset: p.Logical, Length: p.Length})
			}
			if !placed.Equal(lost.Complement(block.Extent{Length: src.Size()})) {
				t.Errorf("placed %v, lost %v", placed.Extents(), lost.Extents())
			}
		})
	}
	if src := leaf(); Masked(src, block.Set{}) != src || Window(src, whole) != src {
		t.Error("what takes nothing away makes something new")
	}
}

// TestWindowBehind asks for bytes behind the end of a part.
func TestWindowBehind(t *testing.T) {
	src := Window(Leaf(block.Bytes(make([]byte, 100)), 0), block.Extent{Offset: 50, Length: 100})
	blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
		return src, make([]byte, 100), block.SetOf(block.Extent{Offset: 50, Length: 50})
	})
	if p := src.Places(block.Extent{Length: 100}); len(p) != 1 || p[0].Length != 50 {
		t.Errorf("%+v", p)
	}
}

func TestZeros(t *testing.T) {
	blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
		return Zeros(5000), make([]byte, 5000), block.Set{}
	})
	if p := Zeros(100).Places(block.Extent{Length: 100}); len(p) != 0 {
		t.Errorf("%+v", p)
	}
}
