package md

import (
	"fmt"

	"salvor/block"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// reshaped returns the array of a set that stopped while its shape was being changed: one side of the position has
// the new shape, the other the old one.
func (b *builder) reshaped() volume.Placer {
	n := b.newest.super
	r := n.reshape
	before := n.raid - r.delta
	from, to := diskCount(n.shape, before), diskCount(r.to, n.raid)
	args := []finding.Option{finding.Arg("from", from), finding.Arg("to", to), finding.Expected(nil, r.position)}
	refuse := func(reason string) volume.Placer {
		b.say(reshapeUnread, append(args, finding.Arg("reason", reason))...)
		return nil
	}
	switch {
	case !n.shape.changes(r.to):
		return refuse("changes of this level are not understood")
	case r.delta < 0 && n.version == "0.90":
		return refuse("version 0.90 does not tell where the old disks stood")
	case r.delta == 0 && r.newOffset == 0:
		return refuse("it was changed in place, and the part that was in work stands in a backup file outside of the set")
	}
	older := b.plain(n.shape, before, 0)
	newer := b.plain(r.to, n.raid, r.newOffset)
	if older == nil || newer == nil {
		return refuse("its numbers describe no array that is known")
	}
	size := min(older.Size(), newer.Size())
	if r.position < 0 || r.position > size {
		return refuse("the position lies outside of the set")
	}
	first, second := newer, older
	if r.backwards {
		first, second = older, newer
	}
	b.say(reshaping, args...)
	return array.Concat([]array.Piece{
		{Part: array.Window(first, block.Extent{Length: r.position}), Length: r.position},
		{Part: array.Window(second, block.Between(r.position, size)), Length: size - r.position},
	})
}

// changes reports whether a set may become one of another shape a piece at a time: levels with parity, and RAID 10 without
// copies far away, which stand elsewhere when a member is used differently.
func (s shape) changes(to shape) bool {
	parity := func(s shape) bool { return s.level >= 4 && s.level <= 6 }
	ten := func(s shape) bool {
		t, ok := s.ten()
		return s.level == 10 && ok && (t.Far == 1 || t.Offset)
	}
	return parity(s) && parity(to) || ten(s) && ten(to)
}

func diskCount(s shape, disks int) string {
	return fmt.Sprintf("%s over %d disks", s.words(), disks)
}
