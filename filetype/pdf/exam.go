package pdf

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

const (
	// maxSilence is how far the end is looked for behind the last object that was seen, in bytes.
	maxSilence  = 64 << 20
	maxFindings = 16
	markSize    = len("%%EOF")
)

// exam is the examination of one file.
type exam struct {
	ctx context.Context
	src block.Source
	w   *window.Window

	objects   table
	trailer   dict
	encrypted bool
	streams   []*objectStream
	expanded  int64
	z         zlib.Resetter // kept between streams, as is buf
	buf       []byte

	end       int64 // behind the last end mark whose cross-reference is good, 0 for none
	place     int64 // of that cross-reference
	badEnd    int64 // behind an end mark whose cross-reference is not, where no object follows
	badErr    error
	goes      bool  // more of the file follows that mark
	unended   bool  // objects follow the last end mark, and no mark follows them
	lastEnd   int64 // behind the last word endobj
	linear    int64 // length that the file gives itself, 0 for none
	pages     int64
	pagesSaid int64
	hidden    bool // the pages stand in encrypted object streams
	tooMany   bool // more objects than are kept

	spoilt  map[int64]bool // objects that are not whole
	leading int64          // pages from the first on of which all is there
	reached int64          // how far a picture goes that breaks
	sound   int64          // up to where the file is whole, object by object, when it breaks

	broken  int64
	missing block.Set
	found   []finding.Finding
	hints   filetype.Hints
}

func examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	x := &exam{ctx: ctx, src: src, w: window.New(ctx, src, maxObject), broken: -1}
	p, err := x.w.Upto(0, 16)
	if err != nil && !window.Missing(err) {
		return filetype.Report{}, err
	}
	if len(p) < 8 || !bytes.HasPrefix(p, []byte("%PDF-")) || (p[5] != '1' && p[5] != '2') || p[6] != '.' {
		return filetype.Report{}, filetype.ErrNot
	}
	if err := x.linearized(); err != nil {
		return filetype.Report{}, err
	}
	if err := x.findEnd(); err != nil {
		return filetype.Report{}, err
	}
	lock := none
	if x.end > 0 {
		if lock, err = x.judge(); err != nil {
			return filetype.Report{}, err
		}
	}
	if x.unended || x.badEnd > 0 || x.broken >= 0 || !x.missing.Empty() {
		if x.sound, err = x.remains(); err != nil {
			return filetype.Report{}, err
		}
	}
	return x.report(lock), nil
}

