package imaging_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/imaging"
)

// random returns n bytes with runs of zeros in them.
func random(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := 0; i < n; i += 8192 {
		if rnd.IntN(3) == 0 {
			continue
		}
		for j := i; j < min(n, i+8192); j++ {
			b[j] = byte(rnd.Uint32())
		}
	}
	return b
}

// memory is a target that loses what was not synced when the power fails.
type memory struct {
	mu       sync.Mutex
	now      []byte
	durable  []byte
	unsynced []block.Extent
	written  int64
	room     int64 // writes behind this many bytes fail, when not 0
	dead     bool
}

func newMemory(n int) *memory { return &memory{now: make([]byte, n), durable: make([]byte, n)} }

// Size and ReadAt make the target readable, as the copy in a case is.
func (m *memory) Size() int64 { return int64(len(m.now)) }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return block.Bytes(m.now).ReadAt(p, off)
}

var errFull = errors.New("no space left on device")

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room > 0 && m.written+int64(len(p)) > m.room {
		return 0, errFull
	}
	m.written += int64(len(p))
	m.unsynced = append(m.unsynced, block.Extent{Offset: off, Length: int64(len(p))})
	return copy(m.now[off:], p), nil
}

func (m *memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errors.New("killed")
	}
	for _, e := range m.unsynced {
		copy(m.durable[e.Offset:e.End()], m.now[e.Offset:])
	}
	m.unsynced = nil
	return nil
}

// powerFails drops what was not synced, but for some of it.
func (m *memory) powerFails(rnd *rand.Rand) {
	for _, e := range m.unsynced {
		if rnd.IntN(2) == 0 {
			n := rnd.Int64N(e.Length + 1)
			copy(m.durable[e.Offset:e.Offset+n], m.now[e.Offset:])
		}
	}
	m.unsynced = nil
	m.now = bytes.Clone(m.durable)
}

// watcher is an observer that remembers what it was given.
type watcher struct {
	t     testing.TB
	data  []byte
	seen  block.Set
	twice block.Set
	busy  bool
}

func (w *watcher) Observe(e block.Extent, p []byte) {
	if w.busy {
		w.t.Error("observed two at the same time")
	}
	w.busy = true
	defer func() { w.busy = false }()
	if !bytes.Equal(p, w.data[e.Offset:e.End()]) {
		w.t.Errorf("observed wrong bytes of %v", e)
	}
	w.twice = w.twice.Union(w.seen.Within(e))
	w.seen.Add(e)
}

func badSet(extents ...block.Extent) block.Set { return block.SetOf(extents...) }

// sectors widens a set to whole sectors.
func sectors(s block.Set, unit int64) block.Set {
	var out block.Set
	for e := range s.All() {
		out.Add(block.Between(e.Offset/unit*unit, (e.End()+unit-1)/unit*unit))
	}
	return out
}

// latest leaves out the sums that a later one replaces.
func latest(sums []imaging.Sum) []imaging.Sum {
	var out []imaging.Sum
	var later block.Set
	for _, s := range slices.Backward(sums) {
		if !later.Overlaps(s.Extent) {
			out = append(out, s)
		}
		later.Add(s.Extent)
	}
	return out
}

// checkSums verifies that sums cover exactly the readable and the bad bytes, each inside of one chunk.
func checkSums(t *testing.T, sums []imaging.Sum, data []byte, bad block.Set) {
	t.Helper()
	var good, failed block.Set
	for _, s := range latest(sums) {
		if s.Offset/imaging.ChunkSize != (s.End()-1)/imaging.ChunkSize {
			t.Errorf("the sum of %v crosses a chunk", s.Extent)
		}
		if s.Bad {
			failed.Add(s.Extent)
			continue
		}
		if good.Overlaps(s.Extent) {
			t.Errorf("two sums of %v", s.Extent)
		}
		good.Add(s.Extent)
		if s.Hash != sha256.Sum256(data[s.Offset:s.End()]) {
			t.Errorf("the sum of %v is wrong", s.Extent)
		}
	}
	if want := bad.Complement(block.Extent{Length: int64(len(data))}); !good.Equal(want) {
		t.Errorf("sums of %v, want %v", good.Extents(), want.Extents())
	}
	if !failed.Equal(bad) {
		t.Errorf("bad sums of %v, want %v", failed.Extents(), bad.Extents())
	}
}

