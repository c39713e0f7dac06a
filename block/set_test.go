package block_test

import (
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
)

// space is the number of bytes that the models cover.
const space = 64

var anyExtent = rapid.Custom(func(t *rapid.T) block.Extent {
	off := rapid.Int64Range(0, space).Draw(t, "offset")
	return block.Extent{Offset: off, Length: rapid.Int64Range(0, space-off).Draw(t, "length")}
})

// bits is a set of bytes below space, one bit each.
type bits uint64

func bitsOf(e block.Extent) bits {
	var b bits
	for i := e.Offset; i < e.End(); i++ {
		b |= 1 << i
	}
	return b
}

// check compares s with the model and checks its form: in order, apart, not empty.
func check(t *rapid.T, what string, s block.Set, want bits) {
	var got bits
	end := int64(-1)
	for e := range s.All() {
		if e.Length <= 0 || e.Offset <= end {
			t.Fatalf("%s: %v is not in form", what, s.Extents())
		}
		end = e.End()
		got |= bitsOf(e)
	}
	if got != want {
		t.Fatalf("%s = %b, want %b", what, got, want)
	}
	n := int64(0)
	for i := range int64(space) {
		in := want>>i&1 == 1
		if in {
			n++
		}
		if s.Has(i) != in {
			t.Fatalf("%s: Has(%d) = %v", what, i, !in)
		}
	}
	if s.Bytes() != n || s.Empty() != (n == 0) || s.Count() != len(s.Extents()) {
		t.Fatalf("%s: Bytes %d, Empty %v, Count %d for %v", what, s.Bytes(), s.Empty(), s.Count(), s.Extents())
	}
}

func drawSet(t *rapid.T, name string) (block.Set, bits) {
	var want bits
	extents := rapid.SliceOfN(anyExtent, 0, 6).Draw(t, name)
	for _, e := range extents {
		want |= bitsOf(e)
	}
	s := block.SetOf(extents...)
	check(t, "SetOf", s, want)
	return s, want
}

func TestSetLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, wantA := drawSet(t, "a")
		b, wantB := drawSet(t, "b")
		e := anyExtent.Draw(t, "e")
		be := bitsOf(e)

		check(t, "Union", a.Union(b), wantA|wantB)
		check(t, "Intersect", a.Intersect(b), wantA&wantB)
		check(t, "Subtract", a.Subtract(b), wantA&^wantB)
		check(t, "Within", a.Within(e), wantA&be)
		check(t, "Complement", a.Complement(e), be&^wantA)
		if a.Contains(e) != (wantA&be == be) {
			t.Fatalf("Contains(%v) = %v", e, a.Contains(e))
		}
		if a.Overlaps(e) != (wantA&be != 0) {
			t.Fatalf("Overlaps(%v) = %v", e, a.Overlaps(e))
		}
		if a.Equal(b) != (wantA == wantB) {
			t.Fatalf("Equal = %v", a.Equal(b))
		}
		if !a.Shift(7).Shift(-7).Equal(a) {
			t.Fatal("Shift does not turn back")
		}
		// Nothing above changed a or b.
		check(t, "a", a, wantA)
		check(t, "b", b, wantB)
	})
}

func TestSetChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s block.Set
		var want bits
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				e := anyExtent.Draw(t, "e")
				s.Add(e)
				want |= bitsOf(e)
			},
			"remove": func(t *rapid.T) {
				e := anyExtent.Draw(t, "e")
				s.Remove(e)
				want &^= bitsOf(e)
			},
			"a clone shares nothing": func(t *rapid.T) {
				e := anyExtent.Draw(t, "e")
				c := s.Clone()
				c.Add(e)
				c.Remove(anyExtent.Draw(t, "f"))
			},
			"extents share nothing": func(t *rapid.T) {
				for i, list := 0, s.Extents(); i < len(list); i++ {
					list[i].Length = 99
				}
			},
			"": func(t *rapid.T) { check(t, "set", s, want) },
		})
	})
}
