package imaging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"salvor/block"
)

// Run reads what the job's map does not call finished. It returns when all was tried, when ctx ends, when the source
// is gone ([ErrGone]), or when the target, the checkpoint or the guide fails. In every case what was read, and
// could be written, is in the map and went through a last checkpoint, unless that failed too.
func Run(ctx context.Context, job *Job) (Result, error) {
	if err := job.validate(); err != nil {
		return Result{}, err
	}
	r := newRun(job)
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.cancel = cancel
	r.start()

	err := r.readAll(inner)
	r.settle()
	if cause := r.failure(); cause != nil {
		err = cause
	}
	if err == nil {
		job.Map.Current, job.Map.Pass = Finished, 1
	}
	if !errors.Is(err, errCheckpoint) {
		err = errors.Join(err, r.checkpoint(context.WithoutCancel(ctx)))
	}
	r.stop()
	r.progress.tell(true)
	return r.result(err == nil), err
}

var errCheckpoint = errors.New("checkpoint")

// run is a Job under way. Its fields belong to the goroutine that reads, except where said.
type run struct {
	*Job
	sector int64
	cancel context.CancelCauseFunc
	todo   block.Set // what is still to be tried

	pool    chan []byte
	lanes   []chan *item
	flight  sync.WaitGroup // consumers that are not done with an item
	workers sync.WaitGroup
	pending []*item // since the map was brought up to date
	sums    []Sum   // since the last checkpoint

	mu    sync.Mutex
	cause error // why a consumer failed

	whole    hash.Hash // of the consumer that hashes
	wholeEnd int64

	since    time.Time // of the last checkpoint
	unsaved  int64     // bytes read since
	progress *meter
}

// item is what was read of one chunk.
type item struct {
	base  int64
	buf   []byte // nil once all consumers are done
	good  block.Set
	marks []mapBlock // what could not be read
	sums  []Sum
	left  atomic.Int32
	lost  atomic.Bool // a consumer failed
}

func (it *item) bytes(e block.Extent) []byte { return it.buf[e.Offset-it.base : e.End()-it.base] }

func newRun(job *Job) *run {
	own := *job // which gets its defaults, while the job stays as its owner made it
	r := &run{Job: &own, sector: int64(job.SectorSize), pool: make(chan []byte, buffers), since: time.Now()}
	if r.sector == 0 {
		r.sector = defaultSector
	}
	if r.Interval <= 0 {
		r.Interval = defaultInterval
	}
	if r.IntervalBytes <= 0 {
		r.IntervalBytes = defaultIntervalBytes
	}
	for range buffers {
		r.pool <- nil // made when first needed
	}
	r.todo = r.Map.Where(func(s Status) bool { return s != Finished && (s != BadSector || r.Retry) })
	r.progress = newMeter(r.Map, r.todo, r.Progress)
	if r.WholeHash {
		r.whole = sha256.New()
	}
	return r
}

// start begins a goroutine for each consumer.
func (r *run) start() {
	consumers := []func(*item) error{r.hash}
	if r.Target != nil {
		consumers = append(consumers, r.write)
	}
	if len(r.Observers) > 0 {
		consumers = append(consumers, r.observe)
	}
	for _, consume := range consumers {
		lane := make(chan *item, buffers)
		r.lanes = append(r.lanes, lane)
		r.workers.Go(func() {
			failed := false
			for it := range lane {
				// The other consumers go on with what is in flight, so that as much as possible is kept.
				if !failed {
					if err := consume(it); err != nil {
						failed = true
						r.fail(err)
					}
				}
				if failed {
					it.lost.Store(true)
				}
				if it.left.Add(-1) == 0 {
					buf := it.buf
					it.buf = nil
					r.pool <- buf
				}
				r.flight.Done()
			}
		})
	}
}

func (r *run) stop() {
	for _, lane := range r.lanes {
		close(lane)
	}
	r.workers.Wait()
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cause == nil {
		r.cause = err
		r.cancel(err)
	}
}

func (r *run) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.cause
}

func (r *run) hash(it *item) error {
	for e := range it.good.All() {
		p := it.bytes(e)
		it.sums = append(it.sums, Sum{Extent: e, Hash: sha256.Sum256(p)})
		if r.whole != nil && r.wholeEnd == e.Offset {
			r.whole.Write(p)
			r.wholeEnd = e.End()
		}
	}
	for _, m := range it.marks {
		it.sums = append(it.sums, Sum{Extent: m.e, Bad: true})
	}
	return nil
}

func (r *run) write(it *item) error {
	for e := range it.good.All() {
		p := it.bytes(e)
		for at := e.Offset; len(p) > 0; {
			n := len(p)
			if r.Sparse {
				n = min(n, pieceSize)
			}
			if !r.Sparse || !zero(p[:n]) {
				if _, err := r.Target.WriteAt(p[:n], at); err != nil {
					return fmt.Errorf("writing the copy: %w", err)
				}
			}
			p, at = p[n:], at+int64(n)
		}
	}
	return nil
}

// zero reports whether all bytes of p, which is not empty, are 0.
func zero(p []byte) bool { return p[0] == 0 && bytes.Equal(p[1:], p[:len(p)-1]) }

func (r *run) observe(it *item) error {
	for e := range it.good.All() {
		for _, o := range r.Observers {
			o.Observe(e, it.bytes(e))
		}
	}
	return nil
}

// settle waits for the consumers and brings the map up to date with what they are done with.
func (r *run) settle() {
	r.flight.Wait()
	for _, it := range r.pending {
		if it.lost.Load() {
			continue
		}
		for e := range it.good.All() {
			r.Map.Set(e, Finished)
		}
		for _, m := range it.marks {
			r.Map.Set(m.e, m.s)
		}
		r.sums = append(r.sums, it.sums...)
	}
	r.pending = r.pending[:0]
}

