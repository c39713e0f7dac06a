package hfsplus

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"salvor/filesystem/internal/cluster"
)

// maxName is the longest name of a file, in units of UTF-16; names of attributes are shorter.
const maxName = 255

// decodeName gives a stored name as other systems write it: letters composed with their marks, and a colon for the
// slash that the format allows in a name, as every system shows it.
func decodeName(p []byte) string {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = be.Uint16(p[2*i:])
	}
	return strings.ReplaceAll(compose(cluster.Name(units)), "/", ":")
}

// compose undoes the decomposition that the format demands of names. Letters that it never decomposes are left
// as they are, since composing would make other letters of them.
func compose(s string) string {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < 0x80
	}
	if ascii {
		return s
	}
	s = acuteGreek(s)
	var b strings.Builder
	from := 0
	for i, r := range s {
		if r >= 0x2000 && r < 0x3000 || r >= 0xF900 && r < 0xFB00 || r >= 0x2F800 && r < 0x2FB00 || r == 0xFFFD {
			b.WriteString(norm.NFC.String(s[from:i]))
			n := len(string(r))
			if r == 0xFFFD {
				n = 1
				if strings.HasPrefix(s[i:], "\uFFFD") {
					n = 3
				}
			}
			b.WriteString(s[i : i+n])
			from = i + n
		}
	}
	if from <= len(s) {
		b.WriteString(norm.NFC.String(s[from:]))
	}
	return b.String()
}

// acuteGreek puts the acute accent (U+0301), to which Unicode has decomposed the Greek tonos since its version 3, in the place of the
// vertical line (U+030D), which Apple's table of decompositions, being older, has after Greek letters. Other writers follow
// that table too.
func acuteGreek(s string) string {
	if !strings.Contains(s, "\u030D") {
		return s
	}
	var b strings.Builder
	greek := false // the letter before the marks
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == 0x030D && greek {
			b.WriteRune(0x0301)
		} else {
			b.WriteString(s[:n]) // bytes that are no rune stay as they are
		}
		if r != 0x0308 && r != 0x030D { // the diaeresis may stand between them
			greek = r >= 0x0370 && r < 0x0400
		}
		s = s[n:]
	}
	return b.String()
}
