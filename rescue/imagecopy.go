package rescue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
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
	Sparse         bool
	Preallocate    bool
	Truncate       bool
	Synchronous    bool
	CompleteOnly   bool // nothing beyond what the map has
	Force          bool // write over an image that no map speaks of
	NoLock         bool
	// Test gives errors where it does not say finished: the test mode.
	Test    *imaging.Map
	Program string
	Command string // as it was given, for the map's heading
}

// The kinds of refusal of a copy into an image.
const (
	codeSameFile = "rescue.image.source"
	codeNoMap    = "rescue.image.unknown"
	codeOther    = "rescue.image.other"
)

// imageCopy is a copy under way.
type imageCopy struct {
	ImageCopy
	events  Events
	log     *slog.Logger
	id      host.Identity
	standby *host.Standby
	source  block.Source
	image   *host.ImageFile
	m       *imaging.Map
	had     bool // there was a map
	begun   time.Time
	shift   int64 // of a place in the image against the source
}

// CopyImage copies a source into an image file.
func CopyImage(ctx context.Context, o ImageCopy, events Events, log *slog.Logger) (wire.Result, error) {
	if o.Map == "" {
		o.Map = o.Image + ".map"
	}
	if o.Sums == "" {
		o.Sums = o.Map + ".sums"
	}
	c := &imageCopy{ImageCopy: o, events: events, log: log, begun: time.Now()}
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
	if err := c.openImage(); err != nil {
		return wire.Result{}, err
	}
	if err := c.checkSame(ctx, c.source); err != nil {
		return wire.Result{}, err
	}
	unlock := func() error { return nil }
	if opened := c.standby.Opened(); opened.Device && !c.NoLock {
		u, err := host.LockReadOnly(opened)
		if err != nil {
			return wire.Result{}, err
		}
		unlock = u
	}
	job := c.job()
	var tables *Tables
	if c.FirstUsed {
		var err error
		if tables, err = NewTables(); err != nil {
			return wire.Result{}, errors.Join(err, unlock())
		}
	}
	endGuide := c.guided(job, tables)
	tell := func(f finding.Finding) { c.events.Finding(wireFinding(f)) }
	warnPower(ctx, job, c.standby.Opened(), tell)
	if disk, ok := host.DiskOf(ctx, c.standby.Opened().Real); ok && c.standby.Opened().Device {
		for _, f := range disk.Findings() {
			tell(f)
		}
	}
	meaning := watched(job)
	res, err := imaging.Run(ctx, job)
	endGuide()
	for _, f := range meaning() {
		tell(f)
	}
	if err = errors.Join(err, unlock()); err != nil {
		return wire.Result{}, err
	}
	return c.result(res)
}

func (c *imageCopy) open(ctx context.Context) error {
	o := c.TakeOptions.open()
	opened, err := host.Open(ctx, c.Source, o)
	if err != nil {
		return err
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

// refuse ends a copy that would harm what it is to save.
func (c *imageCopy) refuse(opened *host.Opened) error {
	if err := host.CheckSafe(c.Source); err != nil {
		return err
	}
	for _, path := range []string{c.Image, c.Map, c.Sums} {
		if host.SameFile(c.Source, path) {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeSameFile,
				Why:  fmt.Sprintf("%s is the source itself: writing there would destroy what is to be saved", path),
				Next: "name another file, on another disk if you can"}
		}
		inside, err := host.Contains(opened.Real, filepath.Dir(path))
		if err != nil {
			return fmt.Errorf("rescue: %w", err)
		}
		if inside {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeSameFile,
				Why:  fmt.Sprintf("%s lies on the source %s itself: writing there would destroy what is to be saved", path, c.Source),
				Next: "name a file on another disk"}
		}
	}
	return nil
}

