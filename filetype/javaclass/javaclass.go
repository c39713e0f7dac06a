package javaclass

import (
	"encoding/binary"
	"fmt"
	"strings"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const format = "Java class"

var kind = exam.Kind{Format: format, Buffer: 128 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "class",
		Class:      filetype.Program,
		Extensions: []string{"class"},
		Signatures: []probe.Probe{{ID: "class.header", Bytes: []byte("\xCA\xFE\xBA\xBE\x00\x00\x00"), Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// constant is one entry of the pool.
type constant struct {
	tag  byte
	a, b uint16 // what it refers to
	text string // of UTF-8, its beginning
}

// The kinds of constants.
const (
	tagText   = 1
	tagLong   = 5
	tagDouble = 6
	tagClass  = 7
	tagPair   = 12
)

// sizes of constants behind their kind, in bytes; 0 for kinds that are none, and for text.
var sizes = [21]int{3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}

// reader walks a class.
type reader struct {
	e    *exam.Exam
	off  int64
	pool []constant
}

// take returns the next n bytes.
func (r *reader) take(n int, what string) ([]byte, error) {
	p, err := r.e.Need(r.off, n, what)
	if err != nil {
		return nil, err
	}
	r.off += int64(n)
	r.e.R.GoodUntil = r.off
	return p, nil
}

func (r *reader) u16(what string) (uint16, error) {
	p, err := r.take(2, what)
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(p), nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(10)
	if err != nil {
		return err
	}
	if len(p) < 10 || binary.BigEndian.Uint32(p) != 0xCAFEBABE {
		return filetype.ErrNot
	}
	major := binary.BigEndian.Uint16(p[6:])
	if major < 45 || major > 200 || binary.BigEndian.Uint16(p[8:]) < 2 {
		return filetype.ErrNot
	}
	r := &reader{e: e, off: 8}
	if err := r.constants(); err != nil {
		return err
	}
	p, err = r.take(8, "the class")
	if err != nil {
		return err
	}
	this, super, interfaces := binary.BigEndian.Uint16(p[2:]), binary.BigEndian.Uint16(p[4:]), binary.BigEndian.Uint16(p[6:])
	if !r.is(this, tagClass) || super != 0 && !r.is(super, tagClass) {
		return cursor.Corrupt("class", r.off-6, "a class of the pool", this)
	}
	name := r.pool[r.pool[this].a].text
	e.R.Hints.Title = exif.Text(strings.ReplaceAll(name, "/", "."))
	e.Fact("Class", e.R.Hints.Title)
	e.Fact("Version", fmt.Sprint(major))
	for range interfaces {
		n, err := r.u16("an interface")
		if err != nil {
			return err
		}
		if !r.is(n, tagClass) {
			return cursor.Corrupt("interfaces", r.off-2, "a class of the pool", n)
		}
	}
	for _, what := range []string{"field", "method"} {
		n, err := r.u16("the number of " + what + "s")
		if err != nil {
			return err
		}
		for range n {
			if p, err = r.take(6, "a "+what); err != nil {
				return err
			}
			name := binary.BigEndian.Uint16(p[2:])
			if !r.is(name, tagText) || !r.is(binary.BigEndian.Uint16(p[4:]), tagText) {
				return cursor.Corrupt(what, r.off-4, "a name of the pool", name)
			}
			e.Member(r.pool[name].text, -1, what)
			if err := r.attributes(); err != nil {
				return err
			}
		}
	}
	if err := r.attributes(); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, r.off)
}

// is reports whether n is an entry of that kind.
func (r *reader) is(n uint16, tag byte) bool { return int(n) < len(r.pool) && r.pool[n].tag == tag }

// constants reads the pool.
func (r *reader) constants() error {
	n, err := r.u16("the number of constants")
	if err != nil {
		return err
	}
	r.pool = make([]constant, 1, min(int(n), 4096))
	for len(r.pool) < int(n) {
		at := r.off
		p, err := r.take(3, "a constant")
		if err != nil {
			return err
		}
		c := constant{tag: p[0]}
		switch {
		case c.tag == tagText:
			length := int(binary.BigEndian.Uint16(p[1:]))
			if p, err = r.take(length, "a text"); err != nil {
				return err
			}
			c.text = string(p[:min(length, 256)])
		case int(c.tag) < len(sizes) && sizes[c.tag] > 0:
			rest := sizes[c.tag] - 2
			c.a = binary.BigEndian.Uint16(p[1:])
			if rest > 0 {
				if p, err = r.take(rest, "a constant"); err != nil {
					return err
				}
				if rest >= 2 {
					c.b = binary.BigEndian.Uint16(p)
				}
			}
		default:
			r.e.R.GoodUntil = at
			return cursor.Corrupt("constant", at, "a kind of constant", c.tag)
		}
		r.pool = append(r.pool, c)
		if c.tag == tagLong || c.tag == tagDouble {
			r.pool = append(r.pool, constant{})
		}
	}
	for i, c := range r.pool {
		ok := true
		switch c.tag {
		case tagClass, 8, 16, 19, 20:
			ok = r.is(c.a, tagText)
		case 9, 10, 11:
			ok = r.is(c.a, tagClass) && r.is(c.b, tagPair)
		case tagPair:
			ok = r.is(c.a, tagText) && r.is(c.b, tagText)
		}
		if !ok {
			return cursor.Corrupt("pool of constants", 8, fmt.Sprintf("constant %d to point at what it needs", i), "other constants")
		}
	}
	return nil
}

// attributes walks over a list of attributes.
func (r *reader) attributes() error {
	n, err := r.u16("the number of attributes")
	if err != nil {
		return err
	}
	for range n {
		p, err := r.take(6, "an attribute")
		if err != nil {
			return err
		}
		name, size := binary.BigEndian.Uint16(p), int64(binary.BigEndian.Uint32(p[2:]))
		if !r.is(name, tagText) {
			return cursor.Corrupt("attribute", r.off-6, "a name of the pool", name)
		}
		if err := r.skip(size); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) skip(n int64) error {
	for n > 0 {
		m := min(n, 64<<10)
		if _, err := r.take(int(m), "an attribute"); err != nil {
			return err
		}
		n -= m
	}
	return nil
}
