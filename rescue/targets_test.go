//go:build linux

package rescue

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/recovery"
)

// fuseTarget makes a file system of that size on a loop device and mounts it by its FUSE driver.
func fuseTarget(t *testing.T, size int64, mkfs []string, driver []string) string {
	t.Helper()
	need.Root(t)
	need.Tools(t, mkfs[0], driver[0], "losetup", "umount")
	if _, err := os.Stat("/dev/fuse"); err != nil {
		need.Lacking(t, "there is no FUSE here")
	}
	dir := t.TempDir()
	image, point := filepath.Join(dir, "target.img"), filepath.Join(dir, "target")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, size))
	must(t, os.Mkdir(point, 0o755))
	device := loopDevice(t, image, 512, false)
	command(t, mkfs[0], append(mkfs[1:], device)...)
	command(t, driver[0], append(driver[1:], device, point)...)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", point).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return point
}

// drivers are the file systems of memory sticks and of Windows that a FUSE driver here can write.
var drivers = []struct {
	name         string
	mkfs, driver []string
}{
	{"exFAT", []string{"mkfs.exfat"}, []string{"mount.exfat-fuse"}},
	{"NTFS", []string{"mkntfs", "-Q", "-F", "-q"}, []string{"ntfs-3g", "-o", "windows_names"}},
}

// TestCaseOnOtherFileSystems puts whole cases, with a copy, on file systems without links, modes and names of any kind,
// and goes on with them.
func TestCaseOnOtherFileSystems(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	first, err := rescued(t, exampleImage, plain, nil, nil)
	must(t, err)
	sums := map[string]int{} // of whole files, by content
	for _, e := range entries(t, plain) {
		if e.Save == recovery.Saved && e.SHA256 != "" {
			sums[e.SHA256]++
		}
	}
	for _, d := range drivers {
		t.Run(d.name, func(t *testing.T) {
			to := filepath.Join(fuseTarget(t, 96<<20, d.mkfs, d.driver), "case")
			for range 2 {
				code, stdout, stderr := salvor(t, "rescue", exampleImage, "--to", to, "--copy")
				if code != first.Exit || !strings.Contains(stdout, first.State) {
					t.Fatalf("exit %d, want %d\n%s%s", code, first.Exit, stdout, stderr)
				}
			}
			if code, stdout, stderr := salvor(t, "verify", to); code != ExitDone {
				t.Errorf("verify: exit %d\n%s%s", code, stdout, stderr)
			}
			got := map[string]int{}
			for _, e := range entries(t, to) {
				if e.Save == recovery.Saved && e.SHA256 != "" {
					got[e.SHA256]++
					if h := hashOf(t, filepath.Join(to, filepath.FromSlash(e.SavedAs))); h != e.SHA256 {
						t.Errorf("%s is not what was saved", e.SavedAs)
					}
				}
			}
			for sum, n := range sums {
				if got[sum] < n {
					t.Errorf("%d files of content %.8s, want %d", got[sum], sum, n)
				}
			}
			need.Tools(t, "sha256sum")
			cmd := exec.Command("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")
			cmd.Dir = to
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("sha256sum: %v %s", err, out)
			}
			if hashOf(t, filepath.Join(to, "image", "1.img")) != hashOf(t, exampleImage) {
				t.Error("the copy is not the source")
			}
		})
	}
}

// TestFullOtherFileSystems fills such a target in the middle of the work: what is saved stands, and with room again the
// same command comes to the end.
func TestFullOtherFileSystems(t *testing.T) {
	for _, d := range drivers {
		for _, step := range []string{"check", "save"} {
			if step != "save" && !need.CI() {
				continue
			}
			t.Run(d.name+" "+step, func(t *testing.T) {
				point := fuseTarget(t, 48<<20, d.mkfs, d.driver)
				to := filepath.Join(point, "case")
				var free func()
				l := &listener{onProgress: func(p wire.Progress) {
					if p.Step == step && free == nil {
						free = fill(t, point, 0)
					}
				}}
				r, err := rescued(t, exampleImage, to, nil, l)
				if err == nil || r.Exit != ExitStopped || r.Code != "target.full" {
					t.Errorf("on a full target: exit %d, code %q, want %d and target.full (%s; %v)", r.Exit, r.Code, ExitStopped, r.State, err)
				}
				free()
				if r, err = rescued(t, exampleImage, to, nil, nil); err != nil || r.Exit != ExitReserved {
					t.Errorf("with room again: exit %d, %v: %s", r.Exit, err, r.State)
				}
				if code, stdout, stderr := salvor(t, "verify", to); code != ExitDone {
					t.Errorf("verify: exit %d\n%s%s", code, stdout, stderr)
				}
			})
		}
	}
}
