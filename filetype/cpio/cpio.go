package cpio

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format    = "cpio archive"
	trailer   = "TRAILER!!!"
	blockSize = 512
	maxName   = 4 << 10
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "cpio",
		Class:      filetype.Archive,
		Extensions: []string{"cpio"},
		Signatures: []probe.Probe{{ID: "cpio.newc", Bytes: []byte("07070100")}, {ID: "cpio.crc", Bytes: []byte("07070200")}, {ID: "cpio.odc", Bytes: []byte("070707")}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// header is the header of a member.
type header struct {
	size       int // of the header itself
	align      int64
	name, file int64
	mode       uint64
	mtime      int64
	sum        uint64
	summed     bool
}

// parseHeader parses a header that stands at off.
func parseHeader(b []byte, off int64) (h header, err error) {
	base, width := 16, 8
	h.size, h.align = 110, 4
	var fields []int // places of the fields that are used: mode, mtime, file size, name size, sum
	switch magic := string(b[:6]); magic {
	case "070701", "070702":
		fields = []int{14, 46, 54, 94, 102}
		h.summed = magic == "070702"
	case "070707":
		base, width = 8, 0
		h.size, h.align = 76, 1
	default:
		return h, cursor.Corrupt("header", off, "a header", strconv.Quote(string(b[:6])))
	}
	if len(b) < h.size {
		return h, cursor.Corrupt("header", off, fmt.Sprintf("%d bytes", h.size), len(b))
	}
	if i := bytes.IndexFunc(b[6:h.size], func(r rune) bool {
		return !(r >= '0' && r <= '7' || base == 16 && (r == '8' || r == '9' || r|0x20 >= 'a' && r|0x20 <= 'f'))
	}); i >= 0 {
		return h, cursor.Corrupt("header", off+6+int64(i), "digits", strconv.Quote(string(b[6+i])))
	}
	get := func(at, n int) uint64 {
		v, _ := strconv.ParseUint(string(b[at:at+n]), base, 63)
		return v
	}
	if base == 8 {
		h.mode, h.mtime, h.name, h.file = get(18, 6), int64(get(48, 11)), int64(get(59, 6)), int64(get(65, 11))
	} else {
		h.mode, h.mtime, h.file, h.name, h.sum = get(fields[0], width), int64(get(fields[1], width)), int64(get(fields[2], width)), int64(get(fields[3], width)), get(fields[4], width)
	}
	h.summed = h.summed && h.mode&0o170000 == 0o100000 // links have content without a sum
	if h.name < 2 || h.name > maxName {
		return h, cursor.Corrupt("header", off, "a name", fmt.Sprintf("one of %d bytes", h.name))
	}
	return h, nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(110)
	if err != nil {
		return err
	}
	if len(p) < 76 || string(p[:5]) != "07070" {
		return filetype.ErrNot
	}
	if _, err := parseHeader(p[:min(len(p), 110)], 0); err != nil && (len(p) >= 110 || p[5] == '7') {
		return filetype.ErrNot
	}
	var off, members int64
	for {
		p, err := e.Need(off, 76, "a header")
		if err != nil {
			return err
		}
		if p[5] != '7' {
			if p, err = e.Need(off, 110, "a header"); err != nil {
				return err
			}
		}
		h, err := parseHeader(p, off)
		if err != nil {
			return err
		}
		if p, err = e.Need(off+int64(h.size), int(h.name), "a name"); err != nil {
			return err
		}
		if p[h.name-1] != 0 {
			return cursor.Corrupt("name", off+int64(h.size), "a zero at its end", p[h.name-1])
		}
		name := string(p[:h.name-1])
		data := align(off+int64(h.size)+h.name, h.align)
		end := align(data+h.file, h.align)
		if name == trailer && h.file == 0 {
			if _, err := e.Need(off, int(end-off), "the end"); err != nil {
				return err
			}
			return finish(e, end)
		}
		if strings.IndexByte(name, 0) >= 0 {
			return cursor.Corrupt("name", off+int64(h.size), "no zero inside", strconv.Quote(name))
		}
		if e.Listing {
			if end > e.Size() {
				e.Member(name, h.file, "")
				return nil
			}
		} else {
			var sum uint32
			count := func(p []byte) error {
				if h.summed {
					for _, c := range p {
						sum += uint32(c)
					}
				}
				return nil
			}
			if err := e.Each(block.Extent{Offset: data, Length: h.file}, "the content of a member", count); err != nil {
				return err
			}
			if h.summed && uint64(sum) != h.sum {
				return cursor.Corrupt(fmt.Sprintf("content of member %d", members+1), data, fmt.Sprintf("the sum %08x", h.sum), fmt.Sprintf("%08x", sum))
			}
			if err := e.Each(block.Between(data+h.file, end), "the content of a member", nil); err != nil {
				return err
			}
		}
		if members == 0 || e.R.Hints.Title == "." {
			e.R.Hints.Title = exif.Text(name)
			e.R.Hints.Taken = time.Unix(h.mtime, 0).UTC()
		}
		note := ""
		if h.mode&0o170000 == 0o040000 {
			note = "folder"
		}
		e.Member(name, h.file, note)
		members++
		off = end
		e.R.GoodUntil = off
		e.Units(members, 0, "members")
	}
}

func align(n, to int64) int64 { return (n + to - 1) &^ (to - 1) }

// finish adds the zeros that fill up the last block.
func finish(e *exam.Exam, off int64) error {
	end := align(off, blockSize)
	if n := int(end - off); n > 0 && end <= e.Size() {
		p, err := e.Upto(off, n)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if err == nil && len(p) >= n && strings.Trim(string(p[:n]), "\x00") == "" {
			off = end
		}
	}
	return e.Whole(filetype.Consistent, off)
}
