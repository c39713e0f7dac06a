package block_test

import (
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
)

func checkMap(t *rapid.T, m *block.Map[int], want []int) {
	at, count := int64(0), 0
	last := -1
	for e, v := range m.All() {
		if e.Offset != at || e.Length <= 0 || v == last {
			t.Fatalf("run %v of %d is out of order, empty, or not joined", e, v)
		}
		for i := e.Offset; i < e.End(); i++ {
			if want[i] != v {
				t.Fatalf("byte %d is %d, want %d", i, v, want[i])
			}
		}
		at, last = e.End(), v
		count++
	}
	if at != int64(len(want)) || m.Size() != at || (at > 0 && m.Count() != count) {
		t.Fatalf("All ends at %d of %d, Size %d, Count %d of %d runs", at, len(want), m.Size(), m.Count(), count)
	}
	for i := int64(-1); i <= int64(len(want)); i++ {
		v, e := m.At(i)
		if i < 0 || i == int64(len(want)) {
			if v != 0 || e.Length != 0 {
				t.Fatalf("At(%d) = %d, %v", i, v, e)
			}
			continue
		}
		if v != want[i] || !e.Has(i) {
			t.Fatalf("At(%d) = %d, %v, want %d", i, v, e, want[i])
		}
	}
}

func TestMapLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.Int64Range(0, space).Draw(t, "size")
		m := block.NewMap(size, 1)
		want := make([]int, size)
		for i := range want {
			want[i] = 1
		}
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				e := anyExtent.Draw(t, "e")
				v := rapid.IntRange(1, 3).Draw(t, "v")
				m.Set(e, v)
				for i := e.Offset; i < min(e.End(), size); i++ {
					want[i] = v
				}
			},
			"append": func(t *rapid.T) {
				v := rapid.IntRange(1, 3).Draw(t, "v")
				n := min(rapid.Int64Range(0, 5).Draw(t, "n"), space-size)
				m.Append(n, v)
				for range n {
					want = append(want, v)
				}
				size += n
			},
			"clone": func(t *rapid.T) {
				c := m.Clone()
				c.Set(anyExtent.Draw(t, "e"), 9)
			},
			"where": func(t *rapid.T) {
				v := rapid.IntRange(1, 3).Draw(t, "v")
				var in bits
				for i, w := range want {
					if w == v {
						in |= 1 << i
					}
				}
				check(t, "Where", m.Where(func(w int) bool { return w == v }), in)
			},
			"within": func(t *rapid.T) {
				e := anyExtent.Draw(t, "e")
				at := e.Offset
				for r, v := range m.Within(e) {
					if r.Offset != at || r.Length <= 0 || r.End() > e.End() {
						t.Fatalf("Within(%v): run %v", e, r)
					}
					for i := r.Offset; i < r.End(); i++ {
						if want[i] != v {
							t.Fatalf("Within(%v): byte %d", e, i)
						}
					}
					at = r.End()
				}
				if end := min(e.End(), size); e.Length > 0 && e.Offset < size && at != end {
					t.Fatalf("Within(%v) ends at %d", e, at)
				}
			},
			"": func(t *rapid.T) { checkMap(t, m, want) },
		})
	})
}

func TestMapSequencesStop(t *testing.T) {
	m := block.NewMap(10, 'a')
	m.Set(block.Between(3, 5), 'b')
	for range m.All() {
		break
	}
	for range m.Within(block.Between(1, 9)) {
		break
	}
	if m.Count() != 3 {
		t.Errorf("Count = %d", m.Count())
	}
}

func BenchmarkMapSetInOrder(b *testing.B) {
	for b.Loop() {
		m := block.NewMap(1<<40, '?')
		for i := range int64(1000) {
			m.Set(block.Extent{Offset: i << 20, Length: 1 << 20}, '+')
		}
	}
}
