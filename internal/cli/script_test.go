package cli_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/testscript"

	"salvor/casefile"
	"salvor/host"
	"salvor/internal/cli"
	"salvor/internal/need"
	"salvor/internal/wire"
)

func TestMain(m *testing.M) {
	if host.IsReader() {
		os.Exit(host.ServeReader())
	}
	rolesBeside()
	testscript.Main(m, map[string]func(){
		"salvor": func() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) },
	})
}

// example returns the absolute path of the example image.
func example(t *testing.T) string {
	t.Helper()
	p, err := filepath.Abs("../../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The scripts read like a manual. Besides the commands of testscript there are:
//
//	exits CODE salvor ARG...   runs it; the exit code is this one, the end says three things, all text is fit
//	                           for a terminal, and with --json every line fits docs/schema.json
//	hold CASE, release         opens the case as its writer, as another run would, and closes it again
//	overwrite FILE OFFSET TEXT changes bytes of a file
//	hostile IMAGE              makes a file system whose names are hostile
//	fixture KIND/NAME IMAGE    unpacks an image that the tests of a file system have
func TestScripts(t *testing.T) {
	image := example(t)
	before := sum(t, image)
	schema := compile(t)
	t.Cleanup(func() {
		if sum(t, image) != before {
			t.Error("the source was written to")
		}
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("IMAGE", image)
			nas, err := filepath.Abs("../../rescue/testdata/nas.tar.zst")
			if err != nil {
				return err
			}
			env.Setenv("NAS", nas)
			env.Values[held{}] = &held{}
			return nil
		},
		Condition: func(name string) (bool, error) {
			tool, ok := strings.CutPrefix(name, "tool:")
			if !ok {
				return false, errors.New("unknown condition " + name)
			}
			_, err := exec.LookPath(tool)
			return err == nil || need.CI(), nil // where everything must run the script goes on, and fails
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":     func(ts *testscript.TestScript, neg bool, args []string) { exits(ts, schema, neg, args) },
			"hold":      hold,
			"release":   release,
			"overwrite": overwrite,
			"hostile":   hostile,
			"fixture":   fixture,
			"fits":      func(ts *testscript.TestScript, _ bool, args []string) { fits(ts, schema, args) },
		},
	})
}

func sum(t *testing.T, path string) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

var (
	endText  = regexp.MustCompile(`\n(# )?State  \S.*\n(# )?Safe   \S.*\n(# )?Next   \S.*\n$`)
	failText = regexp.MustCompile(`(^|\n)salvor: \S.*\nSafe   \S.*\nNext   \S.*\n$`)
)

func exits(ts *testscript.TestScript, schema *schemas, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE command arg...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	for _, text := range []string{stdout, stderr} {
		if bad := unfit(text); bad >= 0 {
			ts.Fatalf("unfit for a terminal at byte %d: %q", bad, text[max(bad-20, 0):min(bad+20, len(text))])
		}
	}
	switch {
	case slices.Contains(args, "--json"):
		if problem := schema.lines([]byte(stdout), code); problem != "" {
			ts.Fatalf("%s", problem)
		}
	case slices.Contains(args, "--help") || slices.Contains(args, "-h") || len(args) == 2 || args[2] == "help" || (args[2] == "version" || args[2] == "--version") && code == 0:
	case code == 1 || code == 2 || stdout == "":
		if stdout != "" || !failText.MatchString(stderr) {
			ts.Fatalf("the end does not say three things on standard error")
		}
	default:
		if !endText.MatchString(stdout) {
			ts.Fatalf("the end does not say three things")
		}
	}
}

// unfit returns the place of the first character that a terminal would not just show, -1 when there is none.
func unfit(text string) int {
	for i, r := range text {
		if r != '\n' && wire.Hidden(r) || r == utf8.RuneError {
			return i
		}
	}
	return -1
}

// held is the case that a script holds open.
type held struct{ c *casefile.Case }

func hold(ts *testscript.TestScript, _ bool, args []string) {
	c, err := casefile.Open(ts.MkAbs(args[0]), casefile.Writer, casefile.Options{Program: "another run"})
	ts.Check(err)
	h := ts.Value(held{}).(*held)
	h.c = c
	ts.Defer(func() {
		if h.c != nil {
			_ = h.c.Close()
		}
	})
}

func release(ts *testscript.TestScript, _ bool, _ []string) {
	h := ts.Value(held{}).(*held)
	ts.Check(h.c.Close())
	h.c = nil
}

// fixtures is the folder of the file systems, from where the tests run.
var fixtures, _ = filepath.Abs("../../filesystem")

func fixture(ts *testscript.TestScript, _ bool, args []string) {
	kind, name, _ := strings.Cut(args[0], "/")
	f, err := os.Open(filepath.Join(fixtures, kind, "testdata", name+".img.gz"))
	ts.Check(err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	ts.Check(err)
	p, err := io.ReadAll(z)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), p, 0o600))
}

