package sqlite

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	walMagic   = "\x37\x7F\x06\x82" // or with the last bit set, which says how words are summed
	walHeader  = 32
	walFrame   = 24
	walVersion = 3007000
	// maxStale is how far the salt of a frame that was left from an earlier round may be behind.
	maxStale = 1 << 16
)

var walKind = exam.Kind{Format: "write-ahead log of a database", Buffer: 256 << 10, Walk: walkLog}

// logFormat is the row of write-ahead logs.
func logFormat() filetype.Format {
	return filetype.Format{
		Name:       "sqlite-wal",
		Class:      filetype.Database,
		Extensions: []string{"sqlite-wal", "db-wal", "wal"},
		Signatures: []probe.Probe{{ID: "sqlite-wal.header", Bytes: []byte(walMagic + "\x00\x2D\xE2\x18"),
			Mask: []byte{0xFF, 0xFF, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF}, Align: 512}},
		Ceiling: filetype.Proven, // sums of 64 bits over all frames, one on top of the other
		Carve:   true,
		Examine: walKind.Examine,
		Preview: walKind.Preview,
	}
}

// sums are the running sums of a log.
type sums struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

// add sums p, whose length is a multiple of eight.
func (s *sums) add(p []byte) {
	s0, s1 := s.s0, s.s1
	if s.order == binary.BigEndian {
		for ; len(p) >= 8; p = p[8:] {
			s0 += binary.BigEndian.Uint32(p) + s1
			s1 += binary.BigEndian.Uint32(p[4:]) + s0
		}
	} else {
		for ; len(p) >= 8; p = p[8:] {
			s0 += binary.LittleEndian.Uint32(p) + s1
			s1 += binary.LittleEndian.Uint32(p[4:]) + s0
		}
	}
	s.s0, s.s1 = s0, s1
}

// logHeader is the header of a log.
type logHeader struct {
	sums        sums
	page        int64
	salt, salt2 uint32
}

// parseLogHeader parses the 32 bytes of a header.
func parseLogHeader(b []byte) (h logHeader, err error) {
	c := cursor.New("header", 0, b)
	magic, version, page := c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	c.Skip(4)
	h.salt, h.salt2 = c.Uint32BE(), c.Uint32BE()
	s0, s1 := c.Uint32BE(), c.Uint32BE()
	if c.Err() != nil {
		return h, c.Err()
	}
	if magic&^1 != 0x377F0682 || version != walVersion {
		return h, filetype.ErrNot
	}
	h.sums.order = binary.LittleEndian
	if magic&1 != 0 {
		h.sums.order = binary.BigEndian
	}
	h.sums.add(b[:24])
	if h.sums.s0 != s0 || h.sums.s1 != s1 {
		return h, cursor.Corrupt("header", 0, fmt.Sprintf("the sums %08x %08x", s0, s1), fmt.Sprintf("%08x %08x", h.sums.s0, h.sums.s1))
	}
	if page < 512 || page > 65536 || page&(page-1) != 0 {
		return h, cursor.Corrupt("header", 8, "a size of pages", page)
	}
	h.page = int64(page)
	return h, nil
}

// walkLog follows the frames of a log as long as they belong to its header. Frames of an earlier round, which the log
// was begun again over, may follow; nobody reads them.
func walkLog(e *exam.Exam) error {
	p, err := e.Head(8)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:3]) != walMagic[:3] || p[3]&^1 != 0x82 {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, walHeader, "the header"); err != nil {
		return err
	}
	h, err := parseLogHeader(p)
	if err != nil {
		return err
	}
	sum := h.sums
	off, frames, commits, pages := int64(walHeader), int64(0), int64(0), uint32(0)
	e.R.GoodUntil = off
	for {
		p, err := e.Upto(off, walFrame)
		if len(p) < 16 {
			if _, unread := block.IsUnreadable(err); unread && off < e.Size() {
				return e.Lost(off+int64(len(p)), off+walFrame+h.page, "a frame", err)
			}
			break
		}
		salt := binary.BigEndian.Uint32(p[8:])
		if salt != h.salt || binary.BigEndian.Uint32(p[12:]) != h.salt2 {
			if off, err = leftOver(e, &h, off, frames); err != nil {
				return err
			}
			break
		}
		if p, err = e.Need(off, int(walFrame+h.page), "a frame"); err != nil {
			return err
		}
		sum.add(p[:8])
		sum.add(p[walFrame:])
		s0, s1 := binary.BigEndian.Uint32(p[16:]), binary.BigEndian.Uint32(p[20:])
		if sum.s0 != s0 || sum.s1 != s1 {
			return cursor.Corrupt(fmt.Sprintf("frame %d", frames+1), off, fmt.Sprintf("the sums %08x %08x", s0, s1), fmt.Sprintf("%08x %08x", sum.s0, sum.s1))
		}
		if n := binary.BigEndian.Uint32(p[4:]); n > 0 {
			commits++
			pages = n
		}
		frames++
		off += walFrame + h.page
		e.R.GoodUntil = off
		e.Units(frames, 0, "frames")
	}
	e.Fact("Pages", fmt.Sprintf("%d of %d bytes", frames, h.page))
	e.Fact("Transactions", fmt.Sprint(commits))
	e.Fact("Database", fmt.Sprintf("%d pages behind them", pages))
	if cerr := e.Context().Err(); cerr != nil {
		return cerr
	}
	return e.Whole(filetype.Proven, off)
}

// leftOver passes over frames of an earlier round at off, whose salt was counted on since, and names them as uncovered:
// nobody reads them. Each but the first is held to its sums, which go on from those of the frame before; a single one
// is not counted to the file.
func leftOver(e *exam.Exam, h *logHeader, off, frames int64) (int64, error) {
	if frames == 0 {
		return off, nil
	}
	var salt, salt2 uint32
	sum := sums{order: h.sums.order}
	end := off
	for n := 0; off+walFrame+h.page <= e.Size(); n++ {
		p, err := e.Need(off, int(walFrame+h.page), "a frame of an earlier round")
		if err != nil {
			return end, err
		}
		s, s2 := binary.BigEndian.Uint32(p[8:]), binary.BigEndian.Uint32(p[12:])
		if n == 0 {
			salt, salt2 = s, s2
		}
		if s != salt || s2 != salt2 || h.salt-salt-1 >= maxStale || binary.BigEndian.Uint32(p) == 0 {
			break
		}
		sum.add(p[:8])
		sum.add(p[walFrame:])
		s0, s1 := binary.BigEndian.Uint32(p[16:]), binary.BigEndian.Uint32(p[20:])
		if n > 0 && (sum.s0 != s0 || sum.s1 != s1) {
			break
		}
		sum.s0, sum.s1 = s0, s1
		off += walFrame + h.page
		if n > 0 {
			e.R.Uncovered.Add(block.Between(end, off))
			end = off
		}
	}
	return end, nil
}
