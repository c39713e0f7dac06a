package rescue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"salvor/casefile"
	"salvor/host"
	"salvor/recovery"
)

// open checks that reading is safe and that the case is the right one, before anything is written, and opens
// the source, the case and the catalogue.
func (j *job) open(ctx context.Context) error {
	if err := host.CheckSafe(j.o.Source); err != nil {
		return err
	}
	var err error
	if j.opened, err = host.Open(ctx, j.o.Source, host.OpenOptions{}); err != nil {
		return err
	}
	inside, err := host.Contains(j.opened.Real, j.o.Case)
	if err != nil {
		return fmt.Errorf("rescue: %w", err)
	}
	if inside {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.source",
			Why:  fmt.Sprintf("the case folder %s lies on the source %s itself: saving there would overwrite what is to be saved", j.o.Case, j.o.Source),
			Next: "choose a folder on another disk with --to"}
	}
	if j.target, err = host.InspectTarget(j.o.Case); err != nil {
		return err
	}
	identity, err := j.opened.Identity(ctx)
	if err != nil {
		return err
	}
	j.inPlace = !j.opened.Device && !j.o.Copy
	if err := j.checkSpace(); err != nil {
		return err
	}
	if j.c, err = casefile.Open(j.o.Case, casefile.Writer, casefile.Options{Program: j.o.Program}); err != nil {
		return err
	}
	if j.target, err = host.InspectTarget(j.c.Dir()); err != nil {
		return err
	}
	if err := j.target.Probe(); err != nil {
		return err
	}
	for _, n := range j.c.Notes() {
		j.tell(wireFinding(n.Finding))
	}
	if err := j.matchSource(identity); err != nil {
		return err
	}
	j.cat, err = recovery.OpenCatalog(j.c.CatalogPath())
	return err
}

// checkSpace refuses a target that cannot hold the copy, before anything begins. What the files need is known
// only later, and checked before they are saved.
func (j *job) checkSpace() error {
	need := int64(16 << 20) // the catalogue, the map, the journal and the reports of a small job
	if !j.inPlace && !j.target.Exists {
		need += j.opened.Size
	}
	if limit := j.target.MaxFileSize; !j.inPlace && limit > 0 && j.opened.Size > limit {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.file-size",
			Why: fmt.Sprintf("the copy of %s would be one file of %s, and %s at %s holds files up to %s only",
				j.o.Source, host.Bytes(j.opened.Size), j.target.FS, j.target.Dir, host.Bytes(limit)),
			Next: "choose a folder on a disk with exFAT, NTFS, ext4 or another file system for large files with --to"}
	}
	return j.target.Check(need)
}

// matchSource makes the source part of a new case, or sees that it is the one that an old case is about.
func (j *job) matchSource(identity host.Identity) error {
	sources := j.c.Record().Sources
	if len(sources) == 0 {
		_, err := j.c.AddSource(identity, j.inPlace)
		return err
	}
	s := sources[0]
	if err := casefile.SameSource(s, identity); err != nil {
		return err
	}
	// What was copied stays a copy, however the job is started again.
	j.inPlace = s.InPlace && j.inPlace
	if s.Path != identity.Path || s.InPlace != j.inPlace {
		s.Path, s.InPlace = identity.Path, j.inPlace
		return j.c.UpdateSource(s)
	}
	return nil
}

// lockSource sets the read-only flag of a device and returns what puts the old value back.
func (j *job) lockSource() (restore func() error, err error) {
	if j.o.NoLock || !j.opened.Device {
		return func() error { return nil }, nil
	}
	if err := j.c.Append("source.lock", map[string]any{"device": j.opened.Real, "was_read_only": j.opened.ReadOnly}); err != nil {
		return nil, err
	}
	restore, err = host.LockReadOnly(j.opened)
	if err != nil {
		return nil, err
	}
	return func() error {
		return errors.Join(restore(), j.c.Append("source.unlock", map[string]any{"device": j.opened.Real}))
	}, nil
}

// baseName returns the last element of the source's path.
func (j *job) baseName() string { return filepath.Base(j.o.Source) }
