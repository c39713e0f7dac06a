package text

import (
	"bytes"
	"encoding/binary"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/filetype"
)

// What a byte is in a text of 8-bit units.
const (
	cBad      = iota // a control byte that no text has
	cZero            // 0x00
	cTerminal        // a control byte that output for terminals has
	cSpace           // blank, tab, line end
	cLetter          // ASCII letter or digit
	cOther           // other ASCII
	cHigh            // above ASCII
)

// class gives the kind of each byte.
var class = func() (c [256]byte) {
	for i := range c {
		switch b := byte(i); {
		case b == 0:
			c[i] = cZero
		case b == '\a' || b == '\b' || b == '\v' || b == '\f' || b == 0x1B:
			c[i] = cTerminal
		case b == ' ' || b == '\t' || b == '\n' || b == '\r':
			c[i] = cSpace
		case b < 0x20 || b == 0x7F:
			c[i] = cBad
		case b >= 0x80:
			c[i] = cHigh
		case b >= '0' && b <= '9' || b|0x20 >= 'a' && b|0x20 <= 'z':
			c[i] = cLetter
		default:
			c[i] = cOther
		}
	}
	return c
}()

// result is what judge says of a text.
type result struct {
	encoding  string
	size      int64
	good      int64 // offset up to which everything is text
	zeroFrom  int64 // where zeros begin; -1 when there are none
	zeroCount int64
	badAt     int64 // first bytes that break the encoding; -1 when there are none
	cut       bool  // the last character is not complete

	count  [7]int64 // of each class
	multi  int64    // characters of several bytes that are valid UTF-8
	broken int64    // bytes that break UTF-8
	paired int64    // high bytes beside a letter, as Western words have them
	gaps   int64    // high bytes that code page 1252 does not define, and C1 controls
	wide   bool     // of 16-bit units
}

// plausible reports whether what was read is text at all.
func (r *result) plausible() bool {
	n := r.count
	plain := n[cSpace] + n[cLetter] + n[cOther]
	switch {
	case n[cBad] > 0 || plain+n[cHigh] == 0 || n[cTerminal]*10 > plain+n[cHigh]:
		return false
	case r.wide || r.broken == 0:
		return true
	case r.multi > 8*r.broken: // damaged UTF-8
		return true
	}
	// Western text in one byte for each character: mostly ASCII, with words around what is not.
	return r.gaps == 0 && plain >= 4*n[cHigh] && n[cLetter]*10 >= 3*plain && n[cSpace]*30 >= plain && r.paired*10 >= 8*n[cHigh]
}

// maxZeros is how many zeros behind a text are counted, in bytes: broken metadata makes files of terabytes.
const maxZeros = 256 << 20

// judge reads s to its end, giving each chunk to see, as long as that returns true. It returns early when
// what it reads cannot be text. Its error is that of the source; the result then holds up to there.
func judge(s *filetype.Stream, see func(p []byte) bool) (result, error) {
	r := result{zeroFrom: -1, badAt: -1, encoding: "UTF-8"}
	head, err := s.Peek(1024)
	if len(head) == 0 {
		if err == io.EOF {
			return r, nil
		}
		return r, err
	}
	if order, skip := wideOrder(head); order != nil {
		s.Discard(skip)
		return r, r.units(s, order, see)
	}
	if bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")) {
		s.Discard(3)
	}
	return r, r.bytes(s, see)
}

// bytes judges text of 8-bit units.
func (r *result) bytes(s *filetype.Stream, see func(p []byte) bool) error {
	var carry []byte // the start of a character at the end of the chunk before
	letter := false  // the byte before is an ASCII letter
	pending := false // the byte before is a high byte that waits for a letter behind it
	for {
		r.good = s.Offset()
		p, err := s.Window()
		if err == io.EOF {
			break
		}
		if err != nil {
			r.finish(carry)
			return err
		}
		if r.zeroFrom >= 0 { // zeros were met: what follows only says how many
			n := len(p) - len(bytes.TrimLeft(p, "\x00"))
			r.zeroCount += int64(n)
			if n < len(p) || r.zeroFrom < minHead || r.zeroCount >= maxZeros {
				return nil
			}
			s.Discard(n)
			continue
		}
		used := len(p)
		if i := bytes.IndexByte(p, 0); i >= 0 {
			used = i
		}
		q := p[:used]
		high := false
		for _, b := range q {
			c := class[b]
			r.count[c]++
			high = high || c == cHigh
		}
		if r.count[cBad] > 0 {
			return nil
		}
		if high || len(carry) > 0 || pending {
			r.western(q, &letter, &pending)
			carry = r.utf8(append(carry, q...), s.Offset()-int64(len(carry)))
		}
		if n := len(q); n > 0 {
			letter = class[q[n-1]] == cLetter
		}
		if !r.hopeful() || !see(q) {
			return nil
		}
		if used < len(p) {
			r.zeroFrom = s.Offset() + int64(used)
			r.good = r.zeroFrom
		}
		s.Discard(used)
	}
	r.size = s.Offset()
	if r.zeroFrom < 0 && len(carry) > 0 {
		r.cut = true
	}
	r.finish(carry)
	return nil
}

