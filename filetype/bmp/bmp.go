package bmp

import (
	"encoding/binary"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/finding"

	"golang.org/x/image/bmp"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{otherSize}

var otherSize = &finding.Def{Code: "bmp.size", Severity: finding.Warning,
	Text: "the BMP says that it has {expected} bytes; its picture ends at {found}"}

var kind = exam.Kind{Format: "BMP", Buffer: 256 << 10, Walk: walk}

var decoder = media.Decoder{Config: bmp.DecodeConfig, Decode: bmp.Decode}

// headerSizes are the sizes that the second header has had.
var headerSizes = []uint32{12, 40, 52, 56, 64, 108, 124}

// Formats returns the rows of this package: bmp, and ico for icons and cursors.
func Formats() []filetype.Format {
	f := filetype.Format{
		Name:       "bmp",
		Loose:      true,
		Class:      filetype.Photo,
		Extensions: []string{"bmp", "dib"},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Plain:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
		Thumbnail:  decoder.Thumbnail,
	}
	for _, n := range headerSizes {
		// Two letters are no signature; with the reserved zeros and the size of the second header they are.
		p := probe.Probe{ID: fmt.Sprintf("bmp.v%d", n), Bytes: make([]byte, 18), Mask: make([]byte, 18), Align: 512}
		copy(p.Bytes, "BM")
		binary.LittleEndian.PutUint32(p.Bytes[14:], n)
		for _, i := range []int{0, 1, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17} {
			p.Mask[i] = 0xFF
		}
		f.Signatures = append(f.Signatures, p)
	}
	return []filetype.Format{f, icoFormat()}
}

// The ways in which pixels are stored.
const (
	plain = iota
	rle8
	rle4
	bitFields
	jpegInside
	pngInside
	alphaFields
)

const (
	fileHeader = 14
	// maxSize is the largest file that its own size field can tell, in bytes.
	maxSize = 1<<32 - 1
	// maxGap is the most bytes between the headers and the pixels beyond the palette.
	maxGap = 64 << 10
	// maxSlack is by how much the size in the header may differ: some writers count other things.
	maxSlack = 4 << 10
	// maxPadding is how many zeros writers add behind the last row.
	maxPadding = 4
)

// header is what both headers say.
type header struct {
	size, pixels  int64 // of the file, as it says; where the pixels begin
	width, height int64
	topDown       bool
	depth         uint16
	compression   uint32
	imageSize     int64 // of the pixels, as it says; may be 0
	profile       block.Extent
}

// stride returns the size of a row that is not compressed, in bytes.
func (h *header) stride() int64 { return (h.width*int64(h.depth) + 31) / 32 * 4 }

// parseHeader reads the first 14 bytes and the header behind them, which p holds.
func parseHeader(p []byte) (h header, ok bool) {
	c := cursor.New("header", 0, p)
	magic := c.Bytes(2)
	h.size = int64(c.Uint32())
	reserved := c.Uint32()
	h.pixels = int64(c.Uint32())
	own := c.Uint32()
	if c.Err() != nil || string(magic) != "BM" || reserved != 0 || !slices.Contains(headerSizes, own) {
		return h, false
	}
	planes, colours := uint16(0), uint32(0)
	if own == 12 {
		h.width, h.height, planes, h.depth = int64(c.Uint16()), int64(c.Uint16()), c.Uint16(), c.Uint16()
	} else {
		h.width, h.height = int64(int32(c.Uint32())), int64(int32(c.Uint32()))
		planes, h.depth, h.compression, h.imageSize = c.Uint16(), c.Uint16(), c.Uint32(), int64(c.Uint32())
		c.Skip(8)
		colours = c.Uint32()
	}
	if h.height < 0 {
		h.height, h.topDown = -h.height, true
	}
	if own == 124 {
		c.Seek(fileHeader + 56)
		space := c.Uint32()
		c.Seek(fileHeader + 112)
		if at, n := int64(c.Uint32()), int64(c.Uint32()); (space == 0x4D424544 || space == 0x4C494E4B) && n > 0 { // MBED, LINK
			h.profile = block.Extent{Offset: fileHeader + at, Length: n}
		}
	}
	least := int64(fileHeader) + int64(own)
	switch {
	case c.Err() != nil, planes != 1, h.width <= 0, h.height == 0, h.pixels < least, colours > 1<<16,
		h.pixels > least+4*max(int64(colours), 256)+maxGap, !h.storable(own):
		return h, false
	}
	return h, true
}

// storable reports whether depth and compression are a pair that exists.
func (h *header) storable(own uint32) bool {
	switch h.compression {
	case plain:
		return slices.Contains([]uint16{1, 2, 4, 8, 16, 24, 32}, h.depth)
	case rle8:
		return h.depth == 8 && !h.topDown
	case rle4:
		return h.depth == 4 && !h.topDown
	case bitFields:
		return own != 64 && (h.depth == 16 || h.depth == 32)
	case alphaFields:
		return h.depth == 16 || h.depth == 32
	case jpegInside, pngInside:
		return h.imageSize > 0
	}
	return false
}

func walk(e *exam.Exam) error {
	p, err := e.Head(fileHeader + 124)
	if err != nil {
		return err
	}
	h, ok := parseHeader(p)
	if !ok {
		return filetype.ErrNot
	}
	e.Fact("Picture", media.Pixels(h.width, h.height))
	e.Fact("Colours", fmt.Sprintf("%d bits", h.depth))
	end := h.pixels + h.imageSize
	if h.compression == plain || h.compression == bitFields || h.compression == alphaFields {
		if h.height > maxSize/max(h.stride(), 1) {
			return filetype.ErrNot
		}
		end = h.pixels + h.stride()*h.height
	}
	if !h.agrees(end) {
		return filetype.ErrNot
	}
	if e.Listing {
		return nil
	}
	if err := e.Each(block.Between(0, h.pixels), "headers", nil); err != nil {
		return err
	}
	e.R.GoodUntil = h.pixels
	if h.compression == rle8 || h.compression == rle4 {
		if end, err = runs(e, &h); err != nil {
			return err
		}
	} else {
		e.Want = max(end, h.profile.End())
		good := h.pixels
		foreign := media.NewForeign(h.pixels)
		err := e.Each(block.Between(h.pixels, end), "pixels", func(p []byte) error {
			if h.compression != jpegInside && h.compression != pngInside && h.depth >= 8 {
				if err := foreign.See(p); err != nil {
					return err
				}
			}
			good += int64(len(p))
			e.R.GoodUntil = good
			return nil
		})
		if err != nil {
			if broken, ok := cursor.IsCorrupt(err); ok {
				good = max(h.pixels, broken.Offset)
				e.R.GoodUntil = good
			}
			return h.part(e, err, (good-h.pixels)/max(h.stride(), 1))
		}
	}
	if h.profile.Length > 0 && h.profile.Offset >= end {
		if h.profile.End() > end+maxSize {
			return cursor.Corrupt("colour profile", fileHeader+112, "a profile behind the pixels", h.profile)
		}
		e.Want = h.profile.End()
		if err := e.Each(block.Between(end, h.profile.End()), "colour profile", nil); err != nil {
			return err
		}
		end = h.profile.End()
	}
	return finish(e, &h, end)
}

// part tells which rows are there of a picture that is not compressed.
func (h *header) part(e *exam.Exam, err error, rows int64) error {
	switch {
	case h.compression == jpegInside || h.compression == pngInside:
		return err
	case h.topDown:
		return media.Upper(e, err, rows, h.height)
	}
	return media.Lower(e, err, rows, h.height)
}

// agrees reports whether the size of the file or of the pixels bears out that the picture ends at end. A header that
// says neither is taken as it is.
func (h *header) agrees(end int64) bool {
	if end > maxSize {
		return false
	}
	if h.compression == rle8 || h.compression == rle4 {
		return h.size == 0 || h.imageSize > 0 && h.size >= end && h.size <= end+maxSlack || h.imageSize == 0 && h.size > h.pixels
	}
	end = max(end, h.profile.End())
	return h.size == 0 || h.size >= end-maxSlack && h.size <= end+maxSlack ||
		h.imageSize > 0 && h.pixels+h.imageSize == end
}

// finish settles where the file ends whose last structure ends at end: writers add a few zeros behind the last row,
// and count them.
func finish(e *exam.Exam, h *header, end int64) error {
	if h.size > end && h.size <= end+maxPadding {
		p, err := e.Need(end, int(h.size-end), "padding")
		if err != nil {
			e.Want = h.size
			return err
		}
		if !slices.ContainsFunc(p, func(b byte) bool { return b != 0 }) {
			end = h.size
		}
	}
	if h.size != end && h.size != 0 {
		return e.Whole(filetype.Consistent, end, otherSize.New(finding.At(2, 4), finding.Expected(h.size, end)),
			filetype.NoProof.New(finding.Arg("format", "BMP")))
	}
	return e.Whole(filetype.Consistent, end)
}
