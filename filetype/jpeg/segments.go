package jpeg

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

// The markers that are named here, by their second byte.
const (
	mSOF0  = 0xC0
	mSOF1  = 0xC1
	mSOF2  = 0xC2
	mDHT   = 0xC4
	mJPG   = 0xC8
	mDAC   = 0xCC
	mRST0  = 0xD0
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mDQT   = 0xDB
	mDNL   = 0xDC
	mDRI   = 0xDD
	mDHP   = 0xDE
	mEXP   = 0xDF
	mAPP0  = 0xE0
	mAPP1  = 0xE1
	mAPP2  = 0xE2
	mAPP15 = 0xEF
	mCOM   = 0xFE
	mTEM   = 0x01
)

// isFrame reports whether m starts a frame (SOF0 to SOF15 without those that mean something else).
func isFrame(m byte) bool { return m >= mSOF0 && m <= 0xCF && m != mDHT && m != mJPG && m != mDAC }

func isRestart(m byte) bool { return m&^7 == mRST0 }

// component is one colour of a frame.
type component struct {
	id, h, v, tq byte
	coded        bool        // its DC coefficients stand in a scan
	bits         [64]int8    // the lowest bit of each coefficient that is known so far; -1 for none
	nonzero      []uint64    // for each block, which coefficients are not zero, in zigzag order
	width        int         // blocks of a row of its own scans
	height       int         // rows of blocks of its own scans
	stride       int         // blocks of a row with what fills up the last MCU
	rows         int         // rows of blocks with what fills up the last MCU
	quant        *[64]uint16 // the table that held when its first scan began
}

// frame is what a SOF segment says.
type frame struct {
	marker        byte
	precision     byte
	height, width int
	c             []component
	hmax, vmax    int
}

func (f *frame) progressive() bool { return f.marker == mSOF2 }

// decodable reports whether this package decodes the frame's scans.
func (f *frame) decodable() bool { return f.marker <= mSOF2 }

// kind names the coding for a person.
func (f *frame) kind() string {
	switch f.marker {
	case mSOF0:
		return "baseline"
	case mSOF1:
		return "extended sequential"
	case mSOF2:
		return "progressive"
	case 0xC3:
		return "lossless"
	case 0xC9, 0xCA:
		return "arithmetic-coded"
	case 0xCB:
		return "arithmetic-coded lossless"
	}
	return "hierarchical"
}

// mcus returns the MCUs of a row and of a column of an interleaved scan.
func (f *frame) mcus() (across, down int) {
	return ceil(f.width, 8*f.hmax), ceil(f.height, 8*f.vmax)
}

// setHeight gives the frame its lines and the components their blocks.
func (f *frame) setHeight(lines int) {
	f.height = lines
	across, down := f.mcus()
	for i := range f.c {
		c := &f.c[i]
		c.width = ceil(ceil(f.width*int(c.h), f.hmax), 8)
		c.height = ceil(ceil(f.height*int(c.v), f.vmax), 8)
		c.stride, c.rows = across*int(c.h), down*int(c.v)
	}
}

// blocks returns the blocks of all components.
func (f *frame) blocks() int {
	n := 0
	for i := range f.c {
		n += f.c[i].stride * f.c[i].rows
	}
	return n
}

func ceil(a, b int) int { return (a + b - 1) / b }

// parseFrame reads the data of a SOF segment that stands at off.
func parseFrame(marker byte, off int64, p []byte) (*frame, error) {
	c := cursor.New("frame header", off, p)
	f := &frame{marker: marker, precision: c.Uint8()}
	f.height, f.width = int(c.Uint16BE()), int(c.Uint16BE())
	n := int(c.Uint8())
	if c.Err() != nil {
		return nil, c.Err()
	}
	switch {
	case f.precision != 8 && marker == mSOF0, f.precision != 8 && f.precision != 12 && f.decodable():
		return nil, cursor.Corrupt("frame header", off, "8 or 12 bits", f.precision)
	case f.width == 0:
		return nil, cursor.Corrupt("frame header", off, "a width", 0)
	case n == 0 || n > 4:
		return nil, cursor.Corrupt("frame header", off, "1 to 4 components", n)
	case len(p) != 6+3*n:
		return nil, cursor.Corrupt("frame header", off, fmt.Sprintf("%d bytes", 6+3*n), len(p))
	}
	for range n {
		var k component
		k.id = c.Uint8()
		hv := c.Uint8()
		k.h, k.v, k.tq = hv>>4, hv&15, c.Uint8()
		if k.h < 1 || k.h > 4 || k.v < 1 || k.v > 4 || k.tq > 3 {
			return nil, cursor.Corrupt("frame header", off, "sampling factors 1 to 4 and a table 0 to 3", fmt.Sprintf("%d, %d, %d", k.h, k.v, k.tq))
		}
		for i := range f.c {
			if f.c[i].id == k.id {
				return nil, cursor.Corrupt("frame header", off, "components with names of their own", k.id)
			}
		}
		for i := range k.bits {
			k.bits[i] = -1
		}
		f.hmax, f.vmax = max(f.hmax, int(k.h)), max(f.vmax, int(k.v))
		f.c = append(f.c, k)
	}
	f.setHeight(f.height)
	return f, nil
}

// scan is what a SOS segment says.
type scan struct {
	c      []*component
	dc, ac []byte // table numbers of each component
	ss, se int
	ah, al uint
}

