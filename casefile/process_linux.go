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

// processStart returns when a process began, in clock ticks since the computer was started; "" where that
// is not known.
func processStart(pid int) string {
	fields := processFields(pid)
	if len(fields) < 20 {
		return ""
	}
	return string(fields[19])
}

// processDefunct reports whether a process has ended and only waits for its parent to take notice: it holds
// nothing any more.
func processDefunct(pid int) bool {
	fields := processFields(pid)
	return len(fields) > 0 && (string(fields[0]) == "Z" || string(fields[0]) == "X")
}

// processFields returns what /proc/pid/stat (proc_pid_stat(5)) says behind the name, which may hold anything:
// the first is field 3, the state; field 22 is when the process began.
func processFields(pid int) [][]byte {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
}
