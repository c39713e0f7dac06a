package layers

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// candidate is a volume that may be there.
type candidate struct {
	filesystem.Candidate
	row     *filesystem.Kind
	support int // landmarks that led to it
	tried   int // landmarks inside of it that were examined

	bare    bool // it was opened without a landmark
	fs      filesystem.FileSystem
	asked   bool // to open
	openErr error
	rooted  bool // at least one file of it was read
	rootErr error

	score int
	part  *part      // the leaf at whose start it stands
	outer *candidate // the accepted volume that it stands in or lost against
	weak  bool
	old   bool // it stood here before its outer one
	// overlay says that an image was written over its start, whose volumes are inside of it.
	overlay bool
	layer   *Layer
	own     int64 // its length by its own word, when its partition is shorter

	member *volume.Member // what a stack reads here
	lock   *volume.Locked // what a lock reads here
}

// convincing reports whether what v shows of itself is enough to speak for a table.
func (v *candidate) convincing() bool {
	if v.row.Open != nil && v.asked {
		return v.rooted || v.fs != nil && v.Confirmed > v.Refuted
	}
	return v.Confirmed > v.Refuted
}

// look matches the probes of all kinds around the given starts and before their ends, as the sweep does
// over the whole medium. It makes a table's word testable without a sweep, and costs nothing that matters
// with one.
func (r *resolver) look(ctx context.Context, starts map[int64]int64) ([][]probe.Hit, error) {
	found := make([][]probe.Hit, len(r.tables.Kinds))
	var places []block.Extent
	for start, length := range starts {
		e := block.Extent{Offset: start, Length: length}.Intersect(block.Extent{Length: r.size})
		head := block.Extent{Offset: e.Offset, Length: min(e.Length, headSize)}
		tail := block.Between(max(head.End(), e.End()-tailSize), e.End())
		places = append(places, head, tail)
	}
	slices.SortFunc(places, func(a, b block.Extent) int { return cmpInt(a.Offset, b.Offset) })
	buf := make([]byte, headSize)
	lanes := lanesOf(r.tables.Kinds)
	for _, e := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if e.Length == 0 || r.looked[e] || len(r.looked) >= 2*maxPlaces {
			continue
		}
		r.looked[e] = true
		// What stands behind an unreadable range in such a small area is left to the sweep.
		n, _ := r.src.ReadAt(buf[:e.Length], e.Offset)
		for _, l := range lanes {
			l.match(found, buf[:n], e.Offset)
		}
		for i, k := range r.tables.Kinds {
			for j := range k.Probes {
				if p := &k.Probes[j]; p.Align <= 1 {
					found[i] = match(found[i], p, buf[:n], e.Offset)
				}
			}
		}
	}
	return found, ctx.Err()
}

// lane is the probes whose patterns stand at the same place of structures of the same alignment, by the first byte of the
// pattern: one look at a byte speaks for all of them.
type lane struct {
	align, at int64
	first     [256][]laned
}

type laned struct {
	kind int
	p    *probe.Probe
}

// lanesOf returns the lanes of all probes that have an alignment.
func lanesOf(kinds []filesystem.Kind) (lanes []*lane) {
	for i := range kinds {
		for j := range kinds[i].Probes {
			p := &kinds[i].Probes[j]
			if p.Align <= 1 {
				continue
			}
			at := slices.IndexFunc(lanes, func(l *lane) bool { return l.align == p.Align && l.at == p.At })
			if at < 0 {
				at = len(lanes)
				lanes = append(lanes, &lane{align: p.Align, at: p.At})
			}
			for c := range lanes[at].first {
				if p.Mask == nil && byte(c) == p.Bytes[0] || p.Mask != nil && (byte(c)^p.Bytes[0])&p.Mask[0] == 0 {
					lanes[at].first[c] = append(lanes[at].first[c], laned{i, p})
				}
			}
		}
	}
	return lanes
}

// match appends the places where probes of the lane match in b, which stands at base, to what was found of their kinds.
func (l *lane) match(found [][]probe.Hit, b []byte, base int64) {
	// The first pattern in b belongs to the first structure whose pattern does not begin before b.
	for at := align(base-l.at, l.align) + l.at - base; at < int64(len(b)); at += l.align {
		for _, c := range l.first[b[at]] {
			if c.p.Matches(b[at:]) {
				found[c.kind] = append(found[c.kind], probe.Hit{ID: c.p.ID, Offset: base + at - l.at})
			}
		}
	}
}

// match appends the places where p, which has no alignment, matches in b, which stands at base.
func match(hits []probe.Hit, p *probe.Probe, b []byte, base int64) []probe.Hit {
	if p.Mask != nil {
		for i := 0; i+len(p.Bytes) <= len(b); i++ {
			if p.Matches(b[i:]) {
				hits = append(hits, probe.Hit{ID: p.ID, Offset: base + int64(i) - p.At})
			}
		}
		return hits
	}
	for i := 0; ; i++ {
		j := bytes.Index(b[i:], p.Bytes)
		if j < 0 {
			return hits
		}
		i += j
		hits = append(hits, probe.Hit{ID: p.ID, Offset: base + int64(i) - p.At})
	}
}

