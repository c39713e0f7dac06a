package carve_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	"salvor/imaging"
	"salvor/sweep"
)

// target is a copy in memory.
type target []byte

func (c target) WriteAt(p []byte, off int64) (int, error) { return copy(c[off:], p), nil }
func (c target) Sync() error                              { return nil }

// A medium with bad sectors is copied in several runs, each stopped somewhere; the sweep goes on across them; and what
// is carved from the copy is what was on the medium.
func TestFromMediumToFiles(t *testing.T) {
	const size = 6 << 20
	table := realTable(t)
	files := map[int][]byte{}
	rnd := rand.New(rand.NewPCG(1, 7))
	for i := range 24 {
		at := i*240<<10 + rnd.IntN(100)*512
		switch i % 3 {
		case 0:
			files[at] = jpegOf(t, uint64(i), 200, 150)
		case 1:
			files[at] = pngOf(t, uint64(i), 90, 90)
		default:
			files[at] = zipOf(t, map[string][]byte{"a.txt": prose(uint64(i), 9000)})
		}
	}
	// One stands across the border of two chunks, by its mark.
	files[1<<20-2] = pngOf(t, 50, 90, 90)
	for at := range files {
		if at > 1<<20-90<<10 && at < 1<<20+90<<10 && at != 1<<20-2 {
			delete(files, at)
		}
	}
	data := medium(size, files)
	bad := []block.Extent{{Offset: 2<<20 - 512, Length: 512}, {Offset: 4 << 20, Length: 2048}}
	src := blocktest.Silent(blocktest.Faulty(block.Bytes(data), blocktest.Bad(bad...)))

	matcher, err := sweep.NewMatcher(table.Probes())
	if err != nil {
		t.Fatal(err)
	}
	image := make(target, size)
	m := imaging.NewMap(size)
	hits := map[probe.Hit]int{}
	for run := 0; ; run++ {
		s := matcher.NewSweep(size, func(h probe.Hit) { hits[h]++ })
		if err := s.Resume(m.Of(imaging.Finished), imaging.CopySource(block.Bytes(image), m, 0)); err != nil {
			t.Fatal(err)
		}
		var source block.Source = src
		if run < 5 {
			source = blocktest.Vanishing(src, 900<<10)
		}
		res, err := imaging.Run(t.Context(), &imaging.Job{Source: source, Target: image, Map: m, Observers: []imaging.Observer{s}})
		if err == nil && res.Complete {
			break
		}
		if !errors.Is(err, imaging.ErrGone) {
			t.Fatalf("run %d: %+v, %v", run, res, err)
		}
	}
	var list []probe.Hit
	for h, n := range hits {
		if n > 1 {
			t.Errorf("%+v was told %d times", h, n)
		}
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b probe.Hit) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID)) })

	found, _, err := run(t, carve.Options{EveryByte: true, Source: imaging.CopySource(block.Bytes(image), m, 0), Hits: slices.Values(list), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	left := map[int][]byte{}
	for at, p := range files {
		left[at] = p
	}
	for _, f := range found {
		p, ok := files[int(f.Offset)]
		if !ok {
			t.Errorf("false: %s at %#x, %d bytes, %v", f.Format.Name, f.Offset, f.Size, f.Report.Verdict)
			continue
		}
		hurt := block.SetOf(bad...).Overlaps(block.Extent{Offset: f.Offset, Length: int64(len(p))})
		whole := f.Report.Verdict >= filetype.Consistent && f.Size == int64(len(p))
		if whole == hurt {
			t.Errorf("%s at %#x: %v, %d of %d bytes, over bad sectors: %v", f.Format.Name, f.Offset, f.Report.Verdict, f.Size, len(p), hurt)
		}
		delete(left, int(f.Offset))
	}
	for at, p := range left {
		if !block.SetOf(bad...).Overlaps(block.Extent{Offset: int64(at), Length: int64(len(p))}) {
			t.Errorf("not found: %d bytes at %#x", len(p), at)
		}
	}
}

// Random damage: no panic, no hang, no file with a wrong byte called proven, and what is undamaged is still found.
func TestDamage(t *testing.T) {
	const size = 1 << 20
	table := realTable(t)
	files := map[int][]byte{}
	for i := range 8 {
		at := i * 128 << 10
		switch i % 3 {
		case 0:
			files[at] = jpegOf(t, uint64(i), 100, 100)
		case 1:
			files[at] = pngOf(t, uint64(i), 60, 60)
		default:
			files[at] = zipOf(t, map[string][]byte{"a.txt": prose(uint64(i), 3000), "b.jpg": jpegOf(t, uint64(i), 40, 40)})
		}
	}
	clean := medium(size, files)
	rnd := rand.New(rand.NewPCG(2, 7))
	rounds := 200
	if testing.Short() {
		rounds = 20
	}
	for round := range rounds {
		data := bytes.Clone(clean)
		var hurt block.Set
		for range 1 + rnd.IntN(6) {
			// Most damage hits files, and their heads.
			at := rnd.IntN(8)*128<<10 + rnd.IntN(4000)
			n := 1 + rnd.IntN(64)
			for i := at; i < at+n; i++ {
				data[i] = byte(rnd.Uint32())
			}
			hurt.Add(block.Extent{Offset: int64(at), Length: int64(n)})
		}
		found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table})
		if err != nil || stats.Failed > 0 {
			t.Fatalf("round %d: %+v, %v", round, stats, err)
		}
		left := map[int64][]byte{}
		for at, p := range files {
			if !hurt.Overlaps(block.Extent{Offset: int64(at), Length: int64(len(p))}) {
				left[int64(at)] = p
			}
		}
		for _, f := range found {
			if p, ok := left[f.Offset]; ok && f.Size == int64(len(p)) && f.Report.Verdict >= filetype.Consistent {
				delete(left, f.Offset)
			}
			if f.Report.Verdict == filetype.Proven && !bytes.Equal(data[f.Offset:f.Extent().End()], clean[f.Offset:f.Extent().End()]) && hurt.Subtract(f.Report.Uncovered.Shift(f.Offset)).Overlaps(f.Extent()) {
				t.Errorf("round %d: %s at %#x is proven, with wrong bytes", round, f.Format.Name, f.Offset)
			}
		}
		for at := range left {
			t.Errorf("round %d: the undamaged file at %#x was not found", round, at)
		}
	}
}

