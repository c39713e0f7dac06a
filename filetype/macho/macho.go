package macho

import (
	"encoding/binary"
	"fmt"
	"path"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "Mach-O file"
	// maxCommands is the largest table of load commands, in bytes, and maxParts the number of machines of a fat file.
	maxCommands = 1 << 20
	maxParts    = 32
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "macho",
		Class:      filetype.Program,
		Extensions: []string{"macho", "dylib", "o", "bundle", "kext"},
		Signatures: []probe.Probe{
			{ID: "macho.little32", Bytes: []byte("\xCE\xFA\xED\xFE")}, {ID: "macho.little64", Bytes: []byte("\xCF\xFA\xED\xFE")},
			{ID: "macho.big32", Bytes: []byte("\xFE\xED\xFA\xCE")}, {ID: "macho.big64", Bytes: []byte("\xFE\xED\xFA\xCF")},
			{ID: "macho.fat", Bytes: []byte("\xCA\xFE\xBA\xBE\x00\x00\x00\x00"), Mask: []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xE0}, Align: 512},
		},
		Ceiling: filetype.Consistent,
		Carve:   true,
		Examine: kind.Examine,
		Preview: kind.Preview,
	}}
}

// machines that files are met of, by their numbers.
var machines = map[uint32]string{7: "x86", 0x01000007: "x86-64", 12: "ARM", 0x0100000C: "ARM 64", 18: "PowerPC", 0x01000012: "PowerPC 64"}

func walk(e *exam.Exam) error {
	p, err := e.Head(32)
	if err != nil {
		return err
	}
	if len(p) < 28 {
		return filetype.ErrNot
	}
	var end int64
	if binary.BigEndian.Uint32(p) == 0xCAFEBABE {
		end, err = fat(e)
	} else {
		end, err = single(e, 0)
	}
	if err != nil {
		return err
	}
	e.Want = end
	e.R.GoodUntil = min(end, e.Size())
	e.Fact("Name", e.R.Hints.Title)
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(end, "segments"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, end)
}

// fat goes through the parts of a fat file.
func fat(e *exam.Exam) (int64, error) {
	p, err := e.Need(0, 8, "the header")
	if err != nil {
		return 0, err
	}
	n := int64(binary.BigEndian.Uint32(p[4:]))
	if n == 0 || n > maxParts {
		return 0, filetype.ErrNot
	}
	table, err := e.Copy(8, int(20*n), "the table of parts")
	if err != nil {
		return 0, err
	}
	var end int64
	c := cursor.New("table of parts", 8, table)
	for range n {
		place := c.Offset()
		c.Skip(8)
		off, size, align := int64(c.Uint32BE()), int64(c.Uint32BE()), c.Uint32BE()
		if off < 8+20*n || align > 20 || off&(1<<align-1) != 0 || size < 28 || off < end {
			if place == 8 {
				return 0, filetype.ErrNot // a class of Java begins in the same way
			}
			return 0, cursor.Corrupt("table of parts", place, "a part that is aligned, behind the one before", fmt.Sprintf("%d bytes at %d", size, off))
		}
		end = off + size
		e.Want = max(e.Want, end)
		e.R.GoodUntil = min(e.Want, e.Size())
	}
	c.Seek(0)
	for range n {
		c.Skip(8)
		off, size := int64(c.Uint32BE()), int64(c.Uint32BE())
		c.Skip(4)
		last, err := single(e, off)
		if err == filetype.ErrNot {
			return 0, cursor.Corrupt("part", off, "a file of one machine", "another")
		}
		if err != nil {
			return 0, err
		}
		if last > off+size {
			return 0, cursor.Corrupt("part", off, fmt.Sprintf("one that ends before %d", off+size), last)
		}
	}
	return end, nil
}

// The load commands that reach into the file.
const (
	segment32    = 0x1
	symbols      = 0x2
	dynamic      = 0xB
	library      = 0xD
	segment64    = 0x19
	identity     = 0x1B
	dyldInfo     = 0x22
	signatureCmd = 0x1D
)

