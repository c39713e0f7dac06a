package imaging_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/imaging"
)

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

// A run that is ended in the middle of a checkpoint keeps what was read: the checkpoint is not given up with it, and the
// last one follows.
func TestEndedInCheckpoint(t *testing.T) {
	const size = 6 << 20
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m, kept := imaging.NewMap(size), int64(0)
	res, err := imaging.Run(ctx, &imaging.Job{Source: block.Bytes(random(9, size)), Target: newMemory(size), Map: m, IntervalBytes: 2 << 20,
		Checkpoint: func(ctx context.Context, s imaging.Snapshot) error {
			cancel()
			if err := ctx.Err(); err != nil {
				return err
			}
			kept = s.Map.Of(imaging.Finished).Bytes()
			return nil
		}})
	if !errors.Is(err, context.Canceled) || res.Complete || res.Done < 2<<20 || res.Done == size {
		t.Fatalf("%+v, %v", res, err)
	}
	if kept != res.Done {
		t.Errorf("%d bytes were read, %d are kept", res.Done, kept)
	}
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
