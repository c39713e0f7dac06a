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
	t.Free, t.Total = int64(st.Bavail)*int64(st.Bsize), int64(st.Blocks)*int64(st.Bsize)
	t.ReadOnly = st.Flags&unix.MNT_RDONLY != 0
	t.Network = st.Flags&unix.MNT_LOCAL == 0
	t.FS = unix.ByteSliceToString(st.Fstypename[:])
	t.Device = unix.ByteSliceToString(st.Mntfromname[:])
	return nil
}

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
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	return err
}

// syncFileSystem has no call for one file system here; each file was synced when it was written.
func syncFileSystem(*os.File) error { return nil }
