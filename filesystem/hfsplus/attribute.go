package hfsplus

import (
	"salvor/cursor"
)

// Types of records of the attributes file.
const (
	attributeInline  = 0x10
	attributeFork    = 0x20
	attributeExtents = 0x30
)

// maxAttributes bounds the attributes of one file.
const maxAttributes = 4096

// attribute is an extended attribute.
type attribute struct {
	file  uint32
	name  string
	value []byte // of an inline one
	at    int64  // of the value in the attributes file
	fork  *fork  // of one that is stored like a file
	start uint32 // the block from which extents go on
	more  *[inFork]extentDescriptor
}

// parseAttribute reads a record of the attributes file.
func parseAttribute(r record) (a attribute, ok bool) {
	if len(r.key) < 12 || len(r.data) < 4 {
		return a, false
	}
	n := int(be.Uint16(r.key[10:]))
	if n > maxName || 12+2*n > len(r.key) {
		return a, false
	}
	a.file, a.start, a.name = be.Uint32(r.key[2:]), be.Uint32(r.key[6:]), attributeName(r.key[12:12+2*n])
	data := r.at + 2 + int64(len(r.key)+len(r.key)&1)
	c := cursor.New("hfsplus: attribute", data, r.data)
	switch kind := c.Uint32BE(); kind {
	case attributeInline:
		c.Skip(8)
		size := c.Uint32BE()
		a.at = c.Offset()
		if int64(size) > int64(c.Len()) {
			return a, false
		}
		a.value = c.Bytes(int(size))
	case attributeFork:
		c.Skip(4)
		f := readFork(c)
		a.fork = &f
	case attributeExtents:
		c.Skip(4)
		e := readExtents(c)
		a.more = &e
	default:
		return a, false
	}
	return a, c.Err() == nil
}

// attributeName is not composed: names of attributes are compared byte by byte.
func attributeName(p []byte) string {
	units := make([]byte, 0, len(p)/2)
	for i := 0; i+1 < len(p); i += 2 {
		if p[i] != 0 || p[i+1] >= 0x80 {
			return decodeName(p)
		}
		units = append(units, p[i+1])
	}
	return string(units)
}
