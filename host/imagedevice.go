package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"salvor/block"
)

// ImageDevice is a whole device, or a partition, that is overwritten by a copy. It is an imaging.Target, and a source of
// what stands on it.
type ImageDevice struct {
	f      *os.File
	size   int64
	behind writeBehind
}

// IsDevice reports whether path leads to a block device.
func IsDevice(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode()&os.ModeDevice != 0 && st.Mode()&os.ModeCharDevice == 0
}

// CheckOverwrite refuses, with a [*RefusedError] of exit code 40, a device that must not be overwritten by a copy of
// source: one on the same disk, one that this computer uses in whatever way, one that nothing can be written to, and
// one of less than size bytes.
func CheckOverwrite(ctx context.Context, source, target string, size int64) error {
	return System{}.CheckOverwrite(ctx, source, target, size)
}

// CheckOverwrite is as the function [CheckOverwrite], for this system.
func (s System) CheckOverwrite(ctx context.Context, source, target string, size int64) error {
	refuse := func(code, why, next string) error {
		return &RefusedError{Exit: ExitRefused, Code: "host.target." + code, Why: why, Next: next}
	}
	same, err := s.sameDisk(source, target)
	if err != nil {
		return err
	}
	if same {
		return refuse("source", fmt.Sprintf("%s is on the same disk as the source %s: writing there would destroy what is to be saved.", target, source),
			"Name another disk, or a file on another disk.")
	}
	name, err := s.deviceName(realPath(target))
	if err != nil {
		return err
	}
	// A mount of another partition of the same disk does no harm; what stands on this device, or on what it is part of, does.
	holders, err := s.holdersOf(name)
	if err != nil {
		return err
	}
	disk := s.describe(s.wholeDisk(name))
	whole, err := s.holdersOf(disk.Name)
	if err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(whole, Holder.system):
		return refuse("system", fmt.Sprintf("This computer runs from %s.", disk.Path), "Name another disk.")
	case len(holders) > 0:
		next := "End that first, then run the same command."
		if holders[0].Next != "" {
			next = "End that first (" + holders[0].Next + "), then run the same command."
		}
		return refuse("used", fmt.Sprintf("%s is in use: %s.", target, holders[0]), next)
	case s.Root == "" && claimedExclusively(target):
		return refuse("used", fmt.Sprintf("%s is in use by the system.", target), "Find what uses it, end that, then run the same command.")
	case s.attribute(name, "ro") == "1":
		return refuse("readonly", fmt.Sprintf("Nothing can be written to %s: it is read-only.", target), "Look for a switch on the card, or name another disk.")
	}
	if n, ok := s.number("sys/class/block", name, "size"); ok && n*512 < size {
		return refuse("small", fmt.Sprintf("%s has %s, and the copy needs %s.", target, Bytes(n*512), Bytes(size)), "Name a larger disk, or a file.")
	}
	return ctx.Err()
}

// sameDisk reports whether two paths, of a device or an image file each, are on one disk, or one is made of the other.
func (s System) sameDisk(a, b string) (bool, error) {
	x, err := s.rootsOf(a)
	if err != nil {
		return false, err
	}
	y, err := s.rootsOf(b)
	if err != nil {
		return false, err
	}
	names := func(roots []root) map[string]bool {
		out := map[string]bool{}
		for _, r := range roots {
			for _, l := range s.above(s.wholeDisk(r.name)) {
				out[l.name] = true
			}
		}
		return out
	}
	ours, theirs := names(x), names(y)
	for _, r := range x {
		if theirs[r.name] {
			return true, nil
		}
	}
	for _, r := range y {
		if ours[r.name] {
			return true, nil
		}
	}
	return false, nil
}

// OpenImageDevice opens the device at path for overwriting its first size bytes. Nothing else may use it meanwhile. It
// asks nothing: call [CheckOverwrite] before, and have a person confirm.
func OpenImageDevice(path string, size int64, synchronous bool) (*ImageDevice, error) {
	flags := os.O_RDWR | exclusive
	if synchronous {
		flags |= os.O_SYNC
	}
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return nil, imageError(path, err)
	}
	d := &ImageDevice{f: f, size: size}
	if n, err := deviceSize(f); err != nil || n < size {
		if err == nil {
			err = fmt.Errorf("host: %s has %d bytes, and %d are needed", path, n, size)
		}
		return nil, errors.Join(err, f.Close())
	}
	return d, nil
}

// Size returns how many bytes of the device belong to the copy.
func (d *ImageDevice) Size() int64 { return d.size }

// WriteAt writes p at off, inside of what belongs to the copy.
func (d *ImageDevice) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > d.size {
		return 0, fmt.Errorf("host: %d bytes at %d of a copy of %d", len(p), off, d.size)
	}
	n, err := d.f.WriteAt(p, off)
	d.behind.wrote(d.f, block.Extent{Offset: off, Length: int64(n)})
	return n, err
}

// ReadAt reads what stands on the device.
func (d *ImageDevice) ReadAt(p []byte, off int64) (int, error) {
	return (&fileSource{f: d.f, size: d.size}).ReadAt(p, off)
}

// Sync returns when all that was written is safe from a loss of power.
func (d *ImageDevice) Sync() error { return d.f.Sync() }

// Close closes the device.
func (d *ImageDevice) Close() error { return d.f.Close() }

// Title says which disk it is, for a person who is to know it again: model, serial number, size.
func (d Disk) Title() string {
	words := []string{"no model"}
	if d.Model != "" {
		words[0] = "model " + d.Model
	}
	if d.Serial != "" {
		words = append(words, "serial number "+d.Serial)
	} else {
		words = append(words, "no serial number")
	}
	return strings.Join(append(words, Bytes(d.Size)), ", ")
}
