package sqlite

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	journalMagic  = "\xD9\xD5\x05\xF9\x20\xA1\x63\xD7"
	journalHeader = 28
)

var journalKind = exam.Kind{Format: "journal of a database", Buffer: 256 << 10, Walk: walkJournal}

// journalFormat is the row of rollback journals.
func journalFormat() filetype.Format {
	return filetype.Format{
		Name:       "sqlite-journal",
		Class:      filetype.Database,
		Extensions: []string{"sqlite-journal", "db-journal", "journal"},
		Signatures: []probe.Probe{{ID: "sqlite-journal.header", Bytes: []byte(journalMagic), Align: 512}},
		Ceiling:    filetype.Consistent, // the sum of a page takes every 200th byte
		Carve:      true,
		Examine:    journalKind.Examine,
		Preview:    journalKind.Preview,
	}
}

// journalHead is the header of a segment of a journal.
type journalHead struct {
	records      uint32
	nonce        uint32
	pages        uint32
	sector, page int64
}

func parseJournalHead(b []byte, off int64) (h journalHead, err error) {
	c := cursor.New("header", off, b)
	c.Skip(8)
	h.records, h.nonce, h.pages = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	h.sector, h.page = int64(c.Uint32BE()), int64(c.Uint32BE())
	switch {
	case c.Err() != nil:
		return h, c.Err()
	case h.sector < 32 || h.sector > 65536 || h.sector&(h.sector-1) != 0:
		return h, cursor.Corrupt("header", off+20, "a size of sectors", h.sector)
	case h.page < 512 || h.page > 65536 || h.page&(h.page-1) != 0:
		return h, cursor.Corrupt("header", off+24, "a size of pages", h.page)
	}
	return h, nil
}

// journalSum is the sum of a page: the nonce and every 200th byte, counted from the end.
func journalSum(nonce uint32, page []byte) uint32 {
	for i := len(page) - 200; i > 0; i -= 200 {
		nonce += uint32(page[i])
	}
	return nonce
}

// walkJournal follows the segments of a journal. Where a header does not tell how many pages follow, since the writer
// came to no end, the pages that pass their sums count.
func walkJournal(e *exam.Exam) error {
	p, err := e.Head(8)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:8]) != journalMagic {
		return filetype.ErrNot
	}
	var off, pages int64
	var first journalHead
	for segment := 0; ; segment++ {
		if p, err = e.Need(off, journalHeader, "the header"); err != nil {
			return err
		}
		h, err := parseJournalHead(p, off)
		if err != nil {
			return err
		}
		if segment == 0 {
			first = h
		} else if h.page != first.page && h.page != 0 {
			return cursor.Corrupt("header", off+24, first.page, h.page)
		}
		if err := e.Each(block.Extent{Offset: off, Length: h.sector}, "the header", nil); err != nil {
			return err
		}
		off += h.sector
		e.R.GoodUntil = off
		known := h.records != 0 && h.records != math.MaxUint32
		if known {
			e.Want = off + int64(h.records)*(h.page+8)
		}
		for n := uint32(0); !known || n < h.records; n++ {
			if !known && off+h.page+8 > e.Size() {
				break
			}
			if p, err = e.Need(off, int(h.page+8), "a page"); err != nil {
				return err
			}
			number := binary.BigEndian.Uint32(p)
			stored, sum := binary.BigEndian.Uint32(p[4+h.page:]), journalSum(h.nonce, p[4:4+h.page])
			if stored != sum || number == 0 {
				if !known {
					break
				}
				return cursor.Corrupt(fmt.Sprintf("page %d", number), off, fmt.Sprintf("the sum %08x", sum), fmt.Sprintf("%08x", stored))
			}
			off += h.page + 8
			pages++
			e.R.GoodUntil = off
			e.Units(pages, 0, "pages")
		}
		// Another segment begins at the next sector. The last one has no magic while it was not synced.
		next := (off + h.sector - 1) &^ (h.sector - 1)
		p, err := e.Upto(next, journalHeader)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if _, unread := block.IsUnreadable(err); unread && next < e.Size() {
			return e.Lost(next+int64(len(p)), next+journalHeader, "the end or another header", err)
		}
		unsynced := len(p) >= journalHeader && strings.Trim(string(p[:12]), "\x00") == "" &&
			int64(binary.BigEndian.Uint32(p[20:])) == first.sector && int64(binary.BigEndian.Uint32(p[24:])) == first.page
		if pages == 0 || !unsynced && (len(p) < len(journalMagic) || string(p[:8]) != journalMagic) || next+h.sector > e.Size() {
			break
		}
		if err := e.Each(block.Between(off, next), "what fills up a sector", nil); err != nil {
			return err
		}
		off = next
	}
	e.Fact("Pages", fmt.Sprintf("%d of %d bytes", pages, first.page))
	e.Fact("Database", fmt.Sprintf("%d pages before the change", first.pages))
	if pages == 0 {
		return cursor.Corrupt("pages", off, "a page that passes its sum", "none")
	}
	return e.Whole(filetype.Consistent, off)
}
