package md

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

func assemble(ctx context.Context, members []volume.Member) ([]volume.Set, error) {
	var order []string
	groups := map[string][]part{}
	for i := range members {
		d, ok := members[i].Detail.(*detail)
		if members[i].Stack != "md" || !ok || d == nil || d.super == nil {
			continue
		}
		set := d.super.set
		if groups[set] == nil {
			order = append(order, set)
		}
		groups[set] = append(groups[set], part{member: &members[i], index: i, detail: d})
	}
	var out []volume.Set
	for _, set := range order {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := builder{parts: groups[set]}
		out = append(out, b.build())
	}
	return append(out, containers(members)...), nil
}

// part is a member in the making of a set.
type part struct {
	*detail
	member *volume.Member
	index  int
}

func (p part) name() string {
	if p.member.ID != "" {
		return fmt.Sprintf("%s (%s)", p.super.word(), p.member.ID)
	}
	return p.super.word()
}

// source returns the data of the part as the set may read it, with the data at an offset of shift bytes behind where
// it usually stands.
func (p part) source(shift int64) volume.Placer {
	s := p.super
	hidden := p.bad.Clone()
	if s.recovered >= 0 {
		hidden.Add(block.Between(s.dataAt+shift+s.recovered, s.end()))
	}
	leaf := array.Masked(array.Leaf(p.member.Source, p.index), hidden)
	return array.Window(leaf, block.Extent{Offset: s.dataAt + shift, Length: max(s.dataSize, s.used)})
}

// builder puts the parts of one set together.
type builder struct {
	parts  []part
	newest part
	chosen [][]part // for each role, the one to be read first at the front
	set    volume.Set
}

func (b *builder) say(d *finding.Def, o ...finding.Option) {
	b.set.Findings = append(b.set.Findings, d.New(o...))
}

func (b *builder) build() volume.Set {
	b.unique()
	b.chooseNewest()
	s := b.newest.super
	b.set = volume.Set{Stack: "md", UUID: s.set, Label: s.name, Level: s.shape.words(), Findings: b.set.Findings, Stale: b.set.Stale}
	b.choose()
	b.tell()
	b.volumes()
	slices.Sort(b.set.Members)
	slices.Sort(b.set.Stale)
	return b.set
}

// unique leaves one of each member that was found more than once: the newest, the one whose checks hold, the one
// whose place fits its size best, the first.
func (b *builder) unique() {
	slices.SortStableFunc(b.parts, func(x, y part) int {
		switch {
		case x.super.valid() != y.super.valid():
			return sign(x.super.valid())
		case x.super.events != y.super.events:
			return sign(x.super.events > y.super.events)
		case x.super.slack() != y.super.slack():
			return sign(x.super.slack() < y.super.slack())
		}
		return 0
	})
	seen := map[string]uint64{}
	kept := b.parts[:0]
	for _, p := range b.parts {
		key := p.member.ID
		if key == "" {
			key = fmt.Sprint(p.super.number)
		}
		events, again := seen[key]
		switch {
		case !again:
			seen[key] = p.super.events
			kept = append(kept, p)
		case events == p.super.events:
			b.say(duplicate, finding.Arg("member", p.name()))
		default:
			b.set.Stale = append(b.set.Stale, p.index)
			b.say(stale, finding.Arg("member", p.name()), finding.Expected(events, p.super.events))
		}
	}
	b.parts = kept
}

func sign(first bool) int {
	if first {
		return -1
	}
	return 1
}

// slack is how much longer than its data a member is. Of two readings of one superblock of version 0.90, as the end
// of a disk and as the end of the disk's last partition, the right one has less.
func (s *super) slack() int64 {
	if s.version != "0.90" || s.used == 0 {
		return 0
	}
	return s.dataSize - s.used
}

// chooseNewest takes the superblock by which all others are judged.
func (b *builder) chooseNewest() {
	b.newest = b.parts[0] // valid ones stand before others, later events before earlier ones
	if !b.newest.super.valid() {
		b.say(onlyBroken)
	}
	// Of those with the same events, one that has a role and data of its own.
	for _, p := range b.parts {
		if p.super.events == b.newest.super.events && p.super.valid() == b.newest.super.valid() && p.super.role >= 0 && p.super.recovered < 0 {
			b.newest = p
			return
		}
	}
}

// choose finds who is read for each role.
func (b *builder) choose() {
	n := b.newest.super
	b.chosen = make([][]part, n.places())
	for _, p := range b.parts {
		s := p.super
		who := finding.Arg("member", p.name())
		switch role := s.role; {
		case s.events+1 < n.events || !s.valid() && s.events != n.events:
			b.set.Stale = append(b.set.Stale, p.index)
			b.say(stale, who, finding.Expected(n.events, s.events))
		case role < 0:
			b.set.Members = append(b.set.Members, p.index) // spares, journals
		case !s.like(n) || role >= len(b.chosen):
			b.set.Stale = append(b.set.Stale, p.index)
			b.say(unlike, who, finding.Expected(n.shape.words(), s.shape.words()))
		case p.index != b.newest.index && s.number < len(n.roles) && n.roles[s.number] != role:
			b.set.Stale = append(b.set.Stale, p.index)
			b.say(dropped, who)
		default:
			b.chosen[role] = append(b.chosen[role], p)
		}
	}
	for role, list := range b.chosen {
		b.chosen[role] = b.settle(list)
	}
}

// settle leaves of those who claim one role the one that is in sync, and its replacement behind it.
func (b *builder) settle(list []part) []part {
	if len(list) < 2 {
		for _, p := range list {
			b.set.Members = append(b.set.Members, p.index)
		}
		return list
	}
	replaces := func(p part) bool { return p.super.features&featureReplacement != 0 }
	slices.SortStableFunc(list, func(x, y part) int {
		switch {
		case replaces(x) != replaces(y):
			return sign(!replaces(x))
		case (x.super.recovered < 0) != (y.super.recovered < 0):
			return sign(x.super.recovered < 0)
		case x.super.events != y.super.events:
			return sign(x.super.events > y.super.events)
		}
		return 0
	})
	var kept []part
	for i, p := range list {
		if i == 0 || replaces(p) && !replaces(list[0]) && len(kept) == 1 {
			kept = append(kept, p)
			b.set.Members = append(b.set.Members, p.index)
			continue
		}
		b.set.Stale = append(b.set.Stale, p.index)
		b.say(rival, finding.Arg("member", p.name()))
	}
	return kept
}

// places is how many disks the array has, or had before a change that makes it smaller.
func (s *super) places() int {
	if s.reshape != nil && s.reshape.delta < 0 && s.reshape.delta > -maxDevices {
		return s.raid - s.reshape.delta
	}
	return s.raid
}

// like reports whether both describe the same array.
func (s *super) like(o *super) bool {
	return s.shape == o.shape && s.raid == o.raid && (s.reshape == nil) == (o.reshape == nil) && s.used == o.used
}

// tell says what is known of the set beside its bytes.
func (b *builder) tell() {
	n := b.newest.super
	for role, list := range b.chosen {
		if len(list) == 0 {
			name := diskName(role, n.places())
			b.set.Missing = append(b.set.Missing, name)
			b.say(missing, finding.Arg("member", name))
			continue
		}
		if s := list[0].super; s.recovered >= 0 && s.recovered < s.dataSize {
			b.say(rebuilding, finding.Arg("member", list[0].name()), finding.Expected(max(s.used, s.dataSize), s.recovered))
		}
	}
	if n.journal {
		b.say(journaled)
	}
	if n.ppl {
		b.say(partialLog)
	}
	if n.bitmap {
		b.say(bitmapped)
	}
}
