package jpeg

import (
	"bytes"
	"context"
	"fmt"
	"image"
	stdjpeg "image/jpeg"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
)

var shown = media.Decoder{Config: stdjpeg.DecodeConfig, Decode: stdjpeg.Decode}

// overview is what stands before the first scan.
type overview struct {
	frame *frame
	hints filetype.Hints
	thumb []byte
	index []picture
}

// maxSegments is the most segments that are looked at before the picture.
const maxSegments = 1000

// overviewOf reads the segments before the first scan. A picture that breaks there is known as far as it goes.
func overviewOf(ctx context.Context, src block.Source) (o overview, err error) {
	s := filetype.NewStream(ctx, src, 0)
	p, err := s.Peek(3)
	if ctx.Err() != nil {
		return o, ctx.Err()
	}
	if len(p) < 3 || p[0] != 0xFF || p[1] != mSOI || p[2] != 0xFF {
		if _, unread := block.IsUnreadable(err); unread && len(p) == 0 {
			return o, err
		}
		return o, filetype.ErrNot
	}
	s.Discard(2)
	for range maxSegments {
		p, err := s.Peek(4)
		if err != nil || p[0] != 0xFF || p[1] == mSOS || p[1] == mEOI {
			break
		}
		if p[1] == 0xFF {
			s.Discard(1)
			continue
		}
		m, off, n := p[1], s.Offset(), int(p[2])<<8|int(p[3])
		if p, err = s.Peek(2 + n); err != nil || n < 2 {
			break
		}
		switch data := p[4:]; {
		case isFrame(m) && o.frame == nil:
			if f, err := parseFrame(m, off+4, data); err == nil {
				o.frame = f
			}
		case m == mAPP1 && bytes.HasPrefix(data, []byte("Exif\x00\x00")) && o.thumb == nil:
			o.hints = exif.Hints(data[6:])
			o.thumb = bytes.Clone(exif.Thumbnail(data[6:]))
		case m == mAPP2 && bytes.HasPrefix(data, []byte("MPF\x00")):
			o.index = parseIndex(off+8, data[4:])
		}
		s.Discard(2 + n)
	}
	return o, ctx.Err()
}

func preview(ctx context.Context, src block.Source) (p filetype.Preview, err error) {
	o, err := overviewOf(ctx, src)
	if err != nil {
		return p, err
	}
	add := func(name, value string) {
		if value != "" {
			p.Facts = append(p.Facts, filetype.Fact{Name: name, Value: value})
		}
	}
	if f := o.frame; f != nil {
		add("Picture", media.Pixels(f.width, f.height))
		add("Kind", f.kind())
	}
	add("Camera", o.hints.Camera)
	if !o.hints.Taken.IsZero() {
		add("Taken", o.hints.Taken.Format("2006-01-02 15:04:05"))
	}
	add("Title", o.hints.Title)
	add("Author", o.hints.Author)
	if len(o.index) > 0 {
		add("Pictures", fmt.Sprint(len(o.index)+1))
	}
	return p, nil
}

// thumbnail gives the small picture of the camera when it is large enough or the picture itself cannot be decoded.
func thumbnail(ctx context.Context, src block.Source, size int) (image.Image, error) {
	o, err := overviewOf(ctx, src)
	if err != nil {
		return nil, err
	}
	var small image.Image
	if len(o.thumb) > 0 {
		if small, err = shown.Bytes(ctx, o.thumb); err == nil && max(small.Bounds().Dx(), small.Bounds().Dy()) >= size {
			return small, nil
		}
	}
	m, err := shown.Thumbnail(ctx, src, size)
	if err != nil && small != nil && ctx.Err() == nil {
		return small, nil
	}
	return m, err
}
