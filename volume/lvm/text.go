package lvm

import (
	"fmt"
	"strconv"

	"salvor/cursor"
)

// Bounds of the text of metadata.
const (
	maxText   = 16 << 20 // bytes; the area of a large group has 1 to 8 MiB
	maxDepth  = 12       // sections in sections; LVM itself uses five
	maxFields = 1 << 19
)

// section is a part of the text: fields with values, and sections, in the order in which they stand.
type section struct {
	name     string
	fields   map[string][]value
	sections []*section
}

// value is a number or a string.
type value struct {
	text   string
	number int64
	isText bool
}

// text returns the string in the field of that name, "" where there is none.
func (s *section) text(name string) string {
	if v := s.fields[name]; len(v) == 1 && v[0].isText {
		return v[0].text
	}
	return ""
}

// number returns the number in the field of that name, or other where there is none.
func (s *section) number(name string, other int64) int64 {
	if v := s.fields[name]; len(v) == 1 && !v[0].isText {
		return v[0].number
	}
	return other
}

// has reports whether a list holds a string.
func (s *section) has(name, word string) bool {
	for _, v := range s.fields[name] {
		if v.isText && v.text == word {
			return true
		}
	}
	return false
}

// section returns the part of that name, nil where there is none.
func (s *section) section(name string) *section {
	for _, c := range s.sections {
		if c.name == name {
			return c
		}
	}
	return nil
}

// parser walks over a text.
type parser struct {
	b      []byte
	at     int
	fields int
	base   int64
}

// parseText reads metadata, whose first byte stands at off for errors. The text ends at its end or at a zero byte.
// The root section has what stands outside of all sections.
func parseText(b []byte, off int64) (*section, error) {
	p := &parser{b: b, base: off}
	root := &section{fields: map[string][]value{}}
	if err := p.body(root, 0); err != nil {
		return nil, err
	}
	return root, nil
}

func (p *parser) corrupt(expected string) error {
	found := "the end"
	if p.at < len(p.b) {
		found = strconv.Quote(string(p.b[p.at:min(len(p.b), p.at+16)]))
	}
	return cursor.Corrupt("lvm: metadata text", p.base+int64(p.at), expected, found)
}

// space walks over blanks and comments.
func (p *parser) space() {
	for p.at < len(p.b) {
		switch c := p.b[p.at]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			p.at++
		case c == '#':
			for p.at < len(p.b) && p.b[p.at] != '\n' && p.b[p.at] != 0 {
				p.at++
			}
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.b) {
		return p.b[p.at]
	}
	return 0
}

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '+' || c == '/' || c == '@' || c == ':'
}

// body reads fields and sections up to the closing brace, or to the end of the text at depth 0.
func (p *parser) body(s *section, depth int) error {
	for {
		p.space()
		switch c := p.peek(); {
		case c == 0 && depth == 0:
			return nil
		case c == '}' && depth > 0:
			p.at++
			return nil
		}
		if p.fields++; p.fields > maxFields {
			return p.corrupt(fmt.Sprintf("up to %d fields", maxFields))
		}
		name, err := p.name()
		if err != nil {
			return err
		}
		p.space()
		switch p.peek() {
		case '{':
			if depth >= maxDepth {
				return p.corrupt(fmt.Sprintf("sections up to %d deep", maxDepth))
			}
			p.at++
			c := &section{name: name, fields: map[string][]value{}}
			if err := p.body(c, depth+1); err != nil {
				return err
			}
			s.sections = append(s.sections, c)
		case '=':
			p.at++
			v, err := p.values()
			if err != nil {
				return err
			}
			if _, again := s.fields[name]; !again {
				s.fields[name] = v
			}
		default:
			return p.corrupt("= or {")
		}
	}
}

// name reads a word, or a string, which newer versions write for odd names.
func (p *parser) name() (string, error) {
	if p.peek() == '"' {
		v, err := p.value()
		return v.text, err
	}
	start := p.at
	for p.at < len(p.b) && nameByte(p.b[p.at]) {
		p.at++
	}
	if p.at == start {
		return "", p.corrupt("a name")
	}
	return string(p.b[start:p.at]), nil
}

// values reads a value or a list of values in brackets.
func (p *parser) values() ([]value, error) {
	p.space()
	if p.peek() != '[' {
		v, err := p.value()
		return []value{v}, err
	}
	p.at++
	var out []value
	for {
		p.space()
		if p.peek() == ']' {
			p.at++
			return out, nil
		}
		if p.fields++; p.fields > maxFields {
			return nil, p.corrupt(fmt.Sprintf("up to %d fields", maxFields))
		}
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		out = append(out, v)
		p.space()
		switch p.peek() {
		case ',':
			p.at++
		case ']':
		default:
			return nil, p.corrupt(", or ]")
		}
	}
}

func (p *parser) value() (value, error) {
	if p.peek() == '"' {
		return p.quoted()
	}
	start := p.at
	for c := p.peek(); c >= '0' && c <= '9' || c == '-' && p.at == start || c == '.'; c = p.peek() {
		p.at++
	}
	n, err := strconv.ParseInt(string(p.b[start:p.at]), 10, 64)
	if err != nil {
		if f, err := strconv.ParseFloat(string(p.b[start:p.at]), 64); err == nil && f > -1e15 && f < 1e15 {
			return value{number: int64(f)}, nil
		}
		p.at = start
		return value{}, p.corrupt("a number or a string")
	}
	return value{number: n}, nil
}

// maxString is the longest string that is believed, bytes.
const maxString = 64 << 10

func (p *parser) quoted() (value, error) {
	start := p.at
	p.at++
	var out []byte
	for {
		switch c := p.peek(); {
		case c == '"':
			p.at++
			return value{text: string(out), isText: true}, nil
		case c == 0 || len(out) > maxString:
			p.at = start
			return value{}, p.corrupt("a string with an end")
		case c == '\\' && p.at+1 < len(p.b):
			p.at++
			out = append(out, p.b[p.at])
		default:
			out = append(out, c)
		}
		p.at++
	}
}
