package casefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"salvor/host"
)

// writeAtomic writes a file so that after a loss of power either the old one or the new one stands there:
// beside it under NAME.new, synced, renamed, folder synced.
func writeAtomic(root *os.Root, dir, name string, fill func(io.Writer) error) error {
	next := name + ".new"
	f, err := root.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	w := bufio.NewWriterSize(f, 256<<10)
	err = fill(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("casefile: %s: %w", name, errors.Join(err, root.Remove(next)))
	}
	if err := root.Rename(next, name); err != nil {
		return fmt.Errorf("casefile: %s: %w", name, err)
	}
	return host.SyncDir(dir)
}
