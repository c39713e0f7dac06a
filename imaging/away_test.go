package imaging_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"salvor/block"
	"salvor/imaging"
	"salvor/imaging/failing"
)

// A device that vanishes is waited for, and nothing is called bad that was only away: whether its system says so, or
// every read just fails.
func TestAway(t *testing.T) {
	for name, why := range map[string]block.Why{"told": block.Gone, "silent": block.Bad} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const size = 32 << 20
				d := failing.New(failing.Away, 7, size, 40)
				d.Vanish = []failing.Absence{{After: 60, For: 4 * time.Second}, {After: 400, For: 9 * time.Second}, {After: 1200, For: time.Second}}
				bad := d.Bad()
				src := &renamed{d, why}
				target, m := newMemory(size), imaging.NewMap(size)
				waits := 0
				res, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Target: target, Copy: target, Map: m,
					Wait: func(context.Context, error) error {
						waits++
						time.Sleep(10 * time.Second)
						return nil
					}})
				if err != nil || !res.Complete || waits == 0 || (why == block.Gone && waits != 3) {
					t.Fatalf("%+v, %v, waited %d times", res, err, waits)
				}
				if lost := m.Of(imaging.Finished, imaging.BadSector).Complement(block.Extent{Length: size}); !lost.Empty() {
					t.Errorf("neither read nor bad: %v", lost.Extents())
				}
				if wrong := m.Of(imaging.BadSector).Subtract(bad); !wrong.Empty() {
					t.Errorf("good sectors were lost: %v", wrong.Extents())
				}
				want := make([]byte, size)
				d.Content(want, 0)
				for e := range m.Of(imaging.Finished).All() {
					if string(want[e.Offset:e.End()]) != string(target.durable[e.Offset:e.End()]) {
						t.Fatalf("the copy is wrong in %v", e)
					}
				}
			})
		})
	}
}

// renamed gives the reason why for what is gone.
type renamed struct {
	block.Source
	why block.Why
}

func (r *renamed) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Source.ReadAt(p, off)
	if u, ok := block.IsUnreadable(err); ok && u.Ranges[0].Why == block.Gone {
		time.Sleep(time.Millisecond)
		return n, block.NewUnreadable(u.Ranges[0].Extent, r.why, nil)
	}
	return n, err
}

// Who cannot wait ends, and the run after it goes on.
func TestNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 8 << 20
		d := failing.New(failing.Singles, 3, size, 5)
		d.Vanish = []failing.Absence{{After: 40, For: time.Hour}}
		m := imaging.NewMap(size)
		if _, err := imaging.Run(t.Context(), &imaging.Job{Source: d, Map: m}); !errors.Is(err, imaging.ErrGone) {
			t.Fatal(err)
		}
		boom := errors.New("a person pressed Ctrl-C")
		if _, err := imaging.Run(t.Context(), &imaging.Job{Source: d, Map: m, Wait: func(context.Context, error) error { return boom }}); !errors.Is(err, boom) || !errors.Is(err, imaging.ErrGone) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		if res, err := imaging.Run(t.Context(), &imaging.Job{Source: d, Map: m}); err != nil || !res.Complete {
			t.Fatalf("%+v, %v", res, err)
		}
	})
}

// Every bound of a plan ends the run, and says which it was.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 16 << 20
		for name, tt := range map[string]struct {
			plan imaging.Plan
			kind failing.Kind
		}{
			"read errors":                    {imaging.Plan{MaxReadErrors: 3}, failing.Cluster},
			"bad areas":                      {imaging.Plan{MaxBadAreas: 4}, failing.Singles},
			"bytes failing in a second":      {imaging.Plan{MaxErrorRate: 1000}, failing.Singles},
			"slow reads":                     {imaging.Plan{MaxSlowReads: 2, MinReadRate: 50e6}, failing.SlowZone},
			"time without a successful read": {imaging.Plan{Timeout: 5 * time.Second}, failing.Dead},
		} {
			_, err := imaging.Run(t.Context(), &imaging.Job{Source: failing.New(tt.kind, 5, size, 40), Map: imaging.NewMap(size), Plan: tt.plan})
			if e, ok := imaging.IsExhausted(err); !ok || e.Bound != name {
				t.Errorf("%s: %v", name, err)
			}
		}
		begin := time.Now()
		d := failing.New(failing.Singles, 5, size, 4)
		res, err := imaging.Run(t.Context(), &imaging.Job{Source: d, Map: imaging.NewMap(size),
			Plan: imaging.Plan{MaxReadRate: 1 << 20, PauseOnError: time.Minute, PauseOnPass: time.Hour}})
		if took := time.Since(begin); err != nil || took < 15*time.Second+time.Duration(res.Failed)*time.Minute+2*time.Hour {
			t.Errorf("%v, %v", took, err)
		}
	})
}

// What a plan leaves out stays as it is.
func TestPlanLeavesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 16 << 20
		run := func(m *imaging.Map, p imaging.Plan) *imaging.Map {
			t.Helper()
			if _, err := imaging.Run(t.Context(), &imaging.Job{Source: failing.New(failing.Clusters, 5, size, 60).Steady(), Map: m, Plan: p}); err != nil {
				t.Fatal(err)
			}
			return m
		}
		bad := failing.New(failing.Clusters, 5, size, 60).Bad()
		all := block.Extent{Length: size}
		if m := run(imaging.NewMap(size), imaging.Plan{NoTrim: true, NoScrape: true}); m.Of(imaging.NonTrimmed).Empty() || !m.Of(imaging.NonTried).Empty() {
			t.Error("no trimming, no scraping")
		}
		if m := run(imaging.NewMap(size), imaging.Plan{NoScrape: true}); m.Of(imaging.NonScraped).Empty() || !m.Of(imaging.NonTrimmed, imaging.NonTried).Empty() {
			t.Error("no scraping")
		}
		m := run(imaging.NewMap(size), imaging.Plan{CopyPasses: 1 << 1, NoTrim: true, NoScrape: true})
		if m.Of(imaging.NonTried).Empty() {
			t.Error("the first pass leaves nothing")
		}
		for name, p := range map[string]imaging.Plan{"reverse": {Reverse: true}, "one way": {Unidirectional: true}, "both": {Unidirectional: true, Reverse: true},
			"fixed": {Cluster: 4096}, "no skip": {NoSkip: true}, "skip": {SkipSize: 64 << 10, MaxSkipSize: 1 << 20}, "retry": {RetryPasses: 3}, "again": {TryAgain: true, Retrim: true}} {
			for from, start := range map[string]*imaging.Map{"the start": imaging.NewMap(size), "the middle": m.Clone()} {
				if got := run(start, p); !got.Of(imaging.BadSector).Equal(bad) || !got.Of(imaging.Finished).Equal(bad.Complement(all)) {
					t.Errorf("%s from %s: bad %v, want %v", name, from, got.Of(imaging.BadSector).Extents(), bad.Extents())
				}
			}
		}
		part := block.SetOf(block.Extent{Offset: 1 << 20, Length: 1000}, block.Extent{Offset: 5 << 20, Length: 6 << 20})
		got := run(imaging.NewMap(size), imaging.Plan{Domain: &part})
		want := block.SetOf(block.Extent{Offset: 1 << 20, Length: 1024}, block.Extent{Offset: 5 << 20, Length: 6 << 20})
		if !got.Of(imaging.NonTried).Equal(want.Complement(all)) || !got.Of(imaging.BadSector).Equal(bad.Intersect(want)) {
			t.Errorf("a domain: %v", got.Of(imaging.NonTried).Extents())
		}
	})
}
