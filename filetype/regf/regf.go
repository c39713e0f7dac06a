package regf

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format     = "registry hive"
	headerSize = 4096
	maxBins    = 2 << 30
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "regf",
		Class:      filetype.Settings,
		Extensions: []string{"hive", "hiv", "dat"},
		Signatures: []probe.Probe{{ID: "regf.header", Bytes: []byte("regf"), Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// checksum folds the words of the first 508 bytes.
func checksum(p []byte) uint32 {
	var sum uint32
	for i := 0; i < 508; i += 4 {
		sum ^= binary.LittleEndian.Uint32(p[i:])
	}
	switch sum {
	case 0:
		return 1
	case 0xFFFFFFFF:
		return 0xFFFFFFFE
	}
	return sum
}

func walk(e *exam.Exam) error {
	p, err := e.Head(512)
	if err != nil {
		return err
	}
	if len(p) < 4 || string(p[:4]) != "regf" {
		return filetype.ErrNot
	}
	if p, err = e.Copy(0, 512, "the header"); err != nil {
		return err
	}
	if stored, sum := binary.LittleEndian.Uint32(p[508:]), checksum(p); stored != sum {
		return cursor.Corrupt("header", 508, fmt.Sprintf("the checksum %08x", stored), fmt.Sprintf("%08x", sum))
	}
	c := cursor.New("header", 0, p)
	c.Skip(4)
	first, second := c.Uint32(), c.Uint32()
	stamp := c.Uint64()
	major, minor, what := c.Uint32(), c.Uint32(), c.Uint32()
	c.Skip(4)
	root, size := int64(c.Uint32()), int64(c.Uint32())
	if major != 1 || what > 2 {
		return filetype.ErrNot
	}
	if what != 0 {
		return e.Report(filetype.Unknown, headerSize, filetype.NotChecked(format, "it is a log of changes"))
	}
	if size == 0 || size%4096 != 0 || size > maxBins || root < 32 || root >= size {
		return cursor.Corrupt("header", 36, "a root inside of bins", fmt.Sprintf("%#x in %#x bytes", root, size))
	}
	e.Want = headerSize + size
	e.R.GoodUntil = 512
	var u []uint16
	for i := 48; i < 112; i += 2 {
		v := binary.LittleEndian.Uint16(p[i:])
		if v == 0 {
			break
		}
		u = append(u, v)
	}
	name := exif.Text(string(utf16.Decode(u)))
	if i := strings.LastIndexByte(name, '\\'); i >= 0 {
		name = name[i+1:]
	}
	e.R.Hints.Title = name
	if stamp > 116444736000000000 && stamp < 1<<61 {
		e.R.Hints.Taken = time.Unix(int64(stamp-116444736000000000)/1e7, 0).UTC()
	}
	e.Fact("Name", name)
	e.Fact("Version", fmt.Sprintf("%d.%d", major, minor))
	if first != second {
		e.Fact("State", "was being written")
	}
	if err := e.Each(block.Extent{Length: headerSize}, "the header", nil); err != nil {
		return err
	}
	e.R.GoodUntil = headerSize
	if err := bins(e, size, root); err != nil {
		return err
	}
	if e.Listing {
		return nil
	}
	return e.Whole(filetype.Consistent, e.Want)
}

// bins walks the bins and their cells.
func bins(e *exam.Exam, size, root int64) error {
	var keys, done int64
	found := false
	for at := int64(0); at < size; {
		p, err := e.Need(headerSize+at, 32, "a bin")
		if err != nil {
			return err
		}
		own, n := int64(binary.LittleEndian.Uint32(p[4:])), int64(binary.LittleEndian.Uint32(p[8:]))
		if string(p[:4]) != "hbin" || own != at || n < 4096 || n%4096 != 0 || at+n > size {
			return cursor.Corrupt("bin", headerSize+at, fmt.Sprintf("hbin at %#x inside of %#x bytes", at, size), fmt.Sprintf("%q at %#x of %#x bytes", p[:4], own, n))
		}
		for cell := at + 32; cell < at+n; {
			if p, err = e.Need(headerSize+cell, 8, "a cell"); err != nil {
				return err
			}
			length := int64(int32(binary.LittleEndian.Uint32(p)))
			used := length < 0
			if used {
				length = -length
			}
			if length < 8 || length%8 != 0 || cell+length > at+n {
				return cursor.Corrupt("cell", headerSize+cell, fmt.Sprintf("a size up to %d", at+n-cell), length)
			}
			if used && string(p[4:6]) == "nk" {
				keys++
			}
			if cell == root {
				found = used && string(p[4:6]) == "nk"
				if !found {
					return cursor.Corrupt("root", headerSize+cell, "a key", fmt.Sprintf("%q", p[4:6]))
				}
			}
			if err := e.Each(block.Extent{Offset: headerSize + cell, Length: length}, "a cell", nil); err != nil {
				return err
			}
			cell += length
		}
		at += n
		done++
		e.R.GoodUntil = headerSize + at
		e.Units(done, 0, "bins")
	}
	if !found {
		return cursor.Corrupt("header", 36, "a root that is a cell", fmt.Sprintf("%#x", root))
	}
	e.Fact("Keys", fmt.Sprint(keys))
	return nil
}
