// Package exif reads the few facts that name a picture (maker, model, when it was taken, who took it, what
// it shows) out of an Exif block: a TIFF header with its directories, as in CIPA DC-008 (Exif 2.32) and
// TIFF 6.0.
//
// It promises to look at no more than maxEntries entries of two directories, to allocate nothing by a
// number that the block claims, and to leave out what is broken: a picture is not less whole for a bad
// note. A general metadata library was not taken: it decodes every tag of every maker, which is far more
// work on hostile bytes than five fields need.
package exif

import (
	"encoding/binary"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"salvor/filetype"
)

// maxEntries is the most entries of one directory that are looked at. Real ones have under a hundred.
const maxEntries = 512

// maxText is the longest text that is taken over, in bytes.
const maxText = 256

// The tags that are read.
const (
	tagDescription = 0x010E
	tagMake        = 0x010F
	tagModel       = 0x0110
	tagDateTime    = 0x0132
	tagArtist      = 0x013B
	tagExifIFD     = 0x8769
	tagOriginal    = 0x9003
	tagOffset      = 0x9010 // OffsetTime, for DateTime
	tagOffsetOrig  = 0x9011 // OffsetTimeOriginal
)

type block struct {
	b     []byte
	order binary.ByteOrder
}

// Hints returns what the block says, which begins with the TIFF header ("II" or "MM"). What is not there or
// broken is left empty.
func Hints(b []byte) filetype.Hints {
	var h filetype.Hints
	if len(b) < 8 {
		return h
	}
	t := block{b: b}
	switch string(b[:2]) {
	case "II":
		t.order = binary.LittleEndian
	case "MM":
		t.order = binary.BigEndian
	default:
		return h
	}
	if t.order.Uint16(b[2:]) != 42 {
		return h
	}
	main := t.directory(t.order.Uint32(b[4:]))
	sub := map[uint16]string{}
	if p, ok := t.pointer(t.order.Uint32(b[4:]), tagExifIFD); ok {
		sub = t.directory(p)
	}
	h.Title = main[tagDescription]
	h.Author = main[tagArtist]
	h.Camera = camera(main[tagMake], main[tagModel])
	if taken, ok := date(sub[tagOriginal], sub[tagOffsetOrig]); ok {
		h.Taken = taken
	} else if taken, ok := date(main[tagDateTime], sub[tagOffset]); ok {
		h.Taken = taken
	}
	return h
}

// entries calls see for each entry of the directory at off, with its 12 bytes.
func (t *block) entries(off uint32, see func(tag, kind uint16, e []byte)) {
	if uint64(off)+2 > uint64(len(t.b)) {
		return
	}
	n := int(t.order.Uint16(t.b[off:]))
	at := int(off) + 2
	for i := 0; i < min(n, maxEntries) && at+12 <= len(t.b); i++ {
		e := t.b[at : at+12]
		see(t.order.Uint16(e), t.order.Uint16(e[2:]), e)
		at += 12
	}
}

// directory returns the texts of the wanted tags in the directory at off.
func (t *block) directory(off uint32) map[uint16]string {
	out := map[uint16]string{}
	t.entries(off, func(tag, kind uint16, e []byte) {
		switch tag {
		case tagDescription, tagMake, tagModel, tagDateTime, tagArtist, tagOriginal, tagOffset, tagOffsetOrig:
		default:
			return
		}
		const ascii, utf = 2, 129
		if kind != ascii && kind != utf {
			return
		}
		n := t.order.Uint32(e[4:])
		v := e[8:12]
		if n > 4 {
			at := t.order.Uint32(e[8:])
			if uint64(at)+uint64(n) > uint64(len(t.b)) {
				return
			}
			v = t.b[at:]
		}
		v = v[:min(int(min(n, maxText)), len(v))]
		if _, twice := out[tag]; !twice {
			out[tag] = Text(string(v))
		}
	})
	return out
}

// pointer returns the value of a LONG tag in the directory at off.
func (t *block) pointer(off uint32, want uint16) (p uint32, ok bool) {
	const long = 4
	t.entries(off, func(tag, kind uint16, e []byte) {
		if tag == want && kind == long && !ok {
			p, ok = t.order.Uint32(e[8:]), true
		}
	})
	return p, ok
}

// Text cleans hostile text for a hint: up to the first NUL, valid UTF-8, no control or format characters,
// no space around it, at most maxText bytes.
func Text(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		s = s[:i]
	}
	if len(s) > maxText {
		n := maxText
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	if !utf8.ValidString(s) {
		// Exif says ASCII; what is not is most often Latin-1.
		s = Latin([]byte(s))
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// Latin returns text in Latin-1 as a string.
func Latin(b []byte) string {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// camera joins maker and model; many models begin with their maker's name.
func camera(maker, model string) string {
	first, _, _ := strings.Cut(maker, " ")
	switch {
	case model == "":
		return maker
	case maker == "" || len(first) > 0 && strings.HasPrefix(strings.ToLower(model), strings.ToLower(first)):
		return model
	}
	return maker + " " + model
}

// date reads "2006:01:02 15:04:05" and an offset such as "+02:00".
func date(s, offset string) (time.Time, bool) {
	taken, err := time.Parse("2006:01:02 15:04:05", s)
	if err != nil || taken.Year() < 1900 {
		return time.Time{}, false
	}
	if zone, err := time.Parse("-07:00", offset); err == nil {
		_, seconds := zone.Zone()
		taken = taken.Add(-time.Duration(seconds) * time.Second).In(time.FixedZone(offset, seconds))
	}
	return taken, true
}

// Camera joins maker and model; many models begin with their maker's name.
func Camera(maker, model string) string { return camera(maker, model) }

// Date reads "2006:01:02 15:04:05" and an offset such as "+02:00", which may be empty.
func Date(s, offset string) (time.Time, bool) { return date(s, offset) }

// Thumbnail returns the JPEG picture of the second directory of an Exif block; nil when there is none.
func Thumbnail(b []byte) []byte {
	if len(b) < 8 {
		return nil
	}
	t := block{b: b}
	switch string(b[:4]) {
	case "II*\x00":
		t.order = binary.LittleEndian
	case "MM\x00*":
		t.order = binary.BigEndian
	default:
		return nil
	}
	first := uint64(t.order.Uint32(b[4:]))
	if first+2 > uint64(len(b)) {
		return nil
	}
	next := first + 2 + 12*uint64(t.order.Uint16(b[first:]))
	if next+4 > uint64(len(b)) {
		return nil
	}
	second := t.order.Uint32(b[next:])
	const tagJPEG, tagJPEGSize = 513, 514
	at, ok := t.pointer(second, tagJPEG)
	n, sized := t.pointer(second, tagJPEGSize)
	if second == 0 || !ok || !sized || n < 4 || uint64(at)+uint64(n) > uint64(len(b)) {
		return nil
	}
	return b[at : uint64(at)+uint64(n)]
}
