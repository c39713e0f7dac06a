package mp3

import (
	"context"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/tag"
)

// mark is a place between two frames.
type mark struct {
	at     int64
	frames int64
	first  header
	info   info
}

// Offset returns up to where the sound was read.
func (m *mark) Offset() int64 { return m.at }

// Scout follows the frames of a file as far as they lie where the one before ends, see [filetype.Scout]. Only a file
// that says how many frames it has can be called whole.
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	s := filetype.NewStream(ctx, src, 0)
	var m mark
	if k, ok := from.(*mark); ok {
		m, s = *k, filetype.NewStream(ctx, src, k.at)
	} else if ok, err := begin(ctx, s); !ok {
		return filetype.Reach{}, err
	}
	r := filetype.Reach{Dense: true}
	for last := m.at; ; m.frames++ {
		m.at = s.Offset()
		if keep != nil && m.frames > 0 && m.at-last >= filetype.MarkEvery {
			k := m
			keep(&k)
			last = m.at
		}
		p, err := s.Peek(headerSize)
		if err != nil {
			r.Ended, r.Bad = true, src.Size()
			return r, ctx.Err()
		}
		h, ok := parseHeader(p)
		if m.frames == 0 {
			m.first = h
		}
		if !ok || m.frames > 0 && !h.alike(&m.first) {
			r.Bad = m.at + headerSize
			r.Whole = m.info.frames > 0 && m.frames == m.info.frames+1
			return r, ctx.Err()
		}
		if p, err = s.Peek(h.size); err != nil {
			r.Ended, r.Bad = true, src.Size()
			return r, ctx.Err()
		}
		if m.frames == 0 {
			m.info, _ = parseInfo(&h, p)
		} else if !h.sumFits(p) {
			r.Bad = m.at + int64(h.size)
			return r, ctx.Err()
		}
		s.Discard(h.size)
		if m.info.frames > 0 && m.frames == m.info.frames {
			r.Whole, r.Bad = true, s.Offset()
			return r, ctx.Err()
		}
	}
}

// begin steps over the tag before the frames, and reports whether there may be any.
func begin(ctx context.Context, s *filetype.Stream) (bool, error) {
	p, _ := s.Peek(10)
	if n := tag.ID3Size(p); n > 0 {
		if err := s.Skip(n, nil); err != nil {
			return true, ctx.Err()
		}
		for range maxZeros {
			if p, _ = s.Peek(1); len(p) == 0 || p[0] != 0 {
				break
			}
			s.Discard(1)
		}
		return true, nil
	}
	if len(p) < headerSize || p[0] != 0xFF {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		return false, filetype.ErrNot
	}
	return true, nil
}
