package ext

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"salvor/filesystem"
	"salvor/finding"
)

// rebuiltFolder is where directories are listed that only their own blocks tell of.
const rebuiltFolder = "lost+found-rebuilt"

// found returns what a search of all that no file holds gives; nil where there is no need of one. It is made when it is
// first asked for, since it reads most of the volume.
func (w *walker) found() *found {
	if !w.s.search || w.ctx.Err() != nil {
		return nil
	}
	if w.finds == nil {
		w.finds = w.v.finds(w.ctx, w.s)
	}
	return w.finds
}

func (v *volume) finds(ctx context.Context, s *survey) *found {
	select {
	case <-v.turn:
	case <-ctx.Done():
		return nil
	}
	defer func() { v.turn <- struct{}{} }()
	if s.found == nil {
		if f, err := v.search(ctx, s); err == nil {
			s.found = f
		}
	}
	return s.found
}

// foundEntries reads the entries of a directory whose inode is gone, out of the blocks that are known as its own.
func (w *walker) foundEntries(number uint32) []entry {
	s := w.v.sb
	d := &directory{inodes: s.inodesCount, filetype: s.incompat&incompatFiletype != 0, indexed: true, blockSize: int(s.blockSize)}
	var out []entry
	for _, x := range w.found().of(number) {
		out = append(out, w.blockEntries(d, x)...)
	}
	return out
}

func (w *walker) blockEntries(d *directory, x foundBlock) (out []entry) {
	b := make([]byte, w.v.sb.blockSize)
	if w.bytes -= int64(len(b)); w.bytes < 0 || w.v.cache.read("ext: directory block", b, x.at) != nil {
		return nil
	}
	_ = d.parse(b, x.at, x.first, func(e entry) {
		if !e.stale {
			e.copied = x.copied
			out = append(out, e)
		}
	})
	return out
}

// missingDir yields a directory of which only the blocks are left, when there are any, and has it read.
func (w *walker) missingDir(number uint32, path string, depth int, at int64) bool {
	if w.found() == nil || len(w.found().dirs[number]) == 0 || w.seen.has(number) {
		return false
	}
	w.emit(&filesystem.File{ID: w.id(number), Path: path, State: filesystem.Rebuilt, Mode: fs.ModeDir,
		Findings: []finding.Finding{dirRebuilt.New(finding.At(at, 0), finding.Arg("inode", number))}})
	w.remember(number, path)
	w.push(pending{number: number, path: path, depth: depth, state: filesystem.Rebuilt, found: true}, at)
	return true
}

// missing yields directories of which only the blocks are left and to which no other leads, those first that
// lead to others, and names of which nothing else is left.
func (w *walker) missing() {
	if w.found() == nil {
		return
	}
	var list []uint32
	child := map[uint32]bool{}
	for number := range w.found().dirs {
		if w.seen.has(number) || number < w.v.sb.firstInode || w.gone(number) {
			continue
		}
		list = append(list, number)
	}
	slices.Sort(list)
	for _, number := range list {
		for _, e := range w.foundEntries(number) {
			if e.inode != number {
				child[e.inode] = true
			}
		}
	}
	for _, top := range []bool{true, false} {
		for _, number := range list {
			if !w.over() && child[number] != top && !w.seen.has(number) {
				if w.missingDir(number, fmt.Sprintf("%s/i%d", rebuiltFolder, number), 1, 0) {
					next := w.stack
					w.stack = nil
					for _, p := range next {
						w.from(p)
					}
				}
			}
		}
	}
	s := w.v.sb
	d := &directory{inodes: s.inodesCount, filetype: s.incompat&incompatFiletype != 0, indexed: true, blockSize: int(s.blockSize)}
	for _, x := range w.found().nameless {
		path := fmt.Sprintf("%s/b%d", rebuiltFolder, x.at/s.blockSize)
		for _, e := range w.blockEntries(d, x) {
			if w.over() {
				return
			}
			if !w.seen.has(e.inode) {
				w.child(pending{path: path, depth: 1, state: filesystem.Rebuilt}, e)
				next := w.stack
				w.stack = nil
				for _, p := range next {
					w.from(p)
				}
			}
		}
	}
}

// gone reports whether the inode of a directory can be read and says that it is none any more.
func (w *walker) gone(number uint32) bool {
	in, err := w.v.inode(number)
	return err == nil && in.checksumOK && w.v.sb.metaCsum() && (in.links == 0 || !in.isDir())
}
