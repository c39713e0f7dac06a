package swu

import (
	"bytes"
	"strconv"
	"strings"

	"salvor/cursor"
)

// config reads the syntax of libconfig.
type config struct {
	p    []byte
	at   int
	left int
}

// parseConfig reads a whole text of settings. Files that it would include are refused, as SWUpdate does.
func parseConfig(p []byte) (*value, error) {
	c := &config{p: p, left: maxValues}
	v := &value{kind: group}
	if err := c.settings(v, 0, 0); err != nil {
		return nil, err
	}
	return v, nil
}

func (c *config) corrupt(expected string) error {
	found := "the end"
	if c.at < len(c.p) {
		line, _, _ := bytes.Cut(c.p[c.at:], []byte("\n"))
		found = strconv.Quote(string(line[:min(len(line), 40)]))
	}
	return cursor.Corrupt(structure, int64(c.at), expected, found)
}

// skip walks over space and comments.
func (c *config) skip() error {
	for c.at < len(c.p) {
		rest := c.p[c.at:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			c.at++
		case rest[0] == '#' || bytes.HasPrefix(rest, []byte("//")):
			n := bytes.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			c.at += n
		case bytes.HasPrefix(rest, []byte("/*")):
			n := bytes.Index(rest[2:], []byte("*/"))
			if n < 0 {
				return c.corrupt("the end of a comment")
			}
			c.at += n + 4
		default:
			return nil
		}
	}
	return nil
}

// peek returns the next byte behind space, 0 at the end.
func (c *config) peek() (byte, error) {
	if err := c.skip(); err != nil {
		return 0, err
	}
	if c.at >= len(c.p) {
		return 0, nil
	}
	return c.p[c.at], nil
}

// settings reads names with their values up to end, which is 0 for the end of the text.
func (c *config) settings(v *value, end byte, level int) error {
	for {
		b, err := c.peek()
		if err != nil {
			return err
		}
		if b == end && (b != 0 || c.at >= len(c.p)) {
			if b != 0 {
				c.at++
			}
			return nil
		}
		name := c.name()
		if name == "" {
			return c.corrupt("the name of a setting")
		}
		if b, err = c.peek(); err != nil {
			return err
		}
		if b != '=' && b != ':' {
			return c.corrupt("= or : behind " + name)
		}
		c.at++
		m, err := c.value(level + 1)
		if err != nil {
			return err
		}
		v.keys, v.list = append(v.keys, name), append(v.list, m)
		if b, err = c.peek(); err != nil {
			return err
		}
		if b == ';' || b == ',' {
			c.at++
		}
	}
}

// name reads the name of a setting. A point in one is more than libconfig takes, and stands in descriptions.
func (c *config) name() string {
	start := c.at
	for c.at < len(c.p) {
		b := c.p[c.at]
		letter := b|0x20 >= 'a' && b|0x20 <= 'z' || b == '*'
		if !letter && (c.at == start || !(b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.')) {
			break
		}
		c.at++
	}
	return string(c.p[start:c.at])
}

func (c *config) value(level int) (*value, error) {
	if c.left--; c.left < 0 || level > maxLevels {
		return nil, c.corrupt("fewer values, and less deep")
	}
	b, err := c.peek()
	if err != nil {
		return nil, err
	}
	switch b {
	case '{':
		c.at++
		v := &value{kind: group}
		return v, c.settings(v, '}', level)
	case '(':
		return c.items(')', level)
	case '[':
		return c.items(']', level)
	case '"':
		return c.text()
	}
	start := c.at
	for c.at < len(c.p) && strings.IndexByte("+-.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", c.p[c.at]) >= 0 {
		c.at++
	}
	word := string(c.p[start:c.at])
	switch low := strings.ToLower(word); low {
	case "true", "false":
		return &value{kind: boolean, text: low}, nil
	}
	digits := strings.TrimRight(word, "lL")
	if _, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return &value{kind: number, text: digits}, nil
	}
	if _, err := strconv.ParseFloat(word, 64); err == nil && word[0] < 'A' {
		return &value{kind: number, text: word}, nil
	}
	c.at = start
	return nil, c.corrupt("a value")
}

// items reads a list or an array.
func (c *config) items(end byte, level int) (*value, error) {
	c.at++
	v := &value{kind: list}
	for {
		b, err := c.peek()
		if err != nil {
			return nil, err
		}
		if b == end {
			c.at++
			return v, nil
		}
		m, err := c.value(level + 1)
		if err != nil {
			return nil, err
		}
		v.list = append(v.list, m)
		if b, err = c.peek(); err != nil {
			return nil, err
		}
		if b == ',' {
			c.at++
		} else if b != end {
			return nil, c.corrupt("a comma, or " + string(end))
		}
	}
}

// escapes are those of libconfig, but for \xNN.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'f': '\f', 'a': '\a', 'b': '\b', 'v': '\v', '"': '"', '\\': '\\'}

// text reads strings that stand one behind the other, which are one.
func (c *config) text() (*value, error) {
	var out []byte
	for {
		c.at++
		for {
			if c.at >= len(c.p) {
				return nil, c.corrupt("the end of a string")
			}
			b := c.p[c.at]
			c.at++
			if b == '"' {
				break
			}
			if b != '\\' || c.at >= len(c.p) {
				out = append(out, b)
				continue
			}
			b = c.p[c.at]
			c.at++
			if e, ok := escapes[b]; ok {
				out = append(out, e)
			} else if n, err := strconv.ParseUint(string(c.p[c.at:min(c.at+2, len(c.p))]), 16, 8); b == 'x' && err == nil {
				out = append(out, byte(n))
				c.at += 2
			} else {
				out = append(out, '\\', b)
			}
		}
		b, err := c.peek()
		if err != nil {
			return nil, err
		}
		if b != '"' {
			return &value{kind: text, text: string(out)}, nil
		}
	}
}
