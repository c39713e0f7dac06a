package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// PrivateFolder is a folder that only this user may look into, for what is thrown away when the program ends. After a kill
// it stays until [RemoveLeft] finds it.
type PrivateFolder struct {
	dir  string
	lock *os.File // held as long as the folder is in use
}

const (
	privatePrefix = "run-"
	privateLock   = "lock"
	// privateYoung is how old a folder without a lock is at least before it counts as left: its owner may be making it.
	privateYoung = time.Minute
	// privateOld is the same for one on a file system that has no locks.
	privateOld = 7 * 24 * time.Hour
)

// NewPrivateFolder makes one in parent, which is made too where it is not there.
func NewPrivateFolder(parent string) (_ *PrivateFolder, err error) {
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	dir, err := os.MkdirTemp(parent, privatePrefix) // of mode 0700
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	p := &PrivateFolder{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Remove())
		}
	}()
	if p.lock, err = os.OpenFile(filepath.Join(dir, privateLock), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	if _, _, err = LockFile(p.lock); err != nil {
		return nil, fmt.Errorf("host: %s: %w", dir, err)
	}
	return p, nil
}

// Dir is the path of the folder.
func (p *PrivateFolder) Dir() string { return p.dir }

// Remove removes the folder with all that is in it.
func (p *PrivateFolder) Remove() (err error) {
	if p.lock != nil {
		err = p.lock.Close() // first: Windows removes no open file
	}
	if rerr := os.RemoveAll(p.dir); rerr != nil {
		err = errors.Join(err, fmt.Errorf("host: %w", rerr))
	}
	return err
}

// RemoveLeft removes the private folders in parent of programs that were killed. Those in use stay.
func RemoveLeft(parent string) error {
	list, err := os.ReadDir(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	var errs []error
	for _, e := range list {
		if !e.IsDir() || !strings.HasPrefix(e.Name(), privatePrefix) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		left, err := isLeft(dir, e)
		if err == nil && left {
			err = os.RemoveAll(dir)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // another one may have removed it meanwhile
			errs = append(errs, fmt.Errorf("host: %w", err))
		}
	}
	return errors.Join(errs...)
}

// isLeft reports whether no program uses a private folder any more.
func isLeft(dir string, e fs.DirEntry) (left bool, err error) {
	info, err := e.Info()
	if err != nil {
		return false, err
	}
	f, err := os.OpenFile(filepath.Join(dir, privateLock), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Since(info.ModTime()) > privateYoung, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	locked, held, err := LockFile(f)
	switch {
	case err != nil, held:
		return false, err
	case !locked:
		return time.Since(info.ModTime()) > privateOld, nil
	}
	return true, nil
}
