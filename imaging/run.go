package imaging

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"salvor/block"
)

// Run reads what the job's plan asks for and its map does not call finished. It returns when all was tried, when ctx
// ends, when the source is gone ([ErrGone]), when a bound of the plan is reached ([*ExhaustedError]), or when the
// target, the checkpoint or the guide fails. In every case what was read, and could be written, is in the map and went
// through a last checkpoint, unless that failed too.
func Run(ctx context.Context, job *Job) (Result, error) {
	if err := job.validate(); err != nil {
		return Result{}, err
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := newRun(job, cancel)
	r.flow.start()

	err := r.readAll(inner)
	r.settle()
	if cause := r.flow.failure(); cause != nil {
		err = cause
	}
	if err == nil {
		err = r.finish(inner)
	}
	if !errors.Is(err, errCheckpoint) {
		err = errors.Join(err, r.checkpoint(ctx))
	}
	r.flow.stop()
	r.progress.tell(true)
	res := r.result(err == nil)
	if err == nil && r.WholeHash && res.SHA256 == nil && res.Done == r.Map.Size() {
		res.SHA256, err = r.hashCopy(inner)
	}
	return res, err
}

var errCheckpoint = errors.New("checkpoint")

// run is a Job under way. Its fields belong to the goroutine that reads.
type run struct {
	*Job
	sector   int64
	plan     *planner
	flow     *flow
	was      Status // what the map said of the work at the beginning
	excluded block.Set

	sums    []Sum              // since the last checkpoint
	ragged  map[int64]struct{} // numbers of chunks whose sums are of pieces
	read    bool               // anything was
	since   time.Time          // of the last checkpoint
	unsaved int64              // bytes read since
	deaf    deafness
	bounds  bounds

	progress *meter
}

func newRun(job *Job, cancel context.CancelCauseFunc) *run {
	own := *job // which gets its defaults, while the job stays as its owner made it
	r := &run{Job: &own, sector: int64(job.SectorSize), since: time.Now(), was: job.Map.Current, ragged: map[int64]struct{}{}}
	if r.sector == 0 {
		r.sector = defaultSector
	}
	r.flow = newFlow(&own, cancel)
	r.plan = newPlanner(r.Map, r.Plan, r.sector)
	r.progress = newMeter(r.plan, r.Progress)
	r.bounds = newBounds(r.Plan)
	return r
}

// interval is how often a checkpoint is made: a larger map takes longer to write.
func (r *run) interval() time.Duration {
	if r.Interval > 0 {
		return r.Interval
	}
	return min(defaultInterval+time.Duration(r.Map.Count())*500*time.Microsecond, maxInterval)
}

func (r *run) intervalBytes() int64 {
	if r.IntervalBytes > 0 {
		return r.IntervalBytes
	}
	return defaultIntervalBytes
}

// due reports whether it is time for a checkpoint. The middle of a chunk is a bad moment: its sums would be of pieces.
func (r *run) due(next block.Extent) bool {
	if r.unsaved == 0 {
		return false
	}
	passed := time.Since(r.since)
	if r.flow.in(next) {
		return passed >= 2*r.interval()
	}
	return r.unsaved >= r.intervalBytes() || passed >= r.interval()
}

// settle waits for the consumers and brings map and sums up to date with what they are done with.
func (r *run) settle() {
	for _, it := range r.flow.settle() {
		if it.lost.Load() {
			for e := range it.good.All() {
				r.plan.set(e, NonTried)
			}
			continue
		}
		for _, s := range it.sums {
			if s.Length != min(ChunkSize, r.Map.Size()-it.base) {
				r.ragged[it.base/ChunkSize] = struct{}{}
			}
		}
		r.sums = append(r.sums, it.sums...)
	}
}

// checkpoint makes everything durable that was read so far. One that has begun is ended although ctx ends meanwhile: given
// up in the middle it would lose what was read since the one before.
func (r *run) checkpoint(ctx context.Context) error {
	r.settle()
	r.since, r.unsaved = time.Now(), 0
	if r.Target != nil {
		if err := r.Target.Sync(); err != nil {
			return fmt.Errorf("imaging: %w: the copy: %w", errCheckpoint, err)
		}
	}
	if r.Checkpoint == nil {
		r.sums = r.sums[:0]
		return nil
	}
	sortSums(r.sums)
	if err := r.Checkpoint(context.WithoutCancel(ctx), Snapshot{Map: r.Map.Clone(), Sums: r.sums}); err != nil {
		return fmt.Errorf("imaging: %w: %w", errCheckpoint, err)
	}
	r.sums = nil
	return nil
}

// readAll reads what the guide wants, then the rest. Of what the guide wants, the good data come first, then what lies
// between failures.
func (r *run) readAll(ctx context.Context) error {
	if err := r.exclude(); err != nil {
		return err
	}
	if r.Guide == nil {
		return r.readSet(ctx)
	}
	var all []block.Set
	for {
		r.settle()
		sets, err := r.Guide.Next(ctx, CopySource(r.Copy, r.Map, 0))
		if err != nil {
			return fmt.Errorf("imaging: what to read next: %w", err)
		}
		before := r.plan.of(NonTried)
		for _, set := range sets {
			if r.Domain != nil {
				set = set.Intersect(*r.Domain)
			}
			r.useSet(&set, true)
			if err := r.readSet(ctx); err != nil {
				return err
			}
		}
		if all = append(all, sets...); len(all) > manySets {
			all = []block.Set{union(all)}
		}
		if r.plan.of(NonTried) == before {
			break
		}
	}
	set := union(all)
	if r.Domain != nil {
		set = set.Intersect(*r.Domain)
	}
	r.useSet(&set, false)
	if err := r.readSet(ctx); err != nil {
		return err
	}
	if r.GuideOnly {
		return nil
	}
	r.useSet(r.Domain, false)
	return r.readSet(ctx)
}

// manySets is how many sets are kept apart.
const manySets = 1024

func union(sets []block.Set) block.Set {
	var extents []block.Extent
	for _, s := range sets {
		extents = append(extents, s.Extents()...)
	}
	return block.SetOf(extents...)
}

// useSet bounds the plan to set, nil for all.
func (r *run) useSet(set *block.Set, quick bool) {
	r.plan.use(set, quick)
	r.plan.in.remove(r.excluded)
}

// exclude takes out of the plan what the source itself knows to be lost.
func (r *run) exclude() error {
	for _, u := range block.UnreadableIn(r.Source, block.Extent{Length: r.Map.Size()}) {
		switch u.Why {
		case block.NotCopied: // by whoever made the source: there was no failure
		case block.Gone:
			return fmt.Errorf("imaging: %w", ErrGone)
		default:
			for e, s := range r.Map.Clone().Within(u.Extent) {
				if s != Finished {
					r.plan.set(e, BadSector)
				}
			}
		}
		r.excluded.Add(u.Extent)
	}
	r.plan.in.remove(r.excluded)
	return nil
}

// readSet reads what the plan asks for.
func (r *run) readSet(ctx context.Context) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		e, ok := r.plan.next()
		if !ok {
			return nil
		}
		r.plan.mark()
		if r.due(e) {
			if err := r.checkpoint(ctx); err != nil {
				return err
			}
		}
		if err := r.readOne(ctx, e); err != nil {
			return err
		}
	}
}

