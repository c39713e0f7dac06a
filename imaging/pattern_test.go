package imaging_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/finding"
	"salvor/imaging"
	"salvor/imaging/failing"
)

func codes(list []finding.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, strings.TrimPrefix(f.Code, "imaging.pattern."))
	}
	return strings.Join(out, " ")
}

func mapOf(size int64, bad block.Set) *imaging.Map {
	m := imaging.NewMap(size)
	m.Set(block.Extent{Length: size}, imaging.Finished)
	for e := range bad.All() {
		m.Set(e, imaging.BadSector)
	}
	return m
}

// What kinds of failure leave behind is read as what it is.
func TestReadPattern(t *testing.T) {
	const size = 1 << 30
	periodic := func(seed uint64) block.Set {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var s block.Set
		track := int64(8 << 20)
		for at := int64(3 << 20); at < size; at += track {
			if rnd.IntN(4) > 0 {
				s.Add(block.Extent{Offset: at + rnd.Int64N(200)*512, Length: (1 + rnd.Int64N(100)) * 512})
			}
		}
		return s
	}
	for seed := range uint64(10) {
		for name, tt := range map[string]struct {
			bad  block.Set
			want string
		}{
			"nothing":    {block.Set{}, ""},
			"one":        {block.SetOf(block.Extent{Offset: 77 << 20, Length: 512}), "place"},
			"cluster":    {failing.New(failing.Cluster, seed, size, 60).Bad(), "place"},
			"singles":    {failing.New(failing.Singles, seed, size, 120).Bad(), "everywhere"},
			"edge":       {failing.New(failing.Edge, seed, size, 200).Bad(), "edge"},
			"periodic":   {periodic(seed), "head"},
			"nearly all": {block.SetOf(block.Between(4096, size)), ""},
			"cut":        {block.SetOf(block.Between(size*6/10, size)), "edge"},
		} {
			if got := codes(imaging.ReadPattern(mapOf(size, tt.bad), nil)); got != tt.want {
				// A cluster may stand at an edge by chance.
				if name == "cluster" && got == "edge" {
					continue
				}
				t.Errorf("%s %d: %q, want %q", name, seed, got, tt.want)
			}
		}
	}
	before, now := mapOf(size, failing.New(failing.Cluster, 5, size, 30).Bad()), mapOf(size, failing.New(failing.Cluster, 5, size, 60).Bad())
	if got := codes(imaging.ReadPattern(now, before)); !strings.HasPrefix(got, "growing") {
		t.Errorf("growing: %q", got)
	}
	if got := codes(imaging.ReadPattern(now, now.Clone())); strings.Contains(got, "growing") {
		t.Errorf("not growing: %q", got)
	}
	for _, f := range imaging.ReadPattern(now, before) {
		if strings.Contains(f.String(), "{") {
			t.Errorf("%s", f)
		}
	}
}

// What was read before and fails now is told as an error that grows.
func TestGrown(t *testing.T) {
	data := make([]byte, 4<<20)
	for i := range data {
		data[i] = byte(i * 7)
	}
	var sums []imaging.Sum
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Map: imaging.NewMap(4 << 20),
		Checkpoint: func(_ context.Context, s imaging.Snapshot) error {
			sums = append(sums, s.Sums...)
			return nil
		}}); err != nil {
		t.Fatal(err)
	}
	list := func(yield func(imaging.Sum, error) bool) {
		for _, s := range sums {
			if !yield(s, nil) {
				return
			}
		}
	}
	for want, src := range map[string]block.Source{"": block.Bytes(data), "growing": blocktest.Faulty(block.Bytes(data), []block.Unreadable{{Extent: block.Extent{Offset: 2<<20 + 512, Length: 512}, Why: block.Bad}})} {
		v, err := imaging.Verify(t.Context(), src, list)
		if err != nil {
			t.Fatal(err)
		}
		if got := codes(imaging.Grown(v)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// watch copies a medium and returns what its behaviour means.
func watch(t *testing.T, src block.Source, plan imaging.Plan) []finding.Finding {
	t.Helper()
	b := imaging.NewBehaviour(src.Size())
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Map: imaging.NewMap(src.Size()), Plan: plan, LogRead: b.Read, Observers: []imaging.Observer{b}}); err != nil {
		t.Fatal(err)
	}
	return b.Findings()
}

// large fails for large reads at some places, as a bad cable does.
type large struct {
	block.Source
	at []block.Extent
}

func (l *large) ReadAt(p []byte, off int64) (int, error) {
	e := block.Extent{Offset: off, Length: int64(len(p))}
	for _, bad := range l.at {
		if len(p) > 4096 && bad.Overlaps(e) {
			return 0, block.NewUnreadable(e, block.Bad, nil)
		}
	}
	return l.Source.ReadAt(p, off)
}

