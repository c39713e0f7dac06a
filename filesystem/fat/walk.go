package fat

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// maxDepth is the deepest that directories are walked; a path of Windows has at most 130 levels.
const maxDepth = 256

// lostFolder is where chains without an entry are listed, and remainsFolder where directories are that were
// found by their content.
const (
	lostFolder    = "lost+found-chains"
	remainsFolder = "lost+found-directories"
)

// Files yields the root directory, and then every entry as it stands, each directory followed by what is in
// it; after those, the chains that no directory names.
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
	directory bool
	deleted   bool
	written   time.Time
	claim     claim
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
	stopped   bool             // visit or fail ended the walk
	// directories holds the clusters that were read as part of a directory, so that none is read twice.
	directories cluster.Bitmap
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
	if w.over() || isContext(err) {
		return false
	}
	if w.fail != nil && !w.fail(err) {
		w.stopped = true
	}
	return !w.over()
}

// all walks over everything that a complete survey knows.
func (w *walker) all() {
	w.root()
	for _, c := range w.s.lostDirectories {
		if w.over() {
			return
		}
		if !w.directories.Has(c) { // else a deleted entry still names it
			w.lostDirectory(c)
		}
	}
	for _, c := range w.s.remains {
		if w.over() {
			return
		}
		if !w.directories.Has(c) {
			w.remains(c)
		}
	}
	for _, c := range w.s.parts {
		if w.over() {
			return
		}
		if !w.directories.Has(c) {
			w.remainder(c)
		}
	}
	for _, c := range w.s.lostChains {
		if w.over() {
			return
		}
		w.lostChain(c)
	}
}

// directory is a directory that is being read.
type directory struct {
	path    string
	depth   int
	state   filesystem.State // of the directory itself
	cluster uint32           // its first cluster, 0 for a fixed root
	ended   bool             // the end mark was met
	guessed bool             // the cluster being read was found by its looks
	long    longName
	dead    longName
}

// root walks over the root directory.
func (w *walker) root() {
	v := w.v
	extents, ch := v.rootExtents(w.steps)
	c := content{sound: true}
	d := &directory{}
	if v.b.width == 32 {
		d.cluster = v.b.rootCluster
		c.addChain(&ch, block.Data)
		v.judge(&c, &ch, 0)
		if !w.surveying {
			v.crossed(&c, claim{at: -1}, w.s)
			v.checkPresent(&c)
		}
	}
	f := &filesystem.File{ID: "root", Mode: fs.ModeDir | 0o755, Sound: c.sound && !w.v.implied, Findings: c.notes}
	if !w.emit(&item{file: f, content: c, directory: true}) {
		return
	}
	for _, s := range ch.spans {
		for c := s.first; c < s.end(); c++ {
			w.directories.Set(c)
		}
	}
	w.read(d, extents)
}

// read goes over the entries of a directory.
func (w *walker) read(d *directory, extents []block.Extent) {
	w.v.readSlots(w.ctx, extents, func(p []byte, off int64) bool {
		return w.slot(d, p, off)
	}, func(err error) bool {
		d.long.reset()
		d.dead.reset()
		return w.error(err)
	})
}

// slot takes one entry of 32 bytes.
func (w *walker) slot(d *directory, p []byte, off int64) bool {
	switch {
	case p[0] == markEnd:
		d.ended = true
		d.long.reset()
		d.dead.reset()
		return !w.over()
	case isLongEntry(p):
		l := parsePart(p)
		if p[0] == markDeleted {
			d.dead.addDeleted(l)
			return true
		}
		d.dead.reset()
		d.long.add(l)
		return true
	}
	e, err := parseShort(p, off, w.v.b.width)
	if err != nil {
		return w.error(err)
	}
	defer d.long.reset()
	defer d.dead.reset()
	if w.surveying && e.wasDeleted && e.highWord != 0 && w.v.b.valid(e.start) {
		w.s.highWords = true
	}
	doubts, what := e.doubts(w.v.b)
	switch {
	case doubts > 1:
		return w.error(corruptEntry(off, what))
	case e.isDot() || e.wasDeleted && e.isDeletedDot(d.cluster):
		return true
	case e.isLabel():
		return true
	}
	live := !e.wasDeleted && d.state != filesystem.Deleted && d.state != filesystem.Rebuilt
	if live && d.ended {
		live = w.proven(&e)
	}
	if w.surveying && !live {
		return !w.over()
	}
	return w.entry(d, &e, off, live, doubts > 0)
}

