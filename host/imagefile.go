package host

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"salvor/block"
)

// ImageFileOptions say how an image file is written.
type ImageFileOptions struct {
	// Size is how long the file is to be at least, in bytes.
	Size int64
	// Preallocate takes the space on the disk now, so that it cannot run out later.
	Preallocate bool
	// Truncate throws away what the file held.
	Truncate bool
	// Synchronous writes each block to the disk before the next.
	Synchronous bool
}

// ImageFile is an image that is written: an imaging.Target, and a source of what was written.
type ImageFile struct {
	f      *os.File
	path   string
	size   int64
	o      ImageFileOptions
	behind writeBehind
}

// OpenImageFile opens the image file at path for writing, and makes it when it is not there. What was not written
// reads as zeros, and takes no space where the file system can do that.
func OpenImageFile(path string, o ImageFileOptions) (*ImageFile, error) {
	flags := os.O_RDWR | os.O_CREATE
	if o.Truncate {
		flags |= os.O_TRUNC
	}
	if o.Synchronous {
		flags |= os.O_SYNC
	}
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, imageError(path, err)
	}
	i := &ImageFile{f: f, path: path, o: o}
	if err := i.extend(); err != nil {
		return nil, errors.Join(imageError(path, err), f.Close())
	}
	return i, nil
}

func (i *ImageFile) extend() error {
	st, err := i.f.Stat()
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() {
		return usage("host.image.kind", fmt.Sprintf("%s is no regular file.", i.path), "Name a file for the image.")
	}
	i.size = max(st.Size(), i.o.Size)
	if i.o.Preallocate {
		if err := preallocate(i.f, i.o.Size); err != nil {
			return err
		}
	}
	if st.Size() < i.o.Size {
		return i.f.Truncate(i.o.Size)
	}
	return nil
}

func imageError(path string, err error) error {
	var refused *RefusedError
	switch {
	case errors.As(err, &refused):
		return err
	case errors.Is(err, fs.ErrPermission):
		return &RefusedError{Exit: ExitError, Code: "host.target.permission",
			Why: fmt.Sprintf("You may not write to %s.", path), Next: "Choose another file, or change its permissions.", Err: err}
	case IsFull(err):
		return &RefusedError{Exit: ExitRefused, Code: "host.target.full",
			Why: fmt.Sprintf("The disk of %s has no room for the image.", path), Next: "Make room there, or name a file on another disk.", Err: err}
	}
	return fmt.Errorf("host: %s: %w", path, err)
}

// WriteAt writes p at off. What was written is sent to the disk while the next is read, so that [ImageFile.Sync] has
// little left to do.
func (i *ImageFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := i.f.WriteAt(p, off)
	i.behind.wrote(i.f, block.Extent{Offset: off, Length: int64(n)})
	return n, err
}

// Size returns the size in bytes.
func (i *ImageFile) Size() int64 { return i.size }

// ReadAt reads what was written.
func (i *ImageFile) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, i.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := i.f.ReadAt(p, off)
	if n == len(p) {
		return n, end
	}
	return n, readError(block.Extent{Offset: off + int64(n), Length: int64(len(p) - n)}, err)
}

// Sync returns when all that was written is safe from a loss of power.
func (i *ImageFile) Sync() error { return i.f.Sync() }

// Close closes the file.
func (i *ImageFile) Close() error { return i.f.Close() }

// ReplaceFile writes a file so that after a loss of power either the old one or the new one stands there. With
// backup the old one stays under its name and ".bak".
func ReplaceFile(path string, backup bool, fill func(io.Writer) error) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("host: %s: %w", path, errors.Join(err, os.Remove(next)))
	}
	if backup {
		if err := keepOld(path); err != nil {
			return fmt.Errorf("host: %s: %w", path, err)
		}
	}
	if err := os.Rename(next, path); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return SyncDir(filepath.Dir(path))
}

// keepOld gives the file a second name, which replaces the one of the time before. There is no moment without the
// file itself. Where files have one name only, it is copied.
func keepOld(path string) error {
	old := path + ".bak"
	spare := old + ".new"
	if err := os.Remove(spare); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err := os.Link(path, spare)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is the first
	}
	if err != nil {
		if err := copySmall(path, spare); err != nil {
			return err
		}
	}
	return os.Rename(spare, old)
}

func copySmall(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// AppendFile adds what fill writes to the end of a file, and makes it last. fill is told whether the file is empty.
func AppendFile(path string, fill func(w io.Writer, first bool) error) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("host: %w", err)
	}
	if err := fill(f, end == 0); err != nil {
		return err
	}
	return f.Sync()
}

// ReadFile hands the file at path to read, and reports whether there is one.
func ReadFile(path string, read func(f io.Reader, at io.ReaderAt, size int64) error) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("host: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return false, fmt.Errorf("host: %w", err)
	}
	return true, read(f, f, st.Size())
}

// SameFile reports whether both paths lead to one file.
func SameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// FileSize returns the size of the file at path; -1 when there is none.
func FileSize(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return -1
	}
	return st.Size()
}

// Allocated returns how many bytes of its disk the file at path takes; 0 when there is none.
func Allocated(path string) int64 {
	st, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return allocated(st)
}

// Newer reports whether the file at path was changed after other was.
func Newer(path, other string) bool {
	x, err1 := os.Stat(path)
	y, err2 := os.Stat(other)
	return err1 == nil && err2 == nil && x.ModTime().After(y.ModTime())
}

// MoveFile gives a file another name in the same folder, in the place of what is there.
func MoveFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}

// IsFolder reports whether path is a folder.
func IsFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// tempPrefix begins the names of folders of [TempFolder].
const tempPrefix = "salvor-"

// TempFolder makes a folder for what is thrown away.
func TempFolder() (string, error) {
	dir, err := os.MkdirTemp("", tempPrefix)
	if err != nil {
		return "", fmt.Errorf("host: %w", err)
	}
	return dir, nil
}

// RemoveTemp removes a folder that [TempFolder] made.
func RemoveTemp(dir string) error {
	if !strings.HasPrefix(filepath.Base(dir), tempPrefix) {
		return fmt.Errorf("host: %s is no folder of this program", dir)
	}
	return os.RemoveAll(dir)
}
