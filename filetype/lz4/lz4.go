package lz4

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	magic      = "\x04\x22\x4D\x18"
	format     = "lz4 file"
	maxContent = 64 << 30
	preview    = filetype.MaxPreviewText
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "lz4",
		Class:      filetype.Archive,
		Extensions: []string{"lz4"},
		Signatures: []probe.Probe{{ID: "lz4.frame", Bytes: []byte(magic + "\x40"), Mask: []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xC2}}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Tells:      true,
		Preview:    kind.Preview,
	}}
}

// frame is one frame.
type frame struct {
	start, end          int64
	blockSums, contents bool
	dictionary          bool
	largest             int64
	size                int64 // of the content, -1 when it is not told
	head                int   // size of the header
}

func (f *frame) header(p []byte) error {
	flags, sizes := p[4], p[5]
	if flags>>6 != 1 || flags&2 != 0 || sizes&0x8F != 0 || sizes>>4 < 4 {
		return cursor.Corrupt("header of the frame", f.start+4, "flags that are known", fmt.Sprintf("%02x %02x", flags, sizes))
	}
	f.blockSums, f.contents, f.dictionary = flags&0x10 != 0, flags&4 != 0, flags&1 != 0
	f.largest, f.size = 1<<(8+2*(sizes>>4)), -1
	f.head = 7
	if flags&8 != 0 {
		f.head += 8
		f.size = int64(binary.LittleEndian.Uint64(p[6:]) & (1<<62 - 1))
	}
	if f.dictionary {
		f.head += 4
	}
	return nil
}

// walk follows the blocks. see is given the place of each.
func (f *frame) walk(e *exam.Exam, see func(at int64)) error {
	p, err := e.Need(f.start, 7, "the header of a frame")
	if err != nil {
		return err
	}
	if p[4]&8 != 0 {
		if p, err = e.Need(f.start, 15, "the header of a frame"); err != nil {
			return err
		}
	}
	if err := f.header(p); err != nil {
		return err
	}
	if _, err = e.Need(f.start, f.head, "the header of a frame"); err != nil {
		return err
	}
	off := f.start + int64(f.head)
	for {
		if p, err = e.Need(off, 4, "a block"); err != nil {
			return err
		}
		size := int64(binary.LittleEndian.Uint32(p) &^ (1 << 31))
		if binary.LittleEndian.Uint32(p) == 0 {
			off += 4
			break
		}
		if size > f.largest || size == 0 {
			return cursor.Corrupt("block", off, fmt.Sprintf("at most %d bytes", f.largest), size)
		}
		see(off)
		next := off + 4 + size
		if f.blockSums {
			next += 4
		}
		if err := e.Each(block.Between(off, next), "a block", nil); err != nil {
			return err
		}
		off = next
	}
	if f.contents {
		if _, err = e.Need(off, 4, "the checksum"); err != nil {
			return err
		}
		off += 4
	}
	f.end = off
	return nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(6)
	if err != nil {
		return err
	}
	if len(p) < 6 || string(p[:4]) != magic || (&frame{}).header(append(append([]byte(nil), p[:6]...), make([]byte, 16)...)) != nil {
		return filetype.ErrNot
	}
	var off, content int64
	summed := true
	var head []byte
	for {
		f := frame{start: off}
		blocks := int64(-1)
		err := f.walk(e, func(at int64) { e.R.GoodUntil = at; blocks++ })
		e.Units(max(blocks, 0), 0, "blocks")
		if err != nil {
			return err
		}
		if f.dictionary {
			return e.Report(filetype.Unknown, f.end, filetype.NotChecked(format, "it needs a dictionary that is not in it"))
		}
		n, enough, err := unpack(e, &f, &head)
		if content += n; err != nil {
			return err
		}
		if enough {
			break
		}
		if content > maxContent {
			return e.Report(filetype.Unknown, f.end, filetype.NotChecked(format, fmt.Sprintf("more than %d bytes of content", int64(maxContent))))
		}
		summed = summed && f.contents
		off = f.end
		e.R.GoodUntil = off
		p, err := e.Upto(off, 6)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if _, unread := block.IsUnreadable(err); unread && off < e.Size() && len(p) < 6 {
			return e.Lost(off+int64(len(p)), off+7, "the end or another frame", err)
		}
		if len(p) < 6 || string(p[:4]) != magic {
			break
		}
	}
	e.Inside(head, "lz4")
	if summed {
		return e.Whole(filetype.Consistent, off, filetype.PartlyChecked(format, fmt.Sprintf("the content (%d bytes)", content), "its packed form"))
	}
	return e.Whole(filetype.Consistent, off)
}

// unpack unpacks a frame, which compares its checksums.
func unpack(e *exam.Exam, f *frame, head *[]byte) (n int64, enough bool, err error) {
	r := e.Reader(block.Between(f.start, f.end))
	wrong := func(expected string, found any) error {
		if r.Err() != nil {
			return e.Lost(r.Offset(), f.end, "packed content", r.Err())
		}
		at, stopped := f.start, r.Offset()
		blocks := int64(-1)
		again := frame{start: f.start}
		_ = again.walk(e, func(off int64) {
			if off < stopped-4 {
				at = off
				blocks++
			}
		})
		e.R.GoodUntil = at
		e.Units(max(blocks, 0), 0, "blocks")
		return cursor.Corrupt("content", at, expected, found)
	}
	z := lz4.NewReader(r)
	buf := make([]byte, 64<<10)
	for {
		m, err := z.Read(buf)
		if cerr := e.Context().Err(); cerr != nil {
			return n, false, cerr
		}
		n += int64(m)
		if len(*head) < preview {
			*head = append(*head, buf[:min(m, preview-len(*head))]...)
		}
		switch {
		case err == io.EOF:
			if f.size >= 0 && n != f.size {
				return n, false, wrong(fmt.Sprintf("%d bytes", f.size), n)
			}
			if r.Offset() != f.end {
				return n, false, wrong(fmt.Sprintf("content that ends at %d", f.end), r.Offset())
			}
			return n, false, nil
		case err != nil:
			return n, false, wrong("content that unpacks and passes its checksums", err)
		case e.Listing && len(*head) == preview, n > maxContent:
			return n, true, nil
		}
	}
}