// checkpoint makes everything durable that was read so far.
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
	if err := r.Checkpoint(ctx, Snapshot{Map: r.Map.Clone(), Sums: r.sums}); err != nil {
		return fmt.Errorf("imaging: %w: %w", errCheckpoint, err)
	}
	r.sums = nil
	return nil
}

// readAll reads what the guide wants, then the rest.
func (r *run) readAll(ctx context.Context) error {
	for r.Guide != nil && !r.todo.Empty() {
		r.settle()
		sets, err := r.Guide.Next(ctx, CopySource(r.Copy, r.Map, 0))
		if err != nil {
			return fmt.Errorf("imaging: what to read next: %w", err)
		}
		before := r.todo.Bytes()
		for _, set := range sets {
			if err := r.readSet(ctx, set.Intersect(r.todo)); err != nil {
				return err
			}
		}
		if r.todo.Bytes() == before {
			break
		}
	}
	return r.readSet(ctx, r.todo.Clone())
}

func (r *run) readSet(ctx context.Context, set block.Set) error {
	for e := range set.All() {
		for e.Length > 0 {
			chunk := block.Between(e.Offset, min(e.End(), e.Offset/ChunkSize*ChunkSize+ChunkSize))
			if err := r.readChunk(ctx, chunk); err != nil {
				return err
			}
			e = block.Between(chunk.End(), e.End())
		}
	}
	return nil
}

// readChunk reads e, which lies in one chunk, and hands on what it got.
func (r *run) readChunk(ctx context.Context, e block.Extent) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	if r.unsaved > 0 && (r.unsaved >= r.IntervalBytes || time.Since(r.since) >= r.Interval) {
		if err := r.checkpoint(ctx); err != nil {
			return err
		}
	}
	var buf []byte
	select {
	case buf = <-r.pool:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if buf == nil {
		buf = make([]byte, ChunkSize)
	}
	it := &item{base: e.Offset / ChunkSize * ChunkSize, buf: buf}
	if r.Map.Current == NonTried || r.Map.Current == Finished {
		r.Map.Current, r.Map.Pass = NonTried, max(r.Map.Pass, 1)
	}
	r.Map.Pos = e.Offset
	err := r.readInto(ctx, it, e)
	if err == nil {
		r.todo.Remove(e)
	}
	r.unsaved += e.Length
	var bad int64
	for _, m := range it.marks {
		bad += m.e.Length
	}
	r.progress.add(e, it.good.Bytes(), bad)

	it.left.Store(int32(len(r.lanes)))
	r.flight.Add(len(r.lanes))
	r.pending = append(r.pending, it)
	for _, lane := range r.lanes {
		lane <- it
	}
	return err
}

// readInto reads e but for what the source knows to be unreadable.
func (r *run) readInto(ctx context.Context, it *item, e block.Extent) error {
	at := e.Offset
	for _, u := range block.UnreadableIn(r.Source, e) {
		if err := r.try(ctx, it, block.Between(at, u.Offset), ChunkSize); err != nil {
			return err
		}
		at = u.End()
		switch u.Why {
		case block.NotCopied: // by whoever made the source: there was no failure
		case block.Gone:
			return fmt.Errorf("imaging: %w", ErrGone)
		default:
			it.marks = append(it.marks, mapBlock{u.Extent, BadSector})
		}
	}
	return r.try(ctx, it, block.Between(at, e.End()), ChunkSize)
}

// try reads e with one read. What fails of it is read again in the next smaller unit.
func (r *run) try(ctx context.Context, it *item, e block.Extent, unit int64) error {
	if e.Length == 0 {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	// A chunk that fails takes long; its progress is told too.
	r.progress.now.Pos = e.Offset
	r.progress.tell(false)
	n, err := r.Source.ReadAt(it.bytes(e), e.Offset)
	if int64(n) == e.Length {
		it.good.Add(e)
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if _, ok := block.IsUnreadable(err); !ok && !errors.Is(err, io.EOF) {
		return fmt.Errorf("imaging: reading %v: %w", e, err)
	}
	// A sector is read as a whole or not at all.
	stop := max(e.Offset, (e.Offset+int64(n))/r.sector*r.sector)
	it.good.Add(block.Between(e.Offset, stop))
	e = block.Between(stop, e.End())
	switch {
	case gone(err):
		return fmt.Errorf("imaging: %w: %w", ErrGone, err)
	case timedOut(err):
		it.marks = append(it.marks, mapBlock{e, NonTrimmed})
		return nil
	case unit == r.sector:
		it.marks = append(it.marks, mapBlock{e, BadSector})
		return nil
	case unit > pieceSize:
		unit = pieceSize
	default:
		unit = r.sector
	}
	for e.Length > 0 {
		piece := block.Between(e.Offset, min(e.End(), e.Offset/unit*unit+unit))
		if err := r.try(ctx, it, piece, unit); err != nil {
			return err
		}
		e = block.Between(piece.End(), e.End())
	}
	return nil
}

func (r *run) result(ended bool) Result {
	res := Result{Complete: ended && r.todo.Empty()}
	for e, s := range r.Map.All() {
		switch s {
		case Finished:
			res.Done += e.Length
		case NonTried:
		default:
			res.Bad += e.Length
		}
	}
	if r.whole != nil && ended && r.wholeEnd == r.Map.Size() && res.Done == r.Map.Size() {
		res.SHA256 = r.whole.Sum(nil)
	}
	return res
}
