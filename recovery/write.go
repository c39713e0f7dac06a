package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// attempt does one step of a job. Its error stops the work; what concerns the job alone is noted in it.
func (s *saver) attempt(ctx context.Context, j *job, step func(context.Context, *job) error) error {
	err := step(ctx, j)
	if err == nil {
		s.failures = 0
		return nil
	}
	full := s.targetError(err)
	if j.temp != "" && !(j.written && isTargetFull(full)) { // what is written is tried again when there is room
		s.Root.Remove(j.temp) // it may never have been made
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if isTargetFull(full) {
		return full
	}
	var stop *stopError
	if errors.As(err, &stop) {
		return stop.error
	}
	if isTooLarge(err) {
		j.fail(Failed, tooLarge.New(finding.Expected("fewer", j.e.Size)))
		return nil
	}
	j.fail(Failed, notWritten.New(finding.Expected(nil, err)))
	if s.failures++; s.failures >= maxFailures || isReadOnly(err) {
		return fmt.Errorf("recovery: saving to %s: %w", s.Root.Name(), err)
	}
	return nil
}

// stopError is an error that ends the work whatever it is.
type stopError struct{ error }

// write brings the content of a job, complete, to its temporary name, or finds that there is nothing to
// save.
func (s *saver) write(ctx context.Context, j *job) error {
	switch {
	case j.e.IsDir():
	case j.e.Mode.Type() == fs.ModeSymlink: // written when its folder is known, which decides how
	default:
		if err := s.writeFile(ctx, j); err != nil || j.state != "" {
			return err
		}
	}
	j.written = true
	return nil
}

// writeFile writes the content of a regular file.
func (s *saver) writeFile(ctx context.Context, j *job) error {
	e := j.e
	src, err := s.content(e)
	if err != nil {
		return err
	}
	sum, missing, size, err := s.copyContent(ctx, j.temp, e, src)
	if err != nil {
		return err
	}
	e.SHA256 = sum
	if found := missing.Subtract(e.Missing); !found.Empty() {
		j.lowered, j.dirty = true, true
		e.lower(found)
	}
	if missing.Contains(block.Extent{Length: e.Size}) && e.Size > 0 {
		j.fail(Skipped, nothingLeft.New(finding.Arg("count", e.Size)))
		return s.Root.Remove(j.temp)
	}
	if size != e.Size {
		j.lowered, j.dirty = true, true
		e.Size, e.GoodUntil = size, min(e.GoodUntil, size)
		e.Runs = block.Normalize(e.Runs, size)
	}
	if e.Origin == FromContent && missing.Empty() && !s.Elsewhere {
		id, err := s.savedBefore(ctx, e, sum)
		if err != nil {
			return &stopError{err}
		}
		if id != "" {
			e.DuplicateOf = id
			j.fail(Skipped, sameContent.New(finding.Arg("id", id)))
			return s.Root.Remove(j.temp)
		}
	}
	if err := s.dress(j.temp, e); err != nil {
		return err
	}
	if e.Missing.Empty() && s.inBatch[sum] == "" {
		s.inBatch[sum] = e.ID
	}
	return nil
}

// A Decoder gives the content of size bytes out of stored ones: see filesystem.Kind.
type Decoder func(encoding string, stored block.Source, size int64) (filesystem.Encoded, error)

// Content returns the bytes of e out of the medium that it was found on. decode may be nil where no file
// system encodes.
func Content(medium block.Source, e *Entry, decode Decoder) (block.Source, error) {
	switch {
	case e.Encoding != "" && decode == nil:
		return nil, fmt.Errorf("recovery: %s is stored as %s, and nothing here decodes that", e.ID, e.Encoding)
	case e.Encoding != "":
		stored := int64(0)
		for _, r := range e.Stored {
			stored = max(stored, r.LogicalExtent().End())
		}
		return decode(e.Encoding, block.Join(medium, e.Stored, stored), e.Size)
	case len(e.Runs) == 0:
		return nil, fmt.Errorf("recovery: the place of %s on the medium is not known", e.ID)
	}
	return block.Join(medium, e.Runs, e.Size), nil
}

// content returns the bytes of e.
func (s *saver) content(e *Entry) (block.Source, error) {
	if e.Size == 0 {
		return block.Bytes(nil), nil
	}
	medium, err := s.Medium(e.Source)
	if err != nil {
		return nil, err
	}
	return Content(medium, e, s.Decode)
}

// holeChunk is the least run of zeros that is left out of a sparse file, in bytes.
const holeChunk = 64 << 10

// contentWriter writes, hashes, and leaves out what is zero where the target can.
type contentWriter struct {
	f       *os.File
	sum     hash.Hash
	sparse  bool
	at      int64 // where the next byte goes
	pending int64 // missing bytes before at that were not hashed and written yet
	zeros   []byte
}

// missing puts n zeros in the place of bytes that could not be read. They count only when something follows.
func (w *contentWriter) missing(n int64) { w.pending += n }

// settle writes the pending zeros.
func (w *contentWriter) settle(ctx context.Context) error {
	for w.pending > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(w.pending, int64(len(w.zeros)))
		if err := w.put(w.zeros[:n]); err != nil {
			return err
		}
		w.pending -= n
	}
	return nil
}

