package zip

import (
	"bytes"
	"fmt"

	"salvor/filetype/internal/window"
	"salvor/finding"
)

// directory reads the central directory at start and the end records behind it, and compares both with the
// members. Its headers are read twice: how the places in them are to be understood is told behind them.
func (x *exam) directory(start int64) error {
	at, count := start, int64(0)
	for {
		p, err := x.w.Upto(at, 4)
		if err != nil {
			return x.directoryCut(start, at, err)
		}
		if uint32At(p, 0) != sigCentral {
			break
		}
		fixed, err := x.w.Bytes(at, centralSize)
		if err != nil {
			return x.directoryCut(start, at, err)
		}
		_, length, _ := parseCentral(at, fixed)
		if _, err := x.w.Bytes(at, length); err != nil {
			return x.directoryCut(start, at, err)
		}
		at += int64(length)
		count++
	}
	stop := at
	shift, err := x.ends(start, stop, count)
	if err != nil {
		return err
	}
	before := 0
	for at = start; at < stop; {
		fixed, err := x.w.Bytes(at, centralSize)
		if err != nil {
			return err
		}
		_, length, _ := parseCentral(at, fixed)
		raw, err := x.w.Bytes(at, length)
		if err != nil {
			return err
		}
		h, _, perr := parseCentral(at, raw)
		switch {
		case perr != nil:
			x.contradict(at, strayMember.New(finding.At(at, int64(length)), finding.Arg("what", "a header that cannot be read")))
		case h.offset+shift < 0:
			before++
		default:
			x.compare(&h, at, shift)
		}
		at += int64(length)
	}
	if before > 0 {
		x.contradict(start, tail.New(finding.At(0, 0), finding.Arg("count", before)))
	}
	for i := range x.list {
		if m := &x.list[i]; !m.listed && m.state != broken && m.state != lost {
			x.weaken(strayMember.New(finding.At(m.off, m.end-m.off), finding.Arg("what", "a member that it does not list")))
			break
		}
	}
	return nil
}

func (x *exam) directoryCut(start, at int64, err error) error {
	if !window.Missing(err) {
		return err
	}
	if at == start {
		x.tell(directoryMissing.New(finding.At(start, 0)))
	}
	x.lose(at, at+endSize, false, err)
	x.size = max(x.size, at)
	return nil
}

// ends reads the end records at off, behind a directory that starts at start and has count headers. It
// returns what must be added to the places that the directory names.
func (x *exam) ends(start, off, count int64) (shift int64, err error) {
	at := off
	var wide *end64
	p, err := x.w.Upto(at, 4)
	if err == nil && uint32At(p, 0) == sigSignature {
		q, err := x.w.Bytes(at, 6)
		if err != nil {
			return 0, x.endCut(at, err)
		}
		n := int64(q[4]) | int64(q[5])<<8
		x.weaken(weakField.New(finding.At(at, 6+n), finding.Arg("what", "a digital signature"), finding.Expected("none", "one")))
		at += 6 + n
		p, err = x.w.Upto(at, 4)
		if err != nil {
			return 0, x.endCut(at, err)
		}
	}
	if err == nil && uint32At(p, 0) == sigEnd64 {
		wideAt := at
		q, err := x.w.Bytes(at, end64Size)
		if err != nil {
			return 0, x.endCut(at, err)
		}
		e, perr := parseEnd64(at, q)
		if perr != nil {
			x.contradict(at, headerBroken.New(finding.At(at, end64Size), finding.Expected("a zip64 end record", perr)))
			x.size = at
			return 0, nil
		}
		wide = &e
		x.uncovered(extent(at+12, 4)) // the versions: no reader chooses by them
		if e.length != end64Size {
			x.weaken(weakField.New(finding.At(at, e.length), finding.Arg("what", "the zip64 end record"), finding.Expected(end64Size, e.length)))
		}
		at += e.length
		q, err = x.w.Bytes(at, locatorSize)
		if err != nil {
			return 0, x.endCut(at, err)
		}
		place := int64(uint32At(q, 8)) | int64(uint32At(q, 12))<<32
		if uint32At(q, 0) != sigLocator || uint32At(q, 4) != 0 || uint32At(q, 16) != 1 {
			x.contradict(at, headerBroken.New(finding.At(at, locatorSize), finding.Expected("the locator of the zip64 end record", "other bytes")))
			x.size = at
			return 0, nil
		}
		if claimed := wideAt - (start - int64(e.offset)); place != claimed {
			x.contradict(at+8, endDiffers.New(finding.At(at+8, 8), finding.Arg("what", "place of the zip64 end record"),
				finding.Expected(claimed, place)))
		}
		at += locatorSize
	}
	q, err := x.w.Bytes(at, endSize)
	if err != nil {
		return 0, x.endCut(at, err)
	}
	e, perr := parseEnd(at, q)
	if perr != nil {
		x.contradict(at, headerBroken.New(finding.At(at, 4), finding.Expected("the end record", "other bytes")))
		x.size = max(x.size, at)
		return x.shift(start, 0), nil
	}
	x.complete = true
	x.size = at + endSize + int64(e.comment)
	if e.comment > 0 {
		x.uncovered(extent(at+endSize, int64(e.comment)))
		x.weaken(comments.New(finding.At(at+endSize, int64(e.comment))))
		last := byte(1)
		err := x.readThrough(extent(at+endSize, int64(e.comment)), func(p []byte) error {
			last = p[len(p)-1]
			return nil
		})
		if err == nil && last == 0 {
			x.contradict(x.size-1, headerBroken.New(finding.At(at+endSize, int64(e.comment)),
				finding.Expected("the text of a comment", "zeros at its end, as a file has whose end was never written")))
		}
		if err != nil {
			if cerr := x.cut(at+endSize, x.size, err); cerr != nil {
				return 0, cerr
			}
		}
	}
	return x.compareEnd(at, start, off-start, count, e, wide), nil
}

