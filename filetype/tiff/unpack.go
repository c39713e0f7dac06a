package tiff

import (
	"errors"
	"fmt"
	"io"
	"math/bits"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/media"

	"github.com/klauspost/compress/zlib"
)

// The ways of packing that are known.
const (
	packNone     = 1
	packLZW      = 5
	packOldJPEG  = 6
	packJPEG     = 7
	packDeflate  = 8
	packBits     = 32773
	packDeflate2 = 32946
	packLossyDNG = 34892
)

// unpack follows the strip or tile at e, which is to have want bytes when it is unpacked.
func (w *walker) unpack(e block.Extent, packing, want int64) error {
	switch packing {
	case packNone:
		if e.Length < want {
			return cursor.Corrupt("strip", e.Offset, fmt.Sprintf("%d bytes", want), e.Length)
		}
		if w.raw != "" { // makers call packed pixels so too
			return w.Each(e, "strip", nil)
		}
		if w.plain == nil {
			w.plain = media.NewForeign(e.Offset)
		}
		w.plain.MoveTo(e.Offset)
		return w.Each(e, "strip", w.plain.See)
	case packLZW:
		return w.unpackLZW(e, want)
	case packDeflate, packDeflate2:
		return w.inflate(e, want)
	case packBits:
		return w.unpackBits(e, want)
	case packJPEG, packLossyDNG:
		return w.jpeg(e)
	}
	return w.Each(e, "strip", nil)
}

// jpeg looks at the ends of a JPEG picture. Some writers leave a few bytes behind its end marker.
func (w *walker) jpeg(e block.Extent) error {
	if e.Length < 4 {
		return cursor.Corrupt("JPEG strip", e.Offset, "a JPEG picture", fmt.Sprintf("%d bytes", e.Length))
	}
	p, err := w.Need(e.Offset, 2, "JPEG strip")
	if err != nil {
		return err
	}
	if p[0] != 0xFF || p[1] != 0xD8 {
		return cursor.Corrupt("JPEG strip", e.Offset, "FF D8", fmt.Sprintf("% X", p))
	}
	if err := w.Each(e, "JPEG strip", nil); err != nil {
		return err
	}
	tail := min(e.Length, 64)
	if p, err = w.Need(e.End()-tail, int(tail), "JPEG strip"); err != nil {
		return err
	}
	for i := len(p) - 2; i >= 0; i-- {
		if p[i] == 0xFF && p[i+1] == 0xD9 {
			return nil
		}
	}
	return cursor.Corrupt("JPEG strip", e.End()-2, "FF D9", fmt.Sprintf("% X", p[len(p)-2:]))
}

// short is what is wrong with a strip that unpacks to n bytes.
func short(e block.Extent, want, n int64) error {
	return cursor.Corrupt("strip", e.Offset, fmt.Sprintf("%d bytes when unpacked", want), n)
}

// unpackBits follows PackBits: n+1 bytes as they are, or one byte 1-n times.
func (w *walker) unpackBits(e block.Extent, want int64) error {
	n, skip := int64(0), 0
	err := w.Each(e, "strip", func(p []byte) error {
		for len(p) > 0 {
			if skip > 0 {
				k := min(skip, len(p))
				p, skip = p[k:], skip-k
				continue
			}
			switch b := int8(p[0]); {
			case b >= 0:
				n, skip = n+int64(b)+1, int(b)+1
			case b != -128:
				n, skip = n+1-int64(b), 1
			}
			p = p[1:]
		}
		return nil
	})
	if err == nil && (n < want || skip > 0) {
		err = short(e, want, n-int64(skip))
	}
	return err
}

// inflate follows a zlib stream, whose sum is computed.
func (w *walker) inflate(e block.Extent, want int64) error {
	r := w.Reader(e)
	var err error
	if w.zlib == nil {
		w.zlib, err = zlib.NewReader(r)
	} else {
		err = w.zlib.(zlib.Resetter).Reset(r, nil)
	}
	n := int64(0)
	for err == nil && n <= want {
		var k int
		k, err = w.zlib.Read(w.scratch[:])
		n += int64(k)
		if cerr := w.Context().Err(); cerr != nil {
			return cerr
		}
	}
	if bad := r.Err(); bad != nil {
		return w.Lost(r.Offset(), e.End(), "strip", bad)
	}
	if err != nil && !errors.Is(err, io.EOF) || n < want {
		return cursor.Corrupt("strip", e.Offset, fmt.Sprintf("a zlib stream of %d bytes", want), fmt.Sprintf("%d bytes, %v", n, err))
	}
	return w.Each(e, "strip", nil)
}

const (
	lzwClear = 256
	lzwEnd   = 257
	lzwSize  = 4096
	lzwNone  = 1 << 16
)

// lzw follows the codes of LZW as TIFF has them and counts the bytes that they stand for. It is not that of GIF: the
// highest bit comes first, and codes grow one earlier.
type lzw struct {
	acc    uint64
	have   uint
	width  uint
	next   uint32
	last   uint32
	ended  bool
	n      int64
	length [lzwSize]uint16
}

func (c *lzw) reset() { c.width, c.next, c.last = 9, 258, lzwNone }

// decode follows the codes in p; false when one stands for nothing.
func (c *lzw) decode(p []byte) bool {
	for _, b := range p {
		if c.ended {
			return true
		}
		c.acc = c.acc<<8 | uint64(b)
		c.have += 8
		for c.have >= c.width {
			code := uint32(c.acc>>(c.have-c.width)) & (1<<c.width - 1)
			c.have -= c.width
			switch {
			case code == lzwClear:
				c.reset()
				continue
			case code == lzwEnd:
				c.ended = true
				return true
			case c.last == lzwNone:
				if code > 255 {
					return false
				}
				c.n++
				c.last = code
				continue
			case code > c.next || code == c.next && c.next >= lzwSize:
				return false
			}
			if c.next < lzwSize {
				c.length[c.next] = c.length[c.last] + 1
				c.next++
				if c.next == 1<<c.width-1 && c.width < 12 {
					c.width++
				}
			}
			c.n += int64(c.length[code])
			c.last = code
		}
	}
	return true
}

func (w *walker) unpackLZW(e block.Extent, want int64) error {
	c := &w.lzw
	*c = lzw{}
	for i := range 256 {
		c.length[i] = 1
	}
	c.reset()
	first, bad := true, false
	err := w.Each(e, "strip", func(p []byte) error {
		if first && len(p) > 1 && p[0] == 0 && p[1]&1 == 1 {
			c.ended, c.n = true, want // the old way, lowest bit first, is not followed
		}
		first = false
		if !bad && !c.decode(p) {
			bad = true
		}
		return nil
	})
	if err == nil && (bad || c.n < want) {
		err = short(e, want, c.n)
	}
	return err
}

// rowBytes returns how many bytes rows of a picture take, 0 when that does not fit.
func rowBytes(width, rows, bitsPerPixel int64) int64 {
	hi, lo := bits.Mul64(uint64(width), uint64(bitsPerPixel))
	if hi != 0 || lo > 1<<40 || rows > 1<<40 {
		return 0
	}
	row := (lo + 7) / 8
	if hi, lo = bits.Mul64(row, uint64(rows)); hi != 0 || lo > 1<<60 {
		return 0
	}
	return int64(lo)
}
