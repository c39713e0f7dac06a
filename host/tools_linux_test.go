package host

import (
	"os"
	"os/exec"
	"testing"

	"salvor/host/hosttest"
)

// startMount makes the file mount show what the nbdkit script serves, and returns what ends that.
func startMount(t *testing.T, mount, script string) func() {
	t.Helper()
	cmd := exec.Command("nbdfuse", "-r", mount, "--command", "nbdkit", "-s", "--exit-with-parent", "sh", script)
	mustPanicFree(t, cmd.Start())
	eventually(t, "the FUSE file", func() bool {
		st, err := os.Stat(mount)
		return err == nil && st.Size() > 0
	})
	return func() {
		_ = exec.Command("fusermount3", "-u", mount).Run()
		_ = exec.Command("umount", mount).Run()
		_ = cmd.Wait()
	}
}

// beside runs what this program does beside its tests.
func beside() { hosttest.Main(roles) }
