package md

import (
	"fmt"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// words describes a shape for people.
func (s shape) words() string {
	chunks := ""
	if s.chunk > 0 {
		chunks = fmt.Sprintf(", %d KiB chunks", s.chunk>>10)
	}
	switch s.level {
	case levelLinear:
		return "linear"
	case levelMultipath:
		return "multipath"
	case 0:
		if s.layout == stripingOriginal {
			return "RAID 0, original layout" + chunks
		}
		return "RAID 0" + chunks
	case 1:
		return "RAID 1"
	case 4:
		return "RAID 4" + chunks
	case 5, 6:
		return fmt.Sprintf("RAID %d, %s%s", s.level, s.rotation(), chunks)
	case 10:
		t, ok := s.ten()
		if !ok {
			return fmt.Sprintf("RAID 10, layout 0x%x%s", s.layout, chunks)
		}
		words := fmt.Sprintf("RAID 10, near=%d", t.Near)
		if t.Far > 1 {
			words += fmt.Sprintf(", far=%d", t.Far)
			if t.Offset {
				words = fmt.Sprintf("RAID 10, near=%d, offset=%d", t.Near, t.Far)
			}
		}
		return words + chunks
	}
	return fmt.Sprintf("level %d, layout 0x%x%s", s.level, s.layout, chunks)
}

// kind is the word of the level in the field.
func (s shape) kind() string {
	switch s.level {
	case levelLinear:
		return "linear"
	case levelMultipath:
		return "multipath"
	}
	return fmt.Sprintf("raid%d", s.level)
}

// The layouts of level 0, where they are written down.
const (
	stripingOriginal  = 1
	stripingAlternate = 2
)

// ten reads the layout of RAID 10: near copies in the low byte, far ones in the next, then whether those stand one
// chunk behind each other, then within how many disks they stay.
func (s shape) ten() (array.Ten, bool) {
	t := array.Ten{Near: s.layout & 0xff, Far: s.layout >> 8 & 0xff, Offset: s.layout&(1<<16) != 0, Chunk: s.chunk}
	return t, s.layout>>17 <= 2 && s.layout >= 0 && t.Near > 0 && t.Far > 0
}

// spare is how many disks any array of the shape may lose.
func (s shape) spare(disks int) int {
	switch s.level {
	case 1, levelMultipath:
		return disks - 1
	case 4, 5:
		return 1
	case 6:
		return 2
	case 10:
		if t, ok := s.ten(); ok {
			return t.Near*t.Far - 1
		}
	}
	return 0
}

// volumes adds the volume of the set.
func (b *builder) volumes() {
	n := b.newest.super
	disks := n.places()
	have := disks - len(b.set.Missing)
	v := volume.Logical{Kind: n.shape.kind(), UUID: ""}
	if have == 0 {
		b.say(tooFew, finding.Expected(disks, 0))
		b.set.Volumes = append(b.set.Volumes, v)
		return
	}
	var src volume.Placer
	if n.reshape != nil {
		src = b.reshaped()
	} else {
		src = b.plain(n.shape, n.raid, 0)
		if src == nil && !b.said(unknownSize) {
			b.say(unknownLevel, finding.Expected(nil, fmt.Sprintf("%s over %d disks", n.shape.words(), n.raid)))
		}
	}
	if src != nil {
		v.Source, v.Size = src, src.Size()
	}
	if have < disks {
		b.set.Degraded = src != nil && !b.loses(src)
		if !b.set.Degraded {
			b.say(tooFew, finding.Expected(disks, have))
		}
	}
	if !n.clean && n.shape.level >= 4 && n.shape.level <= 6 {
		b.say(unsure)
	}
	v.Lacks = have < disks && !b.set.Degraded
	if n.shape.level == levelMultipath {
		b.say(multipath)
	}
	b.set.Volumes = append(b.set.Volumes, v)
}

func (b *builder) said(d *finding.Def) bool {
	for _, f := range b.set.Findings {
		if f.Code == d.Code {
			return true
		}
	}
	return false
}

// loses reports whether the missing disks take bytes with them.
func (b *builder) loses(src volume.Placer) bool {
	n := b.newest.super
	if len(b.set.Missing) <= n.shape.spare(n.raid) {
		return false
	}
	if n.shape.level != 10 {
		return true
	}
	// Whether the copies of a chunk are all gone shows within as many chunks as there are disks, twice.
	within := min(src.Size(), 2*n.shape.chunk*int64(n.raid))
	return len(block.UnreadableIn(src, block.Extent{Length: within})) > 0
}

// source returns who is read for a role, nil when it is missing.
func (b *builder) source(role int, shift int64) volume.Placer {
	if role >= len(b.chosen) || len(b.chosen[role]) == 0 {
		return nil
	}
	list := b.chosen[role]
	if len(list) == 1 {
		return list[0].source(shift)
	}
	size := list[0].source(shift).Size()
	return array.Mirror([]volume.Placer{list[0].source(shift), list[1].source(shift)}, size)
}

// plain returns the array of one shape over the first disks roles, whose data stands shift bytes behind its usual
// place. It returns nil when the numbers cannot be.
func (b *builder) plain(s shape, disks int, shift int64) volume.Placer {
	if disks < 1 || disks > len(b.chosen) {
		return nil
	}
	parts := make([]volume.Placer, disks)
	for i := range parts {
		parts[i] = b.source(i, shift)
	}
	used := b.newest.super.used
	if used == 0 {
		used = b.newest.super.dataSize
	}
	switch s.level {
	case levelLinear, 0:
		return b.joined(s, parts)
	case 1, levelMultipath:
		return array.Mirror(present(parts), used)
	case 4, 5, 6:
		return array.Parity(s.level, parts, used, s.chunk, s.rotation())
	case 10:
		t, ok := s.ten()
		if !ok {
			return nil
		}
		switch s.layout >> 17 {
		case 1:
			t.Set = disks / t.Far
		case 2:
			t.Set = t.Near * t.Far
		}
		return array.RAID10(parts, used, t)
	}
	return nil
}

func present(parts []volume.Placer) []volume.Placer {
	var out []volume.Placer
	for _, p := range parts {
		if p != nil {
			out = append(out, p)
		}
	}
	return out
}

// joined returns an array without redundancy, whose members use all of their own sizes.
func (b *builder) joined(s shape, parts []volume.Placer) volume.Placer {
	sizes := make([]int64, len(parts))
	gone, known, equal := -1, int64(0), true
	for i, list := range b.chosen[:len(parts)] {
		if len(list) == 0 {
			gone = i
			continue
		}
		sizes[i] = list[0].super.dataSize
		if s.chunk > 0 {
			sizes[i] -= sizes[i] % s.chunk
		}
		equal = equal && (known == 0 || known == sizes[i])
		known = sizes[i]
	}
	if s.level == levelLinear {
		var pieces []array.Piece
		for i, p := range parts {
			if p == nil {
				// What stands before the first missing disk is placed; nothing says how large that one was.
				b.say(unknownSize, finding.Arg("member", diskName(i, len(parts))))
				break
			}
			pieces = append(pieces, array.Piece{Part: p, Length: sizes[i]})
		}
		return array.Concat(pieces)
	}
	if gone >= 0 {
		if !equal {
			b.say(unknownSize, finding.Arg("member", diskName(gone, len(parts))))
			return nil
		}
		for i := range sizes {
			sizes[i] = known
		}
	}
	how := array.Alternate
	switch {
	case s.layout == stripingOriginal:
		how = array.Original
	case s.layout != stripingAlternate && !equal:
		b.say(unsaidLayout)
	}
	return array.Stripe(parts, sizes, s.chunk, how)
}
