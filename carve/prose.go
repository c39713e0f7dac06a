package carve

import (
	"bytes"
	"regexp"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
)

// kind of a sector.
type kind uint8

const (
	other kind = iota // has bytes that no text has
	mixed             // mostly text, or not readable: what follows is hardly the beginning of a file
	empty             // only zeros, or only 0xFF
	full              // only text
	tail              // text, then only zeros or only 0xFF
)

// units say what a text is made of.
type units uint8

const (
	eight  units = iota // bytes: ASCII, UTF-8, Latin-1
	little              // UTF-16, the low byte first
	big                 // UTF-16, the high byte first
)

// textByte has which bytes text is made of: printable ASCII, blanks, line ends, and what UTF-8 and Latin-1 have above. 0xFF
// is what fills erased flash, and hardly a letter.
var textByte = func() (t [256]bool) {
	for c := range 256 {
		t[c] = c >= 0x20 && c < 0x7F || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c >= 0x80 && c < 0xFF
	}
	return t
}()

// plainByte has 1 for those of them that are ASCII.
var plainByte = func() (t [256]uint8) {
	for c := range 0x80 {
		if textByte[c] {
			t[c] = 1
		}
	}
	return t
}()

// plain counts the bytes of ASCII text among each step-th byte of p.
func plain(p []byte, step int) (n int) {
	for i := 0; i < len(p); i += step {
		n += int(plainByte[p[i]])
	}
	return n
}

// classify returns the kind of a sector, how many bytes of text it begins with, and of which units; of says which units the text
// under way is made of.
func classify(p []byte, of units) (kind, int, units) {
	n := 0
	if of == eight {
		for n < len(p) && textByte[p[n]] {
			n++
		}
	}
	if n < 16 && of == eight {
		of = order(p)
	}
	if of != eight {
		n = wideText(p, of)
	}
	if n == len(p) {
		return full, n, of
	}
	rest := p[n:]
	if (rest[0] != 0 && rest[0] != 0xFF) || !bytes.Equal(rest[1:], rest[:len(rest)-1]) {
		// An eighth of the bytes tells most sectors apart.
		if of == eight && plain(p, 8)*16 >= len(p) && plain(p, 1)*4 >= len(p)*3 {
			return mixed, n, of
		}
		return other, n, of
	}
	if n == 0 {
		return empty, 0, of
	}
	return tail, n, of
}

// order tells whether a sector begins a text of 16-bit units: with a mark of their order, or with ASCII of which every
// second byte is zero.
func order(p []byte) units {
	of := eight
	switch {
	case p[0] == 0xFF && p[1] == 0xFE, p[1] == 0 && p[3] == 0 && plainByte[p[0]]&plainByte[p[2]] == 1:
		of = little
	case p[0] == 0xFE && p[1] == 0xFF, p[0] == 0 && p[2] == 0 && plainByte[p[1]]&plainByte[p[3]] == 1:
		of = big
	default:
		return eight
	}
	// Most of it is of one small alphabet, whatever that is.
	high := map[byte]int{}
	n := wideText(p, of)
	for i := 0; i+1 < n; i += 2 {
		high[byte(unit(p[i:], of)>>8)]++
	}
	if n < 32 || len(high) > 6 {
		return eight
	}
	return of
}

func unit(p []byte, of units) uint16 {
	if of == big {
		return uint16(p[0])<<8 | uint16(p[1])
	}
	return uint16(p[1])<<8 | uint16(p[0])
}

// wideText returns how many bytes of 16-bit text p begins with.
func wideText(p []byte, of units) int {
	for i := 0; i+1 < len(p); i += 2 {
		u := rune(unit(p[i:], of))
		switch {
		case u < 0x80 && plainByte[u] == 1, u == 0xFEFF, utf16.IsSurrogate(u):
		case u < 0xA0 || !unicode.IsPrint(u) && !unicode.IsSpace(u) && !unicode.Is(unicode.Cf, u):
			return i
		}
	}
	return len(p) &^ 1
}

// run is the text under way.
type run struct {
	start     int64             // -1: none
	wide      units             // what it is made of
	last      kind              // of the sector before
	lastUnits units             // of it
	before    byte              // the last one of that sector
	line      [2 * endRoom]byte // that the last whole sector of text ends with
}

func (r *run) units() units {
	if r.start < 0 {
		return eight
	}
	return r.wide
}

// ending is where a text ends, and whether it ends there as texts do.
type ending struct {
	at  int64
	own bool
}

// end returns the end of a text whose last sector, of kind k, stands at and begins with the text p.
func (r *run) end(k kind, at int64, p []byte) ending {
	switch k {
	case empty:
		return ending{at, true}
	case tail:
		return ending{at + int64(len(p)), true}
	}
	return r.cut(at, p)
}

