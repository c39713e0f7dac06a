package host

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// TestKeeperAndSignals sends the keeper what ends all programs of a name, of a session or of a terminal: the flag that it keeps
// must not stay behind.
func TestKeeperAndSignals(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	dev, _, _ := loop(t, 1<<20)
	flag := func() string { return strings.TrimSpace(run(t, "blockdev", "--getro", dev)) }
	cmd, in := holds(t, d, dev)
	list := keepersOf(d.Program())
	if len(list) != 1 {
		t.Fatalf("%d keepers", len(list))
	}
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT, unix.SIGUSR1} {
		mustPanicFree(t, unix.Kill(list[0], s))
	}
	in.Close() // the parent ends
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	noKeeper(t, d)
	if flag() != "0" {
		t.Error("the read-only flag outlived its owner")
		run(t, "blockdev", "--setrw", dev)
	}
}

// kept is a keeper of a device that is made up, and the end of its parent.
type kept struct {
	keeper
	parent  *os.File
	flagged bool
	set     []bool
	ended   chan error
}

// newKept begins a keeper after it was prepared.
func newKept(t *testing.T, prepare func(*kept)) *kept {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	mustPanicFree(t, err)
	mustPanicFree(t, unix.SetNonblock(pair[0], true)) // for deadlines
	k := &kept{parent: os.NewFile(uintptr(pair[0]), "parent"), ended: make(chan error, 1)}
	k.keeper = keeper{flag: func() (bool, error) { return k.flagged, nil }, set: func(on bool) error {
		k.flagged, k.set = on, append(k.set, on)
		return nil
	}, ask: func() healthPages { return healthPages{} }}
	prepare(k)
	go func() {
		err := k.serve(pair[1])
		k.ended <- errors.Join(err, unix.Close(pair[1]))
	}()
	return k
}

func (k *kept) question(t *testing.T, q ...byte) {
	t.Helper()
	_, err := k.parent.Write(q)
	mustPanicFree(t, err)
}

func (k *kept) answer(t *testing.T) keeperAnswer {
	t.Helper()
	a, _, err := receive(k.parent)
	mustPanicFree(t, err)
	return a
}

func (k *kept) end(t *testing.T) {
	t.Helper()
	mustPanicFree(t, k.parent.Close())
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
}

// TestKeeperLeavesWhatWasThere holds that a flag which someone else set stays, and one that it set itself goes.
func TestKeeperLeavesWhatWasThere(t *testing.T) {
	for _, was := range []bool{false, true} {
		k := newKept(t, func(k *kept) { k.flagged = was })
		for n := range byte(2) {
			k.question(t, keeperLock, n, 0, 0, 0)
			if a := k.answer(t); a.Error != "" {
				t.Error(a.Error)
			}
		}
		k.end(t)
		if want := map[bool][]bool{false: {true, false}, true: nil}[was]; k.flagged != was || !slices.Equal(k.set, want) {
			t.Errorf("was %v, is %v; set %v", was, k.flagged, k.set)
		}
	}
}

// TestKeeperAsksOnce holds that a disk which does not answer is asked one question, however often that is wanted, and that it
// holds up nothing else.
func TestKeeperAsksOnce(t *testing.T) {
	begun, wait := make(chan struct{}, 100), make(chan struct{})
	k := newKept(t, func(k *kept) {
		k.ask = func() healthPages {
			begun <- struct{}{}
			<-wait
			return healthPages{GrownDefects: 7}
		}
	})
	k.question(t, keeperHealth, 1, 0, 0, 0)
	<-begun
	for n := byte(2); n < 50; n++ {
		k.question(t, keeperHealth, n, 0, 0, 0)
		if a := k.answer(t); a.Number != uint32(n) || !strings.Contains(a.Error, "did not answer") {
			t.Fatalf("%+v", a)
		}
	}
	k.question(t, keeperLock, 60, 0, 0, 0)
	if a := k.answer(t); a.Number != 60 || a.Error != "" {
		t.Errorf("%+v", a)
	}
	if len(begun) != 0 {
		t.Errorf("%d more questions went to the disk", len(begun))
	}
	close(wait)
	if a := k.answer(t); a.Number != 1 || a.Pages == nil || a.Pages.GrownDefects != 7 {
		t.Errorf("%+v", a)
	}
	k.question(t, keeperHealth, 61, 0, 0, 0)
	if a := k.answer(t); a.Number != 61 || a.Pages == nil {
		t.Errorf("the next question: %+v", a)
	}
	k.end(t)
}

