package need

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// told is a test that only notes how it ended.
type told struct {
	testing.TB
	end string
}

func (d *told) Helper() {}

func (d *told) Fatalf(format string, args ...any) { d.stop("failed: ", format, args) }
func (d *told) Skipf(format string, args ...any)  { d.stop("skipped: ", format, args) }

func (d *told) stop(how, format string, args []any) {
	d.end = how + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// ending runs what a test begins with, and returns how it ended; "" where it may go on.
func ending(begin func(testing.TB)) string {
	d, done := &told{}, make(chan struct{})
	go func() {
		defer close(done)
		begin(d)
	}()
	<-done
	return d.end
}

func program(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	absent := filepath.Join(dir, "absent")
	for _, c := range []struct {
		name  string
		begin func(testing.TB)
		want  string
	}{
		{"words", func(t testing.TB) { Lacking(t, "%d loop devices", 0) }, "0 loop devices"},
		{"tool", func(t testing.TB) { Tool(t, "no-such-tool") }, "no-such-tool"},
		{"path of a tool", func(t testing.TB) { Tool(t, absent) }, absent},
		{"tool of a package", func(t testing.TB) { Tool(t, "no-such-tool", "its-package") }, ": install its-package"},
		{"tools", func(t testing.TB) { Tools(t, "no-such-tool", "nor-this") }, "no-such-tool is not installed"},
		{"command", func(t testing.TB) { Command(t, "no-such-tool", "-x") }, "no-such-tool"},
		{"file", func(t testing.TB) { Debian(t, absent, "its-package") }, "absent: no such file or directory: install its-package"},
	} {
		t.Setenv("SALVOR_CI", "")
		if got := ending(c.begin); !strings.HasPrefix(got, "skipped: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, expected to be skipped with %q", c.name, got, c.want)
		}
		t.Setenv("SALVOR_CI", "1")
		if got := ending(c.begin); !strings.HasPrefix(got, "failed: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, expected to fail with %q", c.name, got, c.want)
		}
	}
}

func TestThere(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs here are scripts")
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	for _, ci := range []string{"", "1"} {
		t.Setenv("SALVOR_CI", ci)
		a, b := program(t, dir, "a"), program(t, dir, "b")
		var path, said, read string
		if end := ending(func(t testing.TB) {
			path = Tool(t, "a", "its-package")
			Tools(t, "a", "b")
			out, err := Command(t, "b", "one", "two").Output()
			said = fmt.Sprint(string(out), err)
			read = string(Debian(t, b, "its-package"))
		}); end != "" {
			t.Errorf("CI %q: %s", ci, end)
		}
		if path != a || said != "one two\n<nil>" || !strings.HasPrefix(read, "#!/bin/sh") {
			t.Errorf("CI %q: %q, %q, %q", ci, path, said, read)
		}
	}
}

// What is only in the PATH of administrators is found by its path, but nobody else can run it by its name.
func TestAdministratorsTools(t *testing.T) {
	var name string
	for _, file := range []string{"/usr/sbin/chroot", "/usr/sbin/adduser", "/sbin/mount"} {
		if _, err := os.Stat(file); err == nil {
			name = filepath.Base(file)
			break
		}
	}
	if name == "" {
		Lacking(t, "no such folder here")
	}
	t.Setenv("PATH", t.TempDir())
	var path string
	if end := ending(func(t testing.TB) { path = Tool(t, name) }); end != "" || filepath.Base(path) != name {
		t.Errorf("%q: %s", path, end)
	}
	t.Setenv("SALVOR_CI", "")
	if end := ending(func(t testing.TB) { Tools(t, name) }); !strings.Contains(end, "sbin/"+name+" is not in a folder of PATH") {
		t.Error(end)
	}
}

func TestRoot(t *testing.T) {
	for ci, want := range map[string]string{"": "skipped: only root can do this", "1": "failed: only root can do this"} {
		if os.Geteuid() == 0 {
			want = ""
		}
		t.Setenv("SALVOR_CI", ci)
		if end := ending(Root); end != want {
			t.Errorf("CI %q: %q, expected %q", ci, end, want)
		}
	}
}

func TestCI(t *testing.T) {
	for value, want := range map[string]bool{"": false, "0": false, "1": true} {
		t.Setenv("SALVOR_CI", value)
		if CI() != want {
			t.Errorf("SALVOR_CI=%q: %v", value, CI())
		}
	}
}
