package webp

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/riff"

	"golang.org/x/image/vp8"
	"golang.org/x/image/vp8l"
)

// maxPixels is how many pixels of one file are decoded for its verdict: some 64 MiB of memory.
const maxPixels = 16 << 20

// maxLeft is the most bytes that a lossless picture may leave of its chunk: other bits in its place need fewer or more.
const maxLeft = 16

var kind = exam.Kind{Format: "WebP", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	f := kind.Row(riff.Row("webp", filetype.Photo, []string{"webp"}, riff.Probe("webp.riff", "RIFF", "WEBPVP8")))
	f.Thumbnail = thumbnail
	f.Plain = true
	return []filetype.Format{f}
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	width, height int64 // of the canvas; 0 while not known
	extended      bool
	animated      bool
	frames        int64
	pictures      int64
	delay         time.Duration
	pixels        int64 // decoded so far
	skipped       bool  // a picture was too large to be decoded
	first         riff.Chunk
}

func walk(e *exam.Exam) error {
	p, err := e.Head(16)
	if err != nil {
		return err
	}
	form, ok := riff.Head(0, p)
	if !ok || form.Magic != "RIFF" || form.Type != "WEBP" || form.End == riff.Open || len(p) < 15 || string(p[12:15]) != "VP8" {
		return filetype.ErrNot
	}
	w := &walker{Exam: e}
	e.Want = form.End
	e.R.GoodUntil = 12
	err = riff.Each(e, 12, form.End, w.chunk)
	w.tell()
	if _, corrupt := cursor.IsCorrupt(err); corrupt && w.width == 0 {
		return filetype.ErrNot
	}
	switch {
	case err != nil:
		return err
	case e.Listing:
		return nil
	case w.pictures == 0:
		return cursor.Corrupt("chunks", form.End, "a picture", "the end")
	}
	e.R.GoodUntil = form.End
	if w.skipped {
		return e.Whole(filetype.Consistent, form.End, media.Followed("WebP", media.Pixels(w.width, w.height)))
	}
	return e.Whole(filetype.Consistent, form.End)
}

func (w *walker) tell() {
	if w.width > 0 {
		w.Fact("Picture", media.Pixels(w.width, w.height))
	}
	if w.frames > 0 {
		w.Fact("Frames", fmt.Sprint(w.frames))
		w.Fact("Length", media.Clock(w.delay))
	}
	w.Fact("Camera", w.R.Hints.Camera)
	if t := w.R.Hints.Taken; !t.IsZero() {
		w.Fact("Taken", t.Format("2006-01-02 15:04:05"))
	}
}

// chunk reads one chunk of the file.
func (w *walker) chunk(c riff.Chunk) error {
	switch c.ID {
	case "VP8X":
		p, err := w.Need(c.Body(), int(min(c.Size, 10)), "canvas")
		if err != nil {
			return err
		}
		if len(p) < 10 || c.Off != 12 {
			return cursor.Corrupt("canvas", c.Off, "10 bytes at the start", fmt.Sprintf("%d bytes at %#x", c.Size, c.Off))
		}
		w.extended, w.animated = true, p[0]&2 != 0
		w.width, w.height = three(p[4:])+1, three(p[7:])+1
	case "VP8 ", "VP8L":
		if w.animated || !w.extended && c.Off != 12 || w.pictures > 0 {
			return cursor.Corrupt("chunks", c.Off, "one picture, or frames of an animation", c.ID)
		}
		if err := w.picture(c, w.width, w.height); err != nil {
			return err
		}
	case "ANMF":
		if err := w.frame(c); err != nil {
			return err
		}
	case "EXIF":
		p, err := w.Need(c.Body(), int(min(c.Size, 64<<10)), "Exif")
		if err != nil {
			return err
		}
		if len(p) > 6 && string(p[:4]) == "Exif" {
			p = p[6:]
		}
		w.R.Hints = exif.Hints(p)
	default:
		if c.Off == 12 {
			return cursor.Corrupt("chunks", c.Off, "VP8, VP8L or VP8X first", c.ID)
		}
	}
	if w.Listing {
		return nil
	}
	if err := w.Each(c.Data(), "chunk "+c.ID, nil); err != nil {
		return err
	}
	w.R.GoodUntil = c.Next()
	return nil
}

// three reads a number of three bytes.
func three(p []byte) int64 { return int64(p[0]) | int64(p[1])<<8 | int64(p[2])<<16 }

// frame reads one frame of an animation.
func (w *walker) frame(c riff.Chunk) error {
	p, err := w.Need(c.Body(), int(min(c.Size, 16)), "frame")
	if err != nil {
		return err
	}
	if len(p) < 16 || !w.animated {
		return cursor.Corrupt("frame", c.Off, "16 bytes, in an animation", fmt.Sprintf("%d bytes", c.Size))
	}
	x, y, width, height := 2*three(p), 2*three(p[3:]), three(p[6:])+1, three(p[9:])+1
	if x+width > w.width || y+height > w.height {
		return cursor.Corrupt("frame", c.Body(), "a frame inside the canvas", fmt.Sprintf("%d × %d at %d, %d", width, height, x, y))
	}
	w.delay += time.Duration(three(p[12:])) * time.Millisecond
	before := w.pictures
	err = riff.Each(w.Exam, c.Body()+16, c.End(), func(s riff.Chunk) error {
		if s.ID != "VP8 " && s.ID != "VP8L" {
			return w.Each(s.Data(), "frame", nil)
		}
		return w.picture(s, width, height)
	})
	if err == nil && w.pictures != before+1 {
		err = cursor.Corrupt("frame", c.Off, "one picture", fmt.Sprint(w.pictures-before))
	}
	if err == nil {
		w.frames++
		w.Units(w.frames, 0, "frames")
	}
	return err
}

