package ntfs

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

const maxDepth = 1024 // of folders

// Files yields the root folder, then the folders in use, each behind the one that it is in, then the files in
// use in the order of their records, then what folders name whose record is broken; after those deleted
// folders and files, names without a record, older states from the volume's log, and what an older volume left.
// The volume's own files are left out.
func (v *volume) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		w := &walker{ctx: ctx, v: v, yield: yield, paths: map[reference]place{}, times: map[reference]int{}, done: map[reference]bool{}}
		w.root()
		if w.over() {
			w.end()
			return
		}
		s, err := v.survey(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		w.s = s
		w.folders(true)
		w.records(true)
		w.lost()
		w.folders(false)
		w.records(false)
		w.leads()
		w.unlinked()
		w.older()
		w.former()
		w.end()
	}
}

// walker goes over a volume once.
type walker struct {
	ctx     context.Context
	v       *volume
	s       *survey
	yield   func(*filesystem.File, error) bool
	stopped bool
	paths   map[reference]place
	times   map[reference]int // how often an identity was given
	done    map[reference]bool
	given   map[string]bool // paths of deleted files, where names without a reference follow
}

// place is where a folder stands in the tree.
type place struct {
	path   string
	own    bool         // it is one of the volume's own
	astray *finding.Def // why the path does not begin at the root
}

func (w *walker) over() bool { return w.stopped || w.ctx.Err() != nil }

func (w *walker) end() {
	if !w.stopped && w.ctx.Err() != nil {
		w.yield(nil, w.ctx.Err())
	}
}

func (w *walker) emit(f *filesystem.File) {
	if !w.over() && !w.yield(f, nil) {
		w.stopped = true
	}
}

func (w *walker) fail(err error) {
	if !w.over() && !w.yield(nil, err) {
		w.stopped = true
	}
}

// id returns the identity of the next path of a file.
func (w *walker) id(at reference) string {
	w.times[at]++
	if n := w.times[at]; n > 1 {
		return fmt.Sprintf("%v-%d", at, n)
	}
	return at.String()
}

// root yields the root folder, before anything else is read.
func (w *walker) root() {
	r, err := w.v.table.record(recordRoot)
	if err == nil && (!r.inUse() || !r.directory()) {
		err = cursor.Corrupt(r.String(), r.offset(0), "the root folder", fmt.Sprintf("flags 0x%x", r.flags))
	}
	if err != nil {
		w.fail(fmt.Errorf("ntfs: root folder: %w", err))
		return
	}
	f := w.v.file(w.v.gather(&r))
	f.ID = w.id(r.reference())
	w.emit(f)
}

// of returns the place of the folder at.
func (w *walker) of(at reference) place {
	var chain []reference
	here := place{}
	for ; ; at = w.s.folders[at].parent {
		if at == w.s.root {
			break
		}
		if at.number() == recordExtend {
			here.own = true
			break
		}
		if p, ok := w.paths[at]; ok {
			here = p
			break
		}
		if slices.Contains(chain, at) || len(chain) >= maxDepth {
			here = place{path: "lost+found-loop/" + at.String(), astray: parentGone}
			break
		}
		if _, ok := w.s.folders[at]; !ok {
			here = w.astray(at)
			break
		}
		chain = append(chain, at)
	}
	if len(w.paths) > 1<<16 {
		clear(w.paths)
	}
	for _, at := range slices.Backward(chain) {
		here.path = join(here.path, w.s.folders[at].name)
		w.paths[at] = here
	}
	return here
}

// astray returns a place for what was in a folder that is not known any more.
func (w *walker) astray(at reference) place {
	if w.s.get(at.number()).state&knownInUse != 0 {
		return place{path: "lost+found-reused/" + at.String(), astray: parentReused}
	}
	return place{path: "lost+found-unknown/" + at.String(), astray: parentGone}
}

// join puts a name behind the path of its folder.
func join(dir, name string) string {
	if dir == "" {
		return filesystem.EscapeName(name)
	}
	return dir + "/" + filesystem.EscapeName(name)
}

// folders yields all folders that are in use, or all that are not, each before what is in it.
func (w *walker) folders(live bool) {
	gather := func(keep func(at reference, f folder) bool) []reference {
		var out []reference
		for at, f := range w.s.folders {
			if f.live() == live && keep(at, f) {
				out = append(out, at)
			}
		}
		slices.SortFunc(out, func(a, b reference) int { return cmp.Or(cmp.Compare(a.number(), b.number()), cmp.Compare(a, b)) })
		return out
	}
	w.below(gather(func(_ reference, f folder) bool {
		p, ok := w.s.folders[f.parent]
		return f.parent == w.s.root || !ok || p.live() != live
	}), live)
	w.below(gather(func(at reference, _ folder) bool { return !w.done[at] }), live) // what is left is in loops
}

func (w *walker) below(tops []reference, live bool) {
	for _, top := range tops {
		stack := []reference{top}
		for len(stack) > 0 && !w.over() {
			at := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if w.done[at] {
				continue
			}
			w.done[at] = true
			w.folder(at)
			for _, child := range slices.Backward(w.s.children[at]) {
				if w.s.folders[child].live() == live {
					stack = append(stack, child)
				}
			}
		}
	}
}

// folder yields one folder.
func (w *walker) folder(at reference) {
	if w.of(at).own || at.number() < firstFree {
		return
	}
	switch w.s.folders[at].state {
	case folderGone:
		w.nameOf(at)
		return
	case folderLost:
		w.lostFolder(at)
		return
	}
	r, err := w.v.table.record(at.number())
	if err != nil {
		w.fail(err)
		return
	}
	w.object(w.v.gather(&r))
}

