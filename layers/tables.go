package layers

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// table is a table that a scheme read, with its numbers carried to the medium.
type table struct {
	volume.Table
	id     string
	parent *part // nil when it stands on the disk itself
	depth  int
	base   int64 // of the source that it was read from, on the medium
	parts  []*part
	score  int
	rival  bool
	same   bool // another copy of the chosen table, or a record that only guards it
}

// part is a partition by a table's word.
type part struct {
	volume.Entry // its extent is on the medium
	id           string
	of           *table
	inner        *table // the table that was accepted inside of it
	layer        *Layer
}

// readTables reads every scheme on the disk.
func (r *resolver) readTables(ctx context.Context) error {
	var err error
	r.tabs, err = r.tablesOn(ctx, r.src, 0, nil, 0)
	if err != nil {
		return err
	}
	for _, t := range r.tabs {
		r.addStarts(t, r.starts)
	}
	return nil
}

// addStarts notes where t says that partitions begin. The longest one counts where two begin together.
func (r *resolver) addStarts(t *table, starts map[int64]int64) {
	for _, p := range t.parts {
		if p.Extent.Offset < r.size && p.Extent.Length > 0 && !p.Container && p.Runs == nil && len(starts) < 4*maxPlaces {
			starts[p.Extent.Offset] = max(starts[p.Extent.Offset], p.Extent.Length)
		}
	}
}

// tablesOn reads every scheme on src, which begins at base of the medium.
func (r *resolver) tablesOn(ctx context.Context, src block.Source, base int64, parent *part, depth int) ([]*table, error) {
	owner := r.root.ID
	if parent != nil {
		owner = parent.id
	}
	here := block.Extent{Offset: base, Length: src.Size()}
	var out []*table
	taken := map[string]bool{}
	for i, s := range r.tables.Schemes {
		var hits []probe.Hit
		for _, h := range r.schemes[i] {
			if here.Has(h.Offset) {
				hits = append(hits, probe.Hit{ID: h.ID, Offset: h.Offset - base})
			}
		}
		var found []volume.Table
		err := guard.Do(ctx, tableTime, src, func(ctx context.Context, src block.Source) (err error) {
			found, err = s.Read(ctx, src, hits)
			return err
		})
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if f, ok := guard.Finding(s.Name, tableTime, err); ok {
			r.add(f)
		}
		for _, v := range found {
			v.Offset += base
			v.Findings = shift(v.Findings, base)
			id := owner + "." + v.Scheme
			switch {
			case !taken[id]:
			case v.Copy != "" && !taken[id+"."+v.Copy]:
				id += "." + v.Copy
			default:
				id = fmt.Sprintf("%s@0x%x", id, v.Offset)
				if taken[id] {
					id = fmt.Sprintf("%s/%d", id, v.SectorSize)
				}
			}
			taken[id] = true
			v.Entries = slices.Clone(v.Entries)
			t := &table{Table: v, id: id, parent: parent, depth: depth, base: base}
			for i := range v.Entries {
				e := &v.Entries[i]
				e.Extent.Offset += base
				e.Runs = shiftRuns(e.Runs, base)
				e.Findings = shift(e.Findings, base)
				t.parts = append(t.parts, &part{Entry: *e, of: t})
			}
			out = append(out, t)
		}
	}
	return out, nil
}

// shiftRuns carries runs from a source to the medium on which it begins at base.
func shiftRuns(runs []block.Run, base int64) []block.Run {
	runs = slices.Clone(runs)
	for i := range runs {
		if runs[i].Kind.Stands() {
			runs[i].Physical += base
		}
	}
	return runs
}

// shift carries findings from a source to the medium on which it begins at base.
func shift(list []finding.Finding, base int64) []finding.Finding {
	if base == 0 {
		return slices.Clone(list)
	}
	out := slices.Clone(list)
	for i := range out {
		if out[i].Offset >= 0 {
			out[i].Offset += base
		}
	}
	return out
}

// share returns how many of t's partitions have a volume at their start, from 0 to 1.
func (r *resolver) share(t *table) float64 {
	n, found := 0, 0
	for _, p := range t.parts {
		if p.Container || p.Extent.Offset >= r.size || p.Extent.Length == 0 {
			continue
		}
		n++
		for _, v := range r.volumes {
			if v.Extent.Offset == p.Extent.Offset && v.convincing() {
				found++
				break
			}
		}
	}
	if n == 0 {
		return 0
	}
	return float64(found) / float64(n)
}

