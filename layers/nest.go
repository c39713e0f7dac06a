package layers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// Nesting says how volumes inside of volumes are found.
type Nesting struct {
	Tables Tables
	// Keys gives the secrets for encrypted volumes; nil gives none.
	Keys volume.Keyring
	// Resolve numbers a volume, finds its landmarks and returns its layers, as [Resolve] does. It is asked once for
	// each volume. A nil tree leaves the volume out.
	Resolve func(ctx context.Context, v *Volume) (*Layer, error)
}

// Nest puts the members on all trees together, opens what the keys open, and goes on with the volumes that come out,
// until nothing new does: partitions in md in LVM in LUKS, in any order, over any number of disks. It adds the layers
// of sets to the trees, and marks what a member holds by itself as another reading of what the set holds. It returns
// the volumes in the order in which they were found. The error is that of ctx or of o.Resolve.
//
// The tree of a volume is one of its own. Its first layer's Parent is the member, the group or the encrypted volume that
// it came from, which does not have it among its Children.
func Nest(ctx context.Context, trees []*Layer, o Nesting) ([]*Volume, error) {
	n := &nest{o: o, used: map[*Layer]bool{}, sets: map[string]bool{}, keys: map[string]bool{}, depth: map[int]int{}, media: map[int]*medium{}}
	for _, t := range trees {
		n.add(t, 0)
	}
	for {
		found := len(n.volumes)
		if err := n.unlock(ctx); err != nil {
			return nil, err
		}
		if err := n.apart(ctx); err != nil {
			return nil, err
		}
		sets, err := n.assemble(ctx, false)
		if err == nil && sets == 0 && found == len(n.volumes) {
			// What is still incomplete waits for all that could bring its members.
			sets, err = n.assemble(ctx, true)
		}
		if err != nil {
			return nil, err
		}
		if sets == 0 && found == len(n.volumes) {
			n.alone()
			return n.volumes, nil
		}
	}
}

// alone tells of the members that nothing was made of.
func (n *nest) alone() {
	n.each(func(l *Layer) {
		if l.Member != nil && !n.used[l] {
			l.Findings = append(l.Findings, memberAlone.New(finding.At(l.Member.Header, 0), finding.Arg("set", orElse(l.Member.Label, l.Member.Set))))
		}
	})
}

// nest is one run of Nest.
type nest struct {
	o       Nesting
	trees   []*Layer
	depth   map[int]int // of volumes in volumes, by number of the source
	media   map[int]*medium
	used    map[*Layer]bool
	sets    map[string]bool
	keys    map[string]bool
	volumes []*Volume
}

func (n *nest) add(t *Layer, depth int) {
	n.trees = append(n.trees, t)
	n.depth[t.Medium] = depth
}

// each calls visit for every layer that is accepted.
func (n *nest) each(visit func(*Layer)) {
	for _, t := range n.trees {
		t.Walk(func(l *Layer, _ int) bool {
			if !l.Rival {
				visit(l)
			}
			return true
		})
	}
}

// assemble puts the members of each stack together that are not part of a set yet, and returns how many sets came
// out. Of incomplete sets, it takes those of the first stack that has any: their volumes may hold what others lack.
func (n *nest) assemble(ctx context.Context, incomplete bool) (int, error) {
	done := 0
	for _, s := range n.o.Tables.Stacks {
		var where []*Layer
		n.each(func(l *Layer) {
			if l.Member != nil && l.Member.Stack == s.Name && !n.used[l] && len(where) < maxMembers {
				where = append(where, l)
			}
		})
		if len(where) == 0 {
			continue
		}
		members := make([]volume.Member, len(where))
		for i, l := range where {
			members[i] = *l.Member
		}
		var sets []volume.Set
		err := guard.Do(ctx, setTime, members[0].Source, func(ctx context.Context, _ block.Source) (err error) {
			sets, err = s.Assemble(ctx, members)
			return err
		})
		if ctx.Err() != nil {
			return done, ctx.Err()
		}
		if f, ok := guard.Finding(s.Name, setTime, err); ok {
			where[0].Findings = append(where[0].Findings, f)
			for _, l := range where {
				n.used[l] = true
			}
			continue
		}
		for _, set := range sets {
			if len(set.Members) == 0 || !incomplete && (set.Degraded || len(set.Missing) > 0 || slices.ContainsFunc(set.Members, func(i int) bool { return where[i].overhangs() })) {
				continue
			}
			done++
			if err := n.set(ctx, set, where); err != nil {
				return done, err
			}
		}
		if incomplete && done > 0 {
			break
		}
	}
	return done, nil
}

