package gzip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/inflate"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{broken, badSum, loose, ambiguous, tooMuch, goodContent}

var (
	broken = &finding.Def{Code: "gzip.broken", Severity: finding.Error,
		Text: "the gzip file breaks at {offset}, in its {structure}: expected {expected}, found {found}"}
	badSum = &finding.Def{Code: "gzip.checksum", Severity: finding.Error,
		Text: "the content fails its {what}: stored {expected}, computed {found}"}
	loose = &finding.Def{Code: "gzip.loose-header", Severity: finding.Info,
		Text: "the content passes its CRC-32; the name, time or notes in the header carry no such check"}
	ambiguous = &finding.Def{Code: "gzip.ambiguous", Severity: finding.Info,
		Text: "the content passes its CRC-32; its compressed form is not the only one for it"}
	tooMuch = &finding.Def{Code: "gzip.too-much", Severity: finding.Warning,
		Text: "more than {expected} bytes of content; the rest is not checked"}
	goodContent = &finding.Def{Code: "gzip.good-content", Severity: finding.Info,
		Text: "{count} bytes of content can be unpacked before that"}
)

// maxContent is the most content that is inflated, in bytes.
const maxContent = 64 << 30

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "gzip",
		Class:      filetype.Archive,
		Extensions: []string{"gz", "tgz", "svgz", "emz"},
		Signatures: []probe.Probe{{ID: "gzip.member", Bytes: []byte(magic + "\x00"), Mask: []byte{0xFF, 0xFF, 0xFF, flagUnknown}}},
		Ceiling:    filetype.Proven, // CRC-32 and length of all content
		Carve:      true,
		Examine:    Examine,
		Scout:      Scout,
		Preview:    preview,
	}}
}

// walker goes through the members of one file.
type walker struct {
	ctx      context.Context
	src      block.Source
	s        *filetype.Stream
	r        filetype.Report
	inflater inflate.Inflater
	content  int64 // inflated so far
	members  int
	loose    bool
	many     bool // a member has more than one compressed form
	head     []byte
}

var errTooMuch = errors.New("gzip: too much content")

// Examine judges the file that begins at offset 0 of src.
func Examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	w := &walker{ctx: ctx, src: src, s: filetype.NewStream(ctx, src, 0)}
	p, err := w.s.Peek(4)
	if len(p) < 4 || string(p[:3]) != magic || p[3]&flagUnknown != 0 {
		if err != nil && ctx.Err() != nil {
			return filetype.Report{}, ctx.Err()
		}
		return filetype.Report{}, filetype.ErrNot
	}
	for {
		if err := w.member(); err != nil {
			return w.settle(err)
		}
		w.members++
		w.r.GoodUntil = w.s.Offset()
		p, err := w.s.Peek(len(magic))
		if err != nil && ctx.Err() != nil {
			return filetype.Report{}, ctx.Err()
		}
		if string(p) == magic {
			continue
		}
		if _, unread := block.IsUnreadable(err); unread && w.src.Size() > w.s.Offset() {
			// Whether another member follows cannot be known.
			return w.settle(&cutError{"the end of the file or another member", 0, err})
		}
		break
	}
	w.r.Size = w.r.GoodUntil
	w.r.Verdict = filetype.Proven
	switch {
	case w.loose:
		w.r.Verdict = filetype.Consistent
		w.r.Findings = append(w.r.Findings, loose.New())
	case w.many:
		w.r.Verdict = filetype.Consistent
		w.r.Findings = append(w.r.Findings, ambiguous.New())
	}
	w.describe()
	return w.r, nil
}

