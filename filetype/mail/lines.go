package mail

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"strconv"
	"strings"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

// maxLine is the longest line that is looked at in one piece, in bytes.
const maxLine = 256 << 10

// lines reads a text line by line.
type lines struct {
	e    *exam.Exam
	s    *filetype.Stream
	last bool // the line that was read has no end: the source ends inside of it
}

func newLines(e *exam.Exam) *lines {
	return &lines{e: e, s: filetype.NewStream(e.Context(), e.Source(), 0)}
}

// plain has the bytes that such a text may hold.
var plain = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 0x20 && c != 0x7F || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v' || c == '\b' || c == 0x1B
	}
	return t
}()

// next returns the next line with its end, valid until the next call; at the end of the source what is left of it,
// and an error when nothing is. A line above maxLine comes in pieces. A control byte is a *cursor.CorruptError.
func (l *lines) next() ([]byte, error) {
	for n := 512; ; n *= 4 {
		p, err := l.s.Peek(min(n, maxLine))
		i := bytes.IndexByte(p, '\n')
		if i < 0 && err == nil && n < maxLine {
			continue
		}
		if i >= 0 {
			p = p[:i+1]
		} else if len(p) == 0 {
			return nil, err
		} else if _, unread := block.IsUnreadable(err); unread || l.e.Context().Err() != nil {
			return nil, err
		}
		for at, c := range p {
			if !plain[c] {
				l.e.R.GoodUntil = l.s.Offset() + int64(at)
				return nil, cursor.Corrupt("text", l.s.Offset()+int64(at), "no control byte", fmt.Sprintf("%#02x", c))
			}
		}
		l.s.Discard(len(p))
		l.last = i < 0 && err != nil
		return p, nil
	}
}

// lost returns the error for a read that failed with err before expected.
func (l *lines) lost(expected string, err error) error {
	if _, corrupt := cursor.IsCorrupt(err); corrupt {
		return err
	}
	return l.e.Lost(l.s.Offset(), l.s.Offset()+1, expected, err)
}

// wrong returns the error for the line p, which was read last: a contradiction, or, where the source ends inside of the
// line, that it ends.
func (l *lines) wrong(structure string, p []byte, expected string) error {
	if l.last {
		return l.e.Lost(l.s.Offset(), l.s.Offset()+1, expected, io.EOF)
	}
	return cursor.Corrupt(structure, l.s.Offset()-int64(len(p)), expected, strconv.Quote(trim(p[:min(len(p), 48)])))
}

// trim returns a line without its end.
func trim(p []byte) string { return strings.TrimRight(string(p), "\r\n") }

var words = mime.WordDecoder{}

// decode returns the text of a header.
func decode(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if d, err := words.DecodeHeader(s); err == nil {
		s = d
	}
	if !strings.Contains(strings.ToValidUTF8(s, "\uFFFD"), "\uFFFD") {
		return exif.Text(s)
	}
	return exif.Text(exif.Latin([]byte(s)))
}

// date returns the time of a header, zero when it is none.
func date(s string) time.Time {
	if i := strings.IndexByte(s, '('); i > 0 {
		s = s[:i]
	}
	s = strings.Join(strings.Fields(s), " ")
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST",
		"Mon, 2 Jan 2006 15:04 -0700", "Mon Jan 2 15:04:05 2006"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}