// size reads the width and height of the picture in c, of which p holds the first ten bytes.
func size(c riff.Chunk, p []byte) (width, height int64, err error) {
	if c.ID == "VP8L" {
		if len(p) < 5 || p[0] != 0x2F {
			return 0, 0, cursor.Corrupt("VP8L picture", c.Body(), "2F", fmt.Sprintf("% X", p[:min(len(p), 5)]))
		}
		v := binary.LittleEndian.Uint32(p[1:])
		return int64(v&0x3FFF) + 1, int64(v>>14&0x3FFF) + 1, nil
	}
	if len(p) < 10 || p[0]&1 != 0 || string(p[3:6]) != "\x9D\x01\x2A" {
		return 0, 0, cursor.Corrupt("VP8 picture", c.Body(), "a key frame", fmt.Sprintf("% X", p[:min(len(p), 10)]))
	}
	if first := three(p) >> 5; first+10 > c.Size {
		return 0, 0, cursor.Corrupt("VP8 picture", c.Body(), fmt.Sprintf("a first part of up to %d bytes", c.Size-10), first)
	}
	return int64(binary.LittleEndian.Uint16(p[6:]) & 0x3FFF), int64(binary.LittleEndian.Uint16(p[8:]) & 0x3FFF), nil
}

// picture looks at a picture, which must have that size when it is known, and decodes it when it is not too large.
func (w *walker) picture(c riff.Chunk, wantWidth, wantHeight int64) error {
	p, err := w.Need(c.Body(), int(min(c.Size, 10)), "picture")
	if err != nil {
		return err
	}
	width, height, err := size(c, p)
	if err != nil {
		return err
	}
	if width == 0 || height == 0 || wantWidth > 0 && (width != wantWidth || height != wantHeight) {
		return cursor.Corrupt("picture", c.Body(), fmt.Sprintf("%d × %d pixels", wantWidth, wantHeight), fmt.Sprintf("%d × %d", width, height))
	}
	if w.width == 0 {
		w.width, w.height = width, height
	}
	if w.pictures == 0 {
		w.first = c
	}
	w.pictures++
	if w.Listing {
		return nil
	}
	if w.pixels+width*height > maxPixels {
		w.skipped = true
		return w.Each(c.Data(), "picture", nil)
	}
	w.pixels += width * height
	r := w.Reader(c.Data())
	var bits io.Reader = bufio.NewReader(r)
	if c.ID == "VP8L" {
		bits = r // gives single bytes, so that the decoder takes no more than it needs
	}
	_, err = decode(c.ID, bits, int(c.Size))
	if left := c.End() - r.Offset(); err == nil && c.ID == "VP8L" && left > maxLeft {
		err = fmt.Errorf("%d bytes are left over", left)
	}
	if cerr := w.Context().Err(); cerr != nil {
		return cerr
	}
	if bad := r.Err(); bad != nil {
		return w.Lost(r.Offset(), c.End(), "picture", bad)
	}
	if all := w.Each(c.Data(), "picture", nil); all != nil {
		return all
	}
	if err == nil && c.ID == "VP8 " && c.Size > maxUnread {
		// A picture is packed without any check, and other bytes in it decode to something too. They do not take as many
		// bytes as there are: without its last ones, a right picture cannot be decoded.
		if _, short := decode(c.ID, bufio.NewReader(w.Reader(c.Data())), int(c.Size-maxUnread)); short == nil {
			err = fmt.Errorf("one that is complete before its last %d bytes", maxUnread)
		}
		if cerr := w.Context().Err(); cerr != nil {
			return cerr
		}
	}
	if err != nil {
		return cursor.Corrupt("picture", c.Body(), "a picture that can be decoded", err)
	}
	return nil
}

// maxUnread is how many bytes at the end of a VP8 picture its decoder may not need, at most: encoders write out what they
// hold, and round up.
const maxUnread = 8

// decode decodes the picture in a chunk of that name.
func decode(id string, r io.Reader, n int) (image.Image, error) {
	if id == "VP8L" {
		return vp8l.Decode(r)
	}
	d := vp8.NewDecoder()
	d.Init(r, n)
	if _, err := d.DecodeFrameHeader(); err != nil {
		return nil, err
	}
	return d.DecodeFrame()
}

// thumbnail decodes the first picture.
func thumbnail(ctx context.Context, src block.Source, _ int) (image.Image, error) {
	var w *walker
	k := kind
	k.Walk = func(e *exam.Exam) error {
		p, err := e.Head(12)
		if err != nil {
			return err
		}
		form, ok := riff.Head(0, p)
		if !ok || form.Type != "WEBP" {
			return filetype.ErrNot
		}
		w = &walker{Exam: e}
		return riff.Each(e, 12, form.End, func(c riff.Chunk) error {
			if err := w.chunk(c); err != nil || w.pictures > 0 {
				return errors.Join(err, filetype.ErrNot)
			}
			return nil
		})
	}
	if _, err := k.Preview(ctx, src); err != nil && (ctx.Err() != nil || w == nil) {
		return nil, err
	}
	c := w.first
	if w.pictures == 0 || c.Size > media.MaxEncoded || w.width > filetype.MaxPixels/max(w.height, 1) {
		return nil, filetype.ErrNot
	}
	r := filetype.NewStream(ctx, block.Section(src, c.Data().Intersect(block.Extent{Length: src.Size()})), 0)
	m, err := decode(c.ID, r, int(c.Size))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, filetype.ErrNot
	}
	return m, nil
}
