package gzip

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"salvor/cursor"
	"salvor/filetype"
)

// The flags of a member.
const (
	flagText    = 1 << 0
	flagSum     = 1 << 1
	flagExtra   = 1 << 2
	flagName    = 1 << 3
	flagComment = 1 << 4
	flagUnknown = 0xE0
)

const (
	fixedSize = 10
	// maxText is the longest name or comment, in bytes with its zero.
	maxText = 64 << 10
)

// magic begins each member.
const magic = "\x1f\x8b\x08"

// header is what a member says before its content.
type header struct {
	time  time.Time // zero when there is none
	name  string
	loose bool // it holds what readers use and no sum of 32 bits covers
}

// cutError is an error of the source inside a member.
type cutError struct {
	expected string
	need     int64 // what the member needs at least behind the place, in bytes
	err      error
}

func (e *cutError) Error() string { return "gzip: " + e.expected + ": " + e.err.Error() }
func (e *cutError) Unwrap() error { return e.err }

// readHeader reads a header that begins where s stands, and leaves s behind it.
func readHeader(s *filetype.Stream) (h header, err error) {
	start := s.Offset()
	sum := uint32(0)
	take := func(n int, expected string, rest int64) ([]byte, error) {
		p, err := s.Peek(n)
		if err != nil {
			n := n - len(p)
			s.Discard(len(p))
			return nil, &cutError{expected, int64(n) + rest, err}
		}
		sum = crc32.Update(sum, crc32.IEEETable, p)
		return p, nil
	}
	p, err := take(fixedSize, "a header", 10)
	if err != nil {
		return h, err
	}
	flags := p[3]
	if flags&flagUnknown != 0 {
		return h, cursor.Corrupt("gzip header", start+3, "no flags but the five known", fmt.Sprintf("%#02x", flags))
	}
	if t := binary.LittleEndian.Uint32(p[4:]); t != 0 {
		h.time = time.Unix(int64(t), 0).UTC()
	}
	h.loose = flags&^flagSum != 0 || !h.time.IsZero()
	s.Discard(fixedSize)
	if flags&flagExtra != 0 {
		if p, err = take(2, "the length of the extra field", 10); err != nil {
			return h, err
		}
		n := int(binary.LittleEndian.Uint16(p))
		s.Discard(2)
		if _, err = take(n, "the extra field", 10); err != nil {
			return h, err
		}
		s.Discard(n)
	}
	text := func(expected string) (string, error) {
		n := 256
		for {
			p, err := s.Peek(n)
			if i := bytes.IndexByte(p, 0); i >= 0 {
				t := string(p[:min(i, 1024)])
				sum = crc32.Update(sum, crc32.IEEETable, p[:i+1])
				s.Discard(i + 1)
				return t, nil
			}
			if err != nil {
				s.Discard(len(p))
				return "", &cutError{expected, 11, err}
			}
			if n *= 4; n > maxText {
				return "", cursor.Corrupt("gzip header", s.Offset(), "the end of "+expected, fmt.Sprintf("none in %d bytes", n/4))
			}
		}
	}
	if flags&flagName != 0 {
		if h.name, err = text("the name"); err != nil {
			return h, err
		}
	}
	if flags&flagComment != 0 {
		if _, err = text("the comment"); err != nil {
			return h, err
		}
	}
	if flags&flagSum != 0 {
		computed := uint16(sum)
		if p, err = take(2, "the sum of the header", 10); err != nil {
			return h, err
		}
		if stored := binary.LittleEndian.Uint16(p); stored != computed {
			return h, cursor.Corrupt("gzip header", start, fmt.Sprintf("CRC-16 %04x", stored), fmt.Sprintf("%04x", computed))
		}
		s.Discard(2)
	}
	return h, nil
}
