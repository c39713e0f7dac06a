package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"salvor/internal/need"
)

func TestSibling(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "images")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(dir, "outside"), "secret")
	write(filepath.Join(inner, "a.E01"), "first")
	write(filepath.Join(inner, "a.E02"), "second")
	write(filepath.Join(inner, "empty"), "")
	if err := errors.Join(os.Symlink("../outside", filepath.Join(inner, "link")), os.Symlink("a.E02", filepath.Join(inner, "within")),
		os.Mkdir(filepath.Join(inner, "folder"), 0o700)); err != nil {
		need.Lacking(t, "%v", err)
	}
	ctx := context.Background()
	o, err := Open(ctx, filepath.Join(inner, "a.E01"), OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "../outside", "link", "folder", "sub/a", `sub\a`, "c:a", filepath.Join(dir, "outside"), "a\x00b"} {
		if s, err := o.Sibling(ctx, name); !errors.Is(err, ErrOutside) || s != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]bool{"a.E02": true, "within": true, "a.E03": false, "empty": false, "folder": false, "..": false, "../outside": false, "": false} {
		if o.HasSibling(name) != want {
			t.Errorf("%q is there: %v, expected %v", name, !want, want)
		}
	}
	if _, err := o.Sibling(ctx, "a.E03"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := o.Sibling(ctx, "empty"); err == nil {
		t.Error("an empty file opens")
	}
	for _, name := range []string{"a.E02", "within"} {
		s, err := o.Sibling(ctx, name)
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 6)
		if n, err := s.Source.ReadAt(p, 0); n != 6 || err != nil || string(p) != "second" {
			t.Errorf("%s: %q, %v", name, p[:n], err)
		}
	}
	if want := []string{realPath(filepath.Join(inner, "a.E01")), realPath(filepath.Join(inner, "a.E02"))}; !slices.Equal(o.Files[:2], want) {
		t.Errorf("files %v, expected %v", o.Files, want)
	}
	if err := o.Changed(); err != nil {
		t.Error(err)
	}
	write(filepath.Join(inner, "a.E02"), "second, longer")
	var changed *ChangedError
	if err := o.Changed(); !errors.As(err, &changed) {
		t.Errorf("a sibling that changed: %v", err)
	}
	beside := o.beside[0]
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if _, err := beside.Source.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("a sibling reads after its source was closed")
	}
}

// A sparse bundle is a folder that people take for an image: they are told what to do with it.
func TestSparseBundle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "Backup.sparsebundle")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	var refused *RefusedError
	if _, err := Open(context.Background(), dir, OpenOptions{}); !errors.As(err, &refused) || refused.Code != "host.source.bundle" {
		t.Error(err)
	}
}
