// Package media holds what pictures, sound and films have in common: how far a broken one plays or shows, in the
// words of a person, and the small picture for a preview.
//
// It promises that a decoder of others, asked for a thumbnail, is given no picture of more than
// [filetype.MaxPixels] and no more than [MaxEncoded] bytes, and that it ends with its context.
package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/finding"
)

// Broken reports whether err says that a file is broken or cut: then, and only then, it is worth telling how much
// of it is good.
func Broken(err error) bool {
	if err == nil {
		return false
	}
	var gone *exam.Gone
	_, corrupt := cursor.IsCorrupt(err)
	return corrupt || errors.As(err, &gone)
}

// Plays adds, when err says that the file is broken, how long it plays; total 0 when its length is not known. It
// returns err.
func Plays(e *exam.Exam, err error, done, total time.Duration) error {
	switch {
	case !Broken(err) || done <= 0:
	case total > 0:
		e.R.Findings = append(e.R.Findings, filetype.Plays.New(finding.Expected(Clock(total), Clock(min(done, total)))))
	default:
		e.R.Findings = append(e.R.Findings, filetype.Plays.New(finding.Expected("an unknown length", Clock(done))))
	}
	return err
}

// Upper adds, when err says that the picture is broken, how many of its rows are there from the top. It returns err.
func Upper(e *exam.Exam, err error, rows, height int64) error {
	return part(e, err, "upper", rows, height)
}

// Lower is Upper for a picture whose lowest row stands first.
func Lower(e *exam.Exam, err error, rows, height int64) error {
	return part(e, err, "lower", rows, height)
}

func part(e *exam.Exam, err error, which string, rows, height int64) error {
	if Broken(err) && rows > 0 && height > 0 && rows <= height {
		e.R.Findings = append(e.R.Findings, filetype.Upper.New(finding.Expected(nil,
			fmt.Sprintf("%s %d %% (%d of %d rows)", which, 100*rows/height, rows, height))))
	}
	return err
}

// Followed is the reason of a file whose structure is followed to its end and whose content was not decoded. found
// says what was followed: "120 frames, 0:05 long".
func Followed(format, found string) finding.Finding {
	return filetype.Followed.New(finding.Arg("format", format), finding.Expected(nil, found))
}

// Clock returns d as a player shows it: "2:31", "1:02:03".
func Clock(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Span returns the time of n units of which rate make num seconds; 0 when rate is 0. It does not overflow.
func Span(n, num, rate uint64) time.Duration {
	if rate == 0 {
		return 0
	}
	s := float64(n) * float64(num) / float64(rate)
	if s > 1e6*3600 {
		return 0
	}
	return time.Duration(s * float64(time.Second))
}

// Pixels returns the size of a picture as a person is told.
func Pixels[T int | int64 | uint16 | uint32 | uint64](width, height T) string {
	return fmt.Sprintf("%d × %d pixels", width, height)
}

// MaxEncoded is how many bytes a decoder reads for one thumbnail.
const MaxEncoded = 64 << 20

// Decoder is the pair of functions that packages of pictures export.
type Decoder struct {
	Config func(io.Reader) (image.Config, error)
	Decode func(io.Reader) (image.Image, error)
}

// Picture decodes the picture within e of src. A picture that cannot be decoded, or is too large, is
// [filetype.ErrNot].
func (d Decoder) Picture(ctx context.Context, src block.Source, e block.Extent) (image.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	open := func() io.Reader {
		within := e.Intersect(block.Extent{Length: src.Size()})
		within.Length = min(within.Length, MaxEncoded)
		return filetype.NewStream(ctx, block.Section(src, within), 0)
	}
	c, err := d.Config(open())
	if err != nil || c.Width <= 0 || c.Height <= 0 || int64(c.Width) > filetype.MaxPixels/int64(c.Height) {
		return nil, notOr(ctx)
	}
	m, err := d.Decode(open())
	if err != nil || m == nil {
		return nil, notOr(ctx)
	}
	return m, nil
}

// Bytes decodes the picture that p holds.
func (d Decoder) Bytes(ctx context.Context, p []byte) (image.Image, error) {
	return d.Picture(ctx, block.Bytes(bytes.Clone(p)), block.Extent{Length: int64(len(p))})
}

// Thumbnail returns a Thumbnailer that decodes the whole file.
func (d Decoder) Thumbnail(ctx context.Context, src block.Source, _ int) (image.Image, error) {
	return d.Picture(ctx, src, block.Extent{Length: src.Size()})
}

// notOr is the error of a picture that was not decoded: that of the context when it has ended.
func notOr(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return filetype.ErrNot
}

// Channels names a number of channels.
func Channels(n int) string {
	switch n {
	case 1:
		return "mono"
	case 2:
		return "stereo"
	}
	return fmt.Sprintf("%d channels", n)
}

// Embedded decodes a JPEG, PNG or GIF picture that stands within another file.
var Embedded = Decoder{Config: embeddedConfig, Decode: embedded}

// decoders are the pictures that stand in others, by how they begin.
var decoders = []struct {
	magic string
	Decoder
}{
	{"\xFF\xD8", Decoder{jpeg.DecodeConfig, jpeg.Decode}},
	{"\x89PNG", Decoder{png.DecodeConfig, png.Decode}},
	{"GIF8", Decoder{gif.DecodeConfig, gif.Decode}},
}

// which finds the decoder of the picture that r begins with.
func which(r io.Reader) (Decoder, io.Reader, bool) {
	head := make([]byte, 4)
	if _, err := io.ReadFull(r, head); err != nil {
		return Decoder{}, nil, false
	}
	for _, d := range decoders {
		if bytes.HasPrefix(head, []byte(d.magic)) {
			return d.Decoder, io.MultiReader(bytes.NewReader(head), r), true
		}
	}
	return Decoder{}, nil, false
}

func embeddedConfig(r io.Reader) (image.Config, error) {
	if d, r, ok := which(r); ok {
		return d.Config(r)
	}
	return image.Config{}, filetype.ErrNot
}

func embedded(r io.Reader) (image.Image, error) {
	if d, r, ok := which(r); ok {
		return d.Decode(r)
	}
	return nil, filetype.ErrNot
}

// sector is how files are laid out on a medium, in bytes.
const sector = 512

// Settled reports whether a file that tells no length may end at off of src: the source ends there, or the rest of the
// sector, or the next when it ends with one, is filled with zeros or 0xFF. Other bytes behind it may be what its own ones were
// overwritten with.
func Settled(e *exam.Exam, off int64) (bool, error) {
	end := min(off/sector*sector+sector, e.Size())
	if off >= end {
		return true, nil
	}
	p, err := e.Upto(off, int(end-off))
	if cerr := e.Context().Err(); cerr != nil {
		return false, cerr
	}
	if int64(len(p)) < end-off {
		return false, e.Lost(off, end, "what follows the last unit", err)
	}
	p = p[:end-off]
	if p[0] != 0 && p[0] != 0xFF {
		return false, nil
	}
	return bytes.Count(p, p[:1]) == len(p), nil
}

// BrokenOff is the verdict of a file that tells no length, whose last unit ends at off and is followed by other bytes.
func BrokenOff(e *exam.Exam, off int64, format string) error {
	e.R.Missing.Add(block.Extent{Offset: off, Length: 1})
	err := e.Report(filetype.Partial, off, filetype.BreaksOff.New(finding.At(off, 0), finding.Arg("format", format)))
	e.R.GoodUntil = off
	return err
}
