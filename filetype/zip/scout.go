package zip

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/inflate"
)

// entry is the member that a scout is in.
type entry struct {
	start, data int64 // of the header and of the content
	csize       int64 // -1 when it is told behind the content only
	method      uint16
	locked      bool
	crc, sum    uint32
	count       int64 // of inflated bytes
	left        int64 // of content that is not inflated
}

// mark is a place in a member.
type mark struct {
	at       int64
	e        entry
	inflated *inflate.Mark // nil in content that is not inflated
	good     int64
	blind    []block.Extent
}

// Offset returns up to where the archive was read.
func (m *mark) Offset() int64 { return m.at }

// scout follows the members of an archive by their sums.
type scout struct {
	ctx  context.Context
	src  block.Source
	s    *filetype.Stream
	f    *inflate.Inflater
	keep func(filetype.Mark)
	e    entry
	r    filetype.Reach
}

// Scout follows an archive, see [filetype.Scout].
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	x := &scout{ctx: ctx, src: src, keep: keep, f: inflate.Get()}
	defer inflate.Put(x.f)
	going := true
	if m, ok := from.(*mark); ok {
		x.s, x.e, x.r.Good, x.r.Blind = filetype.NewStream(ctx, src, m.at), m.e, m.good, slices.Clip(m.blind)
		going = x.content(m.inflated)
	} else {
		x.s = filetype.NewStream(ctx, src, 0)
		p, _ := x.s.Peek(localSize)
		if !startsArchive(p) || uint32At(p, 0) != sigLocal {
			if ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{}, filetype.ErrNot
		}
	}
	for going {
		going = x.next()
	}
	return x.r, ctx.Err()
}

// cut says that the source ended, or failed.
func (x *scout) cut() bool {
	x.r.Ended, x.r.Bad = true, x.src.Size()
	return false
}

// bad says that something else stands at off.
func (x *scout) bad(off int64) bool {
	x.r.Bad = off
	return false
}

// next reads a header and what belongs to it.
func (x *scout) next() bool {
	off := x.s.Offset()
	p, err := x.s.Peek(4)
	if err != nil {
		return x.cut()
	}
	x.r.Dense = false
	switch uint32At(p, 0) {
	case sigLocal:
		return x.local(off)
	case sigCentral:
		if p, err = x.s.Peek(centralSize); err != nil {
			return x.cut()
		}
		n := centralSize + int(binary.LittleEndian.Uint16(p[28:])) + int(binary.LittleEndian.Uint16(p[30:])) + int(binary.LittleEndian.Uint16(p[32:]))
		if int64(uint32At(p, 42)) > off || uint32At(p, 24) == 0xFFFFFFFF && uint32At(p, 42) != 0xFFFFFFFF && n == centralSize {
			return x.bad(off + centralSize)
		}
		return x.over(n)
	case sigEnd64:
		return x.over(56)
	case sigLocator:
		return x.over(20)
	case sigEnd:
		if p, err = x.s.Peek(endSize); err != nil {
			return x.cut()
		}
		x.r.Whole = int64(uint32At(p, 16)) <= off
		return x.bad(off + endSize + int64(binary.LittleEndian.Uint16(p[20:])))
	}
	return x.bad(off + 4)
}

// over steps over a structure of n bytes.
func (x *scout) over(n int) bool {
	if _, err := x.s.Peek(n); err != nil {
		return x.cut()
	}
	x.s.Discard(n)
	return true
}

// local reads the header of a member and its content.
func (x *scout) local(off int64) bool {
	p, err := x.s.Peek(localSize)
	if err != nil {
		return x.cut()
	}
	_, length, _ := parseLocal(off, p)
	if p, err = x.s.Peek(length); err != nil {
		return x.cut()
	}
	h, _, err := parseLocal(off, p)
	if err != nil || h.implausible() >= 2 {
		return x.bad(off + int64(length))
	}
	x.s.Discard(length)
	x.e = entry{start: off, data: off + int64(length), csize: h.csize, method: h.method, crc: h.crc, locked: h.flags&1 != 0, left: h.csize}
	if h.flags&8 != 0 && h.csize == 0 {
		x.e.csize = -1
	}
	return x.content(nil)
}

// content reads the content of the member, from a mark in it, and what stands behind.
func (x *scout) content(from *inflate.Mark) bool {
	e := &x.e
	x.r.Dense, x.r.Anchors, x.r.Next = e.method != methodStore, nil, 0
	end := e.data + e.csize
	if e.csize >= 0 {
		x.r.Anchors = []filetype.Anchor{{Offset: end, Bytes: []byte("PK\x03\x04")}, {Offset: end, Bytes: []byte("PK\x01\x02")}}
		x.r.Next = end
	}
	ok := false
	switch {
	case e.method == methodDeflate && !e.locked:
		ok = x.deflated(from)
		if ok && e.csize >= 0 && x.s.Offset() != end {
			return x.bad(x.s.Offset())
		}
	case e.csize < 0:
		return x.bad(e.data) // its end is not known before it is found
	default:
		if from == nil && (e.method != methodStore || e.locked) {
			x.r.Blind = append(x.r.Blind, block.Extent{Offset: e.data, Length: e.csize})
		}
		ok = x.stored()
	}
	if !ok {
		return false
	}
	if e.csize < 0 {
		p, err := x.s.Peek(descriptorReach)
		if err != nil {
			return x.cut()
		}
		n := matchDescriptor(p, e.sum, x.s.Offset()-e.data, e.count)
		if n == 0 {
			return x.bad(x.s.Offset() + descriptorReach)
		}
		x.s.Discard(int(n))
	} else if (e.method == methodStore || e.method == methodDeflate) && !e.locked && e.sum != e.crc {
		return x.bad(end)
	}
	if e.csize != 0 {
		x.r.Good = x.s.Offset() // an empty member proves nothing of its header
	}
	x.r.Anchors, x.r.Next = nil, 0
	return true
}

func (x *scout) deflated(from *inflate.Mark) bool {
	e := &x.e
	var note func(*inflate.Mark)
	if x.keep != nil {
		note = func(k *inflate.Mark) {
			x.keep(&mark{at: k.Offset(), e: *e, inflated: k, good: x.r.Good, blind: x.r.Blind})
		}
	}
	_, err := x.f.Follow(x.ctx, x.s, from, note, func(p []byte) error {
		e.sum = crc32.Update(e.sum, crc32.IEEETable, p)
		if e.count += int64(len(p)); e.count > expandFree+expandTimes*x.src.Size() {
			return errDisproportion
		}
		return nil
	})
	switch c, ok := cursor.IsCorrupt(err); {
	case err == nil:
		return true
	case ok:
		return x.bad(c.Offset)
	case err == errDisproportion:
		return x.bad(x.s.Offset())
	}
	return x.cut()
}

func (x *scout) stored() bool {
	e := &x.e
	for e.left > 0 {
		p, err := x.s.Window()
		if err != nil {
			return x.cut()
		}
		p = p[:min(int64(len(p)), e.left)]
		if x.keep != nil {
			p = p[:min(len(p), filetype.MarkEvery)]
		}
		e.sum = crc32.Update(e.sum, crc32.IEEETable, p)
		e.left -= int64(len(p))
		x.s.Discard(len(p))
		if x.keep != nil {
			x.keep(&mark{at: x.s.Offset(), e: *e, good: x.r.Good, blind: x.r.Blind})
		}
	}
	return true
}
