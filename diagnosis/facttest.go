package diagnosis

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// units of numbers in facts; a percentage stays what it is.
var units = []struct {
	name  string
	bytes float64
}{
	{"KIB", 1 << 10}, {"MIB", 1 << 20}, {"GIB", 1 << 30}, {"TIB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"%", 1}, {"B", 1},
}

// number reads "12", "0x10", "1.5 GiB", "93 %".
func number(s string) (float64, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	factor := 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(s, u.name); ok && !strings.HasPrefix(s, "0X") {
			s, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	if n, err := strconv.ParseInt(strings.ToLower(s), 0, 64); err == nil {
		return float64(n) * factor, true
	}
	n, err := strconv.ParseFloat(s, 64)
	return n * factor, err == nil
}

// Of reports whether the test is of a fact of this name.
func (t *FactTest) Of(name string) bool { return slices.Contains(strings.Fields(t.Name), name) }

// Passes reports whether a value passes the test. A value that is no number passes none that asks for one.
func (t *FactTest) Passes(value string) bool {
	switch {
	case t.Is != "":
		return strings.EqualFold(strings.TrimSpace(value), t.Is)
	case t.Not != "":
		return value != "" && !strings.EqualFold(strings.TrimSpace(value), t.Not)
	case t.Matches != "":
		re, err := regexp.Compile(t.Matches) // facts are few
		return err == nil && re.MatchString(value)
	}
	n, ok := number(value)
	switch {
	case !ok:
		return false
	case t.Above != nil:
		return n > *t.Above
	case t.Below != nil:
		return n < *t.Below
	}
	return false
}