// finish decides between UTF-8 and Western text.
func (r *result) finish(carry []byte) {
	if r.broken == 0 && (len(carry) == 0 || r.multi > 0) || r.multi > 8*r.broken {
		return
	}
	// The last bytes count as what they are in such a text.
	r.broken += int64(len(carry))
	r.encoding = "windows-1252"
	r.badAt = -1
	r.cut = false
}

// hopeful reports whether it is worth reading on.
func (r *result) hopeful() bool {
	high, rest := r.count[cHigh], r.count[cSpace]+r.count[cLetter]+r.count[cOther]
	return r.broken < 64 || r.multi > 8*r.broken || rest >= 3*high && r.gaps == 0
}

// utf8 counts the characters of p, which stands at off, and returns the start of one at its end.
func (r *result) utf8(p []byte, off int64) []byte {
	for i := 0; i < len(p); {
		if p[i] < utf8.RuneSelf {
			i++
			continue
		}
		c, n := utf8.DecodeRune(p[i:])
		if c == utf8.RuneError && n == 1 {
			if !utf8.FullRune(p[i:]) {
				return append([]byte(nil), p[i:]...)
			}
			r.broken++
			if r.badAt < 0 {
				r.badAt = off + int64(i)
			}
		} else {
			r.multi++
		}
		i += n
	}
	return nil
}

// western counts what tells Western text from binary data.
func (r *result) western(p []byte, letter, pending *bool) {
	before, wait := *letter, *pending
	for _, b := range p {
		c := class[b]
		if c == cHigh {
			switch {
			case b < 0xA0 && (b == 0x81 || b == 0x8D || b == 0x8F || b == 0x90 || b == 0x9D):
				r.gaps++
			case before:
				r.paired++
				wait = false
			default:
				wait = true
			}
			before = before && b >= 0xC0 // "éé" inside a word
			continue
		}
		if wait && (c == cLetter || c == cSpace) {
			r.paired++
		}
		wait = false
		before = c == cLetter
	}
	*letter, *pending = before, wait
}

// wideOrder tells text of 16-bit units from other text: by its byte order mark, or when nearly every second
// byte is zero, which no other text has. skip is the size of the mark.
func wideOrder(head []byte) (order binary.ByteOrder, skip int) {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return binary.LittleEndian, 2
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return binary.BigEndian, 2
	case len(head) < 16:
		return nil, 0
	}
	var zero, plain [2]int
	for i, b := range head {
		if b == 0 {
			zero[i&1]++
		} else if c := class[b]; c == cSpace || c == cLetter || c == cOther {
			plain[i&1]++
		}
	}
	n := len(head) / 2
	switch {
	case zero[1] >= n*9/10 && plain[0] >= n*95/100:
		return binary.LittleEndian, 0
	case zero[0] >= n*9/10 && plain[1] >= n*95/100:
		return binary.BigEndian, 0
	}
	return nil, 0
}

// units judges text of 16-bit units, which see is given as UTF-8.
func (r *result) units(s *filetype.Stream, order binary.ByteOrder, see func(p []byte) bool) error {
	r.wide = true
	r.encoding = "UTF-16LE"
	if order == binary.BigEndian {
		r.encoding = "UTF-16BE"
	}
	var out []byte
	lead := rune(-1)
	for {
		r.good = s.Offset()
		if lead >= 0 {
			r.good -= 2
		}
		p, err := s.Peek(2)
		if err == io.EOF {
			r.size = s.Offset() + int64(len(p))
			r.cut = len(p) == 1 || lead >= 0
			return nil
		}
		if err != nil {
			return err
		}
		p, err = s.Window()
		if err != nil {
			return err
		}
		p = p[:len(p)&^1]
		out = out[:0]
		for i := 0; i < len(p); i += 2 {
			u := rune(order.Uint16(p[i:]))
			if u == 0 && lead < 0 {
				r.zeroFrom = s.Offset() + int64(i)
				r.good = r.zeroFrom
				break
			}
			switch {
			case lead >= 0:
				u = utf16.DecodeRune(lead, u)
				lead = -1
				if u == utf8.RuneError {
					r.count[cBad]++
					return nil
				}
			case u >= 0xD800 && u < 0xDC00:
				lead = u
				continue
			}
			switch {
			case u < 0x80:
				r.count[class[u]]++
			case u == 0xFEFF || unicode.IsPrint(u) || unicode.IsSpace(u) || unicode.Is(unicode.Cf, u):
				r.count[cHigh]++
			default:
				r.count[cBad]++
			}
			out = utf8.AppendRune(out, u)
		}
		if r.count[cBad] > 0 || !see(out) {
			return nil
		}
		if r.zeroFrom >= 0 {
			return r.tail(s)
		}
		s.Discard(len(p))
	}
}

// tail counts the zeros from zeroFrom on.
func (r *result) tail(s *filetype.Stream) error {
	if err := s.Skip(r.zeroFrom-s.Offset(), nil); err != nil {
		return err
	}
	for {
		p, err := s.Window()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		n := len(p) - len(bytes.TrimLeft(p, "\x00"))
		r.zeroCount += int64(n)
		s.Discard(n)
		if n < len(p) {
			return nil
		}
	}
}
