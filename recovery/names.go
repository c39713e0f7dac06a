package recovery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Target is what the file system can hold that the saved files go to.
type Target struct {
	MaxFileSize     int64 // bytes; 0: no limit
	CaseInsensitive bool  // two names that differ only in case are one
	WindowsNames    bool  // names that Windows cannot hold must be changed
	Symlinks        bool  // symbolic links can be made
	Modes           bool  // permissions are kept
	Sparse          bool  // holes take no space
	MaxName         int   // bytes of one name; 0: 255
	MaxPath         int   // bytes of a path from the case's folder; 0: 1024
}

// The limits that hold where a Target gives none.
const (
	defaultMaxName = 255
	defaultMaxPath = 1024
	// leastName is the room that a name always gets, so that hash and extension fit.
	leastName = 48
	// maxExtension is the longest extension, dot included, that a shortened name keeps.
	maxExtension = 16
)

func (t *Target) maxName() int {
	if t.MaxName > 0 {
		return max(t.MaxName, leastName)
	}
	return defaultMaxName
}

func (t *Target) maxPath() int {
	if t.MaxPath > 0 {
		return max(t.MaxPath, 4*leastName)
	}
	return defaultMaxPath
}

// reservedPrefix begins the names of this program's own files in the case.
const reservedPrefix = ".salvor"

// safeName makes any text into one name of at most limit bytes that the target can hold, that stays in its
// folder, and that shows what it is: what reorders or hides text becomes visible. The same text always
// gives the same name. Different texts may give the same one; telling them apart is for [namer].
func safeName(name string, t *Target, limit int) string {
	safe := visible(name, t.WindowsNames)
	switch {
	case safe == "":
		safe = "_"
	case safe == "." || safe == "..":
		safe = "_" + safe
	case strings.HasPrefix(strings.ToLower(safe), reservedPrefix):
		safe = "_" + safe
	}
	if t.WindowsNames {
		if last := safe[len(safe)-1]; last == '.' || last == ' ' {
			safe = safe[:len(safe)-1] + "_"
		}
		if isDeviceName(safe) {
			safe = "_" + safe
		}
	}
	if len(safe) > limit {
		safe = shorten(safe, name, limit)
	}
	return safe
}

// visible replaces what a name must not hold.
func visible(name string, windows bool) string {
	var b strings.Builder
	prev := rune(0)
	for i, r := range name {
		n := utf8.RuneLen(r)
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(name[i:], "\uFFFD"):
			fmt.Fprintf(&b, "[%02X]", name[i])
		case r == '/':
			b.WriteByte('_')
		case r < 0x20:
			b.WriteRune(0x2400 + r) // the picture of the control character
		case r == 0x7f:
			b.WriteRune('\u2421')
		case windows && strings.ContainsRune(`<>:"\|?*`, r):
			b.WriteByte('_')
		case isJoiner(r) && joins(prev) && joins(runeAfter(name[i+n:])):
			b.WriteRune(r)
		case isHidden(r), unicode.Is(unicode.Cc, r):
			fmt.Fprintf(&b, "[U+%04X]", r)
		default:
			b.WriteRune(r)
		}
		prev = r
	}
	return b.String()
}

// isHidden reports whether r shows nothing, or changes the order in which its neighbours are shown.
func isHidden(r rune) bool {
	switch {
	case r >= 0x600 && r <= 0x605, r == 0x6dd, r == 0x70f, r == 0x8e2:
		return false // signs of Arabic and Syriac that are of class Cf and do show
	case r == 0x34f, r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r == 0x2028, r == 0x2029:
		return true // fillers and separators
	}
	return unicode.Is(unicode.Cf, r)
}

// isJoiner reports whether r is one of the two joiners, which belong between letters of some scripts and
// the parts of an emoji, and only there.
func isJoiner(r rune) bool { return r == 0x200c || r == 0x200d }

func joins(r rune) bool { return r > 0x2ff && r != utf8.RuneError && !isHidden(r) }

func runeAfter(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// isDeviceName reports whether Windows takes name for a device, with whatever extension.
func isDeviceName(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	r := []rune(base)
	return len(r) == 4 && (strings.HasPrefix(base, "COM") || strings.HasPrefix(base, "LPT")) &&
		strings.ContainsRune("0123456789¹²³", r[3])
}

// shorten cuts name to limit bytes, with a hash of original and, where it is short enough, the extension.
func shorten(name, original string, limit int) string {
	ext := path.Ext(name)
	if len(ext) > maxExtension || len(ext) == len(name) {
		ext = ""
	}
	tail := "~" + shortHash(original) + ext
	return cutText(name[:len(name)-len(ext)], limit-len(tail)) + tail
}

// cutText returns the longest start of s that ends between characters and has at most n bytes.
func cutText(s string, n int) string {
	if len(s) <= n {
		return s
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// numbered returns name for the nth file that would have it: as it is for the first, else with " (n)"
// before the extension, cut so that it keeps to limit.
func numbered(name string, n, limit int) string {
	if n <= 1 {
		return name
	}
	ext := path.Ext(name)
	if len(ext) > maxExtension || len(ext) == len(name) {
		ext = ""
	}
	tail := fmt.Sprintf(" (%d)", n) + ext
	return cutText(name[:len(name)-len(ext)], limit-len(tail)) + tail
}

// nameKey returns what two paths have in common when the target would take one for the other. Composed and
// decomposed characters are always the same, since macOS and copies between systems make them so. Folding
// may join more than a given file system does, which only costs a " (2)".
func nameKey(p string, t *Target) string {
	if t.CaseInsensitive {
		p = cases.Fold().String(strings.ToUpper(norm.NFC.String(p)))
	}
	return norm.NFC.String(p)
}

// SafeName makes any text into one name of at most limit bytes, 48 at least, that the target can hold and that stays in
// its folder.
func SafeName(name string, t Target, limit int) string {
	return safeName(name, &t, min(max(limit, leastName), t.maxName()))
}
