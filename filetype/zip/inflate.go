package zip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/filetype/internal/window"
)

const (
	historySize = 32 << 10
	outputSize  = historySize + 96<<10
	// maxSlack is how many places of compressed data that could be written otherwise are named.
	maxSlack = 1 << 16
)

// corruptData is compressed data that breaks the rules of its method.
type corruptData struct {
	off  int64
	what string
}

func (e *corruptData) Error() string { return e.what }

// errTooLong ends a sink whose member has more content than it may have.
var errTooLong = errors.New("more content than declared")

// inflater decodes a deflate stream. Unlike the standard library's it knows at which bit the stream ends and
// which of its bytes could differ with the same result, which is what a proof needs.
type inflater struct {
	w    *window.Window
	in   []byte // loaded by w, not yet in bits
	next int64  // offset in the source of in[0]
	end  int64  // no input is taken from here on
	bits uint64
	nb   uint
	fail error // why input ended

	out   []byte // history and what is not yet flushed
	base  int    // flushed up to here
	total int64  // bytes decoded
	sink  func([]byte) error

	lit, dist, codes huffman
	lengths          [320]uint8

	// slack are input bytes that a change could leave without effect on the result.
	slack block.Set
	// loose is set when bits that only fill up a byte are not zero, or slack grew too long.
	loose bool
}

func newInflater() *inflater { return &inflater{out: make([]byte, 0, outputSize)} }

// run decodes the stream that starts at off and ends, at the latest, at end; sink gets the content. It
// returns the offset behind the last byte of the stream. Errors: *corruptData, one of sink or of the window.
func (z *inflater) run(w *window.Window, off, end int64, sink func([]byte) error) (int64, error) {
	z.w, z.in, z.next, z.end, z.bits, z.nb, z.fail = w, nil, off, end, 0, 0, nil
	z.out, z.base, z.total, z.sink = z.out[:0], 0, 0, sink
	z.slack, z.loose = block.Set{}, false
	for {
		last, err := z.block()
		if err == nil && last {
			err = z.flush()
		}
		if err != nil {
			return z.offset(), err
		}
		if !last {
			continue
		}
		if z.bits&(1<<(z.nb%8)-1) != 0 {
			z.loose = true
		}
		return z.next - int64(z.nb/8), nil
	}
}

// offset returns the place of the byte that holds the next bit.
func (z *inflater) offset() int64 { return z.next - int64(z.nb+7)/8 }

// load brings at least 48 bits into z.bits, or all that there are.
func (z *inflater) load() {
	for z.nb < 48 {
		if len(z.in) >= 8 {
			z.bits |= binary.LittleEndian.Uint64(z.in) << z.nb
			n := (63 - z.nb) >> 3
			z.in = z.in[n:]
			z.next += int64(n)
			z.nb += n * 8
			return
		}
		if len(z.in) == 0 && !z.more() {
			return
		}
		// Bits above nb may hold a part of this byte already; it is the same byte.
		z.bits |= uint64(z.in[0]) << z.nb
		z.in = z.in[1:]
		z.next++
		z.nb += 8
	}
}

func (z *inflater) more() bool {
	if z.fail != nil {
		return false
	}
	if z.next >= z.end {
		z.fail = &corruptData{z.next, "the stream does not end within the member"}
		return false
	}
	p, err := z.w.Upto(z.next, 1)
	if len(p) == 0 {
		if err == nil {
			err = window.ErrEnd
		}
		z.fail = err
		return false
	}
	z.in = p[:min(int64(len(p)), z.end-z.next)]
	return true
}

func (z *inflater) corrupt(format string, args ...any) error {
	return &corruptData{z.offset(), fmt.Sprintf(format, args...)}
}

// take consumes n bits, at most 16.
func (z *inflater) take(n uint) (uint, error) {
	if z.nb < n {
		z.load()
		if z.nb < n {
			return 0, z.fail
		}
	}
	v := uint(z.bits & (1<<n - 1))
	z.bits >>= n
	z.nb -= n
	return v, nil
}

func (z *inflater) symbol(h *huffman) (uint, error) {
	if z.nb < maxCode {
		z.load()
	}
	s, n := h.decode(z.bits)
	if n == 0 || n > z.nb {
		if z.nb < maxCode && z.fail != nil {
			return 0, z.fail
		}
		return 0, z.corrupt("a code that stands for nothing")
	}
	z.bits >>= n
	z.nb -= n
	return s, nil
}

