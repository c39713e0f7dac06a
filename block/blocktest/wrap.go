package blocktest

import (
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"salvor/block"
)

// ErrIO is what the wrappers give as the word of the system.
var ErrIO = errors.New("blocktest: input/output error")

// wrapper passes the optional questions on to its parent.
type wrapper struct{ src block.Source }

func (w wrapper) Size() int64 { return w.src.Size() }

func (w wrapper) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(w.src, within)
}

func (w wrapper) Origin(within block.Extent) []block.Run { return block.Origin(w.src, within) }

// Silent returns src without its optional methods: a medium that does not know what it cannot read.
func Silent(src block.Source) block.Source { return silent{src} }

type silent struct{ src block.Source }

func (s silent) Size() int64                             { return s.src.Size() }
func (s silent) ReadAt(p []byte, off int64) (int, error) { return s.src.ReadAt(p, off) }

// Faulty returns src with the given ranges unreadable. It tells them to [block.UnreadableIn]; wrap it in
// [Silent] for a medium that does not. Ranges may stand in any order; of those that overlap the first wins.
func Faulty(src block.Source, bad []block.Unreadable) block.Source {
	why := block.NewMap(src.Size(), -1)
	for i, b := range slices.Backward(bad) {
		why.Set(b.Extent, i)
	}
	return &faulty{wrapper: wrapper{src}, bad: bad, why: why}
}

// Bad returns the extents as ranges that the medium reported an error for.
func Bad(extents ...block.Extent) []block.Unreadable {
	var bad []block.Unreadable
	for _, e := range extents {
		bad = append(bad, block.Unreadable{Extent: e, Why: block.Bad, Err: ErrIO})
	}
	return bad
}

type faulty struct {
	wrapper
	bad []block.Unreadable
	why *block.Map[int]
}

func (f *faulty) at(e block.Extent, i int) block.Unreadable {
	return block.Unreadable{Extent: e, Why: f.bad[i].Why, Err: f.bad[i].Err}
}

func (f *faulty) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	for e, i := range f.why.Within(block.Extent{Offset: off, Length: int64(len(p))}) {
		if i < 0 {
			continue
		}
		good := p[:e.Offset-off]
		if n, err := f.src.ReadAt(good, off); n < len(good) {
			return n, err
		}
		_, whole := f.why.At(e.Offset)
		return len(good), &block.UnreadableError{Ranges: []block.Unreadable{f.at(whole, i)}}
	}
	return f.src.ReadAt(p, off)
}

func (f *faulty) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for e, i := range f.why.Within(within) {
		if i >= 0 {
			out = append(out, f.at(e, i))
			continue
		}
		out = append(out, block.UnreadableIn(f.src, e)...)
	}
	return out
}

// Coarse returns src as a device that fails a whole read when one byte of it fails: nothing is given, and
// the error names the whole range that was asked for, with the reason of its first failure.
func Coarse(src block.Source) block.Source { return &coarse{wrapper{src}} }

type coarse struct{ wrapper }

func (c *coarse) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.src.ReadAt(p, off)
	if u, ok := block.IsUnreadable(err); ok && n > 0 {
		asked := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(block.Extent{Length: c.Size()})
		return 0, block.NewUnreadable(asked, u.Ranges[0].Why, u.Ranges[0].Err)
	}
	return n, err
}

// Slow returns src with delay(e) slept before each read of e. A nil delay sleeps a millisecond.
func Slow(src block.Source, delay func(e block.Extent) time.Duration) block.Source {
	if delay == nil {
		delay = func(block.Extent) time.Duration { return time.Millisecond }
	}
	return &slow{wrapper{src}, delay}
}

type slow struct {
	wrapper
	delay func(block.Extent) time.Duration
}

func (s *slow) ReadAt(p []byte, off int64) (int, error) {
	time.Sleep(s.delay(block.Extent{Offset: off, Length: int64(len(p))}))
	return s.src.ReadAt(p, off)
}

// Flaky returns src of which, by the seed, about every second read fails, until failures reads have failed;
// then all succeed. A failed read gives a part of what was asked for, and names the rest.
func Flaky(src block.Source, seed uint64, failures int) block.Source {
	return &flaky{wrapper: wrapper{src}, rnd: rand.New(rand.NewPCG(seed, seed)), left: failures}
}

