package sqlite

import (
	"bytes"
	"context"
	"encoding/binary"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
)

// mark is a place between two pages.
type mark struct {
	next  int64 // page
	size  int64 // of a page
	good  int64
	loose int64 // pages so far that are no b-tree's and no overflow's
	blind []block.Extent
}

// Offset returns up to where the database was read.
func (m *mark) Offset() int64 { return (m.next - 1) * m.size }

// Scout follows the pages of a database in the order in which they lie, see [filetype.Scout]. A page is of a b-tree,
// which its cells and free blocks show by filling it exactly, or of an overflow chain, whose first number is that of a page, or free, as
// many as the header says. Only Examine sees whether the trees are whole.
func Scout(ctx context.Context, src block.Source, from filetype.Mark, keep func(filetype.Mark)) (filetype.Reach, error) {
	head := make([]byte, headerSize)
	if n, _ := src.ReadAt(head, 0); n < len(head) {
		if err := ctx.Err(); err != nil {
			return filetype.Reach{}, err
		}
		return filetype.Reach{}, filetype.ErrNot
	}
	h, err := parseHeader(head)
	if _, corrupt := cursor.IsCorrupt(err); err != nil && !corrupt {
		return filetype.Reach{}, err
	}
	if err != nil || h.pages == 0 {
		return filetype.Reach{Bad: headerSize}, nil
	}
	m := mark{next: 1, size: h.pageSize}
	if k, ok := from.(*mark); ok && k.size == h.pageSize {
		m = *k
		m.blind = m.blind[:len(m.blind):len(m.blind)]
	}
	s := filetype.NewStream(ctx, src, m.Offset())
	var p page
	for last := m.Offset(); m.next <= h.pages; m.next++ {
		at := m.Offset()
		if keep != nil && at-last >= filetype.MarkEvery {
			k := m
			keep(&k)
			last = at
		}
		b, err := s.Peek(int(h.pageSize))
		if err != nil {
			if ctx.Err() != nil {
				return filetype.Reach{}, ctx.Err()
			}
			return filetype.Reach{Ended: true, Good: m.good, Bad: at + int64(len(b)), Blind: m.blind}, nil
		}
		switch {
		case p.parse(m.next, b[:h.usable], at) == nil && len(p.cells) > 0:
			if m.loose == 0 { // behind a page that may be free, and may be someone else's, nothing is sure
				m.good = at
			}
		case m.next == h.lockPage() || h.isMap(m.next) || p.empty(b):
			m.hide(at)
		case overflows(b, &h):
			m.hide(at)
		default:
			m.hide(at)
			if m.loose++; m.loose > int64(h.freeCount) {
				return filetype.Reach{Good: m.good, Bad: at + h.pageSize, Blind: m.blind}, nil
			}
		}
		s.Discard(int(h.pageSize))
	}
	return filetype.Reach{Whole: true, Good: m.good, Bad: m.Offset(), Blind: m.blind}, ctx.Err()
}

// empty reports whether the page that was parsed, b, is one of a b-tree without cells.
func (p *page) empty(b []byte) bool {
	return len(p.cells) == 0 && (p.kind == leafTable || p.kind == leafIndex) && binary.BigEndian.Uint16(b[3:]) == 0 && b[7] == 0
}

// overflows reports whether b can be a page of an overflow chain: it begins with the number of the next, and is not of one
// value, as gaps are. A database with a page of zeros in such a chain is not put together for that.
func overflows(b []byte, h *header) bool {
	return int64(binary.BigEndian.Uint32(b)) <= h.pages && bytes.Count(b, b[:1]) < len(b)
}

// hide notes a page whose content nothing checks.
func (m *mark) hide(at int64) {
	if n := len(m.blind); n > 0 && m.blind[n-1].End() == at {
		e := m.blind[n-1]
		e.Length += m.size
		m.blind = append(m.blind[:n-1:n-1], e)
		return
	}
	m.blind = append(m.blind, block.Extent{Offset: at, Length: m.size})
}
