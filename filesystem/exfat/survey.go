package exfat

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"time"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// Bounds of what a survey remembers beside its bitmaps.
const (
	maxOwners  = 1 << 20 // 24 MiB
	maxContest = 1 << 18 // clusters, 24 MiB
	maxLost    = 1 << 16
)

// owner is a run of clusters of a live file and when that was last written, in seconds since 1970.
type owner struct {
	span
	written int64
}

// contest is a set of clusters that more than one file claims, with the best claim to each.
type contest struct {
	in   cluster.Bitmap
	best map[uint32]claim
}

// weigh takes the claims of a file to the clusters of its pieces.
func (x *contest) weigh(who claim, pieces []piece) {
	for _, p := range pieces {
		if p.kind != block.Data && p.kind != block.Guessed {
			continue
		}
		for n, at := x.in.Count(p.first, p.count); n > 0; n, at = x.in.Count(at+1, p.last()-at) {
			best, known := x.best[at]
			switch {
			case !known && len(x.best) < maxContest:
				if x.best == nil {
					x.best = map[uint32]claim{}
				}
				x.best[at] = who
			case !known || best.same(&who):
			case who.beats(&best):
				x.best[at] = who
			case !best.beats(&who):
				best.tie = true
				x.best[at] = best
			}
		}
	}
}

// survey is what must be known of the whole volume before the first file can be told of: which clusters more
// than one file claims, and which no one does. It is made once and not changed afterwards.
type survey struct {
	live        cluster.Bitmap // clusters of live files and directories
	directories cluster.Bitmap // of live directories
	crossed     contest        // of two or more live files
	gone        cluster.Bitmap // of deleted files
	contested   contest        // of two or more of those
	owners      []owner
	open        map[uint32]bool // first clusters of files of size 0
	lostFolders []uint32        // directories that are allocated and no one names, by their first clusters
	lostRuns    [][]span        // and what else is
	remains     [][]span        // directories found by their content in free clusters
	faults      int             // live files with an error
	unsearched  uint64          // clusters at the end that were not looked at
}

