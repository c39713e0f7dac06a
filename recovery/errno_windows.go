package recovery

import (
	"errors"
	"syscall"
)

// The codes of Windows that package syscall does not name.
const (
	errorWriteProtect   = syscall.Errno(19)
	errorHandleDiskFull = syscall.Errno(39)
	errorDiskFull       = syscall.Errno(112)
	errorFileTooLarge   = syscall.Errno(223)
	errorDiskQuota      = syscall.Errno(1295)
)

// isFull reports whether err says that the target has no space left, or that its owner may use no more.
func isFull(err error) bool {
	return errors.Is(err, errorDiskFull) || errors.Is(err, errorHandleDiskFull) || errors.Is(err, errorDiskQuota)
}

// isTooLarge reports whether err says that the target cannot hold so large a file.
func isTooLarge(err error) bool { return errors.Is(err, errorFileTooLarge) }

// isReadOnly reports whether err says that the target cannot be written at all.
func isReadOnly(err error) bool { return errors.Is(err, errorWriteProtect) }
