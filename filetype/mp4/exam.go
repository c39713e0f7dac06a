package mp4

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

const (
	bufferSize  = 256 << 10
	maxBoxes    = 1 << 20
	maxFindings = 16
)

// exam is the examination of one file.
type exam struct {
	ctx context.Context
	src block.Source
	w   *window.Window

	brands  []string
	data    []block.Extent // contents of mdat boxes, in order
	moofs   []box
	moov    *box
	meta    *box
	indexes []box // sidx
	access  []box // mfra
	end     int64 // behind the last box
	cut     bool  // the source ends where the file does not
	short   bool  // the source ends within what could be the header of a box

	tracks     []*track
	chunks     []block.Extent
	samples    int64
	duration   time.Duration
	video      bool
	audio      bool
	fragmented bool
	hints      filetype.Hints
	maker      string
	model      string
	small      []block.Extent // pictures for a thumbnail

	doubt    int64                                     // where the frame before the first broken one begins; 0 for none
	counting func(e block.Extent, samples int64) error // instead of judging them
	broken   int64
	missing  block.Set
	found    []finding.Finding
	scouting *scouting // nil when the file is judged
}

// topLevel are the types of boxes that a file may consist of.
var topLevel = map[string]bool{"ftyp": true, "moov": true, "mdat": true, "free": true, "skip": true, "wide": true,
	"moof": true, "mfra": true, "sidx": true, "ssix": true, "styp": true, "uuid": true, "meta": true, "pnot": true,
	"PICT": true, "udta": true, "emsg": true, "prft": true, "pdin": true, "meco": true, "junk": true, "thum": true,
	"mpvd": true, "ID32": true}

func examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	x := &exam{ctx: ctx, src: src, w: window.New(ctx, src, bufferSize), broken: -1}
	ok, err := x.start()
	if err != nil {
		return filetype.Report{}, err
	}
	if !ok {
		return filetype.Report{}, filetype.ErrNot
	}
	if err := x.walk(); err != nil {
		return filetype.Report{}, err
	}
	if len(x.brands) == 0 && x.moov == nil {
		return filetype.Report{}, filetype.ErrNot
	}
	for _, step := range []func() error{x.index, x.fragments, x.picture, x.named, x.readAll} {
		if err := x.note(step()); err != nil {
			return filetype.Report{}, err
		}
	}
	x.checkOverlaps()
	return x.report(), nil
}

// start decides by the first box whether this can be such a file.
func (x *exam) start() (bool, error) {
	p, err := x.w.Upto(0, 16)
	if err != nil {
		if window.Missing(err) {
			return false, nil
		}
		return false, err
	}
	size := int64(binary.BigEndian.Uint32(p))
	switch kind := string(p[4:8]); kind {
	case "ftyp":
		return size >= 16 && size <= 4096 && size%4 == 0 && printable(p[8:12]), nil
	case "moov", "pnot":
		return size > 8 && topLevel[kind], nil
	case "mdat", "free", "skip", "wide":
		return size != 0 && (size == 1 || size >= 8), nil
	}
	return false, nil
}

func printable(p []byte) bool {
	for _, b := range p {
		if b < ' ' || b > '~' {
			return false
		}
	}
	return true
}

// walk goes through the boxes of the file.
func (x *exam) walk() error {
	off := int64(0)
	for n := 0; n < maxBoxes; n++ {
		x.end = off
		b, err := readBox(x.w, off, math.MaxInt64)
		switch {
		case errors.Is(err, errNoBox):
			return nil
		case err != nil && window.Missing(err):
			if _, ok := block.IsUnreadable(err); ok {
				x.cut = true
				return x.note(err)
			}
			x.short = true
			return nil
		case err != nil:
			return err
		}
		if !topLevel[b.kind] || off > 0 && b.kind == "ftyp" || b.open && b.kind != "mdat" {
			return nil
		}
		if b.open {
			b.end = x.src.Size()
			x.tell(openEnd.New(finding.At(off, 8)))
		}
		if b.end > x.src.Size() {
			if b.kind != "mdat" && b.end-off > 1<<32 {
				return nil // no box but mdat is so large: these are other bytes
			}
			x.cut = true
			x.missing.Add(block.Between(max(off, x.src.Size()), b.end))
		}
		if err := x.enter(b); err != nil {
			return err
		}
		off = b.end
		x.end = off
		if b.end >= x.src.Size() {
			return nil
		}
	}
	return nil
}