// TestSilentDiskStaysSilent holds that a disk which does not answer is said to be silent each time that it is asked, also while
// the keeper waits for it.
func TestSilentDiskStaysSilent(t *testing.T) {
	wait := make(chan struct{})
	k := newKept(t, func(k *kept) {
		k.ask = func() healthPages { <-wait; return healthPages{} }
	})
	g := &grant{conn: k.parent}
	for n := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := g.askHealth(ctx, nil, ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("question %d: %v", n, err)
		}
		cancel()
	}
	close(wait)
	mustPanicFree(t, k.parent.SetDeadline(time.Time{})) // that of the last question
	if a := k.answer(t); a.Number != 1 || a.Pages == nil {
		t.Errorf("%+v", a)
	}
	k.end(t)
}

// TestParentLeaves holds that a parent which goes away in the middle of an answer ends the keeper as any other does: without an
// error, and without the flag.
func TestParentLeaves(t *testing.T) {
	t.Run("before the answer", func(t *testing.T) {
		begun, wait := make(chan struct{}, 1), make(chan struct{})
		k := newKept(t, func(k *kept) {
			flag := k.flag
			k.flag = func() (bool, error) {
				begun <- struct{}{}
				<-wait
				return flag()
			}
		})
		k.question(t, keeperLock, 1, 0, 0, 0)
		<-begun
		mustPanicFree(t, k.parent.Close())
		close(wait)
		k.left(t)
	})
	t.Run("without reading it", func(t *testing.T) {
		k := newKept(t, func(*kept) {})
		k.question(t, keeperLock, 1, 0, 0, 0)
		err := control(k.parent, func(fd uintptr) error {
			n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 60_000)
			if err == nil && n != 1 {
				err = errors.New("no answer came")
			}
			return err
		})
		mustPanicFree(t, err)
		mustPanicFree(t, k.parent.Close())
		k.left(t)
	})
}

// left waits for the end of a keeper that had set the flag.
func (k *kept) left(t *testing.T) {
	t.Helper()
	if err := <-k.ended; err != nil {
		t.Error(err)
	}
	if !slices.Equal(k.set, []bool{true, false}) {
		t.Errorf("set %v", k.set)
	}
}

// TestMediumChangedWhileAsked puts another medium into a disk while a person gives the password for the first one.
func TestMediumChangedWhileAsked(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	dev, image, _ := loop(t, 1<<20)
	if _, err := os.Stat(filepath.Join("/sys/block", filepath.Base(dev), "diskseq")); err != nil {
		need.Lacking(t, "this system does not count media")
	}
	other := filepath.Join(t.TempDir(), "other")
	writeFile(t, other, make([]byte, 1<<20))
	d.Decide(func(string, []string) (int, string) {
		for _, args := range [][]string{{"-d", dev}, {dev, other}} {
			if out, err := exec.Command("losetup", args...).CombinedOutput(); err != nil {
				return 1, string(out)
			}
		}
		return 0, ""
	})
	s := as(t, d, "read", dev)
	if !strings.Contains(s.Error, "another medium") || s.Sum != "" {
		t.Errorf("%+v", s)
	}
	noKeeper(t, d)
	run(t, "losetup", "-d", dev)
	run(t, "losetup", dev, image) // which the test behind it takes away
}
