package block

import (
	"fmt"
	"slices"
)

// RunKind says what a piece of a file stands on.
type RunKind uint8

const (
	// Data stands on the medium at Physical.
	Data RunKind = iota
	// Zero is a hole: the format says that these bytes read as zero. Physical has no meaning.
	Zero
	// Foreign stands at Physical, but those bytes are known to belong to something else by now.
	Foreign
	// Lost stands nowhere that is known. Physical has no meaning.
	Lost
	// Guessed stands at Physical by inference, not by metadata.
	Guessed
)

var runKindText = [...]string{Data: "data", Zero: "zero", Foreign: "foreign", Lost: "lost", Guessed: "guessed"}

func (k RunKind) String() string {
	if int(k) < len(runKindText) {
		return runKindText[k]
	}
	return fmt.Sprintf("RunKind(%d)", uint8(k))
}

// ParseRunKind is the inverse of [RunKind.String].
func ParseRunKind(s string) (RunKind, bool) {
	i := slices.Index(runKindText[:], s)
	return RunKind(max(i, 0)), i >= 0
}

// Stands reports whether a run of this kind has bytes at its Physical offset.
func (k RunKind) Stands() bool { return k == Data || k == Foreign || k == Guessed }

// Run is a piece of a file or a stream: Length bytes at Logical in the file stand at Physical below.
type Run struct {
	Logical, Physical, Length int64
	Kind                      RunKind
}

// LogicalExtent returns the bytes of the file that the run gives.
func (r Run) LogicalExtent() Extent { return Extent{r.Logical, r.Length} }

// PhysicalExtent returns where the run stands; it is empty for kinds that stand nowhere.
func (r Run) PhysicalExtent() Extent {
	if !r.Kind.Stands() {
		return Extent{Offset: r.Physical}
	}
	return Extent{r.Physical, r.Length}
}

// slice returns the part of r inside the logical extent e, which it overlaps.
func (r Run) slice(e Extent) Run {
	c := r.LogicalExtent().Intersect(e)
	d := c.Offset - r.Logical
	r.Logical, r.Length = c.Offset, c.Length
	if r.Kind.Stands() {
		r.Physical += d
	}
	return r
}

// Slice returns the part of runs, which are ordered by Logical, inside the logical extent e.
func Slice(runs []Run, e Extent) []Run {
	var out []Run
	i, _ := slices.BinarySearchFunc(runs, e.Offset, func(r Run, off int64) int {
		if r.LogicalExtent().End() <= off {
			return -1
		}
		return 1
	})
	for ; i < len(runs) && runs[i].Logical < e.End(); i++ {
		if runs[i].LogicalExtent().Overlaps(e) {
			out = append(out, runs[i].slice(e))
		}
	}
	return out
}

// Normalize returns runs in logical order, without empty ones, with what no run covers up to size as
// Lost, with pieces that overlap an earlier one cut away (the first in logical order wins; of two that
// start together the first given), cut at size, and with neighbours that continue each other joined. Runs
// with negative fields or whose ends do not fit int64 are dropped, which leaves their bytes Lost.
func Normalize(runs []Run, size int64) []Run {
	sorted := make([]Run, 0, len(runs))
	for _, r := range runs {
		if r.Length > 0 && r.LogicalExtent().Valid() && (!r.Kind.Stands() || r.PhysicalExtent().Valid()) {
			sorted = append(sorted, r)
		}
	}
	slices.SortStableFunc(sorted, func(a, b Run) int {
		switch {
		case a.Logical < b.Logical:
			return -1
		case a.Logical > b.Logical:
			return 1
		}
		return 0
	})
	var out []Run
	push := func(r Run) {
		if !r.Kind.Stands() {
			r.Physical = 0
		}
		if n := len(out); n > 0 {
			l := &out[n-1]
			if l.Kind == r.Kind && (!r.Kind.Stands() || l.Physical+l.Length == r.Physical) {
				l.Length += r.Length
				return
			}
		}
		out = append(out, r)
	}
	at := int64(0)
	for _, r := range sorted {
		keep := Between(at, size).Intersect(r.LogicalExtent())
		if keep.Length == 0 {
			continue
		}
		if keep.Offset > at {
			push(Run{Logical: at, Length: keep.Offset - at, Kind: Lost})
		}
		push(r.slice(keep))
		at = keep.End()
	}
	if at < size {
		push(Run{Logical: at, Length: size - at, Kind: Lost})
	}
	return out
}

// Through carries runs one floor down: it replaces what stands at each Physical place by what [Origin]
// of src says of it, so that the answer's Physical offsets are those of the medium below src. Kinds join
// to the weaker one: a guessed run over data is guessed, data over a lost range is lost.
func Through(src Source, runs []Run) []Run {
	var out []Run
	for _, r := range runs {
		if !r.Kind.Stands() {
			out = append(out, r)
			continue
		}
		at := r.Logical
		for _, o := range Origin(src, r.PhysicalExtent()) {
			n := Run{Logical: r.Logical + (o.Logical - r.Physical), Physical: o.Physical, Length: o.Length, Kind: o.Kind}
			if o.Kind == Data {
				n.Kind = r.Kind
			}
			out = append(out, n)
			at = n.Logical + n.Length
		}
		if end := r.Logical + r.Length; at < end {
			out = append(out, Run{Logical: at, Length: end - at, Kind: Lost})
		}
	}
	return out
}

// Places returns the bytes below on which runs stand.
func Places(runs []Run) Set {
	extents := make([]Extent, 0, len(runs))
	for _, r := range runs {
		extents = append(extents, r.PhysicalExtent())
	}
	return SetOf(extents...)
}

// OfKind returns the logical bytes of runs whose kind is one of kinds.
func OfKind(runs []Run, kinds ...RunKind) Set {
	var s Set
	for _, r := range runs {
		if slices.Contains(kinds, r.Kind) {
			s.Add(r.LogicalExtent())
		}
	}
	return s
}
