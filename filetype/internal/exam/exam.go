// Package exam holds what the examinations of structured files have in common: reading what a structure needs,
// and turning the way in which a walk through a file ended into a report or into a preview.
//
// A format gives a [Kind] with one walk. The walk reads with [Exam.Need] and [Exam.Each], moves
// [filetype.Report.GoodUntil] forward as it goes, and returns nil at the file's end, [filetype.ErrNot], a
// [*cursor.CorruptError], or the error of a read. The same walk gives the preview.
//
// It promises that bytes which are not there end in Partial with their place, that a contradiction ends in Damaged
// at its byte, and that only [Exam.Whole] and [Exam.Report] give better verdicts. It never reads anything that the
// walk did not ask for.
package exam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

// Kind is one format that is examined by a walk.
type Kind struct {
	Format string // as a person is told: "tar archive"
	Buffer int    // the longest structure that is read in one piece, in bytes; 64 KiB when 0
	Walk   func(e *Exam) error
}

// Exam is one examination.
type Exam struct {
	*window.Window
	R filetype.Report
	// Want is the offset at which the file ends by what it announces; 0 while that is not known.
	Want int64
	// Listing says that the walk is for a preview: it may pass over content that only a verdict needs.
	Listing bool
	P       filetype.Preview

	format string
	limit  int
	done   int64 // whole units
	total  int64 // 0 when not known
	unit   string
}

// Row completes the row of a format that this walk examines and previews, and that is taken out of raw bytes.
func (k Kind) Row(f filetype.Format) filetype.Format {
	f.Carve, f.Examine, f.Preview = true, k.Examine, k.Preview
	return f
}

func (k Kind) start(ctx context.Context, src block.Source) *Exam {
	limit := k.Buffer
	if limit == 0 {
		limit = 64 << 10
	}
	return &Exam{Window: window.New(ctx, src, limit), format: k.Format, limit: limit}
}

// New returns an examination for a reader that gives no report, as a [filetype.Scout] is: it reads pieces of up to limit
// bytes.
func New(ctx context.Context, src block.Source, limit int) *Exam {
	return Kind{Buffer: limit}.start(ctx, src)
}

// Examine is the format's Examine.
func (k Kind) Examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	if err := ctx.Err(); err != nil {
		return filetype.Report{}, err
	}
	e := k.start(ctx, src)
	return e.settle(k.Walk(e))
}

// Preview is the format's Previewer.
func (k Kind) Preview(ctx context.Context, src block.Source) (filetype.Preview, error) {
	if err := ctx.Err(); err != nil {
		return filetype.Preview{}, err
	}
	e := k.start(ctx, src)
	e.Listing = true
	err := k.Walk(e)
	if ctx.Err() != nil {
		return filetype.Preview{}, ctx.Err()
	}
	if errors.Is(err, filetype.ErrNot) {
		return filetype.Preview{}, err
	}
	return e.P, nil
}

// Gone is what a read answers whose bytes are not there.
type Gone struct {
	Off  int64 // of the first byte that is not there, as far as that is known
	Need int64 // the offset up to which the structure is known to go on
	What string
	Err  error
}

func (g *Gone) Error() string { return fmt.Sprintf("%s at %d: %v", g.What, g.Off, g.Err) }

// Unwrap returns the error of the source.
func (g *Gone) Unwrap() error { return g.Err }

// Lost returns the error for the structure what, which begins at off and goes on up to need, when reading it failed
// with err.
func (e *Exam) Lost(off, need int64, what string, err error) error {
	if err == nil || e.Context().Err() != nil {
		return e.Context().Err()
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = window.ErrEnd
	}
	return &Gone{Off: off, Need: need, What: what, Err: err}
}

// Head returns up to n of the first bytes; fewer where there are no more. Its error is that of the context.
func (e *Exam) Head(n int) ([]byte, error) {
	p, err := e.Upto(0, n)
	if len(p) < n && err != nil && e.Context().Err() != nil {
		return nil, e.Context().Err()
	}
	return p, nil
}

// Need returns n bytes at off, which the structure what has; they are valid until the next read.
func (e *Exam) Need(off int64, n int, what string) ([]byte, error) {
	if n > e.limit || n < 0 || off < 0 {
		return nil, cursor.Corrupt(what, off, fmt.Sprintf("at most %d bytes", e.limit), n)
	}
	if n == 0 {
		return nil, nil
	}
	p, err := e.Bytes(off, n)
	if err != nil {
		return nil, e.Lost(off, off+int64(n), what, err)
	}
	return p, nil
}

// Copy is Need with bytes that stay valid.
func (e *Exam) Copy(off int64, n int, what string) ([]byte, error) {
	p, err := e.Need(off, n, what)
	if err != nil {
		return nil, err
	}
	return append(make([]byte, 0, n), p...), nil
}

// Each reads the bytes of within in order, giving each piece to see when that is not nil.
func (e *Exam) Each(within block.Extent, what string, see func(p []byte) error) error {
	for off := within.Offset; off < within.End(); {
		p, err := e.Upto(off, int(min(within.End()-off, int64(e.limit))))
		if len(p) == 0 {
			if err == nil {
				err = window.ErrEnd
			}
			return e.Lost(off, within.End(), what, err)
		}
		p = p[:min(int64(len(p)), within.End()-off)]
		if see != nil {
			if err := see(p); err != nil {
				return err
			}
		}
		off += int64(len(p))
	}
	return nil
}

