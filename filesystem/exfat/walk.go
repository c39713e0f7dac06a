package exfat

import (
	"context"
	"fmt"
	"io/fs"
	"iter"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

const (
	// maxDepth is the deepest that directories are walked.
	maxDepth = 256
	// maxDirectory is the largest directory in bytes, by the specification.
	maxDirectory = 256 << 20
)

// Folders for what has no place in the tree.
const (
	lostFolder    = "lost+found-allocated"
	remainsFolder = "lost+found-directories"
)

// Files yields the root directory, and then every entry as it stands, each directory followed by what is in
// it; after those, what is allocated and no directory names, and directories that were found by their content.
func (v *volume) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		s, err := v.survey(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		w := newWalker(v, ctx, s)
		w.visit = func(it *item) bool { return yield(it.file, nil) }
		w.fail = func(err error) bool { return yield(nil, err) }
		w.all()
		if !w.stopped && ctx.Err() != nil {
			yield(nil, ctx.Err())
		}
	}
}

// item is what a walk meets: a file with what the survey wants to know of it.
type item struct {
	file      *filesystem.File
	content   content
	who       claim
	directory bool
	live      bool
}

// walker goes over a volume once.
type walker struct {
	v     *volume
	ctx   context.Context
	s     *survey
	steps *cluster.Budget
	// surveying: only live entries are of interest, and s is not complete yet.
	surveying bool
	visit     func(*item) bool // false ends the walk
	fail      func(error) bool // false ends the walk; nil drops errors
	stopped   bool
	read      cluster.Bitmap // clusters that were read as part of a directory, so that none is read twice
}

func newWalker(v *volume, ctx context.Context, s *survey) *walker {
	return &walker{v: v, ctx: ctx, s: s, steps: newBudget(v.b)}
}

// over reports whether the walk is to end.
func (w *walker) over() bool { return w.stopped || w.ctx.Err() != nil }

func (w *walker) emit(it *item) bool {
	if w.over() {
		return false
	}
	if !w.visit(it) {
		w.stopped = true
	}
	return !w.over()
}

func (w *walker) error(err error) bool {
	if w.over() {
		return false
	}
	if w.fail != nil && !w.fail(err) {
		w.stopped = true
	}
	return !w.over()
}

// all walks over everything that the survey knows.
func (w *walker) all() {
	w.root()
	for _, c := range w.s.lostFolders {
		if w.over() {
			return
		}
		if !w.read.Has(c) { // else a deleted entry still names it
			w.lostDirectory(c)
		}
	}
	for _, spans := range w.s.remains {
		if w.over() {
			return
		}
		if !w.read.Has(spans[0].first) {
			w.remains(spans)
		}
	}
	for _, spans := range w.s.lostRuns {
		if w.over() {
			return
		}
		w.lostRun(spans)
	}
}

// directory is a directory that is being read.
type directory struct {
	path  string
	depth int
	state filesystem.State // of the directory itself
	ended bool             // the end mark was met
	// beyond says that the clusters being read belonged to the directory before it shrank.
	beyond bool
	// entries of a set that is not complete yet, want of them in all, and where the first one stands.
	entries [][]byte
	want    int
	at      int64
}

// root walks over the root directory.
func (w *walker) root() {
	v := w.v
	c := content{sound: true}
	c.addSpans(v.rootSpans, block.Data)
	c.notes = append(c.notes, v.rootNotes...)
	c.sound = len(v.rootNotes) == 0 && v.checked
	if !w.surveying {
		v.checkAllocated(&c)
		v.crossed(&c, claim{at: -1}, w.s)
	}
	f := &filesystem.File{ID: "root", Mode: fs.ModeDir | 0o755, Sound: c.sound, Findings: c.notes}
	if w.emit(&item{file: f, content: c, directory: true, live: true, who: claim{at: -1}}) {
		w.walk(&directory{}, v.rootSpans)
	}
}

// unread cuts spans before the first cluster that was already read as part of a directory.
func (w *walker) unread(spans []span) (out []span, all bool) {
	for _, s := range spans {
		n, first := w.read.Count(s.first, s.count)
		if n == 0 {
			out = append(out, s)
			continue
		}
		if first > s.first {
			out = append(out, span{s.first, first - s.first})
		}
		return out, false
	}
	return out, true
}