func TestCopy(t *testing.T) {
	const size = 5<<20 + 12345
	data := random(1, size)
	whole := sha256.Sum256(data)
	tests := []struct {
		name   string
		bad    []block.Extent
		sector int
		wrap   func(block.Source) block.Source
	}{
		{name: "whole"},
		{name: "one byte", bad: []block.Extent{{Offset: 1<<20 + 700, Length: 1}}},
		{name: "first and last", bad: []block.Extent{{Offset: 0, Length: 512}, {Offset: size - 1, Length: 1}}},
		{name: "a chunk and a half", bad: []block.Extent{{Offset: 1 << 20, Length: 3 << 19}}},
		{name: "many", bad: []block.Extent{{Offset: 5000, Length: 3000}, {Offset: 70000, Length: 512}, {Offset: 1<<20 - 512, Length: 1024}, {Offset: 3 << 20, Length: 40000}}},
		{name: "4096", sector: 4096, bad: []block.Extent{{Offset: 5000, Length: 1}, {Offset: 2 << 20, Length: 4097}}},
		{name: "everything", bad: []block.Extent{{Offset: 0, Length: size}}},
	}
	for _, tt := range tests {
		for _, kind := range []struct {
			name string
			wrap func(block.Source) block.Source
		}{
			{"known", func(s block.Source) block.Source { return s }},
			{"silent", blocktest.Silent},
			{"coarse", func(s block.Source) block.Source { return blocktest.Silent(blocktest.Coarse(s)) }},
		} {
			t.Run(tt.name+"/"+kind.name, func(t *testing.T) {
				src := kind.wrap(blocktest.Faulty(block.Bytes(data), blocktest.Bad(tt.bad...)))
				target := newMemory(size)
				eyes := &watcher{t: t, data: data}
				var sums []imaging.Sum
				var last imaging.Progress
				m := imaging.NewMap(size)
				res, err := imaging.Run(t.Context(), &imaging.Job{Source: src, SectorSize: tt.sector, Target: target, Copy: target, Map: m,
					Observers: []imaging.Observer{eyes}, WholeHash: true,
					Checkpoint: func(_ context.Context, s imaging.Snapshot) error { sums = append(sums, s.Sums...); return nil },
					Progress:   func(p imaging.Progress) { last = p }})
				if err != nil {
					t.Fatal(err)
				}
				bad := badSet(tt.bad...)
				if kind.name != "known" {
					bad = sectors(bad, int64(max(tt.sector, 512))).Within(block.Extent{Length: size})
				}
				good := bad.Complement(block.Extent{Length: size})
				if !m.Of(imaging.BadSector).Equal(bad) || !m.Of(imaging.Finished).Equal(good) {
					t.Errorf("bad %v, want %v", m.Of(imaging.BadSector).Extents(), bad.Extents())
				}
				if !eyes.seen.Equal(good) || !eyes.twice.Empty() {
					t.Errorf("observed %v, twice %v", eyes.seen.Extents(), eyes.twice.Extents())
				}
				for e := range good.All() {
					if !bytes.Equal(target.durable[e.Offset:e.End()], data[e.Offset:e.End()]) {
						t.Errorf("the copy is wrong in %v", e)
					}
				}
				for e := range bad.All() {
					if len(bytes.Trim(target.now[e.Offset:e.End()], "\x00")) > 0 {
						t.Errorf("something was written over the bad %v", e)
					}
				}
				checkSums(t, sums, data, bad)
				if !res.Complete || res.Done != good.Bytes() || res.Bad != bad.Bytes() || m.Current != imaging.Finished {
					t.Errorf("result %+v, work %v", res, m.Current)
				}
				if got := res.SHA256 != nil; got != (len(tt.bad) == 0) || (got && !bytes.Equal(res.SHA256, whole[:])) {
					t.Errorf("whole hash %x", res.SHA256)
				}
				if last.Done != good.Bytes() || last.Bad != bad.Bytes() || last.Total != size || last.Left != 0 {
					t.Errorf("last progress %+v", last)
				}
			})
		}
	}
}