// parseScan reads the data of a SOS segment that stands at off.
func parseScan(f *frame, off int64, p []byte) (*scan, error) {
	c := cursor.New("scan header", off, p)
	n := int(c.Uint8())
	if n < 1 || n > 4 || len(p) != 4+2*n {
		return nil, cursor.Corrupt("scan header", off, "1 to 4 components", fmt.Sprintf("%d in %d bytes", n, len(p)))
	}
	s := &scan{}
	blocks := 0
	for range n {
		id, t := c.Uint8(), c.Uint8()
		var found *component
		for i := range f.c {
			if f.c[i].id == id {
				found = &f.c[i]
			}
		}
		if found == nil || t>>4 > 3 || t&15 > 3 {
			return nil, cursor.Corrupt("scan header", off, "a component of the frame and tables 0 to 3", fmt.Sprintf("component %d, tables %#02x", id, t))
		}
		for _, other := range s.c {
			if other == found {
				return nil, cursor.Corrupt("scan header", off, "each component once", id)
			}
		}
		s.c, s.dc, s.ac = append(s.c, found), append(s.dc, t>>4), append(s.ac, t&15)
		blocks += int(found.h) * int(found.v)
	}
	if n > 1 && blocks > 10 {
		return nil, cursor.Corrupt("scan header", off, "at most 10 blocks in an MCU", blocks)
	}
	s.ss, s.se = int(c.Uint8()), int(c.Uint8())
	a := c.Uint8()
	s.ah, s.al = uint(a>>4), uint(a&15)
	if f.progressive() {
		return s, s.checkProgressive(off, n)
	}
	return s, s.checkSequential(off)
}

// checkSequential holds a scan to the rules of sequential pictures. Some writers leave all spectral fields
// zero there.
func (s *scan) checkSequential(off int64) error {
	if s.ss != 0 || s.se != 63 && s.se != 0 || s.ah != 0 || s.al != 0 {
		return cursor.Corrupt("scan header", off, "coefficients 0 to 63, all bits",
			fmt.Sprintf("coefficients %d to %d, bits %d to %d", s.ss, s.se, s.ah, s.al))
	}
	for _, c := range s.c {
		if c.coded {
			return cursor.Corrupt("scan header", off, "each component in one scan", fmt.Sprintf("component %d again", c.id))
		}
	}
	return nil
}

// checkProgressive holds a scan to the order in which the bits of coefficients are sent.
func (s *scan) checkProgressive(off int64, n int) error {
	bad := func(expected string) error {
		return cursor.Corrupt("scan header", off, expected, fmt.Sprintf("coefficients %d to %d, bits %d to %d", s.ss, s.se, s.ah, s.al))
	}
	switch {
	case s.ss > s.se || s.se > 63 || s.al > 13 || s.ss == 0 && s.se != 0:
		return bad("either coefficient 0 or some of 1 to 63")
	case s.ss > 0 && n != 1:
		return bad("one component")
	case s.ah != 0 && s.ah != s.al+1:
		return bad("the next lower bit")
	}
	for _, c := range s.c {
		if s.ss > 0 && c.bits[0] < 0 {
			return bad("coefficient 0 first")
		}
		for k := s.ss; k <= s.se; k++ {
			if was := c.bits[k]; s.ah == 0 && was >= 0 || s.ah != 0 && was != int8(s.ah) {
				return bad(fmt.Sprintf("coefficient %d to go on from bit %d", k, was))
			}
		}
	}
	return nil
}

// parseQuant reads the tables of a DQT segment.
func parseQuant(off int64, p []byte, into *[4]*[64]uint16) error {
	c := cursor.New("quantization table", off, p)
	for c.Len() > 0 {
		pt := c.Uint8()
		if pt>>4 > 1 || pt&15 > 3 {
			return cursor.Corrupt("quantization table", off, "table 0 to 3 of 8 or 16 bits", fmt.Sprintf("%#02x", pt))
		}
		var q [64]uint16
		for i := range q {
			if pt>>4 == 0 {
				q[i] = uint16(c.Uint8())
			} else {
				q[i] = c.Uint16BE()
			}
			if q[i] == 0 && c.Err() == nil {
				return cursor.Corrupt("quantization table", off, "values above zero", 0)
			}
		}
		if c.Err() != nil {
			return c.Err()
		}
		into[pt&15] = &q
	}
	return c.Err()
}

// parseHuffman reads the tables of a DHT segment.
func parseHuffman(off int64, p []byte, dc, ac *[4]*table) error {
	c := cursor.New("Huffman table", off, p)
	for c.Len() > 0 {
		ct := c.Uint8()
		counts := c.Bytes(16)
		n := 0
		for _, k := range counts {
			n += int(k)
		}
		symbols := c.Bytes(n)
		if c.Err() != nil {
			return c.Err()
		}
		if ct>>4 > 1 || ct&15 > 3 || n > 256 {
			return cursor.Corrupt("Huffman table", off, "table 0 to 3, DC or AC, up to 256 codes", fmt.Sprintf("%#02x, %d codes", ct, n))
		}
		t, bad := parseTable(counts, append([]byte(nil), symbols...))
		if bad != "" {
			return cursor.Corrupt("Huffman table", off, "codes that no other begins with", bad)
		}
		if ct>>4 == 0 {
			dc[ct&15] = t
		} else {
			ac[ct&15] = t
		}
	}
	return nil
}

// parseRestart reads the data of a DRI segment: MCUs between restart markers, 0 for none.
func parseRestart(off int64, p []byte) (int, error) {
	if len(p) != 2 {
		return 0, cursor.Corrupt("restart interval", off, "2 bytes", len(p))
	}
	return int(binary.BigEndian.Uint16(p)), nil
}
