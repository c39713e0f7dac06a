package layers

import (
	"context"
	"maps"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// covers are the kinds that recognise what a stack or a lock of another name reads.
var covers = map[string]string{"md": "linux_raid", "lvm": "lvm2"}

// Covers reports whether a stack or a lock reads what a kind of that name only recognises: such a kind has nothing to
// add, and is left out of Kinds.
func (t Tables) Covers(kind string) bool {
	return slices.ContainsFunc(t.Stacks, func(s volume.Stack) bool { return coverOf(s.Name) == kind }) ||
		slices.ContainsFunc(t.Locks, func(l volume.Lock) bool { return l.Name == kind })
}

// coverOf returns the name of the layers of a stack's members.
func coverOf(stack string) string {
	if c, ok := covers[stack]; ok {
		return c
	}
	return stack
}

// endSlack is how far the start of a member's metadata may stand before the end of its partition: version 0.90
// of md is the farthest, with two pieces of 64 KiB.
const endSlack = 256 << 10

// claims asks stacks and locks what they find: on each partition that a table names, since some superblocks are
// looked for from the end of theirs, then on the whole medium, by the landmarks.
func (r *resolver) claims(ctx context.Context, landmarks []probe.Hit) error {
	places := []block.Extent{}
	for _, start := range slices.Sorted(maps.Keys(r.starts)) {
		if len(places) == maxPlaces {
			break
		}
		if e := (block.Extent{Offset: start, Length: r.starts[start]}).Intersect(block.Extent{Length: r.size}); e.Length > 0 {
			places = append(places, e)
		}
	}
	places = append(places, block.Extent{Length: r.size})
	for _, s := range r.tables.Stacks {
		hits := hitsOf(landmarks, s.Probes)
		for _, e := range places {
			found, err := asked(ctx, r, s.Name, e, hits, s.Members)
			if err != nil {
				return err
			}
			for _, m := range found {
				r.addMember(m, e.Offset)
			}
		}
	}
	for _, l := range r.tables.Locks {
		hits := hitsOf(landmarks, l.Probes)
		for _, e := range places {
			found, err := asked(ctx, r, l.Name, e, hits, l.Read)
			if err != nil {
				return err
			}
			for _, v := range found {
				r.addLock(v, e)
			}
		}
	}
	return nil
}

// hitsOf returns the landmarks of these probes, in order.
func hitsOf(hits []probe.Hit, probes []probe.Probe) []probe.Hit {
	var out []probe.Hit
	for _, h := range hits {
		if slices.ContainsFunc(probes, func(p probe.Probe) bool { return p.ID == h.ID }) {
			out = append(out, h)
		}
	}
	return unique(out)
}

// inside returns the hits inside of e, with offsets from its start.
func inside(hits []probe.Hit, e block.Extent) []probe.Hit {
	from, _ := slices.BinarySearchFunc(hits, e.Offset, func(h probe.Hit, at int64) int { return cmpInt(h.Offset, at) })
	var out []probe.Hit
	for _, h := range hits[from:] {
		if h.Offset >= e.End() {
			break
		}
		out = append(out, probe.Hit{ID: h.ID, Offset: h.Offset - e.Offset})
	}
	return out
}

// asked runs a reader over e of the medium, under guard.
func asked[T any](ctx context.Context, r *resolver, name string, e block.Extent, hits []probe.Hit,
	read func(context.Context, block.Source, []probe.Hit) ([]T, error)) ([]T, error) {
	l := &leash{Source: block.Section(r.src, e)}
	var found []T
	err := guard.Do(ctx, tableTime, l.Source, func(ctx context.Context, _ block.Source) (err error) {
		l.ctx.Store(&ctx)
		found, err = read(ctx, l, inside(hits, e))
		return err
	})
	l.ctx.Store(nil)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if f, ok := guard.Finding(name, tableTime, err); ok {
		r.add(f)
	}
	return found, nil
}

// addMember makes a candidate of a member that was found on a part of the medium which begins at base, or adds what
// the stack knows to the candidate that recognised it.
func (r *resolver) addMember(m volume.Member, base int64) {
	m.Header += base
	m.Extent.Offset += base
	m.Findings = shift(m.Findings, base)
	if !m.Extent.Valid() || m.Extent.Length == 0 || m.Extent.Offset >= r.size || len(r.volumes) >= 2*maxCandidates {
		return
	}
	m.Source = block.Section(r.src, m.Extent)
	for _, v := range r.volumes {
		if v.member != nil && v.member.Stack == m.Stack && v.member.Header == m.Header {
			return
		}
	}
	name := coverOf(m.Stack)
	c := filesystem.Candidate{Kind: name, Extent: m.Extent, Label: m.Label, UUID: m.ID, Confirmed: 3, FromBackup: m.Backup, Findings: m.Findings}
	if !m.Valid {
		c.Confirmed, c.Refuted = 1, 1
	}
	v := r.candidate(name, m.Extent.Offset)
	if v == nil {
		v = &candidate{row: r.row(name), support: 1}
		r.volumes = append(r.volumes, v)
	}
	v.Candidate, v.member = c, &m
}

// addLock does the same for an encrypted volume that was found on e.
func (r *resolver) addLock(l volume.Locked, e block.Extent) {
	l.Header += e.Offset
	l.Extent.Offset += e.Offset
	l.Findings = shift(l.Findings, e.Offset)
	if !l.Extent.Valid() || l.Extent.Length == 0 || l.Extent.Offset >= r.size || len(r.volumes) >= 2*maxCandidates {
		return
	}
	for _, v := range r.volumes {
		if v.lock != nil && v.lock.Lock == l.Lock && v.lock.Extent.Offset == l.Extent.Offset {
			return
		}
	}
	c := filesystem.Candidate{Kind: l.Lock, Extent: l.Extent, Label: l.Label, UUID: l.UUID, Confirmed: 3, FromBackup: l.Backup, Locked: true, Findings: l.Findings}
	if !l.Valid {
		c.Confirmed, c.Refuted = 1, 1
	}
	if e.Length == r.size && e.Offset == 0 {
		// Headers that do not say how long the volume is: what follows bounds it, see ciphertext.
		c.Extent.Length = min(c.Extent.Length, mib)
	}
	v := r.candidate(l.Lock, l.Extent.Offset)
	if v == nil {
		v = &candidate{row: r.row(l.Lock), support: 1}
		r.volumes = append(r.volumes, v)
	}
	v.Candidate, v.lock = c, &l
}

// candidate returns the candidate of that kind which begins there.
func (r *resolver) candidate(kind string, start int64) *candidate {
	for _, v := range r.volumes {
		if v.row.Name == kind && v.Extent.Offset == start && v.member == nil && v.lock == nil {
			return v
		}
	}
	return nil
}

// row returns the row of a kind that cannot be opened as a file system.
func (r *resolver) row(name string) *filesystem.Kind {
	for i := range r.tables.Kinds {
		if r.tables.Kinds[i].Name == name {
			return &r.tables.Kinds[i]
		}
	}
	return &filesystem.Kind{Name: name}
}

// members returns the candidates in the order in which they are weighed: members of sets come first, the
// outer ones before those inside, since what stands in a member is part of what the set holds; then the others, the
// best first. Members that a newer volume took the place of are put with those that lost.
func (r *resolver) members() []*candidate {
	var first, rest []*candidate
	for _, v := range r.volumes {
		switch {
		case v.member == nil && v.lock == nil && r.recognised(v):
		case v.member == nil || !v.member.Valid && v.score < AcceptScore || r.enclosed(v):
			rest = append(rest, v)
		default:
			if v.outer = r.overwriter(v); v.outer == nil {
				v.score = max(v.score, AcceptScore) // a member may be larger than partitions that stand in it
				first = append(first, v)
				continue
			}
			v.Findings = append(v.Findings, memberOld.New(finding.At(v.member.Header, 0), finding.Expected(v.outer, nil)))
			v.score = min(v.score, AcceptScore)
			r.rivals = append(r.rivals, v)
		}
	}
	// What stands in a member begins behind its start or ends before its end, unless the set is larger than the member.
	over := map[*candidate]int64{}
	leaves := r.leaves()
	for _, v := range first {
		over[v] = r.overhang(v, leaves)
	}
	slices.SortStableFunc(first, func(a, b *candidate) int {
		if d := cmpInt(over[a], over[b]); d != 0 {
			return d
		}
		if d := cmpInt(a.Extent.Offset, b.Extent.Offset); d != 0 {
			return d
		}
		return cmpInt(b.Extent.Length, a.Extent.Length)
	})
	return append(first, rest...)
}

// overhang returns by how much v reaches over the end of the partition in which it begins, or of the medium.
func (r *resolver) overhang(v *candidate, leaves []*part) int64 {
	end := r.size
	for _, p := range leaves {
		if p.Extent.Has(v.Extent.Offset) {
			end = min(end, p.Extent.End())
		}
	}
	return max(0, v.Extent.End()-end)
}

// recognised reports whether a stack or a lock reads what v only recognises.
func (r *resolver) recognised(v *candidate) bool {
	return slices.ContainsFunc(r.volumes, func(o *candidate) bool {
		return (o.member != nil || o.lock != nil) && o.row.Name == v.row.Name && o.Extent.Overlaps(v.Extent)
	})
}

// enclosed reports whether v stands inside of a volume that is read and begins before it: an image in a file.
func (r *resolver) enclosed(v *candidate) bool {
	return slices.ContainsFunc(r.volumes, func(o *candidate) bool {
		return o.healthy() && o.Extent.Offset < v.Extent.Offset && o.Extent.Contains(v.Extent)
	})
}

// overwriter returns the volume that was made in the place of v, which is a member by its metadata only: it is read,
// fits into what the member covers, and takes the very bytes of that metadata for its own. What stands in a member
// leaves these alone, and what stands in a set of several is longer than a member. A table with volumes before that
// metadata is newer too: the data of such a member begins behind it.
func (r *resolver) overwriter(v *candidate) *candidate {
	atStart := v.member.Header-v.Extent.Offset < mib
	for _, o := range r.volumes {
		if atStart && o.healthy() && o.part != nil && o.part.of.Offset >= v.Extent.Offset && o.part.of.Offset <= v.member.Header &&
			v.Extent.Contains(o.Extent) && v.Extent.Offset != o.Extent.Offset {
			return o
		}
		if !o.healthy() || o.Extent.Offset < v.Extent.Offset || !o.Extent.Has(v.member.Header) || o.Extent.Length > v.Extent.Length+endSlack {
			continue
		}
		if atStart && o.fs.Info().State == filesystem.Damaged {
			continue // as likely, it was the member that was made in the place of the volume
		}
		return o
	}
	return nil
}

// claimed marks a layer by what its stack or its lock says of it.
func (l *Layer) claimed() {
	if l.Member != nil {
		l.Detail = joinWords(l.Member.Format, l.Member.Role)
		if !l.Member.Valid {
			l.State = Damaged
		}
	}
	if l.Lock != nil {
		l.Detail = joinWords(l.Lock.Format, l.Lock.Cipher)
	}
}

func joinWords(words ...string) string {
	out := ""
	for _, w := range words {
		switch {
		case w == "":
		case out == "":
			out = w
		default:
			out += ", " + w
		}
	}
	return out
}
