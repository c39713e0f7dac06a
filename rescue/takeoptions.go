package rescue

import (
	"context"
	"fmt"
	"io"
	"iter"
	"maps"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
)

// TakeOptions say how a source is read. The zero value reads all of it, as is best where nothing is known.
type TakeOptions struct {
	Plan imaging.Plan
	// Position and Size bound what is copied, in bytes; with Position 0 a Size of 0 or less is all. What Domain calls
	// finished, where it is not nil, bounds it too.
	Position, Size int64
	Domain         *imaging.Map
	SectorSize     int           // 0 asks the source
	Deadline       time.Duration // of one read; 0 is the usual one
	Interval       time.Duration // between checkpoints; 0 follows the size of the map
	Direct         bool          // past the system's cache, also for files
	WholeHash      bool          // SHA-256 of the whole too
	LogRead        func(imaging.Read)
	// FirstUsed takes first what file systems use, and of that first the files that Pick names by patterns of names
	// or paths, or the most important classes. Until stops after one of these stages.
	FirstUsed bool
	Pick      []string
	Until     Until
}

// carefulInterval is how often a copy is written down when the power may go away.
const carefulInterval = 10 * time.Second

// manyBlocks is how many blocks a map may have of which a second one is kept in memory.
const manyBlocks = 1 << 16

// watched lets a job be watched for what the behaviour of its medium means. What it returns gives that, at the end.
func watched(job *imaging.Job) func() []finding.Finding {
	var before *imaging.Map
	if job.Map.Count() <= manyBlocks {
		before = job.Map.Clone()
	}
	b := imaging.NewBehaviour(job.Map.Size())
	log := job.LogRead
	job.LogRead = func(r imaging.Read) {
		b.Read(r)
		if log != nil {
			log(r)
		}
	}
	job.Observers = append(job.Observers, b)
	return func() []finding.Finding {
		return append(imaging.ReadPattern(job.Map, before), b.Findings()...)
	}
}

// warnPower tells what may go wrong with the power, and lets the job be written down more often then.
func warnPower(ctx context.Context, job *imaging.Job, opened *host.Opened, tell func(finding.Finding)) {
	if !opened.Device {
		return
	}
	careful(job, host.System{}.Power(ctx, opened.Real), tell)
}

// careful tells what may go wrong, and lets the job be written down more often then, unless a person said how often.
func careful(job *imaging.Job, list []finding.Finding, tell func(finding.Finding)) {
	for _, f := range list {
		tell(f)
	}
	if len(list) > 0 && job.Interval == 0 {
		job.Interval = carefulInterval
	}
}

// guided gives a job the guide that the options ask for. What it returns ends the guide.
func (o TakeOptions) guided(job *imaging.Job, tables *Tables) func() {
	if !o.FirstUsed || job.Copy == nil {
		return func() {}
	}
	g := newGuide(tables, job.Map.Size(), o.Pick, o.Until)
	job.Guide, job.GuideOnly = g, o.Until != ""
	return g.Close
}

// open is how the sources are opened.
func (o TakeOptions) open() host.OpenOptions {
	return host.OpenOptions{Deadline: o.Deadline, Direct: o.Direct}
}

// apply gives the options to a job that reads opened.
func (o TakeOptions) apply(job *imaging.Job, opened *host.Opened) {
	job.Plan, job.SectorSize, job.Interval, job.WholeHash, job.LogRead = o.Plan, o.SectorSize, o.Interval, o.WholeHash, o.LogRead
	if job.SectorSize == 0 {
		job.SectorSize = sectorOf(opened)
	}
	job.Plan.Domain = o.bounds(job.Map.Size(), job.Plan.Domain)
}