// Every bad sector is read by itself once, and nothing good is read twice.
func TestReads(t *testing.T) {
	const size = 4 << 20
	bad := block.Extent{Offset: 1<<20 + 512*10, Length: 512}
	src := blocktest.Counting(blocktest.Faulty(block.Bytes(make([]byte, size)), blocktest.Bad(bad)))
	var failed []block.Extent
	res, err := imaging.Run(t.Context(), &imaging.Job{Source: blocktest.Silent(src), Map: imaging.NewMap(size),
		LogRead: func(r imaging.Read) {
			if r.Good < r.Length {
				failed = append(failed, r.Extent)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	// The large read that met the sector gave what stands before it.
	if len(failed) != 2 || !failed[0].Has(bad.Offset) || failed[1] != bad || res.Failed != 2 || res.Reads != src.Reads() {
		t.Errorf("failed %v, %+v", failed, res)
	}
	if src.Most() != 1 {
		t.Errorf("%d reads at the same time", src.Most())
	}
	if !src.Twice().Empty() {
		t.Errorf("given twice: %v", src.Twice().Extents())
	}
}

func TestSparse(t *testing.T) {
	const size = 3 << 20
	data := random(4, size)
	target := newMemory(size)
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: imaging.NewMap(size), Sparse: true}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(target.durable, data) {
		t.Error("the copy is wrong")
	}
	zeros := make([]byte, size)
	target = newMemory(size)
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(zeros), Target: target, Map: imaging.NewMap(size), Sparse: true}); err != nil {
		t.Fatal(err)
	}
	if target.written != 0 {
		t.Errorf("%d zeros were written", target.written)
	}
}

// A source that disappears ends the run; nothing is called bad, and the run goes on when it is back.
func TestVanishing(t *testing.T) {
	const size = 6 << 20
	data := random(5, size)
	target, m := newMemory(size), imaging.NewMap(size)
	eyes := &watcher{t: t, data: data}
	res, err := imaging.Run(t.Context(), &imaging.Job{Source: blocktest.Vanishing(block.Bytes(data), 3<<20+1000), Target: target, Map: m,
		Observers: []imaging.Observer{eyes}})
	if !errors.Is(err, imaging.ErrGone) || res.Complete {
		t.Fatalf("%+v, %v", res, err)
	}
	if !m.Of(imaging.Finished).Equal(badSet(block.Between(0, 3<<20+512))) || m.Of(imaging.NonTried).Bytes() != size-3<<20-512 {
		t.Errorf("map %v", m.Of(imaging.Finished).Extents())
	}
	res, err = imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: m, Observers: []imaging.Observer{eyes}})
	if err != nil || !res.Complete || !bytes.Equal(target.durable, data) {
		t.Errorf("%+v, %v", res, err)
	}
	if !eyes.twice.Empty() {
		t.Errorf("observed twice: %v", eyes.twice.Extents())
	}
}

// A time-out is not taken apart; it is left for a later run, which reads it.
func TestTimeout(t *testing.T) {
	const size = 3 << 20
	data := random(6, size)
	src := blocktest.Counting(blocktest.Faulty(block.Bytes(data), []block.Unreadable{{Extent: block.Extent{Offset: 1<<20 + 5000, Length: 10}, Why: block.Timeout}}))
	m, target := imaging.NewMap(size), newMemory(size)
	res, err := imaging.Run(t.Context(), &imaging.Job{Source: blocktest.Silent(src), Target: target, Map: m})
	if err != nil || !res.Complete {
		t.Fatalf("%+v, %v", res, err)
	}
	if want := block.Between(1<<20+4608, 1<<20+64<<10); !m.Of(imaging.NonTrimmed).Equal(badSet(want)) || src.Given().Overlaps(block.Between(want.Offset+512, want.End())) || res.Failed != 1 {
		t.Errorf("failed %v, %+v", m.Of(imaging.NonTrimmed).Extents(), res)
	}
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: m}); err != nil || !bytes.Equal(target.durable, data) {
		t.Errorf("%v", err)
	}
}