// The most reads that are asked for at once: what follows is what the plan would ask for next if each succeeds.
const (
	manySectors  = 32
	manyClusters = 16
)

// batch returns e and what the plan would read behind it, or before it when backward, in reads of the same size.
func (r *run) batch(e block.Extent) (all block.Extent, backward bool) {
	p := r.plan
	if p.phase == BadSector || p.size > 0 && !p.gap.wary || p.slow > 0 || r.MaxReadRate > 0 || e.Length%r.sector != 0 {
		return e, false
	}
	n := int64(manyClusters)
	if e.Length == r.sector {
		n = manySectors
	}
	_, run := r.Map.At(e.Offset)
	chunk := block.Extent{Offset: e.Offset / ChunkSize * ChunkSize, Length: ChunkSize}
	run = run.Intersect(chunk)
	if e.Offset > run.Offset && e.End() == run.End() {
		return p.in.last(block.Between(max(run.Offset, e.End()-n*e.Length), e.End())), true
	}
	if p.dir < 0 {
		return e, false
	}
	return p.in.first(block.Between(e.Offset, max(min(run.End(), e.Offset+n*e.Length), e.End()))), false
}

// step is a read of the source and what became of it.
type step struct {
	block.Extent
	outcome
	err error
}

// readSteps reads all in steps as long as e, until one fails.
func (r *run) readSteps(it *item, e, all block.Extent, backward bool) []step {
	size := int(e.Length)
	next := func(done int64) block.Extent {
		if backward {
			end := all.End() - done
			return block.Between(max(end-e.Length, all.Offset), end)
		}
		return block.Between(all.Offset+done, min(all.Offset+done+e.Length, all.End()))
	}
	if backward {
		size = -size
	}
	var done int64
	steps := []step{{Extent: next(0)}}
	told := false
	ReadSteps(r.Source, it.bytes(all), all.Offset, size, func(n int, took time.Duration, err error) {
		s := &steps[len(steps)-1]
		told = true
		s.good += int64(n)
		s.took += took
		s.err = err
		if s.good == s.Length {
			if done += s.Length; done < all.Length {
				steps, told = append(steps, step{Extent: next(done)}), false
			}
		}
	})
	if !told {
		steps = steps[:len(steps)-1]
	}
	return steps
}

