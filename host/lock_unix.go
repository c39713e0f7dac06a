//go:build !windows

package host

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// LockFile takes the file system's own lock of a file, which ends when the file is closed, or its process. locked is false
// where the file system has no locks; held says that another process has this one.
func LockFile(f *os.File) (locked, held bool, err error) {
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