// cut returns the end of a text that goes on into something else. p is what looks like text before that, from a sector at on:
// what fills up the last sector of a file may be old data.
func (r *run) cut(at int64, p []byte) ending {
	if r.wide != eight {
		if m := bytes.LastIndexByte(p, '\n') + 1; m > 0 && len(p)-m <= endRoom {
			return ending{at + int64((m+1)&^1), true}
		}
		return ending{at, r.before == '\n' || r.before == 0 && len(p) == 0}
	}
	p = p[:sound(p)]
	if m := lineEnd(p); m > 0 {
		return ending{at + int64(m), true}
	}
	if len(p) <= endRoom*2 { // hardly more than chance
		if own := closing(r.before); own || at-r.start < int64(len(r.line)) {
			return ending{at, own && at > r.start}
		}
		// The last bytes of the sector before may be old data that looks like a character by chance.
		if m := lineEnd(r.line[:]); m > 0 && odd(r.line[:m]) == 0 && odd(r.line[m:]) > 0 {
			return ending{at - int64(len(r.line)-m), true}
		}
		return ending{at, false}
	}
	return ending{at + int64(len(p)), false}
}

// sound returns how many bytes of p, which begins with a text of bytes, can be the text's: up to what is neither UTF-8 nor a
// letter of Latin-1 inside of a word.
func sound(p []byte) int {
	for i := 0; i < len(p); {
		_, n := utf8.DecodeRune(p[i:])
		if n == 1 && p[i] >= utf8.RuneSelf {
			carried := i < 3 && p[i] < 0xC0 // the rest of a character that the sector before ends with
			alone := (i == 0 || p[i-1] < utf8.RuneSelf) && (i+1 == len(p) || p[i+1] < utf8.RuneSelf)
			if !carried && (p[i] < 0xC0 || !alone) {
				return i
			}
		}
		i += n
	}
	return len(p)
}

// odd counts the bytes above ASCII.
func odd(p []byte) (n int) {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// closing reports whether texts end with this byte.
func closing(c byte) bool { return c == '\n' || c == '}' || c == ']' || c == '>' }

// endRoom is how many bytes of old data behind the end of a text may look like text by chance.
const endRoom = 16

// lineEnd returns how many bytes of p, which is text up to its end, belong to a text that ends as texts do: with a
// line, an element or an object; 0 when it does not.
func lineEnd(p []byte) int {
	end := bytes.LastIndexByte(p, '\n') + 1
	if end == 0 || len(p)-end > endRoom {
		end = bytes.LastIndexAny(p, "}]>") + 1
	}
	for end < len(p) && closing(p[end]) { // the last line may have no end
		end++
	}
	if len(p)-end > endRoom {
		return 0
	}
	return end
}

// beginnings are what texts begin with that can be told by it, wherever it stands; openings only behind what is no text.
var (
	beginnings = [][]byte{[]byte("From: "), []byte("Return-Path: "), []byte("Received: "), []byte("Delivered-To: "), []byte("MIME-Version: "),
		[]byte("Message-ID: "), []byte("<?xml"), []byte("<!DOCTYPE"), []byte("<html"), []byte("#!/"), []byte("-----BEGIN "), []byte("\xEF\xBB\xBF")}
	openings = [][]byte{[]byte("[\n"), []byte("{\n"), []byte("{\r\n"), []byte("[{"), []byte("{\"")}
)

// mailbox is the first line of a mailbox; a sentence may begin with its first word.
var mailbox = regexp.MustCompile(`^From \S+ +\w{3} \w{3} [ \d]\d \d\d:\d\d(:\d\d)? .{0,12}\d{4}\r?\n`)

// heads reports whether a text begins in p beyond doubt.
func heads(p []byte) bool {
	return begins(p, beginnings) || mailbox.Match(p) || (p[0] == 0xFF || p[0] == 0xFE) && p[0]^p[1] == 1 && order(p) != eight
}

func begins(p []byte, with [][]byte) bool {
	for _, b := range with {
		if p[0] == b[0] && bytes.HasPrefix(p, b) {
			return true
		}
	}
	return false
}

// lively reports whether the first bytes of e are as varied as written text is: test patterns, tables of one byte and padding are
// not. With words, it must consist of words too, as plain text does and encoded data does not.
func (t *texts) lively(e block.Extent, words bool) bool {
	p := make([]byte, min(e.Length, 64<<10))
	if n, _ := t.Source.ReadAt(p, e.Offset); n < len(p) {
		return false
	}
	return varied(p) && (!words || worded(p))
}

func varied(p []byte) bool {
	var count [256]int
	distinct, most := 0, 0
	for _, c := range p {
		if count[c] == 0 {
			distinct++
		}
		count[c]++
		most = max(most, count[c])
	}
	return distinct >= 12 && most*10 <= len(p)*7
}

// leastBlanks is the share of blanks that words have between them: one of so many bytes.
const leastBlanks = 24

// worded reports whether p has blanks as words have them.
func worded(p []byte) bool {
	return (bytes.Count(p, []byte{' '})+bytes.Count(p, []byte{'\t'}))*leastBlanks >= len(p)
}
