package sevenzip

import (
	"encoding/binary"
	"fmt"
	"time"
	"unicode/utf16"

	"salvor/cursor"
)

// The identifiers of properties.
const (
	idEnd           = 0x00
	idHeader        = 0x01
	idArchive       = 0x02
	idAdditional    = 0x03
	idStreams       = 0x04
	idFiles         = 0x05
	idPack          = 0x06
	idUnpack        = 0x07
	idSubStreams    = 0x08
	idSize          = 0x09
	idCRC           = 0x0A
	idFolder        = 0x0B
	idUnpackSize    = 0x0C
	idNumStreams    = 0x0D
	idEmptyStream   = 0x0E
	idNames         = 0x11
	idModified      = 0x14
	idEncodedHeader = 0x17
)

// digest is a CRC-32 that may be defined.
type digest struct {
	sum     uint32
	defined bool
}

// coder is one step of packing.
type coder struct {
	id      uint64
	in, out int
	props   []byte
}

// folder is what was packed together.
type folder struct {
	coders  []coder
	binds   [][2]int // of an input to an output
	packed  []int    // inputs that are packed streams
	sizes   []int64  // of the outputs
	crc     digest
	streams []stream // members inside
}

// stream is the content of one member.
type stream struct {
	size int64
	crc  digest
}

// streams is what a header says of content.
type streams struct {
	pos     int64 // of the first packed stream, behind the start header
	packed  []int64
	digests []digest
	folders []folder
}

// member is one file of the archive.
type member struct {
	name     string
	modified time.Time
	empty    bool // it has no content: a folder or an empty file
}

// header is the whole header.
type header struct {
	streams streams
	members []member
}

// reader reads the fields of a header. Counts are bounded by the bytes that are left: each thing that is counted takes
// a byte or, where it takes a bit, is bounded by the header.
type reader struct {
	*cursor.Cursor
	size int // of the header
	bad  error
}

func (r *reader) fail(expected string, found any) {
	if r.bad == nil && r.Err() == nil {
		r.bad = cursor.Corrupt("header", r.Offset(), expected, found)
	}
}

func (r *reader) err() error {
	if r.bad != nil {
		return r.bad
	}
	return r.Err()
}

func (r *reader) ok() bool { return r.bad == nil && r.Err() == nil }

// number reads a number whose first byte says how many follow.
func (r *reader) number() uint64 {
	first := r.Uint8()
	var v uint64
	mask := byte(0x80)
	for i := range 8 {
		if first&mask == 0 {
			return v | uint64(first&(mask-1))<<(8*i)
		}
		v |= uint64(r.Uint8()) << (8 * i)
		mask >>= 1
	}
	return v
}

// count reads a number of things that take at least one byte or bit of the header each.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(r.size) {
		r.fail(fmt.Sprintf("a count up to %d", r.size), n)
		return 0
	}
	return int(n)
}

// length reads a size of content or a place.
func (r *reader) length() int64 {
	n := r.number()
	if n > 1<<56 {
		r.fail("a size", n)
		return 0
	}
	return int64(n)
}

func (r *reader) bits(n int) []bool {
	out := make([]bool, n)
	var b byte
	for i := range out {
		if i%8 == 0 {
			b = r.Uint8()
		}
		out[i] = b&(0x80>>(i%8)) != 0
	}
	return out
}

func (r *reader) someBits(n int) []bool {
	if r.Uint8() == 0 {
		return r.bits(n)
	}
	out := make([]bool, n)
	for i := range out {
		out[i] = true
	}
	return out
}

func (r *reader) digests(n int) []digest {
	out := make([]digest, n)
	for i, defined := range r.someBits(n) {
		if defined {
			out[i] = digest{r.Uint32(), true}
		}
	}
	return out
}

func (r *reader) packInfo(s *streams) {
	s.pos = r.length()
	n := r.count()
	for r.ok() {
		switch id := r.number(); id {
		case idEnd:
			if len(s.packed) != n {
				r.fail("the sizes of packed streams", len(s.packed))
			}
			return
		case idSize:
			s.packed = make([]int64, n)
			for i := range s.packed {
				s.packed[i] = r.length()
			}
		case idCRC:
			s.digests = r.digests(n)
		default:
			r.fail("a property of packed streams", id)
		}
	}
}

