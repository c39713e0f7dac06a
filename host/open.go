package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
)

// ReaderUse says whether a source is read by a process of its own.
type ReaderUse uint8

const (
	// ReaderForDevices reads devices by a reader process and files directly.
	ReaderForDevices ReaderUse = iota
	// ReaderAlways reads files by a reader process too: for file systems that may hang.
	ReaderAlways
)

// OpenOptions change how a source is opened. The zero value is what is normally wanted.
type OpenOptions struct {
	Reader ReaderUse
	// Deadline is the time that one read of a reader process may take; 0 is [DefaultDeadline].
	Deadline time.Duration
	// Direct reads a file past the system's cache too, where that can be done, by a reader process.
	Direct bool
	// System is the machine that is asked about devices; the zero value is this one.
	System System

	// Alone opens a part of a split image by itself.
	Alone bool
}

// DefaultDeadline is longer than the time after which a healthy kernel gives up on a disk (30 s for SCSI
// commands), so that the kernel's own answer is heard first.
const DefaultDeadline = 60 * time.Second

// Opened is a source that is open for reading.
type Opened struct {
	// Source reads the bytes; a read that fails is an [*block.UnreadableError]. It is closed by
	// [Opened.Close], after which its ranges are [block.Gone].
	Source block.Source
	Path   string // as it was given
	Name   string // last element of Path
	Real   string // absolute, links resolved
	Device bool   // a block device; else a regular file
	Size   int64  // bytes

	// SectorSize and PhysicalSectorSize are in bytes; 0 where nothing says so (image files).
	SectorSize, PhysicalSectorSize int
	Model, Serial, Transport       string // "" where unknown
	Removable                      bool
	ReadOnly                       bool // the system holds the device read-only, or no one may write the file
	// Files are the parts of a split image that are there, and the files that were opened beside it, as Real is one; nil
	// for all else.
	Files []string
	// Notes tell of parts that are missing or cut.
	Notes []finding.Finding

	system  System
	parts   []*Opened
	beside  []*Opened // further files of an image in a container
	file    *os.File
	rights  *Rights // nil where no one is to be asked
	grant   *grant  // nil where this process may do all with the device itself
	close   func() error
	size    int64
	changed time.Time
}

// Open opens the device or the image file at path for reading. It does not look at who else uses it: see
// [CheckSafe].
//
// Errors are a [*RefusedError] for whatever is no source at all (folder, pipe, socket, terminal, empty
// file, a device where this system's devices cannot be read), else what the system said.
func Open(ctx context.Context, path string, o OpenOptions) (*Opened, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if rawDevicePath(path) {
		return nil, noRawDevices(path)
	}
	st, err := os.Stat(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if err := kindError(path, st.Mode()); err != nil {
		return nil, err
	}
	var notes []finding.Finding
	if st.Mode().IsRegular() && !o.Alone {
		s, err := seriesOf(path)
		if err != nil {
			return nil, err
		}
		if s != nil {
			return openSeries(ctx, path, s, o)
		}
		if looksPart(path) {
			notes = append(notes, partAlone.New(finding.Arg("path", path)))
		}
	}
	f, err := openWithin(ctx, path)
	var g *grant
	if errors.Is(err, fs.ErrPermission) && st.Mode()&fs.ModeDevice != 0 {
		f, g, err = rightsOf(ctx).open(ctx, realPath(path), err)
	}
	if err != nil {
		return nil, err
	}
	op, err := open(ctx, f, path, o)
	if err != nil {
		if g != nil {
			g.release()
		}
		return nil, errors.Join(err, f.Close())
	}
	op.rights = rightsOf(ctx)
	if g != nil {
		op.given(g)
	}
	op.Notes = notes
	return op, nil
}

// given notes the permission by which the device is open. It is released with it.
func (o *Opened) given(g *grant) {
	o.grant = g
	c := o.close
	o.close = func() error {
		err := c()
		g.release()
		return err
	}
}

func open(ctx context.Context, f *os.File, path string, o OpenOptions) (*Opened, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, openError(path, err)
	}
	if err := kindError(path, st.Mode()); err != nil {
		return nil, err
	}
	op := &Opened{Path: path, Name: filepath.Base(path), Real: realPath(path), file: f, system: o.System}
	if st.Mode()&fs.ModeDevice != 0 {
		op.Device = true
		if err := describeDevice(op, f, o.System); err != nil {
			return nil, err
		}
	} else {
		op.Size = st.Size()
		op.ReadOnly = st.Mode().Perm()&0o222 == 0
		op.changed = st.ModTime()
	}
	op.size = op.Size
	if op.Size == 0 {
		return nil, emptyError(path, op.Device)
	}
	if !op.Device && o.Reader != ReaderAlways && !o.Direct {
		op.Source, op.close = &fileSource{f: f, size: op.Size}, f.Close
		return op, nil
	}
	r, err := newProcess(ctx, f, processOptions{
		size: op.Size, sector: op.SectorSize, direct: op.Device || o.Direct, deadline: o.Deadline,
	})
	if err != nil {
		return nil, err
	}
	op.Source = r
	op.close = func() error { return errors.Join(r.Close(), f.Close()) }
	return op, nil
}