func (x *exam) endCut(at int64, err error) error {
	if !window.Missing(err) {
		return err
	}
	x.lose(at, at+endSize, true, err)
	return nil
}

// compareEnd compares the end records with the directory that was found, and returns the shift.
func (x *exam) compareEnd(at, start, size, count int64, e end, wide *end64) int64 {
	value := func(what string, field int64, n int64, narrow, ones, w, want uint64) {
		if wide != nil {
			if w != want {
				x.contradict(at, endDiffers.New(finding.At(at, 0), finding.Arg("what", what), finding.Expected(want, w)))
			}
			if narrow == ones {
				return
			}
		}
		if narrow != want {
			x.contradict(at+field, endDiffers.New(finding.At(at+field, n), finding.Arg("what", what), finding.Expected(want, narrow)))
		}
	}
	var w end
	if wide != nil {
		w = wide.end
	}
	value("number of this disk", 4, 2, e.disk, 0xFFFF, w.disk, 0)
	value("disk of the directory", 6, 2, e.directoryDisk, 0xFFFF, w.directoryDisk, 0)
	value("count of headers here", 8, 2, e.here, 0xFFFF, w.here, uint64(count))
	value("count of headers", 10, 2, e.entries, 0xFFFF, w.entries, uint64(count))
	value("size of the directory", 12, 4, e.size, 0xFFFFFFFF, w.size, uint64(size))
	claimed := e.offset
	if wide != nil && claimed == 0xFFFFFFFF {
		claimed = w.offset
	}
	if wide != nil && w.offset != claimed {
		x.contradict(at+16, endDiffers.New(finding.At(at+16, 4), finding.Arg("what", "place of the directory"), finding.Expected(w.offset, claimed)))
	}
	shift := x.shift(start, start-int64(claimed))
	switch {
	case start-int64(claimed) != shift:
		x.contradict(at+16, endDiffers.New(finding.At(at+16, 4), finding.Arg("what", "place of the directory"),
			finding.Expected(start-shift, claimed)))
	case shift != 0:
		x.weaken(prefixed.New(finding.Arg("count", -shift)))
	}
	return shift
}

// shift decides what must be added to the places in the directory at start: what the end record implies, or
// nothing when the first header meets its member only so.
func (x *exam) shift(start, implied int64) int64 {
	if implied == 0 {
		return 0
	}
	fixed, err := x.w.Bytes(start, centralSize)
	if err != nil {
		return implied
	}
	_, length, _ := parseCentral(start, fixed)
	raw, err := x.w.Bytes(start, length)
	if err != nil {
		return implied
	}
	h, _, _ := parseCentral(start, raw)
	if x.meets(&h, h.offset) && !x.meets(&h, h.offset+implied) {
		return 0
	}
	return implied
}

// meets reports whether the member at off has the name of h.
func (x *exam) meets(h *header, off int64) bool {
	i, ok := x.find(off)
	if !ok {
		return false
	}
	l, _, _ := parseLocal(off, x.headers[x.list[i].head:x.list[i].head+x.list[i].headLen])
	return bytes.Equal(l.name, h.name)
}

