package plist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf16"

	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
)

const (
	magic       = "bplist00"
	format      = "property list"
	trailerSize = 32
	// maxObjects is how many objects are followed, and maxSize how large a list may be, in bytes.
	maxObjects = 1 << 20
	maxSize    = 1 << 30
)

var kind = exam.Kind{Format: format, Buffer: 256 << 10, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "plist",
		Class:      filetype.Settings,
		Extensions: []string{"plist", "nib", "strings", "webarchive"},
		Signatures: []probe.Probe{{ID: "plist.binary", Bytes: []byte(magic)}},
		Ceiling:    filetype.Consistent,
		Carve:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

// reader walks the objects with one size of references.
type reader struct {
	e      *exam.Exam
	ref    int64 // size of a reference, in bytes
	places []int64
	most   uint64 // the highest reference
	text   []byte // for a preview
	end    int64
}

func walk(e *exam.Exam) error {
	p, err := e.Head(len(magic))
	if err != nil {
		return err
	}
	if string(p[:min(len(p), len(magic))]) != magic {
		return filetype.ErrNot
	}
	var farthest error
	reached, good := int64(-1), int64(0)
	for _, size := range []int64{1, 2, 4} {
		r := &reader{e: e, ref: size}
		err := r.run()
		if err == nil {
			e.R.GoodUntil = r.end
			e.Fact("Objects", fmt.Sprint(len(r.places)))
			e.Text(r.text)
			return e.Whole(filetype.Consistent, r.end)
		}
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		var gone *exam.Gone
		// Where the source ends, a wrong size may seem to come a little farther than the right one.
		lead := int64(0)
		if errors.As(err, &gone) {
			lead = 64
		}
		if at := r.end + lead; at > reached {
			reached, good, farthest = at, r.end, err
			e.Text(r.text)
		}
	}
	e.R.GoodUntil = max(0, good)
	return farthest
}

// run walks the objects up to the trailer.
func (r *reader) run() error {
	at := int64(len(magic))
	for {
		if len(r.places) > 0 {
			done, err := r.table(at)
			if err != nil || done {
				return err
			}
		}
		if len(r.places) == maxObjects || at > maxSize {
			return cursor.Corrupt("objects", at, fmt.Sprintf("at most %d objects", maxObjects), "more")
		}
		next, err := r.object(at)
		if err != nil {
			return err
		}
		r.places = append(r.places, at)
		at, r.end = next, next
	}
}

func bigEndian(p []byte) (v uint64) {
	for _, c := range p {
		v = v<<8 | uint64(c)
	}
	return v
}

// object reads the object at off and returns where it ends.
func (r *reader) object(off int64) (int64, error) {
	p, err := r.e.Need(off, 1, "an object")
	if err != nil {
		return 0, err
	}
	mark := p[0]
	low := int64(mark & 0x0F)
	at := off + 1
	bad := func() (int64, error) {
		return 0, cursor.Corrupt("object", off, "a kind of object", fmt.Sprintf("%#02x", mark))
	}
	size := int64(0)
	switch mark >> 4 {
	case 0x0:
		if low != 0 && low != 8 && low != 9 && low != 15 {
			return bad()
		}
		return at, nil
	case 0x1, 0x2:
		if low > 4 {
			return bad()
		}
		size = 1 << low
	case 0x3:
		if low != 3 {
			return bad()
		}
		size = 8
	case 0x8:
		size = low + 1
	case 0x4, 0x5, 0x6, 0xA, 0xC, 0xD:
		count := low
		if low == 0x0F {
			if p, err = r.e.Need(at, 1, "a size"); err != nil {
				return 0, err
			}
			n := int64(1) << (p[0] & 0x0F)
			if p[0]>>4 != 1 || n > 8 {
				return 0, cursor.Corrupt("object", at, "a number of its size", fmt.Sprintf("%#02x", p[0]))
			}
			if p, err = r.e.Need(at+1, int(n), "a size"); err != nil {
				return 0, err
			}
			v := bigEndian(p)
			if v > maxSize {
				return 0, cursor.Corrupt("object", at, "a size", v)
			}
			count = int64(v)
			at += 1 + n
		}
		switch mark >> 4 {
		case 0x4, 0x5:
			size = count
		case 0x6:
			size = 2 * count
		default:
			if mark>>4 == 0xD {
				count *= 2
			}
			return r.references(at, count)
		}
		if k := mark >> 4; k != 4 && r.e.Listing && len(r.text) < filetype.MaxPreviewText {
			r.show(at, size, k == 6)
		}
	default:
		return bad()
	}
	for end := at + size; at < end; { // it must be there
		n := min(end-at, 64<<10)
		if p, err = r.e.Need(at, int(n), "an object"); err != nil {
			return 0, err
		}
		if mark>>4 == 0x5 {
			for i, c := range p {
				if c >= 0x80 {
					return 0, cursor.Corrupt("text", at+int64(i), "ASCII", fmt.Sprintf("%#02x", c))
				}
			}
		}
		at += n
	}
	return at, nil
}

// references reads count references at off.
func (r *reader) references(off, count int64) (int64, error) {
	for at, end := off, off+count*r.ref; at < end; {
		n := min(end-at, 32<<10)
		p, err := r.e.Need(at, int(n), "references")
		if err != nil {
			return 0, err
		}
		for i := int64(0); i < n; i += r.ref {
			v := bigEndian(p[i : i+r.ref])
			if v >= maxObjects {
				return 0, cursor.Corrupt("reference", at+i, "the number of an object", v)
			}
			r.most = max(r.most, v)
		}
		at += n
	}
	return off + count*r.ref, nil
}

// show adds a text to the preview.
func (r *reader) show(off, size int64, wide bool) {
	p, err := r.e.Need(off, int(min(size, 512)), "a text")
	if err != nil {
		return
	}
	s := string(p)
	if wide {
		var u []uint16
		for ; len(p) >= 2; p = p[2:] {
			u = append(u, binary.BigEndian.Uint16(p))
		}
		s = string(utf16.Decode(u))
	}
	r.text = append(append(r.text, exif.Text(s)...), '\n')
}

// table reports whether the table of places and the trailer stand at off. Its error is that of reading what they
// would need, when all before fits.
func (r *reader) table(off int64) (bool, error) {
	n := int64(len(r.places))
	if r.most >= uint64(n) {
		return false, nil
	}
	for _, size := range []int64{1, 2, 4} {
		if size < 4 && off >= 1<<(8*size) && r.places[n-1] >= 1<<(8*size) {
			continue
		}
		fits, err := r.tableOf(off, size)
		if err != nil || fits {
			return fits, err
		}
	}
	return false, nil
}

func (r *reader) tableOf(off, size int64) (bool, error) {
	for i, place := range r.places {
		p, err := r.e.Upto(off+int64(i)*size, int(size))
		if int64(len(p)) < size {
			if i < 2 { // too little is there to tell the table from another object
				return false, r.e.Context().Err()
			}
			return false, r.e.Lost(off+int64(i)*size, off+int64(len(r.places))*size+trailerSize, "the table of objects", err)
		}
		if int64(bigEndian(p[:size])) != place {
			return false, nil
		}
	}
	at := off + int64(len(r.places))*size
	p, err := r.e.Need(at, trailerSize, "the trailer")
	if err != nil {
		if len(r.places) < 2 {
			return false, r.e.Context().Err()
		}
		return false, err
	}
	if bigEndian(p[:5]) != 0 || p[6] != byte(size) || p[7] != byte(r.ref) && r.most > 0 || bigEndian(p[8:16]) != uint64(len(r.places)) ||
		bigEndian(p[16:24]) >= uint64(len(r.places)) || bigEndian(p[24:]) != uint64(off) {
		return false, nil
	}
	r.end = at + trailerSize
	return true, nil
}
