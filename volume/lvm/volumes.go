package lvm

import (
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// Bounds of what volumes may stand on each other.
const (
	maxNesting = 16
	maxWork    = 1 << 18 // parts that are put together for one group
)

// service reports whether a visible volume serves others and has no bytes for a person.
func (l *logical) service() bool {
	for _, s := range l.segments {
		switch s.kind {
		case "thin-pool", "cache-pool", "vdo-pool":
			return true
		}
	}
	return false
}

// kind is the word for the type of a volume.
func (l *logical) kind() string {
	if len(l.segments) == 0 {
		return "empty"
	}
	s := l.segments[0]
	if s.kind == "striped" && len(s.parts) < 2 {
		return "linear"
	}
	return s.kind
}

// logical returns a visible volume of the group.
func (b *builder) logical(l *logical) volume.Logical {
	b.volume, b.findings = l, nil
	v := volume.Logical{Name: l.name, UUID: l.id, Kind: l.kind()}
	var src volume.Placer
	if s := l.snapshot(); s != nil {
		// The volume that people name is the store; this one only says what it is of.
		if store := b.group.byName[s.section.text("cow_store")]; store != nil {
			b.volume, v.Name, v.UUID = store, store.name, store.id
		}
		src = b.snapshot(s)
	} else {
		src = b.placer(l, 0)
	}
	if n := l.extents(); n >= 0 && n <= maxExtents && n <= (1<<60)/b.group.extentSize {
		v.Size = n * b.group.extentSize
	}
	if src != nil {
		v.Source, v.Size = src, src.Size()
		gone := b.gone(l)
		if v.Lacks = len(gone) > 0 && b.loses(src); v.Lacks {
			for _, p := range gone {
				b.tell(lacks, finding.Arg("member", p.String()))
			}
		}
	}
	if src == nil {
		v.Lacks = len(b.set.Missing) > 0
	}
	v.Findings = b.findings
	return v
}

// gone returns the missing members that a volume needs.
func (b *builder) gone(l *logical) []*physical {
	if len(b.set.Missing) == 0 {
		return nil
	}
	var out []*physical
	needs := b.group.standsOn(l)
	for i, d := range b.disks {
		if d == nil && needs[i] {
			out = append(out, b.group.members[i])
		}
	}
	return out
}

// maxLooks is how many volumes are looked at for what is lost when that takes long: a second each.
const maxLooks = 16

// loses reports whether bytes of a volume that needs missing members are known to be lost. Where looking would take too
// long for all volumes together, they are taken to be.
func (b *builder) loses(src volume.Placer) bool {
	if b.looks >= maxLooks {
		return true
	}
	budget := array.NewBudget()
	lost := array.Known(src, block.Extent{Length: src.Size()}, budget)
	if budget.Spent() {
		b.looks++
	}
	return len(lost) > 0 || budget.Spent()
}

// standsOn returns the members of the group that a volume needs, by their numbers.
func (g *group) standsOn(l *logical) map[int]bool {
	out, seen := map[int]bool{}, map[*logical]bool{l: true}
	for queue := []*logical{l}; len(queue) > 0; queue = queue[1:] {
		for _, s := range queue[0].segments {
			for _, name := range s.below() {
				if i, m := g.member(name); m != nil {
					out[i] = true
				} else if o := g.byName[name]; o != nil && !seen[o] {
					seen[o] = true
					queue = append(queue, o)
				}
			}
		}
	}
	return out
}

// below returns the names of all that a segment stands on.
func (s *segment) below() []string {
	var out []string
	for _, p := range s.parts {
		out = append(out, p.name)
	}
	for _, field := range []string{"origin", "cow_store", "thin_pool", "external_origin", "metadata", "pool"} {
		if n := s.section.text(field); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// tell says something of the volume in work, once.
func (b *builder) tell(d *finding.Def, o ...finding.Option) {
	f := d.New(append(o, finding.Arg("volume", b.volume.name))...)
	if len(b.findings) < 64 && !slices.ContainsFunc(b.findings, func(g finding.Finding) bool { return g.Text == f.Text }) {
		b.findings = append(b.findings, f)
	}
}

// placer returns the bytes of a logical volume. It is nil when nothing of them can be had; a finding says why.
func (b *builder) placer(l *logical, depth int) volume.Placer {
	if p, ok := b.placers[l]; ok {
		return p
	}
	b.work += 1 + len(l.segments)
	if b.building[l] || depth > maxNesting || b.work > maxWork {
		b.tell(loops)
		return nil
	}
	b.building[l] = true
	defer delete(b.building, l)
	var pieces []array.Piece
	next, readable := int64(0), false
	for _, s := range l.segments {
		if !s.valid() || s.first < next || s.count > (1<<58)/b.group.extentSize {
			b.tell(impossible, finding.Expected(nil, s))
			continue
		}
		if s.first > next { // a segment that is lost
			pieces = append(pieces, array.Piece{Length: (s.first - next) * b.group.extentSize})
		}
		size := s.count * b.group.extentSize
		p := b.segment(l, s, size, depth)
		readable = readable || p != nil
		pieces = append(pieces, array.Piece{Part: p, Length: size})
		next = s.first + s.count
	}
	var out volume.Placer
	if readable {
		if out = array.Concat(pieces); out == nil {
			b.tell(impossible, finding.Expected(nil, fmt.Sprintf("%d segments", len(pieces))))
		}
	}
	b.placers[l] = out
	return out
}

// segment returns size bytes of a segment of l, nil when they cannot be had.
func (b *builder) segment(l *logical, s *segment, size int64, depth int) volume.Placer {
	switch kind := s.kind; {
	case kind == "striped" || kind == "linear":
		return b.striped(s, size, depth)
	case kind == "mirror":
		return b.mirror(l, s, size, depth)
	case strings.HasPrefix(kind, "raid"):
		return b.raid(s, size, depth)
	case kind == "thin":
		return b.thin(s, size, depth)
	case kind == "cache":
		if mode := s.section.text("cache_mode"); mode == "writethrough" || mode == "passthrough" {
			b.tell(cacheClean)
		} else if b.cleanCache(s) {
			b.tell(cacheClean)
		} else {
			b.tell(cached)
		}
		return b.named(s.section.text("origin"), 0, size, depth)
	case kind == "writecache":
		b.tell(writeCached)
	case kind == "vdo":
		b.tell(packed)
	case kind == "zero":
		return array.Zeros(size)
	case kind == "error":
	default:
		b.tell(unknownSegment, finding.Expected(nil, kind))
	}
	return nil
}

// cleanCache reports whether the mode of a cache is written down beside its pool, as one that writes through.
func (b *builder) cleanCache(s *segment) bool {
	pool := b.group.byName[s.section.text("cache_pool")]
	if pool == nil || len(pool.segments) != 1 {
		return false
	}
	mode := pool.segments[0].section.text("cache_mode")
	return mode == "writethrough" || mode == "passthrough"
}

// named returns size bytes from an extent on of what has that name: a physical or a logical volume.
func (b *builder) named(name string, first, size int64, depth int) volume.Placer {
	if first < 0 || first > maxExtents {
		return nil
	}
	at := first * b.group.extentSize
	if i, p := b.group.member(name); p != nil {
		return array.Window(b.disks[i], block.Extent{Offset: p.start + at, Length: size})
	}
	l := b.group.byName[name]
	if l == nil {
		b.tell(impossible, finding.Expected(nil, fmt.Sprintf("no volume %q", name)))
		return nil
	}
	return array.Window(b.placer(l, depth+1), block.Extent{Offset: at, Length: size})
}

// striped returns a segment that stands on one part, or on several in turns.
func (b *builder) striped(s *segment, size int64, depth int) volume.Placer {
	n := int64(len(s.parts))
	if n == 0 || s.section.number("stripe_count", n) != n || s.count%n != 0 {
		b.tell(impossible, finding.Expected(nil, s))
		return nil
	}
	parts := make([]volume.Placer, n)
	sizes := make([]int64, n)
	there := false
	for i, p := range s.parts {
		parts[i], sizes[i] = b.named(p.name, p.first, size/n, depth), size/n
		there = there || parts[i] != nil
	}
	if !there {
		return nil
	}
	if n == 1 {
		return parts[0]
	}
	src := array.Stripe(parts, sizes, sectors(s.section.number("stripe_size", 0)), array.Alternate)
	if src == nil || src.Size() != size {
		b.tell(impossible, finding.Expected(nil, s))
		return nil
	}
	return src
}

// mirror returns a segment of the old kind of mirror.
func (b *builder) mirror(l *logical, s *segment, size int64, depth int) volume.Placer {
	var parts []volume.Placer
	for _, p := range s.parts {
		if part := b.named(p.name, p.first, size, depth); part != nil {
			parts = append(parts, part)
		}
		if l.moving {
			break // the other image is what extents are being copied to
		}
	}
	if len(parts) > 1 || len(parts) == 1 && len(s.parts) > 1 && !l.moving {
		b.tell(unsynced)
	}
	return array.Mirror(parts, size)
}

// snapshot returns the segment of a volume that only says which one is a snapshot of which.
func (l *logical) snapshot() *segment {
	if len(l.segments) == 1 && l.segments[0].kind == "snapshot" {
		return l.segments[0]
	}
	return nil
}

// stores are the volumes that keep what snapshots changed.
func (g *group) stores() map[*logical]bool {
	out := map[*logical]bool{}
	for _, l := range g.volumes {
		if s := l.snapshot(); s != nil && s.section.text("cow_store") != l.name {
			out[g.byName[s.section.text("cow_store")]] = true
		}
	}
	return out
}
