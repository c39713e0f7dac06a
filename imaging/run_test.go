package imaging_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/imaging"
)

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
