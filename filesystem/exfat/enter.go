package exfat

import (
	"fmt"
	"io/fs"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// enter tells of a directory and walks over it.
func (w *walker) enter(d *directory, s *set, it *item, notes []finding.Finding) bool {
	v, e := w.v, &s.stream
	c := &it.content
	sub := &directory{path: it.file.Path, depth: d.depth + 1, state: it.file.State}
	if e.length > maxDirectory {
		c.note(directoryLarge, finding.Expected(maxDirectory, e.length))
	}
	limited := *e
	limited.length = min(e.length, maxDirectory)
	if it.live {
		survey := w.s
		if w.surveying {
			survey = nil
		}
		sound := *c
		*c = v.liveContent(&limited, it.who, survey, w.steps)
		c.notes = append(sound.notes, c.notes...)
		if e.length == 0 {
			c.fault(directoryEmpty)
		}
		it.who.fits = c.fits && s.sumFits
	} else {
		gone := v.goneContent(&limited, it.who, s.sumFits, w.s, w.steps)
		c.pieces, c.notes = gone.pieces, append(c.notes, gone.notes...)
	}
	var spans []span
	for _, p := range c.pieces {
		if p.kind == block.Data || p.kind == block.Guessed {
			spans = append(spans, p.span)
		}
	}
	spans, all := w.unread(spans)
	switch {
	case !all:
		c.fault(directoryLoop)
	case sub.depth > maxDepth:
		c.fault(directoryDeep, finding.Expected(maxDepth, nil))
		spans = nil
	}
	it.file.Sound = it.live && c.sound && len(notes) == 0 && v.checked
	it.file.Findings = append(notes, c.notes...)
	if !w.emit(it) {
		return false
	}
	if it.live {
		w.walk(sub, spans)
		return !w.over()
	}
	// What is guessed, or free by now, is read only where it still looks like a directory.
	for i, x := range spans {
		for n := range x.count {
			if l := v.lookAt(x.first + n); l.sets == 0 && (i > 0 || n > 0) {
				spans = append(append([]span(nil), spans[:i]...), span{x.first, n})
				w.walk(sub, spans)
				return !w.over()
			}
			if n > 1<<10 {
				break
			}
		}
	}
	w.walk(sub, spans)
	return !w.over()
}

// lostDirectory tells of a directory that is allocated and that no entry names, and walks over it.
func (w *walker) lostDirectory(first uint32) {
	v := w.v
	c := content{}
	if e := v.t.entry(0, first); e == entryLast || v.b.valid(e) {
		ch := v.t.chainOf(first, 0, max(v.b.needed(maxDirectory), 1), w.steps)
		c.addSpans(ch.spans, block.Data)
		v.judge(&c, &ch, 0)
	} else {
		c.add(first, 1, block.Data)
		for n := uint32(1); n < v.b.room(first) && v.lookAt(first+n).sets > 0 && !w.s.live.Has(first+n); n++ {
			c.add(first+n, 1, block.Guessed)
		}
	}
	c.note(lostAllocated, finding.Expected(nil, len(c.pieces)), v.clusterAt(first))
	w.found(first, fmt.Sprintf("%s/cluster-%d", lostFolder, first), filesystem.Orphan, c)
}

// remains tells of a directory that was found by its content, and walks over it.
func (w *walker) remains(spans []span) {
	first := spans[0].first
	c := content{}
	c.add(first, 1, block.Data)
	c.add(first+1, spans[0].count-1, block.Guessed)
	c.note(directoryFound, w.v.clusterAt(first))
	name := fmt.Sprintf("%s/cluster-%d", remainsFolder, first)
	if w.v.lookAt(first).special >= 2 {
		name = fmt.Sprintf("%s/root-%d", remainsFolder, first)
	}
	w.found(first, name, filesystem.Rebuilt, c)
}

func (w *walker) found(first uint32, path string, state filesystem.State, c content) {
	f := &filesystem.File{ID: fmt.Sprintf("c0x%x", first), Path: path, State: state, Mode: fs.ModeDir | 0o755, Findings: c.notes}
	if !w.emit(&item{file: f, content: c, directory: true}) {
		return
	}
	spans, _ := w.unread(c.spans())
	w.walk(&directory{path: path, depth: 1, state: state}, spans)
}

// lostRun tells of clusters that are allocated and that no entry names.
func (w *walker) lostRun(spans []span) {
	v, first := w.v, spans[0].first
	c := content{}
	kind, n := block.Guessed, uint32(0)
	if e := v.t.entry(0, first); e == entryLast || v.b.valid(e) {
		kind = block.Data
	}
	for _, s := range spans {
		c.add(s.first, s.count, kind)
		n += s.count
	}
	c.note(lostAllocated, finding.Expected(nil, n), v.clusterAt(first))
	size := int64(n) * v.b.clusterSize
	f := &filesystem.File{
		ID: fmt.Sprintf("c0x%x", first), Path: fmt.Sprintf("%s/cluster-%d", lostFolder, first),
		State: filesystem.Orphan, Mode: 0o644, Findings: c.notes,
		Streams: []filesystem.Stream{{Size: size, Runs: v.runs(c.pieces, size, size)}},
	}
	w.emit(&item{file: f, content: c, who: claim{at: -int64(first) - 2, first: first, size: uint64(size)}})
}

// writtenBehind reports whether something other than zeros stands behind the valid bytes of a file.
func (w *walker) writtenBehind(pieces []piece, valid, size int64) bool {
	if w.surveying {
		return false
	}
	src := block.Join(w.v.src, w.v.runs(pieces, size, size), size)
	p := make([]byte, min(size-valid, 64<<10))
	n, _ := src.ReadAt(p, valid)
	for _, x := range p[:n] {
		if x != 0 {
			return true
		}
	}
	return false
}

// unclosed tells once more of a file that its writer never closed, with all that was allocated to it: the size
// in its entry was to be written last.
func (w *walker) unclosed(live *filesystem.File, s *set, it *item) bool {
	v := w.v
	first := s.stream.first
	c := content{}
	if s.stream.length > 0 {
		for _, p := range it.content.pieces {
			c.add(p.first, p.count, p.kind)
		}
	} else {
		ch := v.t.chainOf(first, 0, v.b.clusters, w.steps)
		if ch.fits(0) && !s.stream.noChain() && !v.touches(ch.spans, w.s) {
			c.addSpans(ch.spans, block.Guessed)
		} else {
			n := uint32(0)
			for n < v.b.room(first) && w.steps.Take() {
				at := first + n
				taken, _ := v.bitmap.allocated(at)
				if !taken || w.s.live.Has(at) || n > 0 && w.s.open[at] {
					break
				}
				n++
			}
			c.add(first, n, block.Guessed)
		}
	}
	size := int64(0)
	for i := range c.pieces {
		if c.pieces[i].kind == block.Data {
			c.pieces[i].kind = block.Guessed
		}
		size += int64(c.pieces[i].count) * v.b.clusterSize
	}
	if size == 0 {
		return !w.over()
	}
	if s.stream.length > 0 {
		size = s.size()
	}
	c.note(unclosedContent, finding.Expected(nil, size), v.clusterAt(first))
	f := &filesystem.File{
		ID: live.ID + "-open", Path: live.Path, State: filesystem.Rebuilt, Mode: live.Mode, Times: live.Times,
		Attributes: live.Attributes, Findings: c.notes,
		Streams: []filesystem.Stream{{Size: size, Runs: v.runs(c.pieces, size, size)}},
	}
	return w.emit(&item{file: f, content: c, directory: true, who: it.who})
}
