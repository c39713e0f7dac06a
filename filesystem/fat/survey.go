package fat

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strconv"
	"time"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// Bounds of what a survey remembers beside its bitmaps.
const (
	maxOwners  = 1 << 20 // 24 MiB
	maxOrphans = 1 << 16
)

// survey is what must be known of the whole volume before the first file can be told of: which clusters
// more than one file claims. It is made once and not changed afterwards.
type survey struct {
	live            cluster.Bitmap // clusters of live files and directories
	crossed         contest        // of two or more of those
	directories     cluster.Bitmap // first clusters of live directories
	lost            cluster.Bitmap // and of those that only the FAT knows
	guessed         cluster.Bitmap // clusters that live files with broken chains are guessed to have
	dead, contested cluster.Bitmap // of deleted files: likewise
	owners          []owner
	highWords       bool // a deleted entry kept the high word of its cluster
	pages           pageEvidence
	page            codePage            // of short names
	remains         []uint32            // first clusters of directories that were found by their content
	parts           []uint32            // further clusters of such
	rests           map[broken][]uint32 // those by what they may be the rest of
	unsearched      uint64              // clusters that were not looked at for these
	lostDirectories []uint32
	lostChains      []uint32
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
	if err := v.compare(ctx); err != nil {
		return nil, err
	}
	s := &survey{page: usualPage()}
	w := newWalker(v, ctx, s)
	w.surveying = true
	w.visit = s.addLive
	w.root()
	if err := s.findLost(ctx, v, w); err != nil {
		return nil, err
	}
	slices.SortFunc(s.owners, func(a, b owner) int { return cmp.Compare(a.first, b.first) })
	v.choosePage(s)
	if s.crossed.any {
		w = newWalker(v, ctx, s)
		w.surveying = true
		w.visit = s.crossed.weigh
		w.all()
	}
	// The walk over what is gone shows which directories are reached by name; what is left is searched for.
	w = newWalker(v, ctx, s)
	w.visit = func(*item) bool { return true }
	w.all()
	if err := v.search(ctx, s, w); err != nil {
		return nil, err
	}
	w = newWalker(v, ctx, s)
	w.visit = s.addDeleted
	w.all()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v.done = s
	return s, nil
}

// choosePage settles the code page of short names, and says why.
func (v *volume) choosePage(s *survey) {
	page, n := s.pages.best()
	s.page = page
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case n > 0:
		v.note(namesPage.New(finding.Expected(nil, page.name), finding.Arg("count", n)))
	case s.pages.bare > 0:
		v.note(namesPageGuessed.New(finding.Expected(nil, page.name), finding.Arg("count", s.pages.bare)))
	}
	if v.info.Label != "" && hasHigh(v.rawLabel[:]) {
		v.info.Label = labelText(v.rawLabel, page)
	}
}

// addLive remembers the clusters of a live file.
func (s *survey) addLive(it *item) bool {
	for _, p := range it.content.pieces {
		if p.kind != block.Data {
			continue
		}
		for c := p.first; c < p.end(); c++ {
			if s.live.Set(c) {
				s.crossed.add(c)
			}
		}
		if len(s.owners) < maxOwners {
			s.owners = append(s.owners, owner{p.span, unixTime(it.written)})
		}
	}
	if it.directory && len(it.content.pieces) > 0 {
		s.directories.Set(it.content.pieces[0].first)
	}
	return true
}

// addDeleted remembers the clusters of a deleted file, and the guessed ones of a live one.
func (s *survey) addDeleted(it *item) bool {
	if !it.deleted {
		for _, p := range it.content.pieces {
			if p.kind == block.Guessed {
				for c := p.first; c < p.end(); c++ {
					s.guessed.Set(c)
				}
			}
		}
		return true
	}
	if it.directory {
		return true
	}
	for _, p := range it.content.pieces {
		if p.kind != block.Data && p.kind != block.Guessed {
			continue
		}
		for c := p.first; c < p.end(); c++ {
			if s.dead.Set(c) {
				s.contested.Set(c)
			}
		}
	}
	return true
}

// taken reports whether a cluster belongs to someone now.
func (s *survey) taken(v *volume, c uint32) bool { return s.live.Has(c) || v.t.used(c) }

// touches reports whether a live file has one of the clusters.
func (s *survey) touches(spans []span) bool {
	for _, p := range spans {
		if n, _ := s.live.Count(p.first, p.count); n > 0 {
			return true
		}
	}
	return false
}

// ownerWritten returns when the live file that has cluster c was last written. known is false when there is
// none, or none that is remembered, or its entry has no time.
func (s *survey) ownerWritten(c uint32) (at time.Time, known bool) {
	i := sort.Search(len(s.owners), func(i int) bool { return s.owners[i].first > c }) - 1
	if i < 0 || s.owners[i].end() <= c || s.owners[i].written == 0 {
		return time.Time{}, false
	}
	return time.Unix(s.owners[i].written, 0).UTC(), true
}

// findLost looks for chains that the FAT holds and no directory names, and walks the directories among them.
func (s *survey) findLost(ctx context.Context, v *volume, w *walker) error {
	var named cluster.Bitmap // clusters that are some other's next, as far as no live file has them
	unclaimed := 0
	allocated := func(c, e uint32) bool {
		return e != entryFree && e != entryBad && e != unknown && (e >= entryLast || v.b.valid(e)) && !s.live.Has(c)
	}
	err := v.t.scan(ctx, func(c, e uint32) {
		if allocated(c, e) {
			unclaimed++
		}
		if v.b.valid(e) && !s.live.Has(e) {
			named.Set(e)
		}
	})
	if err != nil || unclaimed == 0 {
		return err
	}
	var heads []uint32
	err = v.t.scan(ctx, func(c, e uint32) {
		if allocated(c, e) && !named.Has(c) && len(heads) < maxOrphans {
			heads = append(heads, c)
		}
	})
	if err != nil {
		return err
	}
	parent := map[uint32]uint32{}
	var directories []uint32
	for _, c := range heads {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if l := v.lookAtStart(c, someLook); l.self || !l.dot && l.odd == 0 && l.good > 0 && !l.unreadable {
			directories = append(directories, c)
			parent[c] = l.parent
		}
	}
	// Parents first; what is left then is in a loop of parents.
	for _, nested := range []bool{false, true} {
		for _, c := range directories {
			if _, lost := parent[parent[c]]; lost == nested && !w.directories.Has(c) {
				s.lostDirectories = append(s.lostDirectories, c)
				s.lost.Set(c)
				w.lostDirectory(c)
			}
		}
	}
	for _, c := range heads {
		if _, isDirectory := parent[c]; !isDirectory && !s.live.Has(c) {
			s.lostChains = append(s.lostChains, c)
		}
	}
	return ctx.Err()
}

func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }
