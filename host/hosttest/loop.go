package hosttest

import (
	"os/exec"
	"strings"
	"testing"

	"salvor/internal/need"
)

// LoopDevice makes an image a device until the test ends, which only an administrator may read. The options are those of
// losetup.
func LoopDevice(t testing.TB, image string, options ...string) string {
	t.Helper()
	need.Root(t)
	losetup := need.Tool(t, "losetup", "mount")
	out, err := exec.Command(losetup, append(options, "-f", "--show", image)...).CombinedOutput()
	if err != nil {
		need.Lacking(t, "no loop device: %v: %s", err, out)
	}
	dev := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command(losetup, "-d", dev).CombinedOutput(); err != nil {
			t.Errorf("losetup -d %s: %v: %s", dev, err, out)
		}
	})
	return dev
}
