package jpeg

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
)

// mark is the state of a walk between two MCUs of a scan. It is never changed: going on copies it.
type mark struct {
	w  walker
	d  decoder
	at int64 // the next byte that is read
}

// Offset returns up to where the picture was read.
func (m *mark) Offset() int64 { return m.at }

// copied returns a frame and scan of their own, as deep as decoding changes them.
func copied(f *frame, s *scan) (*frame, *scan) {
	g, t := *f, *s
	g.c = slices.Clone(f.c)
	t.c = make([]*component, len(s.c))
	for i := range f.c {
		g.c[i].nonzero = slices.Clone(f.c[i].nonzero)
		for k, c := range s.c {
			if c == &f.c[i] {
				t.c[k] = &g.c[i]
			}
		}
	}
	return &g, &t
}

// maxMarked is the size of the coefficients of a progressive picture, in blocks, above which it gets fewer marks.
const maxMarked = 1 << 16

// everyMark returns the distance of the marks of a frame.
func everyMark(f *frame) int64 {
	if f.progressive() && f.blocks() > maxMarked {
		return 16 * filetype.MarkEvery
	}
	return filetype.MarkEvery
}

// Scout follows a picture, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	var w *walker
	var d *decoder
	m, resumed := from.(*mark)
	if resumed {
		x, y := m.w, m.d
		w, d = &x, &y
		w.f, w.current = copied(w.f, w.current)
		d.f, d.s = w.f, w.current
		w.s = filetype.NewStream(ctx, src, m.at)
		d.b.s, d.b.p, d.b.i, d.b.err = w.s, nil, 0, nil
		d.ctx, d.paused = ctx, nil
		d.seam = d.seam.resumed()
	} else {
		w = &walker{s: filetype.NewStream(ctx, src, 0)}
		p, err := w.s.Peek(3)
		if len(p) < 3 || p[0] != 0xFF || p[1] != mSOI || p[2] != 0xFF {
			if err != nil && ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{}, filetype.ErrNot
		}
		w.s.Discard(2)
	}
	w.ctx, w.src, w.keep = ctx, src, keep
	if resumed {
		w.watch(d)
	}
	err := w.scout(d)
	if ctx.Err() != nil {
		return filetype.Reach{}, ctx.Err()
	}
	return w.reach(err)
}

// scout goes on with the scan that d is in the middle of, if any, and walks to the end.
func (w *walker) scout(d *decoder) error {
	if d != nil {
		if err := w.finishScan(d); err != nil {
			return err
		}
	}
	for {
		done, err := w.segment()
		if err != nil {
			return err
		}
		if done {
			return w.finish()
		}
	}
}

// reach says how far the walk came that ended with err.
func (w *walker) reach(err error) (filetype.Reach, error) {
	r := filetype.Reach{Bad: w.s.Offset(), Dense: w.scans > 0}
	if w.scans > 0 {
		r.Fits = fits
	}
	if err == nil {
		r.Whole = w.why == ""
		return r, nil
	}
	var cut *cutError
	if errors.As(err, &cut) {
		r.Ended, r.Bad = true, w.src.Size()
		return r, nil
	}
	if c, ok := cursor.IsCorrupt(err); ok {
		r.Bad = max(c.Offset, 0)
	}
	return r, nil
}

// watch has d make marks.
func (w *walker) watch(d *decoder) {
	if w.keep == nil {
		return
	}
	if d.s.ss == 0 && d.s.ah == 0 && d.seam == nil {
		d.seam = &seam{above: make([]int32, d.s.c[0].stride+8)}
	}
	every := everyMark(w.f)
	d.pause = w.s.Offset() + every
	d.paused = func() {
		m := &mark{w: *w, d: *d, at: d.b.s.Offset() + int64(d.b.i)}
		m.w.f, m.w.current = copied(w.f, w.current)
		m.d.f, m.d.s = m.w.f, m.w.current
		m.w.s, m.w.ctx, m.w.src, m.w.keep, m.w.notes = nil, nil, nil, nil, nil
		m.d.ctx, m.d.paused = nil, nil
		m.d.seam = d.seam.copied()
		m.d.b.past = d.b.recent()
		m.d.b.s, m.d.b.p, m.d.b.i = nil, nil, 0
		w.keep(m)
		d.pause = m.at + every
	}
}

// fits reports whether p can be entropy-coded data: after FF comes 00 or a restart marker, until the picture or
// the scan ends.
func fits(p []byte) bool {
	for {
		i := bytes.IndexByte(p, 0xFF)
		if i < 0 || i+1 == len(p) {
			return true
		}
		switch m := p[i+1]; {
		case m == 0 || isRestart(m) || m == 0xFF:
		case m == mEOI || m == mDHT || m == mSOS || m == mDRI || m == mDNL:
			return true
		default:
			return false
		}
		p = p[i+1:]
	}
}
