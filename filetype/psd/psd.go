package psd

import (
	"bytes"
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
	"salvor/filetype/internal/window"
)

const bufferSize = 256 << 10

var kind = exam.Kind{Format: "PSD", Buffer: bufferSize, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "psd",
		Class:      filetype.Photo,
		Extensions: []string{"psd", "psb"},
		Signatures: []probe.Probe{{ID: "psd.one", Bytes: []byte("8BPS\x00\x01\x00\x00\x00\x00\x00\x00\x00")}, {ID: "psd.big", Bytes: []byte("8BPS\x00\x02\x00\x00\x00\x00\x00\x00\x00")}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
		Thumbnail:  thumbnail,
	}}
}

const (
	headSize = 26
	// resourceThumbnail and resourceExif are the blocks with a JPEG picture, behind 28 bytes, and with Exif.
	resourceThumbnail = 1036
	resourceExif      = 1058
)

// header is what the first 26 bytes say.
type header struct {
	big           bool
	channels      int64
	width, height int64
	depth         int64
	mode          uint16
}

// parseHeader reads the first 26 bytes.
func parseHeader(p []byte) (h header, ok bool) {
	if len(p) < headSize || string(p[:4]) != "8BPS" || string(p[6:12]) != "\x00\x00\x00\x00\x00\x00" {
		return h, false
	}
	version := binary.BigEndian.Uint16(p[4:])
	h = header{big: version == 2, channels: int64(binary.BigEndian.Uint16(p[12:])), height: int64(binary.BigEndian.Uint32(p[14:])),
		width: int64(binary.BigEndian.Uint32(p[18:])), depth: int64(binary.BigEndian.Uint16(p[22:])), mode: binary.BigEndian.Uint16(p[24:])}
	most := int64(30000)
	if h.big {
		most = 300000
	}
	depth := h.depth == 1 || h.depth == 8 || h.depth == 16 || h.depth == 32
	return h, (version == 1 || version == 2) && h.channels >= 1 && h.channels <= 56 && h.width >= 1 && h.width <= most && h.height >= 1 && h.height <= most && depth && h.mode <= 9
}

// row returns the bytes of one row of one channel that is not packed.
func (h *header) row() int64 { return (h.width*h.depth + 7) / 8 }

// walker goes through the sections of one file.
type walker struct {
	*exam.Exam
	header
	off   int64
	thumb block.Extent
}

func walk(e *exam.Exam) error { return (&walker{Exam: e}).walk() }

func (w *walker) walk() error {
	p, err := w.Head(headSize)
	if err != nil {
		return err
	}
	h, ok := parseHeader(p)
	if !ok {
		if len(p) >= 4 && len(p) < headSize && string(p[:4]) == "8BPS" {
			_, err = w.Need(0, headSize, "header")
			return err
		}
		return filetype.ErrNot
	}
	w.header, w.off = h, headSize
	w.R.GoodUntil = headSize
	if h.big {
		w.R.Extension = "psb"
	}
	modes := map[uint16]string{0: "bitmap", 1: "grey", 2: "palette", 3: "RGB", 4: "CMYK", 7: "multichannel", 8: "duotone", 9: "Lab"}
	w.Fact("Picture", media.Pixels(h.width, h.height))
	w.Fact("Colours", fmt.Sprintf("%s, %d bits", modes[h.mode], h.depth))
	for _, s := range []struct {
		name string
		wide bool
		see  func(block.Extent) error
	}{{"colours", false, nil}, {"resources", false, w.resources}, {"layers", h.big, nil}} {
		if err := w.section(s.name, s.wide, s.see); err != nil {
			return err
		}
	}
	w.Fact("Camera", w.R.Hints.Camera)
	if w.Listing {
		return nil
	}
	return w.picture()
}

// section reads a section: its length and its content.
func (w *walker) section(name string, wide bool, see func(block.Extent) error) error {
	size := 4
	if wide {
		size = 8
	}
	p, err := w.Need(w.off, size, name)
	if err != nil {
		return err
	}
	n := int64(binary.BigEndian.Uint32(p))
	if wide {
		v := binary.BigEndian.Uint64(p)
		if v > 1<<50 {
			return cursor.Corrupt(name, w.off, "a length", v)
		}
		n = int64(v)
	}
	data := block.Extent{Offset: w.off + int64(size), Length: n}
	w.Want = data.End() + 2
	if see != nil {
		if err := see(data); err != nil {
			return err
		}
	}
	if !w.Listing {
		if err := w.Each(data, name, nil); err != nil {
			return err
		}
	}
	w.off = data.End()
	w.R.GoodUntil = w.off
	return nil
}

