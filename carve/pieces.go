package carve

import (
	"context"
	"slices"

	"salvor/block"
	"salvor/filetype"
	"salvor/guard"
)

// try looks for the pieces of one file, with a cache of the source that no one else uses at that time.
func (j *joiner) try(ctx context.Context, b *broken, level int, near *cache) {
	s := *j.space
	if (b.Offset-s.base)%s.unit != 0 {
		s.unit, s.base = leastUnit, 0
		if b.Offset%s.unit != 0 {
			return
		}
	}
	t := s.tape(b.Offset, j.bounds.ahead, 0)
	if len(t.runs) == 0 || t.runs[0].Physical != b.Offset {
		return
	}
	read := &meter{Source: j.Source}
	near.Source = read
	cached := &meter{Source: near}
	t.src = cached
	defer func() { j.ledger.add(b.Format, read.n) }()
	_ = guard.Do(ctx, j.Limit, read, func(ctx context.Context, _ block.Source) error {
		if level == 0 {
			if slices.Equal(t.runs, b.tried) || t.runs[0].Length > b.Report.GoodUntil+squeezeRoom && len(b.tried) == 0 {
				return nil // nothing was taken out near the place where it breaks
			}
			b.tried = t.runs
			b.answer = j.judge(ctx, b, t, []block.Extent{{Length: t.size}})
			return nil
		}
		if f := b.Format; f.Scout == nil && !f.Tells && f.Ceiling < filetype.Proven {
			return nil // whatever is put together could not be believed
		}
		if level > 1 && b.searched >= level {
			return nil // it came to nothing; only the first search is worth doing again
		}
		b.searched = max(b.searched, level)
		s.src = t.src
		t = s.tape(b.Offset, j.bounds.ahead, j.bounds.behind)
		l := levels[level-1]
		q := &quest{j: j, b: b, t: t, ctx: ctx, read: cached, trials: j.bounds.trials / l.share, decoded: min(j.bounds.decoded/int64(l.share), j.each), most: j.bounds.splits * l.splits / levels[len(levels)-1].splits}
		q.scout = b.Format.Scout
		if q.scout == nil {
			q.scout = q.byExamining
			q.whole = true
		}
		allowed := q.decoded
		b.answer = q.from(nil, block.Extent{Length: t.size}, nil, nil, 1)
		b.spent = allowed - q.decoded
		return nil
	})
}

// squeezeRoom is how far behind the place up to which a file is good its decoder may have read, in bytes.
const squeezeRoom = 1 << 20

// judge examines the file that consists of pieces of the tape, the last of which reaches farther than the file
// does, and returns it when it is accepted.
func (j *joiner) judge(ctx context.Context, b *broken, t *tape, pieces []block.Extent) *Found {
	runs := t.joined(pieces)
	if len(runs) == 0 {
		return nil
	}
	last := runs[len(runs)-1]
	size := last.Logical + last.Length
	r, err := b.Format.Examine(ctx, block.WithContext(ctx, block.Join(t.src, runs, size)))
	if err != nil {
		return nil
	}
	r.Verdict = min(r.Verdict, b.Format.Ceiling)
	if !accepted(b.Format, r, size, len(pieces) == 1) {
		return nil
	}
	runs = block.Normalize(block.Slice(runs, block.Extent{Length: r.Size}), r.Size)
	if block.Places(runs).Bytes() != r.Size {
		return nil // a place twice, or a piece that stands nowhere
	}
	f := &Found{Format: b.Format, Report: r, Offset: b.Offset, Size: r.Size}
	if len(runs) > 1 {
		f.Runs = runs
	}
	return f
}

// quest is the search for the pieces of one file.
type quest struct {
	j       *joiner
	b       *broken
	t       *tape
	ctx     context.Context
	scout   filetype.Scout
	whole   bool  // the scout begins at the beginning each time
	trials  int   // left
	most    int   // places where the file may break, for one way
	decoded int64 // bytes that may still be read
	read    *meter
	sector  [sector]byte
	head    []byte
	kinds   map[int64]sectorKind
}

// follows reads a source from a mark on and counts what that took.
func (q *quest) follows(src block.Source, mark filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	before := q.read.n
	r, err := q.scout(q.ctx, src, mark, keep)
	from := int64(0)
	if mark != nil {
		from = mark.Offset()
	}
	// Of what was read in one piece a scout may have looked at the beginning only.
	q.decoded -= min(max(r.Bad-from, 0), q.read.n-before) + callCost
	return r, err
}

// callCost is what asking a scout costs beside reading, in bytes that could be read in that time.
const callCost = 1 << 10

// byExamining is the scout of a format that has none.
func (q *quest) byExamining(ctx context.Context, src block.Source, _ filetype.Mark, _ func(filetype.Mark)) (filetype.Reach, error) {
	r, err := q.b.Format.Examine(ctx, src)
	if err != nil {
		return filetype.Reach{}, err
	}
	bad := r.GoodUntil
	for _, f := range r.Findings {
		if f.Offset > bad && f.Offset <= src.Size() {
			bad = f.Offset
		}
	}
	return filetype.Reach{Whole: accepted(q.b.Format, r, src.Size(), false), Ended: r.Verdict == filetype.Partial && bad >= src.Size(), Bad: bad}, nil
}

