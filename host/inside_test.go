package host_test

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/host"
)

func TestInside(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "case")
	for _, d := range []string{dir, filepath.Join(dir, "sub"), filepath.Join(top, "case2")} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(top, "link")
	linked := os.Symlink(filepath.Join(dir, "sub"), link) == nil
	for _, c := range []struct {
		to   string
		want bool
	}{
		{dir, true}, {filepath.Join(dir, "sub"), true}, {filepath.Join(dir, "new", "deep"), true},
		{filepath.Join(top, "case2"), false}, {filepath.Join(top, "new"), false}, {top, false},
		{filepath.Join(dir, "..", "case2"), false}, {filepath.Join(link, "new"), linked},
	} {
		if got, err := host.Inside(dir, c.to); err != nil || got != c.want {
			t.Errorf("Inside(%s) = %v, %v", c.to, got, err)
		}
	}
	if _, err := host.Inside(filepath.Join(top, "none"), top); err == nil {
		t.Error("a folder that is not there was compared")
	}
}

func TestMakeRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if host.Exists(dir) {
		t.Fatal("it exists already")
	}
	for range 2 {
		root, err := host.MakeRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := root.Create("../out"); err == nil {
			t.Error("a file was made outside")
		}
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	}
	if !host.Exists(dir) {
		t.Error("it was not made")
	}
}
