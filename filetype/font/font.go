package font

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/klauspost/compress/zlib"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	maxTables = 256
	// maxTable is the largest table, in bytes.
	maxTable = 256 << 20
	maxNames = 256 << 10
)

var (
	plainKind = exam.Kind{Format: "font", Buffer: 256 << 10, Walk: walkPlain}
	woffKind  = exam.Kind{Format: "font (WOFF)", Buffer: 256 << 10, Walk: walkWOFF}
	woff2Kind = exam.Kind{Format: "font (WOFF2)", Buffer: 256 << 10, Walk: walkWOFF2}
)

// Formats returns the rows of this package.
func Formats() []filetype.Format {
	row := func(name string, kind exam.Kind, probes ...probe.Probe) filetype.Format {
		return filetype.Format{Name: name, Class: filetype.Other, Extensions: []string{name}, Signatures: probes,
			Ceiling: filetype.Consistent, Carve: true, Examine: kind.Examine, Preview: kind.Preview}
	}
	few := []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xC0} // fewer than 64 tables
	plain := row("ttf", plainKind, probe.Probe{ID: "ttf.truetype", Bytes: []byte("\x00\x01\x00\x00\x00\x00"), Mask: few, Align: 512},
		probe.Probe{ID: "ttf.opentype", Bytes: []byte("OTTO\x00\x00"), Mask: few}, probe.Probe{ID: "ttf.apple", Bytes: []byte("true\x00\x00"), Mask: few})
	plain.Extensions = []string{"ttf", "otf"}
	return []filetype.Format{plain,
		row("woff", woffKind, probe.Probe{ID: "woff.header", Bytes: []byte("wOFF")}),
		row("woff2", woff2Kind, probe.Probe{ID: "woff2.header", Bytes: []byte("wOF2")})}
}

// known are tables of which every font has some.
var known = map[string]bool{"cmap": true, "glyf": true, "head": true, "hhea": true, "hmtx": true, "loca": true, "maxp": true, "name": true,
	"post": true, "OS/2": true, "CFF ": true, "CFF2": true, "cvt ": true, "fpgm": true, "prep": true, "GPOS": true, "GSUB": true, "GDEF": true,
	"EBDT": true, "CBDT": true, "sbix": true}

// table is one entry of the list of tables.
type table struct {
	tag       string
	sum       uint32
	off, size int64 // in the file
	unpacked  int64
	entry     int64 // where the entry stands
}

// adder adds up words of four bytes, the high one first, of data that comes in pieces.
type adder struct {
	sum uint32
	n   int
}

func (a *adder) add(p []byte) {
	for len(p) > 0 && a.n%4 != 0 {
		a.byte(p[0])
		p = p[1:]
	}
	for ; len(p) >= 4; p = p[4:] {
		a.sum += binary.BigEndian.Uint32(p)
		a.n += 4
	}
	for _, c := range p {
		a.byte(c)
	}
}

func (a *adder) byte(c byte) {
	a.sum += uint32(c) << (24 - 8*(a.n%4))
	a.n++
}

// compare holds the sum of a table to its entry; in "head" the sum of the whole font counts as zero.
func (t *table) compare(sum uint32) error {
	if sum != t.sum {
		return cursor.Corrupt("table "+t.tag, t.off, fmt.Sprintf("the checksum %08x", t.sum), fmt.Sprintf("%08x", sum))
	}
	return nil
}

func printable(tag string) bool {
	return strings.IndexFunc(tag, func(r rune) bool { return r < 0x20 || r > 0x7E }) < 0
}

