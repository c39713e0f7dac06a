package ext

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filesystem"
)

const (
	maxOlder  = 8  // older contents of one file
	maxActive = 64 // files that claim one byte
)

// lost is a file that the journal knows and the volume does not any more: a deleted one, or an older content of
// one that is there.
type lost struct {
	version // its number is all that is known of a directory of which only blocks were met
	state   filesystem.State
	// from and until are the transactions between which the number was this file's; death that from which on
	// this content is gone.
	from, until, death int64
	foreign, unclear   block.Set // bytes of the volume that others had since, or may have had
	names              []name
	path               string
	placing, placed    bool // while and after its path was made
}

// name is a name that led to a file, and the last transaction in which it did.
type name struct {
	dir  uint32
	text string
	seen int64
	weak bool // it stood in what is left of an entry
}

// alive reports whether an inode held a file, if only an open one without a name.
func (x *version) alive() bool {
	return knownType(x.kind) && (x.links > 0 || x.kind == typeRegular && x.size > 0)
}

// findLost makes a list of all that the versions tell of and the volume does not.
func (p *past) findLost(ctx context.Context, s *survey) error {
	use := p.v.newBudget()
	for i := 0; i < len(p.versions); {
		if err := ctx.Err(); err != nil {
			return err
		}
		k := i
		number := p.versions[i].number
		for k < len(p.versions) && p.versions[k].number == number {
			k++
		}
		if number >= p.v.sb.firstInode && number != p.v.sb.orphanFileInode && number != p.v.sb.journalInode {
			p.losses(p.versions[i:k], s, use)
		}
		i = k
	}
	slices.SortStableFunc(p.lost, func(a, b *lost) int { return cmp.Compare(a.number, b.number) })
	p.settle(p.claimsOf(use))
	return ctx.Err()
}

// losses goes over the versions of one inode.
func (p *past) losses(list []version, s *survey, use *budget) {
	number := list[0].number
	var now *version
	full := false
	if in, err := p.v.inode(number); err == nil && in.checksumOK {
		now = &version{number: number, generation: in.generation, kind: in.kind(), links: in.links, size: in.size, content: in.contentSum()}
		full = !s.inUse.has(number) && in.links == 0 && in.size > 0 && (in.inline() || bytesIn(in.block()[12:]))
	}
	for a := 0; a < len(list); {
		b := a + 1
		for b < len(list) && list[a].incarnation(&list[b]) {
			b++
		}
		from, until := int64(before), int64(never)
		if a > 0 {
			from = list[a].first
		}
		if b < len(list) {
			until = list[b].first
		}
		here := b == len(list) && now != nil && now.generation == list[a].generation
		p.incarnation(list[a:b], from, until, here && s.inUse.has(number), here && full, use)
		a = b
	}
}

