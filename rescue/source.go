package rescue

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"salvor/casefile"
	"salvor/host"
	"salvor/recovery"
)

// open checks that reading is safe and that the case is the right one, before anything is written, and opens
// the sources, the case and the catalogue.
func (j *job) open(ctx context.Context) error {
	identities, err := j.openSources(ctx)
	if err != nil {
		return err
	}
	if j.c, err = casefile.Open(j.o.Case, casefile.Writer, casefile.Options{Program: j.o.Program, MaxFile: j.target.MaxFileSize}); err != nil {
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
	if err := j.matchSources(identities); err != nil {
		return err
	}
	for _, d := range j.disks {
		for _, n := range d.opened.Notes {
			f := wireFinding(n)
			f.Source = d.number
			j.tell(f)
		}
	}
	j.cat, err = recovery.OpenCatalog(j.c.CatalogPath())
	return err
}

// openSources opens the sources and checks all that can be checked before anything is written.
func (j *job) openSources(ctx context.Context) ([]host.Identity, error) {
	for _, path := range append([]string{j.o.Source}, j.o.More...) {
		if err := j.openDisk(ctx, path); err != nil {
			return nil, err
		}
	}
	var err error
	if j.target, err = host.InspectTarget(j.o.Case); err != nil {
		return nil, err
	}
	identities := make([]host.Identity, len(j.disks))
	for i, d := range j.disks {
		if identities[i], err = d.opened.Identity(ctx); err != nil {
			return nil, err
		}
		d.inPlace = !d.opened.Device && !j.o.Copy && d.packed == nil
	}
	return identities, j.checkSpace()
}

// CheckStart says whether [Run] would refuse these sources and this place for the case, and writes nothing. The error is
// that of Run.
func CheckStart(ctx context.Context, o Options) error {
	tables, err := NewTables()
	if err != nil {
		return err
	}
	j := &job{o: o, events: unheard{}, tables: tables, labels: map[int]string{}, disk: &disk{}}
	_, err = j.openSources(ctx)
	return errors.Join(err, j.close())
}

// openDisk opens one source, and refuses it when something could write to it meanwhile or the case lies on it.
// One that is named twice is opened once.
func (j *job) openDisk(ctx context.Context, path string) error {
	// Opening comes first, since it knows what is no source at all; it only reads.
	opened, err := host.Open(ctx, path, j.o.Take.open())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(j.disks, func(d *disk) bool { return d.opened.Real == opened.Real }) {
		return opened.Close()
	}
	j.disk = &disk{number: len(j.disks) + 1, path: path, opened: opened, folder: opened}
	j.disks = append(j.disks, j.disk)
	if err := j.recognise(ctx); err != nil {
		return err
	}
	inside := false
	for _, file := range files(opened, path) {
		if err := host.CheckSafe(file); err != nil {
			return err
		}
		in, err := host.Contains(file, j.o.Case)
		if err != nil {
			return fmt.Errorf("rescue: %w", err)
		}
		inside = inside || in
	}
	if inside {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.source",
			Why:  fmt.Sprintf("the case folder %s lies on the source %s itself: saving there would overwrite what is to be saved", j.o.Case, path),
			Next: "choose a folder on another disk with --to"}
	}
	return nil
}

// files returns the paths of what a source consists of.
func files(o *host.Opened, path string) []string {
	if len(o.Files) > 0 {
		return o.Files
	}
	return []string{path}
}

// checkSpace refuses a target that cannot hold the copies, before anything begins. What the files need is known
// only later, and checked before they are saved.
func (j *job) checkSpace() error {
	need := int64(16 << 20) // the catalogue, the map, the journal and the reports of a small job
	for _, d := range j.disks {
		if d.inPlace || d.packed != nil { // what comes out is bounded when it does
			continue
		}
		if !j.target.Exists {
			need += d.size()
		}
	}
	return j.target.Check(need)
}

// matchSources makes the sources part of a new case, or finds them among those that an old case is about. A
// disk that is new to an old case is added to it only beside one that it knows: a disk that is named alone and
// is another one is most often a mistake.
func (j *job) matchSources(identities []host.Identity) error {
	known := j.c.Record().Sources
	of := make([]int, len(identities)) // the number of each in the case, 0 for a new one
	match := func(same func(s casefile.Source, id host.Identity) bool) {
		for i, id := range identities {
			for _, s := range known {
				if of[i] == 0 && !slices.Contains(of, s.Number) && same(s, id) {
					of[i] = s.Number
				}
			}
		}
	}
	// The two halves of a mirror hold the same bytes: the path tells them apart as far as it can.
	match(func(s casefile.Source, id host.Identity) bool {
		return s.Path == id.Path && casefile.SameSource(s, id) == nil
	})
	match(func(s casefile.Source, id host.Identity) bool { return casefile.SameSource(s, id) == nil })
	if len(known) > 0 && !slices.ContainsFunc(of, func(n int) bool { return n > 0 }) {
		return casefile.SameSource(known[0], identities[0])
	}
	for i, d := range j.disks {
		if of[i] == 0 {
			s, err := j.c.AddSource(identities[i], d.inPlace)
			if err != nil {
				return err
			}
			d.number = s.Number
			continue
		}
		s, _ := j.c.Record().Source(of[i])
		if err := j.meetSource(d, s, identities[i]); err != nil {
			return err
		}
	}
	slices.SortFunc(j.disks, func(a, b *disk) int { return cmp.Compare(a.number, b.number) })
	return nil
}

// meetSource takes up the work on a source of the case.
func (j *job) meetSource(d *disk, s casefile.Source, identity host.Identity) error {
	// What was copied stays a copy, however the job is started again.
	d.number, d.inPlace = s.Number, s.InPlace && d.inPlace
	if filepath.Dir(identity.Path) == filepath.Dir(j.c.ImagePath(s.Number)) {
		identity.Path = s.Path // the case's own copy is not where the source is
	}
	if s.Path != identity.Path || s.InPlace != d.inPlace {
		s.Path, s.InPlace = identity.Path, d.inPlace
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

// baseName returns the name of the current disk's file.
func (j *job) baseName() string {
	if j.virtual != nil {
		return j.path
	}
	return j.opened.Name
}
