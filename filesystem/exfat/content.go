package exfat

import (
	"fmt"
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
	fits   bool // nothing but other files' claims speaks against it
	notes  []finding.Finding
}

func (c *content) note(d *finding.Def, options ...finding.Option) {
	c.notes = append(c.notes, d.New(options...))
}

// fault notes what makes the file unsound.
func (c *content) fault(d *finding.Def, options ...finding.Option) {
	c.sound = false
	c.note(d, options...)
}

// add appends n clusters from first.
func (c *content) add(first, n uint32, kind block.RunKind) {
	if n == 0 {
		return
	}
	if i := len(c.pieces) - 1; i >= 0 && c.pieces[i].kind == kind && c.pieces[i].last()+1 == first {
		c.pieces[i].count += n
		return
	}
	c.pieces = append(c.pieces, piece{span{first, n}, kind})
}

func (c *content) addSpans(spans []span, kind block.RunKind) {
	for _, s := range spans {
		c.add(s.first, s.count, kind)
	}
}

func (c *content) spans() []span {
	out := make([]span, 0, len(c.pieces))
	for _, p := range c.pieces {
		out = append(out, p.span)
	}
	return out
}

// runs carries the pieces to bytes of the volume, for a file of size bytes of which valid were ever written:
// the rest reads as zeros, whatever stands in its clusters.
func (v *volume) runs(pieces []piece, size, valid int64) []block.Run {
	runs := make([]block.Run, 0, len(pieces)+1)
	at := int64(0)
	for _, p := range pieces {
		n := int64(p.count) * v.b.clusterSize
		if at >= valid {
			break
		}
		runs = append(runs, block.Run{Logical: at, Physical: v.b.at(p.first), Length: min(n, valid-at), Kind: p.kind})
		at += n
	}
	if valid < size {
		runs = append(runs, block.Run{Logical: valid, Length: size - valid, Kind: block.Zero})
	}
	return block.Normalize(runs, size)
}

// clusterAt places a finding at a cluster.
func (v *volume) clusterAt(c uint32) finding.Option {
	if !v.b.valid(c) {
		return func(*finding.Finding) {}
	}
	return finding.At(v.b.at(c), v.b.clusterSize)
}

func (v *volume) clusterRange() string { return fmt.Sprintf("2 to %d", uint64(v.b.clusters)+1) }

// liveContent places a live file. s is nil while the first survey is made.
func (v *volume) liveContent(e *streamEntry, who claim, s *survey, steps *cluster.Budget) content {
	c := content{sound: true}
	wanted := v.b.needed(int64(min(e.length, maxVolume)))
	if wanted == 0 {
		return c
	}
	if e.flags&flagAllocation == 0 {
		c.fault(entryAllocation)
	}
	if !v.b.valid(e.first) {
		c.fault(entryCluster, finding.Expected(v.clusterRange(), e.first))
		return c
	}
	if e.noChain() {
		n := min(wanted, v.b.room(e.first))
		c.add(e.first, n, block.Data)
		if n < wanted {
			c.fault(chainBehindEnd, finding.Expected(wanted, n), v.clusterAt(e.first))
		}
	} else {
		ch := v.t.chainOf(e.first, wanted, 0, steps)
		c.addSpans(ch.spans, block.Data)
		v.judge(&c, &ch, wanted)
		if s != nil && ch.count < wanted && (ch.end == endFree || ch.end == endInvalid || ch.end == endBad) {
			v.guessOn(&c, &ch, wanted-ch.count, s, steps)
		}
	}
	if s != nil {
		v.checkAllocated(&c)
		c.fits = c.sound
		v.crossed(&c, who, s)
	}
	v.checkPresent(&c)
	return c
}

// judge says what is wrong with a chain. wanted is 0 where the length is not known.
func (v *volume) judge(c *content, ch *chain, wanted uint32) {
	if ch.rank > 0 {
		c.fault(chainSecond, v.clusterAt(ch.last))
	}
	if ch.fits(wanted) {
		return
	}
	place := v.clusterAt(ch.last)
	switch ch.end {
	case endMark:
		c.fault(chainShort, finding.Expected(wanted, ch.count), place)
	case endGoesOn:
		c.fault(chainLong, finding.Expected(wanted, nil), place)
	default:
		c.fault(chainBroken, finding.Arg("cluster", ch.last), finding.Expected("the next cluster", ch.end), place)
	}
}