// chunk is how much of a directory is read at once, in bytes.
const chunk = 64 << 10

// walk goes over the entries of a directory.
func (w *walker) walk(d *directory, spans []span) {
	for _, s := range spans {
		for i := range s.count {
			w.read.Set(s.first + i)
		}
	}
	var buf []byte
	for _, e := range w.v.b.extents(spans) {
		for at := e.Offset; at < e.End(); {
			n := int(min(e.End()-at, chunk))
			if len(buf) < n {
				buf = make([]byte, n)
			}
			var holes []block.Unreadable
			bad, err := cluster.ReadTelling(w.v.src, buf[:n], at, func(u block.Unreadable) { holes = append(holes, u) })
			if err != nil || w.over() {
				if err != nil {
					w.error(fmt.Errorf("exfat: directory: %w", err))
				}
				return
			}
			for _, u := range holes {
				if !w.error(fmt.Errorf("exfat: directory: %w", &block.UnreadableError{Ranges: []block.Unreadable{u}})) {
					return
				}
			}
			for i := 0; i+entrySize <= n; i += entrySize {
				if !bad.Empty() && bad.Overlaps(block.Extent{Offset: int64(i), Length: entrySize}) {
					if !w.flush(d) {
						return
					}
					continue
				}
				if !w.slot(d, buf[i:i+entrySize], at+int64(i)) {
					return
				}
			}
			at += int64(n)
		}
	}
	if next, ok := w.continuation(d); ok {
		d.beyond = true
		w.walk(d, []span{next})
		return
	}
	w.flush(d)
}

// continuation returns the free clusters in which the last set of a directory goes on: its checksum over both
// parts fits. Directories shrink when files are deleted.
func (w *walker) continuation(d *directory) (span, bool) {
	missing := d.want - len(d.entries)
	if d.want == 0 || missing <= 0 || len(w.s.remains) == 0 {
		return span{}, false
	}
	p := make([]byte, missing*entrySize)
	for _, r := range w.s.remains {
		first := r[0].first
		if w.read.Has(first) || int64(len(p)) > w.v.b.clusterSize || !w.steps.Take() {
			continue
		}
		if n, _ := w.v.src.ReadAt(p, w.v.b.at(first)); n < len(p) || p[0]&secondary == 0 {
			continue
		}
		entries := append([][]byte(nil), d.entries...)
		for i := range missing {
			entries = append(entries, p[i*entrySize:][:entrySize])
		}
		if s, err := parseSet(entries, d.at, w.v.up); err == nil && s.sumFits && s.hashFits {
			return r[0], true
		}
	}
	return span{}, false
}

// slot takes one entry of 32 bytes.
func (w *walker) slot(d *directory, p []byte, off int64) bool {
	kind := p[0] | inUse
	switch {
	case p[0] == typeEnd:
		if !w.flush(d) {
			return false
		}
		d.ended = true
	case kind&secondary == 0:
		if !w.flush(d) {
			return false
		}
		if kind == typeFile && p[1] >= 2 {
			d.begin(p, off, int(p[1])+1)
		}
	case d.want > 0:
		d.entries = append(d.entries, append([]byte(nil), p...))
	case kind == typeStream && p[3] > 0:
		// A newer set has overwritten the beginning of this one.
		d.begin(p, off, 1+(int(p[3])+nameUnits-1)/nameUnits)
	}
	if d.want > 0 && len(d.entries) == d.want {
		return w.flush(d)
	}
	return !w.over()
}

func (d *directory) begin(p []byte, off int64, want int) {
	d.entries, d.want, d.at = append(d.entries[:0], append([]byte(nil), p...)), want, off
}

