//go:build linux

package rescue

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// loopDevice attaches image read-only as a block device with sectors of that size.
func loopDevice(t *testing.T, image string, sector int, readOnly bool) string {
	t.Helper()
	options := []string{"-b", fmt.Sprint(sector)}
	if readOnly {
		options = append(options, "-r")
	}
	return hosttest.LoopDevice(t, image, options...)
}

// TestSectorSizes reads the example from block devices of every size of sector that the kernel makes.
func TestSectorSizes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	image := copyOf(t, exampleImage, dir)
	to := filepath.Join(dir, "plain")
	_, err := rescued(t, image, to, nil, nil)
	must(t, err)
	want := saved(t, to)
	for _, sector := range []int{512, 1024, 2048, 4096} {
		t.Run(fmt.Sprint(sector), func(t *testing.T) {
			device := loopDevice(t, image, sector, true)
			to := filepath.Join(t.TempDir(), "case")
			code, stdout, stderr := salvor(t, "rescue", device, "--to", to)
			if code != ExitReserved {
				t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
			}
			if d := differences(want, saved(t, to)); len(d) > 0 {
				t.Errorf("%d differences: %.500q", len(d), d)
			}
			record, err := os.ReadFile(filepath.Join(to, "case.json"))
			must(t, err)
			if !bytes.Contains(record, fmt.Appendf(nil, `"sector_size": %d,`, sector)) {
				t.Errorf("the record does not have the size of the sectors:\n%s", record)
			}
		})
	}
}

// TestNativeSectors partitions a device of 4096-byte sectors, whose table counts in them.
func TestNativeSectors(t *testing.T) {
	need.Tools(t, "sfdisk", "mke2fs")
	dir := t.TempDir()
	image := filepath.Join(dir, "native.img")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, 32<<20))
	device := loopDevice(t, image, 4096, false)
	cmd := exec.Command("sfdisk", "-q", "--no-reread", "--no-tell-kernel", device)
	cmd.Stdin = strings.NewReader("label: gpt\nstart=256, size=4096, name=native\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v %s", err, out)
	}
	tree := filepath.Join(dir, "tree")
	must(t, os.Mkdir(tree, 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "note.txt"), []byte(strings.Repeat("on sectors of 4096 bytes\n", 40)), 0o644))
	if out, err := exec.Command("mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", "four", "-d", tree, "-E", "offset=1048576", device, "4096").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v %s", err, out)
	}
	to := filepath.Join(dir, "case")
	code, stdout, stderr := salvor(t, "rescue", device, "--to", to)
	if code != ExitDone || !strings.Contains(stdout, `partition "native"                at 0x100000`) {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
	if p, err := os.ReadFile(filepath.Join(to, "files", "1-four", "note.txt")); err != nil || !strings.HasPrefix(string(p), "on sectors") {
		t.Errorf("%v\n%s", err, stdout)
	}
}
