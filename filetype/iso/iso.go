package iso

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	format = "disc image"
	sector = 2048
	start  = 16 * sector // of the descriptors
	// maxFolders is how many folders are followed, maxFolder how large one may be, in bytes.
	maxFolders     = 1 << 17
	maxFolder      = 64 << 20
	maxDescriptors = 64
	maxDepth       = 64
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "iso",
		Class:      filetype.Archive,
		Extensions: []string{"iso"},
		Signatures: []probe.Probe{{ID: "iso.descriptor", Bytes: []byte("\x01CD001\x01\x00"), At: start, Align: 512}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// both reads a number of 32 bits in both byte orders.
func both(p []byte, off int64, what string) (int64, error) {
	l, b := binary.LittleEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])
	if l != b {
		return 0, cursor.Corrupt(what, off, "the same number in both byte orders", fmt.Sprintf("%d and %d", l, b))
	}
	return int64(l), nil
}

// volume is one tree of folders.
type volume struct {
	name       string
	size, unit int64 // of the volume in bytes, of a block
	root       folder
	wide       bool // names in UTF-16
	made       time.Time
}

type folder struct {
	at, size int64
	path     string
	depth    int
}

func text(p []byte, wide bool) string {
	if wide {
		var u []uint16
		for ; len(p) >= 2; p = p[2:] {
			u = append(u, binary.BigEndian.Uint16(p))
		}
		return strings.Trim(string(utf16.Decode(u)), " \x00")
	}
	return strings.Trim(exif.Latin(p), " \x00")
}

// descriptor parses a primary or supplementary descriptor, which stands at off.
func descriptor(p []byte, off int64) (v volume, err error) {
	v.wide = p[0] == 2 && (string(p[88:91]) == "%/@" || string(p[88:91]) == "%/C" || string(p[88:91]) == "%/E")
	v.name = text(p[40:72], v.wide)
	blocks, err := both(p[80:], off+80, "descriptor: size of the volume")
	if err != nil {
		return v, err
	}
	v.unit = int64(binary.LittleEndian.Uint16(p[128:]))
	if v.unit != int64(binary.BigEndian.Uint16(p[130:])) || v.unit < 512 || v.unit > 32<<10 || v.unit&(v.unit-1) != 0 {
		return v, cursor.Corrupt("descriptor: size of blocks", off+128, "a power of two", v.unit)
	}
	v.size = blocks * v.unit
	if v.root, err = v.record(p[156:190], off+156); err != nil {
		return v, err
	}
	v.root.path = ""
	if t, err := time.Parse("20060102150405", string(p[813:827])); err == nil {
		v.made = t
	}
	return v, nil
}

// record parses what a record of a folder says of place and size.
func (v *volume) record(p []byte, off int64) (f folder, err error) {
	if f.at, err = both(p[2:], off+2, "record: place"); err != nil {
		return f, err
	}
	if f.size, err = both(p[10:], off+10, "record: size"); err != nil {
		return f, err
	}
	f.at *= v.unit
	if f.at+f.size > v.size {
		return f, cursor.Corrupt("record", off+2, fmt.Sprintf("a place before %d", v.size), f.at+f.size)
	}
	return f, nil
}

func walk(e *exam.Exam) error {
	p, _ := e.Upto(start, 8)
	if len(p) < 8 || string(p[:7]) != "\x01CD001\x01" {
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		return filetype.ErrNot
	}
	var main, names *volume
	for n := int64(0); ; n++ {
		off := start + n*sector
		if n == maxDescriptors {
			return cursor.Corrupt("descriptors", off, "their end", "none in 64")
		}
		p, err := e.Need(off, sector, "a descriptor")
		if err != nil {
			return err
		}
		if string(p[1:6]) != "CD001" {
			return cursor.Corrupt("descriptor", off, "CD001", fmt.Sprintf("%q", p[1:6]))
		}
		if p[0] == 255 {
			e.R.GoodUntil = off + sector
			break
		}
		if p[0] != 1 && p[0] != 2 {
			continue
		}
		v, err := descriptor(p, off)
		if err != nil {
			return err
		}
		switch {
		case p[0] == 1 && main == nil:
			main = &v
			e.Want = v.size
			if v.size < start+sector {
				return cursor.Corrupt("descriptor: size of the volume", off+80, "more than its descriptors", v.size)
			}
		case v.wide && names == nil:
			names = &v
		}
	}
	if main == nil {
		return cursor.Corrupt("descriptors", start, "a primary one", "none")
	}
	e.R.Hints.Title, e.R.Hints.Taken = exif.Text(main.name), main.made
	if names != nil && names.name != "" {
		e.R.Hints.Title = exif.Text(names.name)
	}
	e.Fact("Volume", e.R.Hints.Title)
	for _, v := range []*volume{names, main} {
		if v == nil || v == main && names != nil && e.Listing {
			continue
		}
		if err := folders(e, v, v == names || names == nil); err != nil {
			return err
		}
	}
	if e.Listing {
		return nil
	}
	if err := e.ReadTo(main.size, "files"); err != nil {
		return err
	}
	return e.Whole(filetype.Consistent, main.size)
}

// folders walks the folders of a volume; list says that their files are listed.
func folders(e *exam.Exam, v *volume, list bool) error {
	seen := cursor.NewVisited(maxFolders)
	waiting := []folder{v.root}
	for len(waiting) > 0 {
		f := waiting[0]
		waiting = waiting[1:]
		if !seen.Enter(f.at) {
			return cursor.Corrupt("folders", f.at, "each folder once", f.path)
		}
		if f.size > maxFolder || f.depth > maxDepth {
			return cursor.Corrupt("folder", f.at, fmt.Sprintf("at most %d bytes and %d levels", maxFolder, maxDepth), f.size)
		}
		for off := f.at; off < f.at+f.size; off += sector {
			p, err := e.Copy(off, int(min(sector, f.at+f.size-off)), "a folder")
			if err != nil {
				return err
			}
			for at := 0; at < len(p) && p[at] != 0; {
				n := int(p[at])
				if n < 34 || at+n > len(p) || 33+int(p[at+32]) > n {
					return cursor.Corrupt("record", off+int64(at), "a record inside of its sector", n)
				}
				r := p[at : at+n]
				below, err := v.record(r, off+int64(at))
				if err != nil {
					return err
				}
				at += n
				id := r[33 : 33+int(r[32])]
				if len(id) == 1 && id[0] < 2 { // itself and the one above
					continue
				}
				name := text(id, v.wide)
				if i := strings.LastIndexByte(name, ';'); i >= 0 {
					name = strings.TrimSuffix(name[:i], ".")
				}
				if !v.wide {
					name = longName(r, name)
				}
				below.path = strings.TrimPrefix(f.path+"/"+name, "/")
				note := ""
				if r[25]&2 != 0 {
					if len(waiting) == maxFolders {
						return cursor.Corrupt("folders", off, fmt.Sprintf("at most %d", maxFolders), "more")
					}
					below.depth = f.depth + 1
					waiting = append(waiting, below)
					note = "folder"
				}
				if list {
					e.Member(below.path, below.size, note)
				}
			}
		}
	}
	return nil
}

// longName returns the name of Rock Ridge that stands behind a record's own, or that one.
func longName(r []byte, name string) string {
	at := 33 + int(r[32])
	at += at & 1
	for at+5 <= len(r) {
		n := int(r[at+2])
		if n < 5 || at+n > len(r) {
			break
		}
		if string(r[at:at+2]) == "NM" && r[at+4] == 0 {
			return string(bytes.Clone(r[at+5 : at+n]))
		}
		at += n
	}
	return name
}
