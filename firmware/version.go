package firmware

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// CompareVersions compares versions as people read them: numbers as numbers, what stands behind a tilde or is a word such
// as rc or beta before the plain one. The answer is negative, 0 or positive.
func CompareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := range max(len(x), len(y)) {
		var p, q versionPart
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(len(p.number), len(q.number)), cmp.Compare(p.number, q.number), cmp.Compare(p.word, q.word)); c != 0 {
			return c
		}
	}
	return 0
}

// versionPart is a number or a word of a version. Rank orders what is of another sort: words of versions to come before
// the end, the end before other words, and those before numbers.
type versionPart struct {
	rank   int
	number string // without leading zeros
	word   string
}

var early = []string{"alpha", "beta", "pre", "preview", "rc", "dev", "snapshot"}

func versionParts(s string) (out []versionPart) {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "v")
	for s != "" {
		r := rune(s[0])
		switch {
		case r >= '0' && r <= '9':
			n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
			if n < 0 {
				n = len(s)
			}
			number := strings.TrimLeft(s[:n], "0")
			p := versionPart{rank: 2, number: number}
			if number == "" {
				p = versionPart{} // 1.0 and 1 are the same
			}
			out, s = append(out, p), s[n:]
		case r == '~':
			out, s = append(out, versionPart{rank: -2}), s[1:]
		case unicode.IsLetter(r):
			n := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
			if n < 0 {
				n = len(s)
			}
			p := versionPart{rank: 1, word: s[:n]}
			if slices.Contains(early, p.word) {
				p.rank = -1
			}
			out, s = append(out, p), s[n:]
		default:
			s = s[1:]
		}
	}
	return out
}
