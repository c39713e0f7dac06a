package rar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/nwaples/rardecode/v2"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	magic4 = "Rar!\x1A\x07\x00"
	magic5 = "Rar!\x1A\x07\x01\x00"
	format = "rar archive"
	// maxHeader is the largest header, in bytes.
	maxHeader = 2 << 20
	// maxDict is the largest dictionary that is made, and maxContent the most content that is unpacked, in bytes.
	maxDict    = 128 << 20
	maxContent = 32 << 30
	// maxMembers is how many members are remembered, to name one that fails to unpack.
	maxMembers = 1 << 20
)

var kind = exam.Kind{Format: format, Buffer: maxHeader, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "rar",
		Class:      filetype.Archive,
		Extensions: []string{"rar", "cbr"},
		Signatures: []probe.Probe{{ID: "rar.four", Bytes: []byte(magic4)}, {ID: "rar.five", Bytes: []byte(magic5)}},
		Ceiling:    filetype.Proven, // CRC-32 of headers and of stored members, since version 5
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// walker judges one archive.
type walker struct {
	e        *exam.Exam
	five     bool
	members  []int64 // where the headers of files stand
	done     int64   // members that are whole
	packed   bool    // a member has to be unpacked
	locked   int64
	split    bool
	loose    string
	unpacked int64
}

func walk(e *exam.Exam) error {
	p, err := e.Head(len(magic5))
	if err != nil {
		return err
	}
	w := &walker{e: e}
	var off int64
	switch {
	case len(p) >= 8 && string(p[:8]) == magic5:
		w.five, off = true, 8
	case len(p) >= 7 && string(p[:7]) == magic4:
		off = 7
		w.loose = "the choice of the headers' bytes, which have sums of 16 bits"
	default:
		return filetype.ErrNot
	}
	for blocks := 0; ; blocks++ {
		h, err := w.header(off)
		if err != nil {
			if _, broken := cursor.IsCorrupt(err); broken && blocks == 0 {
				e.R.GoodUntil = off
			}
			return err
		}
		if blocks == 0 && h.kind != mainBlock && h.kind != lockBlock {
			return filetype.ErrNot
		}
		next := off + h.size + h.data
		if h.locksNames {
			return e.Report(filetype.Encrypted, next, filetype.Locked(format, "its list of members is encrypted, and where it ends cannot be told"))
		}
		if err := w.block(&h, off); err != nil {
			return err
		}
		off = next
		e.R.GoodUntil = off
		if h.kind == endBlock {
			break
		}
	}
	e.Want = off
	if e.Listing {
		return nil
	}
	return w.finish(off)
}

// header reads the header at off.
func (w *walker) header(off int64) (header, error) {
	e := w.e
	if !w.five {
		p, err := e.Need(off, 7, "a header or the end")
		if err != nil {
			return header{}, err
		}
		n := int(binary.LittleEndian.Uint16(p[5:]))
		if n < 7 {
			return header{}, cursor.Corrupt("header", off+5, "a size of a header", n)
		}
		if p, err = e.Need(off, n, "a header"); err != nil {
			return header{}, err
		}
		return parse4(p, off)
	}
	p, err := e.Upto(off+4, 3)
	size, n := vint(p[:min(len(p), 3)])
	if n == 0 {
		if err != nil && len(p) < 3 {
			return header{}, e.Lost(off+int64(min(len(p), 1))*4, off+7, "a header or the end", err)
		}
		return header{}, cursor.Corrupt("header", off+4, "a size of a header", "none")
	}
	if size == 0 || size > maxHeader-8 {
		return header{}, cursor.Corrupt("header", off+4, "a size of a header", size)
	}
	if p, err = e.Need(off, 4+n+int(size), "a header"); err != nil {
		return header{}, err
	}
	return parse5(p, off)
}

// block judges what stands behind a header.
func (w *walker) block(h *header, off int64) error {
	e := w.e
	member := h.kind == fileBlock
	if member {
		if len(w.members) == 0 {
			e.R.Hints.Title, e.R.Hints.Taken = exif.Text(h.name), h.time
		}
		if len(w.members) < maxMembers {
			w.members = append(w.members, off)
		}
		note := ""
		switch {
		case h.locked:
			note = "encrypted"
		case h.folder:
			note = "folder"
		}
		e.Member(h.name, h.unpacked, note)
	}
	at := block.Extent{Offset: off + h.size, Length: h.data}
	if at.End() < at.Offset {
		return cursor.Corrupt("header", off, "a size of content", h.data)
	}
	if e.Listing {
		return nil
	}
	sum := uint32(0)
	err := e.Each(at, "the content of a member", func(p []byte) error {
		if h.stored {
			sum = crc32.Update(sum, crc32.IEEETable, p)
		}
		return nil
	})
	total := int64(len(w.members))
	if err != nil {
		e.Units(w.done, total, "members so far")
		return err
	}
	w.split = w.split || h.split
	switch {
	case h.kind != fileBlock && h.kind != serviceBlock:
		if h.data > 0 {
			w.loose = "what stands between members"
		}
	case h.locked:
		w.locked++
		return nil
	case h.split:
	case h.stored && h.summed:
		if sum != h.crc {
			e.Units(w.done, total, "members so far")
			return cursor.Corrupt(fmt.Sprintf("content of member %d", total), at.Offset, fmt.Sprintf("CRC-32 %08x", h.crc), fmt.Sprintf("%08x", sum))
		}
		if h.unpacked != h.data {
			return cursor.Corrupt("header", off, fmt.Sprintf("%d bytes of stored content", h.data), h.unpacked)
		}
	case h.data > 0 && h.stored:
		w.loose = "a member without a sum"
	case h.data > 0 && member:
		w.packed = true
		w.unpacked += h.unpacked
		return nil
	case h.data > 0:
		w.loose = "the packed form"
	}
	if member {
		w.done++
	}
	return nil
}

// finish unpacks what is packed, and gives the verdict.
func (w *walker) finish(end int64) error {
	e := w.e
	if w.locked > 0 && w.locked == int64(len(w.members)) {
		return e.Report(filetype.Encrypted, end, filetype.Locked(format, "its members are encrypted"))
	}
	if w.packed && !w.split && w.locked == 0 {
		if w.unpacked > maxContent {
			return e.Report(filetype.Unknown, end, filetype.NotChecked(format, fmt.Sprintf("more than %d bytes of content", int64(maxContent))))
		}
		if err := w.unpack(end); err != nil {
			var n notUnpacked
			if errors.As(err, &n) {
				return e.Report(filetype.Unknown, end, filetype.NotChecked(format, string(n)))
			}
			return err
		}
		w.loose = "the packed form"
	}
	switch {
	case w.locked > 0:
		return e.Whole(filetype.Consistent, end, filetype.PartlyChecked(format, "every header and every open member", "each encrypted member"))
	case w.split:
		return e.Whole(filetype.Consistent, end, filetype.PartlyChecked(format, "every header", "what goes on in other parts"))
	case w.loose != "":
		return e.Whole(filetype.Consistent, end, filetype.PartlyChecked(format, fmt.Sprintf("the content of all %d members", len(w.members)), w.loose))
	}
	return e.Whole(filetype.Proven, end)
}

type notUnpacked string

func (n notUnpacked) Error() string { return string(n) }

// unpack unpacks all members, which compares their sums.
func (w *walker) unpack(end int64) error {
	e := w.e
	src := e.Reader(block.Extent{Length: end})
	whole := int64(0)
	wrong := func(err error) error {
		if cerr := e.Context().Err(); cerr != nil {
			return cerr
		}
		if src.Err() != nil {
			return e.Lost(src.Offset(), end, "packed content", src.Err())
		}
		if errors.Is(err, rardecode.ErrDictionaryTooLarge) || errors.Is(err, rardecode.ErrUnsupportedDecoder) || errors.Is(err, rardecode.ErrUnknownDecoder) {
			return notUnpacked("its members are packed in a way that is not undone: " + err.Error())
		}
		e.Units(whole, int64(len(w.members)), "members")
		at := int64(7)
		if whole < int64(len(w.members)) {
			at = w.members[whole]
		}
		return cursor.Corrupt(fmt.Sprintf("member %d", whole+1), at, "content that unpacks and passes its sum", err)
	}
	r, err := rardecode.NewReader(src, rardecode.MaxDictionarySize(maxDict))
	if err != nil {
		return wrong(err)
	}
	buf := make([]byte, 64<<10)
	var n int64
	for {
		if _, err := r.Next(); err == io.EOF {
			return nil
		} else if err != nil {
			return wrong(err)
		}
		for {
			m, err := r.Read(buf)
			if cerr := e.Context().Err(); cerr != nil {
				return cerr
			}
			if n += int64(m); n > maxContent {
				return notUnpacked(fmt.Sprintf("more than %d bytes of content", int64(maxContent)))
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return wrong(err)
			}
		}
		whole++
	}
}
