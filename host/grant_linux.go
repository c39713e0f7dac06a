package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// canElevate says that devices can be opened with the rights of an administrator on this system.
const canElevate = true

const (
	// grantKept is how long a permission that no one uses is kept: as long as sudo remembers a password.
	grantKept = 15 * time.Minute
	// keeperDeadline is the time for an answer that needs no disk. Setting a flag waits for none.
	keeperDeadline = 30 * time.Second
	// maxKeeperMessage bounds what the keeper says at once, in bytes: a socket takes no larger piece.
	maxKeeperMessage = 128 << 10
	// maxSaid bounds what is kept of the words of sudo or pkexec, in bytes.
	maxSaid = 4 << 10
)

// grant is the permission to read one device: a descriptor that can only read, and the process that keeps the few rights
// which a descriptor does not carry.
type grant struct {
	real, number, sequence string
	f                      *os.File

	talk   sync.Mutex // one question at a time
	conn   *os.File
	asked  uint32
	closed bool

	mu      sync.Mutex
	users   int
	dropped bool
	idle    *time.Timer
}

// diskSequence is a number that the system gives to each medium that comes into a disk, "" where it gives none.
func diskSequence(number string) string {
	s := System{}
	name := s.nameOfNumber(number)
	if name == "" {
		return ""
	}
	return s.attribute(s.wholeDisk(name), "diskseq")
}

// fits reports whether what the permission was given for is still there.
func (g *grant) fits() bool {
	size, err := deviceSize(g.f)
	if err != nil || size == 0 || diskSequence(g.number) != g.sequence {
		return false
	}
	n, ok := System{}.number("sys/dev/block", g.number, "size")
	return ok && n*512 == size
}

// retain begins one use, and reports whether there is still something to use.
func (g *grant) retain() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dropped {
		return false
	}
	g.users++
	if g.idle != nil {
		g.idle.Stop()
	}
	return true
}

// release ends one use. A permission that no one uses ends after a while.
func (g *grant) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users > 0 {
		return
	}
	if g.dropped {
		g.end()
		return
	}
	g.idle = time.AfterFunc(grantKept, g.drop)
}

// drop ends the permission with its last use.
func (g *grant) drop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle != nil {
		g.idle.Stop()
	}
	if g.users == 0 && !g.dropped {
		g.end()
	}
	g.dropped = true
}

func (g *grant) end() {
	g.talk.Lock()
	defer g.talk.Unlock()
	if !g.closed {
		g.closed = true
		_ = errors.Join(g.conn.Close(), g.f.Close()) // the keeper ends with its socket
	}
}

// descriptor returns another descriptor of the device.
func (g *grant) descriptor() (*os.File, error) {
	fd := -1
	err := control(g.f, func(from uintptr) (err error) {
		fd, err = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("host: %s: %w", g.real, err)
	}
	return os.NewFile(uintptr(fd), g.real), nil
}

// Questions to the keeper.
const (
	keeperLock   = 'L' // set the read-only flag of the device; it is cleared when the keeper ends
	keeperUnlock = 'U' // clear it
	keeperHealth = 'H' // ask the disk how it is
)

// keeperBusy is the answer to a question of health while the disk did not answer the last one.
const keeperBusy = "the disk did not answer the last question yet"

// keeperAnswer is what the keeper, or the opener, says. The first one brings the descriptor.
type keeperAnswer struct {
	Number uint32       `json:"number,omitempty"` // of the question
	Error  string       `json:"error,omitempty"`
	Pages  *healthPages `json:"pages,omitempty"`
	// Of a refusal.
	Exit int    `json:"exit,omitempty"`
	Code string `json:"code,omitempty"`
	Why  string `json:"why,omitempty"`
	Next string `json:"next,omitempty"`
}

// question asks the keeper once.
func (g *grant) question(what byte, deadline time.Duration) (keeperAnswer, error) {
	g.talk.Lock()
	defer g.talk.Unlock()
	if g.closed {
		return keeperAnswer{}, os.ErrClosed
	}
	g.asked++
	q := []byte{what, byte(g.asked), byte(g.asked >> 8), byte(g.asked >> 16), byte(g.asked >> 24)}
	if err := g.conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		return keeperAnswer{}, err
	}
	if _, err := g.conn.Write(q); err != nil {
		return keeperAnswer{}, fmt.Errorf("host: the process with an administrator's rights is gone: %w", err)
	}
	for {
		a, fd, err := receive(g.conn)
		if fd >= 0 {
			unix.Close(fd) // nothing but the first answer brings one
		}
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return a, fmt.Errorf("host: the process with an administrator's rights does not answer: %w", err)
		case err != nil:
			return a, fmt.Errorf("host: the process with an administrator's rights is gone: %w", err)
		case a.Number == g.asked && a.Error != "":
			return a, fmt.Errorf("host: %s: %s", g.real, a.Error)
		case a.Number == g.asked:
			return a, nil
		} // else the answer to a question that was given up
	}
}

func (g *grant) setReadOnly(on bool) error {
	what := byte(keeperUnlock)
	if on {
		what = keeperLock
	}
	_, err := g.question(what, keeperDeadline)
	return err
}

// askHealth asks the disk how it is, as [askByProcess] does.
func (g *grant) askHealth(ctx context.Context, _ *os.File, _ string) (healthPages, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(healthDeadline)
	}
	a, err := g.question(keeperHealth, time.Until(deadline))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), a.Error == keeperBusy: // it is as silent as it was
		return healthPages{}, context.DeadlineExceeded
	case err != nil || a.Pages == nil:
		return healthPages{}, err
	}
	return *a.Pages, nil
}

