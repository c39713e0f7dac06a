package tar

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	blockSize = 512
	// recordSize is what archives are filled up to with zeros, in bytes.
	recordSize = 20 * blockSize
	// maxExtra is how much of pax records and long names is looked at, in bytes.
	maxExtra = 64 << 10
	// maxSparse is how many blocks of a map of holes are followed.
	maxSparse = 1 << 16
)

var kind = exam.Kind{Format: "tar archive", Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "tar",
		Loose:      true,
		Class:      filetype.Archive,
		Extensions: []string{"tar", "ova"},
		Signatures: []probe.Probe{{ID: "tar.ustar", Bytes: []byte("ustar"), At: 257, Align: blockSize}},
		Ceiling:    filetype.Consistent, // content has no check
		Carve:      true,
		Examine:    kind.Examine,
		Scout:      scout,
		Preview:    kind.Preview,
	}}
}

// header is one parsed header.
type header struct {
	name  string
	size  int64
	mtime int64
	kind  byte
	more  bool // blocks of a map of holes follow
}

// parseHeader parses a block that stands at off.
func parseHeader(b []byte, off int64) (h header, err error) {
	if string(b[257:262]) != "ustar" {
		return h, cursor.Corrupt("header", off, "ustar", strconv.Quote(string(b[257:262])))
	}
	stored, ok := number(b[148:156])
	if unsigned, signed := sums(b); !ok || stored != unsigned && stored != signed {
		return h, cursor.Corrupt("header", off, "checksum "+strconv.FormatInt(unsigned, 8), strconv.Quote(exif.Text(string(b[148:156]))))
	}
	h.kind = b[156]
	if h.size, ok = number(b[124:136]); !ok || h.size < 0 {
		return h, cursor.Corrupt("header: size", off+124, "a number", strconv.Quote(exif.Text(string(b[124:136]))))
	}
	h.mtime, _ = number(b[136:148])
	h.name = text(b[:100])
	if string(b[257:263]) == "ustar\x00" {
		if p := text(b[345:500]); p != "" {
			h.name = p + "/" + h.name
		}
	} else {
		h.more = h.kind == 'S' && b[482] != 0
	}
	switch h.kind {
	case '1', '2', '3', '4', '5', '6': // links, devices and folders have no content, whatever their size says
		h.size = 0
	}
	return h, nil
}

func text(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}

// number reads an octal or binary number.
func number(b []byte) (int64, bool) {
	if b[0]&0x80 != 0 {
		n := int64(int8(b[0]<<1) >> 1)
		for _, c := range b[1:] {
			if n > 1<<54 || n < -1<<54 {
				return 0, false
			}
			n = n<<8 | int64(c)
		}
		return n, true
	}
	s := strings.Trim(text(b), " ")
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, 8, 62)
	return int64(n), err == nil
}

// sums returns the sum of a header, of bytes without and with a sign.
func sums(b []byte) (unsigned, signed int64) {
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	return unsigned, signed
}

// records returns the path and the size that pax records give, -1 for no size.
func records(b []byte) (path string, size int64) {
	size = -1
	for len(b) > 0 {
		i := bytes.IndexByte(b, ' ')
		if i <= 0 || i > 10 {
			break
		}
		n, err := strconv.Atoi(string(b[:i]))
		if err != nil || n <= i+1 || n > len(b) {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(string(b[i+1:n]), "\n"), "=")
		switch key {
		case "path", "GNU.sparse.name":
			path = value
		case "size":
			if v, err := strconv.ParseInt(value, 10, 62); err == nil && v >= 0 {
				size = v
			}
		}
		b = b[n:]
	}
	return path, size
}

// walk goes through the members of the archive.
func walk(e *exam.Exam) error {
	p, err := e.Head(blockSize)
	if err != nil {
		return err
	}
	if len(p) < 262 || string(p[257:262]) != "ustar" {
		return filetype.ErrNot
	}
	if len(p) >= blockSize {
		if _, err := parseHeader(p[:blockSize], 0); err != nil {
			return filetype.ErrNot
		}
	}
	var members, off, before int64 // before: where the member before begins
	longName, longSize := "", int64(-1)
	for {
		p, err := e.Need(off, blockSize, "a header or the end")
		if err != nil {
			return err
		}
		if allZero(p[:blockSize]) {
			if p, err = e.Need(off, 2*blockSize, "two blocks of zeros"); err != nil {
				return err
			}
			if !allZero(p) {
				return cursor.Corrupt("end", off+blockSize, "a second block of zeros", "other bytes")
			}
			return finish(e, off+2*blockSize)
		}
		h, err := parseHeader(p, off)
		if err != nil {
			// Nothing checks the content of the member before: other bytes may begin in it.
			if members > 0 && before < off-blockSize {
				e.R.GoodUntil = before
				e.Units(members-1, 0, "members")
			}
			return err
		}
		if longName == "" && longSize < 0 {
			before = off
		}
		off += blockSize
		for n := 0; h.more; n++ {
			if n == maxSparse {
				return cursor.Corrupt("map of holes", off, "its end", "none in 65536 blocks")
			}
			if p, err = e.Need(off, blockSize, "the map of holes"); err != nil {
				return err
			}
			h.more = p[504] != 0
			off += blockSize
		}
		meta := h.kind == 'x' || h.kind == 'g' || h.kind == 'L' || h.kind == 'K'
		if longSize >= 0 && !meta {
			h.size = longSize
		}
		padded := (h.size + blockSize - 1) &^ (blockSize - 1)
		if padded < h.size || off+padded < off {
			return cursor.Corrupt("header: size", off-blockSize+124, "a size of a file", h.size)
		}
		if meta {
			var extra []byte
			if p, err := e.Upto(off, 1); err == nil || len(p) > 0 {
				extra = p[:min(int64(len(p)), h.size, maxExtra)]
			}
			switch h.kind {
			case 'x':
				if path, size := records(extra); path != "" || size >= 0 {
					longName, longSize = path, size
				}
			case 'L':
				longName = text(extra)
			}
		} else {
			name := h.name
			if longName != "" {
				name = longName
			}
			longName, longSize = "", -1
			if members == 0 {
				e.R.Hints.Title = exif.Text(strings.TrimSuffix(strings.TrimPrefix(name, "./"), "/"))
				if h.mtime > 0 {
					e.R.Hints.Taken = time.Unix(h.mtime, 0).UTC()
				}
			}
			e.Member(name, h.size, note(h.kind))
		}
		if e.Listing {
			if off+padded > e.Size() || e.P.More > filetype.MaxMembers {
				return nil
			}
		} else if err := e.Each(block.Extent{Offset: off, Length: padded}, "the content of a member", nil); err != nil {
			return err
		}
		off += padded
		e.R.GoodUntil = off
		if !meta {
			members++
			e.Units(members, 0, "members")
		}
	}
}

func note(kind byte) string {
	switch kind {
	case '1', '2':
		return "link"
	case '3', '4', '6':
		return "device"
	case '5':
		return "folder"
	}
	return ""
}

// finish finds the end of an archive whose blocks of zeros end at off: zeros that fill up a record belong to it.
func finish(e *exam.Exam, off int64) error {
	end := (off + recordSize - 1) / recordSize * recordSize
	if n := int(end - off); n > 0 && end <= e.Size() {
		p, err := e.Upto(off, n)
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if err == nil && len(p) >= n && allZero(p[:n]) {
			off = end
		}
	}
	return e.Whole(filetype.Consistent, off)
}

func allZero(p []byte) bool { return p[0] == 0 && string(p[1:]) == string(p[:len(p)-1]) }
