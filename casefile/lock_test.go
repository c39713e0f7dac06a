package casefile

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/host"
)

func TestOneWriterAtATime(t *testing.T) {
	dir := t.TempDir()
	o := start(t, dir)
	if o.said != "open" {
		t.Fatal(o.said)
	}
	_, err := Open(dir, Writer, Options{})
	var l *LockedError
	if !errors.As(err, &l) || l.Holder.PID != o.cmd.Process.Pid || l.Elsewhere {
		t.Fatalf("%v", err)
	}
	if r := refusal(t, err); r.Exit != host.ExitRefused || r.Code != "casefile.locked" || !strings.Contains(r.Why, "process") {
		t.Errorf("%+v", r)
	}
	if second := start(t, dir); !strings.HasPrefix(second.said, "refused:") {
		t.Errorf("a second program: %s", second.said)
	}
	r, err := Open(dir, Reader, Options{})
	must(t, err)
	must(t, r.Close())
	must(t, o.in.Close())
	must(t, o.cmd.Wait())
	if _, err := os.Stat(filepath.Join(dir, "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lock stayed: %v", err)
	}
	c := open(t, dir)
	if _, err := c.VerifyJournal(); err != nil {
		t.Error(err)
	}
}

func TestSecondWriterInOneProcess(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	if _, err := Open(dir, Writer, Options{}); err == nil {
		t.Fatal("two writers")
	}
	must(t, c.Close())
	open(t, dir)
}

// A writer that is killed at any moment leaves a case that the next one takes over with nothing lost.
func TestKilledWriterLeavesALockThatIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	for i := range 6 {
		o := start(t, dir)
		if o.said != "open" {
			t.Fatal(o.said)
		}
		time.Sleep(time.Duration(i*7) * time.Millisecond)
		must(t, o.cmd.Process.Kill())
		_ = o.cmd.Wait()
		if _, err := os.Stat(filepath.Join(dir, "lock")); err != nil {
			t.Fatalf("killed, and yet: %v", err)
		}
		c := open(t, dir)
		if c.lock.stale == nil || c.lock.stale.PID != o.cmd.Process.Pid {
			t.Errorf("stale lock %+v", c.lock.stale)
		}
		if _, err := c.VerifyJournal(); err != nil {
			t.Fatal(err)
		}
		acts, err := c.Journal(0)
		must(t, err)
		if last := acts[len(acts)-1]; last.Act != "case.open" || !strings.Contains(string(last.Fields), "stale_lock") {
			t.Errorf("the journal ends with %+v", last)
		}
		must(t, c.Close())
	}
}

func TestManyWritersWantIt(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	inside, got := 0, 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				c, err := Open(dir, Writer, Options{})
				if err != nil {
					var l *LockedError
					if !errors.As(err, &l) {
						t.Error(err)
					}
					continue
				}
				mu.Lock()
				if inside++; inside > 1 {
					t.Error("two writers at once")
				}
				got++
				mu.Unlock()
				mu.Lock()
				inside--
				mu.Unlock()
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got == 0 {
		t.Error("no one got it")
	}
	c := open(t, dir)
	if _, err := c.VerifyJournal(); err != nil {
		t.Error(err)
	}
}

func TestWhoseLockIsStale(t *testing.T) {
	me := self(Options{Now: clock})
	dead := start(t, t.TempDir())
	must(t, dead.cmd.Process.Kill())
	_ = dead.cmd.Wait()
	for _, c := range []struct {
		name             string
		change           func(h *Holder)
		works, elsewhere bool
	}{
		{"this process", func(*Holder) {}, true, false},
		{"another computer", func(h *Holder) { h.Host = "other"; h.PID = 1 }, true, true},
		{"a process that ended", func(h *Holder) { h.PID = dead.cmd.Process.Pid; h.Process = "" }, false, false},
		{"before the computer was started", func(h *Holder) { h.Boot = "another start" }, me.Boot == "", false},
		{"the number of another process", func(h *Holder) { h.Process = "1" }, me.Process == "", false},
		{"a system that tells nothing", func(h *Holder) { h.Boot, h.Process = "", "" }, true, false},
	} {
		h := me
		c.change(&h)
		if works, elsewhere := h.works(me); works != c.works || elsewhere != c.elsewhere {
			t.Errorf("%s: works %v, elsewhere %v", c.name, works, elsewhere)
		}
	}
}

func TestLockOfAnotherComputerIsNotTaken(t *testing.T) {
	dir := t.TempDir()
	must(t, open(t, dir).Close())
	b, err := json.Marshal(Holder{PID: 4711, Host: "another-computer", Start: clock()})
	must(t, err)
	path := filepath.Join(dir, "lock")
	must(t, os.WriteFile(path, b, 0o600))
	_, err = Open(dir, Writer, Options{})
	r := refusal(t, err)
	if r.Exit != host.ExitRefused || !strings.Contains(r.Why, "another-computer") || !strings.Contains(r.Next, "delete") {
		t.Errorf("%+v", r)
	}
	if string(read(t, path)) != string(b) {
		t.Error("the other's lock was changed")
	}
	must(t, os.Remove(path))
	open(t, dir)
}

func TestTornLockIsNoLock(t *testing.T) {
	for _, text := range []string{"", "{", "\x00\x00\x00", `{"pid":0}`, strings.Repeat("x", 1<<20)} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "lock"), []byte(text), 0o600))
		must(t, open(t, dir).Close())
	}
}

func TestReleaseLeavesTheLockOfOthers(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	path := filepath.Join(dir, "lock")
	must(t, os.Remove(path)) // someone deleted it by hand, and another one works
	must(t, os.WriteFile(path, []byte(`{"pid":1,"nonce":"other"}`), 0o600))
	must(t, c.Close())
	if _, err := os.Stat(path); err != nil {
		t.Error("the other's lock was removed")
	}
}

// noLock is a file system without locks of its own: FAT on some systems, network shares.
func noLock(*os.File) (bool, bool, error) { return false, false, nil }

func TestFileSystemWithoutLocks(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	o := Options{Now: time.Now}
	first, err := acquire(root, dir, o, noLock)
	must(t, err)
	var l *LockedError
	if _, err := acquire(root, dir, o, noLock); !errors.As(err, &l) || l.Holder.PID != os.Getpid() {
		t.Errorf("%v", err)
	}
	must(t, first.release())
	dead := start(t, t.TempDir())
	must(t, dead.cmd.Process.Kill())
	_ = dead.cmd.Wait()
	// Several find the lock of a process that is gone, at the same time: one gets it.
	for range 3 {
		stale := self(o)
		stale.PID, stale.Process = dead.cmd.Process.Pid, ""
		b, err := json.Marshal(stale)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(dir, lockName), b, 0o600))
		var wg sync.WaitGroup
		got := make(chan *lock, 6)
		for range cap(got) {
			wg.Go(func() {
				l, err := acquire(root, dir, o, noLock)
				var locked *LockedError
				if err != nil && !errors.As(err, &locked) {
					t.Error(err)
				}
				if l != nil {
					got <- l
				}
			})
		}
		wg.Wait()
		if len(got) != 1 {
			t.Fatalf("%d writers", len(got))
		}
		must(t, (<-got).release())
	}
}

func TestLockThatTheSystemRefuses(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	must(t, err)
	defer root.Close()
	fail := errors.New("input/output error")
	if _, err := acquire(root, dir, Options{Now: time.Now}, func(*os.File) (bool, bool, error) { return false, false, fail }); !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
}
