package mp4

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/filetype"
)

// maxText is how much of a text is read, and maxKeys how many keys of a list, to bound the work.
const (
	maxText = 1000
	maxKeys = 256
)

// userData reads titles and the camera out of a udta or meta box. What it does not understand it leaves.
func (x *exam) userData(b box) error {
	body := b.body
	if b.kind == "meta" {
		// A full box in the ISO format, a plain one in QuickTime.
		if p, err := x.w.Bytes(body, 8); err == nil && string(p[4:8]) != "hdlr" {
			body += 4
		}
	}
	var keys []string
	return x.children(body, b.end, func(e box) error {
		switch e.kind {
		case "meta", "udta":
			if b.kind == "udta" {
				return x.userData(e)
			}
		case "keys":
			keys = x.keys(e)
		case "ilst":
			return x.children(e.body, e.end, func(i box) error {
				name := i.kind
				if k := int(binary.BigEndian.Uint32([]byte(i.kind))); k >= 1 && k <= len(keys) {
					name = keys[k-1]
				}
				if i.kind == "covr" {
					return x.cover(i)
				}
				if p, err := x.w.Bytes(i.body, int(min(i.end-i.body, maxText+16))); err == nil && len(p) > 16 && string(p[4:8]) == "data" {
					x.say(name, string(p[16:]))
				}
				return nil
			})
		default:
			n := int(min(e.end-e.body, maxText))
			p, err := x.w.Bytes(e.body, n)
			if err != nil {
				return nil
			}
			switch {
			case e.kind[0] == 0xA9 && n > 4:
				l := int(binary.BigEndian.Uint16(p))
				x.say(e.kind, string(p[4:min(4+l, n)]))
			case (e.kind == "titl" || e.kind == "auth") && n > 6:
				x.say(e.kind, text3GP(p[6:]))
			}
		}
		return nil
	})
}

func text3GP(p []byte) string {
	if len(p) >= 2 && p[0] == 0xFE && p[1] == 0xFF {
		u := make([]uint16, (len(p)-2)/2)
		for i := range u {
			u[i] = binary.BigEndian.Uint16(p[2+2*i:])
		}
		return string(utf16.Decode(u))
	}
	return string(p)
}

// keys reads the names of a QuickTime metadata list.
func (x *exam) keys(b box) (list []string) {
	at := b.body + 8
	for at+8 <= b.end && len(list) < maxKeys {
		p, err := x.w.Bytes(at, 8)
		if err != nil {
			return list
		}
		n := int64(binary.BigEndian.Uint32(p))
		if n < 8 || at+n > b.end {
			return list
		}
		p, err = x.w.Bytes(at+8, int(min(n-8, maxText)))
		if err != nil {
			return list
		}
		list = append(list, string(p))
		at += n
	}
	return list
}

// say takes a named text as a hint.
func (x *exam) say(name, text string) {
	text, _, _ = strings.Cut(text, "\x00")
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	if text == "" {
		return
	}
	switch name {
	case "\xA9nam", "titl", "com.apple.quicktime.title", "title":
		x.hints.Title = text
	case "\xA9ART", "\xA9aut", "auth", "com.apple.quicktime.author", "artist":
		x.hints.Author = text
	case "\xA9mak", "com.apple.quicktime.make", "com.android.manufacturer", "make":
		x.maker = text
	case "\xA9mod", "com.apple.quicktime.model", "com.android.model", "model":
		x.model = text
	case "\xA9day", "com.apple.quicktime.creationdate":
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
			if t, err := time.Parse(layout, text); err == nil {
				x.hints.Taken = t
			}
		}
	}
}

// isPicture reports whether the brands say that the file is a picture.
func (x *exam) isPicture() bool {
	ext, class := x.kind()
	return class == filetype.Photo && ext != ""
}

// film returns the class of a file that holds pictures or sound alone.
func (x *exam) film() filetype.Class {
	if x.audio && !x.video {
		return filetype.Audio
	}
	return filetype.Video
}

// kind tells extension and class from the brands and tracks.
func (x *exam) kind() (string, filetype.Class) {
	if len(x.brands) == 0 {
		if x.audio && !x.video {
			return "mov", filetype.Audio
		}
		return "mov", filetype.Video
	}
	has := func(list ...string) bool {
		return slices.ContainsFunc(x.brands, func(b string) bool { return slices.Contains(list, b) })
	}
	switch major := x.brands[0]; {
	case major == "qt  ":
		if x.audio && !x.video {
			return "mov", filetype.Audio
		}
		return "mov", filetype.Video
	case major == "crx ":
		return "cr3", filetype.Photo
	case major == "M4A " || major == "M4B " || major == "M4P ":
		return "m4a", filetype.Audio
	case major == "M4V " || major == "M4VH" || major == "M4VP":
		return "m4v", filetype.Video
	case strings.HasPrefix(major, "3gp"), strings.HasPrefix(major, "3ge"), strings.HasPrefix(major, "3gr"), strings.HasPrefix(major, "3gs"):
		return "3gp", x.film()
	case strings.HasPrefix(major, "3g2"):
		return "3g2", x.film()
	case major == "avif" || major == "avis" || (major == "mif1" || major == "msf1" || major == "miaf") && has("avif", "avis"):
		return "avif", filetype.Photo
	case slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}, major):
		return "heic", filetype.Photo
	}
	if x.audio && !x.video {
		return "m4a", filetype.Audio
	}
	return "mp4", filetype.Video
}
