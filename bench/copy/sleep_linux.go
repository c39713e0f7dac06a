package main

import (
	"syscall"
	"time"
)

// sleep waits as long as the medium holds a request. The timers of Go's runtime are right to a millisecond only when
// nothing else runs, which is ten times what a request takes on the model; the system's are right to some fifty
// microseconds.
func sleep(d time.Duration) {
	if d >= 2*time.Millisecond {
		time.Sleep(d)
		return
	}
	for left := syscall.NsecToTimespec(int64(d)); ; {
		if err := syscall.Nanosleep(&left, &left); err != syscall.EINTR {
			return
		}
	}
}
