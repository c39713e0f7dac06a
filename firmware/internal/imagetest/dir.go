package imagetest

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/firmware"
	"salvor/internal/need"
)

// Dir is a folder in which makers' tools work.
type Dir struct{ Path string }

// NewDir makes one that ends with the test.
func NewDir(t testing.TB) *Dir { return &Dir{Path: t.TempDir()} }

// command is a tool that works in the folder. Without the tool the test is skipped, but where everything must run.
func (d *Dir) command(t testing.TB, tool string, args []string) *exec.Cmd {
	t.Helper()
	cmd := need.Command(t, tool, args...)
	cmd.Dir = d.Path
	cmd.Env = append(os.Environ(), "TMPDIR="+d.Path)
	return cmd
}

// Try runs a tool and returns all that it prints.
func (d *Dir) Try(t testing.TB, tool string, args ...string) (string, error) {
	t.Helper()
	out, err := d.command(t, tool, args).CombinedOutput()
	return string(out), err
}

// Run runs a tool that must end well.
func (d *Dir) Run(t testing.TB, tool string, args ...string) {
	t.Helper()
	if out, err := d.Try(t, tool, args...); err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, args, err, out)
	}
}

// Pipe gives stdin to a tool that must end well, and returns its standard output.
func (d *Dir) Pipe(t testing.TB, stdin []byte, tool string, args ...string) []byte {
	t.Helper()
	cmd := d.command(t, tool, args)
	var text bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &text
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", tool, args, err, text.Bytes())
	}
	return out
}

// Write writes a file, with its folders.
func (d *Dir) Write(t testing.TB, name string, p []byte) {
	t.Helper()
	path := filepath.Join(d.Path, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, p, 0o700)); err != nil {
		t.Fatal(err)
	}
}

// Read reads a file.
func (d *Dir) Read(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(d.Path, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Keys reads files of public keys and certificates.
func (d *Dir) Keys(t testing.TB, names ...string) (out []firmware.Key) {
	t.Helper()
	for _, name := range names {
		k, err := firmware.ParseKeys(name, d.Read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k...)
	}
	return out
}
