package imagetest

import (
	"os"
	"path/filepath"
	"testing"
)

// Folder writes files, which may stand in folders, into a new folder, and returns that.
func Folder(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, p := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// File reads a file of a folder.
func File(t testing.TB, dir, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
