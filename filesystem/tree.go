package filesystem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"salvor/block"
)

// MaxTreeFiles is the largest number of files that the index behind [Tree] holds. Files beyond it are not
// in the tree.
const MaxTreeFiles = 4 << 20

// Tree returns the live files of fsys, or those of them that keep accepts, as an [fs.FS]. keep may be nil.
//
// The index is read from [FileSystem.Files] on first use and kept; entries that are broken are not in it.
// Names are those of [File.Path], except that a backslash, which Windows takes for a separator, stands as
// %5c (and a percent sign beside one as %25), and that a name that is taken gets "~2" behind it. A
// directory that is itself missing, but has files, is made up. Symbolic links are not followed: opening
// one reads its target, as with archive/zip.
func Tree(fsys FileSystem, keep func(*File) bool) (fs.FS, error) {
	if fsys == nil {
		return nil, errors.New("filesystem: a tree of nothing")
	}
	return &tree{fsys: fsys, keep: keep, limit: MaxTreeFiles}, nil
}

type tree struct {
	fsys  FileSystem
	keep  func(*File) bool
	limit int
	once  sync.Once
	root  *node
}

// node is one file of a tree, and what its [fs.FileInfo] and [fs.DirEntry] say.
type node struct {
	name     string
	file     *File // nil for a directory that was made up
	children map[string]*node
	sorted   []fs.DirEntry
}

func (n *node) Name() string               { return n.name }
func (n *node) IsDir() bool                { return n.Mode().IsDir() }
func (n *node) Type() fs.FileMode          { return n.Mode().Type() }
func (n *node) Info() (fs.FileInfo, error) { return n, nil }
func (n *node) Sys() any                   { return n.file }

func (n *node) Mode() fs.FileMode {
	if n.file == nil {
		return fs.ModeDir | 0o555
	}
	return n.file.Mode
}

func (n *node) ModTime() time.Time {
	if n.file == nil {
		return time.Time{}
	}
	return n.file.Times.Modified
}

func (n *node) Size() int64 {
	switch {
	case n.file == nil || n.IsDir():
		return 0
	case n.Type() == fs.ModeSymlink:
		return int64(len(n.file.Target))
	}
	return n.file.Size()
}

// treeName makes one element of a path fit for every user of io/fs.
func treeName(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	return strings.NewReplacer(`%`, "%25", `\`, "%5c").Replace(name)
}

// index reads all files once.
func (t *tree) index() *node {
	t.once.Do(func() {
		t.root = &node{name: ".", children: map[string]*node{}}
		n := 0
		for f, err := range t.fsys.Files(context.Background()) {
			if err != nil || f == nil || f.State != Live || t.keep != nil && !t.keep(f) {
				continue
			}
			if n++; n > t.limit {
				break
			}
			t.add(f)
		}
		t.root.sort()
	})
	return t.root
}

func (t *tree) add(f *File) {
	if f.Path == "" {
		if f.Mode.IsDir() {
			t.root.file = f
		}
		return
	}
	if !fs.ValidPath(f.Path) || f.Path == "." {
		return
	}
	at := t.root
	names := strings.Split(f.Path, "/")
	for _, name := range names[:len(names)-1] {
		name = treeName(name)
		next := at.children[name]
		if next == nil {
			next = &node{name: name, children: map[string]*node{}}
			at.children[name] = next
		}
		if next.children == nil { // a file stands where a directory should
			return
		}
		at = next
	}
	name := treeName(names[len(names)-1])
	if old := at.children[name]; old != nil && old.file == nil && f.Mode.IsDir() {
		old.file = f // it was made up when its child came first
		return
	}
	for i := 2; at.children[name] != nil; i++ {
		if i > 100 {
			return
		}
		name = fmt.Sprintf("%s~%d", treeName(names[len(names)-1]), i)
	}
	n := &node{name: name, file: f}
	if f.Mode.IsDir() {
		n.children = map[string]*node{}
	}
	at.children[name] = n
}

// sort orders the entries of every directory below n. A stack of its own serves it, since depth is the
// volume's word.
func (n *node) sort() {
	stack := []*node{n}
	for len(stack) > 0 {
		d := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		for _, c := range d.children {
			d.sorted = append(d.sorted, c)
			if c.children != nil {
				stack = append(stack, c)
			}
		}
		slices.SortFunc(d.sorted, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	}
}

func (t *tree) find(op, name string) (*node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := t.index()
	if name == "." {
		return n, nil
	}
	for _, part := range strings.Split(name, "/") {
		if n = n.children[part]; n == nil {
			return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
	}
	return n, nil
}

// Open opens a file, a directory or a link itself.
func (t *tree) Open(name string) (fs.File, error) {
	n, err := t.find("open", name)
	if err != nil {
		return nil, err
	}
	switch {
	case n.children != nil:
		return &openDir{node: n, path: name}, nil
	case n.Type() == fs.ModeSymlink:
		return newOpenFile(n, strings.NewReader(n.file.Target)), nil
	case n.Type() != 0 || len(n.file.Streams) == 0:
		return newOpenFile(n, bytes.NewReader(nil)), nil
	}
	src, err := t.fsys.Open(n.file, "")
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return newOpenFile(n, block.Reader(src)), nil
}

// Stat describes a file without opening it; links are not followed.
func (t *tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.find("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Lstat is Stat, since that does not follow links either.
func (t *tree) Lstat(name string) (fs.FileInfo, error) { return t.Stat(name) }

// ReadLink returns the target of a symbolic link as it is stored.
func (t *tree) ReadLink(name string) (string, error) {
	n, err := t.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return n.file.Target, nil
}

// ReadDir returns the entries of a directory in order of their names.
func (t *tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.find("readdir", name)
	if err != nil {
		return nil, err
	}
	if n.children == nil {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("not a directory")}
	}
	return slices.Clone(n.sorted), nil
}

type readSeekerAt interface {
	io.ReadSeeker
	io.ReaderAt
}

// openFile is an open file that also seeks, as net/http wants it.
type openFile struct {
	node *node
	readSeekerAt
}

func newOpenFile(n *node, r readSeekerAt) *openFile { return &openFile{node: n, readSeekerAt: r} }

func (f *openFile) Stat() (fs.FileInfo, error) { return f.node, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	node *node
	path string
	at   int
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *openDir) Close() error               { return nil }

func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: path.Clean(d.path), Err: errors.New("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	rest := d.node.sorted[d.at:]
	if n > 0 {
		if len(rest) == 0 {
			return nil, io.EOF
		}
		rest = rest[:min(n, len(rest))]
	}
	d.at += len(rest)
	return slices.Clone(rest), nil
}
