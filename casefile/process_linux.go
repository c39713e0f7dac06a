package casefile

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// bootID tells one start of the computer from another.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// processStart returns when a process began, in clock ticks since the computer was started: field 22 of
// /proc/pid/stat (proc_pid_stat(5)), counted behind the name, which may hold anything.
func processStart(pid int) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return ""
	}
	i := bytes.LastIndexByte(b, ')')
	if i < 0 {
		return ""
	}
	fields := bytes.Fields(b[i+1:])
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}
