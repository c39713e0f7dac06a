package preview

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the text that head, the beginning of a file, is, in UTF-8, and the name of its encoding. ok is false when it
// is no text.
func Text(head []byte) (text, encoding string, ok bool) {
	switch {
	case len(head) == 0:
		return "", "", false
	case bytes.HasPrefix(head, []byte{0xef, 0xbb, 0xbf}):
		return fromUTF8(head[3:], "UTF-8 with a mark")
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return fromUTF16(head[2:], binary.LittleEndian, "UTF-16, little-endian")
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return fromUTF16(head[2:], binary.BigEndian, "UTF-16, big-endian")
	}
	if text, encoding, ok := fromUTF8(head, "UTF-8"); ok {
		if isASCII(head) {
			encoding = "ASCII"
		}
		return text, encoding, true
	}
	// Most text in UTF-16 has many characters whose other byte is 0.
	if len(head) >= 16 {
		even, odd := zeros(head)
		switch {
		case odd > len(head)/5 && even < odd/8:
			return fromUTF16(head, binary.LittleEndian, "UTF-16, little-endian, without a mark")
		case even > len(head)/5 && odd < even/8:
			return fromUTF16(head, binary.BigEndian, "UTF-16, big-endian, without a mark")
		}
	}
	return fromLatin1(head)
}

func isASCII(p []byte) bool { return bytes.IndexFunc(p, func(r rune) bool { return r >= 0x80 }) < 0 }

// fromUTF8 takes p for UTF-8, whose last character may be cut.
func fromUTF8(p []byte, name string) (string, string, bool) {
	for range utf8.UTFMax - 1 {
		if len(p) > 0 && !utf8.Valid(p) && !utf8.FullRune(p[max(0, lastStart(p)):]) {
			p = p[:lastStart(p)]
		}
	}
	if !utf8.Valid(p) || !isText(string(p)) {
		return "", "", false
	}
	return string(p), name, true
}

// lastStart returns where the last character of p begins.
func lastStart(p []byte) int {
	for i := len(p) - 1; i >= 0 && i >= len(p)-utf8.UTFMax; i-- {
		if utf8.RuneStart(p[i]) {
			return i
		}
	}
	return len(p)
}

func fromUTF16(p []byte, order binary.ByteOrder, name string) (string, string, bool) {
	units := make([]uint16, len(p)/2)
	for i := range units {
		units[i] = order.Uint16(p[2*i:])
	}
	if n := len(units); n > 0 && units[n-1] >= 0xd800 && units[n-1] < 0xdc00 {
		units = units[:n-1] // half of a pair
	}
	text := string(utf16.Decode(units))
	if strings.ContainsRune(text, utf8.RuneError) || !isText(text) {
		return "", "", false
	}
	return text, name, true
}

// zeros counts the bytes of p that are 0, at even and at odd places.
func zeros(p []byte) (even, odd int) {
	for i, b := range p {
		if b == 0 {
			if i%2 == 0 {
				even++
			} else {
				odd++
			}
		}
	}
	return even, odd
}

// fromLatin1 takes p for one of the encodings of one byte a character. Which of them it is, nothing tells; letters of
// western Europe are the guess, and it is named as one.
func fromLatin1(p []byte) (string, string, bool) {
	text, high := latin1(p)
	if high*10 > len(p)*3 || !isText(text) {
		return "", "", false
	}
	return text, "one byte a character, shown as Windows-1252", true
}

// latin1 shows p as Windows-1252, and counts the bytes that are not ASCII.
func latin1(p []byte) (text string, high int) {
	var b strings.Builder
	for _, c := range p {
		if c >= 0x80 {
			high++
		}
		if c >= 0x80 && c < 0xa0 {
			b.WriteRune(windows1252[c-0x80])
		} else {
			b.WriteRune(rune(c))
		}
	}
	return b.String(), high
}

// windows1252 are the characters of 0x80 to 0x9f.
var windows1252 = []rune("€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ")

// isText reports whether s holds hardly anything but what text is made of.
func isText(s string) bool {
	bad, all := 0, 0
	for _, r := range s {
		all++
		if r == utf8.RuneError || r < 0x20 && !strings.ContainsRune("\t\n\r\f\x1b", r) || r == 0x7f || !unicode.IsGraphic(r) && !unicode.IsSpace(r) && r >= 0x80 && !unicode.Is(unicode.Cf, r) {
			bad++
		}
		if r == 0 {
			return false
		}
	}
	return bad*50 <= all
}
