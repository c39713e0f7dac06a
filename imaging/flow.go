package imaging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"sync"
	"sync/atomic"

	"salvor/block"
)

// flow carries what was read to those who want it: the hashes, the copy, the observers, each in a goroutine of its
// own. What is read of one chunk travels together, however many reads it took.
type flow struct {
	job     *Job
	cancel  context.CancelCauseFunc
	now     *item // what is being filled
	pool    chan []byte
	lanes   []chan *item
	waiting sync.WaitGroup // consumers that are not done with an item
	workers sync.WaitGroup
	pending []*item // since the last settle

	mu    sync.Mutex
	cause error // why a consumer failed

	whole    hash.Hash // of the consumer that hashes all bytes
	wholeEnd int64
}

// item is what was read of one chunk.
type item struct {
	base int64
	buf  []byte // nil once all consumers are done
	good block.Set
	sums []Sum
	left atomic.Int32
	lost atomic.Bool // a consumer failed
}

func (it *item) bytes(e block.Extent) []byte { return it.buf[e.Offset-it.base : e.End()-it.base] }

func newFlow(job *Job, cancel context.CancelCauseFunc) *flow {
	f := &flow{job: job, cancel: cancel, pool: make(chan []byte, buffers)}
	for range buffers {
		f.pool <- nil // made when first needed
	}
	if job.WholeHash {
		f.whole = sha256.New()
	}
	return f
}

// start begins a goroutine for each consumer.
func (f *flow) start() {
	consumers := []func(*item) error{f.hash}
	if f.whole != nil {
		consumers = append(consumers, f.hashWhole)
	}
	if f.job.Target != nil {
		consumers = append(consumers, f.write)
	}
	if len(f.job.Observers) > 0 {
		consumers = append(consumers, f.observe)
	}
	for _, consume := range consumers {
		lane := make(chan *item, buffers)
		f.lanes = append(f.lanes, lane)
		f.workers.Go(func() {
			failed := false
			for it := range lane {
				// The other consumers go on with what is in flight, so that as much as possible is kept.
				if !failed {
					if err := consume(it); err != nil {
						failed = true
						f.fail(err)
					}
				}
				if failed {
					it.lost.Store(true)
				}
				if it.left.Add(-1) == 0 {
					buf := it.buf
					it.buf = nil
					f.pool <- buf
				}
				f.waiting.Done()
			}
		})
	}
}

func (f *flow) stop() {
	for _, lane := range f.lanes {
		close(lane)
	}
	f.workers.Wait()
}

func (f *flow) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cause == nil {
		f.cause = err
		f.cancel(err)
	}
}

func (f *flow) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cause
}

// in reports whether e belongs to what is being filled.
func (f *flow) in(e block.Extent) bool {
	return f.now != nil && f.now.base == e.Offset/ChunkSize*ChunkSize
}

// item returns where to read e into, which lies in one chunk.
func (f *flow) item(ctx context.Context, e block.Extent) (*item, error) {
	if f.in(e) {
		return f.now, nil
	}
	f.send()
	var buf []byte
	select {
	case buf = <-f.pool:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if buf == nil {
		buf = make([]byte, ChunkSize)
	}
	f.now = &item{base: e.Offset / ChunkSize * ChunkSize, buf: buf}
	return f.now, nil
}

// send hands on what was filled.
func (f *flow) send() {
	it := f.now
	f.now = nil
	if it == nil {
		return
	}
	if it.good.Empty() {
		f.pool <- it.buf
		return
	}
	it.left.Store(int32(len(f.lanes)))
	f.waiting.Add(len(f.lanes))
	f.pending = append(f.pending, it)
	for _, lane := range f.lanes {
		lane <- it
	}
}

// settle waits for the consumers, and returns what they are done with since the last time.
func (f *flow) settle() []*item {
	f.send()
	f.waiting.Wait()
	done := f.pending
	f.pending = nil
	return done
}

func (f *flow) hash(it *item) error {
	for e := range it.good.All() {
		it.sums = append(it.sums, Sum{Extent: e, Hash: sha256.Sum256(it.bytes(e))})
	}
	return nil
}

func (f *flow) hashWhole(it *item) error {
	for e := range it.good.All() {
		if f.wholeEnd == e.Offset {
			f.whole.Write(it.bytes(e))
			f.wholeEnd = e.End()
		}
	}
	return nil
}

// wholeSum returns the hash over all bytes; nil when they did not come in order.
func (f *flow) wholeSum(size int64) []byte {
	if f.whole == nil || f.wholeEnd != size {
		return nil
	}
	return f.whole.Sum(nil)
}

func (f *flow) write(it *item) error {
	for e := range it.good.All() {
		p := it.bytes(e)
		for at := e.Offset; len(p) > 0; {
			n := len(p)
			if f.job.Sparse {
				n = min(n, smallCluster)
			}
			if !f.job.Sparse || !zero(p[:n]) {
				if _, err := f.job.Target.WriteAt(p[:n], at); err != nil {
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

func (f *flow) observe(it *item) error {
	for e := range it.good.All() {
		for _, o := range f.job.Observers {
			o.Observe(e, it.bytes(e))
		}
	}
	return nil
}
