package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"salvor/block"
)

// Roles of this program beside its tests: what a user without rights does.
var roles = map[string]func() int{"read": roleRead, "bad": roleBad, "hold": roleHold, "direct": roleDirect, "impatient": roleImpatient, "lock": roleLock, "become": roleBecome, "await": roleAwait, "probe": roleProbe}

const deviceVariable = "SALVOR_TEST_DEVICE"

// seenByUser is what a role found, for the test that started it.
type seenByUser struct {
	Error, Code, Next, Told string
	UID                     int
	Capabilities            string
	Sum                     string
	Size                    int64
	Writable                bool
	Flag                    []bool // before, while locked, behind
	Again                   string // error of a second opening
	AfterKill, LockLost     string
}

func (s *seenByUser) say() int {
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return 1
	}
	return 0
}

func (s *seenByUser) failed(err error) int {
	s.Error = err.Error()
	var refused *RefusedError
	if errors.As(err, &refused) {
		s.Code, s.Next = refused.Code, refused.Next
	}
	return s.say()
}

// roleProbe asks whether a folder takes files.
func roleProbe() int {
	target := Target{Dir: os.Getenv(deviceVariable)}
	return new(seenByUser).failed(target.Probe())
}

func (s *seenByUser) rights() (*Rights, context.Context) {
	r := NewRights(RightsOptions{Ask: true, Tell: func(what string) { s.Told += what }})
	return r, WithRights(context.Background(), r)
}

// roleRead reads all of a device, kills the reader and the keeper meanwhile, and tries what must not be.
func roleRead() int {
	s := &seenByUser{UID: os.Geteuid()}
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if v, ok := strings.CutPrefix(line, "CapEff:"); ok {
			s.Capabilities = strings.TrimSpace(v)
		}
	}
	r, ctx := s.rights()
	defer r.Close()
	o, err := Open(ctx, os.Getenv(deviceVariable), OpenOptions{})
	if err != nil {
		return s.failed(err)
	}
	defer o.Close()
	s.Size = o.Size
	if n, err := unix.Write(int(o.file.Fd()), make([]byte, 512)); err == nil {
		s.Writable = n > 0
	}
	if f, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", o.file.Fd()), os.O_RDWR, 0); err == nil {
		s.Writable = true
		f.Close()
	}
	if err := s.locked(o); err != nil {
		return s.failed(err)
	}
	if h := HealthOf(ctx, o); h.Silent {
		return s.failed(errors.New("no health"))
	}

	half := make([]byte, o.Size/2)
	hash := sha256.New()
	src := o.Source.(*processSource)
	for i := range int64(2) {
		if _, err := src.ReadAt(half, i*int64(len(half))); err != nil {
			return s.failed(err)
		}
		hash.Write(half)
		if err := src.p.cmd.Process.Kill(); err != nil { // the next half has a new reader
			return s.failed(err)
		}
	}
	s.Sum = fmt.Sprintf("%x", hash.Sum(nil))
	if second, err := Open(ctx, os.Getenv(deviceVariable), OpenOptions{}); err != nil {
		s.Again = err.Error()
	} else {
		second.Close()
	}
	// The keeper is the user's own, so that the user may end it. What is open is read to its end all the same.
	exe, _ := os.Executable()
	for _, pid := range keepersOf(exe) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return s.failed(err)
		}
	}
	if _, err := src.ReadAt(half, 0); err != nil {
		s.AfterKill = err.Error()
	}
	if _, err := LockReadOnly(o); err != nil {
		s.LockLost = err.Error()
	}
	return s.say()
}

// keepersOf are the keepers of a program that run now.
func keepersOf(program string) (out []int) {
	list, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range list {
		b, _ := os.ReadFile(file)
		var pid int
		if string(b) == program+"\x00"+keeperArgument+"\x00" {
			fmt.Sscanf(file, "/proc/%d/", &pid)
			out = append(out, pid)
		}
	}
	return out
}

