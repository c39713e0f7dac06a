package preview

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
)

// TextBytes is how much of a file one page of text shows, in bytes; pages begin at its multiples.
const TextBytes = 32 << 10

// lostUnit is what is taken to be lost where a source does not say how much: the rest of a sector, in bytes.
const lostUnit = 512

// Piece is a part of a text, or a range of a file that cannot be read.
type Piece struct {
	Text string
	Lost block.Extent // empty for text
}

// TextPage is a page of a file that is text.
type TextPage struct {
	Pieces   []Piece
	Encoding string
	Offset   int64 // of its first byte
	Next     int64 // of the next page, -1 on the last
}

// TextAt returns the page of text in src in which byte at is. ok is false where the file is no text, as far as its
// beginning tells. What cannot be read is a piece of its own, and never filled up.
func TextAt(src block.Source, at int64) (p TextPage, ok bool) {
	decode := textDecoder{}
	for _, s := range stretches(src, block.Extent{Length: min(src.Size(), TextBytes)}) {
		if len(s.bytes) > 0 { // the first that can be read says how it is written
			if _, p.Encoding, ok = Text(s.bytes[:min(len(s.bytes), maxText)]); !ok {
				return TextPage{}, false
			}
			decode = decoderOf(p.Encoding)
			break
		}
	}
	if p.Encoding == "" {
		return TextPage{}, false
	}
	at = max(0, min(at, src.Size()-1)) / TextBytes * TextBytes
	e := block.Between(at, min(at+TextBytes, src.Size()))
	p.Offset, p.Next = at, -1
	if e.End() < src.Size() {
		p.Next = e.End()
		e.Length = min(e.Length+utf8.UTFMax, src.Size()-at) // the end of the last character
	}
	for _, s := range stretches(src, e) {
		if s.bytes == nil {
			s.lost = s.lost.Intersect(block.Between(at, at+TextBytes))
			if s.lost.Length > 0 {
				p.Pieces = append(p.Pieces, Piece{Lost: s.lost})
			}
			continue
		}
		if text := decode.text(s.bytes, s.at, at); text != "" {
			p.Pieces = append(p.Pieces, Piece{Text: text})
		}
	}
	return p, true
}

// maxText is how much of a beginning decides on its encoding.
const maxText = 8 << 10

// stretch is what can be read in one go, or cannot.
type stretch struct {
	at    int64
	bytes []byte
	lost  block.Extent
}

// stretches reads e piece by piece.
func stretches(src block.Source, e block.Extent) (list []stretch) {
	buf := make([]byte, e.Length)
	good := func(at int64, b []byte) {
		if n := len(list); n > 0 && list[n-1].bytes != nil {
			list[n-1].bytes = buf[list[n-1].at-e.Offset : at-e.Offset+int64(len(b))]
			return
		}
		list = append(list, stretch{at: at, bytes: b})
	}
	for at := e.Offset; at < e.End(); {
		b := buf[at-e.Offset:]
		n, err := src.ReadAt(b, at)
		if n > 0 {
			good(at, b[:n])
			at += int64(n)
			continue
		}
		lost := block.Between(at, min(at-at%lostUnit+lostUnit, e.End()))
		if u, ok := block.IsUnreadable(err); ok {
			for _, r := range u.Ranges {
				if r.Has(at) {
					lost = block.Between(at, min(r.End(), e.End()))
				}
			}
		}
		if n := len(list); n > 0 && list[n-1].bytes == nil {
			list[n-1].lost.Length += lost.Length
		} else {
			list = append(list, stretch{at: at, lost: lost})
		}
		at = lost.End()
	}
	return list
}

// textDecoder makes text out of bytes anywhere in a file.
type textDecoder struct {
	order binary.ByteOrder // of UTF-16
	one   bool             // one byte a character
}

// decoderOf returns the decoder of an encoding that [Text] named.
func decoderOf(encoding string) textDecoder {
	switch {
	case strings.HasPrefix(encoding, "UTF-16, little"):
		return textDecoder{order: binary.LittleEndian}
	case strings.HasPrefix(encoding, "UTF-16, big"):
		return textDecoder{order: binary.BigEndian}
	}
	return textDecoder{one: strings.HasPrefix(encoding, "one byte")}
}

// text decodes b, which stands at the given byte of the file, on a page that begins at the byte page and is TextBytes long. A
// character that begins on another page is that page's.
func (d textDecoder) text(b []byte, at, page int64) string {
	end := page + TextBytes
	switch {
	case d.order != nil:
		if at%2 == 1 {
			b, at = b[1:], at+1
		}
		var units []uint16
		for ; len(b) >= 2; b, at = b[2:], at+2 {
			u := d.order.Uint16(b)
			low := u >= 0xdc00 && u < 0xe000
			if at >= end && !low {
				break
			}
			if at == page && low && page > 0 || at == 0 && u == 0xfeff {
				continue
			}
			if units = append(units, u); at >= end {
				break
			}
		}
		return string(utf16.Decode(units))
	case d.one:
		text, _ := latin1(b[:max(0, min(int64(len(b)), end-at))])
		return text
	}
	if mark := []byte("\ufeff"); at == 0 && bytes.HasPrefix(b, mark) {
		b, at = b[len(mark):], int64(len(mark))
	}
	if at == page && page > 0 {
		for n := 0; n < utf8.UTFMax-1 && len(b) > 0 && !utf8.RuneStart(b[0]); n++ {
			b, at = b[1:], at+1
		}
	}
	keep := max(0, min(int64(len(b)), end-at))
	for keep < int64(len(b)) && !utf8.RuneStart(b[keep]) {
		keep++
	}
	return strings.ToValidUTF8(string(b[:keep]), "\uFFFD")
}