// Bad sectors are read again only when that is asked for.
func TestRetry(t *testing.T) {
	const size = 2 << 20
	data := random(7, size)
	bad := block.Extent{Offset: 4096, Length: 1024}
	m, target := imaging.NewMap(size), newMemory(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	m.Set(bad, imaging.BadSector)
	copy(target.now, data)
	copy(target.durable, data)
	clear(target.now[bad.Offset:bad.End()])
	src := blocktest.Counting(block.Bytes(data))
	job := &imaging.Job{Source: src, Target: target, Map: m}
	if res, err := imaging.Run(t.Context(), job); err != nil || !res.Complete || src.Reads() != 0 || res.Bad != 1024 {
		t.Fatalf("%+v, %v, %d reads", res, err, src.Reads())
	}
	job.RetryPasses = 1
	if res, err := imaging.Run(t.Context(), job); err != nil || res.Bad != 0 || src.Bytes() != 1024 || !bytes.Equal(target.now, data) {
		t.Fatalf("%+v, %v, %d bytes", res, err, src.Bytes())
	}
}

// A range that the source knows not to be copied stays untried.
func TestNotCopied(t *testing.T) {
	const size = 2 << 20
	hole := block.Extent{Offset: 1000, Length: 3000}
	src := blocktest.Faulty(block.Bytes(random(8, size)), []block.Unreadable{{Extent: hole, Why: block.NotCopied}})
	m := imaging.NewMap(size)
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Map: m}); err != nil {
		t.Fatal(err)
	}
	if !m.Of(imaging.NonTried).Equal(badSet(hole)) {
		t.Errorf("not tried: %v", m.Of(imaging.NonTried).Extents())
	}
}

// No goroutine outlives a run, however it ended.
func TestNothingStays(t *testing.T) {
	defer goleak.VerifyNone(t)
	const size = 20 << 20
	boom := errors.New("boom")
	for _, job := range []imaging.Job{
		{Source: block.Bytes(make([]byte, size))},
		{Source: brokenSource{block.Bytes(make([]byte, size)), boom}},
		{Source: blocktest.Vanishing(block.Bytes(make([]byte, size)), 5<<20)},
		{Source: block.Bytes(make([]byte, size)), IntervalBytes: 1, Checkpoint: func(context.Context, imaging.Snapshot) error { return boom }},
		{Source: block.Bytes(make([]byte, size)), Target: &memory{now: make([]byte, size), durable: make([]byte, size), room: 1}},
		{Source: block.Bytes(make([]byte, size)), Target: &memory{now: make([]byte, size), durable: make([]byte, size), dead: true}},
	} {
		job.Map = imaging.NewMap(size)
		job.Observers = []imaging.Observer{&watcher{t: t, data: make([]byte, size)}}
		_, _ = imaging.Run(t.Context(), &job)
	}
	_, _ = imaging.ListHash(bytes.NewReader([]byte("0 1 -\n5 1 -\n0 1 -\n")), 19)
}

// A clock that goes by: checkpoints come by time too, and the rate and the time left are what they are.
func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 64 << 20
		src := blocktest.Slow(block.Bytes(make([]byte, size)), func(e block.Extent) time.Duration {
			return time.Duration(e.Length) * time.Second >> 20
		})
		var checkpoints []int64
		var last imaging.Progress
		_, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Map: imaging.NewMap(size), Interval: 10 * time.Second,
			Checkpoint: func(_ context.Context, s imaging.Snapshot) error {
				checkpoints = append(checkpoints, s.Map.Of(imaging.Finished).Bytes()>>20)
				return nil
			},
			Progress: func(p imaging.Progress) {
				if p.Done == 32<<20 && (p.Rate < 1e6 || p.Rate > 1.1e6 || p.Left < 29*time.Second || p.Left > 34*time.Second) {
					t.Errorf("half way: %+v", p)
				}
				if p.Done < last.Done || p.Pos < last.Pos || p.Left > last.Left+2*time.Second && last.Left > 0 {
					t.Errorf("%+v after %+v", p, last)
				}
				last = p
			}})
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(checkpoints) != "[10 20 30 40 50 60 64]" {
			t.Errorf("checkpoints after %v MiB", checkpoints)
		}
	})
}

