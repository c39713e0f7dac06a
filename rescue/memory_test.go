//go:build linux

package rescue

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A map of a million blocks is read, worked with and written in less than 128 MiB.
func TestMapMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	const blocks = 1_000_000
	dir := t.TempDir()
	p := func(name string) string { return filepath.Join(dir, name) }
	var b bytes.Buffer
	b.WriteString("0x0 + 1\n")
	for i := range blocks {
		fmt.Fprintf(&b, "0x%08X  0x%08X  %c\n", i*512, 512, "+-"[i&1])
	}
	must(t, os.WriteFile(p("map"), b.Bytes(), 0o600))
	b = bytes.Buffer{}
	for _, name := range []string{"in", "img"} {
		must(t, os.WriteFile(p(name), nil, 0o600))
		must(t, os.Truncate(p(name), blocks*512))
	}
	for _, args := range [][]string{
		{"copy", "-r1", "-i", "100MiB", "-s", "100KiB", p("in"), p("img"), p("map")},
		{"map", "show", p("map")},
	} {
		cmd := exec.Command(program(t), args...)
		out, err := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != ExitDone && code != ExitReserved {
			t.Fatalf("%v: %v\n%s", args[:2], err, out)
		}
		used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		if !ok || used.Maxrss > 128<<10 {
			t.Errorf("%v took %d KiB", args[:2], used.Maxrss)
		}
		t.Logf("%v: %d MiB", args[:2], used.Maxrss>>10)
		if args[0] == "map" && !strings.Contains(string(out), "499900 areas") {
			t.Errorf("%s", out)
		}
	}
}