func walkPlain(e *exam.Exam) error {
	p, err := e.Head(12)
	if err != nil {
		return err
	}
	if len(p) < 12 || string(p[:4]) != "\x00\x01\x00\x00" && string(p[:4]) != "OTTO" && string(p[:4]) != "true" {
		return filetype.ErrNot
	}
	n := int64(binary.BigEndian.Uint16(p[4:]))
	power, log := int64(1), uint16(0)
	for power*2 <= n {
		power, log = power*2, log+1
	}
	// Some writers get these three wrong; a font in which all of them are is none.
	if n < 3 || n > maxTables || int64(binary.BigEndian.Uint16(p[6:])) != 16*power && binary.BigEndian.Uint16(p[8:]) != log && int64(binary.BigEndian.Uint16(p[10:])) != 16*(n-power) {
		return filetype.ErrNot
	}
	if string(p[:4]) == "OTTO" {
		e.R.Extension = "otf"
	}
	list, err := e.Copy(12, int(16*n), "the list of tables")
	if err != nil {
		return err
	}
	var tables []table
	c := cursor.New("list of tables", 12, list)
	end, familiar := 12+16*n, 0
	for range n {
		t := table{entry: c.Offset(), tag: string(c.Bytes(4)), sum: c.Uint32BE(), off: int64(c.Uint32BE()), size: int64(c.Uint32BE())}
		if known[t.tag] {
			familiar++
		}
		if !printable(t.tag) || t.off < 12+16*n || t.size > maxTable {
			if familiar < 2 {
				return filetype.ErrNot
			}
			return cursor.Corrupt("list of tables", t.entry, "a table behind the list", fmt.Sprintf("%q of %d bytes at %d", t.tag, t.size, t.off))
		}
		e.Member(t.tag, t.size, "table")
		end = max(end, t.off+t.size)
		tables = append(tables, t)
	}
	if familiar < 3 {
		return filetype.ErrNot
	}
	// The last table is filled up to four bytes, as the specification wants it.
	e.Want = end
	if pad := int(-end & 3); pad > 0 {
		p, err := e.Upto(end, pad)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if err == nil && strings.Trim(string(p[:pad]), "\x00") == "" {
			e.Want = end + int64(pad)
		}
	}
	e.R.GoodUntil = min(e.Want, e.Size())
	slices.SortFunc(tables, func(a, b table) int { return int(max(-1, min(1, a.off-b.off))) })
	var done int64
	for i := range tables {
		t := &tables[i]
		var a adder
		var name []byte
		at := int64(0)
		err := e.Each(block.Extent{Offset: t.off, Length: t.size}, "table "+t.tag, func(p []byte) error {
			if t.tag == "name" && len(name) < maxNames {
				name = append(name, p...)
			}
			if t.tag == "head" && at < 12 && at+int64(len(p)) >= 12 {
				p = bytes.Clone(p)
				clear(p[8-at : 12-at])
			}
			a.add(p)
			at += int64(len(p))
			return nil
		})
		if err != nil {
			return err
		}
		if t.tag == "name" {
			describe(e, name)
		}
		if err := t.compare(a.sum); err != nil {
			e.Units(done, n, "tables")
			return err
		}
		done++
		e.Units(done, n, "tables")
	}
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(e.Want, "tables"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, e.Want, filetype.PartlyChecked("font", "every table", "the list of tables"))
}

// webHeader reads what WOFF and WOFF2 begin with.
func webHeader(e *exam.Exam, magic string, size int) ([]byte, int64, error) {
	p, err := e.Head(12)
	if err != nil {
		return nil, 0, err
	}
	if len(p) < 12 || string(p[:4]) != magic {
		return nil, 0, filetype.ErrNot
	}
	flavour := string(p[4:8])
	if flavour != "\x00\x01\x00\x00" && flavour != "OTTO" && flavour != "true" && flavour != "ttcf" {
		return nil, 0, filetype.ErrNot
	}
	e.Want = int64(binary.BigEndian.Uint32(p[8:]))
	if p, err = e.Copy(0, size, "the header"); err != nil {
		return nil, 0, err
	}
	n := int64(binary.BigEndian.Uint16(p[12:]))
	if n == 0 || n > maxTables || binary.BigEndian.Uint16(p[14:]) != 0 || e.Want < int64(size) {
		return nil, 0, filetype.ErrNot
	}
	e.R.GoodUntil = int64(size)
	return p, n, nil
}

func walkWOFF(e *exam.Exam) error {
	head, n, err := webHeader(e, "wOFF", 44)
	if err != nil {
		return err
	}
	list, err := e.Copy(44, int(20*n), "the list of tables")
	if err != nil {
		return err
	}
	c := cursor.New("list of tables", 44, list)
	for i := range n {
		t := table{entry: c.Offset(), tag: string(c.Bytes(4)), off: int64(c.Uint32BE()), size: int64(c.Uint32BE()), unpacked: int64(c.Uint32BE()), sum: c.Uint32BE()}
		if !printable(t.tag) || t.off < 44+20*n || t.off+t.size > e.Want || t.size > t.unpacked || t.unpacked > maxTable {
			return cursor.Corrupt("list of tables", t.entry, "a table inside of the file", fmt.Sprintf("%q of %d bytes at %d", t.tag, t.size, t.off))
		}
		e.Member(t.tag, t.unpacked, "table")
		if err := woffTable(e, &t); err != nil {
			e.Units(i, n, "tables")
			return err
		}
		e.R.GoodUntil = max(e.R.GoodUntil, min(t.off+t.size, e.Size()))
	}
	e.Units(n, n, "tables")
	for i, what := range []string{"metadata", "private data"} {
		off, size := int64(binary.BigEndian.Uint32(head[24+12*i:])), int64(binary.BigEndian.Uint32(head[28+12*i:]))
		if off+size > e.Want {
			return cursor.Corrupt("header: "+what, 24, fmt.Sprintf("a place before %d", e.Want), off+size)
		}
	}
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(e.Want, "tables"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, e.Want, filetype.PartlyChecked("font", "every table", "the list of tables"))
}

