//go:build !windows

package recovery

import (
	"errors"
	"syscall"
)

// isFull reports whether err says that the target has no space left, or that its owner may use no more.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// isTooLarge reports whether err says that the target cannot hold so large a file.
func isTooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

// isReadOnly reports whether err says that the target cannot be written at all.
func isReadOnly(err error) bool { return errors.Is(err, syscall.EROFS) }
