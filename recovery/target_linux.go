package recovery

import (
	"errors"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// forget asks the system to drop what it holds of f in memory, so that the next read comes from the disk. It may not.
func forget(f *os.File) {
	_ = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// setAttributes gives f the extended attributes that a user may set. It reports whether the target has such at all.
func setAttributes(f *os.File, attributes map[string][]byte) (supported bool) {
	for name, value := range attributes {
		if !strings.HasPrefix(name, "user.") || len(name) > 255 || strings.ContainsRune(name, 0) {
			continue
		}
		if err := unix.Fsetxattr(int(f.Fd()), name, value, 0); errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
			return false
		}
		// One that is too large, or that the target has no room for, is no reason to lose the file.
	}
	return true
}
