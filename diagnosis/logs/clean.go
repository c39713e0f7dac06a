package logs

import (
	"bytes"
	"unicode/utf8"
)

const (
	escape    = 0x1b
	backspace = 0x08
	bell      = 0x07
)

// dirty reports whether text has bytes that can stand inside of a word without being part of it.
func dirty(text []byte) bool {
	return bytes.IndexByte(text, escape) >= 0 || bytes.IndexByte(text, 0) >= 0 || bytes.IndexByte(text, backspace) >= 0
}

// special are the bytes that [appendClean] looks at.
var special = [256]bool{0: true, backspace: true, escape: true}

// appendClean appends line to dst without escape sequences, NULs and what a backspace took back. Both may share
// their memory, where dst does not end behind line's begin.
func appendClean(dst, line []byte) []byte {
	begin := len(dst)
	for i := 0; i < len(line); {
		plain := i
		for i < len(line) && !special[line[i]] {
			i++
		}
		dst = append(dst, line[plain:i]...)
		if i == len(line) {
			break
		}
		switch line[i] {
		case escape:
			i += sequence(line[i:])
		case 0:
			i++
			for i < len(line) && line[i] == 0 {
				i++
			}
		case backspace:
			if n := len(dst); n > begin {
				dst = dst[:n-1]
			}
			i++
		}
	}
	return dst
}

// sequence returns the length of the escape sequence that b begins with, as ECMA-48 has them.
func sequence(b []byte) int {
	if len(b) < 2 {
		return len(b)
	}
	switch b[1] {
	case '[': // parameters and intermediates, then one final byte
		for i := 2; i < len(b) && i < 64; i++ {
			switch {
			case b[i] >= 0x40 && b[i] <= 0x7e:
				return i + 1
			case b[i] < 0x20 || b[i] > 0x3f: // broken off
				return i
			}
		}
		return min(len(b), 64)
	case ']', 'P', '_', '^', 'X': // a string, to its terminator
		for i := 2; i < len(b) && i < 512; i++ {
			if b[i] == bell {
				return i + 1
			}
			if b[i] == escape {
				return min(i+2, len(b))
			}
		}
		return 2
	case '(', ')', '*', '+', '#', '%', ' ':
		return min(3, len(b))
	}
	return 2
}

// cleaned rewrites a block that is dirty, line by line, in its place: nothing becomes longer.
func (b *Block) cleaned() {
	raw := b.Text
	out := Block{From: -1, To: -1, Text: raw[:0], lines: b.spans[:0]}
	number := b.Line
	for at := 0; at < len(raw); {
		end := len(raw)
		if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
			end = at + i
		}
		s := span{offset: b.offset + int64(at), length: int64(end - at), number: number}
		s.at = len(out.Text)
		if out.From < 0 && b.From < end+1 { // the line in which this block's own part begins
			out.From = len(out.Text)
			if b.From > at {
				out.From += len(appendClean(nil, raw[at:min(b.From, end)]))
			}
		}
		out.lines = append(out.lines, s)
		if b.To >= at && b.To <= end {
			out.To = len(out.Text) + len(appendClean(nil, raw[at:b.To]))
		}
		out.Text = appendClean(out.Text, bytes.TrimSuffix(raw[at:end], []byte{'\r'}))
		if end < len(raw) {
			out.Text = append(out.Text, '\n')
		}
		at, number = end+1, number+1
	}
	if out.From < 0 {
		out.From = len(out.Text)
	}
	if out.To < 0 || b.To >= len(raw) {
		out.To = len(out.Text)
	}
	b.Text, b.From, b.To, b.lines, b.spans = out.Text, out.From, out.To, out.lines, out.lines
}

// Printable returns a line for people: valid UTF-8 without control characters, at most limit bytes. Bytes that
// are no UTF-8 are taken for Latin-1 when all of the line reads so, else they become U+FFFD.
func Printable(line []byte, limit int) string {
	line = bytes.TrimRight(line, "\r\n \t")
	if dirty(line) {
		line = appendClean(nil, line)
	}
	if len(line) > limit {
		line = line[:limit]
		for n := 0; n < utf8.UTFMax && len(line) > 0 && !utf8.RuneStart(line[len(line)-1]); n++ {
			line = line[:len(line)-1]
		}
		if n := len(line); n > 0 && line[n-1] >= utf8.RuneSelf {
			line = line[:n-1]
		}
	}
	latin := !utf8.Valid(line) && isLatin1(line)
	out := make([]rune, 0, len(line))
	for len(line) > 0 {
		r, n := utf8.DecodeRune(line)
		switch {
		case r == utf8.RuneError && n == 1 && latin:
			r = rune(line[0])
		case r == '\t':
			r = ' '
		case r < ' ' || r == 0x7f:
			r = utf8.RuneError
		}
		out, line = append(out, r), line[n:]
	}
	return string(out)
}

// isLatin1 reports whether the bytes of text above ASCII read as letters of Latin-1: few, and none of the
// control characters that stand there.
func isLatin1(text []byte) bool {
	high := 0
	for _, c := range text {
		if c >= 0x80 {
			high++
			if c < 0xa0 {
				return false
			}
		} else if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != escape {
			return false
		}
	}
	return high > 0 && high*4 <= len(text)
}
