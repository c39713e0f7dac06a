package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/guard"
)

// DefaultLimit is the time that the examination of one file may take when [Judge.Limit] is 0. Large files
// get more, see [Judge].
const DefaultLimit = 60 * time.Second

// perMiB is the additional time that a file gets for each MiB that stands on the medium: a slow copy of
// 20 MiB/s is still read to its end.
const perMiB = 50 * time.Millisecond

// Judge says of each file what is known of its content. It is safe for concurrent use.
type Judge struct {
	Table *filetype.Table
	// Limit is the most time for one file, to which 50 ms are added for each MiB that stands on the
	// medium; 0 is [DefaultLimit].
	Limit time.Duration
	// Until is when judging ends: a file that comes later is listed, its kind by its name, and is not checked. Zero
	// for never.
	Until time.Time
}

// File returns one entry for each stream of f, the content first, judged by the table of formats and by what
// their runs stand on; a directory, a link or a device gives one without content. source and volume are the
// numbers in the case. The only errors are those of ctx: whatever else goes wrong is a finding of the entry.
func (j *Judge) File(ctx context.Context, source, volume int, fsys filesystem.FileSystem, f *filesystem.File) ([]*Entry, error) {
	streams := f.Streams
	if len(streams) == 0 || streams[0].Name != "" {
		// Directories and links have no content; neither has a file whose metadata lost it.
		streams = append([]filesystem.Stream{{}}, streams...)
	}
	var list []*Entry
	for _, s := range streams {
		e := newEntry(source, volume, f, s)
		list = append(list, e)
		switch {
		case s.Name == "" && !f.Mode.IsRegular():
			withoutContent(e)
			continue
		case f.Locked:
			lock(e)
			continue
		}
		if err := j.content(ctx, e, fsys, f, s); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func newEntry(source, volume int, f *filesystem.File, s filesystem.Stream) *Entry {
	e := &Entry{
		ID: fmt.Sprintf("v%d/%s", volume, f.ID), Source: source, Volume: volume, Origin: FromFileSystem, State: f.State,
		Path: f.Path, Name: lastName(f.Path), Mode: f.Mode, Target: f.Target,
		HasOwner: f.HasOwner, UID: f.UID, GID: f.GID, Times: f.Times, Attributes: f.Attributes,
		Size: max(s.Size, 0), Stream: s.Name, Sound: f.Sound, Class: filetype.Other, Save: Pending,
	}
	e.Findings = append(e.Findings, f.Findings...)
	if s.Name != "" {
		e.ID += ":" + filesystem.EscapeName(s.Name)
		e.Mode, e.Target, e.Attributes = f.Mode.Perm(), "", nil // of the file, not of its stream
	}
	return e
}

// withoutContent completes the entry of a directory, a link or a device.
func withoutContent(e *Entry) {
	e.Size, e.GoodUntil = 0, 0
	switch {
	case e.Mode.IsDir():
		e.Class = ""
		if e.State != filesystem.Live {
			e.Save = Skipped
			e.Findings = append(e.Findings, deletedFolder.New())
		}
	case e.Mode&fs.ModeSymlink == 0:
		e.Save = Skipped
		e.Findings = append(e.Findings, special.New(finding.Expected(nil, specialName(e.Mode))))
	}
}

func specialName(m fs.FileMode) string {
	switch {
	case m&fs.ModeCharDevice != 0:
		return "character device"
	case m&fs.ModeDevice != 0:
		return "block device"
	case m&fs.ModeNamedPipe != 0:
		return "named pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "special file"
}

func lock(e *Entry) {
	e.Verdict, e.Save = filetype.Encrypted, Skipped
	e.Findings = append(e.Findings, lockedContent.New())
}

// content judges one stream.
func (j *Judge) content(ctx context.Context, e *Entry, fsys filesystem.FileSystem, f *filesystem.File, s filesystem.Stream) error {
	src, err := open1(fsys, f, s.Name)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, filesystem.ErrLocked):
		lock(e)
		return nil
	case err != nil:
		if e.Size > 0 {
			e.Missing.Add(block.Extent{Length: e.Size})
			e.Runs = []block.Run{{Length: e.Size, Kind: block.Lost}}
			e.Verdict = filetype.Partial
		}
		e.Findings = append(e.Findings, notOpened.New(finding.Expected(nil, err)))
		return nil
	}
	e.Size = max(src.Size(), 0)
	if s.Encoding == "" {
		e.Runs = block.Normalize(block.Origin(src, block.Extent{Length: e.Size}), e.Size)
	} else if enc, ok := src.(filesystem.Encoded); ok {
		stored := enc.Encoded()
		e.Encoding = s.Encoding
		e.Stored = block.Normalize(block.Origin(stored, block.Extent{Length: stored.Size()}), stored.Size())
		e.Findings = append(e.Findings, encodedContent.New(finding.Expected(nil, s.Encoding)))
	}
	if e.Size == 0 {
		e.Findings = append(e.Findings, empty.New())
		return nil
	}
	if !j.Until.IsZero() && time.Now().After(j.Until) {
		if f, ok := j.Table.ByExtension(e.Name); ok {
			e.Format, e.Class = f.Name, f.Class
		}
		e.Verdict = filetype.Unknown
		e.Findings = append(e.Findings, notChecked.New())
		return nil
	}
	return j.examine(ctx, e, src)
}

// open1 opens a stream and turns a panic of the reader into an error.
func open1(fsys filesystem.FileSystem, f *filesystem.File, stream string) (src block.Source, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &guard.PanicError{Value: v}
		}
	}()
	return fsys.Open(f, stream)
}

