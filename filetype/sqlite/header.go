package sqlite

import (
	"salvor/cursor"
	"salvor/filetype"
)

const (
	magic      = "SQLite format 3\x00"
	headerSize = 100
	lockByte   = 1 << 30 // the page that holds this byte is never used
)

// header is the database header.
type header struct {
	pageSize  int64
	usable    int // bytes of a page that are not reserved
	wal       bool
	pages     int64 // 0 when the header does not say or is not up to date
	freeTrunk uint32
	freeCount uint32
	vacuum    bool // there are pointer map pages
	encoding  uint32
}

// parseHeader reads the database header. [filetype.ErrNot] is for bytes that cannot be one.
func parseHeader(b []byte) (h header, err error) {
	c := cursor.New("sqlite: database header", 0, b)
	if string(c.Bytes(len(magic))) != magic {
		return h, filetype.ErrNot
	}
	h.pageSize = int64(c.Uint16BE())
	if h.pageSize == 1 {
		h.pageSize = 65536
	}
	write, read, reserved := c.Uint8(), c.Uint8(), c.Uint8()
	fractions := [3]uint8{c.Uint8(), c.Uint8(), c.Uint8()}
	changes, pages := c.Uint32BE(), c.Uint32BE()
	h.freeTrunk, h.freeCount = c.Uint32BE(), c.Uint32BE()
	c.Skip(4)
	schema := c.Uint32BE()
	c.Skip(4)
	largestRoot := c.Uint32BE()
	h.encoding = c.Uint32BE()
	c.Skip(4)
	incremental := c.Uint32BE()
	c.Seek(92)
	validFor := c.Uint32BE()
	c.Skip(4)
	if err := c.Err(); err != nil {
		return h, filetype.ErrNot
	}
	if h.pageSize < 512 || h.pageSize > 65536 || h.pageSize&(h.pageSize-1) != 0 {
		return h, filetype.ErrNot
	}
	h.usable = int(h.pageSize) - int(reserved)
	h.wal = read == 2 || write == 2
	h.vacuum = largestRoot != 0
	if changes == validFor {
		h.pages = int64(pages)
	}
	for _, v := range []struct {
		at        int64
		what      string
		ok        bool
		want, got any
	}{
		{18, "write version", write >= 1, "1 or 2", write},
		{19, "read version", read == 1 || read == 2, "1 or 2", read},
		{20, "reserved space", h.usable >= 480, "at least 480 usable bytes", h.usable},
		{21, "payload fractions", fractions == [3]uint8{64, 32, 32}, "64 32 32", fractions},
		{44, "schema format", schema <= 4, "0 to 4", schema},
		{56, "text encoding", h.encoding <= 3, "0 to 3", h.encoding},
		{64, "vacuum mode", incremental == 0 || h.vacuum, 0, incremental},
		{32, "freelist", (h.freeTrunk == 0) == (h.freeCount == 0), "both or none of first page and count", h.freeCount},
	} {
		if !v.ok && err == nil {
			err = cursor.Corrupt("sqlite: database header: "+v.what, v.at, v.want, v.got)
		}
	}
	if h.usable < 480 {
		h.usable = int(h.pageSize)
	}
	return h, err
}

// lockPage returns the number of the page that holds the lock byte.
func (h *header) lockPage() int64 { return lockByte/h.pageSize + 1 }

// mapPage returns the number of the pointer map page that speaks of page n.
func (h *header) mapPage(n int64) int64 {
	if n < 2 {
		return 0
	}
	each := int64(h.usable/5 + 1)
	m := (n-2)/each*each + 2
	if m == h.lockPage() {
		m++
	}
	return m
}

// isMap reports whether page n is a pointer map page.
func (h *header) isMap(n int64) bool { return h.vacuum && n >= 2 && h.mapPage(n) == n }
