package ntfs

import (
	"time"

	"salvor/cursor"
	"salvor/filesystem/internal/cluster"
)

// Name spaces of a file name.
const (
	spaceDOS  = 2 // the short name of a file that has a long one
	spaceBoth = 3 // and the largest
)

// Attributes of files, as they stand in $STANDARD_INFORMATION and in names.
const (
	attrReadOnly   = 0x1
	attrHidden     = 0x2
	attrSystem     = 0x4
	attrArchive    = 0x20
	attrNormal     = 0x80
	attrEncrypted  = 0x4000
	attrDirectory  = 0x10000000 // in names only
	nameHeader     = 66         // bytes before the characters
	maxNameUnits   = 255
	standardLength = 48
)

// fileName is the value of a $FILE_NAME attribute, and the key of an entry of a directory.
type fileName struct {
	parent     reference
	times      fileTimes
	allocated  int64
	size       int64
	attributes uint32
	reparse    uint32 // the tag, where attributes say that there is one
	space      uint8
	name       string
}

func (n *fileName) directory() bool { return n.attributes&attrDirectory != 0 }

// fileTimes are the four times that NTFS keeps, in its units.
type fileTimes struct{ created, modified, changed, accessed uint64 }

// parseFileName decodes a $FILE_NAME value at off.
func parseFileName(b []byte, off int64) (fileName, error) {
	c := cursor.New("ntfs: file name", off, b)
	n := fileName{parent: reference(c.Uint64()),
		times:     fileTimes{created: c.Uint64(), modified: c.Uint64(), changed: c.Uint64(), accessed: c.Uint64()},
		allocated: int64(c.Uint64()), size: int64(c.Uint64()), attributes: c.Uint32()}
	n.reparse = c.Uint32()
	units := int(c.Uint8())
	n.space = c.Uint8()
	name := c.Bytes(2 * units)
	switch {
	case c.Err() != nil:
		return n, c.Err()
	case units == 0:
		return n, cursor.Corrupt("ntfs: file name: length", off+64, "1 to 255", 0)
	case n.space > spaceBoth:
		return n, cursor.Corrupt("ntfs: file name: name space", off+65, "0 to 3", n.space)
	case n.size < 0 || n.allocated < 0:
		return n, cursor.Corrupt("ntfs: file name: size", off+48, "0 or more", n.size)
	}
	n.name = text(name)
	return n, nil
}

// text decodes UTF-16. Half of a surrogate pair that stands alone is kept: no name is lost.
func text(b []byte) string {
	var room [maxNameUnits]uint16
	units := room[:0]
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, le.Uint16(b))
	}
	return cluster.Name(units)
}

// epoch is the number of seconds from 1601, where the format begins, to 1970.
const epoch = 11644473600

// moment turns units of 100 ns since 1601 into a time. Zero, and years that no clock shows, are not known.
func moment(v uint64) time.Time {
	if v == 0 || v > 1<<63-1 {
		return time.Time{}
	}
	t := time.Unix(int64(v/1e7)-epoch, int64(v%1e7)*100).UTC()
	if t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
