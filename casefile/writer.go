package casefile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// WriterOf says who writes to the case in dir, as far as its lock tells; nil when no one does. elsewhere says that the lock
// is of another computer, of which this one cannot see whether it works. It takes no lock and changes nothing.
func WriterOf(dir string) (who *Holder, elsewhere bool, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, false, fmt.Errorf("casefile: %w", err)
	}
	defer root.Close()
	f, err := root.Open(lockName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("casefile: lock: %w", err)
	}
	defer f.Close()
	h, ok := readHolder(f)
	if !ok {
		return nil, false, nil
	}
	works, elsewhere := h.works(self(Options{Now: time.Now}))
	if !works {
		return nil, false, nil
	}
	return &h, elsewhere, nil
}
