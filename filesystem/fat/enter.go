package fat

import (
	"fmt"
	"io/fs"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// enter tells of a directory and walks over it.
func (w *walker) enter(d *directory, e *short, it *item, notes []finding.Finding) bool {
	c := &it.content
	sub := &directory{path: it.file.Path, depth: d.depth + 1, state: it.file.State, cluster: e.start}
	if e.size != 0 {
		c.note(entryDirectorySize, finding.Expected(0, e.size))
	}
	var spans []span
	var steps []step
	var walk bool
	switch {
	case it.deleted && w.s.lost.Has(e.start):
		// Only the entry was deleted; what it leads to is whole.
		sub.state = filesystem.Orphan
		ch := w.v.directoryChain(e.start, w.steps)
		c.addChain(&ch, block.Data)
		w.v.judge(c, &ch, 0)
		c.note(deletedCopy, w.v.clusterAt(e.start))
		spans, _ = w.unread(ch.spans)
		walk = len(spans) > 0
	case it.deleted:
		steps, walk = w.deletedDirectory(e, c)
	default:
		spans, walk = w.liveDirectory(e, c)
	}
	if walk && sub.depth > maxDepth {
		c.note(directoryDeep, finding.Expected(maxDepth, nil))
		walk = false
	}
	it.file.Sound = !it.deleted && c.sound && len(notes) == 0 && !w.v.implied
	it.file.Findings = append(notes, c.notes...)
	if !w.emit(it) {
		return false
	}
	if !walk {
		return true
	}
	if len(steps) > 0 {
		w.readSteps(sub, steps)
		return !w.over()
	}
	w.claim(spans)
	w.read(sub, w.v.extents(spans))
	return !w.over()
}

// readSteps goes over the entries of a directory without a chain.
func (w *walker) readSteps(d *directory, steps []step) {
	for _, x := range steps {
		w.directories.Set(x.cluster)
	}
	for _, x := range steps {
		d.guessed = !x.proven
		w.read(d, w.v.extents([]span{{x.cluster, 1}}))
	}
}

func (w *walker) claim(spans []span) {
	for _, s := range spans {
		for c := s.first; c < s.end(); c++ {
			w.directories.Set(c)
		}
	}
}

// unread cuts a chain before the first cluster that was already read as part of a directory.
func (w *walker) unread(spans []span) (out []span, all bool) {
	for _, s := range spans {
		n, first := w.directories.Count(s.first, s.count)
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

// liveDirectory returns the clusters of a live directory, and whether to read them.
func (w *walker) liveDirectory(e *short, c *content) ([]span, bool) {
	v := w.v
	c.sound = true
	if !v.b.valid(e.start) {
		c.sound = false
		c.note(entryCluster, finding.Expected("2 to "+itoa(v.b.clusters+1), e.start))
		return nil, false
	}
	ch := v.directoryChain(e.start, w.steps)
	c.addChain(&ch, block.Data)
	v.judge(c, &ch, 0)
	if !w.surveying {
		v.crossed(c, claim{at: -1}, w.s)
		v.checkPresent(c)
	}
	l := v.lookAtStart(e.start, dotLook)
	if !l.self && !l.unreadable {
		l = v.lookAt(e.start)
		c.sound = false
		found := "no such entry"
		if l.dot {
			found = "one for another"
		}
		c.note(directoryDot, finding.Expected("an entry '.'", found), v.clusterAt(e.start))
		if !l.dot && !l.directory() {
			return nil, false
		}
	}
	spans, all := w.unread(ch.spans)
	if !all {
		c.sound = false
		c.note(directoryLoop, v.clusterAt(e.start))
	}
	return spans, len(spans) > 0
}

// maxGap is how far behind a cluster of a deleted directory the next one is looked for.
const maxGap = 64

// step is a cluster of a directory without a chain. proven says that it does not follow by its looks alone.
type step struct {
	cluster uint32
	proven  bool
}

// deletedDirectory finds the first cluster of a deleted directory, which says so itself, and those that may follow
// it: the one that completes a long name which the cluster before breaks off, or else the next one by its looks.
func (w *walker) deletedDirectory(e *short, c *content) ([]step, bool) {
	v := w.v
	first := w.deletedStart(e)
	if first == 0 {
		c.note(deletedStart, finding.Expected(nil, e.start), v.clusterAt(e.start))
		return nil, false
	}
	switch {
	case w.s.directories.Has(first):
		c.note(deletedMoved, v.clusterAt(first))
		return nil, false
	case w.s.live.Has(first):
		c.note(deletedForeign, finding.Expected(1, 1), v.clusterAt(first))
		return nil, false
	case w.directories.Has(first):
		c.note(directoryLoop, v.clusterAt(first))
		return nil, false
	}
	steps := []step{{first, true}}
	c.add(first, 1, block.Data)
	l := v.lookAt(first)
	for last := first; !l.ended && uint32(len(steps)) < v.directoryClusters(); {
		open := v.openName(last)
		next := w.completion(open, steps)
		proven := next != 0
		if proven {
			l = v.lookAt(next)
			c.add(next, 1, block.Data)
		} else if next, l = w.nextByLooks(last, open); next != 0 {
			c.add(next, 1, block.Guessed)
		} else {
			break
		}
		steps = append(steps, step{next, proven})
		last = next
	}
	return steps, true
}

// nextByLooks finds the cluster behind last that looks like the next one of the same directory: 0 when there is none.
// open is the long name that last breaks off.
func (w *walker) nextByLooks(last uint32, open *longName) (uint32, look) {
	v := w.v
	for n := last + 1; n <= last+maxGap && v.b.valid(n); n++ {
		if w.s.taken(v, n) || w.directories.Has(n) {
			continue
		}
		if l := v.lookAt(n); !l.dot && l.good > 0 && l.odd == 0 && v.completes(open, n) {
			return n, l
		}
	}
	return 0, look{}
}

// deletedStart returns the cluster of a deleted directory: the one that its entry names when that begins
// with an entry for itself, or, since some systems clear the upper half when they delete, another with the
// same lower half that does. 0 when there is none.
func (w *walker) deletedStart(e *short) uint32 {
	v := w.v
	if v.b.valid(e.start) && (w.s.directories.Has(e.start) || v.lookAtStart(e.start, dotLook).self) {
		return e.start
	}
	if v.b.width != 32 || e.highWord != 0 || e.start == 0 {
		return 0
	}
	for c := uint64(e.start) + 1<<16; c < uint64(v.b.clusters)+2; c += 1 << 16 {
		if !w.s.taken(v, uint32(c)) && v.lookAtStart(uint32(c), dotLook).self {
			return uint32(c)
		}
	}
	return 0
}

// lostDirectory tells of a directory that no entry names, and walks over it.
func (w *walker) lostDirectory(first uint32) {
	v := w.v
	ch := v.directoryChain(first, w.steps)
	c := content{}
	c.addChain(&ch, block.Data)
	v.judge(&c, &ch, 0)
	c.note(orphanChain, finding.Expected(nil, ch.count), v.clusterAt(first))
	d := &directory{path: fmt.Sprintf("%s/cluster-%d", lostFolder, first), depth: 1, state: filesystem.Orphan, cluster: first}
	f := &filesystem.File{ID: fmt.Sprintf("c0x%x", first), Path: d.path, State: filesystem.Orphan, Mode: fs.ModeDir | 0o755, Findings: c.notes}
	if !w.emit(&item{file: f, content: c, directory: true}) {
		return
	}
	spans, _ := w.unread(ch.spans)
	w.claim(spans)
	w.read(d, v.extents(spans))
}

// remains tells of a directory that was found by its content, and walks over it.
func (w *walker) remains(first uint32) {
	v := w.v
	c := content{}
	c.note(directoryFound, v.clusterAt(first))
	e := &short{start: first, attr: attrDirectory}
	steps, walk := w.deletedDirectory(e, &c)
	d := &directory{path: fmt.Sprintf("%s/cluster-%d", remainsFolder, first), depth: 1, state: filesystem.Rebuilt, cluster: first}
	f := &filesystem.File{ID: fmt.Sprintf("c0x%x", first), Path: d.path, State: filesystem.Rebuilt, Mode: fs.ModeDir | 0o755, Findings: c.notes}
	if !walk || !w.emit(&item{file: f, content: c, directory: true, deleted: true}) {
		return
	}
	w.readSteps(d, steps)
}

// remainder tells of a further cluster of a directory that was found by its content, and reads it.
func (w *walker) remainder(c uint32) {
	var x content
	x.add(c, 1, block.Guessed)
	x.note(directoryFound, w.v.clusterAt(c))
	d := &directory{path: fmt.Sprintf("%s/cluster-%d", remainsFolder, c), depth: 1, state: filesystem.Rebuilt}
	f := &filesystem.File{ID: fmt.Sprintf("c0x%x", c), Path: d.path, State: filesystem.Rebuilt, Mode: fs.ModeDir | 0o755, Findings: x.notes}
	if !w.emit(&item{file: f, content: x, directory: true, deleted: true}) {
		return
	}
	w.claim([]span{{c, 1}})
	w.read(d, w.v.extents([]span{{c, 1}}))
}

// lostChain tells of a chain that no entry names.
func (w *walker) lostChain(first uint32) {
	v := w.v
	ch := v.t.chainOf(first, 0, v.b.clusters, w.steps)
	c := content{}
	c.addChain(&ch, block.Data)
	if ch.end != endMark {
		v.judge(&c, &ch, 0)
	}
	v.crossed(&c, claim{at: -1}, w.s)
	v.checkPresent(&c)
	c.note(orphanChain, finding.Expected(nil, ch.count), v.clusterAt(first))
	size := int64(ch.count) * v.b.clusterSize()
	f := &filesystem.File{
		ID: fmt.Sprintf("c0x%x", first), Path: fmt.Sprintf("%s/cluster-%d", lostFolder, first),
		State: filesystem.Orphan, Mode: 0o644, Findings: c.notes,
		Streams: []filesystem.Stream{{Size: size, Runs: v.runs(c.pieces, size)}},
	}
	w.emit(&item{file: f, content: c, claim: claim{at: -1}})
}
