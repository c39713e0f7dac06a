package rar

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"time"
	"unicode/utf8"

	"salvor/cursor"
	"salvor/filetype/internal/exif"
)

// The kinds of blocks, in terms of version 5.
const (
	mainBlock    = 1
	fileBlock    = 2
	serviceBlock = 3
	lockBlock    = 4
	endBlock     = 5
	otherBlock   = 6
)

// header is one block's header.
type header struct {
	kind       int
	size       int64 // of the header
	data       int64 // bytes behind it
	name       string
	unpacked   int64
	crc        uint32
	summed     bool // crc is there
	stored     bool
	locked     bool
	split      bool // the member goes on in another part
	folder     bool
	time       time.Time
	volume     bool // of the main block: one part of several
	locksNames bool // what follows is encrypted
}

// vint reads a number of 7 bits a byte; n is 0 when there is none.
func vint(p []byte) (v uint64, n int) {
	for i, c := range p {
		if i == 10 {
			return 0, 0
		}
		v |= uint64(c&0x7F) << (7 * i)
		if c&0x80 == 0 {
			return v, i + 1
		}
	}
	return 0, 0
}

// fields reads numbers of a header.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) vint() uint64 {
	v, n := vint(f.p)
	if n == 0 {
		f.bad = true
		return 0
	}
	f.p = f.p[n:]
	return v
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.p)) {
		f.bad = true
		return make([]byte, min(n, 8))
	}
	b := f.p[:n]
	f.p = f.p[n:]
	return b
}

func (f *fields) u32() uint32 {
	b := f.bytes(4)
	if f.bad {
		return 0
	}
	return binary.LittleEndian.Uint32(b)
}

// parse5 parses the header of a block of version 5, which stands at off and whose bytes are all of p.
func parse5(p []byte, off int64) (h header, err error) {
	if stored, sum := binary.LittleEndian.Uint32(p), crc32.ChecksumIEEE(p[4:]); stored != sum {
		return h, cursor.Corrupt("header", off, fmt.Sprintf("CRC-32 %08x", stored), fmt.Sprintf("%08x", sum))
	}
	h.size = int64(len(p))
	f := &fields{p: p[4:]}
	f.vint()
	kind, flags := f.vint(), f.vint()
	var extra uint64
	if flags&1 != 0 {
		extra = f.vint()
	}
	if flags&2 != 0 {
		h.data = int64(f.vint() & (1<<56 - 1))
	}
	h.split = flags&0x18 != 0
	switch {
	case kind >= 1 && kind <= 5:
		h.kind = int(kind)
	default:
		h.kind = otherBlock
	}
	switch h.kind {
	case mainBlock:
		h.volume = f.vint()&1 != 0
	case lockBlock:
		h.locksNames = true
	case fileBlock, serviceBlock:
		what := f.vint()
		h.folder = what&1 != 0
		h.unpacked = int64(f.vint() & (1<<56 - 1))
		f.vint()
		if what&2 != 0 {
			h.time = time.Unix(int64(f.u32()), 0).UTC()
		}
		if what&4 != 0 {
			h.crc, h.summed = f.u32(), true
		}
		h.stored = f.vint()>>7&7 == 0
		f.vint()
		h.name = string(f.bytes(min(f.vint(), 1<<16)))
		if extra <= uint64(len(f.p)) && !f.bad {
			h.extras(f.p[uint64(len(f.p))-extra:])
		}
	}
	if f.bad {
		return h, cursor.Corrupt("header", off, "fields inside of it", "more")
	}
	return h, nil
}

// extras looks for encryption and for the time in the extra area.
func (h *header) extras(p []byte) {
	f := &fields{p: p}
	for len(f.p) > 0 && !f.bad {
		r := &fields{p: f.bytes(f.vint())}
		switch r.vint() {
		case 1:
			h.locked = true
		case 3:
			if flags := r.vint(); flags&2 != 0 && h.time.IsZero() {
				v := uint64(r.u32())
				if flags&1 == 0 { // a Windows time
					v |= uint64(r.u32()) << 32
					v = max(v, 116444736000000000)/1e7 - 11644473600
				}
				if !r.bad && v > 0 && v < 1<<40 {
					h.time = time.Unix(int64(v), 0).UTC()
				}
			}
		}
	}
}

// parse4 parses the header of a block before version 5.
func parse4(p []byte, off int64) (h header, err error) {
	if stored, sum := binary.LittleEndian.Uint16(p), uint16(crc32.ChecksumIEEE(p[2:])); stored != sum {
		return h, cursor.Corrupt("header", off, fmt.Sprintf("CRC-16 %04x", stored), fmt.Sprintf("%04x", sum))
	}
	c := cursor.New("header", off, p)
	c.Skip(2)
	kind, flags := c.Uint8(), c.Uint16()
	h.size = int64(c.Uint16())
	if flags&0x8000 != 0 {
		h.data = int64(c.Uint32())
	}
	switch kind {
	case 0x73:
		h.kind = mainBlock
		h.volume, h.locksNames = flags&1 != 0, flags&0x80 != 0
	case 0x7B:
		h.kind = endBlock
	case 0x74, 0x7A:
		h.kind = fileBlock
		if kind == 0x7A {
			h.kind = serviceBlock
		}
		if flags&0x8000 == 0 {
			h.data = int64(c.Uint32())
		}
		h.unpacked = int64(c.Uint32())
		c.Skip(1)
		h.crc, h.summed = c.Uint32(), true
		h.time = dosTime(c.Uint32())
		c.Skip(1)
		h.stored = c.Uint8() == 0x30
		n := int(c.Uint16())
		h.folder = c.Uint32()&0x10 != 0 || flags&0xE0 == 0xE0
		if flags&0x100 != 0 {
			h.data += int64(c.Uint32()&0x7FFFFF) << 32
			h.unpacked += int64(c.Uint32()&0x7FFFFF) << 32
		}
		h.name = name4(c.Bytes(n), flags&0x200 != 0)
		h.split, h.locked = flags&3 != 0, flags&4 != 0
	default:
		h.kind = otherBlock
	}
	return h, c.Err()
}

// name4 gives the name before the zero; behind it stands, packed, the same in UTF-16.
func name4(b []byte, wide bool) string {
	s := string(b)
	if i := strings.IndexByte(s, 0); wide && i >= 0 {
		s = s[:i]
	}
	if !utf8.ValidString(s) {
		s = exif.Latin([]byte(s))
	}
	return strings.ReplaceAll(s, `\`, "/")
}

func dosTime(v uint32) time.Time {
	if v == 0 {
		return time.Time{}
	}
	d, t := int(v>>16), int(v&0xFFFF)
	return time.Date(1980+d>>9, time.Month(d>>5&15), d&31, t>>11, t>>5&63, t&31*2, 0, time.UTC)
}
