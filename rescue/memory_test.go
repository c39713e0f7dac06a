//go:build linux

package rescue

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
		var out bytes.Buffer
		cmd := exec.Command(program(t), args...)
		cmd.Stdout, cmd.Stderr = &out, &out
		must(t, cmd.Start())
		peak := make(chan int)
		go func() { peak <- peakOf(cmd.Process.Pid) }()
		err := cmd.Wait()
		used := <-peak
		if code := cmd.ProcessState.ExitCode(); code != ExitDone && code != ExitReserved {
			t.Fatalf("%v: %v\n%s", args[:2], err, out.String())
		}
		if used == 0 || used > 128<<10 {
			t.Errorf("%v took %d KiB", args[:2], used)
		}
		t.Logf("%v: %d MiB", args[:2], used>>10)
		if args[0] == "map" && !strings.Contains(out.String(), "499900 areas") {
			t.Errorf("%s", out.String())
		}
	}
}

// Archives in pieces are what a search holds most for. Its memory does not grow with the processors of a computer.
func TestPiecesMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	random := rand.New(rand.NewPCG(5, 5))
	var image bytes.Buffer
	put := func(p []byte) {
		image.Write(p)
		image.Write(make([]byte, -image.Len()&4095))
	}
	put(make([]byte, 1<<20))
	for range 60 {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		for i := range 40_000 {
			fmt.Fprintf(w, "%d values of sensor %d at %d\n", random.IntN(1e6), random.IntN(50), i)
		}
		must(t, w.Close())
		cut := z.Len() * 6 / 10 &^ 4095
		put(z.Bytes()[:cut])
		gap := make([]byte, 64<<10)
		for i := range gap {
			gap[i] = byte(random.Uint32())
		}
		put(gap)
		put(z.Bytes()[cut:])
	}
	path := filepath.Join(t.TempDir(), "archives.img")
	must(t, os.WriteFile(path, image.Bytes(), 0o600))
	var out bytes.Buffer
	cmd := exec.Command(program(t), "carve", path, "--to", filepath.Join(t.TempDir(), "case"))
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), "GOMAXPROCS=64"), &out, &out
	must(t, cmd.Start())
	peak := make(chan int)
	go func() { peak <- peakOf(cmd.Process.Pid) }()
	err := cmd.Wait()
	used := <-peak
	if code := cmd.ProcessState.ExitCode(); code != ExitDone && code != ExitReserved {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if used == 0 || used > 224<<10 {
		t.Errorf("it took %d KiB", used)
	}
	t.Logf("%d MiB", used>>10)
}

// peakOf watches a process until it ends, and returns the most memory that it had, in KiB. What the system says at its
// end will not do: there, the memory of the process that started it counts too.
func peakOf(pid int) (peak int) {
	for {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return peak
		}
		found := false
		for line := range strings.Lines(string(status)) {
			if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				found = true
				n := 0
				if _, err := fmt.Sscan(rest, &n); err == nil {
					peak = max(peak, n)
				}
			}
		}
		if !found { // it has ended and is not waited for yet
			return peak
		}
		time.Sleep(2 * time.Millisecond)
	}
}
