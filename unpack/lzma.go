package unpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// The header of a file of LZMA alone: properties, dictionary, size of the content.
const (
	lzmaHeader  = 13
	lzmaUnknown = 1<<64 - 1
	lzmaLargest = 1 << 50 // bytes of content that a header can say and be taken for one
)

// lzmaSize reads the size of the content from the header.
func lzmaSize(head []byte) int64 {
	if len(head) < lzmaHeader {
		return 0
	}
	if n := binary.LittleEndian.Uint64(head[5:]); n <= lzmaLargest {
		return int64(n)
	}
	return 0
}

// LooksLikeLZMA reports whether a file that begins with head can be LZMA alone. That format has no magic number: the
// properties must be some that can be, the dictionary a size that encoders choose, the content not larger than a
// pebibyte, and the first byte of the range coder 0.
func LooksLikeLZMA(head []byte) bool {
	if len(head) <= lzmaHeader || head[0] >= 9*5*5 || head[lzmaHeader] != 0 {
		return false
	}
	size := binary.LittleEndian.Uint64(head[5:])
	if size != lzmaUnknown && size > lzmaLargest || size == 0 {
		return false
	}
	dictionary := binary.LittleEndian.Uint32(head[1:])
	if dictionary < 1<<12 {
		return false
	}
	for n := uint32(1 << 12); n != 0; n <<= 1 {
		if dictionary == n || dictionary == n+n/2 {
			return true
		}
	}
	return dictionary == 1<<32-1
}

// openLZMA gives a stream of LZMA alone. The decoder asks for no more memory than the content needs, so that only a
// stream that does not say its size can ask for a window of its own.
func openLZMA(in *input) (io.Reader, error) {
	head, err := in.Peek(lzmaHeader)
	if err != nil {
		return nil, err
	}
	window := int64(binary.LittleEndian.Uint32(head[1:]))
	if n := binary.LittleEndian.Uint64(head[5:]); n != lzmaUnknown && n < uint64(window) {
		window = int64(n)
	}
	if window > MaxWindow {
		return nil, fmt.Errorf("its window has %d bytes, at most %d are supported", window, int64(MaxWindow))
	}
	z, err := lzma.ReaderConfig{DictCap: 1<<31 - 1}.NewReader(in)
	if err != nil {
		return nil, err
	}
	return &lzmaStream{z: z, in: in}, nil
}

// lzmaStream gives also what was decoded when the file ends early: the decoder keeps it until it is asked once more.
type lzmaStream struct {
	z     *lzma.Reader
	in    *input
	ended error
}

func (s *lzmaStream) Read(p []byte) (int, error) {
	n, err := s.z.Read(p)
	if s.ended != nil && (err != nil || n == 0) {
		return n, s.ended
	}
	if err == nil || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return n, err
	}
	if _, more := s.in.Peek(1); !errors.Is(more, io.EOF) {
		return n, err // broken in the middle: what the decoder would give after that means nothing
	}
	s.ended = err
	return n, nil
}