func TestNothingStays(t *testing.T) {
	defer goleak.VerifyNone(t)
	table := tableOf(t, boxFormat("BoxA"))
	data := bytes.Repeat(box("BoxA", random(9, 50)), 500)
	hits := hitsOf(t, table, data)
	boom := errors.New("boom")
	for _, emit := range []func(carve.Found) error{func(carve.Found) error { return nil }, func(carve.Found) error { return boom }} {
		_, _ = carve.Run(t.Context(), carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hits), Table: table, Emit: emit})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, _ = carve.Run(ctx, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hits), Table: table, Emit: emit})
	}
}

func FuzzRun(f *testing.F) {
	f.Add(box("BoxA", []byte("hello")), uint16(3))
	f.Add(append(box("BoxA", random(1, 2000)), box("BoxB", random(2, 700))...), uint16(900))
	f.Fuzz(func(t *testing.T, data []byte, owned uint16) {
		table := tableOf(t, boxFormat("BoxA"), boxFormat("BoxB"))
		skip := block.SetOf(block.Extent{Offset: int64(owned), Length: 100})
		var first []carve.Found
		for workers := 1; workers <= 3; workers += 2 {
			var found []carve.Found
			end := int64(-1)
			stats, err := carve.Run(t.Context(), carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table, Skip: skip, Workers: workers,
				Limit: 1 << 30, Emit: func(g carve.Found) error {
					if g.Offset <= end || g.Size <= 0 || g.Extent().End() > int64(len(data)) || skip.Overlaps(g.Extent()) {
						t.Fatalf("%v", g.Extent())
					}
					end = g.Offset
					found = append(found, g)
					return nil
				}})
			if err != nil || stats.Found != len(found) {
				t.Fatalf("%+v, %v", stats, err)
			}
			if workers == 1 {
				first = found
				continue
			}
			strip := func(list []carve.Found) (out []want) {
				for _, f := range list {
					out = append(out, want{f.Format.Name, f.Offset, f.Size, f.Report.Verdict})
				}
				return out
			}
			if !reflect.DeepEqual(strip(found), strip(first)) {
				t.Fatalf("%v with more workers, %v with one", strip(found), strip(first))
			}
		}
	})
}

func FuzzText(f *testing.F) {
	f.Add(append(prose(1, 700), make([]byte, 400)...))
	f.Add(append(json(100), make([]byte, 600)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, 1<<20)), Table: textTable(t),
			Emit: func(g carve.Found) error {
				p := data[g.Offset:g.Extent().End()]
				if g.Offset%512 != 0 || len(p) < 64 || bytes.IndexByte(p, 0) >= 0 || g.Report.Verdict != filetype.Consistent {
					t.Fatalf("%v: %q", g.Extent(), p)
				}
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
	})
}
