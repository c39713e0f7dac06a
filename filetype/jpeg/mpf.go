package jpeg

import (
	"encoding/binary"
	"errors"
	"slices"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
)

// maxPictures is the most further pictures of one file that are judged.
const maxPictures = 64

// picture is one entry of the index of a multi-picture file.
type picture struct {
	off, size int64 // in the file
	stereo    bool  // one of two views of the same thing
}

// parseIndex reads the MP Index of an MPF segment, whose TIFF header stands at base. What is broken is left
// out: the picture in front of it is none the worse.
func parseIndex(base int64, p []byte) []picture {
	if len(p) < 8 {
		return nil
	}
	var order binary.ByteOrder
	switch string(p[:4]) {
	case "II\x2a\x00":
		order = binary.LittleEndian
	case "MM\x00\x2a":
		order = binary.BigEndian
	default:
		return nil
	}
	at := int64(order.Uint32(p[4:]))
	if at+2 > int64(len(p)) {
		return nil
	}
	const entries = 0xB002
	for n := order.Uint16(p[at:]); n > 0; n-- {
		e := at + 2 + 12*int64(n-1)
		if e+12 > int64(len(p)) || order.Uint16(p[e:]) != entries {
			continue
		}
		size, from := int64(order.Uint32(p[e+4:])), int64(order.Uint32(p[e+8:]))
		if from+size > int64(len(p)) || size%16 != 0 {
			return nil
		}
		var out []picture
		for table := p[from : from+size]; len(table) >= 16 && len(out) < maxPictures; table = table[16:] {
			off := int64(order.Uint32(table[8:]))
			if off == 0 { // the first picture, which the index stands in
				continue
			}
			const disparity = 0x020002
			out = append(out, picture{base + off, int64(order.Uint32(table[4:])), order.Uint32(table)&0xFFFFFF == disparity})
		}
		slices.SortFunc(out, func(a, b picture) int { return int(a.off - b.off) })
		return out
	}
	return nil
}

// others judges the further pictures of the file. Those that are whole JPEGs belong to it; one that the
// source is too short for makes the file partial; one that is something else is noted. Its error is that
// of a context.
func (w *walker) others() error {
	for i, p := range w.index {
		if p.off < w.r.Size {
			continue
		}
		if p.stereo {
			w.r.Extension = "mpo"
		}
		if p.off+p.size > w.src.Size() {
			from := max(p.off, min(w.src.Size(), p.off+p.size))
			w.r.Verdict = filetype.Partial
			w.r.Missing.Add(block.Between(from, p.off+p.size))
			w.r.Findings = append([]finding.Finding{missingPart.New(finding.At(w.src.Size(), 0),
				finding.Expected("further pictures that its index names", nil))}, w.r.Findings...)
			w.r.Size = max(w.r.Size, p.off+p.size)
			return nil
		}
		r, err := examine(w.ctx, block.Section(w.src, block.Between(p.off, p.off+p.size)), false)
		switch {
		case err != nil && !errors.Is(err, filetype.ErrNot):
			return err
		case err == nil && r.Verdict == filetype.Partial && !readable(r, p.size):
			// An unreadable range in it, not its end.
			w.r.Verdict = filetype.Partial
			w.r.Missing = w.r.Missing.Union(r.Missing.Shift(p.off))
			w.r.Findings = append(shift(r.Findings, p.off), w.r.Findings...)
			w.r.Size = p.off + p.size
			return nil
		case err == nil && r.Verdict == filetype.Damaged:
			w.r.Verdict = filetype.Damaged
			w.r.Findings = append(shift(r.Findings, p.off), w.r.Findings...)
			w.r.Size = p.off + p.size
			return nil
		case err != nil || r.Verdict != filetype.Consistent:
			w.notes = append(w.notes, otherPicture.New(finding.At(p.off, p.size), finding.Arg("number", i+2)))
			return nil
		}
		w.r.Size = p.off + r.Size
		w.r.GoodUntil = w.r.Size
	}
	return nil
}

// readable reports whether all that is missing lies behind the end of a picture of that size.
func readable(r filetype.Report, size int64) bool {
	return !r.Missing.Overlaps(block.Extent{Length: size})
}

func shift(list []finding.Finding, by int64) []finding.Finding {
	out := slices.Clone(list)
	for i := range out {
		if out[i].Offset >= 0 {
			out[i].Offset += by
		}
	}
	return out
}