func (r *reader) folder() (f folder) {
	n := r.count()
	if n == 0 || n > 32 {
		r.fail("1 to 32 coders", n)
		return f
	}
	var in, out int
	for range n {
		flags := r.Uint8()
		c := coder{in: 1, out: 1}
		if flags&0xC0 != 0 || flags&0x0F > 8 {
			r.fail("a coder", flags)
			return f
		}
		for _, b := range r.Bytes(int(flags & 0x0F)) {
			c.id = c.id<<8 | uint64(b)
		}
		if flags&0x10 != 0 {
			c.in, c.out = r.count(), r.count()
		}
		if flags&0x20 != 0 {
			c.props = r.Bytes(r.count())
		}
		if c.in > 32 || c.out != 1 || !r.ok() {
			r.fail("a coder with one output", c.out)
			return f
		}
		in, out = in+c.in, out+c.out
		f.coders = append(f.coders, c)
	}
	for range out - 1 {
		b := [2]int{r.count(), r.count()}
		if b[0] >= in || b[1] >= out {
			r.fail("inputs and outputs that are there", b)
			return f
		}
		f.binds = append(f.binds, b)
	}
	rest := in - (out - 1)
	if rest < 1 {
		r.fail("a packed stream", rest)
		return f
	}
	if rest == 1 {
		for i := range in {
			free := true
			for _, b := range f.binds {
				free = free && b[0] != i
			}
			if free {
				f.packed = append(f.packed, i)
				break
			}
		}
	} else {
		for range rest {
			f.packed = append(f.packed, r.count())
		}
	}
	f.sizes = make([]int64, out)
	return f
}

func (r *reader) unpackInfo(s *streams) {
	if id := r.number(); id != idFolder {
		r.fail("folders", id)
		return
	}
	n := r.count()
	if r.Uint8() != 0 {
		r.fail("folders in place", "elsewhere")
		return
	}
	for range n {
		f := r.folder()
		if !r.ok() {
			return
		}
		s.folders = append(s.folders, f)
	}
	if id := r.number(); id != idUnpackSize {
		r.fail("sizes of content", id)
		return
	}
	for i := range s.folders {
		for j := range s.folders[i].sizes {
			s.folders[i].sizes[j] = r.length()
		}
	}
	for r.ok() {
		switch id := r.number(); id {
		case idEnd:
			return
		case idCRC:
			for i, d := range r.digests(n) {
				s.folders[i].crc = d
			}
		default:
			r.fail("a property of folders", id)
		}
	}
}

// content returns the size of what the folder unpacks to: the output that no other coder takes.
func (f *folder) content() int64 {
	for i := range f.sizes {
		bound := false
		for _, b := range f.binds {
			bound = bound || b[1] == i
		}
		if !bound {
			return f.sizes[i]
		}
	}
	return 0
}

func (r *reader) subStreams(s *streams) {
	id := r.number()
	counts := make([]int, len(s.folders))
	for i := range counts {
		counts[i] = 1
	}
	total := 0
	if id == idNumStreams {
		for i := range counts {
			counts[i] = r.count()
			if total += counts[i]; total > r.size {
				r.fail("as many members as the header has bytes", total)
				return
			}
		}
		id = r.number()
	}
	for i := range s.folders {
		f := &s.folders[i]
		left := f.content()
		for j := range counts[i] {
			size := left
			if j < counts[i]-1 {
				if id != idSize {
					r.fail("sizes of members", id)
					return
				}
				if size = r.length(); size > left {
					r.fail(fmt.Sprintf("at most %d bytes", left), size)
					return
				}
			}
			left -= size
			f.streams = append(f.streams, stream{size: size})
		}
	}
	if id == idSize {
		id = r.number()
	}
	var open []*digest
	for i := range s.folders {
		f := &s.folders[i]
		if len(f.streams) == 1 && f.crc.defined {
			f.streams[0].crc = f.crc
			continue
		}
		for j := range f.streams {
			open = append(open, &f.streams[j].crc)
		}
	}
	for ; r.ok() && id != idEnd; id = r.number() {
		if id != idCRC {
			r.fail("a property of members", id)
			return
		}
		for i, d := range r.digests(len(open)) {
			*open[i] = d
		}
	}
}

