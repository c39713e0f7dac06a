package cab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "cabinet"
	// maxFiles is how many files are followed.
	maxFiles = 1 << 16

	hasPrevious = 1
	hasNext     = 2
	hasReserve  = 4
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "cab",
		Class:      filetype.Archive,
		Extensions: []string{"cab", "msu"},
		Signatures: []probe.Probe{{ID: "cab.header", Bytes: []byte("MSCF\x00\x00\x00\x00")}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// header is the header of a cabinet.
type header struct {
	size, files      int64
	folders, members int
	flags            uint16
	end              int64 // of the header, where folders begin
	folderReserve    int64
	dataReserve      int64
	signature        [2]uint32 // place and size
}

func parseHeader(b []byte) (h header, err error) {
	c := cursor.New("header", 0, b)
	c.Skip(8)
	h.size = int64(c.Uint32())
	c.Skip(4)
	h.files = int64(c.Uint32())
	c.Skip(4)
	minor, major := c.Uint8(), c.Uint8()
	h.folders, h.members = int(c.Uint16()), int(c.Uint16())
	h.flags = c.Uint16()
	c.Skip(4)
	if c.Err() == nil && (major != 1 || minor > 9 || h.flags&^7 != 0 || h.folders == 0) {
		return h, filetype.ErrNot
	}
	if h.flags&hasReserve != 0 {
		n := int(c.Uint16())
		h.folderReserve, h.dataReserve = int64(c.Uint8()), int64(c.Uint8())
		reserve := c.Bytes(n)
		if len(reserve) == 20 && binary.LittleEndian.Uint32(reserve) == 0x00100000 {
			h.signature = [2]uint32{binary.LittleEndian.Uint32(reserve[4:]), binary.LittleEndian.Uint32(reserve[8:])}
		}
	}
	for i := 0; c.Err() == nil && i < 2*(int(h.flags&1)+int(h.flags>>1&1)); i++ {
		at := bytes.IndexByte(c.Rest(), 0)
		if at < 0 || at > 255 {
			c.Skip(c.Len() + 1)
			break
		}
		c.Skip(at + 1)
	}
	h.end = int64(c.At())
	return h, c.Err()
}

// checksum folds the words of p on top of seed.
func checksum(p []byte, seed uint32) uint32 {
	for ; len(p) >= 4; p = p[4:] {
		seed ^= binary.LittleEndian.Uint32(p)
	}
	var last uint32
	for _, c := range p { // the bytes that are left, the first one highest
		last = last<<8 | uint32(c)
	}
	return seed ^ last
}

func walk(e *exam.Exam) error {
	p, err := e.Head(8)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:8]) != "MSCF\x00\x00\x00\x00" {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, 36, "the header"); err != nil {
		return err
	}
	e.Want = int64(binary.LittleEndian.Uint32(p[8:]))
	const longest = 36 + 4 + 64<<10 + 4*256
	all, gone := e.Upto(0, longest)
	if e.Context().Err() != nil {
		return e.Context().Err()
	}
	h, err := parseHeader(all[:min(len(all), longest)])
	if err == filetype.ErrNot {
		return err
	}
	if err != nil {
		if gone != nil && len(all) < longest {
			return e.Lost(int64(len(all)), int64(len(all))+1, "the header", gone)
		}
		return err
	}
	if h.files < h.end || h.files >= h.size || h.members > maxFiles {
		return cursor.Corrupt("header", 16, "the place of the list of files", h.files)
	}
	e.R.GoodUntil = h.end
	type folder struct {
		at, blocks int64
	}
	var folders []folder
	off := h.end
	for range h.folders {
		if p, err = e.Need(off, 8+int(h.folderReserve), "a folder"); err != nil {
			return err
		}
		f := folder{int64(binary.LittleEndian.Uint32(p)), int64(binary.LittleEndian.Uint16(p[4:]))}
		if f.at < h.end || f.at > h.size || binary.LittleEndian.Uint16(p[6:])&0xF > 3 {
			return cursor.Corrupt("folder", off, "a place of data and a way of packing", fmt.Sprintf("%d, %#x", f.at, binary.LittleEndian.Uint16(p[6:])))
		}
		folders = append(folders, f)
		off += 8 + h.folderReserve
	}
	if err := members(e, &h); err != nil {
		return err
	}
	e.Want = h.size
	if s := int64(h.signature[0]); s == h.size {
		e.Want = s + int64(h.signature[1])
		e.Fact("Signature", fmt.Sprintf("%d bytes", h.signature[1]))
	}
	if e.Listing {
		return nil
	}
	var done, total, unsummed int64
	for _, f := range folders {
		total += f.blocks
	}
	for _, f := range folders {
		at := f.at
		for range f.blocks {
			e.Units(done, total, "blocks of data")
			if p, err = e.Need(at, 8, "a block"); err != nil {
				return err
			}
			stored, n := binary.LittleEndian.Uint32(p), int64(binary.LittleEndian.Uint16(p[4:]))
			next := at + 8 + h.dataReserve + n
			if next > h.size {
				return cursor.Corrupt("block", at+4, fmt.Sprintf("one that ends before %d", h.size), next)
			}
			if p, err = e.Need(at, int(next-at), "a block"); err != nil {
				return err
			}
			if sum := checksum(p[4:8], checksum(p[8+h.dataReserve:], 0)); stored == 0 {
				unsummed++
			} else if sum != stored {
				return cursor.Corrupt("block", at, fmt.Sprintf("the checksum %08x", stored), fmt.Sprintf("%08x", sum))
			}
			at = next
			done++
			e.R.GoodUntil = max(e.R.GoodUntil, min(at, e.Size()))
		}
	}
	e.Units(done, total, "blocks of data")
	if err := e.ReadTo(e.Want, "the cabinet"); err != nil {
		return err
	}
	if unsummed > 0 || total == 0 {
		return e.Whole(filetype.Consistent, e.Want)
	}
	return e.Whole(filetype.Consistent, e.Want, filetype.PartlyChecked(format, "the packed content", "the list of files"))
}