// A target that is full ends the run cleanly: the checkpoint holds what was written, and no more.
func TestFullTarget(t *testing.T) {
	const size = 40 << 20
	data := random(9, size)
	target := newMemory(size)
	target.room = 17<<20 + 5
	m := imaging.NewMap(size)
	var saved *imaging.Map
	res, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: m,
		Checkpoint: func(_ context.Context, s imaging.Snapshot) error { saved = s.Map; return nil }})
	if !errors.Is(err, errFull) || res.Complete {
		t.Fatalf("%+v, %v", res, err)
	}
	if !saved.Of(imaging.Finished).Equal(badSet(block.Between(0, 17<<20))) {
		t.Errorf("finished %v", saved.Of(imaging.Finished).Extents())
	}
	target.room = 0
	if res, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: saved}); err != nil || !res.Complete || !bytes.Equal(target.durable, data) {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestStop(t *testing.T) {
	const size = 64 << 20
	data := random(10, size)
	ctx, cancel := context.WithCancel(t.Context())
	var n, bytes int64
	src := blocktest.Slow(block.Bytes(data), func(e block.Extent) time.Duration {
		bytes += e.Length
		if n++; n == 20 {
			cancel()
		}
		return 0
	})
	target, m := newMemory(size), imaging.NewMap(size)
	var alive error
	var saved *imaging.Map
	_, err := imaging.Run(ctx, &imaging.Job{Source: src, Target: target, Map: m,
		Checkpoint: func(ctx context.Context, s imaging.Snapshot) error { saved, alive = s.Map, ctx.Err(); return nil }})
	if !errors.Is(err, context.Canceled) || alive != nil {
		t.Fatalf("%v; the last checkpoint's context: %v", err, alive)
	}
	if got := saved.Of(imaging.Finished); !got.Equal(badSet(block.Between(0, bytes))) {
		t.Errorf("finished %v", got.Extents())
	}
}

func TestErrorsEndARun(t *testing.T) {
	const size = 4 << 20
	data := random(11, size)
	boom := errors.New("boom")
	for _, tt := range []struct {
		name string
		job  imaging.Job
	}{
		{"checkpoint", imaging.Job{IntervalBytes: 1 << 20, Checkpoint: func(context.Context, imaging.Snapshot) error { return boom }}},
		{"guide", imaging.Job{Guide: guideFunc(func(block.Source) ([]block.Set, error) { return nil, boom }), Copy: block.Bytes(data)}},
		{"source", imaging.Job{Source: brokenSource{block.Bytes(data), boom}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			job := tt.job
			job.Map = imaging.NewMap(size)
			if job.Source == nil {
				job.Source = block.Bytes(data)
			}
			if res, err := imaging.Run(t.Context(), &job); !errors.Is(err, boom) || res.Complete {
				t.Errorf("%+v, %v", res, err)
			}
		})
	}
}

type brokenSource struct {
	block.Source
	err error
}

func (b brokenSource) ReadAt(p []byte, off int64) (int, error) {
	if off >= 2<<20 {
		return 0, b.err
	}
	return b.Source.ReadAt(p, off)
}

func TestValidate(t *testing.T) {
	src := block.Bytes(make([]byte, 100))
	for name, job := range map[string]*imaging.Job{
		"no map":       {Source: src},
		"no source":    {Map: imaging.NewMap(100)},
		"another size": {Source: src, Map: imaging.NewMap(99)},
		"odd sector":   {Source: src, Map: imaging.NewMap(100), SectorSize: 520},
		"huge sector":  {Source: src, Map: imaging.NewMap(100), SectorSize: 1 << 20},
		"blind guide":  {Source: src, Map: imaging.NewMap(100), Guide: guideFunc(nil)},
	} {
		if _, err := imaging.Run(t.Context(), job); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if res, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(nil), Map: imaging.NewMap(0), WholeHash: true}); err != nil || !res.Complete || len(res.SHA256) != 32 {
		t.Errorf("an empty medium: %+v, %v", res, err)
	}
}

type guideFunc func(have block.Source) ([]block.Set, error)

func (g guideFunc) Next(_ context.Context, have block.Source) ([]block.Set, error) { return g(have) }