// single goes through the load commands of the file at base and returns where it ends.
func single(e *exam.Exam, base int64) (int64, error) {
	p, err := e.Need(base, 28, "the header")
	if err != nil {
		return 0, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	magic := order.Uint32(p)
	if magic == 0xCEFAEDFE || magic == 0xCFFAEDFE {
		order = binary.BigEndian
		magic = order.Uint32(p)
	}
	if magic != 0xFEEDFACE && magic != 0xFEEDFACF {
		return 0, filetype.ErrNot
	}
	head := int64(28)
	wide := magic == 0xFEEDFACF
	if wide {
		head = 32
	}
	machine, what, count, size := order.Uint32(p[4:]), order.Uint32(p[12:]), order.Uint32(p[16:]), int64(order.Uint32(p[20:]))
	if what == 0 || what > 16 || count == 0 || int64(count)*8 > size || size > maxCommands || machines[machine] == "" {
		return 0, filetype.ErrNot
	}
	e.Fact("Machine", machines[machine])
	switch what {
	case 1:
		e.R.Extension = "o"
	case 6:
		e.R.Extension = "dylib"
	case 8:
		e.R.Extension = "bundle"
	}
	b, err := e.Gather(base+head, size, "load commands")
	if err != nil {
		return 0, err
	}
	end := head + size
	at := int64(0)
	reach := func(field int64, off, n uint64) error {
		if off > 1<<50 || n > 1<<50 {
			return cursor.Corrupt("load command", base+head+at+field, "a place in the file", off)
		}
		if n > 0 {
			end = max(end, int64(off+n))
		}
		return nil
	}
	for range count {
		if at+8 > size {
			return 0, cursor.Corrupt("load commands", base+head+at, "another command", "their end")
		}
		cmd, n := order.Uint32(b[at:]), int64(order.Uint32(b[at+4:]))
		if n < 8 || at+n > size || n%4 != 0 {
			return 0, cursor.Corrupt("load command", base+head+at+4, "a size of a command", n)
		}
		c := b[at : at+n]
		u32 := func(i int) uint64 {
			if i+4 > len(c) {
				return 0
			}
			return uint64(order.Uint32(c[i:]))
		}
		u64 := func(i int) uint64 {
			if i+8 > len(c) {
				return 0
			}
			return order.Uint64(c[i:])
		}
		switch cmd & 0x7FFFFFFF {
		case segment32:
			err = reach(32, u32(32), u32(36))
			for i := range int(min(u32(48), 1024)) {
				s := 56 + 68*i
				if err == nil {
					err = reach(int64(s)+48, u32(s+48), u32(s+52)*8)
				}
			}
		case segment64:
			err = reach(40, u64(40), u64(48))
			for i := range int(min(u32(64), 1024)) {
				s := 72 + 80*i
				if err == nil {
					err = reach(int64(s)+56, u32(s+56), u32(s+60)*8)
				}
			}
		case symbols:
			entry := uint64(12)
			if wide {
				entry = 16
			}
			if err = reach(8, u32(8), u32(12)*entry); err == nil {
				err = reach(16, u32(16), u32(20))
			}
		case dynamic:
			for i, unit := range []uint64{8, 56, 4, 4, 8, 8} { // contents, modules, references, indirect symbols, relocations
				if at := 32 + 8*i; err == nil {
					err = reach(int64(at), u32(at), u32(at+4)*unit)
				}
			}
		case signatureCmd, 0x1E, 0x26, 0x29, 0x2B, 0x2E, 0x33, 0x34:
			err = reach(8, u32(8), u32(12))
		case dyldInfo:
			for i := 8; i < 48; i += 8 {
				if err == nil {
					err = reach(int64(i), u32(i), u32(i+4))
				}
			}
		case library:
			if i := int(u32(8)); i >= 8 && i < len(c) {
				e.R.Hints.Title = exif.Text(path.Base(exif.Text(string(c[i:]))))
			}
		case identity:
			if len(c) >= 24 {
				e.Fact("UUID", fmt.Sprintf("%x", c[8:24]))
			}
		}
		if err != nil {
			return 0, err
		}
		at += n
	}
	if at != size {
		return 0, cursor.Corrupt("load commands", base+head+at, "their end", fmt.Sprintf("%d more bytes", size-at))
	}
	return base + end, nil
}