// Whole says that the file ends at size without contradiction; checked is the verdict. A verdict below Proven
// needs a reason.
func (e *Exam) Whole(verdict filetype.Verdict, size int64, reasons ...finding.Finding) error {
	e.R.Verdict, e.R.Size, e.R.GoodUntil = verdict, size, size
	e.R.Findings = append(e.R.Findings, reasons...)
	if verdict == filetype.Consistent && len(e.R.Findings) == 0 {
		e.R.Findings = append(e.R.Findings, filetype.NoProof.New(finding.Arg("format", e.format)))
	}
	return nil
}

// Report takes a report as it is, for a verdict that is not about the file's end: Encrypted, Unknown.
func (e *Exam) Report(verdict filetype.Verdict, size int64, reasons ...finding.Finding) error {
	e.R.Verdict, e.R.Size = verdict, size
	e.R.GoodUntil = max(0, min(size, e.Size()))
	e.R.Findings = append(e.R.Findings, reasons...)
	return nil
}

// Units says how many units ("members") are whole so far, of how many; total 0 when that is not known. It is told
// only of files that are not whole.
func (e *Exam) Units(done, total int64, unit string) { e.done, e.total, e.unit = done, total, unit }

// Member adds a member to the preview.
func (e *Exam) Member(name string, size int64, note string) {
	if !e.Listing {
		return
	}
	if len(e.P.Members) >= filetype.MaxMembers {
		e.P.More++
		return
	}
	e.P.Members = append(e.P.Members, filetype.Member{Name: exif.Text(name), Size: size, Note: note})
}

// Fact adds a fact to the preview, unless its value is empty.
func (e *Exam) Fact(name, value string) {
	if e.Listing && value != "" && len(e.P.Facts) < 64 {
		e.P.Facts = append(e.P.Facts, filetype.Fact{Name: name, Value: exif.Text(value)})
	}
}

// settle turns what ended the walk into a report.
func (e *Exam) settle(err error) (filetype.Report, error) {
	if cerr := e.Context().Err(); cerr != nil {
		return filetype.Report{}, cerr
	}
	if err == nil {
		return e.R, nil
	}
	if errors.Is(err, filetype.ErrNot) {
		return filetype.Report{}, filetype.ErrNot
	}
	r := &e.R
	r.Uncovered = block.Set{}
	r.GoodUntil = max(0, min(r.GoodUntil, e.Size()))
	r.Size = max(e.Want, r.GoodUntil)
	var gone *Gone
	if errors.As(err, &gone) {
		cause := gone.Err
		if errors.Is(cause, window.ErrEnd) {
			cause = io.EOF
		}
		// What is missing is missing up to the end that is announced, when the source ends.
		need := gone.Need
		if cause == io.EOF {
			need = max(need, e.Want)
			if need <= e.Size() { // a structure that was taken for longer than a reader takes in one piece
				need = e.Size() + 1
			}
		}
		size := r.Size
		if err := filetype.Stopped(e.Source(), r, e.format, gone.Off, need, gone.What, cause); err != nil {
			return filetype.Report{}, err
		}
		r.Size = max(size, r.GoodUntil)
		// The walk ended at the first hole; those behind it are missing too.
		for _, u := range block.UnreadableIn(e.Source(), block.Extent{Length: min(r.Size, e.Size())}) {
			r.Missing.Add(u.Extent)
		}
	} else if c, ok := cursor.IsCorrupt(err); ok {
		r.Verdict = filetype.Damaged
		if c.Offset >= 0 {
			r.GoodUntil = min(r.GoodUntil, c.Offset)
		}
		if e.Want == 0 {
			r.Size = r.GoodUntil
		}
		r.Findings = append([]finding.Finding{filetype.Broken(e.format, c)}, r.Findings...)
	} else {
		return filetype.Report{}, err
	}
	if e.unit != "" && (e.total > 0 || e.done > 0) {
		r.Findings = append(r.Findings, filetype.Units(e.done, e.total, e.unit))
	}
	filetype.TellPart(r, e.format)
	return *r, nil
}

// Text gives the preview the text that p begins with, when p looks like text.
func (e *Exam) Text(p []byte) {
	if !e.Listing || len(p) == 0 {
		return
	}
	p = p[:min(len(p), filetype.MaxPreviewText)]
	for _, c := range p {
		if c < 0x20 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 0x1B {
			return
		}
	}
	s := strings.ToValidUTF8(string(p), "\uFFFD")
	if strings.Count(s, "\uFFFD")*10 > len(s) { // not UTF-8: one byte a character
		s = exif.Latin(p)
	}
	e.P.Text = s[:min(len(s), filetype.MaxPreviewText)]
}

// Gather returns the n bytes at off in memory of their own, which the caller bounds.
func (e *Exam) Gather(off, n int64, what string) ([]byte, error) {
	var out []byte
	err := e.Each(block.Extent{Offset: off, Length: n}, what, func(p []byte) error {
		out = append(out, p...)
		return nil
	})
	return out, err
}

// ReadTo reads everything up to end, moving GoodUntil forward: what a judged file holds must be readable, and all of
// a cut one that is there is good as far as anybody knows.
func (e *Exam) ReadTo(end int64, what string) error {
	e.R.GoodUntil = 0
	return e.Each(block.Extent{Length: end}, what, func(p []byte) error {
		e.R.GoodUntil += int64(len(p))
		return nil
	})
}
