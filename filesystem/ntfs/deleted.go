package ntfs

import (
	"cmp"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// deleted marks which ranges of a file that is not in use any more belong to others by now.
func (w *walker) deleted(f *filesystem.File, o *object) {
	foreign, unsure := int64(0), int64(0)
	for i := range f.Streams {
		st := &f.Streams[i]
		if o.holds(st) {
			continue
		}
		var runs []block.Run
		for _, r := range st.Runs {
			e := r.PhysicalExtent()
			if e.Length == 0 {
				runs = append(runs, r)
				continue
			}
			others, doubtful := w.s.rivals(e, o.number, o.changed())
			taken := w.s.claims.Within(e).Union(others)
			if w.s.allocation {
				taken = taken.Union(w.s.allocated.Within(e))
			}
			doubtful = doubtful.Subtract(taken)
			foreign += taken.Bytes()
			unsure += doubtful.Bytes()
			runs = append(runs, split(r, taken, doubtful)...)
		}
		st.Runs = runs
	}
	if foreign > 0 {
		f.Findings = append(f.Findings, deletedForeign.New(finding.Expected(0, foreign)))
	}
	if unsure > 0 {
		f.Findings = append(f.Findings, deletedContested.New(finding.Expected(0, unsure)))
	}
}

// split cuts a run where it is someone else's, and where that is not certain.
func split(r block.Run, foreign, guessed block.Set) []block.Run {
	if foreign.Empty() && guessed.Empty() {
		return []block.Run{r}
	}
	e := r.PhysicalExtent()
	var out []block.Run
	add := func(places block.Set, kind block.RunKind) {
		for p := range places.All() {
			out = append(out, block.Run{Logical: r.Logical + p.Offset - e.Offset, Physical: p.Offset, Length: p.Length, Kind: kind})
		}
	}
	add(foreign, block.Foreign)
	add(guessed, block.Guessed)
	add(foreign.Union(guessed).Complement(e), r.Kind)
	slices.SortFunc(out, func(a, b block.Run) int { return cmp.Compare(a.Logical, b.Logical) })
	return out
}