// members follows the list of files.
func members(e *exam.Exam, h *header) error {
	off := h.files
	for i := range h.members {
		p, err := e.Upto(off, 16+257)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		end := -1
		if len(p) > 16 {
			end = bytes.IndexByte(p[16:min(len(p), 16+257)], 0)
		}
		if end < 0 {
			if err != nil && len(p) < 16+257 {
				return e.Lost(off+int64(len(p)), max(h.size, off+int64(len(p))+1), "the list of files", err)
			}
			return cursor.Corrupt("file", off+16, "a name of up to 256 bytes", "one without end")
		}
		name, attributes := string(p[16:16+end]), binary.LittleEndian.Uint16(p[14:])
		if attributes&0x80 == 0 {
			name = exif.Latin([]byte(name))
		}
		name = strings.ReplaceAll(name, `\`, "/")
		if folder := binary.LittleEndian.Uint16(p[8:]); int(folder) >= h.folders && folder < 0xFFFD {
			return cursor.Corrupt("file", off+8, fmt.Sprintf("a folder below %d", h.folders), folder)
		}
		if i == 0 {
			e.R.Hints.Title = exif.Text(name)
			d, t := int(binary.LittleEndian.Uint16(p[10:])), int(binary.LittleEndian.Uint16(p[12:]))
			if d != 0 {
				e.R.Hints.Taken = time.Date(1980+d>>9, time.Month(d>>5&15), d&31, t>>11, t>>5&63, t&31*2, 0, time.UTC)
			}
		}
		e.Member(name, int64(binary.LittleEndian.Uint32(p)), "")
		off += 16 + int64(end) + 1
		if off > h.size {
			return cursor.Corrupt("file", off, fmt.Sprintf("the list of files before %d", h.size), off)
		}
	}
	return nil
}
