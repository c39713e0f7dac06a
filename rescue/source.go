package rescue

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"salvor/casefile"
	"salvor/host"
	"salvor/recovery"
)

// open checks that reading is safe and that the case is the right one, before anything is written, and opens
// the source, the case and the catalogue.
func (j *job) open(ctx context.Context) error {
	var err error
	// Opening comes first, since it knows what is no source at all; it only reads.
	if j.opened, err = host.Open(ctx, j.o.Source, host.OpenOptions{}); err != nil {
		return err
	}
	if err := host.CheckSafe(j.o.Source); err != nil {
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
	if filepath.Dir(identity.Path) == filepath.Dir(j.c.ImagePath(s.Number)) {
		identity.Path = s.Path // the case's own copy is not where the source is
	}
	if s.Path != identity.Path || s.InPlace != j.inPlace {
		s.Path, s.InPlace = identity.Path, j.inPlace
		return j.c.UpdateSource(s)
	}
	return nil
}

// Acts of the journal about the read-only flag of a device.
const (
	actLock   = "source.lock"
	actUnlock = "source.unlock"
)

// lockSource sets the read-only flag of a device and returns what puts the old value back: that of the time
// before a run which was killed set it, when there was one.
func (j *job) lockSource() (restore func() error, err error) {
	if j.o.NoLock || !j.opened.Device {
		return func() error { return nil }, nil
	}
	left, err := j.lockLeft()
	if err != nil {
		return nil, err
	}
	was := j.opened.ReadOnly && !left
	if err := j.c.Append(actLock, map[string]any{"device": j.opened.Real, "was_read_only": was}); err != nil {
		return nil, err
	}
	unlock, err := host.LockReadOnly(j.opened)
	if err != nil {
		return nil, err
	}
	if left {
		unlock = func() error { return host.ClearReadOnly(j.opened) }
	}
	return func() error {
		if err := unlock(); err != nil {
			return err
		}
		return j.c.Append(actUnlock, map[string]any{"device": j.opened.Real})
	}, nil
}

// lockLeft reports whether the read-only flag of the device was set by an earlier run in this case that could
// not put the old value back.
func (j *job) lockLeft() (bool, error) {
	acts, err := j.c.Journal(0)
	if err != nil {
		return false, err
	}
	left := false
	for _, a := range acts {
		var f struct {
			Device string `json:"device"`
			Was    bool   `json:"was_read_only"`
		}
		if a.Act != actLock && a.Act != actUnlock {
			continue
		}
		if err := json.Unmarshal(a.Fields, &f); err != nil || f.Device != j.opened.Real {
			continue
		}
		left = a.Act == actLock && !f.Was
	}
	return left && j.opened.ReadOnly, nil
}

// baseName returns the last element of the source's path.
func (j *job) baseName() string { return filepath.Base(j.o.Source) }