// examine asks the table for the format of src and settles the verdict of e.
func (j *Judge) examine(ctx context.Context, e *Entry, src block.Source) error {
	if e.Size >= constantMin && len(e.Runs) == 1 && e.Runs[0].Kind == block.Zero {
		// A hole as large as the file is not read: it may be of any size.
		report := filetype.Report{Size: e.Size, Findings: []finding.Finding{filetype.Erased.New(finding.At(0, e.Size),
			finding.Arg("count", e.Size), finding.Expected(nil, "0x00"))}}
		settle(e, nil, report, block.Set{})
		return nil
	}
	watched := &watch{src: src}
	limit := j.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	limit += time.Duration(block.Places(e.places()).Bytes()>>20) * perMiB
	var format *filetype.Format
	var report filetype.Report
	err := guard.Do(ctx, limit, watched, func(ctx context.Context, src block.Source) (err error) {
		format, report, err = j.Table.Identify(ctx, src, e.Name)
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f, ok := guard.Finding("file type", limit, err)
		if !ok {
			f = notIdentified.New(finding.Expected(nil, err))
		}
		format, report = nil, filetype.Report{Size: e.Size, Findings: []finding.Finding{f}}
	}
	settle(e, format, report, watched.unread(e.Size))
	return nil
}

// watch is a source that remembers which of its bytes could not be read, whatever its reader made of it.
type watch struct {
	src block.Source
	mu  sync.Mutex
	met block.Set
}

func (w *watch) Size() int64 { return w.src.Size() }

func (w *watch) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.src.ReadAt(p, off)
	if u, ok := block.IsUnreadable(err); ok {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.met.Add(failure(u, off+int64(n), 1))
	}
	return n, err
}

func (w *watch) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(w.src, within)
}

func (w *watch) Origin(within block.Extent) []block.Run { return block.Origin(w.src, within) }

// failure returns the range from off on that u says cannot be read: at off a read stopped. An error that
// does not name that byte stands for guess bytes.
func failure(u *block.UnreadableError, off, guess int64) block.Extent {
	end := off
	for _, r := range u.Ranges {
		if r.Has(off) {
			end = max(end, r.End())
		}
	}
	if end == off {
		end += guess
	}
	return block.Between(off, end)
}

// unread returns which of the first size bytes were met as unreadable, or are known to be.
func (w *watch) unread(size int64) block.Set {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := block.Extent{Length: size}
	var known []block.Extent
	for _, u := range block.UnreadableIn(w.src, all) {
		known = append(known, u.Extent)
	}
	return w.met.Union(block.SetOf(known...)).Within(all)
}