// The guide is asked again with what was read, sees no more than that, and all else follows.
func TestGuide(t *testing.T) {
	const size = 8 << 20
	data := random(12, size)
	target := newMemory(size)
	var order []block.Extent
	src := blocktest.Slow(block.Bytes(data), func(e block.Extent) time.Duration { order = append(order, e); return 0 })
	first := block.Extent{Offset: 5<<20 + 100, Length: 1000}
	second := block.Extent{Offset: 2<<20 - 50, Length: 100}
	asked := 0
	guide := guideFunc(func(have block.Source) ([]block.Set, error) {
		asked++
		p := make([]byte, first.Length)
		n, err := have.ReadAt(p, first.Offset)
		switch asked {
		case 1:
			if u, ok := block.IsUnreadable(err); n != 0 || !ok || u.Ranges[0].Why != block.NotCopied {
				t.Errorf("before: %d, %v", n, err)
			}
			return []block.Set{badSet(first)}, nil
		case 2:
			if err != nil || !bytes.Equal(p, data[first.Offset:first.End()]) {
				t.Errorf("after: %d, %v", n, err)
			}
			return []block.Set{badSet(second, first)}, nil
		}
		return []block.Set{badSet(first)}, nil // nothing new
	})
	m := imaging.NewMap(size)
	var sums []imaging.Sum
	res, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Target: target, Copy: block.Bytes(target.now), Map: m, Guide: guide, WholeHash: true,
		Checkpoint: func(_ context.Context, s imaging.Snapshot) error { sums = append(sums, s.Sums...); return nil }})
	whole := sha256.Sum256(data)
	if err != nil || !res.Complete || asked != 3 || !bytes.Equal(target.durable, data) || !bytes.Equal(res.SHA256, whole[:]) {
		t.Fatalf("%+v, %v, asked %d times", res, err, asked)
	}
	// Whole sectors, and no read reaches over a chunk.
	if order[0] != block.Between(5<<20, 5<<20+1536) || order[1] != block.Between(2<<20-512, 2<<20) || order[2] != block.Between(2<<20, 2<<20+512) {
		t.Errorf("order %v", order[:3])
	}
	checkSums(t, sums, data, block.Set{})
}

// disk is what survives a kill: the copy, the map, the sums, and what the observers found.
type disk struct {
	target   *memory
	mapFile  []byte
	sums     bytes.Buffer
	observed block.Set
}

