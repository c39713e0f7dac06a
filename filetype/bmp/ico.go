package bmp

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

const (
	icoHead  = 6
	icoEntry = 16
	// maxIcons is the most pictures of one file. Real ones have up to some twenty.
	maxIcons = 256
)

var icoKind = exam.Kind{Format: "icon", Buffer: 256 << 10, Walk: icoWalk}

// icoFormat is the row of icons and cursors. Their four bytes are no signature to carve by.
func icoFormat() filetype.Format {
	return filetype.Format{
		Name:       "ico",
		Class:      filetype.Photo,
		Extensions: []string{"ico", "cur"},
		Signatures: []probe.Probe{{ID: "ico.icon", Bytes: []byte{0, 0, 1, 0}}, {ID: "ico.cursor", Bytes: []byte{0, 0, 2, 0}}},
		Ceiling:    filetype.Consistent, // no checksum over the directory
		Examine:    icoKind.Examine,
		Preview:    icoKind.Preview,
	}
}

// icon is one entry of the directory.
type icon struct {
	width, height int64
	data          block.Extent
}

func parseIcon(p []byte) icon {
	side := func(b byte) int64 { // 0 stands for 256
		if b == 0 {
			return 256
		}
		return int64(b)
	}
	return icon{side(p[0]), side(p[1]), block.Extent{Offset: int64(binary.LittleEndian.Uint32(p[12:])), Length: int64(binary.LittleEndian.Uint32(p[8:]))}}
}

func icoWalk(e *exam.Exam) error {
	p, err := e.Head(icoHead)
	if err != nil {
		return err
	}
	if len(p) < icoHead || p[0] != 0 || p[1] != 0 || p[2] != 1 && p[2] != 2 || p[3] != 0 {
		return filetype.ErrNot
	}
	if p[2] == 2 {
		e.R.Extension = "cur"
	}
	n := int(binary.LittleEndian.Uint16(p[4:]))
	if n == 0 || n > maxIcons {
		return filetype.ErrNot
	}
	list, err := e.Copy(icoHead, n*icoEntry, "directory")
	if err != nil {
		return err
	}
	head := int64(icoHead + n*icoEntry)
	end := head
	for i := range n {
		c := parseIcon(list[i*icoEntry:])
		if list[i*icoEntry+3] != 0 || c.data.Offset < head || c.data.Length < 40 {
			return filetype.ErrNot
		}
		end = max(end, c.data.End())
	}
	e.Want = end
	e.R.GoodUntil = head
	for i := range n {
		c := parseIcon(list[i*icoEntry:])
		e.Units(int64(i), int64(n), "pictures")
		e.Member(media.Pixels(c.width, c.height), c.data.Length, "")
		if err := c.look(e); err != nil {
			if _, corrupt := cursor.IsCorrupt(err); corrupt && i == 0 {
				return filetype.ErrNot
			}
			return err
		}
	}
	if e.Listing {
		return nil
	}
	if err := e.Each(block.Between(0, end), "pictures", nil); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, end, media.Followed("icon", fmt.Sprintf("%d pictures", n)))
}

// look compares the head of a picture, which is a PNG or a BMP without its first header, with the directory.
func (c *icon) look(e *exam.Exam) error {
	p, err := e.Need(c.data.Offset, 40, "picture")
	if err != nil {
		return err
	}
	if string(p[:8]) == "\x89PNG\r\n\x1a\n" {
		w, h := int64(binary.BigEndian.Uint32(p[16:])), int64(binary.BigEndian.Uint32(p[20:]))
		if w != c.width || h != c.height {
			return cursor.Corrupt("picture", c.data.Offset+16, media.Pixels(c.width, c.height), media.Pixels(w, h))
		}
		return e.Each(c.data, "picture", nil)
	}
	w, h, depth := int64(int32(binary.LittleEndian.Uint32(p[4:]))), int64(int32(binary.LittleEndian.Uint32(p[8:]))), int64(binary.LittleEndian.Uint16(p[14:]))
	// The mask of one bit stands below the picture, which makes it twice as high.
	if binary.LittleEndian.Uint32(p) != 40 || w != c.width || h != 2*c.height || depth == 0 || depth > 32 {
		return cursor.Corrupt("picture", c.data.Offset, "a picture of "+media.Pixels(c.width, c.height), fmt.Sprintf("% x", p[:16]))
	}
	palette := int64(0)
	if depth <= 8 {
		palette = 4 << depth
		if used := int64(binary.LittleEndian.Uint32(p[32:])); used > 0 && used <= 256 {
			palette = 4 * used
		}
	}
	row := func(bits int64) int64 { return (w*bits + 31) / 32 * 4 }
	// Some writers leave the mask out where the picture has a channel for it.
	if need := 40 + palette + row(depth)*c.height; c.data.Length < need {
		return cursor.Corrupt("picture", c.data.Offset, fmt.Sprintf("at least %d bytes", need), c.data.Length)
	}
	return e.Each(c.data, "picture", nil)
}
