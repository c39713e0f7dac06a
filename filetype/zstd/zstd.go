package zstd

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	magic  = "\x28\xB5\x2F\xFD"
	format = "zstd file"
	// maxWindow is the largest window that is made, in bytes, and maxContent the most content that is unpacked.
	maxWindow  = 128 << 20
	maxContent = 64 << 30
	maxBlock   = 128 << 10
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "zstd",
		Class:      filetype.Archive,
		Extensions: []string{"zst", "tzst"},
		Signatures: []probe.Probe{{ID: "zstd.frame", Bytes: []byte(magic)}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// frame is one frame.
type frame struct {
	start, end int64
	content    int64 // -1 when it is not told
	window     int64
	dictionary bool
	sum        bool
	blocks     int64
}

// header parses the header of a frame and returns its size.
func (f *frame) header(p []byte) (int, error) {
	d := p[4]
	if d&0x08 != 0 {
		return 0, cursor.Corrupt("header of the frame", f.start+4, "no bit that is reserved", fmt.Sprintf("%#02x", d))
	}
	f.sum, f.content = d&0x04 != 0, -1
	n := 5
	single := d&0x20 != 0
	if !single {
		exp, mantissa := p[n]>>3, int64(p[n]&7)
		f.window = 1 << (10 + exp)
		f.window += f.window / 8 * mantissa
		n++
	}
	switch d & 3 {
	case 1:
		f.dictionary = p[n] != 0
		n++
	case 2:
		f.dictionary = binary.LittleEndian.Uint16(p[n:]) != 0
		n += 2
	case 3:
		f.dictionary = binary.LittleEndian.Uint32(p[n:]) != 0
		n += 4
	}
	switch size := d >> 6; {
	case size == 0 && single:
		f.content = int64(p[n])
		n++
	case size == 1:
		f.content = int64(binary.LittleEndian.Uint16(p[n:])) + 256
		n += 2
	case size == 2:
		f.content = int64(binary.LittleEndian.Uint32(p[n:]))
		n += 4
	case size == 3:
		v := binary.LittleEndian.Uint64(p[n:])
		if v > 1<<62 {
			return 0, cursor.Corrupt("header of the frame", f.start+int64(n), "a size of content", v)
		}
		f.content = int64(v)
		n += 8
	}
	if single {
		f.window = f.content
	}
	return n, nil
}

// walk follows the blocks to the end of the frame.
func (f *frame) walk(e *exam.Exam, see func(at int64)) error {
	p, err := e.Upto(f.start, 18)
	if len(p) < 18 {
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if len(p) < 6 {
			return e.Lost(f.start+int64(len(p)), f.start+18, "the header of a frame", err)
		}
		p = append(append(make([]byte, 0, 18), p...), make([]byte, 18-len(p))...)
	}
	n, err := f.header(p)
	if err != nil {
		return err
	}
	off := f.start + int64(n)
	if _, err := e.Need(f.start, n, "the header of a frame"); err != nil {
		return err
	}
	for f.blocks = 0; ; f.blocks++ {
		if f.blocks%1024 == 1023 && e.Context().Err() != nil {
			return e.Context().Err()
		}
		if p, err = e.Need(off, 3, "a block"); err != nil {
			return err
		}
		h := uint32(p[0]) | uint32(p[1])<<8 | uint32(p[2])<<16
		size := int64(h >> 3)
		switch h >> 1 & 3 {
		case 1: // one byte, many times
			size = 1
		case 3:
			return cursor.Corrupt("block", off, "a kind of block", 3)
		}
		if size > maxBlock {
			return cursor.Corrupt("block", off, fmt.Sprintf("at most %d bytes", maxBlock), size)
		}
		if see != nil {
			see(off)
		}
		if _, err = e.Need(off+3, int(size), "a block"); err != nil {
			return err
		}
		off += 3 + size
		if h&1 != 0 {
			break
		}
	}
	if f.sum {
		if _, err = e.Need(off, 4, "the checksum"); err != nil {
			return err
		}
		off += 4
	}
	f.end = off
	return nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(5)
	if err != nil {
		return err
	}
	if len(p) < 5 || string(p[:4]) != magic || p[4]&0x08 != 0 {
		return filetype.ErrNot
	}
	var off, content, frames int64
	summed := true
	var head []byte
	for {
		f := frame{start: off}
		// The walk finds the end and what is whole before a hole or the end of the source.
		err := f.walk(e, func(at int64) { e.R.GoodUntil = at })
		e.Units(f.blocks, 0, "blocks")
		if err != nil {
			return err
		}
		switch {
		case f.dictionary:
			return e.Report(filetype.Unknown, f.end, filetype.NotChecked(format, "it needs a dictionary that is not in it"))
		case f.window > maxWindow && f.content != 0 && (f.content < 0 || f.content > maxWindow):
			return e.Report(filetype.Unknown, f.end, filetype.NotChecked(format, fmt.Sprintf("unpacking needs %d bytes of memory", f.window)))
		case content > maxContent:
			return e.Report(filetype.Unknown, f.end, filetype.NotChecked(format, fmt.Sprintf("more than %d bytes of content", int64(maxContent))))
		}
		n, err := unpack(e, &f, &head)
		content += n
		if err == errEnough {
			return describe(e, head)
		}
		if err != nil {
			return err
		}
		summed = summed && f.sum
		frames++
		off = f.end
		e.R.GoodUntil = off
		// Frames that are skipped belong to the file.
		for {
			p, err := e.Upto(off, 8)
			if e.Context().Err() != nil {
				return e.Context().Err()
			}
			if _, unread := block.IsUnreadable(err); unread && off < e.Size() && len(p) < 8 {
				return e.Lost(off+int64(len(p)), off+8, "the end or another frame", err)
			}
			if len(p) < 8 || p[0]&0xF0 != 0x50 || string(p[1:4]) != "\x2A\x4D\x18" {
				break
			}
			end := off + 8 + int64(binary.LittleEndian.Uint32(p[4:]))
			if err := e.Each(block.Between(off, end), "a frame that is skipped", nil); err != nil {
				return err
			}
			off = end
			e.R.GoodUntil = off
		}
		if p, _ = e.Upto(off, 5); len(p) < 5 || string(p[:4]) != magic || p[4]&0x08 != 0 {
			break
		}
	}
	if err := describe(e, head); err != nil {
		return err
	}
	if summed {
		return e.Whole(filetype.Consistent, off, filetype.PartlyChecked(format, fmt.Sprintf("the content (%d bytes)", content), "its packed form"))
	}
	return e.Whole(filetype.Consistent, off)
}

var errEnough = fmt.Errorf("zstd: enough for a preview")

// unpack unpacks a frame, which compares its checksum.
func unpack(e *exam.Exam, f *frame, head *[]byte) (int64, error) {
	r := e.Reader(block.Between(f.start, f.end))
	wrong := func(expected string, found any) error {
		if r.Err() != nil {
			return e.Lost(r.Offset(), f.end, "packed content", r.Err())
		}
		// The block that broke is the last one that was begun.
		at, stopped := f.start, r.Offset()
		again := frame{start: f.start}
		n := int64(-1)
		_ = again.walk(e, func(off int64) {
			if off < stopped {
				at = off
				n++
			}
		})
		e.R.GoodUntil = at
		e.Units(max(n, 0), 0, "blocks")
		return cursor.Corrupt("content", at, expected, found)
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(max(1<<10, maxWindow)), zstd.WithDecoderMaxMemory(1<<62))
	if err != nil {
		return 0, wrong("content that unpacks", err)
	}
	defer z.Close()
	buf := make([]byte, 64<<10)
	var n int64
	for {
		m, err := z.Read(buf)
		if cerr := e.Context().Err(); cerr != nil {
			return n, cerr
		}
		n += int64(m)
		if len(*head) < filetype.MaxPreviewText {
			*head = append(*head, buf[:min(m, filetype.MaxPreviewText-len(*head))]...)
		}
		switch {
		case err == io.EOF:
			if f.content >= 0 && n != f.content {
				return n, wrong(fmt.Sprintf("%d bytes", f.content), n)
			}
			return n, nil
		case err != nil:
			return n, wrong("content that unpacks and passes its checksum", err)
		case e.Listing && len(*head) == filetype.MaxPreviewText:
			return n, errEnough
		}
	}
}

// describe says what a person would call the file.
func describe(e *exam.Exam, head []byte) error {
	e.Inside(head, "zst")
	return e.Context().Err()
}
