package dex

import (
	"bytes"
	"crypto/sha1" // the format's own checksum
	"fmt"
	"hash/adler32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

const (
	format     = "DEX program"
	headerSize = 0x70
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "dex",
		Class:      filetype.Program,
		Extensions: []string{"dex"},
		Signatures: []probe.Probe{{ID: "dex.header", Bytes: []byte("dex\n03"), Align: 4}, {ID: "dex.header40", Bytes: []byte("dex\n04"), Align: 4}},
		Ceiling:    filetype.Consistent, // the version is covered by no sum
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

func walk(e *exam.Exam) error {
	p, err := e.Head(headerSize)
	if err != nil {
		return err
	}
	if len(p) < 8 || string(p[:4]) != "dex\n" || p[4] != '0' || p[7] != 0 || p[5] < '3' || p[5] > '4' || p[6] < '0' || p[6] > '9' {
		return filetype.ErrNot
	}
	version := string(p[4:7])
	if p, err = e.Need(0, headerSize, "the header"); err != nil {
		return err
	}
	c := cursor.New("header", 0, p)
	c.Skip(8)
	adler := c.Uint32()
	digest := bytes.Clone(c.Bytes(20))
	size, head, order := int64(c.Uint32()), c.Uint32(), c.Uint32()
	c.Skip(8)
	mapAt := int64(c.Uint32())
	strings := c.Uint32()
	c.Seek(0x60)
	classes := c.Uint32()
	if order == 0x78563412 {
		return e.Report(filetype.Unknown, size, filetype.NotChecked(format, "its bytes stand in the other order"))
	}
	if order != 0x12345678 || head < headerSize || size < int64(head) {
		return filetype.ErrNot
	}
	e.Want = size
	e.R.GoodUntil = headerSize
	if mapAt < headerSize || mapAt >= size {
		return cursor.Corrupt("header", 0x34, "the place of a map", mapAt)
	}
	e.Fact("Version", version)
	e.Fact("Classes", fmt.Sprint(classes))
	e.Fact("Strings", fmt.Sprint(strings))
	if e.Listing {
		return nil
	}
	sum, hash := adler32.New(), sha1.New()
	err = e.Each(block.Between(12, size), "the program", func(p []byte) error {
		sum.Write(p)
		return nil
	})
	if err != nil {
		e.R.GoodUntil = min(size, e.Size())
		return err
	}
	if got := sum.Sum32(); got != adler {
		return cursor.Corrupt("content", 8, fmt.Sprintf("Adler-32 %08x", adler), fmt.Sprintf("%08x", got))
	}
	if err = e.Each(block.Between(32, size), "the program", func(p []byte) error { hash.Write(p); return nil }); err != nil {
		return err
	}
	if got := hash.Sum(nil); !bytes.Equal(got, digest) {
		return cursor.Corrupt("content", 12, fmt.Sprintf("SHA-1 %x", digest), fmt.Sprintf("%x", got))
	}
	return e.Whole(filetype.Consistent, size, filetype.PartlyChecked(format, "all", "its version"))
}
