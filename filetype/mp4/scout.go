package mp4

import (
	"context"
	"slices"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/window"
)

const (
	// maxNamed is how many samples are remembered to look for, behind one that is not where the index says.
	maxNamed = 6
	// headRoom is how much of a sample is looked at, in bytes.
	headRoom = 256
	// maxScouted is the most samples whose places are remembered.
	maxScouted = 1 << 20
)

// scouting is what a [Scout] learns of the samples.
type scouting struct {
	bad   int64   // where the first contradiction was met; -1 for none
	seen  []int64 // where samples begin that are made of NAL units and are whole
	named []filetype.Anchor
}

// Scout follows the boxes of a file and its samples by the index, see [filetype.Scout]. It reads from the beginning each
// time: what it reads is the index and the heads of samples. What stands inside of samples is not checked.
func Scout(ctx context.Context, src block.Source, _ filetype.Mark, _ func(filetype.Mark)) (filetype.Reach, error) {
	x := &exam{ctx: ctx, src: src, w: window.New(ctx, src, 16<<10), broken: -1, scouting: &scouting{bad: -1}}
	ok, err := x.start()
	if err != nil {
		return filetype.Reach{}, err
	}
	if !ok {
		return filetype.Reach{}, filetype.ErrNot
	}
	for _, step := range []func() error{x.walk, x.index, x.fragments} {
		if err := x.note(step()); err != nil {
			return filetype.Reach{}, err
		}
	}
	return x.scouted(), ctx.Err()
}

// scouted sums up what a scout saw.
func (x *exam) scouted() filetype.Reach {
	s := x.scouting
	r := filetype.Reach{Dense: true, Blind: x.data, Bad: x.end, Anchored: true}
	if x.moov == nil && len(x.moofs) == 0 || x.end < x.lastData() {
		// The index stands behind the samples, and is not there.
		r.Good = x.firstData()
		r.Anchors = x.boxesAt(x.end)
		return r
	}
	bad := s.bad
	if x.broken >= 0 && (bad < 0 || x.broken < bad) {
		bad = x.broken
	}
	if x.fragmented && bad < 0 && !x.missing.Empty() {
		bad = x.end
	}
	r.Ended = bad < 0 && (x.cut || !x.missing.Empty())
	r.Whole = bad < 0 && !r.Ended
	if bad < 0 {
		return r
	}
	r.Bad = bad
	for _, at := range s.seen {
		if at < bad {
			r.Good = max(r.Good, at)
		}
	}
	slices.SortStableFunc(s.named, func(a, b filetype.Anchor) int { return int(min(max(a.Offset-b.Offset, -1), 1)) })
	r.Anchors = s.named[:min(len(s.named), maxNamed)]
	if x.fragmented && len(s.named) == 0 {
		r.Anchors = x.boxesAt(x.end)
	}
	return r
}

// firstData returns where the content of the first box of samples begins, lastData where that of the last one ends.
func (x *exam) firstData() int64 {
	if len(x.data) == 0 {
		return 0
	}
	return x.data[0].Offset
}

func (x *exam) lastData() int64 {
	if len(x.data) == 0 {
		return 0
	}
	return x.data[len(x.data)-1].End()
}

// boxesAt are the boxes that may follow at off.
func (x *exam) boxesAt(off int64) (anchors []filetype.Anchor) {
	for _, kind := range []string{"moov", "free", "moof", "mfra", "udta", "mdat"} {
		anchors = append(anchors, filetype.Anchor{Offset: off + 4, Bytes: []byte(kind), Fits: func(p []byte) bool {
			return len(p) < 12 || kind == "free" || kind == "mdat" || printable(p[8:12])
		}})
	}
	return anchors
}

// see takes the sample e of a track in the place of a judgement: the first that contradicts ends it, and what comes behind is
// remembered, to be looked for.
func (s *scouting) see(x *exam, t *track, e block.Extent) error {
	switch {
	case e.Length == 0 || e.End() > x.src.Size():
		return nil
	case t.nal == 0 || t.nal == 3:
		return nil // nothing tells such samples from other bytes
	case t.lost:
		if len(s.named) < 64*maxNamed && t.named < maxNamed && e.Length > 64 {
			t.named++
			s.named = append(s.named, filetype.Anchor{Offset: e.Offset, Size: headRoom, Fits: func(p []byte) bool { return begins(p, e.Length, t.nal) }})
		}
		return nil
	}
	before := x.broken
	if err := x.note(x.nalUnits(e, t.nal)); err != nil {
		return err
	}
	if x.broken != before {
		at := x.broken
		x.broken = before
		t.lost = true
		if s.bad < 0 || at < s.bad {
			s.bad = at
		}
		return nil
	}
	if len(s.seen) < maxScouted {
		s.seen = append(s.seen, e.Offset)
	}
	return nil
}

// number reads a number of up to four bytes.
func number(p []byte) (v int64) {
	for _, c := range p {
		v = v<<8 | int64(c)
	}
	return v
}

// begins reports whether p can be the beginning of a sample of size bytes that is made of NAL units: their lengths, of
// width bytes each, lead to its end.
func begins(p []byte, size int64, width int) bool {
	at := int64(0)
	for n := 0; ; n++ {
		if at+int64(width)+1 > int64(len(p)) {
			return false // nothing more is seen
		}
		length := number(p[at : at+int64(width)])
		if length == 0 || p[at+int64(width)]&0x80 != 0 {
			return false
		}
		at += int64(width) + length
		if at >= size {
			return at == size
		}
		if n == 16 || size-at < int64(width)+1 {
			return false
		}
	}
}
