package host_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"salvor/host"
	"salvor/host/hosttest"
	"salvor/internal/need"
)

// TestPlaceThatDoesNotAnswer lists a mount whose server says nothing: it is a place all the same, and nobody asks it.
func TestPlaceThatDoesNotAnswer(t *testing.T) {
	need.Root(t)
	point, err := os.MkdirTemp("/mnt", "salvor-silent-")
	if err != nil {
		need.Lacking(t, "%v", err)
	}
	t.Cleanup(func() { _ = os.Remove(point) })
	release := hosttest.Silent(t, point)
	asked := make(chan error, 1)
	go func() {
		_, err := os.Stat(point)
		asked <- err
	}()
	found := make(chan []host.Place, 1)
	go func() { found <- host.Places("/") }()
	select {
	case places := <-found:
		if !slices.Contains(places, host.Place{Kind: host.PlaceDrive, Path: point}) {
			t.Errorf("%s is not among %v", point, places)
		}
	case <-time.After(20 * time.Second):
		t.Error("the list waits for a mount that does not answer")
	}
	drives := make(chan error, 1)
	go func() {
		_, err := host.Drives(t.Context())
		drives <- err
	}()
	select {
	case err := <-drives:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the list of drives waits for a mount that does not answer")
	}
	select {
	case err := <-asked:
		t.Errorf("the mount answered: %v", err)
	default:
	}
	release()
	<-asked
}