// woffTable unpacks a table and compares its sum.
func woffTable(e *exam.Exam, t *table) error {
	r := e.Reader(block.Extent{Offset: t.off, Length: t.size})
	var in io.Reader = r
	if t.size < t.unpacked {
		z, err := zlib.NewReader(r)
		if err != nil {
			if r.Err() != nil {
				return e.Lost(r.Offset(), t.off+t.size, "table "+t.tag, r.Err())
			}
			return cursor.Corrupt("table "+t.tag, t.off, "content that unpacks", err)
		}
		defer z.Close()
		in = z
	}
	var a adder
	var name []byte
	buf := make([]byte, 32<<10)
	for int64(a.n) <= t.unpacked {
		n, err := in.Read(buf)
		if cerr := e.Context().Err(); cerr != nil {
			return cerr
		}
		p := buf[:n]
		if t.tag == "head" && a.n < 12 && a.n+n >= 12 && a.n <= 8 {
			clear(p[8-a.n : 12-a.n])
		}
		if t.tag == "name" && len(name) < maxNames {
			name = append(name, p...)
		}
		a.add(p)
		if err == io.EOF {
			break
		}
		if err != nil {
			if r.Err() != nil {
				return e.Lost(r.Offset(), t.off+t.size, "table "+t.tag, r.Err())
			}
			return cursor.Corrupt("table "+t.tag, t.off, "content that unpacks", err)
		}
	}
	if int64(a.n) != t.unpacked {
		return cursor.Corrupt("table "+t.tag, t.off, fmt.Sprintf("%d bytes", t.unpacked), a.n)
	}
	if t.tag == "name" {
		describe(e, name)
	}
	return t.compare(a.sum)
}

func walkWOFF2(e *exam.Exam) error {
	head, n, err := webHeader(e, "wOF2", 48)
	if err != nil {
		return err
	}
	off := int64(48)
	number := func() (int64, error) {
		var v int64
		for i := range 5 {
			p, err := e.Need(off, 1, "the list of tables")
			if err != nil {
				return 0, err
			}
			off++
			if i == 0 && p[0] == 0x80 || v>>57 != 0 {
				break
			}
			v = v<<7 | int64(p[0]&0x7F)
			if p[0]&0x80 == 0 {
				return v, nil
			}
		}
		return 0, cursor.Corrupt("list of tables", off, "a number", "one without end")
	}
	for range n {
		p, err := e.Need(off, 1, "the list of tables")
		if err != nil {
			return err
		}
		flags := p[0]
		off++
		if flags&0x3F == 0x3F {
			if p, err = e.Need(off, 4, "the list of tables"); err != nil {
				return err
			}
			if !printable(string(p)) {
				return cursor.Corrupt("list of tables", off, "the name of a table", fmt.Sprintf("%q", p))
			}
			off += 4
		}
		if _, err = number(); err != nil {
			return err
		}
		// Outlines and their places are changed for packing, unless that is said; other tables only when it is said.
		changed := flags>>6 != 0
		if k := flags & 0x3F; k == 10 || k == 11 {
			changed = flags>>6 == 0
		}
		if changed {
			if _, err = number(); err != nil {
				return err
			}
		}
	}
	packed := int64(binary.BigEndian.Uint32(head[20:]))
	if off+packed > e.Want || string(head[4:8]) != "ttcf" && e.Want-off-packed > 3 && binary.BigEndian.Uint32(head[28:]) == 0 && binary.BigEndian.Uint32(head[40:]) == 0 {
		return cursor.Corrupt("header", 20, fmt.Sprintf("%d packed bytes", e.Want-off), packed)
	}
	e.Fact("Tables", fmt.Sprint(n))
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(e.Want, "packed tables"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, e.Want)
}

// describe takes the full name, or the family, out of the table of names.
func describe(e *exam.Exam, b []byte) {
	if len(b) < 6 {
		return
	}
	count, text := int(binary.BigEndian.Uint16(b[2:])), int(binary.BigEndian.Uint16(b[4:]))
	best := map[uint16]string{}
	for i := range min(count, 1024) {
		if 6+12*i+12 > len(b) {
			break
		}
		r := b[6+12*i:]
		platform, id := binary.BigEndian.Uint16(r), binary.BigEndian.Uint16(r[6:])
		n, off := int(binary.BigEndian.Uint16(r[8:])), text+int(binary.BigEndian.Uint16(r[10:]))
		if off+n > len(b) || id != 1 && id != 4 && id != 0 && id != 9 || best[id] != "" {
			continue
		}
		s := b[off : off+n]
		if platform == 1 {
			best[id] = exif.Text(exif.Latin(s))
			continue
		}
		var u []uint16
		for ; len(s) >= 2; s = s[2:] {
			u = append(u, binary.BigEndian.Uint16(s))
		}
		best[id] = exif.Text(string(utf16.Decode(u)))
	}
	e.R.Hints.Title, e.R.Hints.Author = best[4], best[9]
	if e.R.Hints.Title == "" {
		e.R.Hints.Title = best[1]
	}
	e.Fact("Name", e.R.Hints.Title)
	e.Fact("Rights", best[0])
}