// set takes up a set and its volumes.
func (n *nest) set(ctx context.Context, s volume.Set, where []*Layer) error {
	var members []*Layer
	for _, i := range s.Members {
		members = append(members, where[i])
		n.used[where[i]] = true
	}
	slices.SortStableFunc(members, func(a, b *Layer) int {
		if x, y := a.disk(), b.disk(); x != y {
			return x - y
		}
		if a.Medium != b.Medium {
			return a.Medium - b.Medium
		}
		return cmpInt(a.Extent.Offset, b.Extent.Offset)
	})
	first := members[0]
	at := finding.At(first.Extent.Offset, first.Extent.Length)
	key := s.Stack + "/" + s.UUID
	var stale []*Layer
	for _, i := range s.Stale {
		l := where[i]
		n.used[l] = true
		stale = append(stale, l)
		l.State = Damaged
		l.Findings = append(l.Findings, memberStale.New(finding.At(l.Member.Header, 0), finding.Arg("set", orElse(s.Label, s.UUID))))
	}
	if n.sets[key] {
		// Its set was put together before this member came out of another volume.
		for _, l := range members {
			l.Findings = append(l.Findings, memberLate.New(finding.At(l.Member.Header, 0), finding.Arg("set", orElse(s.Label, s.UUID))))
		}
		return nil
	}
	n.sets[key] = true
	// That a member is missing is said with what follows from it and what to do.
	findings := slices.DeleteFunc(slices.Clone(s.Findings), func(f finding.Finding) bool { return strings.HasSuffix(f.Code, ".member.missing") })
	whole := len(s.Missing) == 0 || s.Degraded
	gone := slices.DeleteFunc(slices.Clone(s.Missing), func(role string) bool {
		// It is there and too old, which is said of it.
		return slices.ContainsFunc(stale, func(l *Layer) bool { return l.Member.Role == role })
	})
	for _, m := range gone {
		findings = append(findings, memberMissing.New(at, finding.Arg("member", m), finding.Arg("set", orElse(s.Label, s.UUID)),
			finding.Arg("means", missingMeans(whole))))
	}
	owner := first
	plain := len(s.Volumes) == 1 && s.Volumes[0].Name == "" && s.Volumes[0].Source != nil
	if !plain {
		owner = &Layer{ID: s.Stack + ":" + s.UUID, Kind: s.Stack, Extent: first.Extent, Label: s.Label, UUID: s.UUID, State: Good,
			Score: first.Score, Medium: first.Medium, Detail: s.Level, Members: idsOf(members), Findings: findings}
		if len(s.Missing) > 0 {
			owner.State = Damaged
		}
		attach(first, owner)
		addMissing(owner, gone, first)
		tellMembers(members, owner)
	}
	depth := 0
	for _, l := range members {
		depth = max(depth, n.depth[l.Medium])
	}
	for _, lv := range s.Volumes {
		if lv.Source == nil {
			attach(owner, &Layer{ID: fmt.Sprintf("%s.%s", owner.ID, orElse(lv.Name, "volume")), Kind: kindOf(s, lv), Label: orElse(lv.Name, s.Label),
				UUID: lv.UUID, State: Missing, Score: owner.Score, Medium: owner.Medium, Extent: block.Extent{Length: max(lv.Size, 0)},
				Detail: lv.Kind, Findings: append(slices.Clone(lv.Findings), volumeGone.New())})
			continue
		}
		v := &Volume{
			Key: key, Reader: s.Stack, Kind: kindOf(s, lv), Set: s.UUID, UUID: lv.UUID, Name: lv.Name, Label: orElse(lv.Name, s.Label),
			Detail: lv.Kind, Whole: whole || lv.Name != "" && !lv.Lacks, findings: slices.Clone(lv.Findings), parent: owner, members: members, depth: depth + 1,
			Source: n.medium(lv.Source, where, false, unsureSet(s)), Members: partsOf(s, where), stale: stale,
		}
		if plain {
			v.UUID, v.Detail = orElse(lv.UUID, s.UUID), s.Level
			v.findings, v.missing = append(findings, v.findings...), s.Missing
		} else {
			v.Key += "/" + orElse(lv.UUID, lv.Name)
		}
		if err := n.open(ctx, v); err != nil {
			return err
		}
		if v.Tree == nil {
			continue
		}
		v.Tree.Members = []string{owner.ID}
		if plain {
			v.Tree.Members = idsOf(members)
			addMissing(v.Tree, gone, first)
			tellMembers(members, v.Tree)
		}
	}
	return nil
}