// rate scores the tables that stand at one place, the disk or a partition, and chooses among them.
func (r *resolver) rate(tabs []*table, size int64) *table {
	r.scoreTables(tabs, size)
	var best *table
	for _, t := range tabs {
		if t.score >= AcceptScore && len(t.parts) > 0 && (best == nil || t.score > best.score) {
			best = t
		}
	}
	best = outermost(tabs, best)
	if best == nil { // a table without partitions is still a table, unless it only points to another
		for _, t := range tabs {
			if t.score >= AcceptScore && !hasFinding(t.Findings, "mbr.protective") && (best == nil || t.score > best.score) {
				best = t
			}
		}
	}
	for _, t := range tabs {
		if t == best {
			continue
		}
		t.same = best != nil && subsumed(t, best) || len(t.parts) == 0
		t.rival = !t.same
	}
	// The chosen table has the plain name, whichever copy it is.
	if best != nil {
		plain := best.id[:len(best.id)-len(suffix(best))]
		for _, t := range tabs {
			if t != best && t.id == plain {
				t.id, best.id = plain+"."+orElse(t.Copy, "other"), plain
			}
		}
	}
	for _, t := range tabs {
		owner := t.id
		if t == best {
			owner = r.root.ID
			if t.parent != nil {
				owner = t.parent.id
			}
		}
		for _, p := range t.parts {
			p.id = fmt.Sprintf("%s.p%d", owner, p.Number)
		}
	}
	return best
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// suffix returns what the id of t has behind the plain name of its scheme.
func suffix(t *table) string {
	owner := ""
	if i := lastIndexOf(t.id, "."+t.Scheme); i >= 0 {
		owner = t.id[:i+1+len(t.Scheme)]
	}
	return t.id[len(owner):]
}

func lastIndexOf(s, sub string) int {
	for i := len(s) - len(sub); i >= 0; i-- {
		if s[i:i+len(sub)] == sub {
			return i
		}
	}
	return -1
}

func hasFinding(list []finding.Finding, code string) bool {
	return slices.ContainsFunc(list, func(f finding.Finding) bool { return f.Code == code })
}

// subsumed reports whether every partition of t is one of o's too.
func subsumed(t, o *table) bool {
	for _, p := range t.parts {
		if p.Container {
			continue
		}
		if !slices.ContainsFunc(o.parts, func(q *part) bool { return q.Extent == p.Extent }) {
			return false
		}
	}
	return true
}

// nested chooses the disk's table, and reads the tables that stand inside of partitions without a volume.
func (r *resolver) nested(ctx context.Context) error {
	r.chosen = r.rate(r.tabs, r.size)
	if r.chosen == nil {
		return nil
	}
	level := []*table{r.chosen}
	for depth := 1; len(level) > 0; depth++ {
		var next []*table
		starts := map[int64]int64{}
		type group struct {
			p    *part
			tabs []*table
		}
		var groups []group
		for _, t := range level {
			for _, p := range t.parts {
				e := p.Extent.Intersect(block.Extent{Length: r.size})
				if p.Container || e.Length == 0 || p.Runs != nil {
					continue
				}
				filled := r.filled(p)
				tabs, err := r.tablesOn(ctx, block.Section(r.src, e), e.Offset, p, depth)
				if err != nil {
					return err
				}
				tabs = slices.DeleteFunc(tabs, func(t *table) bool { return !t.fitsInto(e) || filled && !t.proven() })
				if len(tabs) == 0 {
					continue
				}
				if depth > maxDepth {
					p.Findings = append(p.Findings, depthReached.New(finding.At(e.Offset, e.Length), finding.Expected(maxDepth, nil)))
					continue
				}
				groups = append(groups, group{p, tabs})
				for _, t := range tabs {
					r.addStarts(t, starts)
				}
			}
		}
		if len(groups) == 0 {
			return nil
		}
		if err := r.search(ctx, starts, false); err != nil {
			return err
		}
		for _, g := range groups {
			inner := r.rate(g.tabs, g.p.Extent.Length)
			// A table of its own inside of a partition is rare; remains of one are not. It counts when
			// it leads to volumes.
			if inner == nil || len(inner.parts) == 0 || r.share(inner) == 0 && !inner.proven() {
				continue
			}
			g.p.inner = inner
			r.tabs = slices.DeleteFunc(r.tabs, func(t *table) bool { return t.parent == nil && sameAs(t, g.tabs) })
			r.tabs = append(r.tabs, g.tabs...)
			next = append(next, inner)
		}
		level = next
	}
	return nil
}

// fitsInto reports whether every partition of t lies inside of e, which begins with the table.
func (t *table) fitsInto(e block.Extent) bool {
	n := 0
	for _, p := range t.parts {
		if p.Container {
			continue
		}
		n++
		if p.Extent == e || slices.ContainsFunc(p.pieces(), func(q block.Extent) bool { return !e.Contains(q) }) {
			return false
		}
	}
	return n > 0
}

// pieces returns where p stands on the medium.
func (p *part) pieces() []block.Extent {
	if p.Runs == nil {
		return []block.Extent{p.Extent}
	}
	return block.Places(p.Runs).Extents()
}

// overlaps reports whether the two share a byte of the medium.
func (p *part) overlaps(o *part) bool {
	return slices.ContainsFunc(p.pieces(), func(a block.Extent) bool { return slices.ContainsFunc(o.pieces(), a.Overlaps) })
}

// sameAs reports whether one of list was read from the very place of t.
func sameAs(t *table, list []*table) bool {
	return slices.ContainsFunc(list, func(o *table) bool { return o.Scheme == t.Scheme && o.Offset == t.Offset })
}

// filled reports whether a convincing volume begins where p does.
func (r *resolver) filled(p *part) bool {
	return slices.ContainsFunc(r.volumes, func(v *candidate) bool {
		return v.Extent.Offset == p.Extent.Offset && v.convincing()
	})
}

// leaves returns the partitions of the accepted tables that hold no accepted table themselves, in order.
func (r *resolver) leaves() []*part {
	var out []*part
	var walk func(t *table)
	walk = func(t *table) {
		if t == nil {
			return
		}
		for _, p := range t.parts {
			switch {
			case p.Container || p.Extent.Length == 0 || p.Runs != nil:
			case p.inner != nil:
				walk(p.inner)
			default:
				out = append(out, p)
			}
		}
	}
	walk(r.chosen)
	slices.SortStableFunc(out, func(a, b *part) int { return cmpInt(a.Extent.Offset, b.Extent.Offset) })
	return out
}
