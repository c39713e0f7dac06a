package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"

	"salvor/cursor"
	"salvor/filetype/internal/window"
)

// box is one box. Its content runs from body to end.
type box struct {
	kind           string
	off, body, end int64
	open           bool // its size is not told: it goes to the end of the file
}

// errNoBox says that no box begins at a place.
var errNoBox = errors.New("no box")

// readBox reads the header of the box at off, which must end at or before limit. Boxes that claim to end
// behind it are returned beside a *cursor.CorruptError.
func readBox(w *window.Window, off, limit int64) (box, error) {
	p, err := w.Bytes(off, 8)
	if err != nil {
		return box{}, err
	}
	size := int64(binary.BigEndian.Uint32(p))
	b := box{kind: string(p[4:8]), off: off, body: off + 8}
	switch {
	case size == 1:
		p, err := w.Bytes(off+8, 8)
		if err != nil {
			return box{}, err
		}
		v := binary.BigEndian.Uint64(p)
		if v < 16 || v > 1<<62 {
			return b, errNoBox
		}
		size, b.body = int64(v), off+16
	case size == 0:
		b.open, b.end = true, limit
		return b, nil
	case size < 8:
		return b, errNoBox
	}
	if size > 1<<62-off {
		return b, errNoBox
	}
	b.end = off + size
	if b.end > limit {
		return b, cursor.Corrupt(fmt.Sprintf("mp4: box %q", b.kind), off, fmt.Sprintf("an end up to %#x", limit), fmt.Sprintf("%#x", b.end))
	}
	return b, nil
}

// maxChildren is how many boxes one box may hold.
const maxChildren = 1 << 16

// children calls fn for each box between off and end.
func (x *exam) children(off, end int64, fn func(b box) error) error {
	for n := 0; off < end; n++ {
		if end-off < 8 || n > maxChildren {
			return x.padding(off, end)
		}
		b, err := readBox(x.w, off, end)
		if errors.Is(err, errNoBox) {
			return x.padding(off, end)
		}
		if err != nil {
			return err
		}
		if b.open && b.kind == "\x00\x00\x00\x00" {
			return x.padding(off, end)
		}
		if err := fn(b); err != nil {
			return err
		}
		off = b.end
	}
	return nil
}

// padding accepts zeros at the end of a box, which QuickTime writes behind its lists.
func (x *exam) padding(off, end int64) error {
	n := min(end-off, 8)
	p, err := x.w.Bytes(off, int(n))
	if err != nil {
		return err
	}
	for _, b := range p {
		if b != 0 {
			return cursor.Corrupt("mp4: box", off, "a box", "other bytes")
		}
	}
	return nil
}

// fields reads n bytes of the content of b into a cursor.
func (x *exam) fields(b box, n int) (*cursor.Cursor, error) {
	if int64(n) > b.end-b.body {
		return nil, cursor.Corrupt(fmt.Sprintf("mp4: box %q", b.kind), b.off, fmt.Sprintf("%d bytes", n), b.end-b.body)
	}
	p, err := x.w.Bytes(b.body, n)
	if err != nil {
		return nil, err
	}
	return cursor.New(fmt.Sprintf("mp4: box %q", b.kind), b.body, append([]byte(nil), p...)), nil
}

// table is a table of entries of one size in a box.
type table struct {
	w    *window.Window
	off  int64
	n    int64
	size int
}

const tableBuffer = 32 << 10

// table returns the table whose count stands at the given place of b's content and whose entries, of size
// bytes, follow it.
func (x *exam) table(b box, at, size int) (*table, error) {
	c, err := x.fields(b, at+4)
	if err != nil {
		return nil, err
	}
	c.Skip(at)
	t := &table{w: window.New(x.ctx, x.src, tableBuffer), off: b.body + int64(at) + 4, n: int64(c.Uint32BE()), size: size}
	if t.n > (b.end-t.off)/int64(max(size, 1)) {
		return nil, cursor.Corrupt(fmt.Sprintf("mp4: box %q", b.kind), b.body+int64(at),
			fmt.Sprintf("up to %d entries", (b.end-t.off)/int64(max(size, 1))), t.n)
	}
	return t, nil
}

// at returns a field of 4 bytes of entry i.
func (t *table) at(i int64, field int) (int64, error) {
	p, err := t.w.Bytes(t.off+i*int64(t.size)+int64(field), 4)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint32(p)), nil
}

// wide returns a field of 8 bytes of entry i.
func (t *table) wide(i int64) (int64, error) {
	p, err := t.w.Bytes(t.off+i*int64(t.size), 8)
	if err != nil {
		return 0, err
	}
	return int64(binary.BigEndian.Uint64(p) & (1<<63 - 1)), nil
}
