package lvm

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// maxRing is how much of an area is searched for older versions, bytes.
const maxRing = 32 << 20

// version is one text of metadata that was found.
type version struct {
	group  *group
	seqno  int64
	older  bool // from the ring, where no checksum holds it
	offset int64
}

// area is what is read of one metadata area.
type area struct {
	start, size int64 // on the member; the header says them
	place       int64 // where the text stands, from start
	length      int64
	textSum     uint32
	ignored     bool
	sumWanted   uint32
	sumFound    uint32
}

// parseArea reads the header of a metadata area that stands at off.
func parseArea(b []byte, off int64) (area, error) {
	const structure = "lvm: metadata area"
	if len(b) < sector || string(b[4:20]) != areaMagic {
		return area{}, cursor.ErrNot
	}
	b = b[:sector]
	c := cursor.New(structure, off, b)
	a := area{sumWanted: c.Uint32(), sumFound: sum(b[4:])}
	c.Skip(16)
	if v := c.Uint32(); v != 1 {
		return a, cursor.Corrupt(structure, off, "version 1", v)
	}
	a.start, a.size = bounded(c.Uint64()), bounded(c.Uint64())
	a.place, a.length, a.textSum = bounded(c.Uint64()), bounded(c.Uint64()), c.Uint32()
	a.ignored = c.Uint32()&1 != 0
	if a.size < 2*sector {
		return a, cursor.Corrupt(structure, off, "an area with room for text", a.size)
	}
	return a, nil
}

// current reads the newest text of an area of src, on which the area begins at a.start.
func (a area) current(src block.Source) ([]byte, error) {
	if a.place < sector || a.place >= a.size || a.length > min(a.size-sector, maxText) {
		return nil, cursor.Corrupt("lvm: metadata text", a.start, fmt.Sprintf("a text inside of %d bytes", a.size), fmt.Sprintf("%d bytes at %d", a.length, a.place))
	}
	return a.read(src, a.place, a.length)
}

// read reads n bytes of the ring from the place at on. Ring and header are one area; the ring begins behind the header.
func (a area) read(src block.Source, at, n int64) ([]byte, error) {
	first := min(n, a.size-at)
	b, err := cursor.Read(src, "lvm: metadata text", a.start+at, first, maxText)
	if err != nil || first == n {
		return b, err
	}
	rest, err := cursor.Read(src, "lvm: metadata text", a.start+sector, n-first, maxText)
	return append(b, rest...), err
}

// olderVersions returns every whole text in the ring, by where they begin, but that at torn, which is known to be
// broken. A text begins at a multiple of 512 and ends at a zero byte, or where its sections do.
func (a area) olderVersions(src block.Source, torn int64) []version {
	size := min(a.size, maxRing)
	ring := make([]byte, size)
	// What cannot be read stays zero, at which a text ends.
	filled := block.Filled(block.Section(src, block.Extent{Offset: a.start, Length: size}))
	n, err := filled.ReadAt(ring, 0)
	if err != nil {
		ring = ring[:n]
	}
	if len(ring) <= sector {
		return nil
	}
	ring = ring[sector:]
	twice := append(ring[:len(ring):len(ring)], ring...) // a text that is cut at the end goes on at the start
	var out []version
	// Texts do not overlap, so that all of them together are as long as the ring; twice that allows for torn ones.
	left := 2*len(ring) + maxText
	for at := 0; at < len(ring) && len(out) < maxVersions && left > 0; at += sector {
		if int64(at)+sector == torn || !beginsText(ring[at:]) {
			continue
		}
		text := twice[at : at+min(len(ring), maxText)]
		if end := bytes.IndexByte(text, 0); end >= 0 {
			text = text[:end]
		}
		left -= len(text)
		off := a.start + sector + int64(at)
		g, err := parseGroup(firstGroup(text), off)
		if err == nil {
			out = append(out, version{group: g, seqno: g.seqno, older: true, offset: off})
		}
	}
	return out
}

// maxVersions is how many texts of one ring are looked at.
const maxVersions = 4096

// beginsText reports whether b is the start of a group's text: its name, a brace and the identifier.
func beginsText(b []byte) bool {
	line, rest, ok := bytes.Cut(b[:min(len(b), 256)], []byte(" {\n"))
	if !ok || len(line) == 0 || len(line) > 128 {
		return false
	}
	for _, c := range line {
		if !nameByte(c) {
			return false
		}
	}
	return bytes.HasPrefix(bytes.TrimLeft(rest, "\t "), []byte("id = \""))
}

// firstGroup cuts a text that has older bytes behind it: the group's section, without what may follow. Braces in strings
// and comments do not count.
func firstGroup(b []byte) []byte {
	depth, inString, inComment := 0, false, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inComment:
			inComment = c != '\n'
		case inString:
			if c == '\\' {
				i++
			} else if c == '"' {
				inString = false
			}
		case c == '"':
			inString = true
		case c == '#':
			inComment = true
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth <= 0 {
				return b[:i+1]
			}
		}
	}
	return b
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
