package inflate

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
)

// Result is what is known of a stream behind its end.
type Result struct {
	Out int64 // inflated bytes
	// Forced says that no other compressed bytes of the kind that bit errors make give the same content, but for those
	// in Slack. Only computed when asked for.
	Forced bool
	// Slack are bytes, by their offsets in the [filetype.Stream], of which bits could be turned with the same result; valid
	// until the next run. Only when asked for [Named].
	Slack block.Set
}

// Freedom says what is asked about other compressed bytes that give the same content. It costs more than inflating.
type Freedom uint8

const (
	// Ignored: nothing.
	Ignored Freedom = iota
	// Refused: whether there are any. Every copy must be taken from the nearest place.
	Refused
	// Named: which bytes single bits of which may be turned.
	Named
)

const (
	windowSize = 32 << 10
	flushSize  = 96 << 10
	maxMatch   = 258
	hashSize   = 1 << 15
	// maxWalk is how many places are compared before a copy counts as not taken from the nearest one; zlib
	// looks at 4096 at most. walkBudget is how many are compared for each inflated byte on the average, so
	// that a hostile stream does not cost more than a few times what a real one does.
	maxWalk    = 4096
	walkBudget = 64
)

var (
	lengthBase  = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = [30]uint16{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = [30]uint8{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
	orderOfLens = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// Inflater inflates streams, one after another, with the same memory.
type Inflater struct {
	ctx       context.Context
	r         reader
	lit, dist table
	buf       [flushSize + maxMatch]byte
	at        int   // next place in buf
	mark      int   // what stands in buf before is given out
	base      int64 // of buf[0] in the content; at-base never more than windowSize before mark
	out       func([]byte) error
	forced    bool
	near      bool        // copies from farther than they must be count as freedom
	last      bool        // the current block is the last one
	stage     stage       // what the next byte of the stream is part of
	sound     int64       // offset of the last block whose head no other bytes have by chance
	rest      uint32      // bytes of a stored block that are still to come
	keep      func(*Mark) // given marks; nil for none
	pause     int64       // offset of the next mark
	alphabets *alphabets  // those of the current block, as marks have them; nil before its first mark
	window    []stretch   // what stands before the last mark, as marks have it
	entered   int64       // up to where in the content that is
	look      bool        // the content is held against what came before: text goes on as text
	seen      int         // place in buf up to which they were

	named   bool // slack is looked for
	slack   block.Set
	lengths block.Extent // where the lengths of the block's distance codes stand
	used    bool         // the block uses a distance

	head *[hashSize]int64 // last place of each hash, plus one; nil unless asked for
	prev *[windowSize]int64
	next int64 // first place that is not in the chains
	walk int64 // places compared so far
}

// Run inflates the stream at which s stands and leaves s behind it. out is given all content, in pieces that
// it must not keep. ask says whether [Result.Forced] and [Result.Slack] are wanted. Errors: a
// *cursor.CorruptError whose offset is that of s; those of the source, with s at the byte that it could not
// give; those of out.
func (f *Inflater) Run(ctx context.Context, s *filetype.Stream, ask Freedom, out func([]byte) error) (Result, error) {
	f.ctx, f.r, f.out = ctx, reader{s: s}, out
	f.at, f.mark, f.base, f.next, f.walk, f.sound = 0, 0, 0, 0, 0, s.Offset()
	f.forced, f.last, f.stage, f.keep, f.look = ask != Ignored, false, between, nil, false
	f.near, f.named, f.slack = ask == Refused, ask == Named, block.Set{}
	if f.near {
		if f.head == nil {
			f.head, f.prev = new([hashSize]int64), new([windowSize]int64)
		} else {
			clear(f.head[:])
		}
	}
	return f.blocks()
}

// Sound returns the offset up to which a stream that broke in the last run is its own: where the last block begins that has a head
// which other bytes do not have by chance. Inside of that block, other bytes unpack to something for a while.
func (f *Inflater) Sound() int64 { return f.sound }

// blocks inflates from where the stream stands to its end.
func (f *Inflater) blocks() (Result, error) {
	for f.stage != between || !f.last {
		if err := f.block(); err != nil {
			f.r.s.Discard(f.r.i)
			return Result{}, err
		}
	}
	if f.r.close() != 0 {
		f.forced = false
	}
	if err := f.flush(); err != nil {
		return Result{}, err
	}
	return Result{Out: f.base + int64(f.at), Forced: f.forced, Slack: f.slack}, nil
}

func (f *Inflater) corrupt(expected, found any) error {
	return cursor.Corrupt("deflate stream", f.r.offset(), expected, found)
}

// give gives out what is new.
func (f *Inflater) give() error {
	if err := f.ctx.Err(); err != nil {
		return err
	}
	if f.at > f.mark {
		if err := f.out(f.buf[f.mark:f.at]); err != nil {
			return err
		}
	}
	f.mark = f.at
	return nil
}

// flush gives out what is new and makes room.
func (f *Inflater) flush() error {
	if err := f.give(); err != nil {
		return err
	}
	if f.at > windowSize {
		d := f.at - windowSize
		f.seen -= d
		copy(f.buf[:], f.buf[d:f.at])
		f.base += int64(d)
		f.at = windowSize
	}
	f.mark = f.at
	return nil
}

// block reads one block, or the rest of it.
func (f *Inflater) block() (err error) {
	r := &f.r
	switch f.stage {
	case inStored:
		return f.stored()
	case inCodes:
		return f.codes()
	}
	if !r.have(3) {
		return r.why()
	}
	start := r.reached() - int64(r.n/8)
	f.last, f.alphabets = r.take(1) == 1, nil
	switch kind := r.take(2); kind {
	case 0:
		if err = f.storedHead(); err == nil {
			f.sound = start
			err = f.stored()
		}
	case 1:
		var l [288]byte
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
		f.lit.build(l[:])
		for i := range 32 { // 30 and 31 complete the code and must not occur
			l[i] = 5
		}
		f.dist.build(l[:32])
		f.lengths, f.used = block.Extent{}, false
		err = f.codes()
	case 2:
		if err = f.tables(); err == nil {
			f.sound = start
			err = f.codes()
		}
	default:
		err = f.corrupt("a block of type 0 to 2", kind)
	}
	return err
}

// storedHead reads the length of a block that is not compressed.
func (f *Inflater) storedHead() error {
	r := &f.r
	if r.take(r.n%8) != 0 {
		f.forced = false
	}
	if !r.have(32) {
		return r.why()
	}
	n, inverse := r.take(16), r.take(16)
	if n != ^inverse&0xFFFF {
		return f.corrupt(fmt.Sprintf("the inverse of %04x", n), fmt.Sprintf("%04x", inverse))
	}
	f.stage, f.rest = inStored, n
	return nil
}

// stored copies what is left of a block that is not compressed.
func (f *Inflater) stored() error {
	r := &f.r
	for f.rest > 0 {
		if f.at >= flushSize {
			if err := f.flush(); err != nil {
				return err
			}
		}
		if r.n >= 8 || r.i == len(r.p) {
			if !r.have(8) {
				return r.why()
			}
			f.buf[f.at] = byte(r.take(8))
			f.at++
			f.rest--
			continue
		}
		if f.keep != nil && r.reached() >= f.pause {
			if err := f.paused(); err != nil {
				return err
			}
		}
		most := len(r.p)
		if f.keep != nil {
			most = min(most, r.i+filetype.MarkEvery)
		}
		k := copy(f.buf[f.at:flushSize], r.p[r.i:min(most, r.i+int(f.rest))])
		r.i += k
		f.at += k
		f.rest -= uint32(k)
	}
	f.stage = between
	return nil
}

// tables reads the code lengths of a block.
func (f *Inflater) tables() error {
	r := &f.r
	if !r.have(14) {
		return r.why()
	}
	nlit, ndist, nlen := int(r.take(5))+257, int(r.take(5))+1, int(r.take(4))+4
	if nlit > 286 || ndist > 30 {
		return f.corrupt("up to 286 and 30 codes", fmt.Sprintf("%d and %d", nlit, ndist))
	}
	var lengths [286 + 30]byte
	distances := int64(-1) // where their lengths begin
	for i := range nlen {
		if !r.have(3) {
			return r.why()
		}
		lengths[orderOfLens[i]] = byte(r.take(3))
	}
	if !f.dist.build(lengths[:19]) || !f.dist.full {
		return f.corrupt("a complete code for lengths", "another")
	}
	lengths = [286 + 30]byte{}
	for i := 0; i < nlit+ndist; {
		r.fill()
		at := r.offset()
		s, l := f.dist.decode(r.acc)
		extra := [3]uint{2, 3, 7}
		need := l
		if s >= 16 {
			need += extra[s-16]
		}
		if need > r.n {
			return r.why()
		}
		r.take(l)
		n, v := 1, byte(s)
		switch s {
		case 16, 17, 18:
			n, v = 3+int(r.take(extra[s-16])), 0
		}
		switch s {
		case 16:
			if i == 0 {
				return f.corrupt("a length before its repetition", "none")
			}
			v = lengths[i-1]
		case 18:
			n += 8
		}
		if i+n > nlit+ndist {
			return f.corrupt(fmt.Sprintf("%d lengths", nlit+ndist), i+n)
		}
		for range n {
			lengths[i] = v
			i++
		}
		if i > nlit && distances < 0 {
			distances = at
		}
	}
	f.lengths, f.used = block.Between(distances, r.offset()+1), false
	if lengths[256] == 0 {
		return f.corrupt("a code for the end of the block", "none")
	}
	if !f.lit.build(lengths[:nlit]) || !f.dist.build(lengths[nlit:nlit+ndist]) {
		return f.corrupt("complete codes", "others")
	}
	// An incomplete code of distances stands where none is used, or one: what else could stand in the bits is refused.
	if f.near && (!f.lit.full || !f.dist.full) {
		f.forced = false
	}
	return nil
}

// codes reads the content of a compressed block.
func (f *Inflater) codes() error {
	r := &f.r
	f.stage = inCodes
	for {
		if f.at >= flushSize {
			if f.forced && f.near {
				f.link(f.base + int64(f.at))
			}
			if err := f.flush(); err != nil {
				return err
			}
		}
		if r.n < 48 {
			if f.keep != nil && r.reached() >= f.pause {
				if err := f.paused(); err != nil {
					return err
				}
			}
			if f.look && f.at-f.seen >= lookAt && !f.goesOn() {
				return f.corrupt("text, as before", "other bytes")
			}
			r.fill()
		}
		s, l := f.lit.decode(r.acc)
		switch {
		case l == 0 || l > r.n:
			if r.n >= maxBits {
				return f.corrupt("a code of the block", "none")
			}
			return r.why()
		case s < 256:
			r.take(l)
			f.buf[f.at] = byte(s)
			f.at++
			continue
		case s == 256:
			r.take(l)
			f.stage = between
			if f.named && !f.used {
				f.free(f.lengths)
			}
			return nil
		case s > 285:
			return f.corrupt("a length up to 285", s)
		}
		e := uint(lengthExtra[s-257])
		if l+e > r.n {
			return r.why()
		}
		r.take(l)
		n := int(lengthBase[s-257]) + int(r.take(e))
		if r.n < 28 {
			r.fill()
		}
		bits, at := r.acc, r.reached()*8-int64(r.n)
		d, l := f.dist.decode(r.acc)
		if l == 0 || l > r.n {
			if r.n >= maxBits {
				return f.corrupt("a code of a distance", "none")
			}
			return r.why()
		}
		if d > 29 {
			return f.corrupt("a distance code up to 29", d)
		}
		e = uint(distExtra[d])
		if l+e > r.n {
			return r.why()
		}
		r.take(l)
		dist := int(distBase[d]) + int(r.take(e))
		if int64(dist) > f.base+int64(f.at) {
			return f.corrupt(fmt.Sprintf("a distance up to %d", f.base+int64(f.at)), dist)
		}
		f.copy(n, dist)
		f.used = true
		if f.forced && f.near && !f.nearest(n, dist) {
			f.forced = false
		}
		if f.named && f.forced {
			f.alternatives(bits, at, l+e, n)
		}
	}
}

// copy repeats n bytes from dist before.
func (f *Inflater) copy(n, dist int) {
	from := f.at - dist
	if dist >= n {
		copy(f.buf[f.at:f.at+n], f.buf[from:from+n])
	} else {
		for i := range n {
			f.buf[f.at+i] = f.buf[from+i]
		}
	}
	f.at += n
}