func (z *inflater) flush() error {
	if err := z.sink(z.out[z.base:]); err != nil {
		return err
	}
	if len(z.out) > historySize {
		z.out = z.out[:copy(z.out, z.out[len(z.out)-historySize:])]
	}
	z.base = len(z.out)
	return nil
}

func (z *inflater) block() (last bool, err error) {
	head, err := z.take(3)
	if err != nil {
		return false, err
	}
	last = head&1 == 1
	switch head >> 1 {
	case 0:
		return last, z.stored()
	case 1:
		z.fixed()
		return last, z.compressed(block.Extent{})
	case 2:
		distances, err := z.dynamic()
		if err != nil {
			return last, err
		}
		return last, z.compressed(distances)
	}
	return last, z.corrupt("a block of type 3")
}

func (z *inflater) stored() error {
	if pad := z.nb % 8; pad > 0 {
		if v, _ := z.take(pad); v != 0 {
			z.loose = true
		}
	}
	n, err := z.take(16)
	if err != nil {
		return err
	}
	at := z.offset()
	c, err := z.take(16)
	if err != nil {
		return err
	}
	if n != ^c&0xFFFF {
		return &corruptData{at, "the length of a stored block and its complement differ"}
	}
	for n > 0 {
		if len(z.out) == outputSize {
			if err := z.flush(); err != nil {
				return err
			}
		}
		if z.nb > 0 {
			v, _ := z.take(8)
			z.out = append(z.out, byte(v))
			n--
			z.total++
			continue
		}
		z.bits = 0 // what load read ahead of nb is read again below
		if len(z.in) == 0 && !z.more() {
			return z.fail
		}
		m := min(int(n), len(z.in), outputSize-len(z.out))
		z.out = append(z.out, z.in[:m]...)
		z.in = z.in[m:]
		z.next += int64(m)
		z.total += int64(m)
		n -= uint(m)
	}
	return nil
}

func (z *inflater) fixed() {
	l := z.lengths[:288]
	for i := range l {
		switch {
		case i < 144:
			l[i] = 8
		case i < 256:
			l[i] = 9
		case i < 280:
			l[i] = 7
		default:
			l[i] = 8
		}
	}
	z.lit.build(l, true)
	for i := range 32 {
		l[i] = 5
	}
	z.dist.build(l[:32], true)
}

var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamic reads the codes of a block. It returns the bytes in which the lengths of the distance codes stand.
func (z *inflater) dynamic() (block.Extent, error) {
	v, err := z.take(14)
	if err != nil {
		return block.Extent{}, err
	}
	nlit, ndist, ncode := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if nlit > 286 || ndist > 30 {
		return block.Extent{}, z.corrupt("%d literal and %d distance codes", nlit, ndist)
	}
	l := z.lengths[:19]
	clear(l)
	for i := range ncode {
		v, err := z.take(3)
		if err != nil {
			return block.Extent{}, err
		}
		l[codeOrder[i]] = uint8(v)
	}
	if !z.codes.build(l, false) {
		return block.Extent{}, z.corrupt("the lengths of the code lengths form no code")
	}
	start := int64(-1)
	l = z.lengths[:nlit+ndist]
	for i := 0; i < len(l); {
		at := z.offset()
		s, err := z.symbol(&z.codes)
		if err != nil {
			return block.Extent{}, err
		}
		n, value := 1, uint8(s)
		if s >= 16 {
			extra := [3]uint{2, 3, 7}[s-16]
			v, err := z.take(extra)
			if err != nil {
				return block.Extent{}, err
			}
			n = int(v) + [3]int{3, 3, 11}[s-16]
			value = 0
			if s == 16 {
				if i == 0 {
					return block.Extent{}, z.corrupt("a repeated length with none before")
				}
				value = l[i-1]
			}
		}
		if i+n > len(l) {
			return block.Extent{}, z.corrupt("more code lengths than codes")
		}
		for range n {
			l[i] = value
			i++
		}
		if i > nlit && start < 0 {
			start = at
		}
	}
	if l[256] == 0 {
		return block.Extent{}, z.corrupt("no code for the end of the block")
	}
	if !z.lit.build(l[:nlit], true) || !z.dist.build(l[nlit:], true) {
		return block.Extent{}, z.corrupt("the code lengths form no code")
	}
	return block.Between(start, z.offset()+1), nil
}