func overwrite(ts *testscript.TestScript, _ bool, args []string) {
	at, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	ts.Check(os.Chmod(path, 0o644))
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	ts.Check(err)
	_, err = f.WriteAt([]byte(args[2]), at)
	ts.Check(errors.Join(err, f.Close()))
}

// hostile makes an ext4 file system whose label and names try to rule the terminal.
func hostile(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs("hostile")
	for _, name := range hostileNames {
		p := filepath.Join(dir, name, "inner.txt")
		ts.Check(os.MkdirAll(filepath.Dir(p), 0o755))
		ts.Check(os.WriteFile(p, []byte(strings.Repeat("a line of text that is a file\n", 40)), 0o644))
		ts.Check(os.WriteFile(filepath.Join(dir, "f"+name), []byte(strings.Repeat("another line of text\n", 40)), 0o644))
	}
	ts.Check(ts.Exec("mke2fs", "-q", "-t", "ext4", "-L", "\x1b[2J\u202ecba", "-d", dir, ts.MkAbs(args[0]), "2M"))
}

var hostileNames = []string{
	"a\x1b[2J\x1b[31mred", "new\nline\r", "\u202egpj.exe", "bell\a\b\b\b", "no\xff\xfeutf8", "c1\u009b2J", "zero\u200bwidth\ufeff",
	"sep\u2028arate", "--to", "'; rm x; '", "<script>alert(1)<", "..trap", "tag\U000e0041",
}

// fits checks a file against a definition of the schema: fits DEFINITION FILE.
func fits(ts *testscript.TestScript, schema *schemas, args []string) {
	lines := []string{ts.ReadFile(args[1])}
	if strings.HasSuffix(args[1], ".jsonl") {
		lines = strings.Split(strings.TrimSuffix(lines[0], "\n"), "\n")
	}
	for _, l := range lines {
		if err := schema.check(args[0], []byte(l)); err != nil {
			ts.Fatalf("%s: %v", args[1], err)
		}
	}
}

// A job that is interrupted says so, and the same command goes on and comes to the same end.
func TestInterrupted(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// The command is this test under the name that testscript.Main knows.
	salvor := filepath.Join(dir, "salvor")
	if err := os.Symlink(self, salvor); err != nil {
		need.Lacking(t, "%v", err)
	}
	image := filepath.Join(dir, "large.img")
	b, err := os.ReadFile(example(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(image, b, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 256<<20); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(dir, "case")
	schema := compile(t)
	once := func(interrupt bool) ([]byte, int) {
		t.Helper()
		cmd := exec.Command(salvor, "rescue", image, "--to", target, "--json")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
		defer stuck.Stop()
		var all bytes.Buffer
		lines := bufio.NewReader(out)
		for first := true; ; first = false {
			l, err := lines.ReadBytes('\n')
			all.Write(l)
			if err != nil {
				break
			}
			if first && interrupt {
				if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait()
		return all.Bytes(), cmd.ProcessState.ExitCode()
	}
	out, code := once(true)
	if problem := schema.lines(out, code); problem != "" {
		t.Fatal(problem)
	}
	if code != 3 {
		t.Fatalf("exit code %d, want 3\n%s", code, out)
	}
	out, code = once(false)
	if problem := schema.lines(out, code); problem != "" {
		t.Fatal(problem)
	}
	r := lastResult(t, out)
	if code != 10 || r.Counts["proven"].Files < 8 {
		t.Errorf("exit code %d, %+v", code, r)
	}
}

func lastResult(t *testing.T, out []byte) (r wire.Result) {
	t.Helper()
	lines := bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n"))
	if err := json.Unmarshal(lines[len(lines)-1], &r); err != nil {
		t.Fatal(err)
	}
	return r
}
