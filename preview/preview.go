package preview

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
	"salvor/guard"
)

// Limits of what one file may cost.
const (
	// Time is how long one file may take.
	Time = 10 * time.Second
	// maxFacts and maxValue bound the facts, maxName the name of a member, in characters.
	maxFacts = 64
	maxValue = 500
	maxName  = 500
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{failed}

var failed = &finding.Def{Code: "preview.failed", Severity: finding.Info,
	Text: "there is no preview of this file: {found}"}

// Preview is what is shown of a file.
type Preview struct {
	filetype.Preview
	// Encoding names how Text is written in the file ("UTF-16, little-endian"); "" where Text is what a format made of
	// its content.
	Encoding string
	// Findings say what stood in the way.
	Findings []finding.Finding
}

// Of returns the preview of the file src, whose format may be nil. The only error is that of ctx.
func Of(ctx context.Context, format *filetype.Format, src block.Source) (Preview, error) {
	var p Preview
	if format != nil && format.Preview != nil {
		err := guard.Do(ctx, Time, src, func(ctx context.Context, src block.Source) (err error) {
			p.Preview, err = format.Preview(ctx, src)
			return err
		})
		if cause := ctx.Err(); cause != nil {
			return p, cause
		}
		if err != nil && !errors.Is(err, filetype.ErrNot) {
			f, ok := guard.Finding(format.Name, Time, err)
			if !ok {
				f = failed.New(finding.Expected(nil, err))
			}
			p.Findings = append(p.Findings, f)
		}
	}
	p.bound()
	if p.Text != "" || len(p.Members) > 0 || format != nil && format.Preview != nil && len(p.Facts) > 0 {
		return p, ctx.Err()
	}
	text, encoding, ok := Text(head(src))
	if ok {
		p.Text, p.Encoding = text, encoding
		p.Facts = append(p.Facts, filetype.Fact{Name: "Text", Value: encoding})
	}
	return p, ctx.Err()
}

// bound cuts what a format gave too much of.
func (p *Preview) bound() {
	if n := len(p.Members) - filetype.MaxMembers; n > 0 {
		p.Members, p.More = p.Members[:filetype.MaxMembers], p.More+n
	}
	if len(p.Facts) > maxFacts {
		p.Facts = p.Facts[:maxFacts]
	}
	for i, f := range p.Facts {
		p.Facts[i] = filetype.Fact{Name: cut(f.Name, maxValue), Value: cut(f.Value, maxValue)}
	}
	for i, m := range p.Members {
		p.Members[i].Name, p.Members[i].Note = cut(m.Name, maxName), cut(m.Note, maxValue)
	}
	if len(p.Text) > filetype.MaxPreviewText {
		p.Text = strings.ToValidUTF8(p.Text[:filetype.MaxPreviewText], "")
	}
}

// cut returns at most n characters of s.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(s[at:])
		if at += size; at >= len(s) {
			return s
		}
	}
	return s[:at] + "…"
}

// head reads the beginning of src as far as it can be read.
func head(src block.Source) []byte {
	b := make([]byte, min(filetype.MaxPreviewText, max(src.Size(), 0)))
	n, _ := src.ReadAt(b, 0) // what cannot be read is shown as damaged elsewhere
	return b[:n]
}

// Line is 16 bytes of a file, or fewer at its end.
type Line struct {
	Offset int64
	Bytes  []byte
	// Lost has a true for each of Bytes that cannot be read; nil when all can.
	Lost []bool
}

// LineBytes is how many bytes a [Line] shows.
const LineBytes = 16

// Dump returns the lines of e in src, from a multiple of [LineBytes] on.
func Dump(src block.Source, e block.Extent) []Line {
	e = block.Between(max(0, e.Offset/LineBytes*LineBytes), min(e.End(), src.Size()))
	var out []Line
	for at := e.Offset; at < e.End(); at += LineBytes {
		l := Line{Offset: at, Bytes: make([]byte, min(LineBytes, src.Size()-at))}
		if n, _ := src.ReadAt(l.Bytes, at); n < len(l.Bytes) {
			// One byte at a time, so that each that is there is shown.
			l.Lost = make([]bool, len(l.Bytes))
			for i := range l.Bytes {
				if n, _ := src.ReadAt(l.Bytes[i:i+1], at+int64(i)); n == 0 {
					l.Lost[i], l.Bytes[i] = true, 0
				}
			}
		}
		out = append(out, l)
	}
	return out
}

// String returns the line as hexdump(1) prints it: "??" stands for a byte that cannot be read.
func (l Line) String() string {
	var hex, text strings.Builder
	for i := range LineBytes {
		if i == LineBytes/2 {
			hex.WriteByte(' ')
		}
		switch {
		case i >= len(l.Bytes):
			hex.WriteString("   ")
			continue
		case l.Lost != nil && l.Lost[i]:
			hex.WriteString(" ??")
			text.WriteByte('?')
			continue
		}
		fmt.Fprintf(&hex, " %02x", l.Bytes[i])
		if b := l.Bytes[i]; b >= 0x20 && b < 0x7f {
			text.WriteByte(b)
		} else {
			text.WriteByte('.')
		}
	}
	return fmt.Sprintf("%08x %s  |%s|", l.Offset, hex.String(), text.String())
}
