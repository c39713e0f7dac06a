//go:build linux

package recovery

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// elsewhere saves all to a folder that is not the case.
func (b *bench) elsewhere(dir string, change func(*SaveOptions)) SaveResult {
	b.t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.t.Fatal(err)
	}
	defer root.Close()
	return b.save(func(o *SaveOptions) {
		o.Root, o.Elsewhere = root, true
		if change != nil {
			change(o)
		}
	})
}

// TestReadBack changes a file after it was written and synced, as a memory stick does that is not what it says.
func TestReadBack(t *testing.T) {
	b := newBench(t)
	b.add("good.bin", pattern(1, 10_000), nil)
	b.add("bad.bin", pattern(2, 10_000), nil)
	b.add("gone.bin", pattern(3, 10_000), nil)
	dir := t.TempDir()
	r := b.elsewhere(dir, func(o *SaveOptions) {
		o.hook = func(point string) error {
			path, ok := strings.CutPrefix(point, "readback ")
			switch {
			case !ok:
			case strings.HasSuffix(path, "bad.bin"):
				return os.WriteFile(filepath.Join(dir, path), pattern(9, 10_000), 0o644)
			case strings.HasSuffix(path, "gone.bin"):
				return os.Remove(filepath.Join(dir, path))
			}
			return nil
		}
	})
	if r.Saved.Files != 1 || r.Failed != 2 {
		t.Errorf("%+v, want 1 saved and 2 failed", r)
	}
}

// TestElsewhereKeeps holds times, permissions and extended attributes of files and folders.
func TestElsewhereKeeps(t *testing.T) {
	at, older := time.Date(2024, 5, 13, 9, 0, 0, 0, time.UTC), time.Date(2019, 1, 2, 3, 4, 5, 0, time.UTC)
	b := newBench(t)
	b.add("docs", nil, func(e *Entry) { e.Mode = fs.ModeDir | 0o750; e.Times.Modified = older })
	b.add("docs/letter.txt", []byte("a letter"), func(e *Entry) {
		e.Mode, e.Times.Modified, e.Times.Accessed = 0o640, at, older
		e.Attributes = map[string][]byte{"user.comment": []byte("kept"), "security.capability": []byte("never"), "trusted.x": []byte("never")}
	})
	dir := t.TempDir()
	for range 2 { // the second finds all there already
		b.elsewhere(dir, func(o *SaveOptions) { o.Query.IncludeDirs = false })
		file, folder := filepath.Join(dir, "files/2-DATA/docs/letter.txt"), filepath.Join(dir, "files/2-DATA/docs")
		for path, want := range map[string]struct {
			mode fs.FileMode
			time time.Time
		}{file: {0o640, at}, folder: {fs.ModeDir | 0o750, older}} {
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if st.Mode() != want.mode || !st.ModTime().Equal(want.time) {
				t.Errorf("%s is %v of %v, want %v of %v", path, st.Mode(), st.ModTime(), want.mode, want.time)
			}
		}
		value := make([]byte, 100)
		n, err := unix.Getxattr(file, "user.comment", value)
		if err == unix.ENOTSUP {
			t.Log("the file system of temporary files has no extended attributes")
			continue
		}
		if err != nil || string(value[:n]) != "kept" {
			t.Errorf("user.comment is %q, %v", value[:max(n, 0)], err)
		}
		if n, err := unix.Getxattr(file, "security.capability", value); err == nil {
			t.Errorf("security.capability was set: %q", value[:n])
		}
	}
}
