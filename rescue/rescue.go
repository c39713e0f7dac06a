package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/recovery"
	"salvor/unpack"
	"salvor/volume"
)

// Options say what to rescue, and to where.
type Options struct {
	Source string   // a device or an image file
	More   []string // further disks of the same case, each with volumes of its own
	Case   string   // the case folder
	Copy   bool     // copy an image file into the case too; devices always are
	NoLock bool     // leave the system's read-only flag of a device as it is
	// TakeOnly ends the job when the source is read: the verb copy.
	TakeOnly bool
	Keys     volume.Keyring // the secrets of encrypted volumes; nil for none
	Take     TakeOptions    // how the sources are read
	Carve    CarveOptions   // how files are looked for that nothing names
	Program  string         // name and version, for the record
}

// Events are told what happens while the job works. They may be called from one goroutine at a time only.
type Events interface {
	// Progress is told a few times a second.
	Progress(wire.Progress)
	// Layers is told once, when the tree of layers is known.
	Layers([]wire.Layer)
	// Finding is told what is no single file's.
	Finding(wire.Finding)
}

// Names of the steps in the catalogue.
const (
	stepTake  = "take"
	stepRead  = "read"
	stepCarve = "carve"
)

// job is one run.
type job struct {
	o      Options
	events Events
	tables *Tables
	log    *slog.Logger

	c        *casefile.Case
	cat      *recovery.Catalog
	target   host.Target
	disks    []*disk            // the sources, then the volumes that were put together out of them
	*disk                       // the one that a step works on
	others   []*disk            // sources of the case that this run does not name, and parts of volumes may stand on
	aside    *Case              // that these are read through
	browsing bool               // the case may not be changed
	until    time.Time          // behind it no file is checked; zero for none
	early    bool               // the copies are not whole: what is listed now is no last word
	recipes  []casefile.Virtual // of volumes that the case does not keep, since it is only browsed
	copies   []*host.Opened     // copies in the case that are open for reading
	labels   map[int]string
	safe     recovery.Count // what is saved so far, for the progress

	findings []wire.Finding
	saved    recovery.SaveResult
	full     *recovery.TargetFullError
	begun    time.Time
}

// disk is one source of the case, and what the steps learned of it.
type disk struct {
	number  int    // of the source in the case, from 1
	path    string // as it was given
	opened  *host.Opened
	packed  *unpack.Kind // how the image is compressed; nil for all else
	inside  *inside      // the disk in a container; nil for all else
	folder  *host.Opened // beside which further files of the image lie: what was opened first
	fresh   bool         // it was not read to its end before this run
	inPlace bool
	medium  block.Source
	tree    *layers.Layer
	bad     int64 // bytes that could not be read
	left    int64 // bytes that were not to be read

	virtual *virtual  // nil for a source
	claimed block.Set // what volumes explain that were put together out of it
}

// Run does the main job. The result is never empty: it says what holds also when the error is not nil. The
// error is what ended the job before its end: that of ctx, a *host.RefusedError, or what a room below answered.
func Run(ctx context.Context, o Options, events Events, log *slog.Logger) (wire.Result, error) {
	tables, err := NewTables()
	if err != nil {
		return failed(err, o), err
	}
	j := &job{o: o, events: events, tables: tables, log: log, labels: map[int]string{}, begun: time.Now(), disk: &disk{}}
	err = j.run(ctx)
	result := j.outcome(ctx, err)
	err = errors.Join(err, j.close())
	return result, err
}

func (j *job) run(ctx context.Context) error {
	if err := j.open(ctx); err != nil {
		return err
	}
	var restore []func() error
	err := j.each(ctx, func(context.Context) error {
		r, err := j.lockSource()
		if err == nil {
			restore = append(restore, r)
		}
		return err
	})
	if err == nil {
		err = j.steps(ctx)
	}
	for _, r := range restore {
		err = errors.Join(err, r())
	}
	return err
}

// each does a step for every disk, in the order of their numbers.
func (j *job) each(ctx context.Context, do func(context.Context) error) error {
	for _, d := range j.disks {
		j.disk = d
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step returns the name under which the catalogue keeps that a step of the current disk is done.
func (j *job) step(name string) string {
	if j.virtual != nil {
		return fmt.Sprintf("%s %d %s", name, j.number, j.virtual.version)
	}
	return stepOf(name, j.number)
}

func stepOf(name string, number int) string {
	if number == 1 {
		return name
	}
	return fmt.Sprintf("%s %d", name, number)
}

func (j *job) steps(ctx context.Context) error {
	each := func(do func(context.Context) error) func(context.Context) error {
		return func(ctx context.Context) error { return j.each(ctx, do) }
	}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{"unpack", each(j.unpack)}, {"take", each(j.take)}, {"compare", each(j.same)}, {"find", j.find}, {"read", each(j.read)}, {"carve", each(j.carve)}, {"relate", each(j.relate)}, {"save", j.save}, {"compare", each(j.stillSame)},
	}
	for _, s := range steps {
		if j.o.TakeOnly && s.name == "find" {
			return nil
		}
		if j.o.Carve.Alone && !j.o.Carve.Free && s.name == "read" {
			continue
		}
		begun := time.Now()
		if err := j.c.Append(s.name+".begin", nil); err != nil {
			return err
		}
		err := s.do(ctx)
		fields := map[string]any{"seconds": time.Since(begun).Seconds()}
		if err != nil {
			fields["error"] = err.Error()
		}
		if e := j.c.Append(s.name+".end", fields); e != nil {
			return errors.Join(err, e)
		}
		j.log.Debug("step", "name", s.name, "took", time.Since(begun), "error", err)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// close gives everything back, in the reverse order of taking it.
func (j *job) close() error {
	var errs []error
	for _, c := range j.copies {
		errs = append(errs, c.Close())
	}
	if j.aside != nil {
		errs = append(errs, j.aside.closeMedia())
	}
	closers := []io.Closer{closer(j.cat)}
	for _, d := range j.disks {
		closers = append(closers, closer(d.opened))
	}
	for _, c := range append(closers, closer(j.c)) {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// closer returns p as an io.Closer, or nil when there is none.
func closer[T any, P interface {
	*T
	io.Closer
}](p P) io.Closer {
	if p == nil {
		return nil
	}
	return p
}

// timeLeft returns how long n more take at rate a second, negative when that cannot be told yet.
func timeLeft(n int64, rate float64) time.Duration {
	if rate < 1 {
		return -1
	}
	return time.Duration(float64(n) / rate * float64(time.Second))
}

// progress tells the events how far a step is, with what is already safe.
func (j *job) progress(step string, done, total int64, unit string, rate float64, left time.Duration, words string) {
	p := wire.NewProgress(step, done, total, unit)
	p.Rate, p.Words = rate, words
	if left >= 0 {
		s := left.Seconds()
		p.Left = &s
	}
	p.SafeFiles, p.SafeBytes = j.safe.Files, j.safe.Bytes
	j.events.Progress(p)
}

// tell keeps a finding for the report and shows it now.
func (j *job) tell(f wire.Finding) {
	j.findings = append(j.findings, f)
	j.events.Finding(f)
}