type flaky struct {
	wrapper
	mu   sync.Mutex
	rnd  *rand.Rand
	left int
}

func (f *flaky) ReadAt(p []byte, off int64) (int, error) {
	asked := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(block.Extent{Length: f.Size()})
	f.mu.Lock()
	fail := off >= 0 && asked.Length > 0 && f.left > 0 && f.rnd.IntN(2) == 0
	var good int64
	if fail {
		f.left--
		good = f.rnd.Int64N(asked.Length)
	}
	f.mu.Unlock()
	if !fail {
		return f.src.ReadAt(p, off)
	}
	n, err := f.src.ReadAt(p[:good], off)
	if int64(n) < good {
		return n, err
	}
	return n, block.NewUnreadable(block.Between(off+good, asked.End()), block.Timeout, ErrIO)
}

// Vanishing returns src, which is gone after it gave limit bytes.
func Vanishing(src block.Source, limit int64) block.Source {
	v := &vanishing{wrapper: wrapper{src}}
	v.left.Store(limit)
	return v
}

type vanishing struct {
	wrapper
	left atomic.Int64
}

func (v *vanishing) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	asked := block.Extent{Offset: off, Length: int64(len(p))}.Intersect(block.Extent{Length: v.Size()})
	left := v.left.Add(-asked.Length)
	if left >= 0 {
		return v.src.ReadAt(p, off)
	}
	v.left.Store(-1)
	good := max(0, asked.Length+left)
	n, err := v.src.ReadAt(p[:good], off)
	switch {
	case int64(n) < good:
		return n, err
	case asked.Length == 0:
		return v.src.ReadAt(p, off)
	}
	return n, block.NewUnreadable(block.Between(off+good, v.Size()), block.Gone, ErrIO)
}

// Counter is a source that counts what is read from it.
type Counter struct {
	wrapper
	reads, bytes, now, most atomic.Int64

	mu    sync.Mutex
	given block.Set
	twice block.Set
}

// Counting returns src with its reads counted.
func Counting(src block.Source) *Counter { return &Counter{wrapper: wrapper{src}} }

// Reads returns how many reads there were.
func (c *Counter) Reads() int64 { return c.reads.Load() }

// Bytes returns how many bytes were given.
func (c *Counter) Bytes() int64 { return c.bytes.Load() }

// Most returns the largest number of reads that ran at the same time.
func (c *Counter) Most() int64 { return c.most.Load() }

// Given returns which bytes were given at least once.
func (c *Counter) Given() block.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.given.Clone()
}

// Twice returns which bytes were given more than once.
func (c *Counter) Twice() block.Set {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.twice.Clone()
}

// ReadAt counts and reads.
func (c *Counter) ReadAt(p []byte, off int64) (int, error) {
	c.reads.Add(1)
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); most = c.most.Load() {
	}
	n, err := c.src.ReadAt(p, off)
	c.bytes.Add(int64(n))
	if n > 0 {
		e := block.Extent{Offset: off, Length: int64(n)}
		c.mu.Lock()
		c.twice = c.twice.Union(c.given.Within(e))
		c.given.Add(e)
		c.mu.Unlock()
	}
	return n, err
}

// Short returns src cut to size bytes, as a file that lost its tail. It differs from [block.Section] in
// that nothing tells that there was more.
func Short(src block.Source, size int64) block.Source {
	return &short{wrapper{src}, min(size, src.Size())}
}

type short struct {
	wrapper
	size int64
}

func (s *short) Size() int64 { return s.size }

func (s *short) within(e block.Extent) block.Extent { return e.Intersect(block.Extent{Length: s.size}) }

func (s *short) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(s.src, s.within(within))
}

func (s *short) Origin(within block.Extent) []block.Run { return block.Origin(s.src, s.within(within)) }

func (s *short) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, block.ErrNegativeOffset
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= s.size {
		return 0, io.EOF
	}
	if left := s.size - off; int64(len(p)) > left {
		n, err := s.src.ReadAt(p[:left], off)
		if err == nil {
			err = io.EOF
		}
		return n, err
	}
	return s.src.ReadAt(p, off)
}
