package gif

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/gif"
	"time"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
)

var decoder = media.Decoder{Config: gif.DecodeConfig, Decode: gif.Decode}

var kind = exam.Kind{Format: "GIF", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "gif",
		Class:      filetype.Photo,
		Extensions: []string{"gif"},
		Signatures: []probe.Probe{
			{ID: "gif.89a", Bytes: []byte("GIF89a")},
			{ID: "gif.87a", Bytes: []byte("GIF87a")},
		},
		Ceiling:   filetype.Consistent, // no checksum anywhere in the format
		Carve:     true,
		Single:    true,
		Examine:   kind.Examine,
		Scout:     Scout,
		Preview:   kind.Preview,
		Thumbnail: decoder.Thumbnail,
	}}
}

const (
	screenSize = 13
	frameSize  = 10
)

// walker goes through the blocks of one file.
type walker struct {
	*exam.Exam
	off    int64
	frames int64
	delay  time.Duration // of all frames so far
	pixels int64         // of the current frame
	padded bool          // the last block was a zero
	broken error         // the first contradiction in the codes; the blocks are followed on to find the end
}

func walk(e *exam.Exam) error {
	w := &walker{Exam: e}
	if err := w.screen(); err != nil {
		return err
	}
	err := w.blocks()
	if w.frames > 1 {
		e.Fact("Frames", fmt.Sprint(w.frames))
	}
	if w.delay > 0 {
		e.Fact("Length", media.Clock(w.delay))
	}
	if err == nil {
		e.Want = w.off
		if w.broken == nil && w.frames == 0 {
			return filetype.ErrNot
		}
	}
	if w.broken != nil {
		err = w.broken
	}
	if _, bad := cursor.IsCorrupt(err); bad && w.frames == 0 && w.pixels == 0 {
		return filetype.ErrNot // not one row of a picture
	}
	if err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, w.off)
}

// screen reads what stands before the first block.
func (w *walker) screen() error {
	head, err := w.Head(screenSize)
	if err != nil {
		return err
	}
	if len(head) < 6 || string(head[:6]) != "GIF89a" && string(head[:6]) != "GIF87a" {
		return filetype.ErrNot
	}
	if head, err = w.Need(0, screenSize, "screen"); err != nil {
		return err
	}
	width, height := int(binary.LittleEndian.Uint16(head[6:])), int(binary.LittleEndian.Uint16(head[8:]))
	w.Fact("Picture", media.Pixels(width, height))
	w.off = screenSize + palette(head[10])
	if _, err := w.Need(0, int(w.off), "palette"); err != nil {
		return err
	}
	w.R.GoodUntil = w.off
	return nil
}

// palette returns the size of the palette that flags announce, in bytes.
func palette(flags byte) int64 {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// blocks reads up to the trailer.
func (w *walker) blocks() error {
	for {
		if more, err := w.block(); !more {
			return err
		}
	}
}

// block reads one block; more is false for the trailer.
func (w *walker) block() (more bool, err error) {
	p, err := w.Need(w.off, 1, "block")
	if err != nil {
		return false, err
	}
	kind := p[0]
	switch kind {
	case 0x3B:
		w.off++
		return false, nil
	case 0x21:
		err = w.extension()
	case 0x2C:
		err = w.frame()
	case 0x00: // some encoders end the sub-blocks twice
		if w.padded {
			return false, cursor.Corrupt("blocks", w.off, "an extension, a frame or the end", "00")
		}
		w.off++
	default:
		return false, cursor.Corrupt("blocks", w.off, "an extension, a frame or the end", fmt.Sprintf("%02X", kind))
	}
	if err != nil {
		return false, err
	}
	w.padded = kind == 0
	w.good()
	return true, nil
}

func (w *walker) good() {
	if w.broken == nil {
		w.R.GoodUntil = w.off
	}
}

// extension reads over an extension; of the graphic control it takes the delay.
func (w *walker) extension() error {
	p, err := w.Need(w.off, 3, "extension")
	if err != nil {
		return err
	}
	label, first := p[1], int(p[2])
	if label == 0xF9 {
		if first != 4 {
			return cursor.Corrupt("graphic control", w.off+2, "4 bytes", first)
		}
		if p, err = w.Need(w.off, 8, "graphic control"); err != nil {
			return err
		}
		w.delay += time.Duration(binary.LittleEndian.Uint16(p[4:])) * 10 * time.Millisecond
	}
	var text []byte
	w.off += 2
	err = w.subBlocks("extension", func(p []byte) error {
		if label == 0xFE && w.Listing && len(text) < filetype.MaxPreviewText {
			text = append(text, p...)
		}
		return nil
	})
	w.Fact("Comment", string(bytes.TrimSpace(text[:min(len(text), 200)])))
	return err
}

// subBlocks gives the data of each sub-block from off on to see, and steps over the last.
func (w *walker) subBlocks(what string, see func(p []byte) error) error {
	for {
		p, err := w.Need(w.off, 1, what)
		if err != nil {
			return err
		}
		n := int(p[0])
		if p, err = w.Need(w.off, 1+n, what); err != nil {
			return err
		}
		if n > 0 {
			if err := see(p[1:]); err != nil {
				return err
			}
		}
		w.off += int64(1 + n)
		if n == 0 {
			return nil
		}
	}
}

// frame reads one picture and decodes its codes.
func (w *walker) frame() error {
	p, err := w.Need(w.off, frameSize, "frame")
	if err != nil {
		return err
	}
	width, height := int64(binary.LittleEndian.Uint16(p[5:])), int64(binary.LittleEndian.Uint16(p[7:]))
	local := palette(p[9])
	if width == 0 || height == 0 {
		return cursor.Corrupt("frame", w.off+5, "a width and a height", fmt.Sprintf("%d × %d", width, height))
	}
	start := w.off
	w.off += frameSize + local
	if p, err = w.Need(start, frameSize+int(local)+1, "palette of a frame"); err != nil {
		return err
	}
	size := int(p[len(p)-1])
	if size < 1 || size > 11 {
		return cursor.Corrupt("frame", w.off, "a code size from 1 to 11", size)
	}
	w.off++
	codes := newCodes(size)
	want := width * height
	w.pixels = 0
	err = w.subBlocks("pixels", func(p []byte) error {
		if w.Listing || w.broken != nil {
			return nil
		}
		if bad := codes.decode(p); bad != "" {
			w.broken = cursor.Corrupt("pixels", w.off, "a code that is in the table", bad)
			_ = media.Upper(w.Exam, w.broken, min(codes.pixels/width, height), height)
			return nil
		}
		w.pixels = codes.pixels
		w.R.GoodUntil = w.off + 1 + int64(len(p))
		return nil
	})
	if err == nil && !w.Listing && w.broken == nil && codes.pixels < want {
		w.broken = cursor.Corrupt("pixels", w.off-1, fmt.Sprintf("%d pixels", want), codes.pixels)
		_ = media.Upper(w.Exam, w.broken, codes.pixels/width, height)
	}
	if err != nil {
		return media.Upper(w.Exam, err, min(codes.pixels/width, height), height)
	}
	if w.broken == nil {
		w.frames++
		w.Units(w.frames, 0, "frames")
	}
	return nil
}
