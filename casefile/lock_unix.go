//go:build !windows

package casefile

import (
	"errors"

	"golang.org/x/sys/unix"
)

const isWindows = false

func processLives(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}
