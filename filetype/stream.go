package filetype

import (
	"context"
	"errors"
	"io"

	"salvor/block"
)

// chunk is how much a Stream reads at once, in bytes.
const chunk = 256 << 10

// Stream reads a source forward, in large chunks, and knows at which offset it stands. Every chunk asks
// the context. It is an io.ByteReader, so that inflaters never read beyond what they need.
//
// Its errors are those of the source at exactly the byte where they happened: io.EOF at the end, a
// *block.UnreadableError, or a context error.
type Stream struct {
	ctx  context.Context
	src  block.Source
	buf  []byte
	size int   // of the next chunk
	base int64 // offset of buf[0]
	r, n int   // unread bytes are buf[r:n]
	err  error // met behind buf[n-1]
}

// NewStream returns a Stream over src that stands at off. Its first chunks are small, so that what is
// seen to be no such file costs little.
func NewStream(ctx context.Context, src block.Source, off int64) *Stream {
	return &Stream{ctx: ctx, src: src, size: 4 << 10, base: off}
}

// Offset returns the offset of the next byte.
func (s *Stream) Offset() int64 { return s.base + int64(s.r) }

// Err returns the error that ended the stream, nil while there is none.
func (s *Stream) Err() error { return s.err }

// fill makes room and reads on until at least want bytes are unread or an error stands behind them. It
// reports whether they are.
func (s *Stream) fill(want int) bool {
	for s.n-s.r < want && s.err == nil {
		if err := s.ctx.Err(); err != nil {
			s.err = err
			break
		}
		if need := max(s.size, want); len(s.buf) < need {
			grown := make([]byte, need)
			copy(grown, s.buf[s.r:s.n])
			s.buf = grown
		} else {
			copy(s.buf, s.buf[s.r:s.n])
		}
		s.base += int64(s.r)
		s.n -= s.r
		s.r = 0
		n, err := s.src.ReadAt(s.buf[s.n:], s.base+int64(s.n))
		if n == 0 && err == nil {
			err = io.ErrNoProgress
		}
		s.n += n
		s.err = err
		s.size = min(s.size*4, chunk)
	}
	return s.n-s.r >= want
}

// Window returns the bytes that are already read and not yet consumed, reading a chunk when there are
// none. The bytes are valid until the next call of another method but Discard.
func (s *Stream) Window() ([]byte, error) {
	if s.r == s.n && !s.fill(1) {
		return nil, s.err
	}
	return s.buf[s.r:s.n], nil
}

// Discard consumes n bytes of the last Window or Peek.
func (s *Stream) Discard(n int) { s.r += max(0, min(n, s.n-s.r)) }

// Peek returns the next n bytes without consuming them; fewer, with the error, when they are not there. n
// must be bounded by the caller, at most 1 MiB.
func (s *Stream) Peek(n int) ([]byte, error) {
	if !s.fill(n) {
		return s.buf[s.r:s.n], s.err
	}
	return s.buf[s.r : s.r+n], nil
}

// ReadByte consumes one byte.
func (s *Stream) ReadByte() (byte, error) {
	if s.r == s.n && !s.fill(1) {
		return 0, s.err
	}
	b := s.buf[s.r]
	s.r++
	return b, nil
}

// Read consumes up to len(p) bytes.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	w, err := s.Window()
	if err != nil {
		return 0, err
	}
	n := copy(p, w)
	s.r += n
	return n, nil
}

// Skip reads over n bytes, giving each chunk to see when see is not nil: what a judged file holds must be
// readable even where nobody interprets it.
func (s *Stream) Skip(n int64, see func([]byte)) error {
	for n > 0 {
		w, err := s.Window()
		if err != nil {
			return err
		}
		if int64(len(w)) > n {
			w = w[:n]
		}
		if see != nil {
			see(w)
		}
		s.r += len(w)
		n -= int64(len(w))
	}
	return nil
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
