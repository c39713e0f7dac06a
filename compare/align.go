package compare

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"salvor/block"
)

const (
	maxVotes = 1 << 15 // distances that are counted for each region
	maxHits  = 1 << 16 // anchors that are kept for each region
	// leastVotes is how many anchors must agree on a distance before a part is said to stand there.
	leastVotes = 3
	// nearStart is how far into a partition a part may begin, for a header that the device puts before it.
	nearStart  = 64 << 10
	earlierBit = 31
	maxTargets = 256
)

// distance is an offset on a region less the offset in a content.
type distance struct {
	content int32
	by      int64
}

// hit is an anchor in a region.
type hit struct {
	slot int
	at   int64
}

// surveyed is what one reading of a region gave.
type surveyed struct {
	votes map[distance]int
	least int // votes up to which distances make room for others
	hits  []hit
	more  bool // hits were left out
}

func bit(region int) uint32 { return 1 << min(region, earlierBit-1) }

// vote counts one. Where there are too many distances those with a single vote, which are files that stand elsewhere, make
// room.
func (s *surveyed) vote(d distance) {
	if n, ok := s.votes[d]; ok || len(s.votes) < maxVotes {
		s.votes[d] = n + 1
		return
	}
	maps.DeleteFunc(s.votes, func(_ distance, n int) bool { return n <= s.least })
	if len(s.votes) > maxVotes/2 {
		s.least++
	}
	if len(s.votes) < maxVotes {
		s.votes[d] = 1
	}
}

// survey reads a region once.
func (x *index) survey(ctx context.Context, number int, src block.Source, done func(int64)) (*surveyed, error) {
	s := &surveyed{votes: map[distance]int{}, least: 1}
	err := x.scan(ctx, src, done, func(h uint64, at int64) {
		x.each(h, func(slot int) {
			x.seen[slot] |= bit(number)
			p := x.places[slot]
			d := distance{p.content, at - p.offset}
			s.vote(d)
			if len(s.hits) < maxHits {
				s.hits = append(s.hits, hit{slot, at})
			} else {
				s.more = true
			}
		})
	})
	return s, err
}

// candidate is a part that may stand on a region.
type candidate struct {
	content, piece, region int
	at                     int64
	votes                  int
}

// byVotes turns the votes of a region into candidates, the most votes first.
func byVotes(in *Input, number int, s *surveyed) []candidate {
	r := &in.Regions[number]
	type counted struct {
		distance
		n int
	}
	var list []counted
	for d, n := range s.votes {
		if n >= leastVotes {
			list = append(list, counted{d, n})
		}
	}
	slices.SortFunc(list, func(a, b counted) int {
		return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.content, b.content), cmp.Compare(a.by, b.by))
	})
	var out []candidate
	for _, d := range list {
		best := -1
		for i, p := range in.Contents[d.content].Pieces {
			at := p.Extent.Offset + d.by
			switch {
			case p.Extent.Length < unit, at < 0, at >= r.Source.Size():
			case at != 0 && at > nearStart && !r.Anywhere && !named(r, p):
			case best < 0 || better(in.Contents[d.content].Pieces[best], p, d.by):
				best = i
			}
		}
		if best < 0 {
			continue
		}
		c := candidate{int(d.content), best, number, in.Contents[d.content].Pieces[best].Extent.Offset + d.by, d.n}
		if !slices.ContainsFunc(out, func(o candidate) bool { return covers(in, o, c) }) {
			out = append(out, c)
		}
		if !r.Anywhere && len(out) > 0 || len(out) >= maxTargets {
			break // one partition holds one part
		}
	}
	return out
}

// better prefers a part that begins where the region does, then the outer one.
func better(old, p Piece, by int64) bool {
	return old.Extent.Offset+by != 0 && p.Extent.Offset+by == 0
}

// covers reports whether a candidate stands on bytes that another one explains.
func covers(in *Input, o, c candidate) bool {
	a := in.Contents[o.content].Pieces[o.piece].Extent
	b := in.Contents[c.content].Pieces[c.piece].Extent
	return block.Extent{Offset: o.at, Length: a.Length}.Overlaps(block.Extent{Offset: c.at, Length: b.Length})
}

// named reports whether the package names the region for the part, by its name or by the name of both slots.
func named(r *Region, p Piece) bool {
	return slices.ContainsFunc(p.Where, func(w string) bool {
		w = strings.ToLower(strings.TrimSpace(w))
		if i := strings.LastIndexByte(w, '/'); i >= 0 {
			w = w[i+1:] // "/dev/disk/by-partlabel/rootfs_b", "ubi0:rootfs_b" below
		}
		if i := strings.LastIndexByte(w, ':'); i >= 0 {
			w = w[i+1:]
		}
		return w != "" && (w == strings.ToLower(r.Name) || r.Group != "" && w == r.Group)
	})
}

// byName adds the slots that a part should be on and on which nothing, or too little, was found: those the package names,
// and the other slot of a pair of which one holds it.
func byName(in *Input, have []candidate) []candidate {
	out := have
	add := func(c candidate) {
		if !slices.ContainsFunc(out, func(o candidate) bool {
			return o.region == c.region && (o.content == c.content && o.piece == c.piece || covers(in, o, c))
		}) {
			out = append(out, c)
		}
	}
	for _, c := range have {
		r := in.Regions[c.region]
		for i, other := range in.Regions {
			if r.Group != "" && other.Group == r.Group && i != c.region {
				add(candidate{content: c.content, piece: c.piece, region: i, at: c.at})
			}
		}
	}
	for k, content := range in.Contents {
		for i, p := range content.Pieces {
			for n := range in.Regions {
				if named(&in.Regions[n], p) {
					add(candidate{content: k, piece: i, region: n})
				}
			}
		}
	}
	return out
}

// byShape adds, for what was found nowhere, the slots that it would fit into best: by the name of the part, else the
// smallest pair that has room for it.
func byShape(in *Input, have []candidate) []candidate {
	out := have
	for k, content := range in.Contents {
		if slices.ContainsFunc(out, func(c candidate) bool { return c.content == k }) || len(content.Pieces) == 0 {
			continue
		}
		for i, p := range content.Pieces {
			group := bestGroup(in, p, i == 0)
			if group == "" || slices.ContainsFunc(out, func(c candidate) bool { return in.Regions[c.region].Group == group }) {
				continue
			}
			for n, r := range in.Regions {
				if r.Group == group {
					out = append(out, candidate{content: k, piece: i, region: n})
				}
			}
			break
		}
	}
	return out
}

func bestGroup(in *Input, p Piece, whole bool) string {
	group, size := "", int64(0)
	name := strings.ToLower(p.Name)
	for _, r := range in.Regions {
		if r.Group == "" || r.Source.Size() < p.Extent.Length {
			continue
		}
		if strings.Contains(name, r.Group) {
			return r.Group
		}
		if whole && (group == "" || r.Source.Size() < size) {
			group, size = r.Group, r.Source.Size()
		}
	}
	return group
}
