package host

import (
	"os"
	"path/filepath"
)

// Inside reports whether to, or where to would be made, is the folder dir or lies in it.
func Inside(dir, to string) (bool, error) {
	own, err := os.Stat(dir)
	if err != nil {
		return false, err
	}
	if to, err = filepath.Abs(to); err != nil {
		return false, err
	}
	// What is not there yet has no links to follow.
	for {
		if real, err := filepath.EvalSymlinks(to); err == nil {
			to = real
			break
		}
		up := filepath.Dir(to)
		if up == to {
			return false, nil
		}
		to = up
	}
	for {
		if info, err := os.Stat(to); err == nil && os.SameFile(info, own) {
			return true, nil
		}
		up := filepath.Dir(to)
		if up == to {
			return false, nil
		}
		to = up
	}
}

// Exists reports whether something stands at path.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// MakeRoot makes the folder dir where it is not there yet, and opens it: what is written through it cannot leave it.
func MakeRoot(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}
