package imaging_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/imaging"
)

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
