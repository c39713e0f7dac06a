package lvm

import (
	"context"
	"fmt"
	"slices"

	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// candidate is a member in the making of a group.
type candidate struct {
	*detail
	member *volume.Member
	index  int
}

func (c candidate) name() string {
	if c.id == "" {
		return "a physical volume without a label"
	}
	return "physical volume " + c.id
}

func assemble(ctx context.Context, members []volume.Member) ([]volume.Set, error) {
	var all []candidate
	var order []string
	for i := range members {
		d, ok := members[i].Detail.(*detail)
		if members[i].Stack != "lvm" || !ok || d == nil {
			continue
		}
		all = append(all, candidate{detail: d, member: &members[i], index: i})
		for _, v := range d.versions {
			if !slices.Contains(order, v.group.id) {
				order = append(order, v.group.id)
			}
		}
	}
	var out []volume.Set
	taken := map[int]bool{}
	for _, id := range order {
		b := &builder{id: id, all: all, taken: taken, placers: map[*logical]volume.Placer{}, building: map[*logical]bool{}, pools: map[*logical]*pool{}}
		set, err := b.build(ctx)
		if err != nil {
			return nil, err
		}
		if len(set.Members)+len(set.Stale) > 0 {
			out = append(out, set)
		}
	}
	return out, nil
}

// builder puts one group together.
type builder struct {
	id    string
	all   []candidate
	taken map[int]bool // members that are part of a group
	group *group
	set   volume.Set

	disks    []volume.Placer // by the order of the group's members; nil: missing
	placers  map[*logical]volume.Placer
	building map[*logical]bool
	work     int
	pools    map[*logical]*pool
	looks    int // volumes whose losses took long to find

	volume   *logical // the one that findings are of
	findings []finding.Finding
}

func (b *builder) build(ctx context.Context) (volume.Set, error) {
	from := b.choose()
	if b.group == nil {
		return volume.Set{}, nil
	}
	g := b.group
	b.set = volume.Set{Stack: "lvm", UUID: g.id, Label: g.name, Level: "volume group"}
	b.attach()
	b.versions(from)
	if g.dropped > 0 {
		b.say(tooMany, finding.Expected(len(g.volumes), len(g.volumes)+g.dropped))
	}
	stores := g.stores()
	for _, l := range g.volumes {
		if err := ctx.Err(); err != nil {
			return volume.Set{}, err
		}
		if l.visible && !l.service() && !stores[l] {
			b.set.Volumes = append(b.set.Volumes, b.logical(l))
		}
	}
	b.set.Degraded = len(b.set.Missing) > 0 && !slices.ContainsFunc(b.set.Volumes, func(v volume.Logical) bool { return v.Lacks })
	slices.Sort(b.set.Members)
	slices.Sort(b.set.Stale)
	return b.set, nil
}

func (b *builder) say(d *finding.Def, o ...finding.Option) {
	b.set.Findings = append(b.set.Findings, d.New(o...))
}

// choose takes the newest metadata of the group: of those that a checksum holds, and of the older ones of areas whose
// newest is torn.
func (b *builder) choose() candidate {
	var from candidate
	var best *version
	for _, c := range b.all {
		for i := range c.detail.versions {
			v := &c.detail.versions[i]
			if v.group.id != b.id || best != nil && (v.seqno < best.seqno || v.seqno == best.seqno && (v.older || !best.older)) {
				continue
			}
			best, from = v, c
		}
	}
	if best != nil {
		b.group = best.group
		if best.older {
			b.findings = append(b.findings, tornNewest.New(finding.Expected(nil, best.seqno), finding.Arg("member", from.name())))
		}
	}
	return from
}

// attach finds the members of the group.
func (b *builder) attach() {
	g := b.group
	b.set.Findings, b.findings = append(b.set.Findings, b.findings...), nil
	b.disks = make([]volume.Placer, len(g.members))
	found := make([]int, len(g.members))
	for i, p := range g.members {
		found[i] = -1
		for k, c := range b.all {
			if c.id != p.id || p.id == "" || b.taken[c.index] {
				continue
			}
			if f := found[i]; f >= 0 {
				if !better(c, b.all[f]) {
					b.taken[c.index] = true
					b.say(duplicate, finding.Arg("member", c.name()))
					continue
				}
				b.taken[b.all[f].index] = true
				b.say(duplicate, finding.Arg("member", c.name()))
			}
			found[i] = k
		}
	}
	b.guess(found)
	for i, p := range g.members {
		if found[i] < 0 {
			name := p.String()
			b.set.Missing = append(b.set.Missing, name)
			b.say(missing, finding.Arg("member", name))
			continue
		}
		c := b.all[found[i]]
		b.taken[c.index] = true
		b.set.Members = append(b.set.Members, c.index)
		if p.missing {
			b.say(wasMissing, finding.Arg("member", p.String()))
		}
		if used := p.start + p.extents*g.extentSize; p.extents >= 0 && p.extents < maxExtents && c.member.Source.Size() < used {
			b.say(shorter, finding.Arg("member", p.String()), finding.Expected(used, c.member.Source.Size()))
		}
		b.disks[i] = array.Leaf(c.member.Source, c.index)
	}
	// Members whose own metadata names the group, which does not name them.
	for _, c := range b.all {
		if v := newest(c.versions); v != nil && v.group.id == g.id && !b.taken[c.index] {
			b.taken[c.index] = true
			b.set.Stale = append(b.set.Stale, c.index)
			b.say(removed, finding.Arg("member", c.name()), finding.Expected(g.seqno, v.seqno))
		}
	}
}

// better reports whether of two copies of one member the first is to be used.
func better(a, b candidate) bool {
	if a.member.Valid != b.member.Valid {
		return a.member.Valid
	}
	x, y := newest(a.versions), newest(b.versions)
	switch {
	case x == nil || y == nil:
		return x != nil && y == nil
	case x.seqno != y.seqno:
		return x.seqno > y.seqno
	}
	return false
}

// guess gives members without a label their place: by size, where only one has that of only one missing member, then by
// elimination, where one of each is left.
func (b *builder) guess(found []int) {
	var headless []int
	for k, c := range b.all {
		if v := newest(c.versions); c.id == "" && !b.taken[c.index] && v != nil && v.group.id == b.id {
			headless = append(headless, k)
		}
	}
	b.pair(found, headless, func(c candidate, p *physical) bool { return p.size > 0 && c.member.Source.Size() == p.size })
	b.pair(found, headless, func(c candidate, p *physical) bool {
		return p.extents >= 0 && p.extents < maxExtents && c.member.Source.Size() >= p.start+p.extents*b.group.extentSize
	})
}

// pair takes those of headless, indices of all, for missing members where each fits one only.
func (b *builder) pair(found, headless []int, fits func(candidate, *physical) bool) {
	only := map[int]int{} // by missing member
	claims := map[int]int{}
	for i, f := range found {
		if f >= 0 {
			continue
		}
		only[i] = -1
		for _, k := range headless {
			if slices.Contains(found, k) || !fits(b.all[k], b.group.members[i]) {
				continue
			}
			claims[k]++
			if only[i] == -1 {
				only[i] = k
			} else {
				only[i] = -2
			}
		}
	}
	for i := range found {
		if k, ok := only[i]; ok && k >= 0 && claims[k] == 1 {
			found[i] = k
			b.say(guessed, finding.Arg("member", b.group.members[i].String()))
		}
	}
}

// versions tells which members know of other versions of the metadata.
func (b *builder) versions(from candidate) {
	for _, i := range b.set.Members {
		for _, c := range b.all {
			if c.index != i || c.index == from.index {
				continue
			}
			switch v := newest(c.versions); {
			case v == nil && c.torn:
				b.say(fromOthers, finding.Arg("member", c.name()))
			case v != nil && v.seqno != b.group.seqno:
				b.say(olderUsed, finding.Arg("member", c.name()), finding.Expected(b.group.seqno, v.seqno))
			}
		}
	}
}

func (p *physical) String() string { return fmt.Sprintf("physical volume %s (%s)", p.name, p.id) }
