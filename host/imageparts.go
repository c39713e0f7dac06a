package host

import (
	"errors"
	"fmt"
	"io"
	"os"

	"salvor/block"
)

// maxImageParts is how many parts have numbers of three digits.
const maxImageParts = 999

// ImageParts is an image that is written in parts of one size, called as [PartName] says. It is an imaging.Target, and
// a source of what was written. [Open] reads them as one.
type ImageParts struct {
	unit, size int64
	parts      []*ImageFile
}

// PartName returns the name of a part of the image at path, from 1.
func PartName(path string, n int) string { return fmt.Sprintf("%s.%03d", path, n) }

// PartUnit returns the size of the first part of the image at path; 0 when there is none.
func PartUnit(path string) int64 { return max(FileSize(PartName(path, 1)), 0) }

// OpenImageParts opens the parts of an image of o.Size bytes for writing, of unit bytes each but for the last, and makes
// those that are not there. Parts of another size are a [*RefusedError].
func OpenImageParts(path string, unit int64, o ImageFileOptions) (*ImageParts, error) {
	if unit < 1<<20 || unit%(1<<20) != 0 {
		return nil, usage("host.image.unit", fmt.Sprintf("Parts of %d bytes: they need a multiple of 1 MiB.", unit), "Name another size, as 2Gi or 650Mi.")
	}
	count := (o.Size + unit - 1) / unit
	if count > maxImageParts {
		return nil, usage("host.image.parts", fmt.Sprintf("%s make %d parts of %s, and their numbers have three digits.", Bytes(o.Size), count, Bytes(unit)), "Name a larger size for the parts.")
	}
	if was := PartUnit(path); was > 0 && was != unit && (count > 1 || was > unit) && !o.Truncate {
		return nil, &RefusedError{Exit: ExitRefused, Code: "host.image.parts.size",
			Why:  fmt.Sprintf("The parts of %s that are there have %s, not %s.", path, Bytes(was), Bytes(unit)),
			Next: "Go on with the size that they have, or name another file."}
	}
	i := &ImageParts{unit: unit, size: o.Size}
	for n := int64(0); n < count; n++ {
		own := o
		own.Size = min(unit, o.Size-n*unit)
		f, err := OpenImageFile(PartName(path, int(n)+1), own)
		if err != nil {
			return nil, errors.Join(err, i.Close())
		}
		i.parts = append(i.parts, f)
	}
	return i, nil
}

// Size returns the size of all parts in bytes.
func (i *ImageParts) Size() int64 { return i.size }

// each calls do for the stretch of each part that p at off covers.
func (i *ImageParts) each(p []byte, off int64, do func(f *ImageFile, p []byte, at int64) (int, error)) (int, error) {
	n := 0
	for n < len(p) {
		k, at := (off+int64(n))/i.unit, (off+int64(n))%i.unit
		if k >= int64(len(i.parts)) {
			return n, io.EOF
		}
		m, err := do(i.parts[k], p[n:n+int(min(int64(len(p)-n), i.unit-at))], at)
		if n += m; err != nil && !errors.Is(err, io.EOF) || m == 0 {
			return n, err
		}
	}
	return n, nil
}

// WriteAt writes p at off.
func (i *ImageParts) WriteAt(p []byte, off int64) (int, error) {
	return i.each(p, off, (*ImageFile).WriteAt)
}

// ReadAt reads what was written.
func (i *ImageParts) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, i.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := i.each(p, off, (*ImageFile).ReadAt)
	if n == len(p) {
		return n, end
	}
	return n, block.NewUnreadable(block.Extent{Offset: off + int64(n), Length: int64(len(p) - n)}, block.Bad, err)
}

// Sync returns when all that was written is safe from a loss of power.
func (i *ImageParts) Sync() error {
	var errs []error
	for _, f := range i.parts {
		errs = append(errs, f.Sync())
	}
	return errors.Join(errs...)
}

// Close closes all parts.
func (i *ImageParts) Close() error {
	var errs []error
	for _, f := range i.parts {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// CreateFile makes a new file, which must not be there yet, for what is written once.
func CreateFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, imageError(path, err)
	}
	return f, nil
}

// RemoveFile removes a file that this program made. One that is not there is no error.
func RemoveFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("host: %w", err)
	}
	return nil
}
