package host

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func (t *Target) statfs() error {
	var st unix.Statfs_t
	if err := unix.Statfs(t.Dir, &st); err != nil {
		return err
	}
	unit := int64(st.Frsize)
	if unit <= 0 {
		unit = int64(st.Bsize)
	}
	t.Free, t.Total = product(st.Bavail, unit), product(st.Blocks, unit)
	t.ReadOnly = st.Flags&unix.ST_RDONLY != 0
	return nil
}

// product multiplies without running over; -1 where the answer would be no size.
func product(n uint64, unit int64) int64 {
	if unit <= 0 || n > uint64((1<<63-1)/unit) {
		return -1
	}
	return int64(n) * unit
}

// allocated returns how many bytes of the disk a file takes.
func allocated(st fs.FileInfo) int64 {
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return st.Size()
}

func isReadOnlyFS(err error) bool { return errors.Is(err, unix.EROFS) }

// IsFull reports whether err says that a disk, or the user's share of it, is full.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func syncFolder(d *os.File) error {
	err := d.Sync()
	// Some file systems have nothing to sync for a folder and say so.
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EBADF) {
		return nil
	}
	return err
}

func syncFileSystem(d *os.File) error {
	return control(d, func(fd uintptr) error { return unix.Syncfs(int(fd)) })
}
