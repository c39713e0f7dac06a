package filesystem

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// EscapeName makes a stored name fit to be one element of [File.Path]: bytes that are not valid UTF-8,
// slashes and NULs become \xNN, and so does a backslash that would otherwise read as such an escape. The
// names "", "." and ".." become "\x", "\x2e" and "\x2e\x2e". Every other name stays as it is.
// [UnescapeName] gives back the stored bytes.
func EscapeName(name string) string {
	switch name {
	case "":
		return `\x`
	case ".":
		return `\x2e`
	case "..":
		return `\x2e\x2e`
	}
	clean := utf8.ValidString(name) && !strings.ContainsAny(name, "/\x00") && !strings.Contains(name, `\x`)
	if clean {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && n <= 1, r == '/', r == 0,
			r == '\\' && strings.HasPrefix(name[i+1:], "x"):
			fmt.Fprintf(&b, `\x%02x`, name[i])
			n = 1
		default:
			b.WriteString(name[i : i+n])
		}
		i += n
	}
	return b.String()
}

// UnescapeName is the inverse of [EscapeName]. Text that is no escape stays as it is.
func UnescapeName(name string) string {
	if name == `\x` {
		return ""
	}
	if !strings.Contains(name, `\x`) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if strings.HasPrefix(name[i:], `\x`) && i+4 <= len(name) {
			if hi, lo := unhex(name[i+2]), unhex(name[i+3]); hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 3
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