// overhangs reports whether a member reaches behind the end of its medium: it is a part of what several disks give, or its
// image was cut.
func (l *Layer) overhangs() bool {
	top := l
	for top.Parent != nil && top.Parent.Medium == l.Medium {
		top = top.Parent
	}
	return l.Member.Extent.End() > top.Extent.End()
}

// missingMeans says what follows from members that are missing.
func missingMeans(whole bool) string {
	if whole {
		return "everything can still be read without it, but nothing makes good for bytes of the others that cannot be read"
	}
	return "what stood on it cannot be read"
}

// kindOf names the layer of a volume of a set.
func kindOf(s volume.Set, lv volume.Logical) string {
	if lv.Name == "" {
		return s.Stack
	}
	return "lv"
}

// addMissing adds a layer for each member that is nowhere.
func addMissing(owner *Layer, missing []string, first *Layer) {
	for i, m := range missing {
		if i == maxMissing {
			break
		}
		attach(owner, &Layer{ID: fmt.Sprintf("%s.missing%d", owner.ID, i+1), Kind: first.Kind, Label: m, State: Missing,
			Score: first.Score, Medium: owner.Medium, Set: owner.ID})
	}
}

// disk returns the number of the disk that l stands on, or the first thing that it was put together of.
func (l *Layer) disk() int {
	for l.Parent != nil {
		l = l.Parent
	}
	return l.Medium
}

func tellMembers(members []*Layer, owner *Layer) {
	for _, l := range members {
		l.Set = owner.ID
	}
}

func idsOf(list []*Layer) []string {
	out := make([]string, len(list))
	for i, l := range list {
		out[i] = l.ID
	}
	return out
}

func (n *nest) medium(src block.Source, where []*Layer, encrypted, unsure bool) *medium {
	m := &medium{src: src, encrypted: encrypted, unsure: unsure, guesses: unsure}
	for _, l := range where {
		below := n.media[l.Medium]
		m.parts, m.below = append(m.parts, partOf(l)), append(m.below, below)
		m.guesses = m.guesses || below != nil && below.guesses
	}
	return m
}

// unsureSet reports whether bytes that a set computes may be wrong, since it was not in sync when it stopped.
func unsureSet(s volume.Set) bool { return hasFinding(s.Findings, "md.parity.unsure") }

func partOf(l *Layer) Part {
	p := Part{Source: l.Medium, Extent: l.Extent}
	switch {
	case l.Member != nil:
		// The layer may be shorter than what the member says of itself, and its bytes count from the member's start.
		p.Extent, p.Header, p.ID, p.Role = l.Member.Extent, l.Member.Header, l.Member.ID, l.Member.Role
	case l.Lock != nil:
		p.Header, p.ID = l.Lock.Header, l.Lock.UUID
	}
	return p
}

// partsOf returns the members that a set was put together from and those that it left out, which putting it together
// again must see too. They are in order of their places.
func partsOf(s volume.Set, where []*Layer) []Part {
	var out []Part
	for _, i := range append(slices.Clone(s.Members), s.Stale...) {
		out = append(out, partOf(where[i]))
	}
	slices.SortStableFunc(out, func(a, b Part) int {
		if a.Source != b.Source {
			return a.Source - b.Source
		}
		return cmpInt(a.Extent.Offset, b.Extent.Offset)
	})
	return out
}