// compare compares a header of the directory, which stands at at, with the member that it names.
func (x *exam) compare(c *header, at, shift int64) {
	i, ok := x.find(c.offset + shift)
	if !ok || x.list[i].listed {
		if x.limited || !ok && x.insideLost(c.offset+shift) {
			return
		}
		what := "a header names no member"
		if ok {
			what = "two headers name one member"
		} else if x.insideMember(c.offset + shift) {
			what = "a header names a place inside another member, as archive bombs do"
		}
		x.contradict(at, strayMember.New(finding.At(at, centralSize), finding.Arg("what", what)))
		return
	}
	m := &x.list[i]
	m.listed = true
	l, _, err := parseLocal(m.off, x.headers[m.head:m.head+m.headLen])
	if err != nil {
		return
	}
	differs := func(what string, field int64, own, its any) {
		x.contradict(at+field, directoryDiffers.New(finding.At(at+field, 0), finding.Arg("name", show(l.name)),
			finding.Arg("what", what), finding.Expected(own, its)))
	}
	if !bytes.Equal(l.name, c.name) {
		differs("the name", centralSize, show(l.name), show(c.name))
	}
	if l.method != c.method {
		differs("the method", 10, l.method, c.method)
	}
	if m.state == whole || m.state == locked || m.state == unchecked {
		for _, f := range []struct {
			what     string
			field    int64
			own, its int64
		}{{"the CRC-32", 16, int64(m.crc), int64(c.crc)}, {"the compressed size", 20, m.csize, c.csize}, {"the size", 24, m.usize, c.usize}} {
			if f.own != f.its {
				differs(f.what, f.field, fmt.Sprintf("%#x", f.own), fmt.Sprintf("%#x", f.its))
				m.state = broken
			}
		}
	}
	x.weigh(&l, c, m, at)
}

// weigh looks at what the two headers say beside the content: what must agree, and what nothing checks.
func (x *exam) weigh(l, c *header, m *member, at int64) {
	unusual := func(what string, expected, found any) {
		x.weaken(weakField.New(finding.At(at, centralSize), finding.Arg("what", what), finding.Expected(expected, found)))
	}
	if l.flags != c.flags {
		unusual("the flags", l.flags, c.flags)
	}
	if l.version != c.version {
		unusual("the version needed", l.version, c.version)
	}
	if l.time != c.time || l.date != c.date {
		unusual("the time", fmt.Sprintf("%04x %04x", l.date, l.time), fmt.Sprintf("%04x %04x", c.date, c.time))
	}
	if c.disk != 0 {
		unusual("the disk", 0, c.disk)
	}
	if l.flags&flagDescriptor != 0 {
		zero := l.crc == 0 && (l.csize == 0 || l.zip64) && (l.usize == 0 || l.zip64)
		if !zero && (l.crc != m.crc || l.csize != m.csize || l.usize != m.usize) {
			unusual("what stands before a data descriptor", 0, "other values")
		}
	}
	x.uncovered(extent(at+4, 2)) // version made by: says how to read attributes, which are zero or told
	if c.internal == 0 && c.external == 0 {
		x.uncovered(extent(at+36, 6))
	} else {
		x.weaken(attributes.New(finding.At(at+36, 6)))
	}
	if len(c.comment) > 0 {
		x.uncovered(extent(at+int64(centralSize+len(c.name)+len(c.extra)), int64(len(c.comment))))
		x.weaken(comments.New(finding.At(at, 0)))
	}
	x.extras(l.extra, c.extra, m.off+localSize+int64(len(l.name)), l.raw32, -1)
	x.extras(c.extra, l.extra, at+centralSize+int64(len(c.name)), c.raw32, c.offset)
}

// extras judges the extra fields of one header, whose first byte stands at at, beside those of the other.
// offset is negative for a local header.
func (x *exam) extras(mine, other []byte, at int64, raw [2]uint32, offset int64) {
	end := 0
	eachExtra(mine, func(id uint16, f []byte, i int) {
		end = i + 4 + len(f)
		where := extent(at+int64(i), int64(4+len(f)))
		switch {
		case id == extraZip64:
			n := 0
			for _, v := range raw {
				if v == 0xFFFFFFFF {
					n += 8
				}
			}
			if offset >= 0xFFFFFFFF {
				n += 8
			}
			if n != len(f) {
				x.weaken(extraOnce.New(finding.At(where.Offset, where.Length)))
			}
		case id == extraJar && len(f) == 0,
			id == extraAlign,
			id == extraGrowth && len(f) >= 2 && int(f[0])|int(f[1])<<8 == extraGrowSig:
			x.uncovered(where)
		default:
			if g, ok, _ := findExtra(other, id); !ok || !bytes.Equal(f, g) {
				x.weaken(extraOnce.New(finding.At(where.Offset, where.Length)))
			}
		}
	})
	if rest := len(mine) - end; rest > 0 {
		x.uncovered(extent(at+int64(end), int64(rest)))
	}
}

func (x *exam) insideMember(off int64) bool {
	i, _ := x.find(off)
	return i > 0 && off < x.list[i-1].end
}

// insideLost reports whether off lies in a stretch that could not be walked, which was told already.
func (x *exam) insideLost(off int64) bool {
	return x.broken >= 0 && off >= x.broken || x.lostAt >= 0 && off >= x.lostAt
}