// receive returns the next message, and the descriptor that came with it, -1 for none.
func receive(conn *os.File) (a keeperAnswer, fd int, err error) {
	fd = -1
	buf, oob := make([]byte, maxKeeperMessage), make([]byte, unix.CmsgSpace(4*4))
	n, oobn, flags := 0, 0, 0
	c, err := conn.SyscallConn()
	if err != nil {
		return a, fd, err
	}
	var inner error
	err = c.Read(func(s uintptr) bool {
		n, oobn, flags, _, inner = unix.Recvmsg(int(s), buf, oob, unix.MSG_CMSG_CLOEXEC)
		return !errors.Is(inner, unix.EAGAIN)
	})
	if err = errors.Join(err, inner); err != nil {
		return a, fd, err
	}
	var fds []int
	if messages, err := unix.ParseSocketControlMessage(oob[:oobn]); err == nil {
		for _, m := range messages {
			if list, err := unix.ParseUnixRights(&m); err == nil {
				fds = append(fds, list...)
			}
		}
	}
	if len(fds) == 1 {
		fd = fds[0]
	} else {
		for _, f := range fds {
			unix.Close(f)
		}
	}
	switch {
	case n == 0:
		return a, fd, errEnded
	case flags&unix.MSG_TRUNC != 0:
		return a, fd, errors.New("an answer that is too long")
	}
	return a, fd, json.Unmarshal(buf[:n], &a)
}

var errEnded = errors.New("it ended")

// limited keeps the end of what is written.
type limited struct{ b []byte }

func (l *limited) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	l.b = l.b[max(0, len(l.b)-maxSaid):]
	return len(p), nil
}

// startOpener starts this program by e, to open the device at real. It returns the permission; or a refusal of what was started; or
// neither, with what e said, when it started nothing.
func startOpener(ctx context.Context, e elevator, real string) (g *grant, said string, err error) {
	number, err := deviceNumber(real)
	if err != nil {
		return nil, "", openError(real, err)
	}
	sequence := diskSequence(number)
	exe, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, "", fmt.Errorf("host: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "opener")
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		return nil, "", errors.Join(err, theirs.Close())
	}
	conn := os.NewFile(uintptr(pair[0]), "opener") // not blocking, so that deadlines and Close end a wait
	var words limited
	cmd := exec.Command(e.program, slices.Concat(e.options, []string{exe, openerArgument, real})...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, readerVariable) })
	cmd.Stdin, cmd.Stderr, cmd.WaitDelay = theirs, &words, time.Second
	if e.terminal {
		cmd.Stderr = &both{&words, os.Stderr} // "Sorry, try again."
	} else {
		cmd.SysProcAttr = readerAttributes() // what asks in a terminal must stay in the group that may read there
	}
	err = cmd.Start()
	theirs.Close()
	if err != nil {
		conn.Close()
		return nil, err.Error(), nil
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	a, fd, err := receive(conn)
	if err == nil && fd >= 0 && a.Why == "" {
		g, err = newGrant(real, number, sequence, conn, fd)
		if err == nil {
			return g, "", nil
		}
		conn.Close()
		return nil, "", err
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	conn.Close()
	switch {
	case ctx.Err() != nil:
		_ = cmd.Process.Signal(os.Interrupt) // a window that still asks goes away where the system allows that
		return nil, "", ctx.Err()
	case err == nil && a.Why != "":
		return nil, "", &RefusedError{Exit: a.Exit, Code: a.Code, Why: a.Why, Next: a.Next}
	case err == nil:
		return nil, "", &RefusedError{Exit: ExitError, Code: codeRightsEnd, Why: fmt.Sprintf("%s was not opened: no descriptor came.", real), Next: permissionNext}
	}
	select { // it ended without an answer: why, its own words say
	case <-ended:
		return nil, lastLines(string(words.b)), nil
	case <-time.After(keeperDeadline): // it goes on without its standard input
		return nil, "", nil
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
}

// both writes to a limited memory and to a terminal.
type both struct {
	memory   *limited
	terminal *os.File
}

func (b *both) Write(p []byte) (int, error) {
	if n, err := b.memory.Write(p); err != nil {
		return n, err
	}
	return b.terminal.Write(p)
}

// newGrant takes what came only when it is what was asked for: the same device with the same medium, and nothing that can write.
func newGrant(real, number, sequence string, conn *os.File, fd int) (*grant, error) {
	f := os.NewFile(uintptr(fd), real)
	err := isDevice(fd, number)
	if err == nil && diskSequence(number) != sequence {
		err = errors.New("another medium came into it while a person was asked")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("host: %s: %w", real, err), f.Close())
	}
	return &grant{real: real, number: number, sequence: sequence, f: f, conn: conn}, nil
}

// hasTerminal reports whether this process has a terminal that a program can ask at.
func hasTerminal() bool {
	f, err := os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// mayUse reports whether this process may read the device at path and set its read-only flag. The device is not touched.
func mayUse(path string) bool {
	if unix.Faccessat(unix.AT_FDCWD, path, unix.R_OK, unix.AT_EACCESS) != nil {
		return false
	}
	var have [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &have[0])
	return err == nil && have[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
}
