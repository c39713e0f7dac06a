package pst

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	format     = "mail store"
	magic      = "!BDN"
	headerSize = 564
	pageSize   = 512
	blockAlign = 64
	trailer    = 16
	maxSize    = 1 << 44
	// maxPages is how many pages of a tree are followed.
	maxPages = 1 << 22
	maxDepth = 16

	pageBlocks = 0x80
	pageNodes  = 0x81
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "pst",
		Class:      filetype.Document,
		Extensions: []string{"pst", "ost"},
		Signatures: []probe.Probe{{ID: "pst.header", Bytes: []byte("!BDN\x00\x00\x00\x00SM"), Mask: []byte{255, 255, 255, 255, 0, 0, 0, 0, 255, 255}, Align: 512},
			{ID: "pst.cache", Bytes: []byte("!BDN\x00\x00\x00\x00SO"), Mask: []byte{255, 255, 255, 255, 0, 0, 0, 0, 255, 255}, Align: 512}},
		Ceiling: filetype.Consistent,
		Carve:   true,
		Examine: kind.Examine,
		Preview: kind.Preview,
	}}
}

// sum is the format's CRC-32: that of ZIP, begun with zero and not inverted.
func sum(p []byte) uint32 { return ^crc32.Update(0xFFFFFFFF, crc32.IEEETable, p) }

func wrong(structure string, off int64, stored, computed uint32) error {
	return cursor.Corrupt(structure, off, fmt.Sprintf("CRC-32 %08x", stored), fmt.Sprintf("%08x", computed))
}

// reference is a number and a place.
type reference struct {
	id uint64
	at int64
}

// signature ties a page or block to its number and place.
func (r reference) signature() uint16 {
	v := uint32(r.id) ^ uint32(r.at)
	return uint16(v>>16) ^ uint16(v)
}

// walker goes through both trees.
type walker struct {
	e          *exam.Exam
	end        int64
	seen       *cursor.Visited
	done, all  int64 // blocks
	first      error // the first block that is broken
	firstBlock int64
}

func walk(e *exam.Exam) error {
	p, err := e.Head(12)
	if err != nil {
		return err
	}
	if len(p) < 12 || string(p[:4]) != magic || p[8] != 'S' || p[9] != 'M' && p[9] != 'O' {
		return filetype.ErrNot
	}
	version := binary.LittleEndian.Uint16(p[10:])
	if p, err = e.Need(0, headerSize, "the header"); err != nil {
		return err
	}
	if stored, got := binary.LittleEndian.Uint32(p[4:]), sum(p[8:8+471]); stored != got {
		return wrong("header", 4, stored, got)
	}
	switch {
	case version == 14 || version == 15:
		return e.Report(filetype.Unknown, int64(binary.LittleEndian.Uint32(p[168:])), filetype.NotChecked(format, "it has the form of before 2003"))
	case version >= 36:
		return e.Report(filetype.Unknown, int64(binary.LittleEndian.Uint64(p[184:])&(maxSize-1)), filetype.NotChecked(format, "it has pages of 4096 bytes"))
	}
	if stored, got := binary.LittleEndian.Uint32(p[524:]), sum(p[8:8+516]); stored != got {
		return wrong("header", 524, stored, got)
	}
	end := binary.LittleEndian.Uint64(p[184:])
	nodes := reference{binary.LittleEndian.Uint64(p[216:]), int64(binary.LittleEndian.Uint64(p[224:]) & (1<<63 - 1))}
	blocks := reference{binary.LittleEndian.Uint64(p[232:]), int64(binary.LittleEndian.Uint64(p[240:]) & (1<<63 - 1))}
	if end < headerSize || end > maxSize {
		return cursor.Corrupt("header", 184, "the size of the file", end)
	}
	w := &walker{e: e, end: int64(end), seen: cursor.NewVisited(maxPages)}
	e.Want = w.end
	e.R.GoodUntil = min(w.end, e.Size())
	err = w.tree(nodes, pageNodes, 0)
	if err == nil {
		err = w.tree(blocks, pageBlocks, 0)
	}
	e.Units(w.done, w.all, "blocks")
	e.Fact("Blocks", fmt.Sprint(w.all))
	if err != nil {
		return err
	}
	if w.first != nil {
		return w.first
	}
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(w.end, "pages"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, w.end, filetype.PartlyChecked(format, fmt.Sprintf("the header, both trees and all %d blocks", w.all), "free space"))
}

