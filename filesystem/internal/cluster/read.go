package cluster

import (
	"errors"
	"io"

	"salvor/block"
)

// ReadAround fills p from off, goes on behind what cannot be read, and returns the places in p that were
// not read. Only errors other than unreadable bytes and the end of the source are returned.
func ReadAround(src block.Source, p []byte, off int64) (block.Set, error) {
	return ReadTelling(src, p, off, func(block.Unreadable) {})
}

// ReadTelling is ReadAround and calls tell with each range of the source that it leaves out.
func ReadTelling(src block.Source, p []byte, off int64, tell func(block.Unreadable)) (block.Set, error) {
	var bad block.Set
	for at := int64(0); at < int64(len(p)); {
		n, err := src.ReadAt(p[at:], off+at)
		at += int64(n)
		if at >= int64(len(p)) {
			break
		}
		if err == nil || errors.Is(err, io.EOF) {
			rest := block.Between(at, int64(len(p)))
			bad.Add(rest)
			tell(block.Unreadable{Extent: rest.Shift(off), Why: block.Absent})
			break
		}
		u, ok := block.IsUnreadable(err)
		if !ok {
			return bad, err
		}
		end, why := (off+at)&^511+512, block.Unreadable{Why: block.Bad}
		for _, r := range u.Ranges {
			if r.Has(off + at) {
				end, why = max(end, r.End()), r
			}
		}
		hole := block.Between(at, min(end-off, int64(len(p))))
		clear(p[hole.Offset:hole.End()])
		bad.Add(hole)
		why.Extent = hole.Shift(off)
		tell(why)
		at = hole.End()
	}
	return bad, nil
}