// marks are those of one way through a file, thinned out toward its beginning.
type marks []filetype.Mark

const maxMarks = 128

func (m *marks) keep(k filetype.Mark) {
	*m = append(*m, k)
	if len(*m) < maxMarks {
		return
	}
	thin := (*m)[:0]
	for i, k := range *m {
		if i%2 == 0 || i >= maxMarks*3/4 {
			thin = append(thin, k)
		}
	}
	*m = thin
}

// before returns the last mark at or before off; nil for the beginning.
func (m marks) before(off int64) filetype.Mark {
	for i := len(m) - 1; i >= 0; i-- {
		if m[i].Offset() <= off {
			return m[i]
		}
	}
	return nil
}

// way is a file as far as it is known: its pieces on the tape, without the last one, which begins at last and
// reaches to the end of the tape.
type way struct {
	pieces []block.Extent
	last   int64 // on the tape
	at     int64 // in the file, where the last piece begins
	reach  filetype.Reach
	marks  marks
}

// from follows a way from a mark and looks for the next piece where it breaks. It returns the file when it is found.
func (q *quest) from(pieces []block.Extent, last block.Extent, known marks, mark filetype.Mark, depth int) *Found {
	w := way{pieces: pieces, last: last.Offset, marks: slices.Clone(known)}
	for _, p := range pieces {
		w.at += p.Length
	}
	var err error
	all := append(slices.Clone(pieces), last)
	if w.reach, err = q.follows(q.source(all), mark, w.marks.keep); err != nil {
		return nil
	}
	if w.reach.Whole && !q.blind(all, w.reach.Blind) {
		return q.j.judge(q.ctx, q.b, q.t, all)
	}
	if depth >= q.j.bounds.pieces {
		return nil
	}
	if f := q.byAnchor(&w, depth); f != nil {
		return f
	}
	if w.reach.Anchored {
		return nil
	}
	return q.byNearness(&w, depth)
}

func (q *quest) source(pieces []block.Extent) block.Source {
	runs := q.t.joined(pieces)
	size := int64(0)
	if n := len(runs); n > 0 {
		size = runs[n-1].Logical + runs[n-1].Length
	}
	return block.WithContext(q.ctx, block.Join(q.t.src, runs, size))
}

// spent reports whether the search may not go on.
func (q *quest) spent() bool {
	return q.trials <= 0 || q.decoded <= 0 || q.ctx.Err() != nil || q.trials%64 == 0 && q.j.over()
}

