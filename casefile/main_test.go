package casefile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/host"
)

// helperVariable makes this test binary another program that works in the case that it names.
const helperVariable = "SALVOR_TEST_CASE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVariable); dir != "" {
		os.Exit(helper(dir))
	}
	os.Exit(m.Run())
}

// helper opens the case, says how that went, and works until its input ends or it is killed.
func helper(dir string) int {
	c, err := Open(dir, Writer, Options{Program: "helper"})
	if err != nil {
		fmt.Println("refused:", err)
		return 40
	}
	fmt.Println("open")
	go func() {
		for i := 0; ; i++ {
			if c.Append("work", map[string]any{"i": i, "text": strings.Repeat("x", i%3000)}) != nil {
				return
			}
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	if c.Close() != nil {
		return 1
	}
	return 0
}

type other struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	said string
}

func start(t *testing.T, dir string) *other {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	o := &other{cmd: exec.Command(exe)}
	o.cmd.Env = append(os.Environ(), helperVariable+"="+dir)
	o.in, err = o.cmd.StdinPipe()
	must(t, err)
	out, err := o.cmd.StdoutPipe()
	must(t, err)
	must(t, o.cmd.Start())
	t.Cleanup(func() { _ = o.cmd.Process.Kill(); _ = o.cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	must(t, err)
	o.said = strings.TrimSpace(line)
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// clock is a time that stands still.
func clock() time.Time { return time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC) }

func open(t *testing.T, dir string) *Case {
	t.Helper()
	c, err := Open(dir, Writer, Options{Program: "salvor test", Now: clock})
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func identity() host.Identity {
	return host.Identity{Path: "/dev/sdx", Device: true, Size: 4 << 20, SectorSize: 512, PhysicalSectorSize: 4096,
		Model: "ACME GW-100", Serial: "S1", Transport: "usb", First: strings.Repeat("1a", 32), Last: strings.Repeat("2b", 32)}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func read(t *testing.T, elem ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(elem...))
	must(t, err)
	return b
}
