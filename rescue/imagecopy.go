package rescue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/imaging/ewf"
	"salvor/internal/wire"
)

// ImageCopy says what to copy into an image file, beside which its map and its hashes stand: without a case.
type ImageCopy struct {
	Source, Image string
	Map           string // "" is the image's name and ".map"
	Sums          string // "" is the map's name and ".sums"
	TakeOptions
	// OutputPosition is where the bytes of Position stand in the image; negative for the same place.
	OutputPosition int64
	Extend         int64 // the least size of the image in bytes
	Sparse         bool
	Preallocate    bool
	Truncate       bool
	Synchronous    bool
	Compare        bool // write only what stands there otherwise
	CompleteOnly   bool // nothing beyond what the map has
	VerifySize     bool // the map must be as large as the source
	VerifyOnError  bool // after each failure a good sector is read again
	ReopenOnError  bool // after each failure the source is opened anew
	Force          bool // write over an image that no map speaks of
	NoLock         bool
	// Split is the size in bytes of the parts of an image, or of the segments of one in the Expert Witness format; 0 for
	// one file, or for the parts that are there.
	Split int64
	// Erase is the code that confirms that a device may be overwritten: the refusal without it names it, with what stands
	// on the device.
	Erase string
	// Test gives errors where it does not say finished: the test mode.
	Test    *imaging.Map
	Program string
	Command string // as it was given, for the map's heading
}

// imageCopy is a copy under way.
type imageCopy struct {
	ImageCopy
	events  Events
	log     *slog.Logger
	id      host.Identity
	standby *host.Standby
	source  block.Source
	kind    outputKind
	image   output // nil when an image in the Expert Witness format is whole already
	title   string // of the device that is overwritten, and the code that confirmed it; "" for files
	journal *casefile.Journal
	diary   *diary
	m       *imaging.Map
	had     bool // there was a map
	begun   time.Time
	shift   int64 // of a place in the image against the source
}

// CopyImage copies a source into an image file.
func CopyImage(ctx context.Context, o ImageCopy, events Events, log *slog.Logger) (wire.Result, error) {
	if o.Split > 0 {
		o.Image = strings.TrimSuffix(o.Image, ".001")
	}
	if o.Map == "" && host.IsDevice(o.Image) {
		err := &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.image.map",
			Why: fmt.Sprintf("%s is a device, beside which no map can stand", o.Image), Next: "name the file for the map as the third argument"}
		return Failure(err, "nothing was written"), err
	}
	if o.Map == "" {
		o.Map = o.Image + ".map"
	}
	if o.Sums == "" {
		o.Sums = o.Map + ".sums"
	}
	c := &imageCopy{ImageCopy: o, events: events, log: log, begun: time.Now()}
	c.kind = c.kindOf()
	result, err := c.run(ctx)
	if err != nil {
		safe := "nothing was written"
		if c.m != nil && c.image != nil {
			safe = fmt.Sprintf("%s of %s stand in %s, and its map %s says where; the source was only read",
				host.Bytes(c.m.Of(imaging.Finished).Bytes()), host.Bytes(c.m.Size()), o.Image, o.Map)
		}
		return Failure(err, safe), err
	}
	return result, nil
}

func (c *imageCopy) run(ctx context.Context) (wire.Result, error) {
	if err := c.open(ctx); err != nil {
		return wire.Result{}, err
	}
	defer func() {
		if err := errors.Join(c.standby.Close(), c.closeImage()); err != nil {
			c.log.Debug("closing", "error", err)
		}
	}()
	if err := c.readMap(); err != nil {
		return wire.Result{}, err
	}
	if err := c.checkSame(ctx, c.source); err != nil {
		return wire.Result{}, err
	}
	if err := c.openImage(ctx); err != nil {
		return wire.Result{}, err
	}
	if c.image == nil {
		return c.result(imaging.Result{Complete: true, Done: c.m.Of(imaging.Finished).Bytes()}, nil)
	}
	if err := c.openJournal(); err != nil {
		return wire.Result{}, err
	}
	res, err := c.take(ctx)
	var packed *ewf.Result
	if err == nil && c.kind == toEWF {
		packed, err = c.pack(ctx)
	}
	if err = errors.Join(err, c.endJournal(res, packed, err)); err != nil {
		return wire.Result{}, err
	}
	return c.result(res, packed)
}

