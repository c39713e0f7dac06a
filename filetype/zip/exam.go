package zip

import (
	"bytes"
	"context"
	"fmt"
	"sort"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/internal/window"
	"salvor/finding"
)

const (
	bufferSize = 256 << 10
	// maxMembers and maxHeaders bound what is kept of one archive: members, and bytes of local headers.
	maxMembers = 1 << 20
	maxHeaders = 64 << 20
	// resyncLimit is how far the next header is looked for behind damage, in bytes.
	resyncLimit = 64 << 20
)

// exam is the examination of one archive.
type exam struct {
	ctx context.Context
	w   *window.Window
	memberScratch
	kind kind

	list    []member
	headers []byte // the raw local headers, to be compared with the directory

	size       int64 // where the archive ends, as far as it is known
	complete   bool  // the end record was reached
	broken     int64 // the first contradiction, -1 for none
	missing    block.Set
	lostAt     int64 // the first missing byte, -1 for none
	slackBytes block.Set
	weak       bool // something excludes Proven
	limited    bool // there is more than may be examined
	found      []finding.Finding
	notes      map[*finding.Def]finding.Finding // raised once for the archive
	methods    map[uint16]int                   // members not decoded
}

func examine(ctx context.Context, src block.Source) (filetype.Report, error) {
	x := &exam{ctx: ctx, w: window.New(ctx, src, bufferSize), broken: -1, lostAt: -1,
		notes: map[*finding.Def]finding.Finding{}, methods: map[uint16]int{}}
	p, err := x.w.Upto(0, localSize)
	if err != nil && !window.Missing(err) {
		return filetype.Report{}, err
	}
	if !startsArchive(p) {
		return filetype.Report{}, filetype.ErrNot
	}
	if err := x.run(); err != nil {
		return filetype.Report{}, err
	}
	return x.report(), nil
}

// startsArchive reports whether p, the first bytes of a source, can be the start of an archive.
func startsArchive(p []byte) bool {
	if len(p) < endSize {
		return false
	}
	if uint32At(p, 0) == sigEnd {
		return len(bytes.Trim(p[4:endSize], "\x00")) == 0
	}
	if uint32At(p, 0) != sigLocal || len(p) < localSize {
		return false
	}
	h, length, _ := parseLocal(0, p)
	if length == localSize {
		return false
	}
	h.name = []byte("?") // what follows the fixed part is judged later
	return h.implausible() < 2
}

func (x *exam) run() error {
	directory, err := x.walk()
	if err != nil || directory < 0 {
		return err
	}
	return x.directory(directory)
}

// contradict notes a contradiction at off.
func (x *exam) contradict(off int64, f finding.Finding) {
	if x.broken < 0 || off < x.broken {
		x.broken = off
	}
	x.tell(f)
}

func (x *exam) tell(f finding.Finding) {
	if len(x.found) < maxFindings {
		x.found = append(x.found, f)
	}
}

// weaken notes, once, something that excludes Proven.
func (x *exam) weaken(f finding.Finding) {
	x.weak = true
	for d := range x.notes {
		if d.Code == f.Code {
			return
		}
	}
	for _, d := range Findings {
		if d.Code == f.Code {
			x.notes[d] = f
		}
	}
}

func (x *exam) undecoded(method uint16) {
	x.weak = true
	x.methods[method]++
}

func (x *exam) uncovered(e block.Extent) { x.slackBytes.Add(e) }

// lose notes that reading failed with err somewhere from off; end is where the structure that was read ends,
// when that is known.
func (x *exam) lose(off, end int64, known bool, err error) {
	within := block.Between(off, end)
	gap := x.w.Gap(err, within)
	if u, ok := block.IsUnreadable(err); ok && gap.Empty() {
		for _, r := range u.Ranges {
			gap.Add(r.Extent)
		}
	}
	if known {
		for _, u := range block.UnreadableIn(x.w.Source(), within.Intersect(extent(0, x.w.Size()))) {
			gap.Add(u.Extent.Intersect(within))
		}
	}
	if gap.Empty() { // the structure has no end of its own: what is missing begins where reading stopped
		gap.Add(extent(max(off, end, x.w.Size()), 1))
	}
	at := gap.Extents()[0].Offset
	if x.lostAt < 0 || at < x.lostAt {
		x.lostAt = at
	}
	x.missing = x.missing.Union(gap)
	if known {
		x.size = max(x.size, end)
	}
}

func isHeader(signature uint32) bool {
	switch signature {
	case sigLocal, sigCentral, sigEnd, sigEnd64:
		return true
	}
	return false
}

// walk goes through the members from the start. It returns where the central directory begins, or -1 when
// it did not come so far.
func (x *exam) walk() (int64, error) {
	at := int64(0)
	for {
		p, err := x.w.Upto(at, 4)
		if err != nil {
			if !window.Missing(err) {
				return -1, err
			}
			x.size = max(x.size, at)
			if !x.complete && x.missing.Empty() {
				x.lose(at, at+endSize, false, err)
			}
			return -1, nil
		}
		switch uint32At(p, 0) {
		case sigLocal:
			if len(x.list) >= maxMembers || len(x.headers) > maxHeaders {
				x.limited = true
				x.size = at
				return -1, nil
			}
			next, err := x.local(at)
			if err != nil || next < 0 {
				return -1, err
			}
			at = next
		case sigCentral, sigEnd, sigEnd64:
			return at, nil
		default:
			next, err := x.skipForeign(at)
			if err != nil || next < 0 {
				x.size = max(x.size, at)
				return -1, err
			}
			at = next
		}
	}
}