var (
	lengthBase, lengthExtra     = lengthCodes()
	distanceBase, distanceExtra = distanceCodes()
)

func lengthCodes() (base [29]uint16, extra [29]uint8) {
	n := 3
	for i := range 28 {
		if i >= 8 {
			extra[i] = uint8(i/4 - 1)
		}
		base[i] = uint16(n)
		n += 1 << extra[i]
	}
	base[28] = 258
	return base, extra
}

func distanceCodes() (base [30]uint16, extra [30]uint8) {
	n := 1
	for i := range 30 {
		if i >= 4 {
			extra[i] = uint8(i/2 - 1)
		}
		base[i] = uint16(n)
		n += 1 << extra[i]
	}
	return base, extra
}

// compressed decodes a block up to its end. distances is where the distance codes were told, so that they
// can be named when no distance is used.
func (z *inflater) compressed(distances block.Extent) error {
	used := false
	for {
		if z.nb < 48 {
			z.load()
		}
		s, n := z.lit.decode(z.bits)
		if n == 0 || n > z.nb {
			if z.fail != nil {
				return z.fail
			}
			return z.corrupt("a code that stands for nothing")
		}
		z.bits >>= n
		z.nb -= n
		if s < 256 {
			z.out = append(z.out, byte(s))
			z.total++
			if len(z.out) == outputSize {
				if err := z.flush(); err != nil {
					return err
				}
			}
			continue
		}
		if s == 256 {
			if !used {
				z.addSlack(distances)
			}
			return nil
		}
		used = true
		if err := z.match(s - 257); err != nil {
			return err
		}
	}
}

// match copies a string that appeared before; code is that of its length.
func (z *inflater) match(code uint) error {
	if code >= 29 {
		return z.corrupt("a length code that is not used")
	}
	v, err := z.take(uint(lengthExtra[code]))
	if err != nil {
		return err
	}
	length := int(lengthBase[code]) + int(v)
	bits, at := z.bits, z.next*8-int64(z.nb)
	s, err := z.symbol(&z.dist)
	if err != nil {
		return err
	}
	if s >= 30 {
		return z.corrupt("a distance code that is not used")
	}
	v, err = z.take(uint(distanceExtra[s]))
	if err != nil {
		return err
	}
	distance := int(distanceBase[s]) + int(v)
	if distance > historySize || int64(distance) > z.total {
		return z.corrupt("a distance of %d behind %d bytes", distance, z.total)
	}
	if len(z.out)+length > outputSize {
		if err := z.flush(); err != nil {
			return err
		}
	}
	start := len(z.out)
	z.out = z.out[:start+length]
	if distance >= length {
		copy(z.out[start:], z.out[start-distance:start-distance+length])
	} else {
		for i := start; i < start+length; i++ {
			z.out[i] = z.out[i-distance]
		}
	}
	z.total += int64(length)
	if !z.loose {
		z.alternatives(bits, at, int(z.next*8-int64(z.nb)-at), start)
	}
	return nil
}

// alternatives looks for single bits of a distance that could be turned with the same result. The distance
// took n bits from bit at of the source, which stand in bits; what it copied starts at z.out[start].
func (z *inflater) alternatives(bits uint64, at int64, n, start int) {
	copied := z.out[start:]
	before := z.total - int64(len(copied))
	for i := range n {
		turned := bits ^ 1<<i
		s, l := z.dist.decode(turned)
		if l == 0 || s >= 30 || int(l)+int(distanceExtra[s]) != n {
			continue
		}
		d := int(distanceBase[s]) + int(turned>>l&(1<<distanceExtra[s]-1))
		if d > historySize || int64(d) > before || z.out[start-d] != copied[0] {
			continue
		}
		if slices.Equal(copied, z.out[start-d:len(z.out)-d]) {
			z.addSlack(block.Extent{Offset: (at + int64(i)) / 8, Length: 1})
		}
	}
}

func (z *inflater) addSlack(e block.Extent) {
	if z.loose {
		return
	}
	z.slack.Add(e)
	if z.slack.Count() > maxSlack {
		z.loose = true
	}
}
