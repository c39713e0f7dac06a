package casefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"salvor/host"
)

// Image is the copy of a source in the case, open for writing. It is an imaging.Target. Where the target holds no
// file of that size it stands in parts (1.001, 1.002, …), which belong together in this order.
type Image struct {
	c     *Case
	n     int
	unit  int64 // size of every part but the last; 0 for a copy in one file
	parts []*os.File
}

// Bounds of the parts of a copy.
const (
	partUnit = 1 << 20 // their size is a multiple of this, so that no chunk stands in two
	maxParts = 999
)

// partSize returns the size of the parts of a copy that a target takes files of up to limit bytes for.
func partSize(limit int64) int64 { return limit / partUnit * partUnit }

// OpenImage opens the copy of source n, which is size bytes long, and makes it when it is not there yet. What
// was not written reads as zeros and takes no space where the target can do that.
func (c *Case) OpenImage(n int, size int64) (*Image, error) {
	i := &Image{c: c, n: n}
	switch unit, err := c.partsOf(n); {
	case err != nil:
		return nil, err
	case unit > 0:
		i.unit = unit
	case c.o.MaxFile > 0 && size > c.o.MaxFile:
		i.unit = partSize(c.o.MaxFile)
	}
	if err := i.setSize(size); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// NewImage makes an empty copy of source n, whose size is not known yet: it grows as it is written. What stood there
// before goes.
func (c *Case) NewImage(n int) (*Image, error) {
	if c.mode != Writer {
		return nil, ErrReadOnly
	}
	if err := c.MakeImageDir(); err != nil {
		return nil, err
	}
	for k := 0; k <= maxParts; k++ {
		err := c.root.Remove(c.partName(n, k))
		if errors.Is(err, fs.ErrNotExist) && k > 0 {
			break
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("casefile: %w", err)
		}
	}
	i := &Image{c: c, n: n}
	if c.o.MaxFile > 0 {
		i.unit = partSize(c.o.MaxFile)
	}
	if _, err := i.part(0); err != nil {
		return nil, errors.Join(err, i.Close())
	}
	return i, nil
}

// partName returns the name in the case of part k of the copy of source n, from 1; 0 is the copy in one file.
func (c *Case) partName(n, k int) string {
	if k == 0 {
		return c.inImageDir(c.image(n, "img"))
	}
	return c.inImageDir(c.image(n, fmt.Sprintf("%03d", k)))
}

// partsOf returns the size of the parts in which the copy of source n stands, 0 when it stands in one file or not at
// all.
func (c *Case) partsOf(n int) (int64, error) {
	info, err := c.root.Stat(c.partName(n, 1))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("casefile: %w", err)
	}
	return info.Size(), nil
}

// part returns the file of part k, from 0, and makes it and those before it when they are not there yet.
func (i *Image) part(k int) (*os.File, error) {
	if k >= maxParts {
		return nil, fmt.Errorf("casefile: the copy of source %d needs more than %d parts of %d bytes: choose another target", i.n, maxParts, i.unit)
	}
	for len(i.parts) <= k {
		name := i.c.partName(i.n, 0)
		if i.unit > 0 {
			name = i.c.partName(i.n, len(i.parts)+1)
			if last := len(i.parts) - 1; last >= 0 {
				if err := grow(i.parts[last], i.unit); err != nil {
					return nil, err
				}
			}
		}
		f, err := i.c.openImageFile(name)
		if err != nil {
			return nil, err
		}
		i.parts = append(i.parts, f)
	}
	return i.parts[k], nil
}

// grow gives f at least that size.
func grow(f *os.File, size int64) error {
	info, err := f.Stat()
	if err == nil && info.Size() < size {
		err = resize(f, info.Size(), size)
	}
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	return nil
}

// resize gives f, which has old bytes, another size. Some targets cannot make a file longer but by writing it.
func resize(f *os.File, old, size int64) error {
	err := f.Truncate(size)
	if err == nil || size < old || host.IsFull(err) || errors.Is(err, os.ErrClosed) {
		return err
	}
	zeros := make([]byte, partUnit)
	for at := old; at < size; {
		n, werr := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if werr != nil {
			return errors.Join(err, werr)
		}
		at += int64(n)
	}
	return nil
}

