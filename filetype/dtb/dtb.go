package dtb

import (
	"bytes"
	"fmt"
	"strings"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "device tree"
	// maxStrings is the largest block of names, in bytes.
	maxStrings = 4 << 20
	maxDepth   = 64
	// maxValue is the largest value that is looked at, in bytes.
	maxValue = 4 << 10

	beginNode = 1
	endNode   = 2
	property  = 3
	nothing   = 4
	endTree   = 9
)

var kind = exam.Kind{Format: format, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "dtb",
		Class:      filetype.Firmware,
		Extensions: []string{"dtb", "dtbo", "itb"},
		Signatures: []probe.Probe{{ID: "dtb.header", Bytes: []byte("\xD0\x0D\xFE\xED"), Align: 4}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

type header struct {
	total, structAt, stringsAt, reserved, version, compatible, structLen, stringsLen int64
}

func parseHeader(b []byte) (h header, err error) {
	c := cursor.New("header", 0, b)
	c.Skip(4)
	n := func() int64 { return int64(c.Uint32BE()) }
	h.total, h.structAt, h.stringsAt, h.reserved, h.version, h.compatible = n(), n(), n(), n(), n(), n()
	n()
	h.stringsLen, h.structLen = n(), n()
	switch {
	case c.Err() != nil:
		return h, c.Err()
	case h.version < 16 || h.version > 64 || h.compatible > h.version || h.compatible < 1:
		return h, filetype.ErrNot
	case h.structAt < 40 || h.structAt%4 != 0 || h.structAt+h.structLen > h.total || h.stringsAt < 40 || h.stringsAt+h.stringsLen > h.total ||
		h.reserved < 40 || h.reserved%8 != 0 || h.reserved+16 > h.total:
		return h, filetype.ErrNot
	}
	return h, nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(40)
	if err != nil {
		return err
	}
	if len(p) < 4 || string(p[:4]) != "\xD0\x0D\xFE\xED" {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, 40, "the header"); err != nil {
		return err
	}
	h, err := parseHeader(p)
	if err != nil {
		return err
	}
	e.Want = h.total
	e.R.GoodUntil = min(h.total, e.Size())
	if h.stringsLen > maxStrings {
		return cursor.Corrupt("header", 32, fmt.Sprintf("at most %d bytes of names", maxStrings), h.stringsLen)
	}
	t := &tree{e: e, h: h}
	if t.strings, err = e.Gather(h.stringsAt, h.stringsLen, "the names of properties"); err != nil {
		return err
	}
	err = t.walk()
	t.describe()
	if err != nil || e.Listing {
		return err
	}
	// The places that the kernel must not use end with an entry of zeros.
	for off := h.reserved; ; off += 16 {
		if off+16 > h.total {
			return cursor.Corrupt("reserved memory", off, "an entry of zeros", "the end")
		}
		p, err := e.Need(off, 16, "reserved memory")
		if err != nil {
			return err
		}
		if string(p) == strings.Repeat("\x00", 16) {
			break
		}
	}
	if err := e.ReadTo(h.total, "the tree"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, h.total)
}

// tree walks the block of the structure.
type tree struct {
	e                 *exam.Exam
	h                 header
	strings           []byte
	nodes             int64
	model, compatible string
	images            bool
	description       string
}

func (t *tree) walk() error {
	e := t.e
	off, end := t.h.structAt, t.h.structAt+t.h.structLen
	depth := 0
	for {
		if off+4 > end {
			return cursor.Corrupt("structure", off, "the end of the tree", "the end of its block")
		}
		p, err := e.Need(off, 4, "the tree")
		if err != nil {
			return err
		}
		token := p[3]
		if p[0]|p[1]|p[2] != 0 {
			token = 0
		}
		at := off
		off += 4
		switch token {
		case beginNode:
			name, err := t.name(off, end)
			if err != nil {
				return err
			}
			if t.nodes++; depth == 0 && t.nodes > 1 || depth == maxDepth {
				return cursor.Corrupt("structure", at, "one root", "another node")
			}
			if depth == 1 {
				e.Member(name, -1, "node")
				t.images = t.images || name == "images"
			}
			depth++
			off = align(off + int64(len(name)) + 1)
		case endNode:
			if depth--; depth < 0 {
				return cursor.Corrupt("structure", at, "a node", "the end of one")
			}
		case property:
			if p, err = e.Need(off, 8, "a property"); err != nil {
				return err
			}
			c := cursor.New("property", off, p)
			n, name := int64(c.Uint32BE()), int64(c.Uint32BE())
			off += 8
			if off+n > end || name >= int64(len(t.strings)) || depth == 0 {
				return cursor.Corrupt("property", at, "a value and a name inside of their blocks", fmt.Sprintf("%d bytes, name at %d", n, name))
			}
			if depth == 1 && n <= maxValue {
				if p, err = e.Need(off, int(n), "a property"); err != nil {
					return err
				}
				t.value(text(t.strings[name:]), string(p))
			}
			off = align(off + n)
		case nothing:
		case endTree:
			if depth != 0 || t.nodes == 0 {
				return cursor.Corrupt("structure", at, "the end of a node", "that of the tree")
			}
			return nil
		default:
			return cursor.Corrupt("structure", at, "a token", fmt.Sprintf("%x", p[:4]))
		}
	}
}

func align(n int64) int64 { return (n + 3) &^ 3 }

func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// name reads the name of a node.
func (t *tree) name(off, end int64) (string, error) {
	p, err := t.e.Upto(off, int(min(end-off, 256)))
	p = p[:min(int64(len(p)), end-off)]
	i := bytes.IndexByte(p, 0)
	if i < 0 && err != nil && int64(len(p)) < end-off && len(p) < 256 {
		return "", t.e.Lost(off+int64(len(p)), off+int64(len(p))+1, "the name of a node", err)
	}
	if i < 0 {
		return "", cursor.Corrupt("structure", off, "a name of a node", "one without end")
	}
	for _, c := range p[:i] {
		if c < 0x20 || c > 0x7E {
			return "", cursor.Corrupt("structure", off, "a name of a node", fmt.Sprintf("%q", p[:i]))
		}
	}
	return string(p[:i]), nil
}

// value takes a property of the root.
func (t *tree) value(name, v string) {
	v = strings.Trim(strings.ReplaceAll(v, "\x00", ", "), ", ")
	switch name {
	case "model":
		t.model = v
	case "compatible":
		t.compatible = v
	case "description":
		t.description = v
	}
}

func (t *tree) describe() {
	r := &t.e.R
	r.Hints.Title = exif.Text(t.model)
	if t.images {
		r.Extension = "itb"
	}
	for _, s := range []string{t.description, t.compatible} {
		if r.Hints.Title == "" {
			r.Hints.Title = exif.Text(s)
		}
	}
	t.e.Fact("Model", t.model)
	t.e.Fact("Compatible", t.compatible)
	t.e.Fact("Description", t.description)
}
