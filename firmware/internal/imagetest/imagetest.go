// Package imagetest makes the trees of files from which makers' tools make images for tests.
package imagetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/firmware/firmwaretest"
)

// Files is what a tree holds: text, something that does not get smaller, something long, many small files.
func Files() map[string][]byte {
	files := map[string][]byte{
		"etc/os-release": []byte("NAME=\"Acme OS\"\nVERSION_ID=4.2\n"),
		"bin/noise":      firmwaretest.Noise(9_000, 7),
		"empty":          {},
		"text":           bytes.Repeat([]byte("all that is written here is written again and again\n"), 4000),
	}
	for i := range 40 {
		files[fmt.Sprintf("many/file-%02d", i)] = fmt.Appendf(nil, "file %d\n", i)
	}
	return files
}

// Tree writes the files below dir, and returns the folder.
func Tree(t testing.TB, dir string) string {
	t.Helper()
	root := filepath.Join(dir, "root")
	for name, p := range Files() {
		path := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, p, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("noise", filepath.Join(root, "bin/link")); err != nil {
		t.Fatal(err)
	}
	return root
}

// Run runs a tool and returns what it prints. Without the tool the test is skipped, but where everything must run.
func Run(t testing.TB, tool string, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(tool)
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if err != nil {
			program, err = exec.LookPath(filepath.Join(dir, tool))
		}
	}
	if err != nil {
		if os.Getenv("SALVOR_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "TZ=UTC")
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, args, err, text)
	}
	return string(text)
}
