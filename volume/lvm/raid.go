package lvm

import (
	"fmt"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/array"
)

// rotations are the layouts of the segments with parity, by what follows the level.
var rotations = map[string]array.Rotation{
	"raid4": array.ParityFirst, "raid5": array.LeftSymmetric, "raid5_n": array.ParityLast,
	"raid5_la": array.LeftAsymmetric, "raid5_ra": array.RightAsymmetric, "raid5_ls": array.LeftSymmetric, "raid5_rs": array.RightSymmetric,
	"raid6": array.ZeroRestart, "raid6_zr": array.ZeroRestart, "raid6_nr": array.LastRestart, "raid6_nc": array.LastContinue, "raid6_n_6": array.ParityLast,
	"raid6_la_6": array.LeftAsymmetric6, "raid6_ra_6": array.RightAsymmetric6, "raid6_ls_6": array.LeftSymmetric6, "raid6_rs_6": array.RightSymmetric6,
	"raid6_0_6": array.ParityFirst6,
}

// raid returns a segment over images, each of which has a volume with its state beside it.
func (b *builder) raid(s *segment, size int64, depth int) volume.Placer {
	images, states := b.images(s)
	n := int64(len(images))
	if n == 0 || n > 256 {
		b.tell(impossible, finding.Expected(nil, s))
		return nil
	}
	each := b.each(s, size, n)
	supers := b.supers(states, depth)
	if reshapes(supers) {
		b.tell(reshaping)
		return nil
	}
	parts, there := make([]volume.Placer, n), false
	newest := newestState(supers)
	for i, name := range images {
		if newest != nil && !b.current(i, supers[i], newest) {
			continue
		}
		at := int64(0)
		if newest != nil {
			at = newest.dataAt
		}
		image := b.group.byName[name]
		if image == nil {
			continue
		}
		p := array.Window(b.placer(image, depth+1), block.Extent{Offset: at, Length: each})
		if r := supers[i]; p != nil && r != nil && r.recovered < each {
			p = array.Masked(p, block.SetOf(block.Between(r.recovered, each)))
		}
		parts[i], there = p, there || p != nil
	}
	if !there {
		return nil
	}
	src := b.joined(s, parts, each, size)
	if src == nil || src.Size() < size {
		b.tell(impossible, finding.Expected(nil, s))
		return nil
	}
	return array.Window(src, block.Extent{Length: size})
}

// images returns the names of the images of a segment, and of the volumes with their states, which may be "".
func (b *builder) images(s *segment) (images, states []string) {
	names := make([]string, len(s.parts))
	for i, p := range s.parts {
		names[i] = p.name
	}
	if len(s.section.fields["raid0_lvs"]) > 0 {
		return names, make([]string, len(names))
	}
	for i := 0; i+1 < len(names); i += 2 {
		states, images = append(states, names[i]), append(images, names[i+1])
	}
	return images, states
}

// each returns how many bytes each of n images has of a segment.
func (b *builder) each(s *segment, size, n int64) int64 {
	data := n
	switch {
	case s.kind == "raid1":
		return size
	case strings.HasPrefix(s.kind, "raid10"):
		copies := max(s.section.number("data_copies", 2), 1)
		return (size*copies + n - 1) / n
	case strings.HasPrefix(s.kind, "raid4"), strings.HasPrefix(s.kind, "raid5"):
		data = n - 1
	case strings.HasPrefix(s.kind, "raid6"):
		data = n - 2
	}
	return size / max(data, 1)
}

// joined returns the array of a segment.
func (b *builder) joined(s *segment, parts []volume.Placer, each, size int64) volume.Placer {
	chunk := sectors(s.section.number("stripe_size", 0))
	switch kind := s.kind; {
	case kind == "raid1":
		var there []volume.Placer
		for _, p := range parts {
			if p != nil {
				there = append(there, p)
			}
		}
		return array.Mirror(there, size)
	case kind == "raid0" || kind == "raid0_meta":
		sizes := make([]int64, len(parts))
		for i := range sizes {
			sizes[i] = each
		}
		return array.Stripe(parts, sizes, chunk, array.Alternate)
	case strings.HasPrefix(kind, "raid10"):
		// The last chunks of all copies need whole rows.
		rows := (each + chunk - 1) / max(chunk, 1)
		return array.RAID10(parts, rows*chunk, array.Ten{Near: int(min(s.section.number("data_copies", 2), 255)), Far: 1, Chunk: chunk})
	}
	rotation, ok := rotations[s.kind]
	if !ok {
		b.tell(unknownSegment, finding.Expected(nil, s.kind))
		return nil
	}
	level := 5
	if strings.HasPrefix(s.kind, "raid6") {
		level = 6
	}
	return array.Parity(level, parts, each, chunk, rotation)
}

// raidState is the superblock with which an image's state begins.
type raidState struct {
	events    uint64
	failed    uint64
	position  int
	recovered int64 // bytes from the start that are in sync
	reshaping bool
	dataAt    int64 // of the images, bytes
}

const (
	stateMagic    = 0x64526d44 // "DmRd"
	stateExtended = 1          // of the features: the fields of a reshape are there
	stateReshape  = 1
)

// parseState reads the superblock of an image.
func parseState(b []byte) (*raidState, error) {
	c := cursor.New("lvm: raid state", 0, b)
	if c.Uint32() != stateMagic {
		return nil, cursor.ErrNot
	}
	features := c.Uint32()
	c.Skip(4)
	r := &raidState{position: int(c.Uint32()), events: c.Uint64(), failed: c.Uint64()}
	r.recovered = sectorsOf(c.Uint64())
	c.Skip(20)
	if features&stateExtended != 0 {
		r.reshaping = c.Uint32()&stateReshape != 0
		c.Skip(32)
		r.dataAt = sectorsOf(c.Uint64())
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	if r.position < 0 || r.position > 255 || r.dataAt > 1<<40 {
		return nil, cursor.Corrupt("lvm: raid state", 0, "the numbers of an image", fmt.Sprintf("image %d with data at %d", r.position, r.dataAt))
	}
	return r, nil
}

func sectorsOf(n uint64) int64 { return int64(min(n, 1<<50)) * sector }

// supers reads the states of all images; nil where there is none.
func (b *builder) supers(states []string, depth int) []*raidState {
	out := make([]*raidState, len(states))
	for i, name := range states {
		l := b.group.byName[name]
		if l == nil {
			continue
		}
		src := b.placer(l, depth+1)
		if src == nil {
			continue
		}
		p := make([]byte, sector)
		if n, _ := src.ReadAt(p, 0); n < len(p) {
			continue
		}
		if r, err := parseState(p); err == nil {
			out[i] = r
		}
	}
	return out
}

func reshapes(list []*raidState) bool {
	for _, r := range list {
		if r != nil && r.reshaping {
			return true
		}
	}
	return false
}

func newestState(list []*raidState) *raidState {
	var best *raidState
	for _, r := range list {
		if r != nil && (best == nil || r.events > best.events) {
			best = r
		}
	}
	return best
}

// current reports whether the i'th image belongs to the newest state. One whose own state is lost is taken when the
// newest does not call it failed.
func (b *builder) current(i int, r, newest *raidState) bool {
	failed := i < 64 && newest.failed>>i&1 == 1
	if !failed && (r == nil || r.events+1 >= newest.events) {
		return true
	}
	found := any("no")
	if r != nil {
		found = r.events
	}
	b.tell(raidStale, finding.Arg("image", i+1), finding.Expected(newest.events, found))
	return false
}
