package damage

import (
	"errors"
	"io"

	"salvor/block"
)

// order is a way in which bytes were exchanged. It is its own opposite.
type order struct {
	words string
	width int64
	swap  func(p []byte)
}

var orders = []order{
	{"each two bytes are exchanged", 2, func(p []byte) {
		for ; len(p) >= 2; p = p[2:] {
			p[0], p[1] = p[1], p[0]
		}
	}},
	{"each four bytes stand in the opposite order", 4, func(p []byte) {
		for ; len(p) >= 4; p = p[4:] {
			p[0], p[1], p[2], p[3] = p[3], p[2], p[1], p[0]
		}
	}},
	{"the halves of each four bytes are exchanged", 4, func(p []byte) {
		for ; len(p) >= 4; p = p[4:] {
			p[0], p[1], p[2], p[3] = p[2], p[3], p[0], p[1]
		}
	}},
}

// swapped reads a source with its bytes in the other order. Bytes behind the last whole group stay where they are.
type swapped struct {
	src block.Source
	order
}

func (s swapped) Size() int64 { return s.src.Size() }

func (s swapped) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	size := s.src.Size()
	if off >= size {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, io.EOF
	}
	n := min(int64(len(p)), size-off)
	from := off / s.width * s.width
	to := min((off+n+s.width-1)/s.width*s.width, size)
	buf := make([]byte, to-from)
	m, err := s.src.ReadAt(buf, from)
	if int64(m) < to-from {
		// Only whole groups can be turned.
		to = from + int64(m)/s.width*s.width
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
	} else {
		err = nil
	}
	s.swap(buf[:(to-from)/s.width*s.width])
	got := copy(p[:n], buf[min(off-from, max(to-from, 0)):max(to-from, 0)])
	if err != nil {
		return got, err
	}
	if got < len(p) {
		return got, io.EOF
	}
	return got, nil
}