// guessOn goes on behind the break of a live chain: with the clusters that follow it, as long as they are
// allocated and no live file has them.
func (v *volume) guessOn(c *content, ch *chain, left uint32, s *survey, steps *cluster.Budget) {
	n := uint32(0)
	for n < left && uint64(ch.last)+uint64(n) < uint64(v.b.clusters)+1 && steps.Take() {
		at := ch.last + 1 + n
		if taken, _ := v.bitmap.allocated(at); !taken || s.live.Has(at) {
			break
		}
		n++
	}
	if n > 0 {
		c.add(ch.last+1, n, block.Guessed)
		c.note(chainGuessed, finding.Expected(nil, n), v.clusterAt(ch.last+1))
	}
}

// checkAllocated tells of clusters that the allocation bitmap calls free.
func (v *volume) checkAllocated(c *content) {
	total, first := uint32(0), uint32(0)
	for _, p := range c.pieces {
		_, free, at := v.bitmap.count(p.first, p.count)
		if free > 0 && total == 0 {
			first = at
		}
		total += free
	}
	if total > 0 {
		c.fault(bitmapFree, finding.Expected(0, total), v.clusterAt(first))
	}
}

// checkPresent tells of what stands behind the end of a cut image.
func (v *volume) checkPresent(c *content) {
	for _, p := range c.pieces {
		if end := v.b.at(p.last()) + v.b.clusterSize; p.kind.Stands() && end > v.src.Size() {
			c.fault(chainAbsent, finding.At(max(v.b.at(p.first), v.src.Size()), 0))
			return
		}
	}
}

// claim says who wants a cluster, and how well founded that is.
type claim struct {
	at      int64 // of the entry set
	first   uint32
	size    uint64
	written time.Time
	fits    bool // nothing else contradicts it
	tie     bool // another claim is as good
}

// same reports whether two claims are by the same content: a file and its former name.
func (a *claim) same(b *claim) bool { return a.at == b.at || a.first == b.first && a.size == b.size }

// beats reports whether the content of a is more likely to stand in a cluster that both claim: b contradicts
// itself, or a was written later.
func (a *claim) beats(b *claim) bool {
	if a.fits != b.fits {
		return a.fits
	}
	return !b.written.IsZero() && a.written.After(b.written)
}

// reassign gives each cluster of c that is in contest the kind that the best claim to it leaves. It returns
// how many clusters are someone else's and how many are open, and the first of these.
func (c *content) reassign(who claim, contest *contest) (foreign, open, first uint32) {
	old := c.pieces
	c.pieces = nil
	for _, p := range old {
		if n, _ := contest.in.Count(p.first, p.count); n == 0 || p.kind != block.Data && p.kind != block.Guessed {
			c.add(p.first, p.count, p.kind)
			continue
		}
		for i := range p.count {
			at, kind := p.first+i, p.kind
			if contest.in.Has(at) {
				best, known := contest.best[at]
				switch {
				case known && !best.tie && best.same(&who):
				case known && best.beats(&who):
					kind = block.Foreign
					foreign++
				default:
					kind = block.Guessed
					open++
				}
				if first == 0 {
					first = at
				}
			}
			c.add(at, 1, kind)
		}
	}
	return foreign, open, first
}

// crossed tells of clusters that another live file claims too.
func (v *volume) crossed(c *content, who claim, s *survey) {
	shared, first := 0, uint32(0)
	for _, p := range c.pieces {
		n, at := s.crossed.in.Count(p.first, p.count)
		if n > 0 && shared == 0 {
			first = at
		}
		shared += n
	}
	if shared == 0 {
		return
	}
	who.fits = who.fits && c.fits
	foreign, _, _ := c.reassign(who, &s.crossed)
	c.fault(chainCrossed, finding.Expected(0, shared), v.clusterAt(first))
	if foreign > 0 {
		c.fault(chainForeign, finding.Expected(0, foreign), v.clusterAt(first))
	}
}

