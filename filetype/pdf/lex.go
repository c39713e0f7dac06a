package pdf

import (
	"bytes"
	"errors"
	"strconv"
)

// The values of PDF objects. Numbers are float64 where they have a fraction, int64 otherwise; strings are
// Go strings of bytes; null is nil.
type (
	name  string
	ref   struct{ num, gen int64 }
	array []any
	dict  map[string]any
)

const (
	maxNesting = 64
	maxElement = 1 << 20 // values in one object
)

var (
	// errShort says that an object goes on behind the bytes that are there.
	errShort = errors.New("the object goes on")
	// errSyntax says that bytes form no object.
	errSyntax = errors.New("not an object")
)

// lexer reads objects out of bytes. When last is set, no bytes follow b.
type lexer struct {
	b     []byte
	at    int
	count int
	last  bool
}

func isSpace(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

func isRegular(c byte) bool { return !isSpace(c) && !isDelimiter(c) }

// space skips white space and comments.
func (l *lexer) space() {
	for l.at < len(l.b) {
		c := l.b[l.at]
		switch {
		case isSpace(c):
			l.at++
		case c == '%':
			for l.at < len(l.b) && l.b[l.at] != '\n' && l.b[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

// word reads regular characters.
func (l *lexer) word() string {
	start := l.at
	for l.at < len(l.b) && isRegular(l.b[l.at]) {
		l.at++
	}
	return string(l.b[start:l.at])
}

// keyword reports whether the word w stands next, and steps over it.
func (l *lexer) keyword(w string) bool {
	l.space()
	if !bytes.HasPrefix(l.b[l.at:], []byte(w)) {
		return false
	}
	l.at += len(w)
	return true
}

// integer reads an integer that is not negative.
func (l *lexer) integer() (int64, bool) {
	l.space()
	start := l.at
	for l.at < len(l.b) && l.b[l.at] >= '0' && l.b[l.at] <= '9' {
		l.at++
	}
	if l.at == start || l.at-start > 18 {
		return 0, false
	}
	v, err := strconv.ParseInt(string(l.b[start:l.at]), 10, 64)
	return v, err == nil
}

// value reads one object.
func (l *lexer) value(depth int) (any, error) {
	if l.count++; depth > maxNesting || l.count > maxElement {
		return nil, errSyntax
	}
	l.space()
	if l.at >= len(l.b) {
		return nil, errShort
	}
	switch c := l.b[l.at]; c {
	case '/':
		l.at++
		return l.name()
	case '(':
		return l.literal()
	case '[':
		l.at++
		var a array
		for {
			if l.space(); l.at >= len(l.b) {
				return nil, errShort
			}
			if l.b[l.at] == ']' {
				l.at++
				return a, nil
			}
			v, err := l.value(depth + 1)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
	case '<':
		if l.at+1 >= len(l.b) {
			return nil, errShort
		}
		if l.b[l.at+1] == '<' {
			return l.dict(depth)
		}
		return l.hex()
	default:
		if !isRegular(c) {
			return nil, errSyntax
		}
		return l.plain()
	}
}

func (l *lexer) dict(depth int) (any, error) {
	l.at += 2
	d := dict{}
	for {
		l.space()
		if l.at+1 >= len(l.b) {
			return nil, errShort
		}
		if l.b[l.at] == '>' && l.b[l.at+1] == '>' {
			l.at += 2
			return d, nil
		}
		if l.b[l.at] != '/' {
			return nil, errSyntax
		}
		l.at++
		k, err := l.name()
		if err != nil {
			return nil, err
		}
		v, err := l.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if _, ok := d[string(k)]; !ok {
			d[string(k)] = v
		}
	}
}

func (l *lexer) name() (name, error) {
	w := l.word()
	if l.at >= len(l.b) && !l.last {
		return "", errShort
	}
	if !bytes.Contains([]byte(w), []byte("#")) {
		return name(w), nil
	}
	var out []byte
	for i := 0; i < len(w); i++ {
		if w[i] == '#' && i+2 < len(w) {
			if v, err := strconv.ParseUint(w[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(v))
				i += 2
				continue
			}
		}
		out = append(out, w[i])
	}
	return name(out), nil
}

// plain reads a number, a reference, true, false or null.
func (l *lexer) plain() (any, error) {
	w := l.word()
	if l.at >= len(l.b) && !l.last {
		return nil, errShort
	}
	switch w {
	case "true":
		return true, nil
	case "false":
		return false, nil
	case "null":
		return nil, nil
	}
	if v, err := strconv.ParseInt(w, 10, 64); err == nil {
		if v < 0 || w[0] == '+' {
			return v, nil
		}
		back := l.at
		if gen, ok := l.integer(); ok {
			if l.space(); l.at < len(l.b) && l.b[l.at] == 'R' && (l.at+1 == len(l.b) || !isRegular(l.b[l.at+1])) {
				l.at++
				return ref{v, gen}, nil
			}
		}
		if !l.last && len(l.b)-back < 24 && l.at >= len(l.b) {
			return nil, errShort
		}
		l.at = back
		return v, nil
	}
	if v, err := strconv.ParseFloat(w, 64); err == nil {
		return v, nil
	}
	return nil, errSyntax
}

func (l *lexer) literal() (any, error) {
	var out []byte
	depth := 0
	for ; l.at < len(l.b); l.at++ {
		c := l.b[l.at]
		switch c {
		case '(':
			if depth++; depth == 1 {
				continue
			}
		case ')':
			if depth--; depth == 0 {
				l.at++
				return string(out), nil
			}
		case '\\':
			l.at++
			if l.at >= len(l.b) {
				return nil, errShort
			}
			c = l.b[l.at]
			if i := bytes.IndexByte([]byte("nrtbf"), c); i >= 0 {
				c = "\n\r\t\b\f"[i]
			} else if c >= '0' && c <= '7' {
				v := 0
				for n := 0; n < 3 && l.at < len(l.b) && l.b[l.at] >= '0' && l.b[l.at] <= '7'; n++ {
					v = v<<3 | int(l.b[l.at]-'0')
					l.at++
				}
				l.at--
				c = byte(v)
			} else if c == '\r' || c == '\n' {
				if c == '\r' && l.at+1 < len(l.b) && l.b[l.at+1] == '\n' {
					l.at++
				}
				continue
			}
		}
		out = append(out, c)
	}
	return nil, errShort
}

func (l *lexer) hex() (any, error) {
	var out []byte
	half, have := byte(0), false
	for l.at++; l.at < len(l.b); l.at++ {
		c := l.b[l.at]
		switch {
		case c == '>':
			l.at++
			if have {
				out = append(out, half)
			}
			return string(out), nil
		case isSpace(c):
			continue
		}
		v, err := strconv.ParseUint(string(c), 16, 8)
		if err != nil {
			return nil, errSyntax
		}
		if have {
			out = append(out, half|byte(v))
		}
		half, have = byte(v)<<4, !have
	}
	return nil, errShort
}