// rightlessVariable gives a role no rights to ask for.
const rightlessVariable = "SALVOR_TEST_RIGHTLESS"

// roleLock sets the read-only flag of a device and puts it back.
func roleLock() int {
	s := &seenByUser{}
	r, ctx := s.rights()
	defer r.Close()
	if os.Getenv(rightlessVariable) != "" {
		ctx = WithRights(ctx, nil)
	} else if !r.Needs(os.Getenv(deviceVariable)) {
		return s.failed(errors.New("it needs no rights"))
	}
	o, err := Open(ctx, os.Getenv(deviceVariable), OpenOptions{})
	if err != nil {
		return s.failed(err)
	}
	defer o.Close()
	if err := s.locked(o); err != nil {
		return s.failed(err)
	}
	return s.say()
}

// roleAwait waits for a device that came back, and that this user may not read.
func roleAwait() int {
	s := &seenByUser{}
	dev := os.Getenv(deviceVariable)
	ctx, cancel := context.WithTimeout(WithRights(context.Background(), NewRights(RightsOptions{})), 2500*time.Millisecond)
	defer cancel()
	b := NewStandby(&Opened{}, Identity{Path: dev, Device: true, Size: 1 << 20}, OpenOptions{})
	err := b.Await(ctx, nil, func(what string) { s.Told += what + "\n" })
	return s.failed(err)
}

// roleBad reads a device of which a part cannot be read.
func roleBad() int {
	s := &seenByUser{}
	r, ctx := s.rights()
	defer r.Close()
	o, err := Open(ctx, os.Getenv(deviceVariable), OpenOptions{})
	if err != nil {
		return s.failed(err)
	}
	defer o.Close()
	p := bytes.Repeat([]byte{0xAA}, 64<<10)
	n, err := o.Source.ReadAt(p, 1<<20+4096)
	u, ok := block.IsUnreadable(err)
	if n != 0 || !ok || u.Ranges[0].Why != block.Bad || !errors.Is(err, syscall.EIO) {
		return s.failed(fmt.Errorf("a bad range gave %d, %v", n, err))
	}
	if n, err := o.Source.ReadAt(p, 3<<20); n != len(p) || err != nil {
		return s.failed(fmt.Errorf("a good range gave %d, %v", n, err))
	}
	s.Sum = fmt.Sprintf("%x", sha256.Sum256(p))
	return s.say()
}

// roleHold locks a device and waits to be killed.
func roleHold() int {
	s := &seenByUser{}
	r, ctx := s.rights()
	defer r.Close()
	o, err := Open(ctx, os.Getenv(deviceVariable), OpenOptions{})
	if err != nil {
		return s.failed(err)
	}
	if _, err := LockReadOnly(o); err != nil {
		return s.failed(err)
	}
	s.say()
	io.Copy(io.Discard, os.Stdin)
	return 0
}

// roleImpatient waits a little for what no one decides.
func roleImpatient() int {
	s := &seenByUser{}
	r, ctx := s.rights()
	ctx, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	err := r.Acquire(ctx, os.Getenv(deviceVariable))
	if took := time.Since(begin); err == nil || took > 5*time.Second {
		err = fmt.Errorf("%v after %v", err, took)
	}
	return s.failed(err)
}

// roleDirect opens without any rights in its context.
func roleDirect() int {
	s := &seenByUser{}
	o, err := Open(context.Background(), os.Getenv(deviceVariable), OpenOptions{})
	if err != nil {
		return s.failed(err)
	}
	o.Close()
	return s.say()
}

// locked notes the read-only flag of a device before, while and after it is locked.
func (s *seenByUser) locked(o *Opened) error {
	flag := func() { n, _ := ioctlInt(o.file, unix.BLKROGET); s.Flag = append(s.Flag, n == 1) }
	flag()
	unlock, err := LockReadOnly(o)
	if err != nil {
		return err
	}
	flag()
	err = unlock()
	flag()
	return err
}
