//go:build !windows

package casefile

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

const isWindows = false

// systemLock is the [systemLocker] of this system.
func systemLock(f *os.File) (locked, held bool, err error) {
	c, err := f.SyscallConn()
	if err != nil {
		return false, false, err
	}
	var lerr error
	if err := c.Control(func(fd uintptr) {
		for lerr = unix.EINTR; errors.Is(lerr, unix.EINTR); {
			lerr = unix.Flock(int(fd), unix.LOCK_EX|unix.LOCK_NB)
		}
	}); err != nil {
		return false, false, err
	}
	switch {
	case lerr == nil:
		return true, false, nil
	case errors.Is(lerr, unix.EWOULDBLOCK):
		return false, true, nil
	case errors.Is(lerr, unix.ENOTSUP), errors.Is(lerr, unix.EOPNOTSUPP), errors.Is(lerr, unix.ENOSYS),
		errors.Is(lerr, unix.EINVAL), errors.Is(lerr, unix.ENOLCK):
		return false, false, nil
	}
	return false, false, lerr
}

func processLives(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
