package hosttest

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"salvor/internal/need"
)

// Silent mounts a file system on the folder point whose server says nothing, as that of a card that died or of a share whose
// computer is gone: who asks it waits. What release does, and the end of the test, ends the waiting.
func Silent(t testing.TB, point string) (release func()) {
	t.Helper()
	need.Root(t)
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		need.Lacking(t, "/dev/fuse: %v", err)
	}
	if err := os.MkdirAll(point, 0o700); err != nil {
		t.Fatal(err)
	}
	err = unix.Mount("/dev/silent", point, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse))
	if err != nil {
		unix.Close(fuse)
		need.Lacking(t, "mount: %v", err)
	}
	released := false
	release = func() {
		if released {
			return
		}
		released = true
		unix.Close(fuse)
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(release)
	return release
}