// goneContent places a file whose entries are deleted, or that an older state of the volume names. trusted
// says that a checksum covers its first cluster and size.
func (v *volume) goneContent(e *streamEntry, who claim, trusted bool, s *survey, steps *cluster.Budget) content {
	var c content
	wanted := v.b.needed(int64(min(e.length, maxVolume)))
	if wanted == 0 {
		return c
	}
	if !v.b.valid(e.first) {
		c.note(deletedStart, finding.Expected(v.clusterRange(), e.first))
		return c
	}
	kind := block.Guessed
	if trusted {
		kind = block.Data
	}
	switch {
	case e.noChain() && v.stillAllocated(e.first, min(wanted, v.b.room(e.first)), s):
		// Only the entries were deleted, or what is there now was not entered yet.
		c.add(e.first, min(wanted, v.b.room(e.first)), block.Guessed)
		c.note(deletedAllocated, v.clusterAt(e.first))
	case e.noChain():
		v.inPlace(&c, e.first, min(wanted, v.b.room(e.first)), kind, s)
	default:
		ch := v.t.chainOf(e.first, wanted, 0, steps)
		switch {
		case ch.fits(wanted) && !v.anyTaken(ch.spans, s):
			c.addSpans(ch.spans, kind)
			c.note(deletedChain, v.clusterAt(e.first))
		case wanted == 1:
			v.inPlace(&c, e.first, 1, kind, s)
		case !v.around(&c, e.first, wanted, kind, who, s, steps):
			v.inPlace(&c, e.first, 1, kind, s)
			v.inPlace(&c, e.first+1, min(wanted, v.b.room(e.first))-1, block.Guessed, s)
			c.note(deletedGuessed, finding.Expected(nil, wanted-1))
		}
	}
	v.doubt(&c)
	foreign, open, first := c.reassign(who, &s.contested)
	if foreign+open > 0 {
		c.note(deletedContested, finding.Expected(0, foreign+open), v.clusterAt(first))
	}
	total := uint32(0)
	for _, p := range c.pieces {
		if p.kind == block.Foreign {
			total += p.count
		}
	}
	if total > 0 {
		c.note(deletedForeign, finding.Expected(wanted, total), v.clusterAt(e.first))
	}
	return c
}

// inPlace takes n clusters from first, with those that are taken now as Foreign.
func (v *volume) inPlace(c *content, first, n uint32, kind block.RunKind, s *survey) {
	for i := uint32(0); i < n; {
		at := first + i
		// Whole groups that are free go at once.
		if at%64 == 0 && n-i >= 64 && v.free64(at, s) {
			c.add(at, 64, kind)
			i += 64
			continue
		}
		if s.taken(v, at) {
			c.add(at, 1, block.Foreign)
		} else {
			c.add(at, 1, kind)
		}
		i++
	}
}

// free64 reports whether 64 clusters are free by all that is known.
func (v *volume) free64(at uint32, s *survey) bool {
	if n, _ := s.live.Count(at, 64); n > 0 {
		return false
	}
	_, free, _ := v.bitmap.count(at, 64)
	return free == 64
}

// stillAllocated reports whether the bitmap has all of n clusters, and no live file has one.
func (v *volume) stillAllocated(first, n uint32, s *survey) bool {
	if live, _ := s.live.Count(first, n); live > 0 {
		return false
	}
	taken, _, _ := v.bitmap.count(first, n)
	return taken == n
}

func (v *volume) anyTaken(spans []span, s *survey) bool {
	for _, p := range spans {
		if n, _ := s.live.Count(p.first, p.count); n > 0 {
			return true
		}
		if taken, _, _ := v.bitmap.count(p.first, p.count); taken > 0 {
			return true
		}
	}
	return false
}

// maxAround bounds how far a deleted file in pieces is looked for around others: this many clusters for each of
// its own, and aroundSlack more.
const (
	maxAround   = 4
	aroundSlack = 4096
)

// around collects the free clusters from the first one of a file whose chain is gone, stepping over those of
// files that are not newer. It fails when there are too few, or when the owner of a cluster between is newer
// or not known, so that it may as well have overwritten the file.
func (v *volume) around(c *content, first, wanted uint32, kind block.RunKind, who claim, s *survey, steps *cluster.Budget) bool {
	var spans []span
	count, skipped := uint32(0), 0
	bound := uint64(wanted)*maxAround + aroundSlack
	for i := uint64(0); i < bound && count < wanted; i++ {
		at := uint64(first) + i
		if at > uint64(v.b.clusters)+1 || !steps.Take() {
			return false
		}
		if s.taken(v, uint32(at)) {
			if written, known := s.ownerWritten(uint32(at)); !known || written.After(who.written) {
				return false
			}
			skipped++
			continue
		}
		if n := len(spans); n > 0 && uint64(spans[n-1].last())+1 == at {
			spans[n-1].count++
		} else if n == maxSpans {
			return false
		} else {
			spans = append(spans, span{uint32(at), 1})
		}
		count++
	}
	if count < wanted || spans[0].first != first {
		return false
	}
	c.add(first, 1, kind)
	c.add(first+1, spans[0].count-1, block.Guessed)
	c.addSpans(spans[1:], block.Guessed)
	c.note(deletedGuessed, finding.Expected(nil, wanted-1))
	if skipped > 0 {
		c.note(deletedAround, finding.Expected(nil, skipped))
	}
	return true
}
