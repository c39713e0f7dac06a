package main

import (
	"os/exec"
	"syscall"
)

// peak returns the most memory that an ended process held, in MiB.
func peak(cmd *exec.Cmd) float64 {
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		return float64(usage.Maxrss) / 1024
	}
	return 0
}