// splits returns the places in the file at which its last piece may end, most likely first.
func (q *quest) splits(w *way) []int64 {
	unit := q.t.unit
	low := max(w.reach.Good, w.at+1)
	high := w.reach.Bad
	var out []int64
	add := func(s int64) {
		if s >= low && s > w.at && s <= high && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	first := w.at + (high-w.at)/unit*unit
	if w.reach.Dense {
		// Compressed data does not hold a sector of one byte, nor one of text: the piece ends before the first of them.
		from := max(low, high-int64(q.most)*8*unit)
		for s := w.at + (from-w.at+unit-1)/unit*unit; s < high; s += unit {
			if q.kind(w.last+s-w.at) != anyData {
				add(s)
				first = min(first, s)
				break
			}
		}
	}
	for s := first; len(out) < q.most && s >= low; s -= unit {
		add(s)
	}
	return out
}

// kind says what the sector at an offset of the tape can be part of.
func (q *quest) kind(off int64) sectorKind {
	if k, ok := q.kinds[off]; ok {
		return k
	}
	k := constant
	if runs := block.Slice(q.t.runs, block.Extent{Offset: off, Length: sector}); len(runs) > 0 {
		n, _ := q.t.src.ReadAt(q.sector[:min(sector, runs[0].Length)], runs[0].Physical)
		k = kindOf(q.sector[:n])
	}
	if q.kinds == nil || len(q.kinds) >= maxPieces {
		q.kinds = map[int64]sectorKind{}
	}
	q.kinds[off] = k
	return k
}

// glance is how much of a piece is read to see whether it may be the next one, in bytes.
const glance = 16 << 10

const (
	// nextRoom is how far behind a checksum a glance reaches, in bytes, and maxGlance how far it reaches at most.
	nextRoom, maxGlance = 32, 4 << 20
)

// candidate is a way that goes on for a while and breaks again.
type candidate struct {
	split, next int64
	bad         int64
}

// bands are how many places behind a break are tried for every place where the piece may end, before places farther
// away are tried for any.
var bands = []int{16, 256, 4096, maxPieces << 8}

// byNearness tries the places behind the break, the nearest first.
func (q *quest) byNearness(w *way, depth int) *Found {
	var best, short []candidate
	splits := q.splits(w)
	followed := make([]int, len(splits))
	marks := make([]filetype.Mark, len(splits))
	first := 0
	for _, band := range bands {
		for i, split := range splits {
			cut := block.Extent{Offset: w.last, Length: split - w.at}
			if first == 0 {
				marks[i] = q.markAt(w, cut, split)
			}
			for n := first; n < band && followed[i] < q.j.bounds.follow; n++ {
				next, ok := q.t.pieceStart(cut.End()+q.t.unit, n)
				if !ok {
					break
				}
				if q.spent() {
					return nil
				}
				f, c, far := q.nearby(w, cut, next, split, marks[i])
				if f != nil {
					return f
				}
				if far {
					followed[i]++
				}
				switch {
				case far && c.bad > split+q.t.unit:
					best = append(best, c)
				case !far && c.bad > 0 && len(short) < maxShort:
					short = append(short, c)
				}
			}
		}
		first = band
	}
	return q.deeper(w, append(best, short...), depth)
}

// nearby looks at one place for the next piece, and follows the way over it when it makes sense for a glance; far says
// that it did.
func (q *quest) nearby(w *way, cut block.Extent, next, split int64, mark filetype.Mark) (f *Found, c candidate, far bool) {
	k := q.kind(next)
	if k == constant || k == wordy && w.reach.Dense || cut.Has(next) {
		return nil, c, false
	}
	if w.reach.Fits != nil && !w.reach.Fits(q.first(next)) {
		return nil, c, false
	}
	q.trials--
	length := max(glance, 2*q.t.unit, min(w.reach.Next-split+nextRoom, maxGlance))
	look := append(slices.Clone(w.pieces), cut, block.Extent{Offset: next, Length: length})
	r, err := q.follows(q.source(look), mark, nil)
	if err != nil {
		return nil, c, false
	}
	if !r.Whole && !r.Ended && (r.Bad < split+glance || r.Good <= split && r.Bad <= w.reach.Next) {
		if w.reach.Next == 0 && r.Bad > split+q.t.unit+q.t.unit/16 {
			c = candidate{split, next, r.Bad}
		}
		return nil, c, false
	}
	f, c, _ = q.follow(w, cut, next, split, mark)
	return f, c, true
}

// maxShort is how many pieces that are over after less than a glance are kept as possible.
const maxShort = 32

// maxDeeper is how many ways are gone on from.
const maxDeeper = 4

// first reads the beginning of a piece.
func (q *quest) first(off int64) []byte {
	if q.head == nil {
		q.head = make([]byte, 4<<10)
	}
	runs := block.Slice(q.t.runs, block.Extent{Offset: off, Length: min(q.t.unit, int64(len(q.head)))})
	if len(runs) == 0 {
		return nil
	}
	n, _ := q.t.src.ReadAt(q.head[:runs[0].Length], runs[0].Physical)
	return q.head[:n]
}

// markAt returns a mark as near before a split as there is one.
func (q *quest) markAt(w *way, cut block.Extent, split int64) filetype.Mark {
	mark := w.marks.before(split)
	if q.whole || mark != nil && split-mark.Offset() <= 2*filetype.MarkEvery {
		return mark
	}
	// What lies between is noted, since other places near are asked for next.
	var between marks
	_, _ = q.follows(q.source(append(slices.Clone(w.pieces), cut)), mark, func(m filetype.Mark) {
		if m.Offset() > split {
			return
		}
		mark = m
		if between = append(between, m); len(between) == 2*maxMarks {
			between = append(between[:0], between[maxMarks:]...)
		}
	})
	if len(w.marks)+len(between) > 4*maxMarks {
		w.marks = nil
	}
	w.marks = append(w.marks, between...)
	slices.SortFunc(w.marks, func(a, b filetype.Mark) int { return int(min(max(a.Offset()-b.Offset(), -1), 1)) })
	return mark
}

// follow reads the way that goes on at next as far as it goes.
func (q *quest) follow(w *way, cut block.Extent, next, split int64, mark filetype.Mark) (*Found, candidate, filetype.Reach) {
	all := append(slices.Clone(w.pieces), cut, block.Extent{Offset: next, Length: q.t.size - next})
	r, err := q.follows(q.source(all), mark, nil)
	if err != nil {
		return nil, candidate{}, r
	}
	if r.Whole && !q.blind(all, r.Blind) {
		before := q.read.n
		f := q.j.judge(q.ctx, q.b, q.t, all)
		q.decoded -= q.read.n - before
		if f != nil {
			return f, candidate{}, r
		}
	}
	return nil, candidate{split, next, r.Bad}, r
}

// deeper goes on from the ways that came farthest.
func (q *quest) deeper(w *way, best []candidate, depth int) *Found {
	slices.SortStableFunc(best, func(a, b candidate) int { return int(min(max(b.bad-a.bad, -1), 1)) })
	for _, c := range best[:min(len(best), maxDeeper)] {
		if q.spent() || depth+1 >= q.j.bounds.pieces {
			return nil
		}
		pieces := append(slices.Clone(w.pieces), block.Extent{Offset: w.last, Length: c.split - w.at})
		mark := w.marks.before(c.split)
		var known marks
		for _, m := range w.marks {
			if m.Offset() <= c.split {
				known = append(known, m)
			}
		}
		if f := q.from(pieces, block.Extent{Offset: c.next, Length: q.t.size - c.next}, known, mark, depth+1); f != nil {
			return f
		}
	}
	return nil
}