// isDeletedDot reports whether a deleted entry was the one for its directory or its parent: cluster is the
// directory's first.
func (e *short) isDeletedDot(cluster uint32) bool {
	rest := string(e.name[2:]) == "         "
	return e.isDirectory() && rest && (e.name[1] == ' ' && e.start == cluster || e.name[1] == '.')
}

// proven reports whether an entry behind the end mark of its directory is live for all that: the FAT holds a
// chain that fits it.
func (w *walker) proven(e *short) bool {
	if !w.v.b.valid(e.start) {
		return false
	}
	if e.isDirectory() {
		return w.v.lookAtStart(e.start, dotLook).self && w.v.t.entry(0, e.start) != entryFree
	}
	ch := w.v.t.chainOf(e.start, w.v.b.needed(int64(e.size)), 0, w.steps)
	return e.size > 0 && ch.fits(w.v.b.needed(int64(e.size)))
}

// name finds the name of an entry.
func (w *walker) name(d *directory, e *short, off int64) (string, []finding.Finding) {
	place := finding.At(off, entrySize)
	if !e.wasDeleted {
		long, broken := d.long.of(e.name)
		if w.surveying {
			w.s.pages.add(e.name, long)
		}
		if long != "" {
			return long, nil
		}
		if broken != "" {
			return e.shortName(0, w.s.page), []finding.Finding{entryLongName.New(place, finding.Expected(nil, broken))}
		}
		return e.shortName(0, w.s.page), nil
	}
	if long, _ := d.dead.ofDeleted(e.name); long != "" {
		return long, nil
	}
	// Some systems delete the short entry only.
	if n := &d.long; len(n.parts) > 0 && n.broken == "" {
		whole := e.name
		whole[0] = firstByte(e.name, n.parts[0].checksum)
		if long, _ := n.of(whole); long != "" && firstFrom(whole[0], long) {
			return long, nil
		}
	}
	return e.shortName('_', w.s.page), []finding.Finding{entryLetter.New(place)}
}

// entry tells of one file or directory, and walks into it.
func (w *walker) entry(d *directory, e *short, off int64, live, doubtful bool) bool {
	name, notes := w.name(d, e, off)
	f := &filesystem.File{
		ID:         fmt.Sprintf("d0x%x", off),
		Path:       join(d.path, filesystem.EscapeName(name)),
		Mode:       e.mode(),
		Times:      e.times(),
		Attributes: e.attributes(),
		State:      filesystem.Deleted,
	}
	if live || !e.wasDeleted && d.state == filesystem.Rebuilt {
		f.State = d.state
	}
	place := finding.At(off, entrySize)
	if doubtful {
		notes = append(notes, e.notes(w.v.b, place)...)
	}
	if d.ended && live {
		notes = append(notes, entryBehindEnd.New(place))
	}
	if d.guessed {
		notes = append(notes, deletedDirectory.New(place))
	}
	it := &item{file: f, directory: e.isDirectory(), deleted: !live, written: e.written(), claim: claimOf(e, off)}
	if it.directory {
		return w.enter(d, e, it, notes)
	}
	s := w.s
	if live {
		if w.surveying {
			s = nil
		}
		it.content = w.v.liveContent(e, it.claim, s, w.steps)
	} else {
		it.content = w.v.deletedContent(e, s, w.steps)
	}
	f.Sound = live && it.content.sound && !doubtful && !d.ended && !w.v.implied
	f.Streams = []filesystem.Stream{{Size: int64(e.size), Runs: w.v.runs(it.content.pieces, int64(e.size))}}
	f.Findings = append(notes, it.content.notes...)
	return w.emit(it)
}

// notes says which single thing in the entry is odd.
func (e *short) notes(b *boot, place finding.Option) []finding.Finding {
	var out []finding.Finding
	if i := e.badNameByte(); i >= 0 {
		out = append(out, entryName.New(place, finding.Expected(nil, fmt.Sprintf("0x%02x at %d", e.name[i], i))))
	}
	if e.attr&0xC0 != 0 || e.attr&(attrVolume|attrDirectory) == attrVolume|attrDirectory {
		out = append(out, entryAttr.New(place, finding.Expected(nil, fmt.Sprintf("0x%02x", e.attr))))
	}
	if size := int64(b.clusters) * b.clusterSize(); int64(e.size) > size {
		out = append(out, entryTooLarge.New(place, finding.Expected(size, e.size)))
	}
	return out
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
