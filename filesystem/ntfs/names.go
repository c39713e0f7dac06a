package ntfs

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// lost yields what folders in use name and whose record is broken, but for folders, which came before.
func (w *walker) lost() {
	for i := range w.s.lost {
		if w.over() {
			return
		}
		if l := &w.s.lost[i]; !l.directory() {
			w.lostName(l)
		}
	}
}

// lostFolder yields the name of a folder in use whose record is broken.
func (w *walker) lostFolder(at reference) {
	if i, ok := w.s.lostFolders[at]; ok {
		w.lostName(&w.s.lost[i])
	}
}

func (w *walker) lostName(l *lostEntry) {
	f := w.onlyName(&l.fileName, filesystem.Live)
	_, err := w.v.table.record(l.file.number())
	f.Findings = append(f.Findings, recordSkewed.New(finding.At(max(l.at, 0), 0), finding.Arg("record", l.file.number()), finding.Expected(nil, err)))
	lose(f, l.size)
	if w.place(f, l.parent, l.name) {
		w.named(f, l.file)
	}
}

// leads yields names of deleted files whose record is gone, but for folders, which came before.
func (w *walker) leads() {
	list := make([]reference, 0, len(w.s.leads))
	for at, l := range w.s.leads {
		if k := w.s.get(at.number()); k.state&knownValid != 0 && k.state&knownInUse == 0 && held(k.sequence) == at.sequence() {
			continue // it came with its record
		}
		if !l.directory() {
			list = append(list, at)
		}
	}
	slices.SortFunc(list, func(a, b reference) int { return cmp.Or(cmp.Compare(a.number(), b.number()), cmp.Compare(a, b)) })
	for _, at := range list {
		if w.over() {
			return
		}
		w.nameOf(at)
	}
}

// nameOf yields a name without its record.
func (w *walker) nameOf(at reference) {
	l, ok := w.s.leads[at]
	if !ok {
		return
	}
	f := w.onlyName(&l.fileName, filesystem.Deleted)
	if !l.sized {
		l.size = 0
	}
	lose(f, l.size)
	f.Findings = append(f.Findings, l.from.New(finding.At(max(l.at, 0), 0)), nameOnly.New(finding.Arg("record", at.number())))
	if w.place(f, l.parent, l.name) {
		w.named(f, at)
	}
}

// unlinked yields names behind the entries of folders that lead nowhere any more.
func (w *walker) unlinked() {
	ids := map[int64]int{}
	for i := range w.s.unlinked {
		if w.over() {
			return
		}
		l := &w.s.unlinked[i]
		f := w.onlyName(&l.fileName, filesystem.Deleted)
		lose(f, l.size)
		f.Findings = append(f.Findings, l.from.New(finding.At(max(l.at, 0), 0)), nameUnlinked.New())
		if !w.place(f, l.parent, l.name) || w.given[f.Path] {
			continue
		}
		f.ID = fmt.Sprintf("n0x%x", l.at)
		if ids[l.at]++; ids[l.at] > 1 {
			f.ID += fmt.Sprintf("-%d", ids[l.at])
		}
		w.emit(f)
	}
}

// lose gives a file whose content is lost a stream of size bytes. Where the size is 0 it is not known: folders keep
// sizes up to date for one name of a file only.
func lose(f *filesystem.File, size int64) {
	switch {
	case f.Mode.IsDir():
	case size > 0:
		f.Streams = []filesystem.Stream{{Size: size, Runs: block.Normalize(nil, size)}}
	default:
		f.Mode |= fs.ModeIrregular
	}
}

// onlyName describes a file of which its name is known.
func (w *walker) onlyName(n *fileName, state filesystem.State) *filesystem.File {
	f := &filesystem.File{State: state, Mode: 0o644, Times: n.times.times()}
	if n.directory() {
		f.Mode = fs.ModeDir | 0o755
	}
	return f
}
