package swu

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"salvor/cursor"
)

// Bounds of a description.
const (
	structure      = "sw-description"
	maxDescription = 4 << 20
	maxLevels      = 32
	maxValues      = 100_000
)

// kind says what a value is.
type kind uint8

const (
	text kind = iota + 1
	number
	boolean
	list
	group
)

// value is a setting of libconfig, or a value of JSON.
type value struct {
	kind kind
	text string // of text, and of others as they stand there
	keys []string
	list []*value // of a list, or of a group by its keys
}

// get returns a member of a group, nil when there is none.
func (v *value) get(key string) *value {
	if v == nil || v.kind != group {
		return nil
	}
	for i, k := range v.keys {
		if k == key {
			return v.list[i]
		}
	}
	return nil
}

// str returns the text of a member, "" when there is none.
func (v *value) str(key string) string {
	if m := v.get(key); m != nil && m.kind != list && m.kind != group {
		return m.text
	}
	return ""
}

// size reads a number with a suffix of SWUpdate.
func (v *value) size(key string) int64 {
	s := v.str(key)
	if s == "" {
		return 0
	}
	factor := int64(1)
	switch s[len(s)-1] {
	case 'K', 'k':
		factor, s = 1<<10, s[:len(s)-1]
	case 'M', 'm':
		factor, s = 1<<20, s[:len(s)-1]
	case 'G', 'g':
		factor, s = 1<<30, s[:len(s)-1]
	}
	n, err := strconv.ParseInt(s, 0, 64)
	if err != nil || n < 0 || n > (1<<62)/factor {
		return 0
	}
	return n * factor
}

// strings returns the texts of a list, or the one text.
func (v *value) strings(key string) (out []string) {
	m := v.get(key)
	if m == nil {
		return nil
	}
	if m.kind == text {
		return []string{m.text}
	}
	for _, x := range m.list {
		if m.kind == list && x.kind == text {
			out = append(out, x.text)
		}
	}
	return out
}

// parse reads a description, in the syntax of libconfig or as JSON.
func parse(p []byte) (*value, error) {
	if len(p) > maxDescription {
		return nil, cursor.Corrupt(structure, 0, fmt.Sprintf("at most %d bytes", maxDescription), len(p))
	}
	if first := bytes.TrimLeft(p, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		return parseJSON(p)
	}
	return parseConfig(p)
}

// parseJSON reads one object with nothing behind it.
func parseJSON(p []byte) (*value, error) {
	d := json.NewDecoder(bytes.NewReader(p))
	d.UseNumber()
	left := maxValues
	v, err := jsonValue(d, 0, &left)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something behind the end")
		}
	}
	if err != nil {
		return nil, cursor.Corrupt(structure, d.InputOffset(), "an object of JSON", err)
	}
	return v, nil
}

func jsonValue(d *json.Decoder, level int, left *int) (*value, error) {
	if *left--; *left < 0 || level > maxLevels {
		return nil, fmt.Errorf("more than %d values, or deeper than %d", maxValues, maxLevels)
	}
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := t.(type) {
	case string:
		return &value{kind: text, text: t}, nil
	case json.Number:
		return &value{kind: number, text: t.String()}, nil
	case bool:
		return &value{kind: boolean, text: strconv.FormatBool(t)}, nil
	case json.Delim:
		v := &value{kind: list}
		if t == '{' {
			v.kind = group
		}
		for d.More() {
			if v.kind == group {
				key, err := d.Token()
				if err != nil {
					return nil, err
				}
				v.keys = append(v.keys, fmt.Sprint(key))
			}
			m, err := jsonValue(d, level+1, left)
			if err != nil {
				return nil, err
			}
			v.list = append(v.list, m)
		}
		_, err := d.Token()
		return v, err
	}
	return &value{kind: text}, nil // null
}
