package logs

import (
	"bufio"
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// isJSON tells the output of journalctl -o json: an object of journald's fields on each line.
func isJSON(head []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimLeft(head, "\x1e \r\n"), newline)
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"__REALTIME_TIMESTAMP"`))
}

// readJSON reads an entry from each line. A line that is no object is passed on as it is.
func (s *stream) readJSON(r *bufio.Reader) error {
	j := journal{out: rewriter{stream: s}}
	var e entry
	var buf []byte
	for {
		start := s.offset
		line, length, err := s.bounded(r, buf[:0])
		buf = line
		if length == 0 && err != nil {
			return errors.Join(notEnd(err), j.out.flush())
		}
		e.reset()
		if text := bytes.TrimRight(line, "\r\n"); object(text, &e) && e.length >= 0 {
			e.offset += start
			err = j.put(&e, true)
		} else {
			err = j.out.line(text, start, int64(len(text)), 0, true)
		}
		if err != nil {
			return err
		}
	}
}

// object takes the fields of one flat object; false when it has no message.
func object(b []byte, e *entry) bool {
	p := parser{b: b}
	p.space()
	if !p.skip('{') {
		return false
	}
	has := false
	for {
		p.space()
		name, ok := p.text(nil)
		p.space()
		if !ok || !p.skip(':') {
			return has
		}
		p.space()
		start := p.at
		value, ok := p.value()
		if !ok {
			return has
		}
		if value != nil {
			has = has || string(name) == "MESSAGE"
			e.set(string(name), value, int64(start), int64(p.at-start))
		}
		p.space()
		if !p.skip(',') {
			return has
		}
	}
}

// parser walks over one line of JSON.
type parser struct {
	b  []byte
	at int
}

func (p *parser) space() {
	for p.at < len(p.b) && (p.b[p.at] == ' ' || p.b[p.at] == '\t' || p.b[p.at] == 0x1e) {
		p.at++
	}
}

func (p *parser) skip(c byte) bool {
	if p.at < len(p.b) && p.b[p.at] == c {
		p.at++
		return true
	}
	return false
}

// value reads a string, or the bytes of a message as an array of numbers; nil for what is neither.
func (p *parser) value() (value []byte, ok bool) {
	if p.at >= len(p.b) {
		return nil, false
	}
	switch p.b[p.at] {
	case '"':
		value, ok = p.text([]byte{})
		return value, ok
	case '[':
		return p.array()
	}
	for p.at < len(p.b) && p.b[p.at] != ',' && p.b[p.at] != '}' {
		p.at++
	}
	return nil, true
}

// array reads bytes that are told as numbers; an array of anything else is skipped.
func (p *parser) array() ([]byte, bool) {
	p.at++
	value := []byte{}
	for p.at < len(p.b) {
		p.space()
		start := p.at
		switch {
		case p.skip(']'):
			return value, true
		case p.skip(','):
			continue
		case p.at < len(p.b) && p.b[p.at] == '"':
			if _, ok := p.text(nil); !ok {
				return nil, false
			}
			continue
		}
		for p.at < len(p.b) && '0' <= p.b[p.at] && p.b[p.at] <= '9' {
			p.at++
		}
		if p.at == start {
			return nil, false
		}
		if n, err := strconv.ParseUint(string(p.b[start:p.at]), 10, 8); err == nil {
			value = append(value, byte(n))
		}
	}
	return nil, false
}

// text reads a string with its escapes into dst.
func (p *parser) text(dst []byte) (s []byte, ok bool) {
	if !p.skip('"') {
		return nil, false
	}
	for p.at < len(p.b) {
		i := bytes.IndexAny(p.b[p.at:], `"\`)
		if i < 0 {
			return nil, false
		}
		dst = append(dst, p.b[p.at:p.at+i]...)
		p.at += i + 1
		if p.b[p.at-1] == '"' {
			return dst, true
		}
		if p.at >= len(p.b) {
			return nil, false
		}
		c := p.b[p.at]
		p.at++
		switch c {
		case 'n':
			dst = append(dst, '\n')
		case 't':
			dst = append(dst, '\t')
		case 'r', 'b', 'f':
		case 'u':
			dst = utf8.AppendRune(dst, p.unit())
		default:
			dst = append(dst, c)
		}
	}
	return nil, false
}

// unit reads the four digits of an escape, and of its second half where it has one.
func (p *parser) unit() rune {
	four := func(at int) (rune, bool) {
		if at+4 > len(p.b) {
			return 0, false
		}
		n, err := strconv.ParseUint(string(p.b[at:at+4]), 16, 16)
		return rune(n), err == nil
	}
	r, ok := four(p.at)
	if !ok {
		return utf8.RuneError
	}
	p.at += 4
	if utf16.IsSurrogate(r) && bytes.HasPrefix(p.b[p.at:], []byte(`\u`)) {
		if low, ok := four(p.at + 2); ok {
			p.at += 6
			return utf16.DecodeRune(r, low)
		}
	}
	return r
}
