package host

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

func (t *Target) statfs() error {
	dir, err := windows.UTF16PtrFromString(t.Dir)
	if err != nil {
		return err
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(dir, &free, &total, &all); err != nil {
		return err
	}
	t.Free, t.Total = int64(min(free, 1<<63-1)), int64(min(total, 1<<63-1))
	volume := filepath.VolumeName(t.Dir) + `\`
	root, err := windows.UTF16PtrFromString(volume)
	if err != nil {
		return err
	}
	t.Network = windows.GetDriveType(root) == windows.DRIVE_REMOTE
	var flags uint32
	var name [windows.MAX_PATH + 1]uint16
	if windows.GetVolumeInformation(root, nil, 0, nil, nil, &flags, &name[0], uint32(len(name))) == nil {
		t.FS = windows.UTF16ToString(name[:])
		t.ReadOnly = flags&windows.FILE_READ_ONLY_VOLUME != 0
	}
	return nil
}

// allocated takes no file for sparse: Windows makes holes only in files that ask for them.
func allocated(st fs.FileInfo) int64 { return st.Size() }

func isReadOnlyFS(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// IsFull reports whether err says that a disk, or the user's share of it, is full.
func IsFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// Windows keeps names by itself, and has no call for folders or whole file systems without more rights.
func syncFolder(*os.File) error     { return nil }
func syncFileSystem(*os.File) error { return nil }
