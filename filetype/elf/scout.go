package elf

import (
	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// scout looks for the table of sections where the header says. What stands before it has no check.
var scout = kind.Scout(exam.Places{List: places})

func places(e *exam.Exam, yield func(filetype.Anchor) bool) error {
	p, err := e.Head(64)
	if err != nil {
		return err
	}
	if len(p) < 52 || string(p[:4]) != magic {
		return filetype.ErrNot
	}
	h, err := parseHeader(p)
	if err != nil || h.shoff == 0 || h.shoff > 1<<40 || h.shnum < 2 {
		return err
	}
	yield(filetype.Anchor{Offset: int64(h.shoff), Fits: func(p []byte) bool { return h.sectionsFit(p) }})
	return nil
}

// sectionsFit reports whether p can be the beginning of the table of sections: an empty one, and others of known kinds that
// lie in the file.
func (h *header) sectionsFit(p []byte) bool {
	n := h.sectionSize()
	if len(p) < 2*n {
		return false
	}
	const noContent = 8 // a section that takes no room in the file
	for i := 0; i < int(h.shnum) && (i+1)*n <= len(p); i++ {
		s := h.section(p[i*n:(i+1)*n], 0)
		switch {
		case i == 0:
			for _, c := range p[:n] {
				if c != 0 {
					return false
				}
			}
			continue
		case s.kind == 0 || s.kind > 19 && s.kind < 0x60000000, s.off > 1<<40 || s.size > 1<<40, s.link >= h.shnum || s.name > 1<<20,
			s.kind != noContent && s.off < h.shoff && s.off+s.size > h.shoff:
			return false
		}
	}
	return true
}
