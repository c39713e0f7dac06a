package ui

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// TestSilentPlaces lists folders beside a drive that does not answer, and that drive, and a case on it: no page waits for it,
// and what does answer is told as ever.
func TestSilentPlaces(t *testing.T) {
	need.Root(t)
	dir := home(t)
	dead := filepath.Join(dir, "dead-card")
	known, err := openKnown(filepath.Join(dir, "state"))
	if err != nil {
		t.Fatal(err)
	}
	lost := knownCase{Dir: filepath.Join(dead, "rescued")}
	for _, err := range []error{os.MkdirAll(lost.Dir, 0o700), os.MkdirAll(filepath.Join(dir, "alive"), 0o700),
		os.WriteFile(filepath.Join(dir, "alive", "case.json"), []byte("{}"), 0o600), os.Symlink(filepath.Join(dead, "photos"), filepath.Join(dir, "link to it")), known.add(lost)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	s.asker.folder = 5 * time.Second // of which the single ones beside it take up to two
	b := open(t, s)
	hosttest.Silent(t, dead)
	begun := time.Now()
	b.get("/pick/case")
	b.must("dead-card", "alive", `action="/cases"`)
	if n := strings.Count(b.page, `action="/cases"`); n != 1 {
		t.Errorf("%d folders are called cases", n)
	}
	b.get("/pick/source")
	b.must("gateway.img", "dead-card", "link to it")
	b.link("dead-card")
	b.must("This folder does not answer")
	b.get("/cases")
	b.must("rescued", "does not answer")
	b.get("/case/" + lost.Key())
	b.must("does not answer")
	// Each of these waits for as long as a page may, and no longer.
	if took := time.Since(begun); took > 40*time.Second {
		t.Errorf("the pages took %v", took)
	}
}
