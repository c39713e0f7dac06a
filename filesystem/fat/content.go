package fat

import (
	"time"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// piece is a run of clusters of a file, and what is known of it.
type piece struct {
	span
	kind block.RunKind
}

// content is where a file stands, in the order of its bytes.
type content struct {
	pieces []piece
	sound  bool
	notes  []finding.Finding
}

func (c *content) note(d *finding.Def, options ...finding.Option) {
	c.notes = append(c.notes, d.New(options...))
}

// add appends n clusters from first.
func (c *content) add(first, n uint32, kind block.RunKind) {
	if n == 0 {
		return
	}
	if i := len(c.pieces) - 1; i >= 0 && c.pieces[i].kind == kind && c.pieces[i].end() == first {
		c.pieces[i].count += n
		return
	}
	c.pieces = append(c.pieces, piece{span{first, n}, kind})
}

func (c *content) addChain(ch *chain, kind block.RunKind) {
	for _, s := range ch.spans {
		c.add(s.first, s.count, kind)
	}
}

// runs carries the pieces to bytes of the volume, for a file of size bytes.
func (v *volume) runs(pieces []piece, size int64) []block.Run {
	runs := make([]block.Run, 0, len(pieces))
	at := int64(0)
	for _, p := range pieces {
		n := int64(p.count) * v.b.clusterSize()
		runs = append(runs, block.Run{Logical: at, Physical: v.b.at(p.first), Length: n, Kind: p.kind})
		at += n
	}
	return block.Normalize(runs, size)
}

// clusterAt places a finding at a cluster.
func (v *volume) clusterAt(c uint32) finding.Option {
	if !v.b.valid(c) {
		return func(*finding.Finding) {}
	}
	return finding.At(v.b.at(c), v.b.clusterSize())
}

// liveContent follows the chain of a live file. s is nil while the first survey is made.
func (v *volume) liveContent(e *short, who claim, s *survey, steps *cluster.Budget) content {
	c := content{sound: true}
	wanted := v.b.needed(int64(e.size))
	if wanted == 0 {
		if e.start != 0 {
			c.sound = false
			c.note(chainEmpty, finding.Expected(0, e.start), v.clusterAt(e.start))
		}
		return c
	}
	if !v.b.valid(e.start) {
		c.sound = false
		c.note(entryCluster, finding.Expected("2 to "+itoa(v.b.clusters+1), e.start))
		return c
	}
	ch := v.t.chainOf(e.start, wanted, 0, steps)
	c.addChain(&ch, block.Data)
	v.judge(&c, &ch, wanted)
	if ch.count < wanted && (ch.end == endFree || ch.end == endInvalid || ch.end == endBad) && s != nil {
		v.guessOn(&c, &ch, wanted-ch.count, s, steps)
	}
	v.crossed(&c, who, s)
	v.checkPresent(&c)
	return c
}

// judge says what is wrong with a chain. wanted is 0 for a directory.
func (v *volume) judge(c *content, ch *chain, wanted uint32) {
	if ch.differs {
		c.sound = false
		c.note(chainCopies, finding.Expected(nil, viewText[ch.view]), v.clusterAt(ch.last))
	}
	if ch.fits(wanted) {
		return
	}
	c.sound = false
	place := v.clusterAt(ch.last)
	switch ch.end {
	case endMark:
		c.note(chainShort, finding.Expected(wanted, ch.count), place)
	case endGoesOn:
		if wanted > 0 {
			c.note(chainLong, finding.Expected(wanted, nil), place)
		} else {
			c.note(directoryLarge, finding.Expected(maxDirectory, nil), place)
		}
	case endLoop:
		c.note(chainLoop, finding.Expected(nil, ch.back), place)
	case endUnreadable:
		c.note(chainUnreadable, finding.Arg("cluster", ch.last), place)
	case endTooLong:
		c.note(chainPieces, finding.Expected(maxSpans, nil), place)
	default:
		c.note(chainBroken, finding.Arg("cluster", ch.last), finding.Expected("the next cluster", ch.end), place)
	}
}

// guessOn goes on behind the break of a live chain: with a chain that starts at the next cluster, fits in
// length and belongs to no one, or else with the free clusters that follow.
func (v *volume) guessOn(c *content, ch *chain, left uint32, s *survey, steps *cluster.Budget) {
	next := ch.last + 1
	if !v.b.valid(next) {
		return
	}
	rest := v.t.follow(viewFirst, next, left, steps)
	if rest.fits(left) && !s.touches(rest.spans) {
		c.addChain(&rest, block.Guessed)
		c.note(chainGuessed, finding.Expected(nil, left), v.clusterAt(next))
		return
	}
	n := uint32(0)
	for n < left && steps.Take() && v.b.valid(next+n) && !s.taken(v, next+n) {
		n++
	}
	if n > 0 {
		c.add(next, n, block.Guessed)
		c.note(chainGuessed, finding.Expected(nil, n), v.clusterAt(next))
	}
}

// checkPresent tells of what stands behind the end of a cut image.
func (v *volume) checkPresent(c *content) {
	for _, p := range c.pieces {
		if end := v.b.at(p.end()-1) + v.b.clusterSize(); p.kind.Stands() && end > v.src.Size() {
			c.sound = false
			c.note(chainBehindEnd, finding.At(max(v.b.at(p.first), v.src.Size()), 0))
			return
		}
	}
}

// maxAround bounds how far a deleted file is taken to be written around other files: this many clusters for
// each of its own, and aroundSlack more.
const (
	maxAround   = 4
	aroundSlack = 1024
)

// deletedContent places a deleted file, of which the first cluster and the size are known.
func (v *volume) deletedContent(e *short, s *survey, steps *cluster.Budget) content {
	var c content
	wanted := v.b.needed(int64(e.size))
	if wanted == 0 {
		return c
	}
	if !v.b.valid(e.start) {
		c.note(deletedStart, finding.Expected("2 to "+itoa(v.b.clusters+1), e.start))
		return c
	}
	first := block.Data
	if v.b.width == 32 && v.b.clusters > 0xFFFF && e.highWord == 0 && !s.highWords {
		first = block.Guessed
		c.note(entryHighWord, finding.Expected(nil, e.start), v.clusterAt(e.start))
	}
	if s.taken(v, e.start) {
		// Its chain may still be there, in the other FAT or because only the entry was removed.
		if ch := v.t.chainOf(e.start, wanted, 0, steps); ch.fits(wanted) && !s.touches(ch.spans) {
			c.addChain(&ch, first)
			c.note(deletedCopy, v.clusterAt(e.start))
			v.contested(&c, s)
			return c
		}
		v.inPlace(&c, e.start, wanted, block.Foreign, s, steps)
		return c
	}
	around, ok := v.aroundOthers(e, wanted, s, steps)
	if !ok {
		v.inPlace(&c, e.start, wanted, first, s, steps)
		v.contested(&c, s)
		return c
	}
	skipped := uint32(0)
	for i, p := range around {
		if i > 0 {
			skipped += p.first - around[i-1].end()
			c.add(p.first, p.count, block.Guessed)
			continue
		}
		c.add(p.first, 1, first)
		c.add(p.first+1, p.count-1, block.Guessed)
	}
	if wanted > 1 {
		c.note(deletedGuessed, finding.Expected(nil, wanted-1))
	}
	if skipped > 0 {
		c.note(deletedAround, finding.Expected(nil, skipped))
	}
	v.contested(&c, s)
	return c
}

// aroundOthers collects the free clusters from the start of a deleted file, stepping over clusters of files
// that are not newer than it. ok is false when there are too few within the bound, or when the owner of a
// cluster is newer or not known, so that it may as well have overwritten the deleted file.
func (v *volume) aroundOthers(e *short, wanted uint32, s *survey, steps *cluster.Budget) (out []span, ok bool) {
	bound := uint64(wanted)*maxAround + aroundSlack
	count := uint32(0)
	for i := uint64(0); i < bound && count < wanted; i++ {
		c := e.start + uint32(i)
		if !v.b.valid(c) || !steps.Take() {
			return nil, false
		}
		if s.taken(v, c) {
			if at, known := s.ownerWritten(c); !known || at.After(e.written()) {
				return nil, false
			}
			continue
		}
		if n := len(out); n > 0 && out[n-1].end() == c && n < maxSpans {
			out[n-1].count++
		} else if n == maxSpans {
			return nil, false
		} else {
			out = append(out, span{c, 1})
		}
		count++
	}
	return out, count == wanted
}

// inPlace takes the clusters from start as the file's place, with those that are taken now as Foreign.
func (v *volume) inPlace(c *content, start, wanted uint32, first block.RunKind, s *survey, steps *cluster.Budget) {
	foreign, guessed := uint32(0), uint32(0)
	for i := range wanted {
		at := start + i
		if !v.b.valid(at) || !steps.Take() || len(c.pieces) == maxSpans {
			c.note(chainPieces, finding.Expected(maxSpans, nil))
			break
		}
		switch {
		case s.taken(v, at):
			c.add(at, 1, block.Foreign)
			foreign++
		case i == 0:
			c.add(at, 1, first)
		default:
			c.add(at, 1, block.Guessed)
			guessed++
		}
	}
	if foreign > 0 {
		c.note(deletedForeign, finding.Expected(wanted, foreign), v.clusterAt(start))
	}
	if guessed > 0 {
		c.note(deletedGuessed, finding.Expected(nil, guessed))
	}
}

// contested makes clusters that another deleted file claims too a guess.
func (v *volume) contested(c *content, s *survey) {
	shared, first := 0, uint32(0)
	for i, p := range c.pieces {
		if p.kind != block.Data && p.kind != block.Guessed {
			continue
		}
		n, at := s.contested.Count(p.first, p.count)
		if n == 0 {
			continue
		}
		if shared == 0 {
			first = at
		}
		shared += n
		c.pieces[i].kind = block.Guessed
	}
	if shared > 0 {
		c.note(deletedContested, finding.Expected(0, shared), v.clusterAt(first))
	}
}

// owner is a run of clusters of a live file and when that was last written, in seconds since 1970.
type owner struct {
	span
	written int64
}

// unixTime gives the time of an owner; the zero time is kept apart.
func unixTime(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
