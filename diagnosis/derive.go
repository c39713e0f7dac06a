package diagnosis

import (
	"encoding/hex"
	"strconv"
	"strings"
)

// Facts that are told by what stands in lines and in other facts. Rules of kind fact ask for them.
const (
	factSize   = "derived.size"      // short, whole, long: what was received, beside what was expected
	factText   = "derived.text"      // html, json, xml, text, erased, zero, packed: what stood in place of a header
	factOffset = "fault.same-offset" // YES, NO: file and flash are wrong at the same place
)

// derive returns the facts that evidence and facts tell together.
func derive(tales []*tale, items []*item, facts []Fact) []Fact {
	var more []Fact
	for _, t := range tales {
		if f, ok := t.size(); ok {
			more = append(more, f)
			break
		}
	}
	for _, i := range items {
		if i.ended {
			continue
		}
		if text := decode(i.groups["magic"]); text != "" {
			more = append(more, Fact{Name: factText, Value: text, Place: i.place, Words: i.quote})
		}
	}
	file, flash := valueOf(facts, "package.bad-offset"), valueOf(facts, "storage.bad-offset")
	switch {
	case flash == "":
	case file != "" && file == flash:
		more = append(more, Fact{Name: factOffset, Value: "YES", Words: "file and flash are wrong at " + flash})
	default:
		more = append(more, Fact{Name: factOffset, Value: "NO", Words: "the flash is wrong at " + flash + ", the file is not"})
	}
	return more
}

func valueOf(facts []Fact, name string) string {
	for _, f := range facts {
		if f.Name == name {
			if n, ok := number(f.Value); ok {
				return "0x" + strconv.FormatInt(int64(n), 16)
			}
			return f.Value
		}
	}
	return ""
}

// size compares the sizes that a tale tells, in one line or in the last two that tell one each.
func (t *tale) size() (f Fact, ok bool) {
	groups := map[string]string{}
	for i := range t.events {
		ev := &t.events[i]
		for _, name := range []string{"expected_size", "actual_size"} {
			if v := ev.groups[name]; v != "" {
				groups[name] = v
				f.Place, f.Words = ev.place, ev.quote
			}
		}
		if len(ev.groups) > 0 && fails(ev.rule) {
			if f.Value = sizeFact(groups); f.Value != "" {
				f.Name = factSize
				return f, true
			}
		}
	}
	return f, false
}

// sizeFact compares two sizes.
func sizeFact(groups map[string]string) string {
	want, ok := number(groups["expected_size"])
	have, ok2 := number(groups["actual_size"])
	switch {
	case !ok || !ok2 || want <= 0:
		return ""
	case have < want:
		return "short"
	case have > want:
		return "long"
	}
	return "whole"
}

// decode says what the bytes that stood in place of a header are: a number, or bytes in hexadecimal.
func decode(magic string) string {
	digits := strings.TrimPrefix(strings.ToLower(strings.NewReplacer(" ", "", ":", "", ",0x", "", ",", "", "\\x", "").Replace(magic)), "0x")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 || len(b) > 64 {
		return ""
	}
	backward := make([]byte, len(b))
	for i, c := range b {
		backward[len(b)-1-i] = c
	}
	for _, s := range []string{string(b), string(backward)} {
		s = strings.TrimLeft(strings.TrimRight(s, "\x00"), "\r\n\t ")
		switch {
		case s == "":
		case strings.HasPrefix(s, "<?xm"):
			return "xml"
		case s[0] == '<':
			return "html"
		case s[0] == '{' && (len(s) == 1 || s[1] == '"' || s[1] == '\n' || s[1] == ' '):
			return "json"
		case s[0] == 0x1f && len(s) > 1 && s[1] == 0x8b:
			return "packed"
		}
	}
	return alike(b)
}

// alike tells erased flash, zeros and text by all of the bytes.
func alike(b []byte) string {
	erased, zero, text := true, true, len(b) >= 4
	for _, c := range b {
		erased = erased && c == 0xff
		zero = zero && c == 0
		text = text && (c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t')
	}
	switch {
	case erased:
		return "erased"
	case zero:
		return "zero"
	case text:
		return "text"
	}
	return ""
}
