package zip

import (
	"compress/bzip2"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"salvor/block"
	"salvor/filetype/internal/inflate"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

// state says what is known of a member's content.
type state uint8

const (
	whole     state = iota // decoded to its end, its size and CRC-32 are those of its header
	broken                 // contradicts its header or itself
	lost                   // bytes of it are not there
	locked                 // encrypted
	unchecked              // no decoder, or out of proportion
)

// member is what the walk keeps of each member; the raw header stays in exam.headers.
type member struct {
	off, data, end int64 // of the local header, the content, and behind descriptor and all
	head, headLen  int
	csize, usize   int64 // as found, not as declared
	crc            uint32
	state          state
	listed         bool // seen in the central directory
}

// Limits on how far content may expand before it is left unchecked: this much, and this many times what
// was read of the archive.
const (
	expandFree  = 1 << 30
	expandTimes = 100
)

// memberScratch is what decoding members needs again and again.
type memberScratch struct {
	inflater *inflate.Inflater
	expanded int64 // content of all members so far
}

// content is a sink: it sums up what a member holds, keeps the start of what kind.go wants to see, and
// stops at the size that the member may have.
type content struct {
	x       *exam
	n, most int64
	sum     uint32
	keep    bool
	kept    []byte
}

func (c *content) add(p []byte) error {
	c.n += int64(len(p))
	c.x.expanded += int64(len(p))
	if c.most >= 0 && c.n > c.most {
		return errTooLong
	}
	c.sum = crc32.Update(c.sum, crc32.IEEETable, p)
	if c.keep && len(c.kept) < maxKept {
		c.kept = append(c.kept, p[:min(len(p), maxKept-len(c.kept))]...)
	}
	if c.x.expanded > expandFree+expandTimes*c.x.w.Size() {
		return errDisproportion
	}
	return c.x.ctx.Err()
}

var errDisproportion = errors.New("out of proportion")

// Write makes content the target of decoders that are readers.
func (c *content) Write(p []byte) (int, error) {
	if err := c.add(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// examineMember reads the member whose local header h was parsed into m, and sets its end, sizes and state.
// It returns false when the walk cannot go on behind it. Errors are those of the context.
func (x *exam) examineMember(h *header, m *member) (bool, error) {
	described := h.flags&flagDescriptor != 0
	known := !described || h.csize > 0
	m.csize, m.usize, m.crc = h.csize, h.usize, h.crc
	encrypted := h.flags&(flagEncrypted|flagStrong|flagMasked) != 0 || h.method == methodAES
	limit := x.w.Size()
	if known {
		if h.csize > (1<<62)-m.data {
			x.contradict(m.off, headerBroken.New(finding.At(m.off, localSize), finding.Expected("a size", h.csize)))
			m.state = broken
			return false, nil
		}
		limit = m.data + h.csize
	}
	c := &content{x: x, most: -1, keep: x.kind.wants(h.name)}
	if !described {
		c.most = h.usize
	}
	var err error
	m.end = limit
	switch {
	case encrypted || known && !decodes(h.method):
		m.state = unchecked
		if encrypted {
			m.state = locked
		} else {
			x.undecoded(h.method)
		}
		if !known {
			return x.findDescriptor(m, nil)
		}
		err = x.readThrough(block.Between(m.data, limit), nil)
	case h.method == methodStore && !known:
		return x.findDescriptor(m, c)
	case h.method == methodStore:
		err = x.readThrough(block.Between(m.data, limit), c.add)
	case h.method == methodDeflate:
		m.end, err = x.inflate(h, m.data, limit, c.add)
	case known:
		err = x.decodeOther(h.method, block.Between(m.data, limit), c)
	default:
		m.state = unchecked
		x.undecoded(h.method)
		return x.findDescriptor(m, nil)
	}
	return x.concludeMember(h, m, c, known, limit, err)
}

// concludeMember judges what decoding gave and steps over the descriptor.
func (x *exam) concludeMember(h *header, m *member, c *content, known bool, limit int64, err error) (bool, error) {
	if cerr := x.ctx.Err(); cerr != nil {
		return false, cerr
	}
	var data *corruptData
	described := h.flags&flagDescriptor != 0
	switch {
	case err == nil:
	case errors.Is(err, errDisproportion):
		m.state = unchecked
		x.weaken(disproportion.New(finding.At(m.off, 0), finding.Arg("name", show(h.name))))
		m.end = limit
		return known, nil
	case errors.Is(err, errTooLong):
		x.contradict(m.data, memberSize.New(finding.At(m.off, m.end-m.off), finding.Arg("name", show(h.name)),
			finding.Expected(h.usize, "more")))
		m.state, m.end = broken, limit
		return known, nil
	case errors.As(err, &data):
		x.contradict(data.good, memberData.New(finding.At(data.off, 0), finding.Arg("name", show(h.name)),
			finding.Expected(nil, data.what)))
		m.state, m.end = broken, limit
		return known, nil
	case window.Missing(err):
		x.lose(m.data, limit, known, err)
		x.tell(memberLost.New(finding.At(m.off, 0), finding.Arg("name", show(h.name))))
		m.state, m.end = lost, limit
		if known && described && limit <= x.w.Size() {
			return x.stepDescriptor(h, m)
		}
		return known && limit <= x.w.Size(), nil
	default:
		return false, err
	}
	if known && m.end != limit {
		x.contradict(m.end, memberData.New(finding.At(m.end, 0), finding.Arg("name", show(h.name)),
			finding.Expected(nil, "the data ends before the member does")))
		m.state, m.end = broken, limit
		return true, nil
	}
	m.csize = m.end - m.data
	if m.state == whole {
		m.usize, m.crc = c.n, c.sum
		if !described && (h.usize != c.n || h.crc != c.sum) {
			x.wrongContent(h, m, c)
		}
		if m.state == whole && c.keep {
			x.kind.keep(h.name, c.kept)
		}
	}
	if described {
		return x.stepDescriptor(h, m)
	}
	return true, nil
}

func (x *exam) wrongContent(h *header, m *member, c *content) {
	m.state = broken
	if h.usize != c.n {
		x.contradict(m.data, memberSize.New(finding.At(m.off, m.end-m.off), finding.Arg("name", show(h.name)),
			finding.Expected(h.usize, c.n)))
		return
	}
	x.contradict(m.data, memberCRC.New(finding.At(m.off, m.end-m.off), finding.Arg("name", show(h.name)),
		finding.Expected(hex32(h.crc), hex32(c.sum))))
}

// readThrough reads e and gives it to see.
func (x *exam) readThrough(e block.Extent, see func([]byte) error) error {
	for at := e.Offset; at < e.End(); {
		p, err := x.w.Upto(at, 1)
		if len(p) == 0 {
			if err == nil {
				err = window.ErrEnd
			}
			return err
		}
		p = p[:min(int64(len(p)), e.End()-at)]
		if see != nil {
			if err := see(p); err != nil {
				return err
			}
		}
		at += int64(len(p))
	}
	return nil
}

func decodes(method uint16) bool {
	switch method {
	case methodStore, methodDeflate, methodBzip2, methodZstd, 20:
		return true
	}
	return false
}

// decodeOther decodes a member whose method is neither store nor deflate.
func (x *exam) decodeOther(method uint16, e block.Extent, c *content) error {
	in := x.w.Reader(e)
	var err error
	if method == methodBzip2 {
		_, err = io.Copy(c, bzip2.NewReader(in))
	} else {
		var d *zstd.Decoder
		d, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(64<<20))
		if err == nil {
			_, err = io.Copy(c, struct{ io.Reader }{d})
			d.Close()
		}
	}
	switch {
	case in.Err() != nil:
		return in.Err()
	case err == nil && in.Offset() != e.End():
		return &corruptData{in.Offset(), e.Offset, "the data ends before the member does"}
	case err == nil, errors.Is(err, errTooLong), errors.Is(err, errDisproportion), x.ctx.Err() != nil:
		return err
	}
	return &corruptData{in.Offset(), e.Offset, err.Error()}
}

// descriptorForms are the shapes of a data descriptor: with and without signature, with sizes of 32 and of
// 64 bits.
var descriptorForms = [4]struct{ sign, wide bool }{{true, false}, {true, true}, {false, false}, {false, true}}

// matchDescriptor returns the length of the descriptor in p that says crc, csize and usize; 0 for none.
func matchDescriptor(p []byte, crc uint32, csize, usize int64) int64 {
	for _, f := range descriptorForms {
		q := p
		n := int64(12)
		if f.sign {
			if len(q) < 4 || uint32At(q, 0) != sigDescriptor {
				continue
			}
			q = q[4:]
			n += 4
		}
		if f.wide {
			n += 8
			if len(q) >= 20 && uint32At(q, 0) == crc && binary.LittleEndian.Uint64(q[4:]) == uint64(csize) &&
				binary.LittleEndian.Uint64(q[12:]) == uint64(usize) {
				return n
			}
			continue
		}
		if len(q) >= 12 && uint32At(q, 0) == crc && uint32At(q, 4) == uint32(csize) && uint32At(q, 8) == uint32(usize) &&
			csize>>32 == 0 && usize>>32 == 0 {
			return n
		}
	}
	return 0
}

// stepDescriptor compares the descriptor behind m with what was found, and moves m.end behind it.
func (x *exam) stepDescriptor(h *header, m *member) (bool, error) {
	p, err := x.w.Upto(m.end, descriptorReach)
	if err != nil && !window.Missing(err) {
		return false, err
	}
	if m.state != whole {
		// Nothing was computed that it could be compared with; the header behind it tells which form it has.
		for _, n := range []int{16, 24, 12, 20} {
			if len(p) >= n+4 && isHeader(uint32At(p, n)) {
				m.end += int64(n)
				return true, nil
			}
		}
		if err != nil {
			x.lose(m.end, m.end+16, true, err)
			return false, nil
		}
		return true, nil
	}
	if n := matchDescriptor(p, m.crc, m.csize, m.usize); n > 0 {
		m.end += n
		return true, nil
	}
	if len(p) < 16 && err != nil {
		x.lose(m.end, m.end+16, true, err)
		m.state = lost
		return false, nil
	}
	found := "other values"
	if uint32At(p, 0) != sigDescriptor {
		found = "no descriptor"
	}
	x.contradict(m.end, memberCRC.New(finding.At(m.end, 16), finding.Arg("name", show(h.name)),
		finding.Expected("in its descriptor "+found, hex32(m.crc))))
	m.state = broken
	return true, nil
}

// searchLimit is how far a descriptor, or a header behind damage, is looked for, in bytes.
const searchLimit = 256 << 20

// descriptorReach is the longest descriptor and the signature behind it, in bytes.
const descriptorReach = 24 + 4

// findDescriptor finds the end of a member whose size is told only behind it and whose data does not tell
// its own end. c is nil when the content cannot be decoded; then the descriptor's signature and its
// compressed size must suit the place. For stored content size and CRC-32 must, so that a descriptor inside
// a stored archive does not count. In both cases another header must follow.
func (x *exam) findDescriptor(m *member, c *content) (bool, error) {
	at := m.data
	for at-m.data <= searchLimit {
		p, err := x.w.Upto(at, descriptorReach)
		if err != nil {
			if !window.Missing(err) {
				return false, err
			}
			x.lose(m.data, at+int64(len(p)), false, err)
			m.state, m.end = lost, at
			return false, nil
		}
		last := len(p) - descriptorReach + 1
		for n := range last {
			size := at + int64(n) - m.data
			signed := uint32At(p, n) == sigDescriptor && uint32At(p, n+8) == uint32(size)
			if !signed && (c == nil || uint32At(p, n+4) != uint32(size)) {
				continue
			}
			var k int64
			if c == nil {
				m.crc, m.usize = uint32At(p, n+4), int64(uint32At(p, n+12))
				k = 16
				if !isHeader(uint32At(p, n+16)) {
					m.usize = int64(binary.LittleEndian.Uint64(p[n+16:]))
					k = 24
				}
			} else {
				m.crc, m.usize = crc32.Update(c.sum, crc32.IEEETable, p[:n]), size
				k = matchDescriptor(p[n:], m.crc, size, size)
			}
			if k > 0 && isHeader(uint32At(p, n+int(k))) {
				m.csize, m.end = size, at+int64(n)+k
				return true, nil
			}
		}
		if c != nil {
			if err := c.add(p[:last]); err != nil && !errors.Is(err, errDisproportion) {
				return false, err
			}
		}
		at += int64(last)
	}
	x.contradict(m.data, headerBroken.New(finding.At(m.data, 0), finding.Expected("a data descriptor", "none")))
	m.state, m.end = broken, m.data
	return false, nil
}
