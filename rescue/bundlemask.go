package rescue

import (
	"bytes"
	"encoding/json"
	"slices"

	secrets "salvor/diagnosis/mask"
	"salvor/internal/wire"
)

// learn shows a document to the masker.
func (d *document) learn(m *secrets.Masker) {
	m.Learn(d.text)
	for _, v := range append([]any{d.record}, d.lines...) {
		learnValue(m, "", v)
	}
}

// learnValue shows the strings of a record, each with the name of its field.
func learnValue(m *secrets.Masker, key string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range sorted(v) {
			learnValue(m, k, x)
		}
	case []any:
		for _, x := range v {
			learnValue(m, key, x)
		}
	case string:
		m.Named("", key, v)
	case json.Number:
		m.Named("", key, v.String())
	}
}

// sorted yields the members of an object in the order of their names, so that numbers are given in one order.
func sorted(v map[string]any) func(func(string, any) bool) {
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return func(yield func(string, any) bool) {
		for _, k := range keys {
			if !yield(k, v[k]) {
				return
			}
		}
	}
}

// masked returns the bytes of a document without secrets.
func (d *document) masked(m *secrets.Masker, name string) ([]byte, error) {
	if d.record == nil && d.lines == nil {
		return []byte(m.Mask(name, d.text)), nil
	}
	var out bytes.Buffer
	list := d.lines
	if d.record != nil {
		list = []any{d.record}
	}
	for _, v := range list {
		line, err := wire.Encode(maskValue(m, name, "", v))
		if err != nil {
			return nil, err
		}
		out.Write(line)
	}
	return out.Bytes(), nil
}

// maskValue returns a record without secrets. A hash is what a bundle is for, and none is taken for a number of a unit.
func maskValue(m *secrets.Masker, file, key string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, x := range sorted(v) {
			out[m.Mask(file, k)] = maskValue(m, file, k, x)
		}
		return out
	case []any:
		out := make([]any, 0, len(v))
		for _, x := range v {
			out = append(out, maskValue(m, file, key, x))
		}
		return out
	case string:
		return m.Named(file, key, v)
	case json.Number:
		if s := m.Named(file, key, v.String()); s != v.String() {
			return s
		}
	}
	return v
}
