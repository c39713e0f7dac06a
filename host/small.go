package host

import (
	"io"
	"os"
	"strconv"
	"strings"
)

// readSmall reads a file of the system, up to a size that no honest one has.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxSystemFile))
}

// hexByte reads "0x0a".
func hexByte(s string) (int, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(s, "0x"), 16, 8)
	return int(n), err == nil
}
