package ext

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// parents notes whose paths the walk must remember.
func (p *past) parents() map[uint32]string {
	out := map[uint32]string{}
	for _, l := range p.lost {
		if l.state == filesystem.Old {
			out[l.number] = ""
		}
		for _, n := range l.names {
			if p.dirAt(n.dir, n.seen) == nil {
				out[n.dir] = ""
			}
		}
	}
	delete(out, rootInode)
	return out
}

// remember keeps the path of a file in use that something lost needs.
func (w *walker) remember(number uint32, path string) {
	if w.p == nil {
		return
	}
	if known, asked := w.paths[number]; asked && known == "" {
		w.paths[number] = path
	}
}

// slackName takes a name out of what is left of an entry, when the journal knows the file that it led to.
func (w *walker) slackName(dir uint32, e entry) bool {
	if w.p == nil {
		return false
	}
	taken := false
	for _, l := range w.p.byNumber[e.inode] {
		if l.state != filesystem.Deleted || int(e.kind) >= len(entryTypes) || e.kind != 0 && entryTypes[e.kind] != l.kind {
			continue
		}
		taken = true
		if !slices.ContainsFunc(l.names, func(n name) bool { return n.text == e.name && n.dir == dir }) && len(l.names) < maxNamesOfOne {
			l.names = append(l.names, name{dir, e.name, l.last, true})
			if _, asked := w.paths[dir]; !asked && dir != rootInode {
				w.paths[dir] = ""
			}
		}
	}
	return taken
}

// past yields what the journal knows and the volume does not any more, directories before what is in them.
func (w *walker) past() {
	if w.p == nil {
		return
	}
	list := slices.Clone(w.p.lost)
	for _, l := range list {
		w.place(l, 0)
	}
	slices.SortStableFunc(list, func(a, b *lost) int {
		if x, y := a.kind == typeDir, b.kind == typeDir; x != y {
			if x {
				return -1
			}
			return 1
		}
		if a.kind != typeDir {
			return 0
		}
		return cmp.Compare(strings.Count(a.path, "/"), strings.Count(b.path, "/"))
	})
	for _, l := range list {
		if w.over() {
			return
		}
		w.lostFile(l)
	}
}

// place makes the path of a lost file.
func (w *walker) place(l *lost, depth int) string {
	if depth > maxDepth {
		return ""
	}
	if l.placed || l.placing {
		if l.placing {
			return "" // its own parent, by what is left of two directories
		}
		return l.path
	}
	l.placing = true
	if l.state == filesystem.Old && w.paths[l.number] != "" {
		l.path = w.paths[l.number]
	}
	for _, n := range l.names {
		if l.path != "" {
			break
		}
		if dir, ok := w.parent(n, depth+1); ok && len(strings.Split(dir, "/")) < maxDepth {
			l.path = join(dir, n.text)
		}
	}
	if l.path == "" {
		l.path = fmt.Sprintf("%s/i%d", deletedFolder, l.number)
		if len(l.names) > 0 {
			l.path += "/" + filesystem.EscapeName(l.names[0].text)
		}
	}
	l.placing, l.placed = false, true
	return l.path
}

// parent returns the path of the directory that held a name.
func (w *walker) parent(n name, depth int) (string, bool) {
	if n.dir == rootInode {
		return "", true
	}
	if d := w.p.dirAt(n.dir, n.seen); d != nil {
		path := w.place(d, depth)
		return path, path != ""
	}
	path := w.paths[n.dir]
	return path, path != ""
}

// lostFile yields one lost file.
func (w *walker) lostFile(l *lost) {
	if l.state == filesystem.Orphan {
		return
	}
	id := w.p.id(l)
	if l.at == 0 {
		w.emit(&filesystem.File{ID: id, Path: l.path, State: l.state, Mode: fs.ModeDir, Findings: []finding.Finding{inodeGone.New()}})
		return
	}
	in, err := w.p.inode(&l.version)
	if err != nil {
		w.fail(err)
		return
	}
	f := w.v.file(in, l.state, w.s, w.use)
	f.ID, f.Path, f.Sound = id, l.path, false
	at := finding.At(in.offset, w.v.sb.inodeSize)
	if l.last == before {
		f.Findings = append(f.Findings, fromBefore.New(at))
	} else {
		f.Findings = append(f.Findings, fromJournal.New(at, finding.Arg("transaction", w.p.sequence(l.last))))
	}
	if l.state == filesystem.Deleted && f.Times.Deleted.IsZero() {
		if now, err := w.v.inode(l.number); err == nil && now.generation == l.generation && now.links == 0 {
			f.Times.Deleted = now.deletedTime(w.v.sb)
		}
	}
	if l.state == filesystem.Deleted && f.Times.Deleted.IsZero() {
		// The commit in which it was gone is not much later than its deletion.
		if seconds := w.p.seconds(l.death); seconds > 0 {
			f.Times.Deleted = time.Unix(seconds, 0).UTC()
		}
	}
	if len(l.names) > 0 && l.names[0].weak {
		f.Findings = append(f.Findings, nameWeak.New(at))
	}
	if len(f.Streams) > 0 && !in.inline() {
		s := &f.Streams[0]
		var foreign, unclear int64
		s.Runs, foreign, unclear = w.pieces(l, s.Runs, s.Size)
		if foreign > 0 {
			f.Findings = append(f.Findings, blocksReused.New(at, finding.Expected(nil, foreign)))
		}
		if unclear > 0 {
			f.Findings = append(f.Findings, ownerUnclear.New(at, finding.Expected(nil, unclear)))
		}
		if slices.ContainsFunc(f.Findings, func(n finding.Finding) bool { return n.Code == blocksMiscounted.Code }) {
			for i, r := range s.Runs {
				if r.Kind == block.Zero {
					s.Runs[i].Kind = block.Lost
				}
			}
			s.Runs = block.Normalize(s.Runs, s.Size)
		}
	}
	w.emit(f)
}

// orphanPath returns the path that an open file without a name had, when its directory is there.
func (w *walker) orphanPath(number uint32) string {
	if w.p == nil {
		return ""
	}
	for _, l := range w.p.byNumber[number] {
		if l.state != filesystem.Orphan {
			continue
		}
		for _, n := range l.names {
			if w.p.dirAt(n.dir, n.seen) != nil {
				continue
			}
			if dir, ok := w.parent(n, 0); ok {
				return join(dir, n.text)
			}
		}
	}
	return ""
}
