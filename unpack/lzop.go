package unpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"io"

	"github.com/anchore/go-lzo"
)

// Flags of the header of an lzop file.
const (
	lzopAdlerContent = 0x1
	lzopAdlerPacked  = 0x2
	lzopExtra        = 0x40
	lzopCRCContent   = 0x100
	lzopCRCPacked    = 0x200
	lzopFilter       = 0x800
	lzopCRCHeader    = 0x1000
	// lzopBlock is the largest block that lzop writes or takes, in bytes.
	lzopBlock = 64 << 20
	// lzopMethods are LZO1X-1, LZO1X-1(15) and LZO1X-999, which are unpacked in the same way.
	lzopMethods = 3
)

var lzopMagic = []byte{0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n'}

var errLzop = errors.New("lzop: checksum does not fit")

// lzopStream gives the content of one file, block by block.
type lzopStream struct {
	in     *input
	flags  uint32
	packed []byte
	block  []byte
	rest   []byte // of block, not given yet
	done   bool
}

// openLzop reads the header. Its own sum must fit, since it says how all that follows is read.
func openLzop(in *input) (io.Reader, error) {
	magic, err := in.Peek(len(lzopMagic))
	if err != nil {
		return nil, err
	}
	if string(magic) != string(lzopMagic) {
		return nil, errors.New("lzop: not the magic number of a file")
	}
	if _, err := in.Discard(len(lzopMagic)); err != nil {
		return nil, err
	}
	h := &lzopHead{in: in, adler: adler32.New(), crc: crc32.NewIEEE()}
	version := h.number(2)
	h.number(2) // of the library
	if version >= 0x940 {
		if needs := h.number(2); needs > 0x1040 && h.err == nil {
			return nil, fmt.Errorf("lzop: it needs version %#x to be unpacked", needs)
		}
	}
	method := h.number(1)
	if version >= 0x940 {
		h.number(1) // level
	}
	flags := h.number(4)
	if flags&lzopFilter != 0 {
		h.number(4)
	}
	h.skip(8) // mode, time
	if version >= 0x940 {
		h.skip(4) // the high half of the time
	}
	h.skip(int(h.number(1))) // name
	if err := h.check(flags); err != nil {
		return nil, err
	}
	if flags&lzopExtra != 0 {
		h.adler.Reset()
		h.crc.Reset()
		n := h.number(4)
		if n > chunk {
			return nil, fmt.Errorf("lzop: an extra field of %d bytes", n)
		}
		h.skip(int(n))
		if err := h.check(flags); err != nil {
			return nil, err
		}
	}
	if method == 0 || method > lzopMethods || flags&lzopFilter != 0 {
		return nil, fmt.Errorf("lzop: method %d with flags %#x is not supported", method, flags)
	}
	return &lzopStream{in: in, flags: flags}, nil
}

// lzopHead reads fields and sums them.
type lzopHead struct {
	in         *input
	adler, crc hash.Hash32
	err        error
}

func (h *lzopHead) bytes(n int) []byte {
	p := make([]byte, n)
	if h.err != nil {
		return p
	}
	if _, h.err = io.ReadFull(h.in, p); h.err == nil {
		h.adler.Write(p)
		h.crc.Write(p)
	}
	return p
}

func (h *lzopHead) skip(n int) { h.bytes(n) }

func (h *lzopHead) number(n int) (out uint32) {
	for _, c := range h.bytes(n) {
		out = out<<8 | uint32(c)
	}
	return out
}

// check reads a sum and holds it against what was read before.
func (h *lzopHead) check(flags uint32) error {
	sum := h.adler.Sum32()
	if flags&lzopCRCHeader != 0 {
		sum = h.crc.Sum32()
	}
	if found := h.number(4); h.err == nil && found != sum {
		return fmt.Errorf("lzop: header: expected checksum %08x, found %08x", found, sum)
	}
	return h.err
}

func (s *lzopStream) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.done {
			return 0, io.EOF
		}
		if err := s.next(); err != nil {
			return 0, unexpected(err)
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// unexpected makes the end of the file inside of a stream an error.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next reads a block: size of the content, 0 at the end; size as it is packed; the sums that the flags say.
func (s *lzopStream) next() error {
	size, err := s.word()
	if err != nil {
		return err
	}
	if size == 0 {
		s.done = true
		return nil
	}
	packed, err := s.word()
	if err != nil {
		return err
	}
	if size > lzopBlock || packed > size || packed == 0 {
		return fmt.Errorf("lzop: a block of %d bytes that is packed into %d", size, packed)
	}
	sums := map[uint32]uint32{}
	for _, flag := range []uint32{lzopAdlerContent, lzopCRCContent, lzopAdlerPacked, lzopCRCPacked} {
		if s.flags&flag == 0 || packed == size && flag&(lzopAdlerPacked|lzopCRCPacked) != 0 {
			continue
		}
		if sums[flag], err = s.word(); err != nil {
			return err
		}
	}
	// The block is read before the room for its content is made: what a header says alone takes no memory.
	if s.packed, err = s.read(s.packed[:0], int(packed)); err != nil {
		return err
	}
	if sum, ok := sums[lzopAdlerPacked]; ok && sum != adler32.Checksum(s.packed) {
		return errLzop
	}
	if sum, ok := sums[lzopCRCPacked]; ok && sum != crc32.ChecksumIEEE(s.packed) {
		return errLzop
	}
	content := s.packed
	if packed < size {
		if cap(s.block) < int(size) {
			s.block = make([]byte, size)
		}
		content = s.block[:size]
		n, err := lzo.Decompress(s.packed, content)
		if err != nil {
			return err
		}
		if n != int(size) {
			return fmt.Errorf("lzop: a block of %d bytes gives %d", size, n)
		}
	}
	if sum, ok := sums[lzopAdlerContent]; ok && sum != adler32.Checksum(content) {
		return errLzop
	}
	if sum, ok := sums[lzopCRCContent]; ok && sum != crc32.ChecksumIEEE(content) {
		return errLzop
	}
	s.rest = content
	return nil
}

func (s *lzopStream) word() (uint32, error) {
	var p [4]byte
	_, err := io.ReadFull(s.in, p[:])
	return binary.BigEndian.Uint32(p[:]), err
}

// read gives n bytes in p, which grows only as far as there are bytes.
func (s *lzopStream) read(p []byte, n int) ([]byte, error) {
	for len(p) < n {
		m := min(n-len(p), chunk)
		at := len(p)
		p = append(p, make([]byte, m)...)
		if _, err := io.ReadFull(s.in, p[at:]); err != nil {
			return p[:at], err
		}
	}
	return p, nil
}
