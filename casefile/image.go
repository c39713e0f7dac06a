package casefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Image is the copy of a source in the case, open for writing. It is an imaging.Target.
type Image struct{ f *os.File }

// OpenImage opens the copy of source n, which is size bytes long, and makes it when it is not there yet. What
// was not written reads as zeros and takes no space where the target can do that.
func (c *Case) OpenImage(n int, size int64) (*Image, error) {
	f, err := c.openImageFile(c.inImageDir(c.ImagePath(n)))
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != size {
		err = f.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("casefile: %w", err), f.Close())
	}
	return &Image{f}, nil
}

// WriteAt writes p at off of the copy.
func (i *Image) WriteAt(p []byte, off int64) (int, error) { return i.f.WriteAt(p, off) }

// Sync returns when all that was written is safe from a loss of power.
func (i *Image) Sync() error { return i.f.Sync() }

// Close closes the copy.
func (i *Image) Close() error { return i.f.Close() }

// inImageDir returns the name in the case of a path that ImagePath, MapPath or SumsPath gave.
func (c *Case) inImageDir(p string) string { return path.Join(imageDir, filepath.Base(p)) }

func (c *Case) openImageFile(name string) (*os.File, error) {
	if c.mode != Writer {
		return nil, ErrReadOnly
	}
	if err := c.MakeImageDir(); err != nil {
		return nil, err
	}
	f, err := c.root.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	return f, nil
}

// WriteMap replaces the map of source n with what fill writes: it is the old one or the new one after a loss
// of power.
func (c *Case) WriteMap(n int, fill func(io.Writer) error) error {
	if c.mode != Writer {
		return ErrReadOnly
	}
	if err := c.MakeImageDir(); err != nil {
		return err
	}
	return writeAtomic(c.root, filepath.Join(c.dir, imageDir), c.inImageDir(c.MapPath(n)), fill)
}

// ReadMap hands the map of source n to read, and reports whether there is one.
func (c *Case) ReadMap(n int, read func(io.Reader) error) (bool, error) {
	return c.readImageFile(c.MapPath(n), func(f *os.File) error { return read(f) })
}

// AppendSums adds to the list of hashes of source n what fill writes, and makes it last. fill is told whether
// the list is empty so far.
func (c *Case) AppendSums(n int, fill func(w io.Writer, first bool) error) (err error) {
	f, err := c.openImageFile(c.inImageDir(c.SumsPath(n)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	if err := fill(f, end == 0); err != nil {
		return err
	}
	return f.Sync()
}

// ReadSums hands the list of hashes of source n to read, and reports whether there is one.
func (c *Case) ReadSums(n int, read func(f io.Reader, at io.ReaderAt, size int64) error) (bool, error) {
	return c.readImageFile(c.SumsPath(n), func(f *os.File) error {
		info, err := f.Stat()
		if err != nil {
			return fmt.Errorf("casefile: %w", err)
		}
		return read(f, f, info.Size())
	})
}

func (c *Case) readImageFile(p string, read func(*os.File) error) (bool, error) {
	f, err := c.root.Open(c.inImageDir(p))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("casefile: %w", err)
	}
	defer f.Close()
	return true, read(f)
}