func (r *reader) streams() (s streams) {
	for r.ok() {
		switch id := r.number(); id {
		case idEnd:
			n := 0
			for i := range s.folders {
				f := &s.folders[i]
				n += len(f.packed)
				if f.streams == nil && f.content() > 0 {
					f.streams = []stream{{f.content(), f.crc}}
				}
			}
			if n != len(s.packed) {
				r.fail(fmt.Sprintf("%d packed streams", n), len(s.packed))
			}
			return s
		case idPack:
			r.packInfo(&s)
		case idUnpack:
			r.unpackInfo(&s)
		case idSubStreams:
			r.subStreams(&s)
		default:
			r.fail("a property of content", id)
		}
	}
	return s
}

func (r *reader) files() []member {
	n := r.count()
	members := make([]member, n)
	for r.ok() {
		id := r.number()
		if id == idEnd {
			break
		}
		size := r.count()
		if size > r.Len() {
			r.fail("a property of that size", size)
			break
		}
		p := &reader{Cursor: r.Sub("header: property of members", size), size: r.size}
		switch id {
		case idEmptyStream:
			for i, b := range p.bits(n) {
				members[i].empty = b
			}
		case idNames:
			if p.Uint8() != 0 {
				break
			}
			text := p.Rest()
			for i := range members {
				var name []uint16
				for len(text) >= 2 {
					u := binary.LittleEndian.Uint16(text)
					text = text[2:]
					if u == 0 {
						break
					}
					name = append(name, u)
				}
				members[i].name = string(utf16.Decode(name))
			}
		case idModified:
			defined := p.someBits(n)
			if p.Uint8() != 0 {
				break
			}
			for i, b := range defined {
				if b {
					members[i].modified = filetime(p.Uint64())
				}
			}
		}
		if err := p.err(); err != nil && r.bad == nil {
			r.bad = err
		}
	}
	return members
}

// filetime returns the time of a number of 100 ns since 1601; zero for one that is no time of a file.
func filetime(v uint64) time.Time {
	const unix = 116444736000000000
	if v < unix || v > unix+1<<58 {
		return time.Time{}
	}
	return time.Unix(int64(v-unix)/1e7, int64(v-unix)%1e7*100).UTC()
}

// parseHeader parses a header that is not packed.
func parseHeader(b []byte, off int64) (header, error) {
	r := &reader{Cursor: cursor.New("header", off, b), size: len(b)}
	var h header
	if id := r.number(); id != idHeader {
		r.fail("a header", id)
	}
	for r.ok() {
		switch id := r.number(); id {
		case idEnd:
			if r.Len() != 0 {
				r.fail("the end of the header", fmt.Sprintf("%d more bytes", r.Len()))
			}
			return h, r.err()
		case idArchive:
			for r.ok() && r.number() != idEnd {
				r.Skip(r.count())
			}
		case idAdditional:
			r.streams()
		case idStreams:
			h.streams = r.streams()
		case idFiles:
			h.members = r.files()
		default:
			r.fail("a part of the header", id)
		}
	}
	return h, r.err()
}

// parseEncoded parses what is needed to unpack a packed header.
func parseEncoded(b []byte, off int64) (streams, error) {
	r := &reader{Cursor: cursor.New("header", off, b), size: len(b)}
	if id := r.number(); id != idEncodedHeader {
		r.fail("a packed header", id)
	}
	s := r.streams()
	if r.ok() && (len(s.folders) != 1 || r.Len() != 0) {
		r.fail("one packed header", len(s.folders))
	}
	return s, r.err()
}
