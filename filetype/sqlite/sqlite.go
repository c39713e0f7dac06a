package sqlite

import (
	"context"
	"errors"
	"io"
	"math"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/finding"
)

// Formats returns the rows of this family: databases, their write-ahead logs and their journals.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "sqlite",
		Class:      filetype.Database,
		Extensions: []string{"sqlite", "db", "sqlite3", "db3", "s3db"},
		Signatures: []probe.Probe{{ID: "sqlite.header", Bytes: []byte(magic), Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Single:     true,
		Examine:    examine,
		Scout:      Scout,
		Preview:    preview,
		Rows:       rows,
	}, logFormat(), journalFormat()}
}

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{badPage, badHeader, pagesWhole, writeAhead, noChecksum, pagesMissing, tooLarge}

var (
	badPage = &finding.Def{Code: "sqlite.page", Severity: finding.Error,
		Text: "page {page} of the database: {what}: {found}, expected {expected}"}
	badHeader = &finding.Def{Code: "sqlite.header", Severity: finding.Error,
		Text: "the header of the database: {what}: {found}, expected {expected}"}
	pagesWhole = &finding.Def{Code: "sqlite.pages", Severity: finding.Error,
		Text: "{bad} contradictions in {total} pages"}
	pagesMissing = &finding.Def{Code: "sqlite.pages.missing", Severity: finding.Error,
		Text: "{found} of {expected} pages of the database are there"}
	writeAhead = &finding.Def{Code: "sqlite.wal", Severity: finding.Info,
		Text: "the database writes ahead: its newest changes may stand in the file of the same name with -wal behind it, which is needed beside it"}
	noChecksum = &finding.Def{Code: "sqlite.no-checksum", Severity: finding.Info,
		Text: "all {total} pages are in use once and read without contradiction; the format carries no checksum of values"}
	tooLarge = &finding.Def{Code: "sqlite.too-large", Severity: finding.Warning,
		Text: "the schema has more entries than are followed ({expected})"}
)

func examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	if err := ctx.Err(); err != nil {
		return filetype.Report{}, err
	}
	b := make([]byte, headerSize)
	n, err := src.ReadAt(b, 0)
	if n < len(b) {
		return unreadHeader(ctx, src, b[:n], err)
	}
	h, herr := parseHeader(b)
	if errors.Is(herr, filetype.ErrNot) {
		return filetype.Report{}, herr
	}
	w := &walker{ctx: ctx, src: src, h: h, seen: bitmap{}, broken: -1}
	if c, ok := cursor.IsCorrupt(herr); ok {
		w.broken = c.Offset
		w.found = append(w.found, badHeader.New(finding.At(c.Offset, 4), finding.Arg("what", c.Structure),
			finding.Expected(c.Expected, c.Found)))
	}
	tables, err := w.run()
	if err != nil {
		return filetype.Report{}, err
	}
	return w.report(tables), nil
}

// unreadHeader judges a file whose header cannot be read as a whole.
func unreadHeader(ctx context.Context, src block.Source, b []byte, err error) (filetype.Report, error) {
	if cerr := ctx.Err(); cerr != nil {
		return filetype.Report{}, cerr
	}
	if len(b) < len(magic) || string(b[:len(magic)]) != magic {
		return filetype.Report{}, filetype.ErrNot
	}
	if err == nil {
		err = io.EOF
	}
	r := filetype.Report{GoodUntil: int64(len(b)), Size: int64(len(b))}
	return r, filetype.Stopped(src, &r, "sqlite", int64(len(b)), headerSize, "the header of the database", err)
}

// run visits every page and returns the names of the first tables.
func (w *walker) run() ([]string, error) {
	w.seen.set(1)
	w.last = 1
	w.spare = make([]byte, w.h.pageSize)
	list, tables, err := w.schema()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if err := w.tree(e.root, 1, e.kind, nil); err != nil {
			return nil, err
		}
	}
	if w.h.freeTrunk != 0 {
		if err := w.freelist(); err != nil {
			return nil, err
		}
	}
	return tables, w.rest(w.count())
}

// count returns how many pages the database has.
func (w *walker) count() int64 {
	if w.h.pages > 0 {
		return w.h.pages
	}
	return w.last
}

func (w *walker) report(tables []string) filetype.Report {
	pages := w.count()
	r := filetype.Report{Size: pages * w.h.pageSize, Missing: w.missing}
	r.GoodUntil = min(r.Size, w.src.Size())
	r.Hints.Title = strings.Join(tables, ", ")
	firstMissing := int64(math.MaxInt64)
	for e := range w.missing.All() {
		firstMissing = e.Offset
		break
	}
	total := finding.Arg("total", pages)
	switch {
	case w.broken >= 0:
		r.Verdict = filetype.Damaged
		r.GoodUntil = min(w.broken, firstMissing, r.GoodUntil)
		if w.bad > 0 {
			r.Findings = append(r.Findings, pagesWhole.New(finding.Arg("bad", w.bad), total))
		}
	case !w.missing.Empty():
		r.Verdict = filetype.Partial
		r.GoodUntil = min(firstMissing, r.GoodUntil)
		lost, next := int64(0), int64(0)
		for e := range w.missing.All() { // a page with two holes is one
			first, last := max(e.Offset/w.h.pageSize, next), (e.End()-1)/w.h.pageSize
			lost += max(0, last-first+1)
			next = max(next, last+1)
		}
		e := w.missing.Extents()[0]
		r.Findings = append(r.Findings, pagesMissing.New(finding.At(e.Offset, e.Length), finding.Expected(pages, pages-lost)))
	case w.limited:
		r.Verdict = filetype.Unknown
		r.Findings = append(r.Findings, tooLarge.New(finding.Expected(maxSchema, nil)))
	default:
		r.Verdict = filetype.Consistent
		r.Findings = append(r.Findings, noChecksum.New(total))
	}
	r.Findings = append(r.Findings, w.found...)
	if w.h.wal {
		r.Findings = append(r.Findings, writeAhead.New())
	}
	return r
}
