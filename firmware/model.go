package firmware

import (
	"strings"
	"unicode"
)

// sameModel compares a name that a package gives with the words on a label: "acme,gw-100" and "ACME GW-100" are one. Words
// with the same letters and another number name another device; anything else cannot be told, since makers sell one
// device under several names.
func sameModel(claim, label string) Answer {
	c, l := modelWords(claim), modelWords(label)
	if len(c) == 0 || len(l) == 0 {
		return CannotTell
	}
	if joined := strings.Join(c, ""); joined == strings.Join(l, "") || len(l) > 1 && joined == strings.Join(l[1:], "") || len(c) > 1 && strings.Join(c[1:], "") == strings.Join(l, "") {
		return OK
	}
	for _, x := range series(c) {
		for _, y := range series(l) {
			if x.letters == y.letters && x.number != y.number {
				return No
			}
		}
	}
	return CannotTell
}

// modelWords are the words of a name, in lower case.
func modelWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// model is a name with a number: gw and 100.
type model struct{ letters, number string }

// series finds the names with numbers in words: "gw" "100", or "gw100".
func series(words []string) (out []model) {
	for i, w := range words {
		n := strings.IndexFunc(w, unicode.IsDigit)
		switch {
		case n > 0:
			out = append(out, model{w[:n], w[n:]})
		case n == 0 && i > 0 && !strings.ContainsFunc(words[i-1], unicode.IsDigit):
			out = append(out, model{words[i-1], w})
		}
	}
	return out
}
