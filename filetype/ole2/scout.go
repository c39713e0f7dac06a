package ole2

import (
	"cmp"
	"encoding/binary"
	"slices"

	"salvor/filetype"
	"salvor/filetype/internal/exam"
)

// scout looks for the sectors of the FAT and the directory, whose places the header names, and follows the chains that
// they hold. What stands in other sectors has no check.
var scout = kind.Scout(exam.Places{List: places})

func places(e *exam.Exam, yield func(filetype.Anchor) bool) error {
	p, err := e.Head(512)
	if err != nil {
		return err
	}
	if len(p) < 512 || string(p[:8]) != magic {
		return filetype.ErrNot
	}
	h, err := parseHeader(p)
	if err != nil {
		return err
	}
	f := &file{shift: uint(h.shift)}
	per := uint32(f.size() / 4)
	var list []filetype.Anchor
	for i, n := range h.places {
		if i >= int(h.fats) || n >= maxSectors {
			break
		}
		list = append(list, filetype.Anchor{Offset: f.at(n), Fits: func(p []byte) bool { return fatFits(p, n, uint32(i)*per, per) }})
	}
	if h.dir < maxSectors {
		list = append(list, filetype.Anchor{Offset: f.at(h.dir), Bytes: []byte("R\x00o\x00o\x00t\x00 \x00E\x00n\x00t\x00r\x00y\x00")})
	}
	slices.SortStableFunc(list, func(a, b filetype.Anchor) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, a := range list {
		if !yield(a) {
			break
		}
	}
	return nil
}

// fatFits reports whether p can be sector n of the file, which is the part of the FAT whose first entry is that of sector
// first: its own entry says so, and all lead on or end.
func fatFits(p []byte, n, first, per uint32) bool {
	if len(p) < int(per)*4 {
		return false
	}
	for i := range per {
		v := binary.LittleEndian.Uint32(p[4*i:])
		if first+i == n && v != fatSector || v >= maxSectors && v < lastSector {
			return false
		}
	}
	return true
}