// A kill at any moment: the map never calls finished what is not there, and the next run goes on.
func TestKill(t *testing.T) {
	const size = 9<<20 + 777
	data := random(13, size)
	bad := []block.Extent{{Offset: 100000, Length: 700}, {Offset: 4 << 20, Length: 70000}, {Offset: size - 10, Length: 3}}
	badSectors := sectors(badSet(bad...), 512).Within(block.Extent{Length: size})
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 77))
			d := &disk{target: newMemory(size)}
			for round := 0; ; round++ {
				m := imaging.NewMap(size)
				if d.mapFile != nil {
					var err error
					if m, err = imaging.ReadMap(bytes.NewReader(d.mapFile)); err != nil {
						t.Fatal(err)
					}
				}
				finished := m.Of(imaging.Finished)
				for e := range finished.All() {
					if !bytes.Equal(d.target.durable[e.Offset:e.End()], data[e.Offset:e.End()]) {
						t.Fatalf("round %d: the map calls %v finished, but the copy is wrong there", round, e)
					}
				}
				if missing := finished.Subtract(d.observed); !missing.Empty() {
					t.Fatalf("round %d: finished, but the observers lost it: %v", round, missing.Extents())
				}
				kill := 1 << 30
				if round < 6 {
					kill = rnd.IntN(300)
				}
				reads, dead := 0, false
				src := blocktest.Silent(blocktest.Faulty(block.Bytes(data), blocktest.Bad(bad...)))
				src = blocktest.Slow(src, func(block.Extent) time.Duration { reads++; return 0 })
				eyes := &watcher{t: t, data: data}
				ctx, cancel := context.WithCancel(t.Context())
				src = killed{src, func() error {
					if reads > kill {
						dead = true
						d.target.mu.Lock()
						d.target.dead = true
						d.target.mu.Unlock()
						return io.ErrClosedPipe
					}
					return nil
				}}
				step := rnd.IntN(5) // at which step of a checkpoint the kill comes
				res, err := imaging.Run(ctx, &imaging.Job{Source: src, Target: d.target, Copy: d.target, Map: m, IntervalBytes: 1 << 20,
					Known:     imaging.ReadSums(bytes.NewReader(d.sums.Bytes())),
					Observers: []imaging.Observer{eyes}, Sparse: seed%2 == 0,
					Checkpoint: func(_ context.Context, s imaging.Snapshot) error {
						if dead {
							return errors.New("killed")
						}
						late := reads > kill-3 // dies in the middle
						if late && step == 0 {
							return errors.New("killed")
						}
						d.observed = d.observed.Union(eyes.seen)
						if late && step == 1 {
							return errors.New("killed")
						}
						var b bytes.Buffer
						if err := imaging.AppendSums(&b, s.Sums, d.sums.Len() == 0); err != nil {
							return err
						}
						if late && step == 2 {
							d.sums.Write(b.Bytes()[:rnd.IntN(b.Len())])
							return errors.New("killed")
						}
						d.sums.Write(b.Bytes())
						if late && step == 3 {
							return errors.New("killed")
						}
						var file bytes.Buffer
						if _, err := s.Map.WriteTo(&file); err != nil {
							return err
						}
						d.mapFile = file.Bytes()
						return nil
					}})
				cancel()
				if !eyes.twice.Empty() || eyes.seen.Overlaps(block.Extent{}) || !eyes.seen.Intersect(finished).Empty() {
					t.Fatalf("round %d: observed again: %v", round, eyes.seen.Intersect(finished).Extents())
				}
				if err == nil {
					if !res.Complete {
						t.Fatalf("%+v", res)
					}
					break
				}
				d.target.powerFails(rnd)
				d.target.dead = false
			}
			// In the end it is as if nothing had happened.
			m, err := imaging.ReadMap(bytes.NewReader(d.mapFile))
			if err != nil {
				t.Fatal(err)
			}
			if !m.Of(imaging.BadSector).Equal(badSectors) {
				t.Errorf("bad %v, want %v", m.Of(imaging.BadSector).Extents(), badSectors.Extents())
			}
			v, err := imaging.Verify(t.Context(), block.Bytes(d.target.durable), imaging.ReadSums(bytes.NewReader(d.sums.Bytes())))
			if err != nil || !v.Changed.Empty() || !v.Unreadable.Empty() {
				t.Errorf("verify: changed %v, %v", v.Changed.Extents(), err)
			}
			if want := badSectors.Complement(block.Extent{Length: size}); !v.Same.Equal(want) {
				t.Errorf("verified %v, want %v", v.Same.Extents(), want.Extents())
			}
			got, err := imaging.ListHash(bytes.NewReader(d.sums.Bytes()), int64(d.sums.Len()))
			if err != nil || got != undisturbed(t, data, bad) {
				t.Errorf("list hash %x, %v", got, err)
			}
		})
	}
}

type killed struct {
	block.Source
	check func() error
}

func (k killed) ReadAt(p []byte, off int64) (int, error) {
	if err := k.check(); err != nil {
		return 0, err
	}
	return k.Source.ReadAt(p, off)
}

// undisturbed returns the list hash of a run without a kill.
func undisturbed(t *testing.T, data []byte, bad []block.Extent) [32]byte {
	t.Helper()
	var sums bytes.Buffer
	src := blocktest.Silent(blocktest.Faulty(block.Bytes(data), blocktest.Bad(bad...)))
	_, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Copy: block.Bytes(data), Map: imaging.NewMap(int64(len(data))),
		Checkpoint: func(_ context.Context, s imaging.Snapshot) error { return imaging.AppendSums(&sums, s.Sums, true) }})
	if err != nil {
		t.Fatal(err)
	}
	h, err := imaging.ListHash(bytes.NewReader(sums.Bytes()), int64(sums.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func BenchmarkRun(b *testing.B) {
	const size = 64 << 20
	data := random(14, size)
	target := newMemory(size)
	b.SetBytes(size)
	for b.Loop() {
		if _, err := imaging.Run(b.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: imaging.NewMap(size)}); err != nil {
			b.Fatal(err)
		}
	}
}
