package matroska

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// mark is a place between two elements: of the segment, or of a cluster.
type mark struct {
	off     int64
	segment element
	within  element // off is inside of it; none when its id is 0
	sum     sum
	tracks  map[uint64]*track // never changed behind the first cluster
	good    int64
	blind   []block.Extent
}

// Offset returns up to where the file was read.
func (m *mark) Offset() int64 { return m.off }

// maxBlind is how many elements without a check are kept apart.
const maxBlind = 1 << 12

// scout follows the elements of a file by their heads and checks.
type scout struct {
	*walker
	mark
	keep func(filetype.Mark)
	last int64
}

// Scout follows a file whose segment and clusters tell their sizes, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	x := &scout{walker: &walker{Exam: exam.New(ctx, src, bufferSize), scale: 1e6, tracks: map[uint64]*track{}}, keep: keep}
	var err error
	if m, ok := from.(*mark); ok {
		x.mark = *m
		x.blind = m.blind[:len(m.blind):len(m.blind)]
		x.walker.segment, x.walker.tracks, x.walker.sum = m.segment, m.tracks, m.sum
	} else if err = x.head(); errors.Is(err, filetype.ErrNot) || ctx.Err() != nil {
		return filetype.Reach{}, err
	} else if err == nil {
		x.mark = mark{off: x.walker.segment.body, segment: x.walker.segment, tracks: x.walker.tracks}
	}
	x.last = x.off
	if err == nil && x.mark.segment.open {
		return filetype.Reach{Bad: x.off}, nil
	}
	for err == nil && x.off < x.mark.segment.end {
		if x.keep != nil && x.off-x.last >= filetype.MarkEvery {
			m := x.mark
			m.sum = x.walker.sum
			x.keep(&m)
			x.last = x.off
		}
		err = x.element()
	}
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	r := filetype.Reach{Good: x.good, Bad: x.off, Dense: true, Blind: x.blind}
	if x.within.id != 0 {
		r.Next = x.within.end
	}
	var gone *exam.Gone
	switch c, ok := cursor.IsCorrupt(err); {
	case err == nil:
		r.Whole = true
	case errors.As(err, &gone):
		r.Ended, r.Bad = true, max(gone.Off, 0)
	case ok:
		r.Bad = max(c.Offset, x.off) + maxHead
	default:
		return r, err
	}
	return r, nil
}

// element reads the next element of the segment that is no cluster, the head of a cluster, or one element of a cluster.
func (x *scout) element() error {
	w := x.walker
	if x.within.id != 0 {
		if x.off == x.within.end {
			return x.ended()
		}
		c, err := w.at(x.off, x.within.end)
		if err != nil {
			return err
		}
		if !inCluster[c.id] || c.open {
			return cursor.Corrupt("cluster", x.off, "a block", "another element")
		}
		if err := w.child(c); err != nil {
			return err
		}
		x.off = c.end
		if x.off == x.within.end {
			return x.ended()
		}
		return nil
	}
	e, err := w.at(x.off, x.mark.segment.end)
	if err != nil {
		return err
	}
	if inSegment[e.id] == "" || e.open || e.id == idCluster && len(w.tracks) == 0 {
		return cursor.Corrupt("segment", x.off, "an element of a segment that tells its size", "another")
	}
	if e.id == idCluster {
		body, err := w.check(e)
		if err != nil {
			return err
		}
		x.within, x.off = e, body
		return nil
	}
	body, err := w.check(e)
	if err != nil {
		return err
	}
	checked := w.sum.on
	if err := w.read(block.Between(body, e.end), inSegment[e.id]); err != nil {
		return err
	}
	if err := w.checked(e, inSegment[e.id]); err != nil {
		return err
	}
	x.passed(e, checked)
	if e.id == idTracks && e.end-body <= bufferSize {
		p, err := w.Need(body, int(e.end-body), "tracks")
		if err != nil {
			return err
		}
		each(p, func(id uint32, data []byte) {
			if id == idTrack {
				w.track(data)
			}
		})
	}
	x.off = e.end
	return nil
}

// ended compares the check of the cluster that was read.
func (x *scout) ended() error {
	e := x.within
	checked := x.walker.sum.on
	if err := x.walker.checked(e, "cluster"); err != nil {
		return err
	}
	x.passed(e, checked)
	x.within = element{}
	return nil
}

// passed notes an element that was read; checked says that its check was right.
func (x *scout) passed(e element, checked bool) {
	switch {
	case checked:
		x.good = e.end
	case len(x.blind) > 0 && x.blind[len(x.blind)-1].End() == e.off || len(x.blind) >= maxBlind:
		b := x.blind[len(x.blind)-1]
		x.blind[len(x.blind)-1] = block.Between(b.Offset, e.end)
	default:
		x.blind = append(x.blind, block.Between(e.off, e.end))
	}
}
