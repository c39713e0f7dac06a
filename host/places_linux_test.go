package host

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"salvor/internal/need"
)

// TestPlaceThatDoesNotAnswer mounts a file system whose server says nothing, as that of a card that died does: who asks it waits
// until it goes. It is a place all the same, and nobody asks it.
func TestPlaceThatDoesNotAnswer(t *testing.T) {
	need.Root(t)
	fuse, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		need.Lacking(t, "/dev/fuse: %v", err)
	}
	point, err := os.MkdirTemp("/mnt", "salvor-silent-")
	if err != nil {
		need.Lacking(t, "%v", err)
	}
	defer os.Remove(point)
	err = unix.Mount("silent", point, "fuse", 0, fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse))
	if err != nil {
		unix.Close(fuse)
		need.Lacking(t, "mount: %v", err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := os.Stat(point)
		asked <- err
	}()
	found := make(chan []Place, 1)
	go func() { found <- Places("/") }()
	select {
	case places := <-found:
		if !slices.Contains(places, Place{PlaceDrive, point}) {
			t.Errorf("%s is not among %v", point, places)
		}
	case <-time.After(20 * time.Second):
		t.Error("the list waits for a mount that does not answer")
	}
	select {
	case err := <-asked:
		t.Errorf("the mount answered: %v", err)
	default:
	}
	unix.Close(fuse) // ends the waiting
	if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
		t.Error(err)
	}
	<-asked
}