// setSize gives the copy its size.
func (i *Image) setSize(size int64) error {
	last, rest := 0, size
	if i.unit > 0 && size > 0 {
		last = int((size - 1) / i.unit)
		rest = size - int64(last)*i.unit
	}
	f, err := i.part(last)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Size() != rest {
		err = resize(f, info.Size(), rest)
	}
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	return nil
}

// Finish ends the growth of a copy that [Case.NewImage] made, at that size, and makes it last. One part alone
// becomes a copy in one file.
func (i *Image) Finish(size int64) error {
	if err := i.setSize(size); err != nil {
		return err
	}
	if err := i.Sync(); err != nil {
		return err
	}
	if i.unit > 0 && len(i.parts) == 1 {
		// Some systems rename no open file.
		err := i.parts[0].Close()
		i.parts, i.unit = nil, 0
		if err == nil {
			err = i.c.root.Rename(i.c.partName(i.n, 1), i.c.partName(i.n, 0))
		}
		if err != nil {
			return fmt.Errorf("casefile: %w", err)
		}
	}
	return host.SyncDir(filepath.Join(i.c.dir, imageDir))
}

// WriteAt writes p at off of the copy. Unlike that of a file, it is for one goroutine at a time.
func (i *Image) WriteAt(p []byte, off int64) (int, error) {
	done := 0
	for len(p) > 0 {
		k, at, n := 0, off, len(p)
		if i.unit > 0 {
			k, at = int(off/i.unit), off%i.unit
			n = int(min(int64(n), i.unit-at))
		}
		f, err := i.part(k)
		if err != nil {
			return done, err
		}
		m, err := f.WriteAt(p[:n], at)
		if done += m; err != nil {
			return done, err
		}
		p, off = p[n:], off+int64(n)
	}
	return done, nil
}

// Sync returns when all that was written is safe from a loss of power.
func (i *Image) Sync() error {
	var errs []error
	for _, f := range i.parts {
		errs = append(errs, f.Sync())
	}
	return errors.Join(errs...)
}

// Close closes the copy.
func (i *Image) Close() error {
	var errs []error
	for _, f := range i.parts {
		errs = append(errs, f.Close())
	}
	i.parts = nil
	return errors.Join(errs...)
}

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

// WriteMap replaces the map of source n, of which the one before stays as .bak, with what fill writes: it is the
// old one or the new one after a loss of power.
func (c *Case) WriteMap(n int, fill func(io.Writer) error) error {
	if c.mode != Writer {
		return ErrReadOnly
	}
	if err := c.MakeImageDir(); err != nil {
		return err
	}
	name := c.inImageDir(c.MapPath(n))
	if err := c.keepOld(name); err != nil {
		return err
	}
	return writeAtomic(c.root, filepath.Join(c.dir, imageDir), name, fill)
}

// keepOld gives a file a second name with ".bak" behind, in the place of the one before. Where files have one name
// only, there is none.
func (c *Case) keepOld(name string) error {
	spare := name + ".bak.new"
	if err := c.root.Remove(spare); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("casefile: %w", err)
	}
	if err := c.root.Link(name, spare); err != nil {
		return nil // the first map, or a file system without second names
	}
	if err := c.root.Rename(spare, name+".bak"); err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	return nil
}

// ReadMap hands the map of source n to read, and reports whether there is one.
func (c *Case) ReadMap(n int, read func(io.Reader) error) (bool, error) {
	return c.readImageFile(c.MapPath(n), func(f *os.File) error { return read(f) })
}

// AppendSums adds to the list of hashes of source n what fill writes, and makes it last. fill is told whether
// the list is empty so far.
func (c *Case) AppendSums(n int, fill func(w io.Writer, first bool) error) error {
	return c.appendTo(c.SumsPath(n), fill)
}

// AppendReads adds to the list of the reads of source n that failed or were slow, as AppendSums does to the hashes.
func (c *Case) AppendReads(n int, fill func(w io.Writer, first bool) error) error {
	return c.appendTo(c.ReadsPath(n), fill)
}

func (c *Case) appendTo(path string, fill func(w io.Writer, first bool) error) (err error) {
	f, err := c.openImageFile(c.inImageDir(path))
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
