package tiff

import (
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// scout looks for the first directory where the head says; pieces of compressed pixels are unpacked.
var scout = kind.Scout(exam.Places{List: places, Checked: packed})

func places(e *exam.Exam, yield func(filetype.Anchor) bool) error {
	p, err := e.Head(16)
	if err != nil {
		return err
	}
	w := &walker{Exam: e, seen: cursor.NewVisited(1)}
	if !w.parseStart(p) {
		return filetype.ErrNot
	}
	yield(filetype.Anchor{Offset: w.first, Fits: w.directoryFits})
	return nil
}

// directoryFits reports whether p can be the beginning of a directory: tags in order, of types that there are.
func (w *walker) directoryFits(p []byte) bool {
	if w.big || len(p) < 2 {
		return w.big
	}
	n := int(w.order.Uint16(p))
	if n == 0 || n > 512 {
		return false
	}
	last := -1
	for i := 0; i < n && 2+12*(i+1) <= len(p); i++ {
		q := p[2+12*i:]
		tag, kind := int(w.order.Uint16(q)), w.order.Uint16(q[2:])
		if tag < last || int(kind) >= len(sizes) || sizes[kind] == 0 {
			return false
		}
		last = tag
	}
	return true
}

// packed reports whether the pixels of the first directory are compressed by a method that breaks off in other bytes.
func packed(e *exam.Exam) bool {
	p, err := e.Head(16)
	w := &walker{Exam: e, seen: cursor.NewVisited(1)}
	if err != nil || !w.parseStart(p) || w.big {
		return false
	}
	if p, err = e.Need(w.first, 2, "directory"); err != nil {
		return false
	}
	n := int(w.order.Uint16(p))
	if p, err = e.Need(w.first+2, 12*min(n, maxEntries), "directory"); err != nil {
		return false
	}
	for ; len(p) >= 12; p = p[12:] {
		if w.order.Uint16(p) == tagCompression {
			method := w.order.Uint16(p[8:])
			return method == 5 || method == 8 || method == 32946
		}
	}
	return false
}