// tree walks the tree of that kind below the page at r.
func (w *walker) tree(r reference, what byte, depth int) error {
	if depth > maxDepth || r.at%pageSize != 0 || r.at < headerSize-headerSize%pageSize || r.at+pageSize > w.end || !w.seen.Enter(r.at) {
		return cursor.Corrupt("tree", r.at, "a page of its own, inside of the file", fmt.Sprintf("%#x", r.at))
	}
	p, err := w.e.Copy(r.at, pageSize, "a page")
	if err != nil {
		return err
	}
	if stored, got := binary.LittleEndian.Uint32(p[500:]), sum(p[:496]); stored != got {
		return wrong("page", r.at, stored, got)
	}
	if p[496] != what || p[497] != what || binary.LittleEndian.Uint16(p[498:]) != r.signature() || binary.LittleEndian.Uint64(p[504:]) != r.id {
		return cursor.Corrupt("page", r.at+496, fmt.Sprintf("kind %#x, number %#x", what, r.id), fmt.Sprintf("kind %#x, number %#x", p[496], binary.LittleEndian.Uint64(p[504:])))
	}
	count, size, level := int(p[488]), int(p[490]), p[491]
	if size < 24 || count*size > 488 || level > maxDepth || depth > 0 && count == 0 {
		return cursor.Corrupt("page", r.at+488, "entries inside of the page", fmt.Sprintf("%d of %d bytes", count, size))
	}
	for i := range count {
		b := p[i*size:]
		if level > 0 {
			below := reference{binary.LittleEndian.Uint64(b[8:]), int64(binary.LittleEndian.Uint64(b[16:]) & (1<<63 - 1))}
			if err := w.tree(below, what, depth+1); err != nil {
				return err
			}
		} else if what == pageBlocks {
			at := reference{binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]) & (1<<63 - 1))}
			if err := w.block(at, int64(binary.LittleEndian.Uint16(b[16:]))); err != nil {
				return err
			}
		}
	}
	return nil
}

// block judges a block of size bytes. It returns only errors of reading.
func (w *walker) block(r reference, size int64) error {
	w.all++
	if w.e.Listing {
		return w.e.Context().Err()
	}
	length := (size + trailer + blockAlign - 1) &^ (blockAlign - 1)
	err := error(nil)
	if r.at < headerSize || r.at+length > w.end {
		err = cursor.Corrupt("block", r.at, "a place inside of the file", fmt.Sprintf("%#x", r.at))
	} else {
		p, gone := w.e.Need(r.at, int(length), "a block")
		if gone != nil {
			return gone
		}
		t := p[length-trailer:]
		if stored, got := binary.LittleEndian.Uint32(t[4:]), sum(p[:size]); stored != got {
			err = wrong("block", r.at, stored, got)
		} else if int64(binary.LittleEndian.Uint16(t)) != size || binary.LittleEndian.Uint16(t[2:]) != r.signature() || binary.LittleEndian.Uint64(t[8:]) != r.id {
			err = cursor.Corrupt("block", r.at+length-trailer, fmt.Sprintf("block %#x of %d bytes", r.id, size), fmt.Sprintf("block %#x of %d bytes", binary.LittleEndian.Uint64(t[8:]), binary.LittleEndian.Uint16(t)))
		}
	}
	switch {
	case err == nil:
		w.done++
	case w.first == nil || r.at < w.firstBlock:
		w.first, w.firstBlock = err, r.at
	}
	return nil
}