func (w *contentWriter) put(p []byte) error {
	w.sum.Write(p)
	for len(p) > 0 {
		n := len(p)
		if w.sparse {
			n = min(n, holeChunk)
			if n == holeChunk && bytes.Equal(p[:n], w.zeros[:n]) {
				w.at += int64(n)
				p = p[n:]
				continue
			}
			for n < len(p) && !bytes.Equal(p[n:min(n+holeChunk, len(p))], w.zeros[:min(holeChunk, len(p)-n)]) {
				n = min(n+holeChunk, len(p))
			}
		}
		if _, err := w.f.WriteAt(p[:n], w.at); err != nil {
			return err
		}
		w.at += int64(n)
		p = p[n:]
	}
	return nil
}

// copyContent writes src to the new file temp and returns its hash, the bytes that could not be read, and its
// size, which is less than that of e for a carved file whose end could not be read.
func (s *saver) copyContent(ctx context.Context, temp string, e *Entry, src block.Source) (sum string, missing block.Set, size int64, err error) {
	f, err := s.Root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return "", missing, 0, err
	}
	defer func() {
		if f != nil {
			f.Close() // after an error, which says more than this one
		}
	}()
	if err := s.point("created"); err != nil {
		return "", missing, 0, &stopError{err}
	}
	w := &contentWriter{f: f, sum: sha256.New(), sparse: s.Target.Sparse, zeros: make([]byte, min(1<<20, max(e.Size, 1)))}
	if w.sparse {
		w.zeros = make([]byte, max(len(w.zeros), holeChunk))
	}
	known := block.OfKind(e.Runs, block.Lost, block.Foreign)
	for off := int64(0); off < e.Size; {
		if err := ctx.Err(); err != nil {
			return "", missing, 0, err
		}
		n, err := src.ReadAt(s.buf[:min(int64(len(s.buf)), e.Size-off)], off)
		if n > 0 {
			if err := w.settle(ctx); err != nil {
				return "", missing, 0, err
			}
			if err := w.put(s.buf[:n]); err != nil {
				return "", missing, 0, err
			}
			off += int64(n)
			s.progress.Bytes += int64(n)
			s.tell()
			continue // what stopped the read is met again at off
		}
		u, ok := block.IsUnreadable(err)
		if !ok {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", missing, 0, fmt.Errorf("reading at %d: %w", off, err)
		}
		hole := failure(u, off, min(sectorSize-off%sectorSize, e.Size-off)).Intersect(block.Extent{Length: e.Size})
		if known.Has(off) {
			hole = known.Within(block.Between(off, e.Size)).Extents()[0]
		}
		missing.Add(hole)
		w.missing(hole.Length)
		off = hole.End()
	}
	if e.Origin != FromContent {
		if err := w.settle(ctx); err != nil {
			return "", missing, 0, err
		}
	}
	if w.sparse {
		if err := f.Truncate(w.at); err != nil { // makes a hole at the end part of the file
			return "", missing, 0, err
		}
	}
	if s.SyncFS == nil {
		if err := f.Sync(); err != nil {
			return "", missing, 0, err
		}
	}
	err = f.Close()
	f = nil
	if err != nil {
		return "", missing, 0, err
	}
	if err := s.point("written"); err != nil {
		return "", missing, 0, &stopError{err}
	}
	return hex.EncodeToString(w.sum.Sum(nil)), missing, w.at, nil
}

const savedBeforeSQL = `SELECT id FROM entries WHERE sha256 = ? AND save = 1 AND +size = ? AND missing = 0 AND id <> ?
	ORDER BY origin, seq LIMIT 1`

// savedBefore returns the ID of a whole entry that was saved with the same content, "" when there is none.
func (s *saver) savedBefore(ctx context.Context, e *Entry, sum string) (id string, err error) {
	if id, ok := s.inBatch[sum]; ok {
		return id, nil
	}
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return "", err
	}
	err = s.c.each(ctx, savedBeforeSQL, []any{raw, e.Size, e.ID}, func(row scanner) error { return row.Scan(&id) })
	return id, err
}

// standOne gives the written content of a job its name.
func (s *saver) standOne(ctx context.Context, j *job) error {
	switch {
	case s.Elsewhere:
		if err := s.standHere(ctx, j); err != nil {
			return err
		}
	case j.e.IsDir():
		if err := s.makeFolder(j.path); err != nil {
			return err
		}
		j.dirty = true // so that its path is noted, too
	default:
		if err := s.makeFolder(path.Dir(j.path)); err != nil {
			return err
		}
		if j.e.Mode.Type() == fs.ModeSymlink {
			if err := s.writeLink(j, path.Dir(j.path)); err != nil {
				return err
			}
		}
		if suffix := sidecar(j.e); suffix != "" {
			if err := s.writeText(j.path+suffix, missingText(j.e)); err != nil {
				return err
			}
		}
		if err := s.Root.Rename(j.temp, j.path); err != nil {
			return err
		}
	}
	if err := s.point("renamed"); err != nil {
		return &stopError{err}
	}
	j.state = Saved
	return nil
}

