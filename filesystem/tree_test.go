package filesystem

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"testing"
	"testing/fstest"
	"time"

	"salvor/block"
)

// listed is a file system over fixed files whose content is their ID.
type listed []*File

func (l listed) Info() Info { return Info{Kind: "listed"} }

func (l listed) Files(context.Context) iter.Seq2[*File, error] {
	return func(yield func(*File, error) bool) {
		for i, f := range l {
			if i == 1 && !yield(nil, errors.New("a broken entry")) {
				return
			}
			if !yield(f, nil) {
				return
			}
		}
	}
}

func (l listed) Open(f *File, _ string) (block.Source, error) {
	if f.Locked {
		return nil, ErrLocked
	}
	return block.Bytes([]byte(f.ID)), nil
}

func (l listed) Used(context.Context) (block.Set, error) { return block.Set{}, nil }

func plain(id, path string) *File {
	return &File{ID: id, Path: path, Mode: 0o644, Streams: []Stream{{Size: int64(len(id))}},
		Times: Times{Modified: time.Unix(1_600_000_000, 0)}}
}

func folder(id, path string) *File { return &File{ID: id, Path: path, Mode: fs.ModeDir | 0o755} }

func TestTree(t *testing.T) {
	gone := plain("i99", "gone")
	gone.State = Deleted
	locked := plain("i98", "locked")
	locked.Locked = true
	files := listed{
		folder("i2", ""), plain("i3", "b"), folder("i4", "a"), plain("i5", "a/one"),
		plain("i6", "made/up/two"), folder("i7", "made"), // the parent comes late
		plain("i8", `a\x2fb`), plain("i9", "a%5cx2fb"), plain("i10", `100%\x`),
		{ID: "i11", Path: "link", Mode: fs.ModeSymlink | 0o777, Target: "../../etc/passwd"},
		{ID: "i12", Path: "pipe", Mode: fs.ModeNamedPipe | 0o600},
		plain("i13", "b"), plain("i14", "b/below a file"), plain("i15", "../out"), plain("i16", "/abs"),
		gone,
	}
	tree, err := Tree(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"b", "b~2", "a/one", "made/up/two", "a%5cx2fb", "a%5cx2fb~2", "100%25%5cx", "link", "pipe"}
	if err := fstest.TestFS(tree, want...); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"b": "i3", "b~2": "i13", "a/one": "i5", "made/up/two": "i6", "pipe": "", "link": "../../etc/passwd"} {
		got, err := fs.ReadFile(tree, name)
		if err != nil || string(got) != content {
			t.Errorf("%s holds %q (%v), expected %q", name, got, err, content)
		}
	}
	for _, name := range []string{"gone", "../out", "out", "b/below a file", "abs"} {
		if _, err := fs.Stat(tree, name); err == nil {
			t.Errorf("%s is in the tree", name)
		}
	}
	if target, err := fs.ReadLink(tree, "link"); err != nil || target != "../../etc/passwd" {
		t.Errorf("ReadLink: %q, %v", target, err)
	}
	if _, err := fs.ReadLink(tree, "b"); err == nil {
		t.Error("a file has a link's target")
	}
	if _, err := fs.ReadDir(tree, "b"); err == nil {
		t.Error("a file has entries")
	}
	if info, err := fs.Stat(tree, "b"); err != nil || info.Sys() != files[1] {
		t.Errorf("Sys does not lead to the file: %v", err)
	}
	dir, err := tree.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Read(make([]byte, 1)); err == nil {
		t.Error("a directory reads")
	}

	picked, _ := Tree(listed{plain("i3", "b"), locked}, func(f *File) bool { return f.ID != "i3" })
	if _, err := fs.Stat(picked, "b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what keep refused: %v", err)
	}
	if _, err := picked.Open("locked"); !errors.Is(err, ErrLocked) {
		t.Errorf("opening what is locked: %v", err)
	}
	if _, err := Tree(nil, nil); err == nil {
		t.Error("a tree of nothing")
	}
}

func TestTreeIsBounded(t *testing.T) {
	endless := &tree{fsys: listed{plain("i1", "a"), plain("i2", "b"), plain("i3", "c")}, limit: 2}
	entries, err := endless.ReadDir(".")
	if err != nil || len(entries) != 2 {
		t.Errorf("%d entries, %v; expected the 2 of the limit", len(entries), err)
	}
}

func TestTreeSeeks(t *testing.T) {
	tree, _ := Tree(listed{plain("i1234", "a")}, nil)
	f, err := tree.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.(io.Seeker).Seek(1, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(f); err != nil || string(got) != "1234" {
		t.Errorf("read %q, %v", got, err)
	}
}
