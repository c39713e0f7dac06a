package inflate

import (
	"encoding/binary"
	"io"
	"math/bits"

	"salvor/filetype"
)

// reader takes bits from a stream, the low ones first. Bytes that are only in acc are not consumed from the
// stream before they are used.
type reader struct {
	s   *filetype.Stream
	p   []byte // the stream's window
	i   int    // bytes of p that are in acc or used
	acc uint64
	n   uint
	err error // met behind what acc holds
}

// fill brings in at least 56 bits, unless the stream ends before.
func (r *reader) fill() {
	if r.i+8 <= len(r.p) {
		r.acc |= binary.LittleEndian.Uint64(r.p[r.i:]) << r.n
		k := (63 - r.n) >> 3
		r.i += int(k)
		r.n += 8 * k
		r.acc &= 1<<r.n - 1
		return
	}
	for r.n <= 55 && r.err == nil {
		if r.i == len(r.p) {
			held := int(r.n / 8)
			r.s.Discard(r.i - held)
			r.p, r.i = nil, 0
			if _, r.err = r.s.Peek(held + 1); r.err != nil {
				r.p, _ = r.s.Peek(held)
				r.i = len(r.p)
				return
			}
			if r.p, r.err = r.s.Window(); r.err != nil {
				return
			}
			r.i = held
		}
		r.acc |= uint64(r.p[r.i]) << r.n
		r.i++
		r.n += 8
	}
}

// have makes k bits available, at most 55, and reports whether they are there.
func (r *reader) have(k uint) bool {
	if r.n < k {
		r.fill()
	}
	return r.n >= k
}

// take consumes k bits that are there.
func (r *reader) take(k uint) uint32 {
	v := uint32(r.acc & (1<<k - 1))
	r.acc >>= k
	r.n -= k
	return v
}

// offset returns where the byte stands that holds the next bit.
func (r *reader) offset() int64 { return r.s.Offset() + int64(r.i) - int64((r.n+7)/8) }

// reached returns the offset of the next byte that is neither in acc nor used.
func (r *reader) reached() int64 { return r.s.Offset() + int64(r.i) }

// close gives back whole bytes that were not used and returns the bits of the last one that were not.
func (r *reader) close() uint32 {
	rest := r.take(r.n % 8)
	r.s.Discard(r.i - int(r.n/8))
	*r = reader{s: r.s}
	return rest
}

// why returns the reason why bits are not there.
func (r *reader) why() error {
	if r.err == nil {
		return io.ErrUnexpectedEOF
	}
	return r.err
}

const (
	lookBits = 10
	maxBits  = 15
)

// table decodes the codes of one alphabet.
type table struct {
	look   [1 << lookBits]uint16 // length << 12 ... see entry; 0 where the code is longer or there is none
	limit  [maxBits + 1]uint32   // first code behind those of each length, moved to the top of 15 bits
	offset [maxBits + 1]int32
	symbol [288]uint16
	full   bool // no bits are without meaning
}

// build makes the table for code lengths. ok is false for lengths that no reader accepts: more codes than
// fit, or fewer, except for a single code of one bit or none at all.
func (t *table) build(lengths []byte) (ok bool) {
	var count [maxBits + 1]int32
	for _, l := range lengths {
		count[l]++
	}
	used := int32(len(lengths)) - count[0]
	count[0] = 0
	*t = table{}
	var next [maxBits + 1]int32
	code, at := int32(0), int32(0)
	for l := 1; l <= maxBits; l++ {
		code <<= 1
		t.offset[l] = at - code
		next[l] = at
		code += count[l]
		at += count[l]
		if code > 1<<l {
			return false
		}
		t.limit[l] = uint32(code) << (maxBits - l)
	}
	t.full = code == 1<<maxBits
	if !t.full && used > 0 && !(used == 1 && count[1] == 1) {
		return false
	}
	for s, l := range lengths {
		if l == 0 {
			continue
		}
		i := next[l]
		next[l]++
		t.symbol[i] = uint16(s)
		if l <= lookBits {
			c := bits.Reverse16(uint16(i-t.offset[l])) >> (16 - l)
			for j := uint32(c); j < 1<<lookBits; j += 1 << l {
				t.look[j] = uint16(s)<<4 | uint16(l)
			}
		}
	}
	return true
}

// decode returns the next symbol and the length of its code, which is not consumed; 0 when no code fits.
func (t *table) decode(acc uint64) (symbol uint16, length uint) {
	if e := t.look[acc&(1<<lookBits-1)]; e != 0 {
		return e >> 4, uint(e & 15)
	}
	top := uint32(bits.Reverse16(uint16(acc)) >> 1)
	for l := 1; l <= maxBits; l++ {
		if top < t.limit[l] {
			return t.symbol[int32(top>>(maxBits-l))+t.offset[l]], uint(l)
		}
	}
	return 0, 0
}