// note turns an error into what it says of the file; it returns only those of the context.
func (x *exam) note(err error) error {
	if err == nil {
		return nil
	}
	if cerr := x.ctx.Err(); cerr != nil {
		return cerr
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if u, ok := block.IsUnreadable(err); ok {
		for _, r := range u.Ranges {
			x.missing.Add(r.Extent)
		}
		return nil
	}
	c, ok := cursor.IsCorrupt(err)
	if !ok {
		c = cursor.Corrupt("pdf", x.place, "bytes of the file", err)
	}
	x.contradict(c)
	return nil
}

func (x *exam) contradict(c *cursor.CorruptError) {
	if off := max(c.Offset, 0); x.broken < 0 || off < x.broken {
		x.broken = off
	}
	x.tell(badObject.New(finding.At(c.Offset, 0), finding.Arg("what", c.Structure), finding.Expected(c.Expected, c.Found)))
}

func (x *exam) tell(f finding.Finding) {
	if len(x.found) < maxFindings {
		x.found = append(x.found, f)
	}
}

// linearized reads the length of the file from its first object, where a linearized file gives it.
func (x *exam) linearized() error {
	p, err := x.w.Upto(0, 1024)
	if err != nil && !window.Missing(err) {
		return err
	}
	i := bytes.Index(p[:min(len(p), 1024)], []byte(" obj"))
	if i < 0 {
		return nil
	}
	v, err := (&lexer{b: p[i+4 : min(len(p), 1024)]}).value(0)
	if d, ok := v.(dict); err == nil && ok && d["Linearized"] != nil {
		x.linear, _ = d["L"].(int64)
	}
	return nil
}

// findEnd reads on until the end mark behind which the file does not go on.
func (x *exam) findEnd() error {
	for at := int64(0); ; {
		p, err := x.w.Upto(at, markSize)
		if len(p) < markSize {
			if err == nil {
				err = window.ErrEnd
			}
			u, ok := block.IsUnreadable(err)
			if !ok {
				if !window.Missing(err) {
					return err
				}
				x.unended = x.end == 0 || x.goes
				return nil
			}
			next := at + int64(len(p)) + 1
			for _, r := range u.Ranges {
				x.missing.Add(r.Extent)
				next = max(next, r.End())
			}
			at = next
			continue
		}
		i := bytes.Index(p, []byte("%%EOF"))
		seen := p
		if i >= 0 {
			seen = p[:i]
		}
		if k := bytes.LastIndex(seen, []byte("endobj")); k >= 0 {
			x.lastEnd = at + int64(k+6)
		}
		if i < 0 {
			if at-max(x.lastEnd, x.end) > maxSilence {
				x.unended = true
				return nil
			}
			at += int64(max(len(p)-markSize+1, 1))
			continue
		}
		mark := at + int64(i)
		done, err := x.mark(mark)
		if err != nil || done {
			return err
		}
		at = mark + int64(markSize)
	}
}

// mark looks at the end mark at off, and reports whether the file ends there.
func (x *exam) mark(off int64) (bool, error) {
	from := max(off-64, 0)
	p, err := x.w.Bytes(from, int(off-from))
	if err != nil {
		if window.Missing(err) {
			err = nil
		}
		return false, err
	}
	k := bytes.LastIndex(p, []byte("startxref"))
	if k < 0 {
		return false, nil
	}
	l := &lexer{b: p[k+len("startxref"):]}
	place, ok := l.integer()
	if l.space(); !ok || l.at < len(l.b) || place == 0 {
		return false, nil // of the first part of a linearized file place is 0
	}
	end := off + int64(markSize)
	if p, err := x.w.Upto(end, 2); err == nil || window.Missing(err) {
		switch {
		case bytes.HasPrefix(p, []byte("\r\n")):
			end += 2
		case bytes.HasPrefix(p, []byte("\r")), bytes.HasPrefix(p, []byte("\n")):
			end++
		}
	}
	more, err := x.goesOn(end)
	if err != nil {
		return false, err
	}
	x.streams = nil
	err = x.crossReference(place, off)
	if cerr := x.ctx.Err(); cerr != nil {
		return false, cerr
	}
	if err == nil && (x.end == 0 || place >= x.end) {
		x.end, x.place = end, place
		x.goes, x.badEnd, x.badErr = more, 0, nil
		return !more, nil
	}
	if !more {
		if err == nil {
			err = cursor.Corrupt("pdf: startxref", off, fmt.Sprintf("a place behind %d", x.end), place)
		}
		x.badEnd, x.badErr = end, err
	}
	return !more, nil
}

// goesOn reports whether more of the file follows an end mark that ends at off.
func (x *exam) goesOn(off int64) (bool, error) {
	p, err := x.w.Upto(off, 1024)
	if err != nil && !window.Missing(err) {
		return false, err
	}
	p = p[:min(len(p), 1024)]
	for range 8 {
		n := 0
		for n < len(p) && (p[n] == '\n' || p[n] == '\r' || p[n] == ' ' || p[n] == '\t') {
			n++
		}
		p = p[n:]
		if len(p) == 0 || p[0] != '%' || bytes.HasPrefix(p, []byte("%PDF-")) {
			break
		}
		n = bytes.IndexAny(p, "\r\n")
		if n < 0 {
			return false, nil
		}
		p = p[n:]
	}
	for _, w := range []string{"endstream", "xref", "startxref", "trailer"} {
		if bytes.HasPrefix(p, []byte(w)) {
			return true, nil
		}
	}
	l := &lexer{b: p}
	if len(p) == 0 || p[0] < '0' || p[0] > '9' {
		return false, nil
	}
	_, ok1 := l.integer()
	_, ok2 := l.integer()
	return ok1 && ok2 && l.keyword("obj"), nil
}

// judge compares the objects with the cross-reference, and walks the pages.
func (x *exam) judge() (lock, error) {
	x.streams = nil
	if err := x.crossReference(x.place, x.end); err != nil { // it was good when the end was found
		return none, x.note(err)
	}
	lock := none
	if e, ok := x.trailer["Encrypt"]; ok {
		lock = x.lock(e)
		x.encrypted = true
	}
	if err := x.checkObjects(); err != nil {
		return lock, err
	}
	if err := x.walkPages(); err != nil {
		return lock, err
	}
	if !x.encrypted {
		x.readInfo()
	}
	return lock, x.ctx.Err()
}

// checkObjects looks at each object that the cross-reference names, in the order in which they stand.
func (x *exam) checkObjects() error {
	type where struct {
		off, num int64
		gen      uint16
	}
	var list []where
	for base, piece := range x.objects.pieces {
		for i, e := range piece {
			num := base<<10 | int64(i)
			switch e.kind {
			case plain:
				list = append(list, where{e.off, num, e.gen})
			case packed:
				if x.objects.get(e.off).kind != plain {
					x.contradict(cursor.Corrupt(fmt.Sprintf("pdf: object %d", num), x.place, "an object stream that stands in the file", e.off))
				}
			}
		}
	}
	slices.SortFunc(list, func(a, b where) int {
		if a.off != b.off {
			return int(max(-1, min(1, a.off-b.off)))
		}
		return int(a.num - b.num)
	})
	for i, e := range list {
		if i%64 == 0 {
			if err := x.ctx.Err(); err != nil {
				return err
			}
		}
		if e.off >= x.end {
			x.contradict(cursor.Corrupt(fmt.Sprintf("pdf: object %d", e.num), x.place, fmt.Sprintf("a place before %d", x.end), e.off))
			continue
		}
		o, err := x.object(e.off)
		if err == nil && (o.num != e.num || o.gen != int64(e.gen)) {
			err = cursor.Corrupt(fmt.Sprintf("pdf: object %d", e.num), e.off, fmt.Sprintf("%d %d obj", e.num, e.gen), fmt.Sprintf("%d %d obj", o.num, o.gen))
		}
		if err == nil {
			err = x.checkObject(o)
		}
		if err != nil {
			if x.spoilt == nil {
				x.spoilt = map[int64]bool{}
			}
			x.spoilt[e.num] = true
		}
		if err := x.note(err); err != nil {
			return err
		}
	}
	return nil
}

// checkObject looks at what follows the value of an object, and into its stream.
func (x *exam) checkObject(o *object) error {
	if !o.stream {
		ok, err := x.wordAt(o.end, "endobj")
		if err == nil && !ok {
			err = cursor.Corrupt(fmt.Sprintf("pdf: object %d", o.num), o.end, "endobj", "other bytes")
		}
		return err
	}
	n, err := x.length(o)
	if err != nil {
		return err
	}
	if o.data+n > x.end {
		return cursor.Corrupt(fmt.Sprintf("pdf: stream of object %d", o.num), o.data, fmt.Sprintf("up to %d bytes", x.end-o.data), n)
	}
	ok, err := x.wordAt(o.data+n, "endstream")
	if err != nil {
		return err
	}
	if !ok {
		return cursor.Corrupt(fmt.Sprintf("pdf: stream of object %d", o.num), o.data+n, "endstream", "other bytes")
	}
	filters := x.filters(o.dict)
	if err := x.picture(o, n, filters); err != nil {
		return err
	}
	if len(filters) == 0 || !isFlate(filters[0]) || x.encrypted && o.dict["Type"] != name("XRef") {
		return nil
	}
	err = x.inflate(o, n, &limited{x: x})
	if errors.Is(err, errTooMuch) {
		x.tell(disproportion.New(finding.At(o.off, 0), finding.Arg("object", o.num)))
		return nil
	}
	return err
}
