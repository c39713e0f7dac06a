package riff

import (
	"bytes"

	"salvor/block/probe"
	"salvor/filetype"
)

// Probe returns what a file begins with whose first letters are magic, and whose type begins with kind: any size stands between.
func Probe(id, magic, kind string) probe.Probe {
	letters := bytes.Repeat([]byte{0xFF}, 8+len(kind))
	copy(letters[4:8], make([]byte, 4))
	return probe.Probe{ID: id, Bytes: []byte(magic + "\x00\x00\x00\x00" + kind), Mask: letters}
}

// Row returns the beginning of the row of a format whose files are made of chunks. No such format has a checksum anywhere, so that
// none is ever better than Consistent.
func Row(name string, class filetype.Class, extensions []string, signatures ...probe.Probe) filetype.Format {
	return filetype.Format{Name: name, Class: class, Extensions: extensions, Signatures: signatures, Ceiling: filetype.Consistent}
}
