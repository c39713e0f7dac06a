package text

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
)

// separated follows a table with one separator. Only counts are kept.
type separated struct {
	by     byte
	off    bool  // it is no such table
	fields int64 // of every row; 0 before the first is complete
	rows   int64
	at     int64 // separators of the current row
	blank  bool  // the row is empty so far
	start  bool  // a field begins
	quoted bool
	ended  bool // a quoted field may just have ended: its last byte is a quote
}

func newSeparated(by byte) *separated { return &separated{by: by, blank: true, start: true} }

func (t *separated) see(p []byte) {
	if t.off {
		return
	}
	for _, b := range p {
		if t.quoted {
			if b == '"' {
				t.quoted, t.ended = false, true
			}
			continue
		}
		if t.ended {
			t.ended = false
			switch b {
			case '"': // a doubled quote
				t.quoted = true
				continue
			case t.by, '\n', '\r':
			default:
				t.off = true
				return
			}
		}
		switch {
		case b == t.by:
			t.at++
			t.start, t.blank = true, false
		case b == '\n':
			if !t.row() {
				return
			}
		case b == '"' && t.start:
			t.quoted, t.start, t.blank = true, false, false
		case b == '\r':
		default:
			t.start, t.blank = false, false
		}
	}
}

// row ends a row; it reports whether this may still be a table.
func (t *separated) row() bool {
	if !t.blank {
		t.rows++
		switch {
		case t.fields == 0:
			t.fields = t.at + 1
			t.off = t.fields < 2
		case t.fields != t.at+1:
			t.off = true
		}
	}
	t.at, t.blank, t.start = 0, true, true
	return !t.off
}

// whole ends the table: at least two rows of equally many fields, and not just two lines with a comma.
func (t *separated) whole() bool {
	if t.off || t.quoted || !t.row() {
		return false
	}
	return t.rows >= 2 && t.fields >= 2 && (t.rows >= 3 || t.fields >= 3)
}

func examineCSV(ctx context.Context, src block.Source) (filetype.Report, error) {
	s := filetype.NewStream(ctx, src, 0)
	tables := []*separated{newSeparated(','), newSeparated(';'), newSeparated('\t'), newSeparated('|')}
	res, err := judge(s, func(p []byte) bool {
		left := false
		for _, t := range tables {
			t.see(p)
			left = left || !t.off
		}
		return left
	})
	if ctx.Err() != nil {
		return filetype.Report{}, ctx.Err()
	}
	if err != nil || !res.plausible() || res.zeroFrom >= 0 || res.cut || res.badAt >= 0 || res.size != src.Size() {
		return filetype.Report{}, filetype.ErrNot
	}
	for _, t := range tables {
		if t.whole() {
			r := filetype.Report{Verdict: filetype.Consistent, Size: src.Size(), GoodUntil: src.Size()}
			if t.by == '\t' {
				r.Extension = "tsv"
			}
			r.Findings = []finding.Finding{filetype.NoProof.New(finding.Arg("format",
				fmt.Sprintf("table of %d rows with %d fields", t.rows, t.fields)))}
			return r, nil
		}
	}
	return filetype.Report{}, filetype.ErrNot
}
