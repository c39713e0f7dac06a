package tiff

import (
	"context"
	"encoding/binary"
	"fmt"
	"image"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
)

const rafMagic = "FUJIFILMCCD-RAW "

// rafHead is the size of the part of a RAF file that names the others, in bytes.
const rafHead = 108

var rafKind = exam.Kind{Format: "RAF", Buffer: bufferSize, Walk: rafWalk}

func rafFormat() filetype.Format {
	return filetype.Format{
		Name:       "raf",
		Class:      filetype.Photo,
		Extensions: []string{"raf"},
		Signatures: []probe.Probe{{ID: "raf.magic", Bytes: []byte(rafMagic)}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Examine:    rafKind.Examine,
		Preview:    rafKind.Preview,
		Thumbnail:  rafThumbnail,
	}
}

// rafParts returns the places of the JPEG picture, the header and the raw data.
func rafParts(p []byte) (parts [3]block.Extent) {
	for i := range parts {
		at := 84 + 8*i
		parts[i] = block.Extent{Offset: int64(binary.BigEndian.Uint32(p[at:])), Length: int64(binary.BigEndian.Uint32(p[at+4:]))}
	}
	return parts
}

func rafWalk(e *exam.Exam) error {
	p, err := e.Head(len(rafMagic))
	if err != nil {
		return err
	}
	if len(p) < len(rafMagic) || string(p[:len(rafMagic)]) != rafMagic {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, rafHead, "head"); err != nil {
		return err
	}
	e.R.GoodUntil = rafHead
	parts := rafParts(p)
	camera := exif.Text(string(p[28:60]))
	end := int64(rafHead)
	for i, x := range parts {
		if x.Length == 0 && i == 1 {
			continue
		}
		if x.Offset < rafHead || x.Length == 0 {
			return cursor.Corrupt("head", int64(84+8*i), "a place behind the head", x)
		}
		end = max(end, x.End())
	}
	e.Want = end
	if p, err = e.Need(parts[0].Offset, 2, "JPEG picture"); err != nil {
		return err
	}
	if p[0] != 0xFF || p[1] != 0xD8 {
		return cursor.Corrupt("JPEG picture", parts[0].Offset, "FF D8", fmt.Sprintf("% X", p))
	}
	if p, err := e.Upto(parts[0].Offset, 64<<10); len(p) > 12 && p[3] == 0xE1 {
		e.R.Hints = exif.Hints(p[12:])
	} else if err != nil && e.Context().Err() != nil {
		return e.Context().Err()
	}
	if e.R.Hints.Camera == "" {
		e.R.Hints.Camera = camera
	}
	e.Fact("Camera", e.R.Hints.Camera)
	if t := e.R.Hints.Taken; !t.IsZero() {
		e.Fact("Taken", t.Format("2006-01-02 15:04:05"))
	}
	if e.Listing {
		return nil
	}
	at := int64(0)
	err = e.Each(block.Between(0, end), "raw data", func(p []byte) error {
		at += int64(len(p))
		e.R.GoodUntil = at
		return nil
	})
	if err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, end, media.Followed("RAF", fmt.Sprintf("a JPEG picture and %d bytes of raw data", parts[2].Length)))
}

func rafThumbnail(ctx context.Context, src block.Source, _ int) (image.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p := make([]byte, rafHead)
	if n, _ := src.ReadAt(p, 0); n < rafHead || string(p[:len(rafMagic)]) != rafMagic {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, filetype.ErrNot
	}
	return media.Embedded.Picture(ctx, src, rafParts(p)[0])
}
