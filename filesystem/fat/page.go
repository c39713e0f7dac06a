package fat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// codePage is one of those that systems write short names in. A volume does not name its own.
type codePage struct {
	name string
	enc  encoding.Encoding
}

// codePages are tried in this order; of pages that fit as well, the first is taken.
func codePages() []codePage {
	return []codePage{
		{"437", charmap.CodePage437}, {"850", charmap.CodePage850}, {"852", charmap.CodePage852}, {"866", charmap.CodePage866},
		{"858", charmap.CodePage858}, {"855", charmap.CodePage855}, {"860", charmap.CodePage860}, {"862", charmap.CodePage862},
		{"863", charmap.CodePage863}, {"865", charmap.CodePage865}, {"932", japanese.ShiftJIS}, {"936", simplifiedchinese.GBK},
		{"949", korean.EUCKR}, {"950", traditionalchinese.Big5}, {"874", charmap.Windows874}, {"1252", charmap.Windows1252},
		{"1250", charmap.Windows1250}, {"1251", charmap.Windows1251}, {"1253", charmap.Windows1253}, {"1254", charmap.Windows1254},
		{"1255", charmap.Windows1255}, {"1256", charmap.Windows1256}, {"1257", charmap.Windows1257}, {"1258", charmap.Windows1258},
	}
}

// usualPage is what is taken without evidence.
func usualPage() codePage { return codePage{"437", charmap.CodePage437} }

// decode decodes a part of a short name. ASCII, control characters too, stands for itself. ok is false when a
// byte means nothing in this page; it is given as code page 437 has it.
func (c codePage) decode(p []byte) (text string, ok bool) {
	if !hasHigh(p) {
		return string(p), true
	}
	out, err := c.enc.NewDecoder().Bytes(p)
	if err == nil && !strings.ContainsRune(string(out), utf8.RuneError) {
		return string(out), true
	}
	out, err = charmap.CodePage437.NewDecoder().Bytes(p)
	if err != nil {
		return strings.ToValidUTF8(string(p), "_"), false
	}
	return string(out), false
}

func hasHigh(p []byte) bool {
	for _, b := range p {
		if b >= 0x80 {
			return true
		}
	}
	return false
}

// pageEvidence collects what pairs of short and long names tell of the code page.
type pageEvidence struct {
	pages []codePage
	agree []int
	pairs int // with bytes that the page decides
	bare  int // short names with such bytes and without a long name
}

// maxPairs bounds the pairs that are compared: more would tell nothing new.
const maxPairs = 1000

// add takes the short name of a file with its long one, which is "" when it has none.
func (e *pageEvidence) add(name [11]byte, long string) {
	if name[0] == markKanji {
		name[0] = 0xE5
	}
	if !hasHigh(name[:]) {
		return
	}
	if long == "" {
		e.bare++
		return
	}
	if e.pairs++; e.pairs > maxPairs {
		return
	}
	if e.pages == nil {
		e.pages = codePages()
		e.agree = make([]int, len(e.pages))
	}
	// A system strips blanks and dots of the long name, raises its letters, and cuts it, maybe before "~1".
	base := strings.TrimRight(string(name[:8]), " ")
	if i := strings.LastIndexByte(base, '~'); i >= 0 {
		base = base[:i]
	}
	stem := long
	if i := strings.LastIndexByte(long, '.'); i > 0 {
		stem = long[:i]
	}
	want := strings.Map(func(r rune) rune {
		if r == ' ' || r == '.' {
			return -1
		}
		return unicode.ToUpper(r)
	}, stem)
	for i, page := range e.pages {
		text, ok := page.decode([]byte(base))
		if ok && fold(text, want) {
			e.agree[i]++
		}
	}
}

// fold reports whether a decoded short name is a beginning of the long one. An underscore stands for a character that
// the code page lacks.
func fold(short, long string) bool {
	rest := []rune(long)
	for i, r := range []rune(short) {
		if i >= len(rest) {
			return false
		}
		if r = unicode.ToUpper(r); r != rest[i] && r != '_' {
			return false
		}
	}
	return short != ""
}

// best returns the page that most pairs agree with; n is 0 when none does.
func (e *pageEvidence) best() (page codePage, n int) {
	page = usualPage()
	for i, a := range e.agree {
		if a > n {
			page, n = e.pages[i], a
		}
	}
	return page, n
}