// records yields all files, but no folders, that are in use, or all that are not.
func (w *walker) records(live bool) {
	err := w.v.table.each(w.ctx, func(number int64, r *record, err error) bool {
		switch {
		case err != nil:
			if live && number >= firstFree {
				w.fail(err)
			}
		case number < firstFree || r.inUse() != live || r.base != 0:
		case r.directory() && w.done[r.reference()]:
		default:
			w.object(w.v.gather(r))
		}
		return !w.over()
	})
	if err != nil && w.ctx.Err() == nil {
		w.fail(err)
	}
}

// object yields a file once for each of its paths.
func (w *walker) object(o *object) {
	names := paths(o.names)
	at := o.reference()
	state := filesystem.Live
	if !o.inUse() {
		state = filesystem.Deleted
	}
	if len(names) == 0 {
		if o.number < firstFree+8 || len(o.values) == 0 && o.standard == nil {
			return // reserved, or the record of nothing
		}
		if l, ok := w.s.leads[at]; ok && state == filesystem.Deleted {
			f := w.make(o, state)
			f.Findings = append(f.Findings, l.from.New(finding.At(max(l.at, 0), 0)))
			w.place(f, l.parent, l.name)
			w.named(f, at)
			return
		}
		f := w.make(o, state)
		if state == filesystem.Live {
			f.State = filesystem.Orphan
		}
		f.Path = "lost+found-nameless/" + at.String()
		f.Sound = false
		f.Findings = append(f.Findings, nameGone.New(finding.At(max(o.offset(0), 0), w.v.b.recordSize)))
		w.named(f, at)
		return
	}
	f := w.make(o, state)
	for i, n := range names {
		g := f
		if i+1 < len(names) {
			g = copyOf(f)
		}
		if w.place(g, n.parent, n.name) {
			w.named(g, at)
		}
	}
}

func (w *walker) named(f *filesystem.File, at reference) {
	f.ID = w.id(at)
	if len(w.s.unlinked) > 0 && f.State != filesystem.Live {
		if w.given == nil {
			w.given = map[string]bool{}
		}
		w.given[f.Path] = true
	}
	if when, ok := w.s.removed[at]; ok && f.State != filesystem.Live {
		f.Times.Deleted = moment(when)
	}
	w.emit(f)
}

// copyOf returns a File that shares content and attributes with f.
func copyOf(f *filesystem.File) *filesystem.File {
	g := *f
	g.Findings = slices.Clone(f.Findings)
	g.Streams = slices.Clone(f.Streams)
	return &g
}

// paths returns the names of a file without the short ones that stand beside a long one.
func paths(names []fileName) []fileName {
	var out []fileName
	for _, n := range names {
		if n.space == spaceDOS && slices.ContainsFunc(names, func(o fileName) bool { return o.space != spaceDOS && o.parent.number() == n.parent.number() }) {
			continue
		}
		if !slices.ContainsFunc(out, func(o fileName) bool { return o.parent == n.parent && o.name == n.name }) {
			out = append(out, n)
		}
	}
	return out
}

// place gives f its path; false when it is one of the volume's own.
func (w *walker) place(f *filesystem.File, parent reference, name string) bool {
	p := w.of(parent)
	if p.own {
		return false
	}
	f.Path = join(p.path, name)
	if p.astray != nil {
		if f.State == filesystem.Live {
			f.State = filesystem.Orphan
		}
		f.Findings = append(f.Findings, p.astray.New())
	}
	return true
}

// make describes a file and looks at what else claims its places.
func (w *walker) make(o *object, state filesystem.State) *filesystem.File {
	f := w.v.file(o)
	f.State = state
	if state == filesystem.Deleted {
		f.Sound = false
		w.deleted(f, o)
		return f
	}
	at := finding.At(max(o.offset(0), 0), w.v.b.recordSize)
	for _, st := range f.Streams {
		if o.holds(&st) {
			continue // what stands in the record belongs to the table
		}
		shared, free := false, int64(0)
		for _, r := range st.Runs {
			e := r.PhysicalExtent()
			if e.Length == 0 {
				continue
			}
			shared = shared || w.s.shared.Overlaps(e)
			if w.s.allocation {
				free += e.Length - w.s.allocated.Within(e).Bytes()
			}
		}
		if shared {
			f.Sound = false
			f.Findings = append(f.Findings, clustersShared.New(at))
		}
		if free > 0 {
			f.Sound = false
			f.Findings = append(f.Findings, clustersFree.New(at, finding.Expected(0, free)))
		}
	}
	if w.s.get(o.number).state&knownNamed == 0 && !w.s.unlisted {
		f.State, f.Sound = filesystem.Orphan, false
		f.Findings = append(f.Findings, notNamed.New(at))
	}
	return f
}

// holds reports whether a stream stands in a record of the file.
func (o *object) holds(s *filesystem.Stream) bool {
	name := s.Name
	if strings.HasPrefix(s.Encoding, encodingXPRESS) || strings.HasPrefix(s.Encoding, encodingLZX) {
		name = wofStream
	}
	e := o.find(typeData, name)
	return e != nil && e.resident
}

// changed returns when the record of a file was last changed, in units of the format.
func (o *object) changed() uint64 {
	if o.standard != nil {
		return o.standard.times.changed
	}
	return 0
}