func bytesIn(b []byte) bool { return slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

// incarnation finds what is lost of one file. live says that it is there, full that the deleted inode still
// leads to the content by itself.
func (p *past) incarnation(list []version, from, until int64, live, full bool, use *budget) {
	last := len(list) - 1
	for last >= 0 && !list[last].alive() {
		last--
	}
	if last < 0 {
		return
	}
	if last+1 < len(list) {
		until = list[last+1].first
	}
	// A file without a name that is still open is there, but only the past knows what it was called.
	if live && list[last].links == 0 {
		p.lost = append(p.lost, &lost{version: list[last], state: filesystem.Orphan, from: from, until: until, death: never})
		p.byNumber[list[last].number] = append(p.byNumber[list[last].number], p.lost[len(p.lost)-1])
	}
	add := func(x version, state filesystem.State, death int64) {
		l := &lost{version: x, state: state, from: from, until: until, death: death}
		p.lost = append(p.lost, l)
		p.byNumber[x.number] = append(p.byNumber[x.number], l)
	}
	if !live && !full {
		death := until
		if death == never {
			death = list[last].last + 1
		}
		add(list[last], filesystem.Deleted, death)
	}
	if list[last].kind != typeRegular {
		return
	}
	older := 0
	var after block.Set
	if last >= 1 {
		after = p.placesOf(&list[last], use)
	}
	for i := last - 1; i >= 0 && older < maxOlder; i-- {
		x := list[i]
		if !x.alive() || x.content == list[i+1].content && x.size <= list[i+1].size {
			continue
		}
		places := p.placesOf(&x, use)
		if x.size > 0 && !places.Subtract(after).Empty() {
			add(x, filesystem.Old, list[i+1].first)
			older++
		}
		after = places
	}
}

// placesOf returns the bytes on which the content of a version stands.
func (p *past) placesOf(x *version, use *budget) block.Set {
	in, err := p.inode(x)
	if err != nil || in.inline() || !in.hasMap() {
		return block.Set{}
	}
	return block.SetOf(p.v.claims(in, use)...)
}

// stand is a piece of a file of the past.
type stand struct {
	block.Extent
	*lost
}

func (p *past) claimsOf(use *budget) []stand {
	var out []stand
	for _, l := range p.lost {
		for e := range p.placesOf(&l.version, use).All() {
			out = append(out, stand{e, l})
		}
	}
	return out
}

// settle decides between files of the past that stood in the same place: the bytes are those of the last.
func (p *past) settle(list []stand) {
	slices.SortStableFunc(list, func(a, b stand) int { return cmp.Compare(a.Offset, b.Offset) })
	var active []stand
	for _, x := range list {
		active = slices.DeleteFunc(active, func(y stand) bool { return y.End() <= x.Offset })
		for _, y := range active {
			if y.lost == x.lost {
				continue
			}
			both := x.Intersect(y.Extent)
			early, late := x.lost, y.lost
			if early.last > late.last {
				early, late = late, early
			}
			switch {
			case early.number == late.number && early.from == late.from:
				// An older content of the same file may have been changed in place.
				early.unclear.Add(both)
			case late.first > early.last:
				early.foreign.Add(both)
			default:
				early.unclear.Add(both)
				late.unclear.Add(both)
			}
		}
		if len(active) >= maxActive {
			x.unclear.Add(x.Extent)
			continue
		}
		active = append(active, x)
	}
}

// pieces tells for each run of a file of the past whether its bytes can still be its own.
func (w *walker) pieces(l *lost, runs []block.Run, size int64) (out []block.Run, foreign, unclear int64) {
	structures := w.v.structures()
	complete := w.p.whole <= l.last
	for _, r := range runs {
		if !r.Kind.Stands() {
			out = append(out, r)
			continue
		}
		e := r.PhysicalExtent()
		other := w.s.claims.Within(e).Union(structures.Within(e)).Union(l.foreign.Within(e)).Union(w.p.loggedAfter(e, l.death))
		doubt := w.s.used.Within(e).Union(w.s.unknown.Within(e)).Union(w.s.contested.Within(e)).Union(l.unclear.Within(e)).
			Union(w.p.usedAgain(e, l.death)).Subtract(other)
		if r.Kind == block.Guessed || !complete || w.p.busyAfter(e, l.death) {
			doubt = block.SetOf(e).Subtract(other)
		}
		piece := func(set block.Set, kind block.RunKind) {
			for x := range set.All() {
				out = append(out, block.Run{Logical: r.Logical + x.Offset - r.Physical, Physical: x.Offset, Length: x.Length, Kind: kind})
			}
		}
		piece(other, block.Foreign)
		piece(doubt, block.Guessed)
		piece(block.SetOf(e).Subtract(other).Subtract(doubt), r.Kind)
		foreign += other.Bytes()
		unclear += doubt.Bytes()
	}
	return block.Normalize(out, size), foreign, unclear
}

// id names a version: its inode and the transaction in which it stood last.
func (p *past) id(l *lost) string {
	switch {
	case l.at == 0:
		return fmt.Sprintf("i%d-dir", l.number)
	case l.last == before:
		return fmt.Sprintf("i%d-t0", l.number)
	}
	return fmt.Sprintf("i%d-t%d", l.number, p.sequence(l.last))
}

// knows reports whether something lost had this number last.
func (p *past) knows(number uint32) bool {
	if p == nil {
		return false
	}
	return slices.ContainsFunc(p.byNumber[number], func(l *lost) bool { return l.state == filesystem.Deleted && l.at != 0 })
}

// begin returns what one walk needs of its own.
func (p *past) begin() *past {
	q := *p
	q.lost = make([]*lost, len(p.lost))
	q.byNumber = make(map[uint32][]*lost, len(p.byNumber))
	for i, l := range p.lost {
		c := *l
		c.names = slices.Clone(l.names)
		q.lost[i] = &c
		q.byNumber[c.number] = append(q.byNumber[c.number], &c)
	}
	return &q
}