// member judges the member at which the stream stands.
func (w *walker) member() error {
	start := w.s.Offset()
	h, err := readHeader(w.s)
	if err != nil {
		return err
	}
	if w.members == 0 {
		w.r.Hints.Title = exif.Text(h.name)
		w.r.Hints.Taken = h.time
	}
	w.loose = w.loose || h.loose
	sum, before := uint32(0), w.content
	ask := inflate.Refused
	if w.loose || w.many {
		ask = inflate.Ignored
	}
	res, err := w.inflater.Run(w.ctx, w.s, ask, func(p []byte) error {
		sum = crc32.Update(sum, crc32.IEEETable, p)
		if w.members == 0 && len(w.head) < 512 {
			w.head = append(w.head, p[:min(len(p), 512-len(w.head))]...)
		}
		if w.content += int64(len(p)); w.content > maxContent {
			return errTooMuch
		}
		return nil
	})
	if err != nil {
		if c, ok := cursor.IsCorrupt(err); ok {
			w.r.GoodUntil = w.inflater.Sound()
			return c
		}
		if err == errTooMuch || w.ctx.Err() != nil {
			return err
		}
		w.r.GoodUntil = w.s.Offset()
		return &cutError{"the rest of the content", 9, err}
	}
	w.many = w.many || !w.loose && !res.Forced
	p, err := w.s.Peek(8)
	if err != nil {
		w.r.GoodUntil = w.s.Offset()
		w.s.Discard(len(p))
		return &cutError{"the sum of the content", int64(8 - len(p)), err}
	}
	if stored := binary.LittleEndian.Uint32(p); stored != sum {
		return w.wrong(start, "CRC-32", fmt.Sprintf("%08x", stored), fmt.Sprintf("%08x", sum))
	}
	if stored, n := binary.LittleEndian.Uint32(p[4:]), uint32(w.content-before); stored != n {
		return w.wrong(start, "length", fmt.Sprint(stored), fmt.Sprint(n))
	}
	w.s.Discard(8)
	w.r.Uncovered.Add(block.Extent{Offset: start + 8, Length: 2})
	return nil
}

// sumError is content that fails its sum, though it inflates.
type sumError struct {
	start                  int64
	what, stored, computed string
}

func (e *sumError) Error() string { return "gzip: " + e.what }

func (w *walker) wrong(start int64, what, stored, computed string) error {
	return &sumError{start, what, stored, computed}
}

// settle turns what ended the walk into a report.
func (w *walker) settle(err error) (filetype.Report, error) {
	if w.ctx.Err() != nil {
		return filetype.Report{}, w.ctx.Err()
	}
	w.r.Uncovered = block.Set{}
	w.r.Size = w.r.GoodUntil
	var cut *cutError
	var sum *sumError
	if c, ok := cursor.IsCorrupt(err); ok {
		w.r.Verdict = filetype.Damaged
		w.r.GoodUntil = min(max(w.r.GoodUntil, 0), c.Offset)
		w.r.Size = w.r.GoodUntil
		w.r.Findings = append(w.r.Findings, broken.New(finding.At(c.Offset, 0), finding.Arg("structure", c.Structure), finding.Expected(c.Expected, c.Found)))
	} else if errors.As(err, &sum) {
		// It inflates to its end: the place of the end is known, the place of the wrong byte is not.
		w.r.Verdict = filetype.Damaged
		w.r.GoodUntil, w.r.Size = sum.start, w.s.Offset()+8
		w.r.Findings = append(w.r.Findings, badSum.New(finding.At(sum.start, w.r.Size-sum.start), finding.Arg("what", sum.what),
			finding.Expected(sum.stored, sum.computed)))
	} else if err == errTooMuch {
		w.r.Verdict = filetype.Unknown
		w.r.Findings = append(w.r.Findings, tooMuch.New(finding.Expected(int64(maxContent), nil)))
	} else if errors.As(err, &cut) {
		off := w.s.Offset()
		w.r.GoodUntil = max(w.r.GoodUntil, min(off, w.src.Size()))
		if err := filetype.Stopped(w.src, &w.r, "gzip file", off, off+cut.need, cut.expected, cut.err); err != nil {
			return filetype.Report{}, err
		}
	} else {
		return filetype.Report{}, err
	}
	if w.content > 0 {
		w.r.Findings = append(w.r.Findings, goodContent.New(finding.Arg("count", w.content)))
	}
	filetype.TellPart(&w.r, "gzip file", goodContent)
	w.describe()
	return w.r, nil
}

// describe says what a person would call the file.
func (w *walker) describe() {
	if name, ok := exam.TarName(w.head); ok {
		w.r.Extension = "tar.gz"
		if w.r.Hints.Title == "" {
			w.r.Hints.Title = name
		}
		return
	}
	// The name inside gives the extension back that a carved file has lost, when it is a plain one.
	if ext := path.Ext(w.r.Hints.Title); len(ext) > 1 && len(ext) <= 6 && strings.IndexFunc(ext[1:], func(r rune) bool {
		return !(r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z')
	}) < 0 {
		w.r.Extension = strings.ToLower(ext[1:]) + ".gz"
	}
}
