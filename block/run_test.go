package block_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
)

var anyRun = rapid.Custom(func(t *rapid.T) block.Run {
	e := anyExtent.Draw(t, "logical")
	return block.Run{Logical: e.Offset, Length: e.Length, Physical: rapid.Int64Range(0, 2*space).Draw(t, "physical"),
		Kind: rapid.SampledFrom([]block.RunKind{block.Data, block.Zero, block.Foreign, block.Lost, block.Guessed}).Draw(t, "kind")}
})

// byteAt is what a run says of one byte.
type byteAt struct {
	kind     block.RunKind
	physical int64 // 0 where nothing stands
}

// modelOf spreads runs over bytes: the run that begins first wins, of equal ones the first given.
func modelOf(runs []block.Run, size int64) []byteAt {
	sorted := slices.Clone(runs)
	slices.SortStableFunc(sorted, func(a, b block.Run) int { return int(a.Logical - b.Logical) })
	out := make([]byteAt, size)
	for i := range out {
		out[i] = byteAt{kind: block.Lost}
		for _, r := range sorted {
			if !r.LogicalExtent().Has(int64(i)) {
				continue
			}
			out[i].kind = r.Kind
			if r.Kind.Stands() {
				out[i].physical = r.Physical + int64(i) - r.Logical
			}
			break
		}
	}
	return out
}

func spread(t *rapid.T, runs []block.Run, from, end int64) []byteAt {
	var out []byteAt
	at := from
	for _, r := range runs {
		if r.Logical != at || r.Length <= 0 {
			t.Fatalf("run %+v, expected one at %d", r, at)
		}
		for i := range r.Length {
			b := byteAt{kind: r.Kind}
			if r.Kind.Stands() {
				b.physical = r.Physical + i
			}
			out = append(out, b)
		}
		at += r.Length
	}
	if at != end {
		t.Fatalf("runs end at %d, want %d", at, end)
	}
	return out
}

func TestNormalizeModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runs := rapid.SliceOfN(anyRun, 0, 6).Draw(t, "runs")
		size := rapid.Int64Range(0, space+8).Draw(t, "size")
		given := slices.Clone(runs)
		n := block.Normalize(runs, size)
		if !slices.Equal(runs, given) {
			t.Fatal("Normalize changed its argument")
		}
		// A run that is cut by an earlier one keeps the place of what is left of it, so both agree by byte.
		if got, want := spread(t, n, 0, size), modelOf(runs, size); !slices.Equal(got, want) {
			t.Fatalf("Normalize(%v, %d) = %v", runs, size, n)
		}
		for i := 1; i < len(n); i++ {
			a, b := n[i-1], n[i]
			if a.Kind == b.Kind && (!a.Kind.Stands() || a.Physical+a.Length == b.Physical) {
				t.Fatalf("%+v and %+v are not joined", a, b)
			}
		}
		if again := block.Normalize(n, size); !slices.Equal(again, n) {
			t.Fatalf("normalizing twice gives %v, once %v", again, n)
		}

		e := anyExtent.Draw(t, "e")
		end := max(min(e.End(), size), min(e.Offset, size))
		want := modelOf(runs, size)[min(e.Offset, size):end]
		if got := spread(t, block.Slice(n, e), min(e.Offset, end), end); !slices.Equal(got, want) {
			t.Fatalf("Slice(%v) = %v", e, block.Slice(n, e))
		}
	})
}

func TestNormalizeHostile(t *testing.T) {
	runs := []block.Run{
		{Logical: -1, Length: 5},
		{Logical: 1, Length: -5},
		{Logical: 2, Length: math.MaxInt64},
		{Logical: 3, Physical: -1, Length: 5},
		{Logical: 4, Physical: math.MaxInt64 - 2, Length: 5},
		{Logical: 8, Physical: -1, Length: 1, Kind: block.Zero}, // a place without meaning
	}
	want := []block.Run{{Length: 8, Kind: block.Lost}, {Logical: 8, Length: 1, Kind: block.Zero}, {Logical: 9, Length: 1, Kind: block.Lost}}
	if got := block.Normalize(runs, 10); !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
}

func TestThroughModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const medium = 2 * space
		lower := block.Normalize(rapid.SliceOfN(anyRun, 0, 5).Draw(t, "lower"), space)
		upper := block.Normalize(rapid.SliceOfN(anyRun, 0, 5).Draw(t, "upper"), space)
		src := block.Join(block.Bytes(make([]byte, medium)), lower, space)
		got := spread(t, block.Through(src, upper), 0, space)
		low := modelOf(lower, space)
		for i, u := range modelOf(upper, space) {
			want := u
			if u.kind.Stands() {
				switch {
				case u.physical >= space:
					want = byteAt{kind: block.Lost}
				default:
					want = low[u.physical]
					// The medium has an end; what stands behind it is lost.
					if want.kind.Stands() && want.physical >= medium {
						want = byteAt{kind: block.Lost}
					}
					if want.kind == block.Data {
						want.kind = u.kind
					}
				}
			}
			if got[i] != want {
				t.Fatalf("byte %d: %+v, want %+v", i, got[i], want)
			}
		}
	})
}

func TestJoinModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := make([]byte, space+8)
		for i := range data {
			data[i] = byte(i + 1)
		}
		runs := rapid.SliceOfN(anyRun, 0, 6).Draw(t, "runs")
		size := rapid.Int64Range(0, space).Draw(t, "size")
		src := block.Join(block.Bytes(data), runs, size)
		for i, b := range modelOf(runs, size) {
			var p [1]byte
			n, err := src.ReadAt(p[:], int64(i))
			switch {
			case b.kind == block.Zero:
				if n != 1 || err != nil || p[0] != 0 {
					t.Fatalf("byte %d of a hole: %d, %v", i, n, err)
				}
			case (b.kind == block.Data || b.kind == block.Guessed) && b.physical < int64(len(data)):
				if n != 1 || err != nil || p[0] != data[b.physical] {
					t.Fatalf("byte %d: %d, %v, %#x want %#x", i, n, err, p[0], data[b.physical])
				}
			default:
				u, ok := block.IsUnreadable(err)
				if n != 0 || !ok || u.Ranges[0].Why != block.Absent {
					t.Fatalf("byte %d of kind %v: %d, %v", i, b.kind, n, err)
				}
			}
		}
	})
}

func TestPlacesAndKinds(t *testing.T) {
	runs := []block.Run{
		{Logical: 0, Physical: 100, Length: 10},
		{Logical: 10, Length: 10, Kind: block.Zero},
		{Logical: 20, Physical: 105, Length: 10, Kind: block.Foreign},
		{Logical: 30, Length: 5, Kind: block.Lost},
	}
	if got := block.Places(runs); !got.Equal(block.SetOf(block.Between(100, 115))) {
		t.Errorf("Places = %v", got.Extents())
	}
	if got := block.OfKind(runs, block.Zero, block.Lost); !got.Equal(block.SetOf(block.Between(10, 20), block.Between(30, 35))) {
		t.Errorf("OfKind = %v", got.Extents())
	}
	for k := block.Data; k <= block.Guessed; k++ {
		if back, ok := block.ParseRunKind(k.String()); !ok || back != k {
			t.Errorf("ParseRunKind(%v) = %v, %v", k, back, ok)
		}
	}
	if _, ok := block.ParseRunKind("solid"); ok {
		t.Error("an unknown kind is parsed")
	}
	if got := block.RunKind(77).String(); got != "RunKind(77)" {
		t.Error(got)
	}
}
