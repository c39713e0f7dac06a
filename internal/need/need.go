// Package need says what a test needs of the machine that it runs on: a program of a Debian package, the rights of an
// administrator, a loop device. Without it the test is skipped, since nobody has to install everything to work on one
// room. Where the environment holds SALVOR_CI=1 everything has to be there, and the test fails: a check that never runs
// would look like one that passes. The packages are in the list of .ci/run.
//
// Only tests, and the packages that help them, import it.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// CI reports whether everything must run, and at its full length.
func CI() bool { return os.Getenv("SALVOR_CI") == "1" }

// Lacking ends a test that cannot run on this machine: as skipped, and as failed where everything must run. The words
// say what is missing.
func Lacking(t testing.TB, format string, args ...any) {
	t.Helper()
	if CI() {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Tool returns the path of a program, or ends the test. It is looked for in PATH, and where only administrators have
// that in their PATH: run it by the path. of names Debian's package for whoever reads the message, where that has
// another name than the program.
func Tool(t testing.TB, name string, of ...string) string {
	t.Helper()
	path, err := find(name)
	if err != nil {
		Lacking(t, "%v%s", err, install(of))
	}
	return path
}

// Tools ends the test unless PATH holds all these programs, for a test that runs them by their names, or lets the
// program do so.
func Tools(t testing.TB, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := exec.LookPath(name); err == nil {
			continue
		}
		if path, err := find(name); err == nil {
			Lacking(t, "%s is not in a folder of PATH", path)
		}
		Lacking(t, "%s is not installed", name)
	}
}

// Command is one that runs a program with these arguments; without the program it ends the test.
func Command(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command(Tool(t, name), args...)
}

// Root ends the test of anybody but the administrator.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Lacking(t, "only root can do this")
	}
}

// Debian reads a file that a package of Debian installs, or ends the test.
func Debian(t testing.TB, path, of string) []byte {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		Lacking(t, "%v%s", err, install([]string{of}))
	}
	return p
}

func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil || filepath.Base(name) != name {
		return path, err
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}

func install(of []string) string {
	if len(of) == 0 {
		return ""
	}
	return fmt.Sprintf(": install %s", of[0])
}