// flush takes the set that was collected, whole or not.
func (w *walker) flush(d *directory) bool {
	if d.want == 0 {
		return !w.over()
	}
	entries := d.entries
	d.want, d.entries = 0, nil
	s, err := parseSet(entries, d.at, w.v.up)
	live := !s.deleted && !s.headless && d.state == filesystem.Live && !d.ended && !d.beyond
	if err != nil {
		if live {
			return w.error(err)
		}
		return !w.over()
	}
	doubts, what := s.doubts(w.v.b)
	if !s.sumFits && !s.hashFits && (doubts > 0 || !live) || s.headless && !s.hashFits {
		if live {
			return w.error(cursor.Corrupt("exfat: entry set", d.at, "a set whose checksum fits", what))
		}
		return !w.over()
	}
	if w.surveying && !live {
		return !w.over()
	}
	return w.set(d, &s, live, what)
}

// set tells of one file or directory, and walks into it.
func (w *walker) set(d *directory, s *set, live bool, what string) bool {
	v := w.v
	f := &filesystem.File{
		ID: fmt.Sprintf("d0x%x", s.at), Path: join(d.path, filesystem.EscapeName(cluster.Name(s.units))),
		Mode: s.mode(), Times: s.times(), Attributes: s.attributes(), State: d.state,
		Locked: s.file.attr&attrEncrypted != 0 && !s.isDirectory(),
	}
	switch {
	case live:
	case d.beyond && !s.deleted && !s.headless:
		f.State = filesystem.Rebuilt
	case s.deleted || s.headless || d.state == filesystem.Live:
		f.State = filesystem.Deleted
	}
	place := finding.At(s.at, entrySize)
	var notes []finding.Finding
	if what != "" {
		notes = append(notes, entryOdd.New(place, finding.Expected(nil, what)))
	}
	if s.headless {
		notes = append(notes, entryHeadless.New(place))
	} else if !s.sumFits {
		notes = append(notes, entryChecksum.New(place))
	}
	if !s.hashFits {
		notes = append(notes, entryHash.New(place))
	}
	if d.ended && !s.deleted {
		notes = append(notes, entryBehindEnd.New(place))
	}
	it := &item{file: f, live: live, directory: s.isDirectory(), who: claim{
		at: s.at, first: s.stream.first, size: s.stream.length, written: s.written(), fits: s.sumFits,
	}}
	if it.directory {
		return w.enter(d, s, it, notes)
	}
	if live {
		survey := w.s
		if w.surveying {
			survey = nil
		}
		it.content = v.liveContent(&s.stream, it.who, survey, w.steps)
		it.who.fits = it.content.fits && s.sumFits
	} else {
		it.content = v.goneContent(&s.stream, it.who, s.sumFits, w.s, w.steps)
	}
	size := s.size()
	valid := min(int64(min(s.stream.valid, maxVolume)), size)
	if valid < size {
		it.content.note(entryValid, place, finding.Expected(size, valid))
	}
	f.Sound = live && it.content.sound && len(notes) == 0 && v.checked
	f.Streams = []filesystem.Stream{{Size: size, Runs: v.runs(it.content.pieces, size, valid)}}
	w.vendorStreams(f, s, live)
	open := live && v.b.valid(s.stream.first) && (size == 0 || valid < size && w.writtenBehind(it.content.pieces, valid, size))
	if open {
		it.content.note(entryOpen, place)
	}
	f.Findings = append(notes, it.content.notes...)
	if !w.emit(it) {
		return false
	}
	if open {
		if w.surveying {
			w.s.open[s.stream.first] = true
			return true
		}
		return w.unclosed(f, s, it)
	}
	return true
}

// vendorStreams adds the clusters that makers attached to the file.
func (w *walker) vendorStreams(f *filesystem.File, s *set, live bool) {
	v := w.v
	for i, x := range s.vendors {
		if x.stream == nil || x.stream.length == 0 || x.stream.length > maxVolume {
			continue
		}
		who := claim{at: s.at, first: x.stream.first, size: x.stream.length}
		var c content
		if live {
			c = v.liveContent(x.stream, who, nil, w.steps)
			for _, p := range c.pieces {
				for i := range p.count {
					if w.surveying {
						w.s.live.Set(p.first + i)
					}
				}
			}
		} else {
			c = v.goneContent(x.stream, who, s.sumFits, w.s, w.steps)
		}
		n := int64(x.stream.length)
		f.Streams = append(f.Streams, filesystem.Stream{Name: fmt.Sprintf("vendor-%s-%d", x.guid, i), Size: n, Runs: v.runs(c.pieces, n, n)})
	}
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
