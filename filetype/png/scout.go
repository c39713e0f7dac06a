package png

import (
	"context"
	"encoding/binary"
	"hash/crc32"

	"salvor/block"
	"salvor/filetype"
)

// mark is a place in a chunk.
type mark struct {
	at, left int64 // left of the chunk's data
	sum      uint32
	c        chunk
}

// Offset returns up to where the picture was read.
func (m *mark) Offset() int64 { return m.at }

// iend is the last chunk, which is always the same.
var iend = []byte("\x00\x00\x00\x00IEND\xAEB`\x82")

// Scout follows the chunks of a picture by their sums, see [filetype.Scout]. It does not inflate.
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	w := &scout{s: filetype.NewStream(ctx, src, 0), keep: keep}
	if m, ok := from.(*mark); ok {
		w.s = filetype.NewStream(ctx, src, m.at)
		w.mark, w.inside, w.r.Good = *m, true, m.c.off
	} else {
		p, _ := w.s.Peek(len(signature))
		if string(p) != signature {
			if ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{}, filetype.ErrNot
		}
		w.s.Discard(len(signature))
		w.r.Good = int64(len(signature))
	}
	for w.chunk() {
	}
	return w.r, ctx.Err()
}

type scout struct {
	s      *filetype.Stream
	keep   func(filetype.Mark)
	mark   mark
	inside bool // of the chunk of mark
	r      filetype.Reach
}

// cut says that the source ended, or failed, within n bytes.
func (w *scout) cut(n int) bool {
	w.r.Ended, w.r.Bad = true, w.s.Offset()+int64(n)
	return false
}

// chunk reads a chunk, or the rest of one, and reports whether another follows.
func (w *scout) chunk() bool {
	m := &w.mark
	if !w.inside {
		p, err := w.s.Peek(8)
		if err != nil {
			return w.cut(len(p))
		}
		c, ok := parseHead(w.s.Offset(), p)
		if !ok {
			w.r.Bad = w.s.Offset() + 8
			return false
		}
		*m = mark{left: c.length, c: c, sum: crc32.Update(0, crc32.IEEETable, p[4:8])}
		w.s.Discard(8)
	}
	w.inside = false
	w.r.Dense, w.r.Next = m.c.kind == "IDAT" || m.c.kind == "fdAT", m.c.end()
	w.r.Anchors = nil
	if w.r.Dense {
		w.r.Anchors = []filetype.Anchor{{Offset: m.c.end() + 4, Bytes: []byte(m.c.kind)}, {Offset: m.c.end(), Bytes: iend}}
	}
	for m.left > 0 {
		p, err := w.s.Window()
		if err != nil {
			return w.cut(0)
		}
		p = p[:min(int64(len(p)), m.left, filetype.MarkEvery)]
		m.sum = crc32.Update(m.sum, crc32.IEEETable, p)
		m.left -= int64(len(p))
		w.s.Discard(len(p))
		if w.keep != nil {
			k := *m
			k.at = w.s.Offset()
			w.keep(&k)
		}
	}
	p, err := w.s.Peek(4)
	if err != nil {
		return w.cut(len(p))
	}
	w.s.Discard(4)
	w.r.Bad = w.s.Offset()
	if binary.BigEndian.Uint32(p) != m.sum {
		return false
	}
	w.r.Good, w.r.Next, w.r.Anchors = w.s.Offset(), 0, nil
	w.r.Whole = m.c.kind == "IEND"
	return !w.r.Whole
}
