package pe

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "Windows program"
	// maxNew is the farthest that the header may stand behind the DOS program, in bytes.
	maxNew = 16 << 20
	// maxResources is how much of the resources is looked at for a name, in bytes.
	maxResources = 4 << 20
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "pe",
		Class:      filetype.Program,
		Extensions: []string{"exe", "dll", "sys", "efi", "ocx", "scr", "cpl", "mui"},
		Signatures: []probe.Probe{{ID: "pe.mz", Bytes: []byte("MZ"), Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// header is what the headers say.
type header struct {
	machine, sections     uint16
	symbols, numSymbols   uint32
	characteristics       uint16
	optional              int
	wide                  bool
	subsystem             uint16
	sizeOfHeaders         uint32
	security, securityLen uint32
	fileAlign             uint32
}

// parseHeader parses the headers behind "PE\0\0", which stand at off.
func parseHeader(b []byte, off int64) (h header, err error) {
	c := cursor.New("header", off, b)
	h.machine, h.sections = c.Uint16(), c.Uint16()
	c.Skip(4)
	h.symbols, h.numSymbols = c.Uint32(), c.Uint32()
	h.optional = int(c.Uint16())
	h.characteristics = c.Uint16()
	if h.machine == 0 || h.sections > 96 || h.characteristics&2 == 0 && h.machine != 0 && h.optional == 0 {
		return h, filetype.ErrNot
	}
	o := c.Sub("optional header", h.optional)
	magic := o.Uint16()
	if c.Err() != nil || magic != 0x10B && magic != 0x20B {
		return h, filetype.ErrNot
	}
	h.wide = magic == 0x20B
	o.Seek(36)
	h.fileAlign = o.Uint32()
	o.Seek(60)
	h.sizeOfHeaders = o.Uint32()
	o.Seek(68)
	h.subsystem = o.Uint16()
	at := 92
	if h.wide {
		at = 108
	}
	o.Seek(at)
	if n := o.Uint32(); n > 4 && n <= 16 {
		o.Skip(4 * 8)
		h.security, h.securityLen = o.Uint32(), o.Uint32()
	}
	if o.Err() != nil || h.fileAlign == 0 || h.fileAlign&(h.fileAlign-1) != 0 || h.subsystem > 32 {
		return h, cursor.Corrupt("optional header", off+20, "an alignment of sections and a subsystem", fmt.Sprintf("%d, %d", h.fileAlign, h.subsystem))
	}
	return h, nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(64)
	if err != nil {
		return err
	}
	if len(p) < 64 || string(p[:2]) != "MZ" {
		return filetype.ErrNot
	}
	at := int64(binary.LittleEndian.Uint32(p[60:]))
	if at < 4 || at > maxNew {
		return filetype.ErrNot
	}
	// Without a header that can be read it may be any DOS program.
	if p, err = e.Upto(at, 24); len(p) < 24 || string(p[:4]) != "PE\x00\x00" {
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if len(p) > 0 && string(p[:min(len(p), 4)]) != "PE\x00\x00"[:min(len(p), 4)] || len(p) == 0 && at > 4096 || err == nil {
			return filetype.ErrNot
		}
		e.R.GoodUntil = 64
		return e.Lost(at+int64(len(p)), at+24, "the header", err)
	}
	size := 20 + int(binary.LittleEndian.Uint16(p[20:]))
	b, err := e.Copy(at+4, size, "the header")
	if err != nil {
		return err
	}
	h, err := parseHeader(b, at+4)
	if err != nil {
		return err
	}
	table := at + 4 + int64(size)
	e.Want = max(int64(h.sizeOfHeaders), table+40*int64(h.sections))
	e.R.GoodUntil = min(e.Want, e.Size())
	sections, err := e.Copy(table, 40*int(h.sections), "the table of sections")
	if err != nil {
		return err
	}
	end := table + int64(len(sections))
	end = max(end, int64(h.sizeOfHeaders))
	var resources, resourcesLen int64
	c := cursor.New("table of sections", table, sections)
	for range h.sections {
		name := c.String(8)
		virtual := c.Uint32()
		c.Skip(4)
		raw, off := int64(c.Uint32()), int64(c.Uint32())
		place := c.Offset()
		c.Skip(16)
		if raw > 0 && off > 0 {
			if off < 64 {
				return cursor.Corrupt("table of sections", place, "a place behind the headers", off)
			}
			end = max(end, off+raw)
		}
		if name == ".rsrc" {
			resources, resourcesLen = off, raw
		}
		e.Member(name, int64(virtual), "section")
	}
	if h.symbols > 0 && h.numSymbols > 0 {
		strings := int64(h.symbols) + 18*int64(h.numSymbols)
		e.Want = max(end, strings+4)
		e.R.GoodUntil = min(e.Want, e.Size())
		p, err := e.Need(strings, 4, "the names of symbols")
		if err != nil {
			return err
		}
		n := int64(binary.LittleEndian.Uint32(p))
		if n < 4 || n > 1<<30 {
			return cursor.Corrupt("names of symbols", strings, "their length", n)
		}
		end = max(end, strings+n)
	}
	if h.security > 0 && h.securityLen > 0 {
		if int64(h.security) < end-int64(h.fileAlign) {
			return cursor.Corrupt("optional header: signature", at+24, fmt.Sprintf("a place behind %d", end), h.security)
		}
		end = max(end, int64(h.security)+int64(h.securityLen))
		e.Fact("Signature", fmt.Sprintf("%d bytes", h.securityLen))
	}
	e.Want = end
	e.R.GoodUntil = min(end, e.Size())
	describe(e, &h, resources, resourcesLen)
	if e.Listing || e.Context().Err() != nil {
		return e.Context().Err()
	}
	if err := e.ReadTo(end, "sections"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, end)
}

// machines that files are met of, by their numbers.
var machines = map[uint16]string{0x14C: "x86", 0x8664: "x86-64", 0x1C0: "ARM", 0x1C4: "ARM", 0xAA64: "ARM 64", 0xEBC: "EFI byte code", 0x5064: "RISC-V 64", 0x200: "Itanium"}

// describe says what the file is and what it is called.
func describe(e *exam.Exam, h *header, off, n int64) {
	switch {
	case h.subsystem >= 10 && h.subsystem <= 13:
		e.R.Extension = "efi"
	case h.characteristics&0x2000 != 0:
		e.R.Extension = "dll"
	case h.subsystem == 1:
		e.R.Extension = "sys"
	}
	e.Fact("Machine", machines[h.machine])
	if n <= 0 {
		return
	}
	info := map[string]string{}
	keys := []string{"OriginalFilename", "ProductName", "FileDescription", "FileVersion", "CompanyName"}
	for at := off; at < off+min(n, maxResources); at += 128 << 10 {
		p, _ := e.Upto(at, int(min(off+n-at, 192<<10)))
		if len(p) == 0 || len(info) == len(keys) {
			break
		}
		for _, key := range keys {
			if info[key] == "" {
				if v := version(p, key); v != "" {
					info[key] = v
				}
			}
		}
	}
	e.R.Hints.Title = info["OriginalFilename"]
	if e.R.Hints.Title == "" {
		e.R.Hints.Title = info["FileDescription"]
	}
	e.R.Hints.Author = info["CompanyName"]
	for _, key := range keys {
		e.Fact(key, info[key])
	}
}

// version returns the text that stands behind key in version information: UTF-16, filled up to four bytes.
func version(p []byte, key string) string {
	wide := make([]byte, 0, 2*len(key)+2)
	for _, c := range []byte(key + "\x00") {
		wide = append(wide, c, 0)
	}
	i := bytes.Index(p, wide)
	if i < 0 {
		return ""
	}
	var text []uint16
	for i += len(wide); i+2 <= len(p) && len(text) < 256; i += 2 {
		u := binary.LittleEndian.Uint16(p[i:])
		if u == 0 {
			if len(text) > 0 {
				break
			}
			continue
		}
		text = append(text, u)
	}
	return exif.Text(string(utf16.Decode(text)))
}
