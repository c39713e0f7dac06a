package hosttest

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"salvor/internal/need"
)

// Silent mounts a file system on the folder point whose server says nothing, as that of a card that died or of a share whose
// computer is gone: who asks it waits. What release does, and the end of the test, ends the waiting.
func Silent(t testing.TB, point string) (release func()) {
	t.Helper()
	need.Root(t)
	fuse, err := syscall.Open("/dev/fuse", syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		need.Lacking(t, "/dev/fuse: %v", err)
	}
	if err := os.MkdirAll(point, 0o700); err != nil {
		t.Fatal(err)
	}
	err = syscall.Mount("/dev/silent", point, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse))
	if err != nil {
		syscall.Close(fuse)
		need.Lacking(t, "mount: %v", err)
	}
	released := false
	release = func() {
		if released {
			return
		}
		released = true
		syscall.Close(fuse)
		if err := syscall.Unmount(point, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(release)
	return release
}
