package bzip2

import (
	"compress/bzip2"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	// maxContent is the most content that is unpacked, in bytes.
	maxContent = 64 << 30
	blockMagic = 0x314159265359
	endMagic   = 0x177245385090
	mask48     = 1<<48 - 1
)

var kind = exam.Kind{Format: "bzip2 file", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	probes := []probe.Probe{{ID: "bzip2.block", Bytes: []byte("BZh0\x31\x41\x59\x26\x53\x59"),
		Mask: []byte{0xFF, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
		{ID: "bzip2.empty", Bytes: []byte("BZh0\x17\x72\x45\x38\x50\x90\x00\x00\x00\x00"),
			Mask: []byte{0xFF, 0xFF, 0xFF, 0xF0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}}}
	return []filetype.Format{{
		Name:       "bzip2",
		Class:      filetype.Archive,
		Extensions: []string{"bz2", "tbz2", "tbz"},
		Signatures: probes,
		Ceiling:    filetype.Consistent, // the sums cover the content, not its compressed form
		Carve:      true,
		Examine:    kind.Examine,
		Tells:      true,
		Preview:    kind.Preview,
	}}
}

// bits hands bytes to the unpacker one by one and sees the marks of blocks go by.
type bits struct {
	e      *exam.Exam
	off    int64 // of the next byte
	p      []byte
	err    error
	window uint64
	blocks int64 // marks of blocks seen
	last   int64 // offset of the byte in which the mark of the last block begins
	end    int64 // where the stream ends, by the mark of its end; 0 before it was seen
}

// ReadByte gives the next byte. The stream is at its end where the mark of the end says so: the unpacker would else
// look for another stream behind it.
func (b *bits) ReadByte() (byte, error) {
	if b.end > 0 && b.off >= b.end {
		return 0, io.EOF
	}
	if len(b.p) == 0 {
		p, err := b.e.Upto(b.off, 1)
		if len(p) == 0 {
			b.err = err
			return 0, io.EOF
		}
		b.p = p
	}
	c := b.p[0]
	b.p = b.p[1:]
	b.off++
	b.window = b.window<<8 | uint64(c)
	for shift := range 8 {
		switch b.window >> shift & mask48 {
		case blockMagic:
			b.blocks++
			b.last = b.off - 7
			if shift == 0 {
				b.last = b.off - 6
			}
		case endMagic: // the combined CRC follows, and what fills up the byte
			b.end = b.off + 4
		}
	}
	return c, nil
}

// Read is not used by the unpacker, which takes single bytes.
func (b *bits) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

func magic(p []byte) bool {
	return len(p) >= 10 && string(p[:3]) == "BZh" && p[3] >= '1' && p[3] <= '9' &&
		(string(p[4:10]) == "\x31\x41\x59\x26\x53\x59" || string(p[4:10]) == "\x17\x72\x45\x38\x50\x90")
}

func walk(e *exam.Exam) error {
	p, err := e.Head(10)
	if err != nil {
		return err
	}
	if !magic(p) {
		return filetype.ErrNot
	}
	var content int64
	var head []byte
	buf := make([]byte, 64<<10)
	for off := int64(0); ; {
		b := &bits{e: e, off: off}
		z := bzip2.NewReader(b)
		for {
			n, err := z.Read(buf)
			if len(head) < 512 {
				head = append(head, buf[:min(n, 512-len(head))]...)
			}
			content += int64(n)
			if cerr := e.Context().Err(); cerr != nil {
				return cerr
			}
			if b.blocks > 0 {
				e.R.GoodUntil = max(e.R.GoodUntil, b.last)
				e.Units(b.blocks-1, 0, "blocks")
			}
			if content > maxContent {
				return e.Report(filetype.Unknown, b.off, filetype.NotChecked("bzip2 file", fmt.Sprintf("more than %d bytes of content", int64(maxContent))))
			}
			if e.Listing && (content > 1<<20 || err != nil) {
				describe(e, head)
				return nil
			}
			if err == nil {
				continue
			}
			if err != io.EOF || b.err != nil || b.off != b.end {
				describe(e, head)
				return b.fail(e, err)
			}
			off = b.end
			break
		}
		e.R.GoodUntil = off
		// Whether another stream follows must be readable.
		p, err := e.Upto(off, 10)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if magic(p) {
			continue
		}
		if _, unread := block.IsUnreadable(err); unread && off < e.Size() && string(p) == "BZh123456789"[:min(len(p), 3)] {
			return e.Lost(off+int64(len(p)), off+10, "the end of the file or another stream", err)
		}
		break
	}
	describe(e, head)
	return e.Whole(filetype.Consistent, e.R.GoodUntil, filetype.PartlyChecked("bzip2 file", fmt.Sprintf("the content (%d bytes)", content), "its compressed form"))
}

// fail turns the error of the unpacker into that of the walk.
func (b *bits) fail(e *exam.Exam, err error) error {
	if b.err != nil {
		return e.Lost(b.off, b.off+1, "the rest of the content", b.err)
	}
	what := strings.TrimPrefix(err.Error(), "bzip2 data invalid: ")
	at := max(b.last, e.R.GoodUntil)
	return cursor.Corrupt(fmt.Sprintf("block %d", b.blocks), at, "content that unpacks and passes its CRC-32", what)
}

// describe says what a person would call the file.
func describe(e *exam.Exam, head []byte) {
	e.Inside(head, "bz2")
}