// local reads the member at off and returns where the walk goes on, -1 for nowhere.
func (x *exam) local(off int64) (int64, error) {
	fixed, err := x.w.Bytes(off, localSize)
	if err != nil {
		return -1, x.cut(off, off+localSize, err)
	}
	_, length, _ := parseLocal(off, fixed)
	raw, err := x.w.Bytes(off, length)
	if err != nil {
		return -1, x.cut(off, off+int64(length), err)
	}
	h, _, perr := parseLocal(off, raw)
	if perr != nil || h.implausible() >= 2 {
		x.contradict(off, headerBroken.New(finding.At(off, int64(length)), finding.Expected("a local header", "one that cannot be")))
		x.size = max(x.size, off)
		return x.resync(off + 4)
	}
	m := member{off: off, data: off + int64(length), head: len(x.headers), headLen: length}
	x.headers = append(x.headers, raw...)
	h, _, _ = parseLocal(off, x.headers[m.head:]) // raw does not outlive the next read
	x.kind.see(h.name)
	goOn, err := x.examineMember(&h, &m)
	if err != nil {
		return -1, err
	}
	x.list = append(x.list, m)
	x.size = max(x.size, m.end)
	switch {
	case goOn && m.state == broken && !x.headerAt(m.end):
		return x.resync(m.data)
	case goOn:
		return m.end, nil
	case m.state == broken:
		return x.resync(m.data)
	case m.state == lost && m.end < x.w.Size():
		return x.resync(m.end + 1)
	}
	return -1, nil
}

// cut notes that a structure could not be read; it passes an error that is no lack of bytes.
func (x *exam) cut(off, end int64, err error) error {
	if !window.Missing(err) {
		return err
	}
	x.lose(off, end, true, err)
	return nil
}

func (x *exam) headerAt(off int64) bool {
	p, err := x.w.Upto(off, 4)
	return err == nil && isHeader(uint32At(p, 0))
}

// resync looks behind damage for the next header.
func (x *exam) resync(off int64) (int64, error) {
	for at := off; at-off < resyncLimit; {
		p, err := x.w.Upto(at, 46)
		if len(p) < 4 {
			if err != nil && !window.Missing(err) {
				return -1, err
			}
			return -1, nil
		}
		for n := 0; n+4 <= len(p); {
			i := bytes.Index(p[n:], []byte("PK"))
			if i < 0 {
				break
			}
			n += i
			if n+4 <= len(p) && isHeader(uint32At(p, n)) {
				if uint32At(p, n) != sigLocal {
					return at + int64(n), nil
				}
				if n+localSize <= len(p) {
					if h, _, _ := parseLocal(0, p[n:n+localSize]); h.implausibleFixed() == 0 {
						return at + int64(n), nil
					}
				}
			}
			n += 2
		}
		if err != nil {
			return -1, x.stopErr(err)
		}
		at += int64(len(p) - localSize)
	}
	return -1, nil
}

func (x *exam) stopErr(err error) error {
	if window.Missing(err) {
		return nil
	}
	return err
}

// skipForeign steps over what lies at off instead of a header: Android's signing block, or bytes that no
// header speaks of.
func (x *exam) skipForeign(off int64) (int64, error) {
	if p, err := x.w.Bytes(off, 8); err == nil {
		if t, ok := signingBlock(off, p); ok {
			n := string(p)
			if q, err := x.w.Bytes(t, 24); err == nil && string(q[8:]) == signingMagic && string(q[:8]) == n {
				x.weaken(signing.New(finding.At(off, t+24-off), finding.Arg("count", t+24-off)))
				return t + 24, nil
			}
		}
	}
	if err := x.ctx.Err(); err != nil {
		return -1, err
	}
	next, err := x.resync(off)
	if err != nil {
		return -1, err
	}
	if next < 0 {
		x.contradict(off, headerBroken.New(finding.At(off, 4), finding.Expected("a header of the archive", "other bytes")))
		return -1, nil
	}
	if x.broken < 0 && x.headerIsCentral(next) {
		// Readers go by the directory and never look between.
		x.weaken(between.New(finding.At(off, next-off), finding.Arg("count", next-off)))
		return next, nil
	}
	if x.broken < 0 {
		x.contradict(off, headerBroken.New(finding.At(off, 4), finding.Expected("a header of the archive", "other bytes")))
	}
	return next, nil
}

func (x *exam) headerIsCentral(off int64) bool {
	p, err := x.w.Upto(off, 4)
	return err == nil && uint32At(p, 0) != sigLocal
}

// find returns the index of the member whose local header stands at off.
func (x *exam) find(off int64) (int, bool) {
	i := sort.Search(len(x.list), func(i int) bool { return x.list[i].off >= off })
	return i, i < len(x.list) && x.list[i].off == off
}

func hex32(v uint32) string { return fmt.Sprintf("%08x", v) }