// readMap reads the map of an earlier run, its own or that of GNU ddrescue.
func (c *imageCopy) readMap() error {
	size := c.source.Size()
	had, err := host.ReadFile(c.Map, func(r io.Reader, _ io.ReaderAt, n int64) error {
		if n == 0 {
			return nil
		}
		m, err := imaging.ReadMap(r)
		if err == nil {
			c.m, c.had = m, true
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("rescue: the map %s: %w", c.Map, err)
	}
	switch {
	case !had || c.m == nil:
		c.m = imaging.NewMap(size)
	case c.CompleteOnly:
		known := block.SetOf(block.Extent{Length: min(size, c.m.Size())})
		c.m = c.m.Fit(size)
		c.Plan.Domain = &known
	default:
		var end int64
		for e, s := range c.m.All() {
			if s == imaging.Finished {
				end = e.End()
			}
		}
		if end > size {
			return &host.RefusedError{Exit: host.ExitRefused, Code: codeOther,
				Why:  fmt.Sprintf("the map %s is about a larger medium: it has read %s beyond the end of %s", c.Map, host.Bytes(end-size), c.Source),
				Next: "name the map that belongs to this source, or no map at all"}
		}
		c.m = c.m.Fit(size)
	}
	c.bound()
	return c.checkIdentity()
}

// bound sets what is copied, and where it goes.
func (c *imageCopy) bound() {
	c.Plan.Domain = c.bounds(c.m.Size(), c.Plan.Domain)
	if c.OutputPosition >= 0 {
		c.shift = c.OutputPosition - c.Position
	}
}

// openImage opens the image file. A file that is there already, and of which no map speaks, is not touched: most often
// the arguments are swapped.
func (c *imageCopy) openImage() error {
	if n := host.FileSize(c.Image); n > 0 && !c.had && !c.Force && !c.Truncate {
		return &host.RefusedError{Exit: host.ExitRefused, Code: codeNoMap,
			Why:  fmt.Sprintf("%s is there already (%s), and there is no map %s that says it is a copy of %s: perhaps source and image are swapped", c.Image, host.Bytes(n), c.Map, c.Source),
			Next: "name another file for the image, or the map that belongs to it; with --force it is written over"}
	}
	end := c.m.Size()
	if d := c.Plan.Domain; d != nil {
		end = 0
		if e := d.Extents(); len(e) > 0 {
			end = e[len(e)-1].End()
		}
	}
	target, err := host.InspectTarget(filepath.Dir(c.Image))
	if err != nil {
		return err
	}
	if limit := target.MaxFileSize; limit > 0 && end+c.shift > limit {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.target.file-size",
			Why:  fmt.Sprintf("%s at %s holds files up to %s only, and the image has %s", target.FS, target.Dir, host.Bytes(limit), host.Bytes(end+c.shift)),
			Next: "name a file on a disk with exFAT, NTFS, ext4 or another file system for large files, or copy into a case, which splits the image"}
	}
	need := int64(1 << 20)
	if host.FileSize(c.Image) < 0 {
		need += end + c.shift
	}
	if err := target.Check(need); err != nil {
		return err
	}
	// The map comes first, so that there is never an image of which no map speaks.
	if !c.had {
		if err := c.keep(context.Background(), imaging.Snapshot{Map: c.m.Clone()}); err != nil {
			return err
		}
	}
	c.image, err = host.OpenImageFile(c.Image, host.ImageFileOptions{Size: end + c.shift, Preallocate: c.Preallocate, Truncate: c.Truncate, Synchronous: c.Synchronous})
	return err
}

func (c *imageCopy) closeImage() error {
	if c.image == nil {
		return nil
	}
	return c.image.Close()
}

// identityPrefix begins the heading line of the map that says which source it is about.
const identityPrefix = "Salvor source: "

// identityLine says which source the map is about, so that the map of another one is noticed.
func (c *imageCopy) identityLine() string {
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return strings.Join(strings.Fields(s), "_")
	}
	return fmt.Sprintf("%ssize %d serial %s first %s last %s", identityPrefix, c.id.Size, or(c.id.Serial), or(c.id.First), or(c.id.Last))
}

// checkIdentity refuses a map that says it is about another source.
func (c *imageCopy) checkIdentity() error {
	is := strings.Fields(c.identityLine())
	for _, line := range c.m.Comments {
		was := strings.Fields(line)
		if !strings.HasPrefix(line, identityPrefix) || len(was) != len(is) {
			continue
		}
		for i := range was {
			if was[i] != is[i] && was[i] != "-" && is[i] != "-" {
				return &host.RefusedError{Exit: host.ExitRefused, Code: codeOther,
					Why:  fmt.Sprintf("the map %s is about another source: %s %s, and %s has %s", c.Map, was[i-1], was[i], c.Source, is[i]),
					Next: "name the map that belongs to this source, or copy into a new file with a new map"}
			}
		}
	}
	return nil
}

// checkSame reads some of what was read before again, the first and the last of it among them, and refuses a source whose
// content is another one.
func (c *imageCopy) checkSame(ctx context.Context, src block.Source) error {
	_, err := host.ReadFile(c.Sums, func(r io.Reader, at io.ReaderAt, size int64) error {
		some, err := imaging.SampleSums(at, size, checkedSums)
		if err != nil {
			return err
		}
		some = slices.DeleteFunc(some, func(s imaging.Sum) bool {
			st, run := c.m.At(s.Offset)
			return st != imaging.Finished || !run.Contains(s.Extent)
		})
		v, err := imaging.Verify(ctx, src, sequence(some))
		if err != nil {
			return err
		}
		if !v.Changed.Empty() {
			return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.source.changed",
				Why:  fmt.Sprintf("%s is not what it was when it was copied before: the hash of its bytes at %v is another one", c.Source, v.Changed.Extents()[0]),
				Next: "if this is the right source, something wrote to it, or it gives other bytes each time: copy it into a new file, and keep this one"}
		}
		return nil
	})
	return err
}

