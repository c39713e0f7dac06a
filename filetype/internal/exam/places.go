package exam

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/filetype"
)

// Places are the structures of a file whose places it names.
type Places struct {
	// List walks through them, each as soon as its place is known, and asks yield for each whether it stands there. It ends
	// when it does not. Its error is as that of a [Kind.Walk].
	List func(e *Exam, yield func(filetype.Anchor) bool) error
	// Checked says of a file whose structures stand at their places whether what stands between them is checked too, by
	// Examine; nil for never.
	Checked func(e *Exam) bool
	// Dense says that what stands between them is compressed.
	Dense bool
}

// placesBuffer is the longest piece that is read to see whether a structure stands at its place, in bytes.
const placesBuffer = 4 << 10

// Scout returns a [filetype.Scout] that looks for the structures at their places, and then asks Examine. It makes no
// marks.
func (k Kind) Scout(places Places) filetype.Scout {
	return func(ctx context.Context, src block.Source, _ filetype.Mark, _ func(filetype.Mark)) (filetype.Reach, error) {
		e := New(ctx, src, max(placesBuffer, k.Buffer))
		r := filetype.Reach{Dense: places.Dense}
		gone := false
		err := places.List(e, func(a filetype.Anchor) bool {
			p, _ := e.Upto(a.Offset, placesBuffer)
			p = p[:min(len(p), placesBuffer)]
			if len(p) >= len(a.Bytes) && string(p[:len(a.Bytes)]) == string(a.Bytes) && (a.Fits == nil || a.Fits(p)) {
				return true
			}
			gone = a.Offset >= src.Size()
			r.Bad, r.Anchors = a.Offset, append(r.Anchors, a)
			return false
		})
		if ctx.Err() != nil || errors.Is(err, filetype.ErrNot) {
			return filetype.Reach{}, errors.Join(ctx.Err(), err)
		}
		if len(r.Anchors) > 0 || err != nil {
			r.Ended, r.Anchored = gone, true
			return r, nil
		}
		report, err := k.Examine(ctx, src)
		if err != nil {
			return filetype.Reach{}, err
		}
		r.Whole = report.Verdict >= filetype.Consistent
		if r.Bad = report.GoodUntil; r.Whole {
			r.Bad = report.Size
		} else {
			for _, f := range report.Findings {
				if f.Offset > r.Bad && f.Offset <= src.Size() {
					r.Bad = f.Offset
				}
			}
			r.Ended = report.Verdict == filetype.Partial && r.Bad >= src.Size()
		}
		if places.Checked == nil || !places.Checked(e) {
			r.Anchored = true
			r.Blind = []block.Extent{{Length: max(report.Size, r.Bad)}}
		}
		return r, nil
	}
}
