package casefile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

const isWindows = true

// lockAt is a byte far behind the content, so that others can read who holds the lock.
const lockAt = 1 << 30

// systemLock is the [systemLocker] of this system.
func systemLock(f *os.File) (locked, held bool, err error) {
	at := &windows.Overlapped{Offset: lockAt}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	switch {
	case err == nil:
		return true, false, nil
	case errors.Is(err, windows.ERROR_LOCK_VIOLATION), errors.Is(err, windows.ERROR_IO_PENDING):
		return false, true, nil
	case errors.Is(err, windows.ERROR_NOT_SUPPORTED), errors.Is(err, windows.ERROR_INVALID_FUNCTION):
		return false, false, nil
	}
	return false, false, err
}

func processLives(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return errors.Is(err, windows.ERROR_ACCESS_DENIED)
	}
	defer windows.CloseHandle(h)
	ev, err := windows.WaitForSingleObject(h, 0)
	return err != nil || ev == uint32(windows.WAIT_TIMEOUT)
}

func bootID() string { return "" }

func processStart(int) string { return "" }

func processDefunct(int) bool { return false }
