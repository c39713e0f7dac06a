package fat

import (
	"time"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// maxContest bounds the cross-linked clusters of which the best claim is remembered: 24 MiB. The others stay open.
const maxContest = 1 << 18

// apart is how far two times must differ so that their order is sure: the resolution of the format.
const apart = 2 * time.Second

// claim says which file wants a cluster, and from when to when it was written. The zero times are not known.
type claim struct {
	at         int64 // of the entry; -1 for what has none
	born, last time.Time
	fits       bool // nothing but other files' claims speaks against its chain
	tie        bool // another claim is as good
}

// claimOf returns the claim of a file, whose times are those at which its entry was made and last changed. That of a
// directory, whose entry does not change with it, has none.
func claimOf(e *short, off int64) claim {
	if e.isDirectory() || e.created.IsZero() {
		return claim{at: off, last: e.written()}
	}
	return claim{at: off, born: e.created, last: e.written()}
}

// beats reports whether what stands in a cluster that both claim is of a beyond reasonable doubt: a was made when b
// had been written for the last time. A file that was changed last need not have been written last just there.
func (a *claim) beats(b *claim) bool {
	return a.fits && !a.born.IsZero() && !b.last.IsZero() && a.born.Sub(b.last) > apart
}

// contest is a set of clusters that more than one live file has, with the best claim to each.
type contest struct {
	in   cluster.Bitmap
	any  bool
	best map[uint32]claim
}

func (x *contest) add(c uint32) {
	x.in.Set(c)
	x.any = true
}

// weigh takes the claims of a live file to its clusters.
func (x *contest) weigh(it *item) bool {
	who := it.claim
	who.fits = it.content.sound
	if it.directory {
		who.last = time.Time{}
	}
	for _, p := range it.content.pieces {
		for n, at := x.in.Count(p.first, p.count); n > 0; n, at = x.in.Count(at+1, p.end()-at-1) {
			best, known := x.best[at]
			switch {
			case !known && len(x.best) < maxContest:
				if x.best == nil {
					x.best = map[uint32]claim{}
				}
				x.best[at] = who
			case !known || best.beats(&who):
			case who.beats(&best):
				x.best[at] = who
			default:
				// Who comes after both must be newer than the newer one, and newer than what is not known.
				if !best.last.IsZero() && (who.last.IsZero() || who.last.After(best.last)) {
					best = who
				}
				best.tie = true
				x.best[at] = best
			}
		}
	}
	return true
}

// crossed tells of clusters that another live file claims too. They are Foreign to a file that was last written
// before the other was made, and a guess for both where the times do not decide.
func (v *volume) crossed(c *content, who claim, s *survey) {
	if s == nil || !s.crossed.any {
		return
	}
	shared, foreign, first := 0, 0, uint32(0)
	old := c.pieces
	c.pieces = nil
	for _, p := range old {
		n, at := s.crossed.in.Count(p.first, p.count)
		if p.kind != block.Data || n == 0 {
			c.add(p.first, p.count, p.kind)
			continue
		}
		if shared == 0 {
			first = at
		}
		shared += n
		for i := range p.count {
			kind := p.kind
			if at := p.first + i; s.crossed.in.Has(at) {
				best, known := s.crossed.best[at]
				switch {
				case known && !best.tie && best.at == who.at && best.fits:
				case known && !best.tie && best.beats(&who):
					kind = block.Foreign
					foreign++
				default:
					kind = block.Guessed // nothing tells which of the files stands there
				}
			}
			c.add(p.first+i, 1, kind)
		}
	}
	if shared > 0 {
		c.sound = false
		c.note(chainCrossed, finding.Expected(0, shared), v.clusterAt(first))
	}
	if foreign > 0 {
		c.note(chainForeign, finding.Expected(0, foreign), v.clusterAt(first))
	}
}
