package markup

import (
	"bytes"
	"fmt"
	"html"
	"strings"
	"unicode/utf8"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const closing = "</html>"

// fold returns p with the letters of ASCII in lower case.
func fold(p []byte) []byte {
	out := make([]byte, len(p))
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		out[i] = c
	}
	return out
}

func walkHTML(e *exam.Exam) error {
	p, err := e.Head(64 << 10)
	if err != nil {
		return err
	}
	head := fold(p)
	if !bytes.HasPrefix(head, []byte("<!doctype html")) && !bytes.HasPrefix(head, []byte("<html>")) && !bytes.HasPrefix(head, []byte("<html ")) {
		return filetype.ErrNot
	}
	title(e, head, p)
	opened := bytes.Contains(head, []byte("<html"))
	// The end is looked for in windows that overlap by the length of the tag.
	var off, begun int64
	var tail []byte
	for {
		p, err := e.Upto(off, 1)
		if len(p) == 0 {
			if e.Context().Err() != nil {
				return e.Context().Err()
			}
			if _, unread := block.IsUnreadable(err); !opened && !unread {
				return filetype.ErrNot // html may be left out, and then its end too: it is text
			}
			return e.Lost(off, off+int64(len(closing)), closing, err)
		}
		lower := append(tail, fold(p)...)
		begun = off - int64(len(tail))
		at := bytes.Index(lower, []byte(closing))
		text := p
		if at >= 0 {
			text = p[:max(0, at-len(tail))]
		}
		for i, c := range text {
			if !plain[c] && c != '\f' {
				if off+int64(i) < 64 {
					return filetype.ErrNot
				}
				// What looks like text just before may be other bytes already.
				e.R.GoodUntil = off + int64(bytes.LastIndexAny(text[:i], ">\n")+1)
				return cursor.Corrupt("text", off+int64(i), "no control byte", fmt.Sprintf("%#02x", c))
			}
		}
		if at >= 0 {
			end := begun + int64(at+len(closing))
			q, _ := e.Upto(end, 2)
			switch {
			case len(q) > 0 && q[0] == '\n':
				end++
			case len(q) > 1 && q[0] == '\r' && q[1] == '\n':
				end += 2
			}
			if e.Context().Err() != nil {
				return e.Context().Err()
			}
			if !bytes.Contains(head, []byte("<body")) && !bytes.Contains(head, []byte("<head")) && !bytes.Contains(head, []byte("<title")) && !bytes.Contains(head, []byte("<p")) {
				return filetype.ErrNot
			}
			return e.Whole(filetype.Consistent, end)
		}
		tail = append(tail[:0], lower[max(0, len(lower)-len(closing)+1):]...)
		off += int64(len(p))
		e.R.GoodUntil = off
	}
}

// title takes the title and, for a preview, the text of a page's beginning.
func title(e *exam.Exam, lower, p []byte) {
	if i := bytes.Index(lower, []byte("<title")); i >= 0 {
		if j := bytes.IndexByte(lower[i:], '>'); j >= 0 {
			from := i + j + 1
			if k := bytes.Index(lower[from:], []byte("</title")); k >= 0 && k < maxTitle*4 {
				e.R.Hints.Title = exif.Text(html.UnescapeString(decode(p[from : from+k])))
			}
		}
	}
	for _, heading := range []string{"<h1", "<h2"} {
		if e.R.Hints.Title == "" {
			e.R.Hints.Title = headed(lower, p, heading)
		}
	}
	e.Fact("Title", e.R.Hints.Title)
	if !e.Listing {
		return
	}
	var b strings.Builder
	for i := 0; i < len(p) && b.Len() < filetype.MaxPreviewText; {
		if p[i] != '<' {
			j := bytes.IndexByte(p[i:], '<')
			if j < 0 {
				j = len(p) - i
			}
			if t := strings.TrimSpace(decode(p[i : i+j])); t != "" {
				b.WriteString(html.UnescapeString(t) + "\n")
			}
			i += j
			continue
		}
		end := ">"
		for _, skip := range []string{"script", "style", "title"} {
			if bytes.HasPrefix(lower[i+1:], []byte(skip)) {
				end = "</" + skip
			}
		}
		j := bytes.Index(lower[i:], []byte(end))
		if j < 0 {
			break
		}
		i += j + 1
		if end == ">" {
			continue
		}
		i--
		if j = bytes.IndexByte(p[i:], '>'); j < 0 {
			break
		}
		i += j + 1
	}
	t := b.String()
	e.P.Text = strings.ToValidUTF8(t[:min(len(t), filetype.MaxPreviewText)], "")
}

// headed returns the text of the first heading of this kind.
func headed(lower, p []byte, heading string) string {
	i := bytes.Index(lower, []byte(heading))
	if i < 0 {
		return ""
	}
	begin := bytes.IndexByte(lower[i:], '>')
	end := bytes.Index(lower[i:], []byte("</"+heading[1:]))
	if begin < 0 || end < begin || end-begin > maxTitle*16 {
		return ""
	}
	var text strings.Builder
	inside := false
	for _, r := range decode(p[i+begin+1 : i+end]) {
		switch {
		case r == '<' || r == '>':
			inside = r == '<'
		case !inside:
			text.WriteRune(r)
		}
	}
	title := []rune(exif.Text(strings.Join(strings.Fields(html.UnescapeString(text.String())), " ")))
	return string(title[:min(len(title), maxTitle)])
}

func decode(p []byte) string {
	if utf8.Valid(p) {
		return string(p)
	}
	return exif.Latin(p)
}
