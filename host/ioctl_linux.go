package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctl64 asks for a 64-bit number. The descriptor is used by SyscallConn, so that the file stays as it is.
func ioctl64(f *os.File, request uint) (uint64, error) {
	var v uint64
	err := control(f, func(fd uintptr) error {
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(&v))); e != 0 {
			return e
		}
		return nil
	})
	return v, err
}

func ioctlInt(f *os.File, request uint) (v int, err error) {
	cerr := control(f, func(fd uintptr) error {
		v, err = unix.IoctlGetInt(int(fd), request)
		return err
	})
	return v, cerr
}

func control(f *os.File, do func(fd uintptr) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := c.Control(func(fd uintptr) { inner = do(fd) }); err != nil {
		return err
	}
	return inner
}

// LockReadOnly sets the system's read-only flag of the device, so that nothing on this computer writes to
// it while it is read, and returns what puts the old value back. For an image file, and for a device that
// is read-only already, there is nothing to do or to put back. It needs the rights of an administrator.
func LockReadOnly(o *Opened) (restore func() error, err error) {
	nothing := func() error { return nil }
	if !o.Device {
		return nothing, nil
	}
	old, err := ioctlInt(o.file, unix.BLKROGET)
	if err != nil {
		return nothing, fmt.Errorf("host: %s: read-only flag: %w", o.Path, err)
	}
	if old != 0 {
		return nothing, nil
	}
	if err := setReadOnly(o, true); err != nil {
		return nothing, err
	}
	return func() error { return ClearReadOnly(o) }, nil
}

// ClearReadOnly takes the system's read-only flag of a device away: for a flag that an earlier run set, and
// could not take away because it was killed. For an image file there is nothing to do.
func ClearReadOnly(o *Opened) error {
	if !o.Device {
		return nil
	}
	return setReadOnly(o, false)
}

func setReadOnly(o *Opened, on bool) error {
	set := func(on bool) error {
		if o.grant != nil {
			return o.grant.setReadOnly(on)
		}
		return setReadOnlyFlag(o.file, on)
	}
	err := set(on)
	if errors.Is(err, fs.ErrPermission) && o.grant == nil {
		if err := o.permission(err); err != nil {
			return err
		}
		err = set(on)
	}
	if err != nil {
		return fmt.Errorf("host: %s: read-only flag: %w", o.Path, err)
	}
	o.ReadOnly = on
	return nil
}

// permission asks for the rights to a device that this process may read, and nothing more.
func (o *Opened) permission(denied error) error {
	f, g, err := o.rights.open(context.Background(), o.Real, &RefusedError{Exit: ExitError, Code: CodePermission,
		Why:  fmt.Sprintf("You may read %s, but not set its read-only flag, which keeps the system from writing to it meanwhile.", o.Path),
		Next: "Run the same command with sudo, or with --no-lock where nothing on this computer mounts disks by itself.", Err: denied})
	if err != nil {
		return err
	}
	o.given(g)
	return f.Close()
}

func setReadOnlyFlag(f *os.File, on bool) error {
	v := 0
	if on {
		v = 1
	}
	return control(f, func(fd uintptr) error { return unix.IoctlSetPointerInt(int(fd), unix.BLKROSET, v) })
}