// resources reads the blocks of resources.
func (w *walker) resources(data block.Extent) error {
	for off := data.Offset; off < data.End(); {
		if data.End()-off < 12 {
			return cursor.Corrupt("resources", off, "a block", fmt.Sprintf("%d bytes", data.End()-off))
		}
		p, err := w.Need(off, 7, "resource")
		if err != nil {
			return err
		}
		if m := string(p[:4]); m != "8BIM" && m != "MeSa" && m != "AgHg" && m != "PHUT" && m != "DCSR" {
			return cursor.Corrupt("resources", off, "8BIM", fmt.Sprintf("%q", p[:4]))
		}
		id, name := binary.BigEndian.Uint16(p[4:]), int64(p[6])
		body := off + 6 + (name+2)/2*2
		if p, err = w.Need(body, 4, "resource"); err != nil {
			return err
		}
		e := block.Extent{Offset: body + 4, Length: int64(binary.BigEndian.Uint32(p))}
		if e.End() > data.End() {
			return cursor.Corrupt("resource", body, fmt.Sprintf("at most %d bytes", data.End()-e.Offset), e.Length)
		}
		switch {
		case id == resourceThumbnail && e.Length > 28:
			w.thumb = block.Between(e.Offset+28, e.End())
		case id == resourceExif:
			if p, err = w.Need(e.Offset, int(min(e.Length, 64<<10)), "Exif"); err != nil {
				return err
			}
			w.R.Hints = exif.Hints(p)
		}
		off = e.End() + e.Length&1
		if e.Length&1 == 1 && off > data.End() {
			off = data.End()
		}
	}
	return nil
}

// picture reads the merged picture.
func (w *walker) picture() error {
	p, err := w.Need(w.off, 2, "picture")
	if err != nil {
		return err
	}
	packing := binary.BigEndian.Uint16(p)
	start := w.off + 2
	rows := w.channels * w.height
	switch packing {
	case 0:
		end := start + rows*w.row()
		w.Want = end
		at := start
		err := w.Each(block.Between(start, end), "picture", func(p []byte) error {
			at += int64(len(p))
			w.R.GoodUntil = at
			return nil
		})
		if err != nil {
			return err
		}
		return w.Whole(filetype.Consistent, end)
	case 1:
		return w.packed(start, rows)
	case 2, 3:
		return w.Report(filetype.Unknown, start, media.Followed("PSD", "its merged picture is packed in a way that does not tell its end"))
	}
	return cursor.Corrupt("picture", w.off, "a packing from 0 to 3", packing)
}

// packed follows a picture in PackBits: the lengths of all rows, then the rows.
func (w *walker) packed(start, rows int64) error {
	width := int64(2)
	if w.big {
		width = 4
	}
	table := block.Extent{Offset: start, Length: rows * width}
	// First the end, then the rows.
	end, held := table.End(), []byte(nil)
	err := w.Each(table, "lengths of rows", func(p []byte) error {
		held = append(held, p...)
		for ; int64(len(held)) >= width; held = held[width:] {
			end += w.length(held)
		}
		return nil
	})
	if err != nil {
		return err
	}
	w.Want = end
	lengths := window.New(w.Context(), w.Source(), 64<<10)
	at := table.End()
	for i := range rows {
		p, err := lengths.Bytes(start+i*width, int(width))
		if err != nil {
			return w.Lost(start+i*width, start+(i+1)*width, "lengths of rows", err)
		}
		row := block.Extent{Offset: at, Length: w.length(p)}
		if row.Length > bufferSize {
			return cursor.Corrupt("row", at, fmt.Sprintf("up to %d bytes", bufferSize), row.Length)
		}
		q, err := w.Need(row.Offset, int(row.Length), "row of the picture")
		if err != nil {
			return w.part(err, i)
		}
		if n := unpacked(q); n != w.row() && row.Length > 0 {
			return w.part(cursor.Corrupt("row of the picture", at, fmt.Sprintf("%d bytes when unpacked", w.row()), n), i)
		}
		at = row.End()
		w.R.GoodUntil = at
	}
	return w.Whole(filetype.Consistent, end)
}

// part tells how much of the picture is there, once all channels but the last are.
func (w *walker) part(err error, row int64) error {
	return media.Upper(w.Exam, err, row-(w.channels-1)*w.height, w.height)
}

func (w *walker) length(p []byte) int64 {
	if w.big {
		return int64(binary.BigEndian.Uint32(p))
	}
	return int64(binary.BigEndian.Uint16(p))
}

// unpacked returns how many bytes p stands for, -1 when it ends within a run.
func unpacked(p []byte) (n int64) {
	for len(p) > 0 {
		b := int8(p[0])
		take := 1
		switch {
		case b >= 0:
			take = int(b) + 2
			n += int64(b) + 1
		case b != -128:
			take = 2
			n += 1 - int64(b)
		}
		if take > len(p) {
			return -1
		}
		p = p[take:]
	}
	return n
}

// thumbnail decodes the JPEG picture among the resources.
func thumbnail(ctx context.Context, src block.Source, _ int) (image.Image, error) {
	w := &walker{}
	k := kind
	k.Walk = func(e *exam.Exam) error {
		w.Exam = e
		return w.walk()
	}
	if _, err := k.Preview(ctx, src); err != nil {
		return nil, err
	}
	if w.thumb.Length == 0 || w.thumb.Length > media.MaxEncoded {
		return nil, filetype.ErrNot
	}
	p := make([]byte, w.thumb.Length)
	if n, err := src.ReadAt(p, w.thumb.Offset); err != nil && n < len(p) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, filetype.ErrNot
	}
	if i := bytes.Index(p[:min(len(p), 4)], []byte{0xFF, 0xD8}); i != 0 {
		return nil, filetype.ErrNot
	}
	return media.Embedded.Bytes(ctx, p)
}
