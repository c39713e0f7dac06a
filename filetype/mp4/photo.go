package mp4

import (
	"encoding/binary"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
)

// Where Canon keeps what its raw photos (CR3) say: a box in moov with Exif directories and a small picture, and one of the
// file with a larger one.
const (
	canonNotes   = "\x85\xC0\xB6\x87\x82\x0F\x11\xE0\x81\x11\xF4\xCE\x46\x2B\x6A\x48"
	canonPreview = "\xEA\xF4\x2B\x5E\x1C\x98\x4B\x88\xB9\xFB\xB7\xDC\x40\x6E\x4D\x16"
	// maxExif is the longest Exif block that is read, in bytes.
	maxExif = 64 << 10
)

// exifItem takes over what the Exif item of a HEIF picture says.
func (x *exam) exifItem(items map[uint32]*item) {
	for _, it := range items {
		if it.kind != "Exif" || len(it.extents) != 1 {
			continue
		}
		e := it.extents[0]
		p, err := x.w.Bytes(e.Offset, int(min(e.Length, maxExif)))
		if err != nil || len(p) < 8 {
			continue
		}
		// The place of the TIFF header comes first.
		if at := uint64(binary.BigEndian.Uint32(p)) + 4; at < uint64(len(p)) {
			x.adopt(exif.Hints(p[at:]))
			if t := exif.Thumbnail(p[at:]); t != nil { // a part of p
				x.small = append(x.small, block.Extent{Offset: e.Offset + int64(cap(p)-cap(t)), Length: int64(len(t))})
			}
		}
	}
}

// adopt fills in what is not known yet.
func (x *exam) adopt(h filetype.Hints) {
	if h.Camera != "" && x.maker+x.model == "" {
		x.model = h.Camera
	}
	if !h.Taken.IsZero() {
		x.hints.Taken = h.Taken
	}
	if x.hints.Title == "" {
		x.hints.Title = h.Title
	}
	if x.hints.Author == "" {
		x.hints.Author = h.Author
	}
}

// canon reads the notes of a CR3 photo out of a uuid box.
func (x *exam) canon(b box) error {
	p, err := x.w.Bytes(b.body, 16)
	if err != nil {
		return err
	}
	switch string(p) {
	case canonNotes:
		return x.children(b.body+16, b.end, func(c box) error {
			switch c.kind {
			case "CMT1", "CMT2":
				if p, err := x.w.Bytes(c.body, int(min(c.end-c.body, maxExif))); err == nil {
					h := exif.Hints(p)
					if c.kind == "CMT2" { // the Exif directory alone: its times stand in the first
						h = filetype.Hints{Taken: h.Taken}
					}
					x.adopt(h)
				}
			case "THMB":
				x.jpegIn(c)
			}
			return nil
		})
	case canonPreview:
		if b.end-b.body > 24 {
			return x.children(b.body+24, b.end, func(c box) error {
				if c.kind == "PRVW" {
					x.jpegIn(c)
				}
				return nil
			})
		}
	}
	return nil
}

// jpegIn notes the JPEG picture in a box, which begins within its first 64 bytes.
func (x *exam) jpegIn(b box) {
	p, err := x.w.Bytes(b.body, int(min(b.end-b.body, 64)))
	if err != nil {
		return
	}
	for i := 0; i+3 <= len(p); i++ {
		if p[i] == 0xFF && p[i+1] == 0xD8 && p[i+2] == 0xFF {
			x.small = append(x.small, block.Between(b.body+int64(i), b.end))
			return
		}
	}
}

// cover notes the pictures that music carries.
func (x *exam) cover(b box) error {
	return x.children(b.body, b.end, func(d box) error {
		if d.kind == "data" && d.end-d.body > 8 && len(x.small) < 16 {
			x.small = append(x.small, block.Between(d.body+8, d.end))
		}
		return nil
	})
}