// take reads the source into the image.
func (c *imageCopy) take(ctx context.Context) (imaging.Result, error) {
	opened := c.standby.Opened()
	unlock := func() error { return nil }
	if opened.Device && !c.NoLock {
		u, err := host.LockReadOnly(opened)
		if err != nil {
			return imaging.Result{}, err
		}
		unlock = u
	}
	job := c.job()
	var tables *Tables
	if c.FirstUsed {
		var err error
		if tables, err = NewTables(); err != nil {
			return imaging.Result{}, errors.Join(err, unlock())
		}
	}
	endGuide := c.guided(job, tables)
	tell := func(f finding.Finding) { c.events.Finding(wireFinding(f)) }
	warnPower(ctx, job, opened, tell)
	if err := noteHealth(ctx, opened, tell, c.journal.Append, nil); err != nil {
		return imaging.Result{}, errors.Join(err, unlock())
	}
	meaning := watched(job)
	res, err := imaging.Run(ctx, job)
	endGuide()
	for _, f := range meaning() {
		tell(f)
	}
	return res, errors.Join(err, unlock())
}

func (c *imageCopy) open(ctx context.Context) error {
	o := c.TakeOptions.open()
	opened, err := host.Open(ctx, c.Source, o)
	if err != nil {
		return err
	}
	if err := c.enter(ctx, opened); err != nil {
		return errors.Join(err, opened.Close())
	}
	if c.id, err = opened.Identity(ctx); err != nil {
		return errors.Join(err, opened.Close())
	}
	c.standby = host.NewStandby(opened, c.id, o)
	c.source = c.standby
	if c.Test != nil {
		c.source = imaging.TestMode(c.standby, c.Test)
	}
	if c.SectorSize == 0 {
		c.SectorSize = sectorOf(opened)
	}
	if err := c.refuse(opened); err != nil {
		return errors.Join(err, opened.Close())
	}
	return nil
}

func (c *imageCopy) job() *imaging.Job {
	c.diary = &diary{append: c.journal.Append, log: c.LogRead}
	job := &imaging.Job{
		Source: c.source, SectorSize: c.SectorSize, Plan: c.Plan, Map: c.m, Sparse: c.Sparse, Interval: c.Interval,
		WholeHash: c.WholeHash, LogRead: c.diary.note, Checkpoint: c.keep, Progress: c.progress, VerifyOnError: c.VerifyOnError,
		Target: &shifted{c.image, c.shift, c.Compare}, Copy: block.Section(c.image, block.Extent{Offset: max(c.shift, 0), Length: c.m.Size()}),
		Wait: func(ctx context.Context, why error) error {
			if err := c.journal.Append(actGone, map[string]any{"why": why.Error()}); err != nil {
				return err
			}
			if err := c.standby.Await(ctx, func(src block.Source) error { return c.checkSame(ctx, src) }, c.tell); err != nil {
				return err
			}
			return c.journal.Append(actBack, map[string]any{"path": c.standby.Opened().Real})
		},
	}
	if c.ReopenOnError {
		job.AfterError = c.standby.Reopen
	}
	if c.shift < 0 {
		job.Copy = nil // the image does not begin where the source does
	}
	if c.had {
		job.Known = c.known
	}
	return job
}

func (c *imageCopy) progress(p imaging.Progress) {
	direction := "forwards"
	if p.Backward {
		direction = "backwards"
	}
	words := phaseWords(p.Phase, p.Pass, direction)
	if p.Bad > 0 {
		words += fmt.Sprintf(", %s failed so far", host.Bytes(p.Bad))
	}
	l := wire.NewProgress("copy", p.Done, p.Total, "bytes")
	l.Rate, l.Words, l.SafeBytes = p.Rate, words, p.Done
	if p.Left >= 0 {
		s := p.Left.Seconds()
		l.Left = &s
	}
	c.events.Progress(l)
}

func (c *imageCopy) tell(words string) {
	l := wire.NewProgress("wait", 0, 0, "bytes")
	l.Words = words
	c.events.Progress(l)
	c.log.Info(words)
}