// What is slow is so beside the whole medium: neither a start that came out of a cache, nor a zone that took nearly all of the
// time, is what the rest is held against.
func TestSlowZones(t *testing.T) {
	const mib = 1 << 20
	type zone struct {
		mib  int64
		took time.Duration // for each MiB
	}
	for _, tt := range []struct {
		name  string
		zones []zone
		want  string
	}{
		{"a fast medium", []zone{{500, 5 * time.Millisecond}}, ""},
		{"a slow medium", []zone{{500, 150 * time.Millisecond}}, ""},
		{"a slow medium whose start was in the cache", []zone{{100, 200 * time.Microsecond}, {400, 150 * time.Millisecond}}, ""},
		{"a slow zone", []zone{{100, 10 * time.Millisecond}, {3, 2 * time.Second}, {100, 10 * time.Millisecond}}, "0x6400000"},
		{"a slow zone at the start", []zone{{3, 2 * time.Second}, {200, 10 * time.Millisecond}}, "0x0"},
		{"a slow zone behind what was in the cache", []zone{{100, 200 * time.Microsecond}, {300, 150 * time.Millisecond}, {3, 4 * time.Second}, {97, 150 * time.Millisecond}}, "0x19000000"},
		{"a third of all in slow zones", []zone{{200, 10 * time.Millisecond}, {100, 2 * time.Second}}, "0xC800000"},
		{"seven times slower", []zone{{200, 20 * time.Millisecond}, {3, 140 * time.Millisecond}}, ""},
		{"seventeen times slower", []zone{{200, 20 * time.Millisecond}, {3, 340 * time.Millisecond}}, "0xC800000"},
	} {
		b := imaging.NewBehaviour(500 * mib)
		var at int64
		for _, z := range tt.zones {
			for range z.mib {
				b.Read(imaging.Read{Extent: block.Extent{Offset: at, Length: mib}, Good: mib, Took: z.took})
				at += mib
			}
		}
		list := b.Findings()
		if (codes(list) == "slow") != (tt.want != "") || tt.want != "" && !strings.Contains(list[0].String(), "1 stretches were read far slower than the rest, the first at "+tt.want) {
			t.Errorf("%s: %v", tt.name, list)
		}
	}
}

func TestBehaviour(t *testing.T) {
	const size = 64 << 20
	data := make([]byte, size)
	rnd := rand.New(rand.NewPCG(9, 9))
	for i := range data {
		data[i] = byte(1 + rnd.IntN(250))
	}
	if got := codes(watch(t, block.Bytes(data), imaging.Plan{})); got != "" {
		t.Errorf("a healthy medium: %q", got)
	}
	synctest.Test(t, func(t *testing.T) {
		d := failing.New(failing.SlowZone, 1, size, 0)
		d.Slow = []failing.Zone{{Extent: block.Extent{Offset: 40 << 20, Length: 1 << 20}, Factor: 200}}
		if got := codes(watch(t, d, imaging.Plan{})); got != "slow" {
			t.Errorf("a slow zone: %q", got)
		}
	})
	var places []block.Extent
	for i := range int64(6) {
		places = append(places, block.Extent{Offset: (3 + 9*i) << 20, Length: 512})
	}
	if got := codes(watch(t, &large{block.Bytes(data), places}, imaging.Plan{})); got != "rate" {
		t.Errorf("a bad cable: %q", got)
	}
	for name, value := range map[string]byte{"zeros": 0, "0xFF": 0xFF} {
		holes := bytes.Clone(data)
		for i := range 5 {
			at := (5+10*i)<<20 + 64<<10
			copy(holes[at:at+256<<10], bytes.Repeat([]byte{value}, 256<<10))
		}
		list := watch(t, block.Bytes(holes), imaging.Plan{})
		if codes(list) != "constant" || !strings.Contains(list[0].String(), name) {
			t.Errorf("%s instead of errors: %v", name, list)
		}
	}
	fake := bytes.Repeat(data[:16<<20], 4)
	list := watch(t, block.Bytes(fake), imaging.Plan{})
	if codes(list) != "wraps" || !strings.Contains(list[0].String(), "16 MiB large") {
		t.Errorf("a fake card: %v", list)
	}
	twice := bytes.Clone(data)
	copy(twice[32<<20:], data[:1<<20]) // a copy of a partition's start
	if got := codes(watch(t, block.Bytes(twice), imaging.Plan{})); got != "" {
		t.Errorf("the same start twice: %q", got)
	}
}
