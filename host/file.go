package host

import (
	"errors"
	"io"
	"os"

	"salvor/block"
)

// fileSource reads a regular file directly. One call is one attempt.
type fileSource struct {
	f    *os.File
	size int64
}

func (s *fileSource) Size() int64 { return s.size }

func (s *fileSource) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, s.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := s.f.ReadAt(p, off)
	if n == len(p) {
		return n, end
	}
	return n, readError(block.Extent{Offset: off + int64(n), Length: int64(len(p) - n)}, err)
}

// clamp cuts p to what a source of size bytes has at off; end is the error of a read that succeeds.
func clamp(p []byte, off, size int64) (cut []byte, end, err error) {
	switch {
	case off < 0:
		return nil, nil, block.ErrNegativeOffset
	case len(p) == 0:
		return nil, nil, nil
	case off >= size:
		return nil, nil, io.EOF
	}
	if left := size - off; int64(len(p)) > left {
		p, end = p[:left], io.EOF
	}
	return p, end, nil
}

// readError says what a failed read means for the bytes of rest, the first of which failed.
func readError(rest block.Extent, err error) error {
	why := block.Bad
	switch {
	case err == nil, errors.Is(err, io.EOF):
		// The file is shorter than it was when it was opened.
		why, err = block.Absent, io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrClosed), isGone(err):
		why = block.Gone
	case isTimeout(err):
		why = block.Timeout
	}
	return block.NewUnreadable(rest, why, err)
}
