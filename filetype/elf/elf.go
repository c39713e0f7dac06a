package elf

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
)

const (
	magic = "\x7FELF"
	// maxTable is the largest table of sections or segments, in bytes.
	maxTable = 16 << 20
	// maxText is how much of a section is read for a name, in bytes.
	maxText = 64 << 10
	format  = "ELF file"

	typeObject  = 1
	typeProgram = 2
	typeShared  = 3
	typeCore    = 4

	sectionStrings = 3
	sectionDynamic = 6
	sectionNoBits  = 8

	segmentLoad = 1
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	var probes []probe.Probe
	for i, s := range []string{"\x01\x01\x01", "\x01\x02\x01", "\x02\x01\x01", "\x02\x02\x01"} {
		probes = append(probes, probe.Probe{ID: fmt.Sprintf("elf.ident%d", i), Bytes: []byte(magic + s)})
	}
	return []filetype.Format{{
		Name:       "elf",
		Class:      filetype.Program,
		Extensions: []string{"elf", "so", "o", "ko", "core"},
		Signatures: probes,
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Single:     true,
		Examine:    kind.Examine,
		Scout:      scout,
		Preview:    kind.Preview,
	}}
}

// header is the header of a file.
type header struct {
	order            binary.ByteOrder
	wide             bool // 64 bits
	kind, machine    uint16
	phoff, shoff     uint64
	phentsize, phnum uint16
	shentsize        uint16
	shnum, strings   uint32
	size             uint16
}

// fields reads numbers of a structure in the file's byte order.
type fields struct {
	*cursor.Cursor
	h *header
}

func (f fields) u16() uint16 {
	if f.h.order == binary.BigEndian {
		return f.Uint16BE()
	}
	return f.Uint16()
}

func (f fields) u32() uint32 {
	if f.h.order == binary.BigEndian {
		return f.Uint32BE()
	}
	return f.Uint32()
}

// word reads an address or a place.
func (f fields) word() uint64 {
	switch {
	case !f.h.wide:
		return uint64(f.u32())
	case f.h.order == binary.BigEndian:
		return f.Uint64BE()
	}
	return f.Uint64()
}

func (h *header) headerSize() int  { return map[bool]int{false: 52, true: 64}[h.wide] }
func (h *header) segmentSize() int { return map[bool]int{false: 32, true: 56}[h.wide] }
func (h *header) sectionSize() int { return map[bool]int{false: 40, true: 64}[h.wide] }

func parseHeader(b []byte) (h header, err error) {
	h.order = binary.LittleEndian
	if b[5] == 2 {
		h.order = binary.BigEndian
	}
	h.wide = b[4] == 2
	f := fields{cursor.New("header", 0, b), &h}
	f.Skip(16)
	h.kind, h.machine = f.u16(), f.u16()
	version := f.u32()
	f.word()
	h.phoff, h.shoff = f.word(), f.word()
	f.Skip(4)
	h.size, h.phentsize, h.phnum = f.u16(), f.u16(), f.u16()
	h.shentsize, h.shnum, h.strings = f.u16(), uint32(f.u16()), uint32(f.u16())
	switch {
	case f.Err() != nil:
		return h, f.Err()
	case version != 1 || h.kind == 0 || h.machine == 0:
		return h, filetype.ErrNot
	case int(h.size) != h.headerSize():
		return h, filetype.ErrNot
	case h.phnum > 0 && (int(h.phentsize) != h.segmentSize() || h.phoff < uint64(h.size)):
		return h, cursor.Corrupt("header: program header table", 16, fmt.Sprintf("entries of %d bytes", h.segmentSize()), h.phentsize)
	case h.shoff > 0 && (int(h.shentsize) != h.sectionSize() || h.shoff < uint64(h.size)):
		return h, cursor.Corrupt("header: section header table", 16, fmt.Sprintf("entries of %d bytes", h.sectionSize()), h.shentsize)
	case h.phnum == 0 && h.shoff == 0:
		return h, cursor.Corrupt("header", 16, "a table of segments or sections", "none")
	}
	return h, nil
}

// part is a section or a segment.
type part struct {
	name, kind     uint32
	off, size      uint64
	link           uint32
	virtual, align uint64
}

func (h *header) segment(b []byte, off int64) (p part) {
	f := fields{cursor.New("segment", off, b), h}
	p.kind = f.u32()
	if h.wide {
		f.Skip(4)
	}
	p.off, p.virtual = f.word(), f.word()
	f.word()
	p.size = f.word()
	f.word()
	if !h.wide {
		f.Skip(4)
	}
	p.align = f.word()
	return p
}

