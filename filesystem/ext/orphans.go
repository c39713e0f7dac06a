package ext

import (
	"fmt"

	"salvor/filesystem"
)

// orphanFolder is where inodes in use are listed that no directory names.
const orphanFolder = "lost+found-orphan"

// orphans yields inodes in use that no directory names, directories with what is in them first.
func (w *walker) orphans() {
	var folders, others []uint32
	for n := range w.s.inUse.all {
		if n < w.v.sb.firstInode || w.seen.has(n) {
			continue
		}
		in, err := w.v.inode(n)
		switch {
		case err != nil || in.flags&flagEAInode != 0 || n == w.v.sb.orphanFileInode:
		case in.isDir():
			folders = append(folders, n)
		default:
			others = append(others, n)
		}
	}
	for _, n := range w.tops(folders) {
		w.orphan(n)
	}
	for _, n := range others {
		w.orphan(n)
	}
}

func (w *walker) orphan(n uint32) {
	if w.over() || w.seen.has(n) {
		return
	}
	in, err := w.v.inode(n)
	if err != nil {
		return
	}
	f := w.v.file(in, filesystem.Orphan, w.s, w.use)
	f.ID, f.Path = w.id(n), fmt.Sprintf("%s/i%d", orphanFolder, n)
	if path := w.orphanPath(n); path != "" {
		f.Path = path
	}
	w.remember(n, f.Path)
	w.emit(f)
	if in.isDir() {
		w.from(pending{number: n, path: f.Path, depth: 1, state: filesystem.Orphan})
	}
}
