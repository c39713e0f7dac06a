package ogg

import (
	"context"
	"errors"
	"maps"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// mark is a place between two pages.
type mark struct {
	off, pages int64
	streams    map[uint32]stream
}

// Offset returns up to where the pages were read.
func (m *mark) Offset() int64 { return m.off }

// Scout follows the pages of a file by their sums and numbers, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	w := &walker{Exam: exam.New(ctx, src, kind.Buffer), streams: map[uint32]*stream{}}
	if m, ok := from.(*mark); ok {
		w.off, w.pages = m.off, m.pages
		for n, s := range m.streams {
			w.streams[n] = &s
			if !s.ended {
				w.playing++
			}
		}
	} else if p, err := w.Head(6); err != nil || len(p) < 6 || string(p[:6]) != "OggS\x00\x02" {
		if err != nil {
			return filetype.Reach{}, err
		}
		return filetype.Reach{}, filetype.ErrNot
	}
	var err error
	for more, last := true, w.off; more && err == nil; {
		if keep != nil && w.off-last >= filetype.MarkEvery {
			m := &mark{off: w.off, pages: w.pages, streams: make(map[uint32]stream, len(w.streams))}
			for n, s := range maps.All(w.streams) {
				m.streams[n] = *s
			}
			keep(m)
			last = w.off
		}
		more, err = w.page()
	}
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	r := filetype.Reach{Good: w.off, Bad: w.off + pageHeader, Dense: true}
	var gone *exam.Gone
	switch {
	case errors.As(err, &gone):
		r.Ended, r.Bad = true, max(gone.Off, 0)
	case err == nil && w.playing == 0:
		r.Whole, r.Bad = true, w.off
	case err != nil:
		if _, ok := cursor.IsCorrupt(err); !ok {
			return r, err
		}
		// The sum is of the whole page: what is wrong stands anywhere in it.
		if p, _ := w.Upto(w.off, pageHeader+255); len(p) > 0 {
			if g, ok := parsePage(p); ok {
				r.Bad = w.off + g.size
				r.Next = r.Bad
			}
		}
	}
	return r, nil
}