func (h *header) section(b []byte, off int64) (p part) {
	f := fields{cursor.New("section", off, b), h}
	p.name, p.kind = f.u32(), f.u32()
	f.word()
	f.word()
	p.off, p.size = f.word(), f.word()
	p.link = f.u32()
	return p
}

// reader reads one file.
type reader struct {
	e        *exam.Exam
	h        header
	sections []part
	end      uint64
}

// reach notes that the file reaches to off+n.
func (r *reader) reach(what string, at int64, off, n uint64) error {
	if off > 1<<60 || n > 1<<60 {
		return cursor.Corrupt(what, at, "a place in a file", fmt.Sprintf("%#x with %#x bytes", off, n))
	}
	if n > 0 {
		r.end = max(r.end, off+n)
	}
	return nil
}

func walk(e *exam.Exam) error {
	p, err := e.Head(64)
	if err != nil {
		return err
	}
	if len(p) < 7 || string(p[:4]) != magic || p[4] < 1 || p[4] > 2 || p[5] < 1 || p[5] > 2 || p[6] != 1 {
		return filetype.ErrNot
	}
	r := &reader{e: e}
	n := 52
	if p[4] == 2 {
		n = 64
	}
	if p, err = e.Need(0, n, "the header"); err != nil {
		return err
	}
	if r.h, err = parseHeader(p); err != nil {
		return err
	}
	e.R.GoodUntil = int64(n)
	r.end = uint64(n)
	if err := r.tables(); err != nil {
		if media.Broken(err) && e.Context().Err() == nil {
			// The tables are lost: what does not look like a program's is not its own.
			e.R.GoodUntil = media.Packed(e, e.R.GoodUntil)
		}
		return err
	}
	e.Want = int64(r.end)
	if err := r.signature(); err != nil {
		return err
	}
	r.describe()
	if e.Listing || e.Context().Err() != nil {
		return e.Context().Err()
	}
	if err := e.ReadTo(e.Want, "sections"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, e.Want)
}

// tables reads the tables of segments and sections.
func (r *reader) tables() error {
	h, e := &r.h, r.e
	if h.phnum > 0 && h.phnum < 0xFFFF {
		size := uint64(h.phnum) * uint64(h.phentsize)
		if err := r.reach("header: program header table", 28, h.phoff, size); err != nil {
			return err
		}
		r.hint(h.phoff + size)
		b, err := e.Gather(int64(h.phoff), int64(size), "the table of segments")
		if err != nil {
			return err
		}
		for i := range int(h.phnum) {
			at := int64(h.phoff) + int64(i*h.segmentSize())
			p := h.segment(b[i*h.segmentSize():(i+1)*h.segmentSize()], at)
			if p.kind == segmentLoad && p.align > 1 && (p.off-p.virtual)%p.align != 0 {
				return cursor.Corrupt("segment", at, "a place that fits its address", fmt.Sprintf("%#x for %#x", p.off, p.virtual))
			}
			if err := r.reach("segment", at, p.off, p.size); err != nil {
				return err
			}
		}
	}
	if h.shoff == 0 {
		return nil
	}
	if err := r.reach("header: section header table", 40, h.shoff, uint64(h.shentsize)); err != nil {
		return err
	}
	r.hint(h.shoff + uint64(h.shentsize))
	first, err := e.Copy(int64(h.shoff), h.sectionSize(), "the table of sections")
	if err != nil {
		return err
	}
	zero := h.section(first, int64(h.shoff))
	if h.shnum == 0 {
		h.shnum = uint32(min(zero.size, 1<<31))
	}
	if h.strings == 0xFFFF {
		h.strings = zero.link
	}
	size := uint64(h.shnum) * uint64(h.shentsize)
	if size > maxTable || zero.kind != 0 {
		return cursor.Corrupt("section header table", int64(h.shoff), "an empty first section", fmt.Sprintf("kind %d, %d sections", zero.kind, h.shnum))
	}
	if err := r.reach("section header table", int64(h.shoff), h.shoff, size); err != nil {
		return err
	}
	r.hint(h.shoff + size)
	b, err := e.Gather(int64(h.shoff), int64(size), "the table of sections")
	if err != nil {
		return err
	}
	for i := range int(h.shnum) {
		at := int64(h.shoff) + int64(i*h.sectionSize())
		p := h.section(b[i*h.sectionSize():(i+1)*h.sectionSize()], at)
		r.sections = append(r.sections, p)
		if p.kind == 0 || p.kind == sectionNoBits {
			continue
		}
		if err := r.reach("section", at, p.off, p.size); err != nil {
			return err
		}
	}
	if h.strings >= h.shnum && h.shnum > 0 || h.shnum > 0 && h.strings > 0 && r.sections[h.strings].kind != sectionStrings {
		return cursor.Corrupt("header: names of sections", 16, "a section of strings", h.strings)
	}
	return nil
}

