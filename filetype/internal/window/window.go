package window

import (
	"context"
	"errors"
	"io"

	"salvor/block"
)

// ErrEnd says that the source ends before the bytes that were asked for.
var ErrEnd = errors.New("the source ends")

// firstBuffer is how large the buffer is at first, in bytes: most of what is looked at only once is no file.
const firstBuffer = 8 << 10

// Window gives the bytes of a source through one buffer. It is for one goroutine.
type Window struct {
	ctx   context.Context
	src   block.Source
	size  int64
	limit int // of buf
	buf   []byte
	start int64 // of buf in the source
	have  int   // valid bytes of buf
}

// New returns a Window whose buffer grows up to the given size, which is the longest piece that it can give.
func New(ctx context.Context, src block.Source, buffer int) *Window {
	return &Window{ctx: ctx, src: src, size: src.Size(), limit: buffer}
}

// grow makes room for n bytes, and for more with each read.
func (w *Window) grow(n int) {
	size := min(w.limit, max(firstBuffer, 4*len(w.buf), n))
	if int64(size) > w.size && n <= int(w.size) {
		size = int(w.size)
	}
	if len(w.buf) < size {
		w.buf = make([]byte, size)
	}
}

// Size returns the size of the source.
func (w *Window) Size() int64 { return w.size }

// Source returns the source below.
func (w *Window) Source() block.Source { return w.src }

// Context returns the context of the reads.
func (w *Window) Context() context.Context { return w.ctx }

// Bytes returns n bytes at off; they are valid until the next call. It fails with [ErrEnd], an
// [*block.UnreadableError] or the context's error. n above the size of the buffer is ErrEnd too, since no
// structure that is asked for in one piece can be that long.
func (w *Window) Bytes(off int64, n int) ([]byte, error) {
	p, err := w.Upto(off, n)
	if len(p) >= n {
		return p[:n], nil
	}
	if err == nil {
		err = ErrEnd
	}
	return nil, err
}

// Upto returns at least one and, where they are there, n or more bytes at off; they are valid until the
// next call. When fewer than n are there, the error says why, beside the bytes that are.
func (w *Window) Upto(off int64, n int) ([]byte, error) {
	if off < 0 || off >= w.size || n > w.limit {
		return nil, ErrEnd
	}
	if at := off - w.start; at >= 0 && at+int64(n) <= int64(w.have) {
		return w.buf[at:w.have], nil
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	w.grow(n)
	w.start, w.have = off, 0
	if at := off % 4096; at > 0 && int(at)+n <= len(w.buf) && w.size > int64(len(w.buf)) {
		w.start = off - at
	}
	m, err := w.src.ReadAt(w.buf, w.start)
	w.have = m
	at := int(off - w.start)
	if at > 0 && at+n > m { // an aligned start may have met a bad byte before off
		w.start, at = off, 0
		m, err = w.src.ReadAt(w.buf, w.start)
		w.have = m
	}
	if cerr := w.ctx.Err(); cerr != nil {
		w.have = 0
		return nil, cerr
	}
	if m-at >= n {
		return w.buf[at:m], nil
	}
	switch {
	case err == nil, errors.Is(err, io.EOF):
		err = ErrEnd
	default:
		if _, ok := block.IsUnreadable(err); !ok {
			err = block.NewUnreadable(block.Extent{Offset: w.start + int64(m), Length: 1}, block.Bad, err)
		}
	}
	return w.buf[at:m], err
}

// Gap returns the extent inside within that err says is missing: the unreadable range, or what lies behind
// the end of the source.
func (w *Window) Gap(err error, within block.Extent) block.Set {
	if u, ok := block.IsUnreadable(err); ok {
		var s block.Set
		for _, r := range u.Ranges {
			s.Add(r.Extent.Intersect(within))
		}
		return s
	}
	if errors.Is(err, ErrEnd) {
		return block.SetOf(block.Between(max(within.Offset, w.size), within.End()))
	}
	return block.Set{}
}

// Missing reports whether err says that bytes are not there, rather than that the work was stopped.
func Missing(err error) bool {
	if errors.Is(err, ErrEnd) {
		return true
	}
	_, ok := block.IsUnreadable(err)
	return ok
}

// Reader reads a range of a window in order and byte by byte, as package flate wants it so that it takes
// nothing behind its end.
type Reader struct {
	w        *Window
	off, end int64
	p        []byte
	err      error
}

// Reader returns a reader over the extent e. The window must not be used otherwise meanwhile.
func (w *Window) Reader(e block.Extent) *Reader { return &Reader{w: w, off: e.Offset, end: e.End()} }

// Offset returns the place of the next byte in the source.
func (r *Reader) Offset() int64 { return r.off }

// Err returns why the source failed, if it did; the end of the extent is no failure.
func (r *Reader) Err() error { return r.err }

func (r *Reader) fill() error {
	if r.off >= r.end {
		return io.EOF
	}
	if r.err != nil {
		return r.err
	}
	p, err := r.w.Upto(r.off, 1)
	if len(p) == 0 {
		if err == nil {
			err = ErrEnd
		}
		r.err = err
		return err
	}
	if left := r.end - r.off; int64(len(p)) > left {
		p = p[:left]
	}
	r.p = p
	return nil
}

// Read reads from the extent.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(r.p) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.p)
	r.p = r.p[n:]
	r.off += int64(n)
	return n, nil
}

// ReadByte reads one byte from the extent.
func (r *Reader) ReadByte() (byte, error) {
	if len(r.p) == 0 {
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	b := r.p[0]
	r.p = r.p[1:]
	r.off++
	return b, nil
}
