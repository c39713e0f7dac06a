package gif

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// mark is a place between two blocks.
type mark struct {
	off, frames int64
	padded      bool
}

// Offset returns up to where the file was read.
func (m *mark) Offset() int64 { return m.off }

// Scout follows the blocks of a file and decodes the codes of its frames, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	w := &walker{Exam: exam.New(ctx, src, kind.Buffer)}
	var err error
	if m, ok := from.(*mark); ok {
		w.off, w.frames, w.padded = m.off, m.frames, m.padded
	} else if err = w.screen(); errors.Is(err, filetype.ErrNot) || ctx.Err() != nil {
		return filetype.Reach{}, err
	}
	for more, last := err == nil, w.off; more && w.broken == nil; {
		if keep != nil && w.off-last >= filetype.MarkEvery {
			keep(&mark{w.off, w.frames, w.padded})
			last = w.off
		}
		more, err = w.block()
	}
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	if w.broken != nil {
		err = w.broken
	}
	r := filetype.Reach{Bad: w.off, Dense: true}
	var gone *exam.Gone
	switch c, ok := cursor.IsCorrupt(err); {
	case err == nil:
		r.Whole = w.frames > 0
	case errors.As(err, &gone):
		r.Ended, r.Bad = true, max(gone.Off, 0)
	case ok:
		r.Bad = max(c.Offset, 0) + 1
	default:
		return r, err
	}
	return r, nil
}