// enter takes note of a box of the file.
func (x *exam) enter(b box) error {
	switch b.kind {
	case "ftyp":
		n := int(min(b.end-b.body, 4096))
		p, err := x.w.Bytes(b.body, n)
		if err != nil {
			return x.note(err)
		}
		for i := 0; i+4 <= len(p); i += 4 {
			if i != 4 { // the minor version
				x.brands = append(x.brands, string(p[i:i+4]))
			}
		}
	case "mdat":
		x.data = append(x.data, block.Between(b.body, b.end))
	case "moov":
		if x.moov == nil {
			x.moov = &b
		}
	case "moof":
		x.moofs = append(x.moofs, b)
	case "meta":
		if x.meta == nil {
			x.meta = &b
		}
	case "sidx":
		x.indexes = append(x.indexes, b)
	case "mfra":
		x.access = append(x.access, b)
	case "uuid":
		if b.end-b.body >= 16 {
			return x.note(x.canon(b))
		}
	}
	return nil
}

// note turns an error of a step into what it says of the file; it returns only the errors of the context.
func (x *exam) note(err error) error {
	if err == nil {
		return nil
	}
	if cerr := x.ctx.Err(); cerr != nil {
		return cerr
	}
	if c, ok := cursor.IsCorrupt(err); ok {
		x.contradict(c.Offset, badBox.New(finding.At(c.Offset, 0), finding.Arg("what", c.Structure), finding.Expected(c.Expected, c.Found)))
		return nil
	}
	if u, ok := block.IsUnreadable(err); ok {
		for _, r := range u.Ranges {
			x.missing.Add(r.Extent)
			x.tell(filetype.Unread.New(finding.At(r.Offset, r.Length), finding.Arg("format", "mp4"), finding.Expected(nil, r.Why)))
		}
		return nil
	}
	if errors.Is(err, window.ErrEnd) {
		x.cut = true
		return nil
	}
	return err
}

func (x *exam) contradict(off int64, f finding.Finding) {
	if x.broken < 0 || off < x.broken {
		x.broken = off
	}
	x.tell(f)
}

func (x *exam) tell(f finding.Finding) {
	if len(x.found) < maxFindings && !slices.ContainsFunc(x.found, func(g finding.Finding) bool {
		return g.Code == f.Code && g.Offset == f.Offset
	}) {
		x.found = append(x.found, f)
	}
}

// mayBeCut reports whether what is not there may stand behind the end of the source.
func (x *exam) mayBeCut() bool { return x.cut || x.short || x.end >= x.src.Size() }

// inside reports whether e lies in the content of an mdat, or, when the file is cut, behind its end, which
// is noted.
func (x *exam) inside(e block.Extent) bool {
	i := sort.Search(len(x.data), func(i int) bool { return x.data[i].End() > e.Offset })
	if i < len(x.data) && x.data[i].Contains(e) {
		return true
	}
	if e.Offset >= x.end && x.mayBeCut() {
		x.cut = true
		x.missing.Add(block.Between(max(x.src.Size(), x.end), max(e.End(), x.src.Size()+1)))
		return true
	}
	return false
}

// readAll reads the contents that nothing has looked into, since what cannot be read is missing even when
// it is not understood.
func (x *exam) readAll() error {
	for at := int64(0); at < min(x.end, x.src.Size()); {
		p, err := x.w.Upto(at, 1)
		if len(p) == 0 {
			if u, ok := block.IsUnreadable(err); ok {
				next := at + 1
				for _, r := range u.Ranges {
					x.missing.Add(r.Extent.Intersect(block.Between(at, x.end)))
					next = max(next, r.End())
				}
				if x.missing.Count() == 1 {
					x.tell(filetype.Unread.New(finding.At(at, next-at), finding.Arg("format", "mp4"), finding.Expected(nil, u.Ranges[0].Why)))
				}
				at = next
				continue
			}
			return err
		}
		at += int64(len(p))
	}
	return nil
}

// checkOverlaps compares the chunks of all tracks: two may be the same, but not share a part.
func (x *exam) checkOverlaps() {
	slices.SortFunc(x.chunks, func(a, b block.Extent) int {
		switch {
		case a.Offset != b.Offset:
			return int(max(-1, min(1, a.Offset-b.Offset)))
		default:
			return int(max(-1, min(1, a.Length-b.Length)))
		}
	})
	for i := 1; i < len(x.chunks); i++ {
		a, b := x.chunks[i-1], x.chunks[i]
		if a != b && a.Overlaps(b) {
			x.contradict(b.Offset, overlap.New(finding.At(b.Offset, b.Length), finding.Expected(fmt.Sprintf("nothing before %#x", a.End()), fmt.Sprintf("%#x", b.Offset))))
			return
		}
	}
}