func (c *imageCopy) job() *imaging.Job {
	job := &imaging.Job{
		Source: c.source, SectorSize: c.SectorSize, Plan: c.Plan, Map: c.m, Sparse: c.Sparse, Interval: c.Interval,
		WholeHash: c.WholeHash, LogRead: c.LogRead, Checkpoint: c.keep, Progress: c.progress,
		Target: &shifted{c.image, c.shift}, Copy: block.Section(c.image, block.Extent{Offset: max(c.shift, 0), Length: c.m.Size()}),
		Wait: func(ctx context.Context, _ error) error {
			return c.standby.Await(ctx, func(src block.Source) error { return c.checkSame(ctx, src) }, c.tell)
		},
	}
	if c.shift < 0 {
		job.Copy = nil // the image does not begin where the source does
	}
	if c.had {
		job.Known = c.known
	}
	return job
}

// known yields the hashes of earlier runs.
func (c *imageCopy) known(yield func(imaging.Sum, error) bool) {
	ended := false
	_, err := host.ReadFile(c.Sums, func(r io.Reader, _ io.ReaderAt, _ int64) error {
		for s, err := range imaging.ReadSums(r) {
			if ended = !yield(s, err); ended {
				break
			}
		}
		return nil
	})
	if err != nil && !ended {
		yield(imaging.Sum{}, err)
	}
}

// shifted writes at another place.
type shifted struct {
	*host.ImageFile
	by int64
}

func (s *shifted) WriteAt(p []byte, off int64) (int, error) { return s.ImageFile.WriteAt(p, off+s.by) }

// keep makes a snapshot durable: the hashes first, then the map that relies on them.
func (c *imageCopy) keep(_ context.Context, s imaging.Snapshot) error {
	if len(s.Sums) > 0 {
		if err := host.AppendFile(c.Sums, func(w io.Writer, first bool) error {
			return imaging.AppendSums(w, s.Sums, first)
		}); err != nil {
			return err
		}
	}
	if s.Map == nil {
		return nil
	}
	s.Map.Comments = c.heading(s.Map)
	return host.ReplaceFile(c.Map, true, func(w io.Writer) error {
		_, err := s.Map.WriteTo(w)
		return err
	})
}

// heading returns the comments of the map: those that it had, but for what is said anew.
func (c *imageCopy) heading(m *imaging.Map) []string {
	own := []string{"Mapfile. Created by ", "Command line: ", "Start time: ", "Current time: ", "Copying ", "Trimming ", "Scraping ", "Retrying ", "Finished", identityPrefix}
	kept := slices.DeleteFunc(slices.Clone(m.Comments), func(line string) bool {
		return slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(line, p) })
	})
	const layout = "2006-01-02 15:04:05"
	out := []string{"Mapfile. Created by " + c.Program, "Command line: " + c.Command,
		"Start time:   " + c.begun.Format(layout), "Current time: " + time.Now().Format(layout), phaseWords(m.Current, m.Pass, ""), c.identityLine()}
	return append(out, kept...)
}

// phaseWords says what the work does, as GNU ddrescue says it.
func phaseWords(s imaging.Status, pass int, direction string) string {
	if direction != "" {
		direction = " (" + direction + ")"
	}
	switch s {
	case imaging.NonTried:
		return fmt.Sprintf("Copying non-tried blocks... Pass %d%s", pass, direction)
	case imaging.NonTrimmed:
		return "Trimming failed blocks..." + direction
	case imaging.NonScraped:
		return "Scraping failed blocks..." + direction
	case imaging.BadSector:
		return fmt.Sprintf("Retrying bad sectors... Retry %d%s", pass, direction)
	}
	return "Finished"
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

// result says what the copy came to.
func (c *imageCopy) result(res imaging.Result) (wire.Result, error) {
	left, places := int64(0), 0
	for e, st := range c.m.All() {
		if d := c.Plan.Domain; st != imaging.Finished && (d == nil || d.Overlaps(e)) {
			n := e.Length
			if d != nil {
				n = d.Within(e).Bytes()
			}
			left, places = left+n, places+1
		}
	}
	list, err := c.listHash()
	if err != nil {
		return wire.Result{}, err
	}
	exit, state := ExitDone, fmt.Sprintf("%s was copied: %s", c.Source, host.Bytes(res.Done))
	next := fmt.Sprintf("run `salvor rescue %s --to CASE` to save the files", c.Image)
	if left > 0 {
		exit = ExitReserved
		state = fmt.Sprintf("%s was copied but for %s in %d places", c.Source, host.Bytes(left), places)
		next = fmt.Sprintf("run `salvor map show %s` to see where, or the same command with --retry-passes=3 to try these places again", c.Map)
	}
	safe := fmt.Sprintf("%s holds %s; its hashes stand in %s (list hash %s)", c.Image, host.Bytes(res.Done), c.Sums, list)
	if len(res.SHA256) > 0 {
		safe += "; SHA-256 " + hex.EncodeToString(res.SHA256)
	}
	return wire.NewResult(exit, state, safe, next), nil
}

func (c *imageCopy) listHash() (string, error) {
	var out string
	_, err := host.ReadFile(c.Sums, func(_ io.Reader, at io.ReaderAt, size int64) error {
		sum, err := imaging.ListHash(at, size)
		out = hex.EncodeToString(sum[:])
		return err
	})
	return out, err
}