// survey returns the survey of the volume, and makes it when no one did yet.
func (v *volume) survey(ctx context.Context) (*survey, error) {
	select {
	case <-v.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { v.turn <- struct{}{} }()
	if v.done != nil {
		return v.done, ctx.Err()
	}
	if err := v.compareBitmaps(ctx); err != nil {
		return nil, err
	}
	s := &survey{open: map[uint32]bool{}}
	// The structures are in use, whatever the bitmap says.
	s.addLive(&item{content: content{pieces: v.systemPieces()}})
	w := newWalker(v, ctx, s)
	w.surveying = true
	w.visit = s.addLive
	w.root()
	if err := s.findLost(ctx, v, w); err != nil {
		return nil, err
	}
	slices.SortFunc(s.owners, func(a, b owner) int { return cmp.Compare(a.first, b.first) })
	// The walk over what is gone shows which directories are reached by name; what is left is searched for.
	w = newWalker(v, ctx, s)
	w.visit = func(*item) bool { return true }
	w.all()
	if err := v.search(ctx, s, w); err != nil {
		return nil, err
	}
	for _, weigh := range []bool{false, true} {
		w = newWalker(v, ctx, s)
		w.visit = func(it *item) bool { return s.addGone(it, weigh) }
		w.all()
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.mu.Lock()
	if s.unsearched > 0 {
		v.note(searchLimited, finding.Expected(nil, s.unsearched))
	}
	if s.faults > 0 {
		v.note(volumeContradicts, finding.Expected(0, s.faults))
	}
	v.mu.Unlock()
	v.done = s
	return s, nil
}

// systemPieces are the clusters of the volume's own structures.
func (v *volume) systemPieces() []piece {
	var c content
	c.addSpans(v.system, block.Data)
	return c.pieces
}

// addLive remembers the clusters of a live file.
func (s *survey) addLive(it *item) bool {
	for _, p := range it.content.pieces {
		if p.kind != block.Data {
			continue
		}
		for i := range p.count {
			if s.live.Set(p.first + i) {
				s.crossed.in.Set(p.first + i)
			}
			if it.directory {
				s.directories.Set(p.first + i)
			}
		}
		if len(s.owners) < maxOwners {
			at := int64(0)
			if !it.who.written.IsZero() {
				at = it.who.written.Unix()
			}
			s.owners = append(s.owners, owner{p.span, at})
		}
	}
	return true
}

// addGone remembers the clusters of a file that is not live and, in a second walk, weighs the claims to those
// that are in contest.
func (s *survey) addGone(it *item, weigh bool) bool {
	switch {
	case it.live && weigh:
		s.crossed.weigh(it.who, it.content.pieces)
		if finding.Worst(it.file.Findings) == finding.Error {
			s.faults++
		}
	case it.live || it.directory:
	case weigh:
		s.contested.weigh(it.who, it.content.pieces)
	default:
		for _, p := range it.content.pieces {
			if p.kind != block.Data && p.kind != block.Guessed {
				continue
			}
			for i := range p.count {
				if s.gone.Set(p.first + i) {
					s.contested.in.Set(p.first + i)
				}
			}
		}
	}
	return true
}

// taken reports whether a cluster belongs to someone now.
func (s *survey) taken(v *volume, c uint32) bool {
	if s.live.Has(c) {
		return true
	}
	taken, known := v.bitmap.allocated(c)
	if !known && v.bitmap.w == nil {
		// Without a bitmap only the FAT speaks, and only of files in pieces.
		e := v.t.entry(0, c)
		return e == entryLast || v.b.valid(e)
	}
	return taken || !known
}

// ownerWritten returns when the live file that has cluster c was last written. known is false when there is
// none, or none that is remembered, or its entry has no time.
func (s *survey) ownerWritten(c uint32) (at time.Time, known bool) {
	i := sort.Search(len(s.owners), func(i int) bool { return s.owners[i].first > c }) - 1
	if i < 0 || c-s.owners[i].first >= s.owners[i].count || s.owners[i].written == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.owners[i].written, 0).UTC(), true
}

// findLost looks for clusters that are allocated and belong to no file.
func (s *survey) findLost(ctx context.Context, v *volume, w *walker) error {
	if !v.trusted {
		return ctx.Err()
	}
	var named, taken cluster.Bitmap
	lost := func(c uint32) bool {
		is, _ := v.bitmap.allocated(c)
		return is && !s.live.Has(c)
	}
	var heads []span
	end := uint64(v.b.clusters) + 2
	for at := uint64(2); at < end; at++ {
		c := uint32(at)
		if at%(1<<16) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		// Nothing but live clusters, or nothing but free ones, in most of the volume.
		if c%8 == 2 && end-at >= 8 {
			if t, free, _ := v.bitmap.count(c, 8); free == 8 {
				at += 7
				continue
			} else if n, _ := s.live.Count(c, 8); n == 8 && t == 8 {
				at += 7
				continue
			}
		}
		if !lost(c) {
			continue
		}
		if next := v.t.entry(0, c); v.b.valid(next) {
			named.Set(next)
		}
		if n := len(heads); n > 0 && heads[n-1].last()+1 == c {
			heads[n-1].count++
		} else if n < maxLost {
			heads = append(heads, span{c, 1})
		}
	}
	for _, h := range heads {
		for i := uint32(0); i < h.count; {
			c := h.first + i
			if taken.Has(c) || named.Has(c) {
				i++
				continue
			}
			spans := v.lostFrom(c, h.count-i, s, &named, w.steps)
			n := uint32(0)
			for _, x := range spans {
				for k := range x.count {
					taken.Set(x.first + k)
				}
			}
			if spans[0].first == c {
				n = spans[0].count
			}
			i += max(n, 1)
			if s.open[c] || len(s.lostRuns)+len(s.lostFolders) >= maxLost {
				continue
			}
			if l := v.lookAt(c); l.sets > 0 {
				s.lostFolders = append(s.lostFolders, c)
			} else {
				s.lostRuns = append(s.lostRuns, spans)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// lostFrom returns the clusters that belong together from c on, which is the first of most lost ones in a row:
// its chain when the FAT has one, else all up to the next that begins a chain or a directory.
func (v *volume) lostFrom(c, most uint32, s *survey, named *cluster.Bitmap, steps *cluster.Budget) []span {
	if e := v.t.entry(0, c); e == entryLast || v.b.valid(e) {
		ch := v.t.chainOf(c, 0, v.b.clusters, steps)
		if !v.touches(ch.spans, s) {
			return ch.spans
		}
	}
	n := uint32(1)
	for n < most {
		next := c + n
		if e := v.t.entry(0, next); e == entryLast || v.b.valid(e) || s.open[next] || named.Has(next) {
			break
		}
		if v.lookAt(next).sets > 0 {
			break
		}
		n++
	}
	return []span{{c, n}}
}

// touches reports whether a live file has one of the clusters.
func (v *volume) touches(spans []span, s *survey) bool {
	for _, p := range spans {
		if n, _ := s.live.Count(p.first, p.count); n > 0 {
			return true
		}
	}
	return false
}
