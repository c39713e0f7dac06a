package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// maxCounted is how many pages are read to count rows.
const maxCounted = 1 << 16

// preview lists the tables with their rows.
func preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	var p filetype.Preview
	w, err := begin(ctx, src)
	if w == nil {
		return p, err
	}
	h := w.h
	list, _, err := w.schema()
	if err != nil {
		return filetype.Preview{}, err
	}
	p.Facts = []filetype.Fact{{Name: "Pages", Value: fmt.Sprintf("%d of %d bytes", w.count(), h.pageSize)}}
	c := counter{w: w, left: maxCounted}
	for _, e := range list {
		if !e.table {
			continue
		}
		if len(p.Members) == filetype.MaxMembers {
			p.More++
			continue
		}
		c.rows, c.whole = 0, true
		if err := c.count(int64(e.root), 0); err != nil {
			return filetype.Preview{}, err
		}
		note := fmt.Sprintf("%d rows", c.rows)
		if !c.whole {
			note = fmt.Sprintf("%d rows or more", c.rows)
		}
		p.Members = append(p.Members, filetype.Member{Name: exif.Text(e.name), Size: -1, Note: note})
	}
	return p, nil
}

// begin reads the header of a database. It gives no walker, and no error, where nothing can be told but that it is one.
func begin(ctx context.Context, src block.Source) (*walker, error) {
	b := make([]byte, headerSize)
	n, err := src.ReadAt(b, 0)
	if cerr := ctx.Err(); cerr != nil {
		return nil, cerr
	}
	if n < len(b) {
		if n < len(magic) || string(b[:len(magic)]) != magic {
			if _, unread := block.IsUnreadable(err); unread {
				return nil, err
			}
			return nil, filetype.ErrNot
		}
		return nil, nil
	}
	h, err := parseHeader(b)
	if errors.Is(err, filetype.ErrNot) {
		return nil, err
	}
	if h.pageSize == 0 {
		return nil, nil
	}
	w := &walker{ctx: ctx, src: src, h: h, seen: bitmap{}, broken: -1, last: 1, spare: make([]byte, h.pageSize)}
	w.seen.set(1)
	return w, nil
}

// counter counts the rows of trees.
type counter struct {
	w     *walker
	left  int // pages that may still be read
	rows  int64
	whole bool // every page of the tree was read
}

// count adds the rows of the subtree of page n. Its only errors are those of the context.
func (c *counter) count(n int64, depth int) error {
	if c.left--; c.left < 0 || depth > maxDepth || n < 1 {
		c.whole = false
		return nil
	}
	buf := make([]byte, c.w.h.pageSize)
	if err := c.w.read(n, buf); err != nil {
		c.whole = false
		if errors.Is(err, errGone) {
			return nil
		}
		return err
	}
	start := 0
	if n == 1 {
		start = headerSize
	}
	kind, cells := buf[start], int(binary.BigEndian.Uint16(buf[start+3:]))
	switch kind {
	case leafTable, leafIndex:
		c.rows += int64(cells)
		return nil
	case interiorTable, interiorIndex:
	default:
		c.whole = false
		return nil
	}
	if kind == interiorIndex { // its own cells are rows too
		c.rows += int64(cells)
	}
	for i := range cells {
		at := start + 12 + 2*i
		if at+2 > len(buf) {
			break
		}
		cell := int(binary.BigEndian.Uint16(buf[at:]))
		if cell+4 > len(buf) {
			c.whole = false
			continue
		}
		if err := c.count(int64(binary.BigEndian.Uint32(buf[cell:])), depth+1); err != nil {
			return err
		}
	}
	return c.count(int64(binary.BigEndian.Uint32(buf[start+8:])), depth+1)
}