// openWithin opens path read-only, and comes back when ctx ends although a dead disk holds the open call.
func openWithin(ctx context.Context, path string) (*os.File, error) {
	type answer struct {
		f   *os.File
		err error
	}
	done := make(chan answer, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_RDONLY, 0)
		done <- answer{f, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return nil, openError(path, a.err)
		}
		return a.f, nil
	case <-ctx.Done():
		go func() {
			if a := <-done; a.f != nil {
				a.f.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// Close ends the reader process, where there is one, and closes the source.
func (o *Opened) Close() error {
	if o.close == nil {
		return nil
	}
	c := o.close
	o.close = nil
	errs := []error{c()}
	for _, s := range o.beside {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// Changed returns an error when the source is no longer what it was when it was opened: its size, or for a
// file the time of its last change, is another one.
func (o *Opened) Changed() error {
	for _, p := range slices.Concat(o.parts, o.beside) {
		if err := p.Changed(); err != nil {
			return err
		}
	}
	if len(o.parts) > 0 {
		return nil
	}
	was, is := "", ""
	if o.Device {
		n, err := deviceSize(o.file)
		if err != nil {
			return fmt.Errorf("host: %s: %w", o.Path, err)
		}
		was, is = fmt.Sprintf("%d bytes", o.size), fmt.Sprintf("%d bytes", n)
	} else {
		st, err := o.file.Stat()
		if err != nil {
			return fmt.Errorf("host: %s: %w", o.Path, err)
		}
		say := func(n int64, t time.Time) string {
			return fmt.Sprintf("%d bytes of %s", n, t.UTC().Format(time.RFC3339Nano))
		}
		was, is = say(o.size, o.changed), say(st.Size(), st.ModTime())
	}
	if was != is {
		return &ChangedError{Path: o.Path, Was: was, Is: is}
	}
	return nil
}

// ChangedError says that a source changed while it was open.
type ChangedError struct {
	Path    string
	Was, Is string // size, and for a file the time of the last change
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("host: %s changed while it was read: %s, expected %s", e.Path, e.Is, e.Was)
}

// Finding returns the change as data.
func (e *ChangedError) Finding() finding.Finding { return changed.New(finding.Expected(e.Was, e.Is)) }

// kindError refuses what can be no source.
func kindError(path string, m fs.FileMode) error {
	switch {
	case m.IsRegular():
		return nil
	case m.IsDir() && strings.EqualFold(filepath.Ext(path), ".sparsebundle"):
		return usage("host.source.bundle", fmt.Sprintf("%s is a sparse bundle, an Apple disk image in a folder of pieces, which is not read.", path),
			"On a Mac, `hdiutil convert NAME.sparsebundle -format UDTO -o disk` makes a plain image of it.")
	case m.IsDir():
		return usage("host.source.folder", fmt.Sprintf("%s is a folder, not a disk or an image of one.", path),
			"Name the device that it is mounted from, or the image file inside it.")
	case m&fs.ModeCharDevice != 0:
		return usage("host.source.character", fmt.Sprintf("%s is a character device, which has no bytes to go back to.", path),
			"Name a disk (salvor look lists them) or an image file.")
	case m&fs.ModeDevice != 0:
		return nil
	case m&fs.ModeNamedPipe != 0:
		return usage("host.source.pipe", fmt.Sprintf("%s is a pipe, which can be read only once and in one direction.", path),
			"Write its content to a file first, and name that file.")
	case m&fs.ModeSocket != 0:
		return usage("host.source.socket", fmt.Sprintf("%s is a socket, not a disk or an image of one.", path),
			"Name a disk (salvor look lists them) or an image file.")
	}
	return usage("host.source.kind", fmt.Sprintf("%s is neither a file nor a disk (%v).", path, m.Type()),
		"Name a disk (salvor look lists them) or an image file.")
}

func emptyError(path string, device bool) error {
	if device {
		return &RefusedError{Exit: ExitError, Code: "host.source.nomedium",
			Why:  fmt.Sprintf("%s has no medium in it, or the disk does not answer with its size.", path),
			Next: "Put the card or disk in again, try another reader or cable, then run the same command."}
	}
	return &RefusedError{Exit: ExitError, Code: "host.source.empty",
		Why:  fmt.Sprintf("%s is empty: it has 0 bytes.", path),
		Next: "Check how it was made; a copy that ended with an error often leaves an empty file."}
}

// openError turns what the system said into words that help; other errors pass.
func openError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		next := "Check the name and the folder."
		if filepath.Ext(path) == "" { // disks have names without one, and logs and images hardly ever
			next = "Check the name and the folder; salvor look lists this computer's disks."
		}
		return &RefusedError{Exit: ExitUsage, Code: "host.source.notfound", Why: fmt.Sprintf("There is no %s.", path), Next: next, Err: err}
	case errors.Is(err, fs.ErrPermission):
		return &RefusedError{Exit: ExitError, Code: CodePermission,
			Why:  fmt.Sprintf("You may not read %s.", path),
			Next: permissionNext, Err: err}
	case isNoMedium(err):
		return emptyError(path, true)
	}
	return fmt.Errorf("host: %w", err)
}

func realPath(path string) string {
	p, err := filepath.Abs(path)
	if err != nil {
		p = path
	}
	if r, err := filepath.EvalSymlinks(p); err == nil {
		p = r
	}
	return p
}
