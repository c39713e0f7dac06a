package flac

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// frame is the header of one.
type frame struct {
	size     int // of the header, with its CRC-8
	variable bool
	number   uint64 // of the frame, or of its first sample when variable
	block    int    // samples of each channel
	rate     uint32 // 0: as STREAMINFO says
	channels int
	stereo   int // 0, or 8 to 10: which of two channels is a difference
	depth    int // 0: as STREAMINFO says
}

// maxHeader is the longest header of a frame, in bytes.
const maxHeader = 16

var rates = [12]uint32{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

var depths = [8]int{0, 8, 12, -1, 16, 20, 24, 32}

// crc8 is the table of the check of headers: polynomial 07.
var crc8 = func() (t [256]byte) {
	for i := range t {
		c := byte(i)
		for range 8 {
			if c&0x80 != 0 {
				c = c<<1 ^ 7
			} else {
				c <<= 1
			}
		}
		t[i] = c
	}
	return t
}()

// parseFrame reads the header that p begins with; ok is false when it is none.
func parseFrame(p []byte) (f frame, ok bool) {
	if len(p) < 6 || p[0] != 0xFF || p[1]&0xFE != 0xF8 {
		return f, false
	}
	block, rate, channels, depth := p[2]>>4, p[2]&15, int(p[3]>>4), depths[p[3]>>1&7]
	if block == 0 || rate == 15 || channels > 10 || depth < 0 || p[3]&1 != 0 {
		return f, false
	}
	f = frame{variable: p[1]&1 != 0, depth: depth, channels: channels + 1}
	if channels > 7 {
		f.channels, f.stereo = 2, channels
	}
	at := 4
	n := bits.LeadingZeros8(^p[at]) // bytes of the number, as in UTF-8
	switch {
	case n == 0:
		f.number = uint64(p[at])
		n = 1
	case n == 1 || n > 7 || len(p) < at+n+1:
		return f, false
	default:
		f.number = uint64(p[at]) & (1<<(7-n) - 1)
		for _, b := range p[at+1 : at+n] {
			if b&0xC0 != 0x80 {
				return f, false
			}
			f.number = f.number<<6 | uint64(b&0x3F)
		}
	}
	at += n
	further := func(n int) (v int, ok bool) {
		if len(p) < at+n {
			return 0, false
		}
		for _, b := range p[at : at+n] {
			v = v<<8 | int(b)
		}
		at += n
		return v, true
	}
	ok = true
	switch {
	case block == 1:
		f.block = 192
	case block <= 5:
		f.block = 576 << (block - 2)
	case block == 6:
		f.block, ok = further(1)
		f.block++
	case block == 7:
		f.block, ok = further(2)
		f.block++
	default:
		f.block = 256 << (block - 8)
	}
	if !ok {
		return f, false
	}
	v := 0
	switch rate {
	case 12:
		v, ok = further(1)
		f.rate = uint32(v) * 1000
	case 13:
		v, ok = further(2)
		f.rate = uint32(v)
	case 14:
		v, ok = further(2)
		f.rate = uint32(v) * 10
	default:
		f.rate = rates[rate]
	}
	if !ok || len(p) <= at {
		return f, false
	}
	sum := byte(0)
	for _, b := range p[:at] {
		sum = crc8[sum^b]
	}
	f.size = at + 1
	return f, sum == p[at]
}

var (
	errShort = errors.New("flac: the bytes end within a frame")
	errBits  = errors.New("flac: no frame")
)

// reader reads bits, the highest of each byte first.
type reader struct {
	p  []byte
	at int // in bits
}

// peek returns the next bits, at least 57 of them, followed by zeros where p ends.
func (r *reader) peek() uint64 {
	i := r.at >> 3
	if i+8 <= len(r.p) {
		return binary.BigEndian.Uint64(r.p[i:]) << (r.at & 7)
	}
	v := uint64(0)
	for k := range 8 {
		v <<= 8
		if i+k < len(r.p) {
			v |= uint64(r.p[i+k])
		}
	}
	return v << (r.at & 7)
}

// take reads n bits, 1 to 32.
func (r *reader) take(n int) int {
	v := r.peek() >> (64 - n)
	r.at += n
	return int(v)
}

// zeros reads zeros up to a one and returns their number.
func (r *reader) zeros() int {
	n := 0
	for {
		z := bits.LeadingZeros64(r.peek())
		if z < 57 {
			r.at += z + 1
			return n + z
		}
		n += 56
		r.at += 56
		if r.at > 8*len(r.p) {
			return n
		}
	}
}

func (r *reader) short() bool { return r.at > 8*len(r.p) }

// measure follows the subframes of the frame that p begins with, and returns its size, with its CRC-16. Its errors are
// errShort and errBits.
func (f *frame) measure(p []byte, depth int) (int, error) {
	r := &reader{p: p, at: 8 * f.size}
	for c := range f.channels {
		width := depth
		if f.stereo == 8 && c == 1 || f.stereo == 9 && c == 0 || f.stereo == 10 && c == 1 {
			width++
		}
		if err := f.subframe(r, width); err != nil {
			return 0, err
		}
	}
	size := (r.at+7)/8 + 2
	if size > len(p) {
		return 0, errShort
	}
	if n := r.at & 7; n != 0 && r.take(8-n) != 0 {
		return 0, errBits
	}
	return size, nil
}

func (f *frame) subframe(r *reader, width int) error {
	if r.take(1) != 0 {
		return errOr(r)
	}
	kind := r.take(6)
	if r.take(1) == 1 {
		width -= r.zeros() + 1
	}
	if width <= 0 {
		return errOr(r)
	}
	order := 0
	switch {
	case kind == 0:
		r.at += width
	case kind == 1:
		r.at += width * f.block
	case kind >= 8 && kind <= 12:
		order = kind - 8
		r.at += width * order
		return f.residual(r, order)
	case kind >= 32:
		order = kind - 31
		r.at += width * order
		precision := r.take(4) + 1
		if precision == 16 {
			return errOr(r)
		}
		r.at += 5 + precision*order
		return f.residual(r, order)
	default:
		return errOr(r)
	}
	if r.short() {
		return errShort
	}
	return nil
}

func errOr(r *reader) error {
	if r.short() {
		return errShort
	}
	return errBits
}

// residual follows what a predictor leaves.
func (f *frame) residual(r *reader, order int) error {
	if order > f.block {
		return errBits
	}
	method, parts := r.take(2), r.take(4)
	if method > 1 || f.block>>parts<<parts != f.block && parts > 0 || f.block>>parts < order {
		return errOr(r)
	}
	width, escape := 4+method, 15+16*method
	for i := range 1 << parts {
		n := f.block >> parts
		if i == 0 {
			n -= order
		}
		param := r.take(width)
		if param == escape {
			r.at += r.take(5) * n
		} else {
			for range n {
				r.zeros()
				r.at += param
				if r.short() {
					return errShort
				}
			}
		}
		if r.short() {
			return errShort
		}
	}
	return nil
}
