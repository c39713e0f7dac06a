package qcow2

import (
	"time"

	"salvor/cursor"
)

// parseSnapshot reads an entry of the table of snapshots, and returns its length in bytes.
func parseSnapshot(b []byte, off int64) (name string, when time.Time, size int64, err error) {
	c := cursor.New("qcow2: snapshot", off, b)
	c.Skip(12) // its L1 table
	idLen, nameLen := int(c.Uint16BE()), int(c.Uint16BE())
	seconds := c.Uint32BE()
	c.Skip(4 + 8 + 4)
	c.Skip(int(min(c.Uint32BE(), maxSnapshot)))
	c.Skip(idLen)
	name = string(c.Bytes(nameLen))
	return name, time.Unix(int64(seconds), 0), int64(c.At()+7) &^ 7, c.Err()
}
