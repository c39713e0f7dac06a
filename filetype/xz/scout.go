package xz

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// room is how many bytes of chunks are followed to see whether a piece fits: the head of one says little.
const room = 5 << 16

// Scout follows the chunks of a file by their heads, up to its index and footer, see [filetype.Scout]. What is in the
// chunks only Examine unpacks. It makes no marks.
func Scout(ctx context.Context, src block.Source, _ filetype.Mark, _ func(filetype.Mark)) (filetype.Reach, error) {
	e := exam.New(ctx, src, 4<<10)
	p, err := e.Head(headerSize)
	if err != nil {
		return filetype.Reach{}, err
	}
	if len(p) < headerSize || string(p[:6]) != magic {
		return filetype.Reach{}, filetype.ErrNot
	}
	w := &walker{e: e, heads: true}
	r := filetype.Reach{Dense: true}
	off, more := int64(0), true
	for more && err == nil {
		if off, err = w.stream(off); err == nil {
			p, _ := e.Upto(off, len(magic))
			more = len(p) >= len(magic) && string(p[:len(magic)]) == magic
		}
	}
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	var gone *exam.Gone
	var much tooMuch
	switch c, ok := cursor.IsCorrupt(err); {
	case err == nil:
		r.Whole, r.Bad = true, off
	case errors.As(err, &gone):
		r.Ended, r.Bad = true, max(gone.Off, 0)
	case ok:
		r.Bad = max(c.Offset, 0)
		r.Next = r.Bad + room
	case errors.As(err, &much):
		r.Bad = max(off, 0)
	default:
		return r, err
	}
	if w.flags == 0 { // the content has no check
		r.Blind = append(r.Blind, block.Extent{Length: max(r.Bad, off)})
	}
	return r, nil
}