// align returns the least multiple of n that is not below v, which may be negative.
func align(v, n int64) int64 {
	m := v % n
	switch {
	case m == 0:
		return v
	case m < 0:
		return v - m
	}
	return v + n - m
}

// locate asks kind i what its landmarks mean, in order of their places.
func (r *resolver) locate(ctx context.Context, i int, hits []probe.Hit, starts map[int64]int64) error {
	k := &r.tables.Kinds[i]
	if k.Locate == nil {
		return nil
	}
	type key struct {
		e    block.Extent
		kind string
	}
	known := map[key]*candidate{}
	for _, v := range r.volumes {
		if v.row == k {
			known[key{v.Extent, v.Kind}] = v
		}
	}
	skipped, likely, other := 0, 0, 0
	told := false
	var active []*candidate // confirmed ones that reach behind the current landmark
	for _, h := range hits {
		if err := ctx.Err(); err != nil {
			return err
		}
		// A kind that is not read here is named by the one structure that led to it: what lies inside of
		// it has nothing to add, and walking over it again costs.
		limit := maxCovered
		_, start := starts[h.Offset]
		if k.Open == nil {
			limit = maxCoveredNamed
		} else {
			start = start || h.Offset%mib == 0
		}
		if !start {
			active = slices.DeleteFunc(active, func(v *candidate) bool { return v.Extent.End() <= h.Offset })
			if j := slices.IndexFunc(active, func(v *candidate) bool { return v.Extent.Has(h.Offset) }); j >= 0 {
				active[j].tried++
				if active[j].tried > limit {
					skipped++
					continue
				}
			}
		}
		count := &other
		if start {
			count = &likely
		}
		if *count >= maxLocate {
			skipped++
			continue
		}
		*count++
		var found []filesystem.Candidate
		err := guard.Do(ctx, locateTime, r.src, func(ctx context.Context, src block.Source) (err error) {
			found, err = k.Locate(ctx, src, h)
			return err
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if f, ok := guard.Finding(k.Name, locateTime, err); ok && !told {
			told = true
			r.add(f)
		}
		for _, c := range found {
			if !c.Extent.Valid() || c.Extent.Length == 0 || c.Extent.Offset >= r.size {
				continue
			}
			at := key{c.Extent, c.Kind}
			if v := known[at]; v != nil {
				v.merge(c)
				continue
			}
			v := &candidate{Candidate: c, row: k, support: 1}
			known[at] = v
			r.volumes = append(r.volumes, v)
			if c.Confirmed > c.Refuted {
				active = append(active, v)
			}
		}
	}
	if skipped > 0 {
		r.add(landmarksSkipped.New(finding.Arg("kind", k.Name), finding.Expected(len(hits), skipped)))
	}
	r.trim()
	return nil
}

// merge joins what a further landmark says of the same volume.
func (v *candidate) merge(c filesystem.Candidate) {
	v.support++
	v.Confirmed = max(v.Confirmed, c.Confirmed)
	v.Refuted = min(v.Refuted, c.Refuted)
	if v.FromBackup && !c.FromBackup || v.Label == "" && v.UUID == "" {
		v.Label, v.UUID, v.Findings = c.Label, c.UUID, c.Findings
	}
	v.FromBackup = v.FromBackup && c.FromBackup
	v.Locked = v.Locked || c.Locked
}

// trim keeps the best confirmed candidates when there are too many.
func (r *resolver) trim() {
	if len(r.volumes) <= maxCandidates {
		return
	}
	slices.SortStableFunc(r.volumes, byPromise)
	r.dropped += len(r.volumes) - maxCandidates
	r.volumes = r.volumes[:maxCandidates]
}

// byPromise orders candidates by what is known of them before they are opened.
func byPromise(a, b *candidate) int {
	if d := (b.Confirmed - 2*b.Refuted) - (a.Confirmed - 2*a.Refuted); d != 0 {
		return d
	}
	if a.FromBackup != b.FromBackup {
		if a.FromBackup {
			return 1
		}
		return -1
	}
	if d := b.support - a.support; d != 0 {
		return d
	}
	return cmpInt(a.Extent.Offset, b.Extent.Offset)
}

func (v *candidate) String() string { return fmt.Sprintf("%s at 0x%x", v.kind(), v.Extent.Offset) }

// kind returns the most exact name of what v is.
func (v *candidate) kind() string {
	if v.fs != nil {
		if k := v.fs.Info().Kind; k != "" {
			return k
		}
	}
	return v.Kind
}
