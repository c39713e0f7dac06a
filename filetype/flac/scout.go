package flac

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// mark is a place between two frames.
type mark struct {
	off, frames, samples int64
	info                 info
}

// Offset returns up to where the sound was read.
func (m *mark) Offset() int64 { return m.off }

// Scout follows the frames of a file by their numbers and checks, see [filetype.Scout]. Only a file that says how many
// samples it has can be called whole.
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	w := &walker{Exam: exam.New(ctx, src, kind.Buffer)}
	var err error
	if m, ok := from.(*mark); ok {
		w.off, w.frames, w.samples, w.info = m.off, m.frames, m.samples, m.info
	} else if err = w.metadata(); errors.Is(err, filetype.ErrNot) || ctx.Err() != nil {
		return filetype.Reach{}, err
	}
	for more, last := err == nil, w.off; more; {
		if keep != nil && w.off-last >= filetype.MarkEvery {
			keep(&mark{w.off, w.frames, w.samples, w.info})
			last = w.off
		}
		more, err = w.next()
	}
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	r := filetype.Reach{Bad: w.off, Dense: true} // tags and pictures have no check
	var gone *exam.Gone
	switch {
	case errors.As(err, &gone):
		r.Ended, r.Bad = true, max(gone.Off, w.off)
	case err == nil && w.complete():
		r.Whole = true
	default:
		// The check is of a whole frame: what is wrong stands anywhere in it.
		r.Bad = w.off + int64(max(w.info.maxFrame, maxHeader))
		r.Next = r.Bad
	}
	return r, nil
}