// readOne reads e, and perhaps what follows it, and tells the plan what became of it.
func (r *run) readOne(ctx context.Context, e block.Extent) error {
	r.progress.now.Pos = e.Offset
	r.progress.tell(false)
	if err := r.bounds.before(ctx, r.plan, e); err != nil {
		return err
	}
	it, err := r.flow.item(ctx, e)
	if err != nil {
		return err
	}
	wanted := true
	all, backward := r.batch(e)
	for i, s := range r.readSteps(it, e, all, backward) {
		if i > 0 && wanted {
			next, ok := r.plan.next()
			wanted = ok && (next.Offset == s.Offset || backward && next.End() == s.End())
		}
		if err := r.take(ctx, it, s, wanted); err != nil {
			return err
		}
	}
	return nil
}

// take notes what became of a read. One that the plan would not have asked for any more is noted as it is.
func (r *run) take(ctx context.Context, it *item, s step, wanted bool) error {
	e, o := s.Extent, s.outcome
	switch _, unreadable := block.IsUnreadable(s.err); {
	case o.good == e.Length:
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case gone(s.err):
		// What came before it went is as good as any.
		if got := (block.Extent{Offset: e.Offset, Length: o.good / r.sector * r.sector}); got.Length > 0 {
			it.good.Add(got)
			r.plan.set(got, Finished)
		}
		return r.wait(ctx, s.err)
	case !unreadable && !errors.Is(s.err, io.EOF):
		return fmt.Errorf("imaging: reading %v: %w", e, s.err)
	default:
		// A sector is read as a whole or not at all.
		o.good = max(0, (e.Offset+o.good)/r.sector*r.sector-e.Offset)
		o.stuck = timedOut(s.err)
	}
	if r.LogRead != nil {
		r.LogRead(Read{Extent: e, Good: o.good, Took: o.took, Phase: r.plan.phase, Pass: r.plan.pass})
	}
	if lost := r.deaf.note(r.Map, e, o); lost || r.VerifyOnError && o.good < e.Length && !o.stuck {
		if !r.alive(ctx) {
			return r.wait(ctx, errors.New("it answers nothing any more, not even where it could be read before"))
		}
		r.deaf.heard()
	}
	r.read = true
	if good := (block.Extent{Offset: e.Offset, Length: o.good}); good.Length > 0 {
		it.good.Add(good)
		r.deaf.good = block.Extent{Offset: good.Offset, Length: min(good.Length, r.sector)}
		if r.VerifyOnError {
			r.deaf.bytes = append(r.deaf.bytes[:0], it.bytes(r.deaf.good)...)
		}
	}
	if wanted {
		r.plan.done(e, o)
	} else {
		r.plan.extra(e, o)
	}
	r.unsaved += e.Length
	r.progress.add(e.Length)
	if r.AfterError != nil && o.good < e.Length {
		if err := r.AfterError(ctx); err != nil {
			return err
		}
	}
	return r.bounds.after(ctx, e, o)
}

// wait waits for a source that is gone, where the job knows how, and begins the plan anew.
func (r *run) wait(ctx context.Context, why error) error {
	err := fmt.Errorf("imaging: %w: %w", ErrGone, why)
	r.deaf.undo(r.plan)
	if r.Wait == nil {
		return err
	}
	if e := r.checkpoint(ctx); e != nil {
		return e
	}
	if e := r.Wait(ctx, why); e != nil {
		return errors.Join(err, e)
	}
	r.deaf = deafness{good: r.deaf.good, bytes: r.deaf.bytes}
	r.bounds.back()
	r.plan.again()
	return nil
}

// alive reports whether the source still answers where it did before.
func (r *run) alive(ctx context.Context) bool {
	e := r.deaf.good
	if e.Length == 0 {
		return true // nothing could be read yet: no place to ask
	}
	p := make([]byte, e.Length)
	n, err := r.Source.ReadAt(p, e.Offset)
	if n == len(p) && r.VerifyOnError && !bytes.Equal(p, r.deaf.bytes) {
		return false
	}
	return n == len(p) || errors.Is(err, io.EOF) || context.Cause(ctx) != nil
}

func (r *run) result(ended bool) Result {
	res := Result{Complete: ended, Done: r.plan.of(Finished), Reads: r.bounds.reads, Failed: r.bounds.failed}
	res.Bad = r.plan.of(NonTrimmed) + r.plan.of(NonScraped) + r.plan.of(BadSector)
	if ended && res.Done == r.Map.Size() {
		res.SHA256 = r.flow.wholeSum(r.Map.Size())
	}
	return res
}