// bounds returns what is to be copied of a medium of size bytes; nil for all of it.
func (o TakeOptions) bounds(size int64, domain *block.Set) *block.Set {
	part := block.Extent{Offset: min(o.Position, size), Length: size - min(o.Position, size)}
	if o.Size > 0 {
		part.Length = min(part.Length, o.Size)
	}
	set := block.SetOf(part)
	if domain != nil {
		set = set.Intersect(*domain)
	}
	if o.Domain != nil {
		set = set.Intersect(o.Domain.Of(imaging.Finished))
	}
	if set.Contains(block.Extent{Length: size}) {
		return nil
	}
	return &set
}

// sectorOf returns the unit in which a source fails: the physical sector, where the system tells a sane one.
func sectorOf(o *host.Opened) int {
	n := max(o.SectorSize, 512)
	if p := o.PhysicalSectorSize; p > n && p <= 4096 && p&(p-1) == 0 {
		n = p
	}
	return n
}

// standby is the current disk as a source that may disappear and come back.
func (j *job) standby(ctx context.Context) (*host.Standby, error) {
	id, err := j.opened.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return host.NewStandby(j.opened, id, j.o.Take.open()), nil
}

// await waits for a source that disappeared, where it is a device: a file that is gone was taken away by a person.
func (j *job) await(s *host.Standby) func(context.Context, error) error {
	if !j.opened.Device {
		return nil
	}
	return func(ctx context.Context, why error) error {
		if err := j.c.Append(actGone, map[string]any{"source": j.number, "why": why.Error()}); err != nil {
			return err
		}
		err := s.Await(ctx, func(src block.Source) error { return j.sameAsCopied(ctx, src) }, func(words string) {
			j.progress("wait", 0, 0, "bytes", 0, -1, words)
			j.log.Info(words)
		})
		if err != nil {
			return err
		}
		return j.c.Append(actBack, map[string]any{"source": j.number, "path": s.Opened().Real})
	}
}

// sameAsCopied reads some of what was copied before from src, and compares.
func (j *job) sameAsCopied(ctx context.Context, src block.Source) error {
	_, err := j.c.ReadSums(j.number, func(_ io.Reader, at io.ReaderAt, size int64) error {
		some, err := imaging.SampleSums(at, size, checkedSums)
		if err != nil {
			return err
		}
		v, err := imaging.Verify(ctx, src, sequence(some))
		if err == nil && !v.Changed.Empty() {
			err = fmt.Errorf("its bytes at %v are other ones", v.Changed.Extents()[0])
		}
		return err
	})
	return err
}

func sequence(sums []imaging.Sum) iter.Seq2[imaging.Sum, error] {
	return func(yield func(imaging.Sum, error) bool) {
		for _, s := range sums {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// known yields the hashes that earlier runs made of source n.
func (j *job) known(n int) iter.Seq2[imaging.Sum, error] {
	return func(yield func(imaging.Sum, error) bool) {
		ended := false
		_, err := j.c.ReadSums(n, func(r io.Reader, _ io.ReaderAt, _ int64) error {
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
}

// readingWords says how far the reading is, for a person.
func readingWords(name string, p imaging.Progress) string {
	words := "reading " + name
	switch p.Phase {
	case imaging.NonTried:
		if p.Pass > 1 && p.Bad > 0 {
			words += fmt.Sprintf(" (pass %d)", p.Pass)
		}
	case imaging.NonTrimmed:
		words += " (trimming)"
	case imaging.NonScraped:
		words += " (scraping)"
	case imaging.BadSector:
		words += fmt.Sprintf(" (trying bad sectors again, %d)", p.Pass)
	}
	if p.Bad > 0 {
		words += fmt.Sprintf(", %s unreadable", host.Bytes(p.Bad))
	}
	return words
}

// noteHealth tells what the storage says of its wear before it is read, and notes it in the journal. fields are what else
// the act says.
func noteHealth(ctx context.Context, opened *host.Opened, tell func(finding.Finding), append func(string, map[string]any) error, fields map[string]any) error {
	if !opened.Device {
		return nil
	}
	h := host.HealthOf(ctx, opened)
	for _, f := range h.Findings() {
		tell(f)
	}
	act := h.Record()
	maps.Copy(act, fields)
	return append("source.health", act)
}
