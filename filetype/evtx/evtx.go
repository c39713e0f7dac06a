package evtx

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	format     = "event log"
	headerSize = 4096
	chunkSize  = 64 << 10
	records    = 512 // where a chunk's records begin
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "evtx",
		Class:      filetype.Text,
		Extensions: []string{"evtx"},
		Signatures: []probe.Probe{{ID: "evtx.header", Bytes: []byte("ElfFile\x00"), Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

func wrong(structure string, off int64, stored, computed uint32) error {
	return cursor.Corrupt(structure, off, fmt.Sprintf("CRC-32 %08x", stored), fmt.Sprintf("%08x", computed))
}

func walk(e *exam.Exam) error {
	p, err := e.Head(128)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:8]) != "ElfFile\x00" {
		return filetype.ErrNot
	}
	if p, err = e.Need(0, 128, "the header"); err != nil {
		return err
	}
	if stored, sum := binary.LittleEndian.Uint32(p[124:]), crc32.ChecksumIEEE(p[:120]); stored != sum {
		return wrong("header", 124, stored, sum)
	}
	c := cursor.New("header", 0, p)
	c.Seek(24)
	next := c.Uint64()
	head := c.Uint32()
	c.Skip(2)
	major := c.Uint16()
	size, chunks := int64(c.Uint16()), int64(c.Uint16())
	flags := binary.LittleEndian.Uint32(p[120:])
	if major != 3 || head != 128 || size != headerSize {
		return cursor.Corrupt("header", 32, "version 3 with a header of 4096 bytes", fmt.Sprintf("%d, %d", major, size))
	}
	e.Fact("Next record", fmt.Sprint(next))
	if flags&1 != 0 {
		e.Fact("State", "was being written")
	}
	e.Want = headerSize + chunks*chunkSize
	e.R.GoodUntil = 128
	if err := e.Each(block.Extent{Length: headerSize}, "the header", nil); err != nil {
		return err
	}
	e.R.GoodUntil = headerSize
	var first error
	var done, n, events int64
	for ; ; n++ {
		off := headerSize + n*chunkSize
		if n >= chunks { // a log that was being written has more than its header says
			p, err := e.Upto(off, 8)
			if e.Context().Err() != nil {
				return e.Context().Err()
			}
			if _, unread := block.IsUnreadable(err); unread && off < e.Size() && len(p) < 8 && flags&1 != 0 {
				return e.Lost(off, off+chunkSize, "the end or another chunk", err)
			}
			if flags&1 == 0 || len(p) < 8 || string(p[:8]) != "ElfChnk\x00" {
				break
			}
		}
		count, err := chunk(e, off)
		if _, broken := cursor.IsCorrupt(err); err != nil && !broken {
			e.Units(done, max(chunks, n+1), "chunks")
			return err
		}
		if err == nil {
			done++
			events += count
		}
		if first == nil {
			if first = err; err == nil {
				e.R.GoodUntil = off + chunkSize
			}
		}
	}
	e.Want = headerSize + n*chunkSize
	e.Units(done, n, "chunks")
	e.Fact("Records", fmt.Sprint(events))
	if first != nil {
		return first
	}
	if n == 0 {
		return e.Whole(filetype.Consistent, headerSize)
	}
	return e.Whole(filetype.Consistent, e.Want, filetype.PartlyChecked(format, fmt.Sprintf("every record (%d)", events), "the flags of its headers"))
}

// chunk judges the chunk at off and returns how many records it has.
func chunk(e *exam.Exam, off int64) (int64, error) {
	p, err := e.Need(off, chunkSize, "a chunk")
	if err != nil {
		return 0, err
	}
	if string(p[:8]) != "ElfChnk\x00" {
		return 0, cursor.Corrupt("chunk", off, "a chunk", fmt.Sprintf("%q", p[:8]))
	}
	free := int(binary.LittleEndian.Uint32(p[48:]))
	sum := crc32.Update(crc32.ChecksumIEEE(p[:120]), crc32.IEEETable, p[128:records])
	if stored := binary.LittleEndian.Uint32(p[124:]); stored != sum {
		return 0, wrong("header of the chunk", off+124, stored, sum)
	}
	if free < records || free > chunkSize {
		return 0, cursor.Corrupt("header of the chunk", off+48, "where its records end", free)
	}
	if stored, sum := binary.LittleEndian.Uint32(p[52:]), crc32.ChecksumIEEE(p[records:free]); stored != sum {
		return 0, wrong("records of the chunk", off+records, stored, sum)
	}
	first, last := binary.LittleEndian.Uint64(p[8:]), binary.LittleEndian.Uint64(p[16:])
	if last < first || last-first > chunkSize {
		return 0, cursor.Corrupt("header of the chunk", off+8, "numbers of records", fmt.Sprintf("%d to %d", first, last))
	}
	return int64(last-first) + 1, nil
}
