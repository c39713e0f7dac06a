package mo

import (
	"encoding/binary"
	"fmt"
	"strings"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "table of translations"
	// maxTexts is how many texts are followed.
	maxTexts = 1 << 20
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "mo",
		Class:      filetype.Other,
		Extensions: []string{"mo", "gmo"},
		Signatures: []probe.Probe{{ID: "mo.little", Bytes: []byte("\xDE\x12\x04\x95\x00\x00")}, {ID: "mo.big", Bytes: []byte("\x95\x04\x12\xDE\x00")}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

func walk(e *exam.Exam) error {
	p, err := e.Head(28)
	if err != nil {
		return err
	}
	if len(p) < 28 {
		return filetype.ErrNot
	}
	var order binary.ByteOrder = binary.LittleEndian
	if order.Uint32(p) != 0x950412DE {
		order = binary.BigEndian
	}
	n := func(i int) int64 { return int64(order.Uint32(p[4*i:])) }
	revision, texts, originals, translations, slots, hashes := n(1), n(2), n(3), n(4), n(5), n(6)
	if n(0) != 0x950412DE || revision>>16 > 1 || revision&0xFFFF > 1 || texts == 0 || texts > maxTexts || originals < 28 || translations < 28 || slots > 1<<22 ||
		slots > 0 && (hashes < 28 || slots < texts) {
		return filetype.ErrNot
	}
	end := max(originals+8*texts, translations+8*texts)
	if slots > 0 {
		end = max(end, hashes+4*slots)
	}
	e.Want = end
	e.R.GoodUntil = min(28, e.Size())
	first, err := e.Gather(originals, 8*texts, "the table of originals")
	if err != nil {
		return err
	}
	second, err := e.Gather(translations, 8*texts, "the table of translations")
	if err != nil {
		return err
	}
	place := func(table []byte, i int64) (size, off int64) {
		return int64(order.Uint32(table[8*i:])), int64(order.Uint32(table[8*i+4:]))
	}
	for i := range texts {
		for _, t := range []struct {
			b  []byte
			at int64
		}{{first, originals}, {second, translations}} {
			size, off := place(t.b, i)
			if off < 28 || size > 1<<24 {
				return cursor.Corrupt("table of texts", t.at+8*i, "a text behind the header", fmt.Sprintf("%d bytes at %d", size, off))
			}
			end = max(end, off+size+1)
		}
	}
	e.Want = end
	e.R.GoodUntil = min(end, e.Size())
	if err := check(e, texts, first, second, place); err != nil {
		return err
	}
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(end, "texts"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, end)
}

// check reads all texts.
func check(e *exam.Exam, texts int64, first, second []byte, place func([]byte, int64) (int64, int64)) error {
	before := ""
	for i := range texts {
		if i%1024 == 0 && e.Context().Err() != nil {
			return e.Context().Err()
		}
		var shown [2]string
		for k, table := range [][]byte{first, second} {
			size, off := place(table, i)
			head := min(size, 4096)
			p, err := e.Need(off, int(head), "a text")
			if err != nil {
				return err
			}
			shown[k] = string(p)
			if p, err = e.Need(off+size, 1, "the end of a text"); err != nil {
				return err
			}
			if p[0] != 0 {
				return cursor.Corrupt("text", off+size, "a zero at its end", p[0])
			}
		}
		if shown[0] < before && len(shown[0]) < 4096 {
			_, off := place(first, i)
			return cursor.Corrupt("originals", off, "texts in order", "one before the last")
		}
		before = shown[0]
		if i == 0 && shown[0] == "" {
			header(e, shown[1])
		} else if e.Listing && len(e.P.Text) < filetype.MaxPreviewText/2 {
			e.P.Text += exif.Text(shown[0]) + " = " + exif.Text(shown[1]) + "\n"
		}
	}
	return nil
}

// header takes the name of the program and the language.
func header(e *exam.Exam, text string) {
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch name {
		case "Project-Id-Version":
			e.R.Hints.Title = exif.Text(value)
			e.Fact("Program", value)
		case "Language":
			e.Fact("Language", value)
		}
	}
}
