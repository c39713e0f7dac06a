// Package imagetest makes the trees of files from which makers' tools make images for tests.
package imagetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/internal/need"
)

// Files is what a tree holds: text, something that does not get smaller, something long, many small files.
func Files() map[string][]byte {
	files := map[string][]byte{
		"etc/os-release": []byte("NAME=\"Acme OS\"\nVERSION_ID=4.2\n"),
		"bin/noise":      noise(9_000),
		"empty":          {},
		"text":           bytes.Repeat([]byte("all that is written here is written again and again\n"), 4000),
	}
	for i := range 40 {
		files[fmt.Sprintf("many/file-%02d", i)] = fmt.Appendf(nil, "file %d\n", i)
	}
	return files
}

// noise is what does not get smaller by packing it.
func noise(n int) []byte {
	p := make([]byte, n)
	rnd := rand.New(rand.NewPCG(7, 7))
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
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
	cmd := command(t, tool, args...)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, args, err, text)
	}
	return string(text)
}

// Pipe runs a tool in a folder, "" for the test's own, with stdin, and returns what it writes to its standard output.
// Without the tool the test is skipped, as by [Run].
func Pipe(t testing.TB, dir string, stdin []byte, tool string, args ...string) []byte {
	t.Helper()
	cmd := command(t, tool, args...)
	var out, told bytes.Buffer
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(stdin), &out, &told
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s%s", tool, args, err, out.Bytes(), told.Bytes())
	}
	return out.Bytes()
}

// command finds a tool, and fixes what its output would follow from.
func command(t testing.TB, tool string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := need.Command(t, tool, args...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "TZ=UTC")
	return cmd
}
