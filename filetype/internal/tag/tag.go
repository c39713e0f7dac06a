// Package tag reads what music says of itself: ID3 1 and 2, APE tags, and Vorbis comments.
//
// It promises to look at no more than maxFields fields, to allocate nothing by a number that the tag claims, and to
// leave out what is broken: music is not less whole for a bad note.
//
// Followed: ID3 tag versions 2.2.0, 2.3.0 and 2.4.0 (id3.org, 1998 to 2000), APEv2 (Hydrogenaudio, 2012), Ogg Vorbis I
// comment field and header specification (Xiph.org, 2005).
package tag

import (
	"bytes"
	"encoding/binary"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

// Tag is what is taken over. All texts are cleaned.
type Tag struct {
	Title, Artist, Album, Date string
	// Cover is where the first picture stands, counted from the start of the tag.
	Cover block.Extent
}

// maxFields is the most fields of one tag that are looked at.
const maxFields = 1000

// Merge fills what t lacks from o.
func (t *Tag) Merge(o Tag) {
	for _, f := range []struct {
		to   *string
		from string
	}{{&t.Title, o.Title}, {&t.Artist, o.Artist}, {&t.Album, o.Album}, {&t.Date, o.Date}} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
}

// Set takes over the field that is known under name in any of the tags.
func (t *Tag) Set(name, value string) {
	var to *string
	switch strings.ToUpper(name) {
	case "TITLE", "TIT2", "TT2", "INAM", "NAME":
		to = &t.Title
	case "ARTIST", "TPE1", "TP1", "IART", "AUTHOR", "AUTH":
		to = &t.Artist
	case "ALBUM", "TALB", "TAL", "IPRD":
		to = &t.Album
	case "DATE", "YEAR", "TDRC", "TYER", "TYE", "ICRD":
		to = &t.Date
	default:
		return
	}
	if *to == "" {
		*to = exif.Text(value)
	}
}

// Hints returns the tag as hints. A year alone is no time at which something was taken.
func (t *Tag) Hints() filetype.Hints {
	h := filetype.Hints{Title: t.Title, Author: t.Artist}
	if h.Title == "" {
		h.Title = t.Album
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if taken, err := time.Parse(layout, t.Date); err == nil {
			h.Taken = taken
			break
		}
	}
	return h
}

// Tell adds the tag to the report and the preview of e.
func (t *Tag) Tell(e *exam.Exam) {
	e.R.Hints = t.Hints()
	e.Fact("Title", t.Title)
	e.Fact("Artist", t.Artist)
	e.Fact("Album", t.Album)
	e.Fact("Date", t.Date)
}

// ID3v1 reads the 128 bytes at the end of an MP3 file, which begin with "TAG".
func ID3v1(p []byte) (t Tag) {
	if len(p) < 128 || string(p[:3]) != "TAG" {
		return t
	}
	t.Set("TITLE", exif.Latin(zero(p[3:33])))
	t.Set("ARTIST", exif.Latin(zero(p[33:63])))
	t.Set("ALBUM", exif.Latin(zero(p[63:93])))
	t.Set("YEAR", exif.Latin(zero(p[93:97])))
	return t
}

func zero(p []byte) []byte {
	p, _, _ = bytes.Cut(p, []byte{0})
	return p
}

// ID3Size returns the size of the ID3v2 tag whose first ten bytes p has, with them and its footer; 0 when it is none.
func ID3Size(p []byte) int64 {
	if len(p) < 10 || string(p[:3]) != "ID3" || p[3] < 2 || p[3] > 4 || p[4] == 0xFF || p[5]&0x0F != 0 {
		return 0
	}
	n, ok := syncSafe(p[6:])
	if !ok {
		return 0
	}
	if p[5]&0x10 != 0 && p[3] == 4 {
		n += 10
	}
	return n + 10
}

// syncSafe reads four bytes of seven bits.
func syncSafe(p []byte) (int64, bool) {
	n := int64(0)
	for _, b := range p[:4] {
		if b >= 0x80 {
			return 0, false
		}
		n = n<<7 | int64(b)
	}
	return n, true
}

// ID3 reads an ID3v2 tag, of which p holds the beginning at least.
func ID3(p []byte) (t Tag) {
	size := ID3Size(p)
	if size == 0 {
		return t
	}
	version, flags := p[3], p[5]
	body, base := p[10:min(int64(len(p)), size)], int64(10)
	plain := true
	if flags&0x80 != 0 && version < 4 {
		body, plain = bytes.ReplaceAll(body, []byte{0xFF, 0}, []byte{0xFF}), false
	}
	if flags&0x40 != 0 && version > 2 && len(body) >= 4 {
		n := int64(binary.BigEndian.Uint32(body)) + 4
		if version == 4 {
			n, _ = syncSafe(body)
		}
		if n > int64(len(body)) {
			return t
		}
		body, base = body[n:], base+n
	}
	head, names := 10, 4
	if version == 2 {
		head, names = 6, 3
	}
	for range maxFields {
		if len(body) < head || body[0] == 0 {
			break
		}
		n := int64(0)
		switch version {
		case 2:
			n = int64(body[3])<<16 | int64(body[4])<<8 | int64(body[5])
		case 3:
			n = int64(binary.BigEndian.Uint32(body[4:]))
		default:
			n, _ = syncSafe(body[4:])
		}
		name, content := string(body[:names]), body[head:]
		if n <= 0 {
			break
		}
		content = content[:min(int64(len(content)), n)]
		if name[0] == 'T' {
			t.Set(name, text(content))
		} else if (name == "APIC" || name == "PIC") && t.Cover.Length == 0 && plain {
			if at := picture(name, content); at > 0 {
				t.Cover = block.Extent{Offset: base + int64(head+at), Length: n - int64(at)}
			}
		}
		if int64(head)+n >= int64(len(body)) {
			break
		}
		body, base = body[int64(head)+n:], base+int64(head)+n
	}
	return t
}

// picture returns where in the field p of an attached picture its bytes begin; 0 when that is not there.
func picture(name string, p []byte) int {
	if len(p) < 6 {
		return 0
	}
	at := 4 // of PIC: encoding, three letters
	if name == "APIC" {
		i := bytes.IndexByte(p[1:], 0)
		if i < 0 {
			return 0
		}
		at = 1 + i + 1
	}
	at++ // what it shows
	if at >= len(p) {
		return 0
	}
	if p[0] == 1 || p[0] == 2 {
		for ; at+2 <= len(p); at += 2 {
			if p[at] == 0 && p[at+1] == 0 {
				return at + 2
			}
		}
		return 0
	}
	if i := bytes.IndexByte(p[at:], 0); i >= 0 {
		return at + i + 1
	}
	return 0
}

// text reads a text field, which begins with its encoding.
func text(p []byte) string {
	if len(p) < 2 {
		return ""
	}
	kind, p := p[0], p[1:min(len(p), 1024)]
	var order binary.ByteOrder = binary.BigEndian
	switch kind {
	case 0:
		return exif.Latin(zero(p))
	case 1:
		if len(p) >= 2 && p[0] == 0xFF && p[1] == 0xFE {
			order = binary.LittleEndian
		}
		p = p[min(2, len(p)):]
	case 2:
	default:
		return string(zero(p))
	}
	return UTF16(p, order)
}

// UTF16 returns text of two-byte units up to the first zero.
func UTF16(p []byte, order binary.ByteOrder) string {
	u := make([]uint16, 0, len(p)/2)
	for ; len(p) >= 2; p = p[2:] {
		c := order.Uint16(p)
		if c == 0 {
			break
		}
		u = append(u, c)
	}
	return string(utf16.Decode(u))
}

// APESize returns the size of the APE tag whose header or footer p begins with, as far as it stands behind a header
// or before a footer, with both; 0 when it is none.
func APESize(p []byte) int64 {
	if len(p) < 32 || string(p[:8]) != "APETAGEX" {
		return 0
	}
	version, size, flags := binary.LittleEndian.Uint32(p[8:]), int64(binary.LittleEndian.Uint32(p[12:])), binary.LittleEndian.Uint32(p[20:])
	if version != 1000 && version != 2000 || size < 32 || size > 64<<20 {
		return 0
	}
	if flags&(1<<31) != 0 || flags&(1<<29) != 0 { // it has a header, or this is one
		size += 32
	}
	return size
}

// APE reads an APE tag that begins with its header.
func APE(p []byte) (t Tag) {
	if len(p) < 32 || string(p[:8]) != "APETAGEX" {
		return t
	}
	n := binary.LittleEndian.Uint32(p[16:])
	p = p[32:]
	for i := uint32(0); i < min(n, maxFields) && len(p) > 9; i++ {
		size := int64(binary.LittleEndian.Uint32(p))
		name, rest, ok := bytes.Cut(p[8:min(len(p), 8+256)], []byte{0})
		if !ok {
			break
		}
		at := int64(8 + len(name) + 1)
		if at+size > int64(len(p)) {
			break
		}
		_ = rest
		t.Set(string(name), string(p[at:at+min(size, 1024)]))
		p = p[at+size:]
	}
	return t
}

// Vorbis reads Vorbis comments, which begin with the length of the vendor's name.
func Vorbis(p []byte) (t Tag) {
	field := func() ([]byte, bool) {
		if len(p) < 4 {
			return nil, false
		}
		n := int64(binary.LittleEndian.Uint32(p))
		p = p[4:]
		if n > int64(len(p)) {
			return nil, false
		}
		f := p[:n]
		p = p[n:]
		return f, true
	}
	if _, ok := field(); !ok || len(p) < 4 {
		return t
	}
	n := binary.LittleEndian.Uint32(p)
	p = p[4:]
	for i := uint32(0); i < min(n, maxFields); i++ {
		f, ok := field()
		if !ok {
			break
		}
		if name, value, ok := bytes.Cut(f[:min(len(f), 1024)], []byte{'='}); ok {
			t.Set(string(name), string(value))
		}
	}
	return t
}
