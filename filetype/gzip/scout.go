package gzip

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/inflate"
)

// mark is a place in the first member.
type mark struct {
	*inflate.Mark
	sum   uint32
	count int64
}

// Scout follows the first member of a file, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	var (
		f     = inflate.Get()
		s     *filetype.Stream
		m     mark
		start *inflate.Mark
	)
	defer inflate.Put(f)
	if k, ok := from.(*mark); ok {
		m, start = *k, k.Mark
		s = filetype.NewStream(ctx, src, m.Offset())
	} else {
		s = filetype.NewStream(ctx, src, 0)
		p, _ := s.Peek(4)
		if len(p) < 4 || string(p[:3]) != magic || p[3]&flagUnknown != 0 {
			if ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{}, filetype.ErrNot
		}
		if _, err := readHeader(s); err != nil {
			return reach(src, s.Offset(), err), ctx.Err()
		}
	}
	var note func(*inflate.Mark)
	if keep != nil {
		note = func(k *inflate.Mark) { keep(&mark{k, m.sum, m.count}) }
	}
	_, err := f.Follow(ctx, s, start, note, func(p []byte) error {
		m.sum = crc32.Update(m.sum, crc32.IEEETable, p)
		if m.count += int64(len(p)); m.count > maxContent {
			return errTooMuch
		}
		return nil
	})
	if err != nil {
		return reach(src, s.Offset(), err), ctx.Err()
	}
	p, err := s.Peek(8)
	if err != nil {
		return reach(src, s.Offset()+int64(len(p)), err), ctx.Err()
	}
	r := filetype.Reach{Bad: s.Offset() + 8, Dense: true}
	r.Whole = binary.LittleEndian.Uint32(p) == m.sum && binary.LittleEndian.Uint32(p[4:]) == uint32(m.count)
	return r, ctx.Err()
}

// reach says how far a scout came that ended at off with err.
func reach(src block.Source, off int64, err error) filetype.Reach {
	r := filetype.Reach{Bad: off, Dense: true}
	if c, ok := cursor.IsCorrupt(err); ok {
		r.Bad = c.Offset
	} else if !errors.Is(err, errTooMuch) {
		r.Ended, r.Bad = true, src.Size()
	}
	return r
}