// open finds the layers of a volume.
func (n *nest) open(ctx context.Context, v *Volume) error {
	at := finding.At(v.parent.Extent.Offset, v.parent.Extent.Length)
	if v.depth > maxNested {
		v.parent.Findings = append(v.parent.Findings, nestedReached.New(at, finding.Expected(maxNested, nil)))
		return nil
	}
	if len(n.volumes) >= maxVirtual {
		v.parent.Findings = append(v.parent.Findings, nestedMany.New(at, finding.Expected(maxVirtual, nil)))
		return nil
	}
	for i, key := 2, v.Key; n.keys[v.Key]; i++ { // a copy of the same header elsewhere
		v.Key = fmt.Sprintf("%s#%d", key, i)
	}
	n.keys[v.Key] = true
	t, err := n.o.Resolve(ctx, v)
	if err != nil || t == nil {
		return err
	}
	v.Tree = t
	t.Kind, t.Label, t.UUID, t.Detail, t.Parent = v.Kind, v.Label, v.UUID, v.Detail, v.parent
	t.Score = v.parent.Score
	t.Findings = append(v.findings, t.Findings...)
	if len(v.missing) > 0 || !v.Whole {
		t.State = Damaged
	}
	n.volumes = append(n.volumes, v)
	n.media[t.Medium], _ = v.Source.(*medium)
	v.claim()
	n.shadow(v)
	n.add(t, v.depth)
	return nil
}

// shadow takes what members seem to hold by themselves out of their trees: it is their part of what stands in v.
func (n *nest) shadow(v *Volume) {
	if len(v.shown) == 0 {
		return
	}
	for _, m := range slices.Concat(v.members, v.stale) {
		around := map[*Layer]bool{}
		top := m
		for l := m; l != nil && l.Medium == m.Medium; l = l.Parent {
			around[l] = true
			top = l
		}
		claimed := v.shown[m.Medium]
		if slices.Contains(v.stale, m) {
			claimed = block.SetOf(m.Extent)
		}
		count := 0
		var better []*Layer
		var prune func(l *Layer)
		prune = func(l *Layer) {
			l.Children = slices.DeleteFunc(l.Children, func(c *Layer) bool {
				gone := !around[c] && !(c.Kind == "partition" && c.Extent.Contains(m.Extent)) && len(c.Members) == 0 && (c.Rival || c.Member == nil || !n.used[c]) && c.Kind != "free" && c.State != Missing &&
					c.Extent.Length > 0 && claimed.Has(c.Extent.Offset)
				if gone && n.better(v, m, c) {
					better = append(better, c)
					return false
				}
				if gone {
					c.Walk(func(d *Layer, _ int) bool {
						d.Rival = true
						if d.Volume > 0 {
							count++
						}
						return true
					})
				}
				return gone
			})
			for _, c := range l.Children {
				prune(c)
			}
		}
		prune(top)
		for _, c := range better {
			c.Findings = append(c.Findings, memberBetter.New(finding.At(c.Extent.Offset, c.Extent.Length), finding.Expected(v, nil)))
		}
		if count > 0 {
			m.Findings = append(m.Findings, insideMember.New(finding.At(m.Extent.Offset, m.Extent.Length), finding.Expected(v, count)))
		}
	}
}

// better reports whether a member that holds all of v, as half of a mirror does, shows a volume whole that v shows
// damaged: what was overwritten on one member only, no set notices. The first member that does is enough.
func (n *nest) better(v *Volume, m, l *Layer) bool {
	if l.FS == nil || l.Rival || l.State != Good || l.UUID == "" || v.Source.Size() > m.Extent.Length || slices.Contains(v.stale, m) || n.keys["whole "+v.Key+l.UUID] {
		return false
	}
	damaged := false
	for _, o := range v.Tree.Volumes() {
		if o.UUID == l.UUID {
			if o.FS != nil && o.State == Good {
				return false
			}
			damaged = true
		}
	}
	n.keys["whole "+v.Key+l.UUID] = damaged
	return damaged
}