// writeText writes a small file of the program's own, whole or not at all.
func (s *saver) writeText(name, text string) error {
	temp := tempFolder + "/text"
	f, err := s.Root.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if err == nil && s.SyncFS == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return s.Root.Rename(temp, name)
}

// missingText says which bytes of a saved file are missing.
func missingText(e *Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s)\n%d of %d bytes are missing; in the saved file they are zeros.\n\nfrom byte\tto byte\tbytes\n",
		visible(e.Name, false), visible(e.ID, false), e.Missing.Bytes(), e.Size)
	for x := range e.Missing.All() {
		fmt.Fprintf(&b, "%d\t%d\t%d", x.Offset, x.End()-1, x.Length)
		if x.Offset >= e.Size {
			b.WriteString("\tbehind the end of the saved file")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// makeFolder makes p and the folders above it. Each must be a real folder: a link in the place of one is
// never followed.
func (s *saver) makeFolder(p string) error {
	if p == "." || p == "" || s.made[p] {
		return nil
	}
	if err := s.makeFolder(path.Dir(p)); err != nil {
		return err
	}
	err := s.Root.Mkdir(p, 0o755)
	if errors.Is(err, fs.ErrExist) {
		info, err := s.Root.Lstat(p)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			return fmt.Errorf("%s is in the way of a folder", p)
		}
	} else if err != nil {
		return err
	}
	if len(s.made) >= maxMade {
		clear(s.made)
	}
	s.made[p] = true
	return nil
}

// dress gives the file at p the permissions, extended attributes and times of e. A target that cannot keep a time or an
// attribute is no reason to lose the file.
func (s *saver) dress(p string, e *Entry) error {
	if s.Target.Modes {
		if err := s.Root.Chmod(p, permissions(e)); err != nil {
			return err
		}
	}
	if len(e.Attributes) > 0 && !s.noAttributes {
		if f, err := s.Root.Open(p); err == nil {
			s.noAttributes = !setAttributes(f, e.Attributes)
			f.Close() // its attributes are no part of its content
		}
	}
	modified, accessed := savedTimes(e)
	if !modified.IsZero() || !accessed.IsZero() {
		s.Root.Chtimes(p, accessed, modified)
	}
	return nil
}

// permissions returns those that a saved file or folder gets: its own, without setuid, setgid, the sticky
// bit and writing by everyone, and always such that its owner can read and change it.
func permissions(e *Entry) fs.FileMode {
	p := e.Mode.Perm()
	switch {
	case e.IsDir() && p == 0:
		return 0o755
	case e.IsDir():
		return p&^0o002 | 0o700
	case p == 0:
		return 0o644 // the format keeps none, or nobody could read it
	}
	return p&^0o002 | 0o600
}

// savedTimes returns the times for a saved file. Where the writer's zone is not known, the clock shows here
// what it showed there.
func savedTimes(e *Entry) (modified, accessed time.Time) {
	fit := func(t time.Time) time.Time {
		if t.Year() <= 1 || t.Year() > 9999 {
			return time.Time{}
		}
		if e.Times.Local {
			return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.Local)
		}
		return t
	}
	modified, accessed = fit(e.Times.Modified), fit(e.Times.Accessed)
	if e.Origin == FromContent && modified.IsZero() {
		modified = fit(e.Hints.Taken)
	}
	if accessed.IsZero() {
		accessed = modified
	}
	return modified, accessed
}

// sync makes the files of jobs safe from a loss of power.
func (s *saver) sync(jobs []*job) error {
	if s.SyncFS != nil {
		return s.SyncFS()
	}
	folders := map[string]bool{}
	for _, j := range jobs {
		if j.state == Saved && j.path != "" {
			folders[path.Dir(j.path)] = true
		}
	}
	for p := range folders {
		if f, err := s.Root.Open(p); err == nil {
			f.Sync() // not every system can sync a folder
			f.Close()
		}
	}
	return nil
}

// folderTimes gives the saved folders their times and permissions, which saving files in them changed.
func (s *saver) folderTimes(ctx context.Context) error {
	for e, err := range s.c.Select(ctx, Query{IncludeDirs: true, Save: []SaveState{Saved}, kinds: []int{kindDir}}) {
		if err != nil {
			return err
		}
		if e.SavedAs == "" {
			continue
		}
		if info, err := s.Root.Lstat(e.SavedAs); err != nil || !info.IsDir() {
			continue // someone took it away
		}
		if err := s.dress(e.SavedAs, e); err != nil {
			return err
		}
	}
	return nil
}