// hint says how large the file is at least, before all is known.
func (r *reader) hint(end uint64) {
	r.end = max(r.end, end)
	if end < 1<<60 {
		r.e.Want = max(r.e.Want, int64(r.end))
		r.e.R.GoodUntil = min(r.e.Want, r.e.Size())
	}
}

// signed ends a kernel module with a signature.
const signed = "~Module signature appended~\n"

// pkcs7 is what signed data in DER says of itself behind its length.
const pkcs7 = "\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02"

// signature adds the signature of a kernel module, which is a structure of DER with its length, 12 bytes and a text.
func (r *reader) signature() error {
	p, err := r.e.Upto(r.e.Want, 4+len(pkcs7))
	if len(p) < 4+len(pkcs7) || p[0] != 0x30 || p[1] != 0x82 || string(p[4:4+len(pkcs7)]) != pkcs7 {
		if _, unread := block.IsUnreadable(err); unread && r.e.Size() > r.e.Want && len(p) > 0 && p[0] == 0x30 {
			return r.e.Lost(r.e.Want+int64(len(p)), r.e.Want+int64(4+len(pkcs7)), "a signature", err)
		}
		return r.e.Context().Err()
	}
	n := int64(p[2])<<8 + int64(p[3]) + 4
	end := r.e.Want + n + 12 + int64(len(signed))
	tail, err := r.e.Need(r.e.Want+n, 12+len(signed), "the end of the signature")
	if err != nil {
		r.e.Want = end
		return err
	}
	if string(tail[12:]) == signed && int64(binary.BigEndian.Uint32(tail[8:])) == n {
		r.e.Want = end
	}
	return nil
}

// text returns the beginning of a section, as far as it is there.
func (r *reader) text(i uint32) []byte {
	if int64(i) >= int64(len(r.sections)) || r.sections[i].off > 1<<60 {
		return nil
	}
	s := r.sections[i]
	n := int(min(s.size, maxText))
	p, _ := r.e.Upto(int64(s.off), n)
	return append([]byte(nil), p[:min(n, len(p))]...)
}

func stringAt(b []byte, at uint64) string {
	if at >= uint64(len(b)) {
		return ""
	}
	b = b[at:]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return string(b[:i])
	}
	return ""
}

// machines that files are met of, by their numbers.
var machines = map[uint16]string{3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC 64", 22: "S/390", 40: "ARM", 42: "SuperH", 43: "SPARC 64",
	62: "x86-64", 94: "Xtensa", 183: "ARM 64", 243: "RISC-V", 258: "LoongArch", 247: "BPF"}

// describe says what the file is and what it is called.
func (r *reader) describe() {
	rep := &r.e.R
	switch r.h.kind {
	case typeObject:
		rep.Extension = "o"
	case typeCore:
		rep.Extension, rep.Class = "core", filetype.Other
	}
	names := r.text(r.h.strings)
	for i, s := range r.sections {
		name := stringAt(names, uint64(s.name))
		r.e.Member(name, int64(min(s.size, 1<<62)), "section")
		switch {
		case s.kind == sectionDynamic:
			dynamic, strings := r.text(uint32(i)), r.text(s.link)
			f := fields{cursor.New("dynamic", 0, dynamic), &r.h}
			for f.Err() == nil && f.Len() > 0 {
				if tag, v := f.word(), f.word(); tag == 14 {
					if name := stringAt(strings, v); name != "" {
						rep.Extension, rep.Hints.Title = "so", exif.Text(name)
					}
					break
				} else if tag == 0 {
					break
				}
			}
		case name == ".modinfo":
			rep.Extension = "ko"
			for _, line := range bytes.Split(r.text(uint32(i)), []byte{0}) {
				if v, ok := bytes.CutPrefix(line, []byte("name=")); ok {
					rep.Hints.Title = exif.Text(string(v))
				}
			}
		}
	}
	r.e.Fact("Machine", machines[r.h.machine])
	r.e.Fact("Name", rep.Hints.Title)
}
