package host

import (
	"fmt"
	"os"
	"path/filepath"
)

// NewFolder makes dir for what is written into it, and refuses one that holds something already.
func NewFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if len(entries) > 0 {
		return &RefusedError{Exit: ExitRefused, Code: "host.folder.used", Why: fmt.Sprintf("%s is not empty: it holds %s.", dir, entries[0].Name()), Next: "Name a new folder with --to."}
	}
	return nil
}

// AddFolder makes the folder name in dir, which is there.
func AddFolder(dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	return path, nil
}
