package mtdparts

import (
	"strconv"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/volume"
)

// MaxEntries is the largest number of partitions of a text.
const MaxEntries = 128

// parseText decodes the list behind "mtdparts=" for a medium of size bytes whose numbers count units of unit
// bytes, from base. The text ends at the first byte that cannot belong to it.
func parseText(text string, at, unit, base, size int64) ([]volume.Entry, error) {
	fault := func(what string) error { return cursor.Corrupt("mtdparts: text", at, "SIZE@START(NAME)", what) }
	if i := strings.IndexAny(text, " \t\r\n\x00\""); i >= 0 {
		text = text[:i]
	}
	_, list, ok := strings.Cut(text, ":")
	if !ok {
		return nil, cursor.ErrNot
	}
	list, _, _ = strings.Cut(list, ";") // further media have further lists
	var out []volume.Entry
	next := int64(0)
	for list != "" {
		if len(out) >= MaxEntries {
			return nil, fault("too many partitions")
		}
		length, rest, ok := number(list, unit)
		if !ok {
			return nil, fault(list[:min(len(list), 40)])
		}
		if after, found := strings.CutPrefix(rest, "@"); found {
			start, more, ok := number(after, unit)
			if !ok || start < 0 {
				return nil, fault(after[:min(len(after), 40)])
			}
			next, rest = start, more
		}
		name := ""
		if after, found := strings.CutPrefix(rest, "("); found {
			label, more, closed := strings.Cut(after, ")")
			if !closed {
				return nil, fault(rest[:min(len(rest), 40)])
			}
			name, rest = label, more
		}
		e := volume.Entry{Number: len(out) + 1, Type: "mtdparts", TypeName: "flash partition"}
		// A name may carry "bootable" and "grow" behind a colon.
		name, words, _ := strings.Cut(name, ":")
		e.Name = name
		for word := range strings.SplitSeq(words, ":") {
			if word != "" {
				e.Notes = append(e.Notes, word)
			}
			e.Active = e.Active || word == "bootable"
		}
		for {
			if after, found := strings.CutPrefix(rest, "ro"); found {
				e.Notes, rest = append(e.Notes, "read-only"), after
			} else if after, found := strings.CutPrefix(rest, "lk"); found {
				e.Notes, rest = append(e.Notes, "locked"), after
			} else {
				break
			}
		}
		if length < 0 { // the rest of the medium
			length = max(size-base-next, 0)
		}
		e.Extent = block.Extent{Offset: base + next, Length: length}
		if !e.Extent.Valid() || length == 0 {
			return nil, fault("a partition that ends behind every medium")
		}
		next += length
		out = append(out, e)
		if rest == "" {
			break
		}
		after, found := strings.CutPrefix(rest, ",")
		if !found || after == "" {
			return nil, fault(rest[:min(len(rest), 40)])
		}
		list = after
	}
	if len(out) == 0 {
		return nil, cursor.ErrNot
	}
	return out, nil
}

// number reads a number with its unit from the start of s; -1 for a dash, which means the rest.
func number(s string, unit int64) (int64, string, bool) {
	if after, ok := strings.CutPrefix(s, "-"); ok {
		return -1, after, true
	}
	digits := "0123456789"
	base, body := 10, s
	if len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'x' {
		digits, base, body = "0123456789abcdef", 16, s[2:]
	}
	n := 0
	for n < len(body) && strings.IndexByte(digits, body[n]|0x20) >= 0 {
		n++
	}
	v, err := strconv.ParseUint(body[:n], base, 63)
	if err != nil {
		return 0, s, false
	}
	rest := s[len(s)-len(body)+n:]
	shift := 0
	if rest != "" {
		switch rest[0] | 0x20 {
		case 'k':
			shift = 10
		case 'm':
			shift = 20
		case 'g':
			shift = 30
		}
	}
	switch {
	case shift > 0:
		rest, unit = rest[1:], 1<<shift
	case rest != "" && rest[0] == 'S': // sectors, as newer kernels read it
		rest, unit = rest[1:], 512
	}
	if v > uint64((1<<60)/unit) {
		return 0, s, false
	}
	return int64(v) * unit, rest, true
}
