package sweep_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/block/probe"
	"salvor/sweep"
)

// naive is the model: it looks at every byte for every probe.
func naive(probes []probe.Probe, b []byte) []probe.Hit {
	var hits []probe.Hit
	for i := range probes {
		p := &probes[i]
		for at := 0; at+len(p.Bytes) <= len(b); at++ {
			if s := int64(at) - p.At; p.Aligned(s) && p.Matches(b[at:]) {
				hits = append(hits, probe.Hit{ID: p.ID, Offset: s})
			}
		}
	}
	return sorted(hits)
}

func sorted(hits []probe.Hit) []probe.Hit {
	slices.SortFunc(hits, func(a, b probe.Hit) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID))
	})
	return hits
}

// collect observes b in the given pieces.
func collect(t testing.TB, probes []probe.Probe, b []byte, pieces []block.Extent) []probe.Hit {
	t.Helper()
	m, err := sweep.NewMatcher(probes)
	if err != nil {
		t.Fatal(err)
	}
	var hits []probe.Hit
	s := m.NewSweep(int64(len(b)), func(h probe.Hit) { hits = append(hits, h) })
	for _, e := range pieces {
		// What was given must not be kept.
		p := bytes.Clone(b[e.Offset:e.End()])
		s.Observe(e, p)
		clear(p)
	}
	return sorted(hits)
}

func whole(b []byte) []block.Extent { return []block.Extent{{Length: int64(len(b))}} }

// usual are probes of every kind that formats have.
var usual = []probe.Probe{
	{ID: "jpeg.soi", Bytes: []byte{0xFF, 0xD8, 0xFF}},
	{ID: "jpeg.masked", Bytes: []byte{0xFF, 0xD8, 0xFF, 0xE0}, Mask: []byte{0xFF, 0xFF, 0xFF, 0xF0}},
	{ID: "png.head", Bytes: []byte("\x89PNG\r\n\x1a\n")},
	{ID: "mp4.ftyp", Bytes: []byte("ftyp"), At: 4},
	{ID: "gzip.head", Bytes: []byte{0x1F, 0x8B, 0x08}},
	{ID: "zip.local", Bytes: []byte("PK\x03\x04")},
	{ID: "sqlite.head", Bytes: []byte("SQLite format 3\x00"), Align: 512},
	{ID: "tar.ustar", Bytes: []byte("ustar"), At: 257, Align: 512},
	{ID: "gpt.head", Bytes: []byte("EFI PART"), Align: 512},
	{ID: "mbr.sign", Bytes: []byte{0x55, 0xAA}, At: 510, Align: 512},
	{ID: "ext.magic", Bytes: []byte{0x53, 0xEF}, At: 1080, Align: 1024},
	{ID: "btrfs.magic", Bytes: []byte("_BHRfS_M"), At: 65600, Align: 4096},
	{ID: "swap.magic", Bytes: []byte("SWAPSPACE2"), At: 4086, Align: 4096},
	{ID: "zero.tail", Bytes: []byte{0, 0, 0, 1}},
	{ID: "short.bm", Bytes: []byte("BM")},
	{ID: "short.sync", Bytes: []byte{0xFF, 0xF0}, Mask: []byte{0xFF, 0xF0}},
	{ID: "short.loose", Bytes: []byte{0x12, 0x34}, Mask: []byte{0x7F, 0x7F}},
	{ID: "align.four", Bytes: []byte("hsqs"), Align: 4},
	{ID: "align.odd", Bytes: []byte("odd!"), Align: 768},
	{ID: "hole", Bytes: []byte("RIFF\x00\x00\x00\x00WEBP"), Mask: []byte("\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff")},
	{ID: "tail.only", Bytes: []byte{0, 0, 'a', 'b', 'c', 'd'}, Mask: []byte{0, 0, 0xFF, 0xFF, 0xFF, 0xFF}},
	{ID: "longest", Bytes: bytes.Repeat([]byte("0123456789abcdef"), 4)},
	{ID: "aligned.masked", Bytes: []byte{0xAB, 0, 0xCD, 0}, Mask: []byte{0xFF, 0, 0xF0, 0}, Align: 512},
}

// medium returns n bytes in which the probes stand where they may, and in places where they may not.
func medium(seed uint64, n int, probes []probe.Probe) []byte {
	rnd := rand.New(rand.NewPCG(seed, 99))
	b := make([]byte, n)
	for i := 0; i < n; {
		run := min(n-i, 1+rnd.IntN(3000))
		switch c := byte(rnd.Uint32()); rnd.IntN(4) {
		case 0: // zeros
		case 1:
			for j := range run {
				b[i+j] = c
			}
		default:
			for j := range run {
				b[i+j] = byte(rnd.Uint32())
			}
		}
		i += run
	}
	for range n / 200 {
		p := &probes[rnd.IntN(len(probes))]
		at := rnd.Int64N(int64(n))
		if rnd.IntN(4) > 0 && p.Align > 1 {
			at = at/p.Align*p.Align + p.At
		}
		if at < int64(n) {
			copy(b[at:], p.Bytes)
		}
	}
	return b
}

func compare(t *testing.T, got, want []probe.Hit) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("hit %d of %d is %+v, want %+v (of %d)", i, len(got), got[i], want[i], len(want))
		}
	}
	t.Fatalf("%d hits, want %d", len(got), len(want))
}

func TestWhole(t *testing.T) {
	for seed := range uint64(6) {
		b := medium(seed, 200000+int(seed)*7, usual)
		want := naive(usual, b)
		if len(want) < 500 {
			t.Fatalf("only %d hits in the model", len(want))
		}
		compare(t, collect(t, usual, b, whole(b)), want)
	}
}

// Every probe alone, at every offset of a small medium, its ends included.
func TestEveryOffset(t *testing.T) {
	for _, p := range usual {
		t.Run(p.ID, func(t *testing.T) {
			m, err := sweep.NewMatcher([]probe.Probe{p})
			if err != nil {
				t.Fatal(err)
			}
			for _, fill := range []byte{0, 0xFF, 'P', 0x5A} {
				for at := range 1200 {
					b := bytes.Repeat([]byte{fill}, 1200)
					copy(b[at:], p.Bytes)
					var got []probe.Hit
					m.NewSweep(1200, func(h probe.Hit) { got = append(got, h) }).Observe(block.Between(0, 1200), b)
					compare(t, sorted(got), naive([]probe.Probe{p}, b))
				}
			}
		})
	}
}

// Matches across borders are found whatever the pieces and their order.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 5000).Draw(rt, "size")
		b := medium(rapid.Uint64().Draw(rt, "seed"), n, usual)
		cuts := append(rapid.SliceOfN(rapid.IntRange(0, n), 0, 40).Draw(rt, "cuts"), 0, n)
		slices.Sort(cuts)
		var pieces []block.Extent
		for i := 1; i < len(cuts); i++ {
			pieces = append(pieces, block.Between(int64(cuts[i-1]), int64(cuts[i])))
		}
		pieces = rapid.Permutation(pieces).Draw(rt, "order")
		got, want := collect(t, usual, b, pieces), naive(usual, b)
		if !slices.Equal(got, want) {
			rt.Fatalf("%d hits, want %d", len(got), len(want))
		}
	})
}

// What is not observed is not part of a match, even when its bytes would fit.
func TestGaps(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, 3000).Draw(rt, "size")
		b := medium(rapid.Uint64().Draw(rt, "seed"), n, usual)
		var pieces []block.Extent
		var seen block.Set
		at := int64(0)
		for at < int64(n) {
			e := block.Extent{Offset: at, Length: min(int64(n)-at, rapid.Int64Range(1, 700).Draw(rt, "length"))}
			if rapid.IntRange(0, 4).Draw(rt, "skip") > 0 {
				pieces = append(pieces, e)
				seen.Add(e)
			}
			at = e.End()
		}
		var want []probe.Hit
		lengths := map[string]*probe.Probe{}
		for i := range usual {
			lengths[usual[i].ID] = &usual[i]
		}
		for _, h := range naive(usual, b) {
			p := lengths[h.ID]
			if seen.Contains(block.Extent{Offset: h.Offset + p.At, Length: int64(len(p.Bytes))}) {
				want = append(want, h)
			}
		}
		if got := collect(t, usual, b, rapid.Permutation(pieces).Draw(rt, "order")); !slices.Equal(got, want) {
			rt.Fatalf("%d hits, want %d", len(got), len(want))
		}
	})
}

// Two runs with a resume between them find together what one finds, and nothing twice.
func TestResume(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(64, 4000).Draw(rt, "size")
		b := medium(rapid.Uint64().Draw(rt, "seed"), n, usual)
		var pieces []block.Extent
		for at := int64(0); at < int64(n); {
			e := block.Extent{Offset: at, Length: min(int64(n)-at, rapid.Int64Range(1, 600).Draw(rt, "length"))}
			pieces = append(pieces, e)
			at = e.End()
		}
		pieces = rapid.Permutation(pieces).Draw(rt, "order")
		first := rapid.IntRange(0, len(pieces)).Draw(rt, "first")
		m, err := sweep.NewMatcher(usual)
		if err != nil {
			rt.Fatal(err)
		}
		var got []probe.Hit
		emit := func(h probe.Hit) { got = append(got, h) }
		s := m.NewSweep(int64(n), emit)
		for _, e := range pieces[:first] {
			s.Observe(e, b[e.Offset:e.End()])
		}
		have := s.Observed()
		if want := block.SetOf(pieces[:first]...); !have.Equal(want) {
			rt.Fatalf("Observed = %v, want %v", have.Extents(), want.Extents())
		}
		s = m.NewSweep(int64(n), emit)
		// The copy holds nothing else.
		absent := blocktest.Faulty(block.Bytes(b), blocktest.Bad(have.Complement(block.Between(0, int64(n))).Extents()...))
		if err := s.Resume(have, absent); err != nil {
			rt.Fatal(err)
		}
		for _, e := range pieces[first:] {
			s.Observe(e, b[e.Offset:e.End()])
		}
		if want := naive(usual, b); !slices.Equal(sorted(got), want) {
			rt.Fatalf("%d hits, want %d", len(got), len(want))
		}
	})
}

func TestResumeNamesWhatItCannotRead(t *testing.T) {
	m, err := sweep.NewMatcher(usual)
	if err != nil {
		t.Fatal(err)
	}
	src := blocktest.Faulty(block.Bytes(make([]byte, 4096)), blocktest.Bad(block.Between(990, 1000)))
	err = m.NewSweep(4096, func(probe.Hit) {}).Resume(block.SetOf(block.Between(0, 1000)), src)
	if _, ok := block.IsUnreadable(err); !ok {
		t.Errorf("error %v", err)
	}
}

// Bytes that come twice are searched once.
func TestTwice(t *testing.T) {
	b := medium(3, 20000, usual)
	pieces := []block.Extent{block.Between(5000, 6000), block.Between(8000, 9000), block.Between(100, 15000),
		block.Between(0, 20000), block.Between(0, 20000), {Offset: 700}}
	compare(t, collect(t, usual, b, pieces), naive(usual, b))
}

func TestObserveRefusesNonsense(t *testing.T) {
	m, err := sweep.NewMatcher(usual)
	if err != nil {
		t.Fatal(err)
	}
	s := m.NewSweep(100, func(h probe.Hit) { t.Errorf("hit %+v", h) })
	s.Observe(block.Extent{Offset: -5, Length: 5}, []byte("PK\x03\x04!"))
	s.Observe(block.Extent{Offset: 5, Length: -5}, []byte("PK\x03\x04!"))
	s.Observe(block.Extent{Offset: 5, Length: 3}, []byte("PK\x03\x04!"))
	s.Observe(block.Extent{Offset: 50, Length: 30}, []byte("PK"))
	if got := s.Observed(); !got.Equal(block.SetOf(block.Between(5, 8), block.Between(50, 52))) {
		t.Errorf("Observed = %v", got.Extents())
	}
}

// A structure that begins before the medium is told with a negative offset.
func TestNegativeOffset(t *testing.T) {
	b := make([]byte, 70000)
	copy(b[64:], "_BHRfS_M") // 65600 behind the start of its volume, which stands 65536 before this medium
	compare(t, collect(t, usual[11:12], b, whole(b)), []probe.Hit{{ID: "btrfs.magic", Offset: -65536}})
}

func TestNoProbes(t *testing.T) {
	b := medium(1, 5000, usual)
	compare(t, collect(t, nil, b, []block.Extent{block.Between(3000, 5000), block.Between(0, 3000)}), nil)
}

func TestNewMatcherRefuses(t *testing.T) {
	_, err := sweep.NewMatcher([]probe.Probe{
		{ID: "ok", Bytes: []byte("abcd")},
		{ID: "one", Bytes: []byte("a")},
		{ID: "ok", Bytes: []byte("efgh")},
		{ID: "loose", Bytes: []byte("abcd"), Mask: []byte{1, 1, 0xFF, 0}},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"probe one: 1 bytes", "probe ok: the ID is given twice", "probe loose: 10 bits count"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not say %q", err, want)
		}
	}
}

// What is kept at borders is bounded by the number of runs, and vanishes when they join.
func TestMemoryIsBounded(t *testing.T) {
	m, err := sweep.NewMatcher(usual)
	if err != nil {
		t.Fatal(err)
	}
	s := m.NewSweep(1<<40, func(probe.Hit) {})
	p := make([]byte, 4096)
	allocs := testing.AllocsPerRun(1, func() {
		for i := range int64(2000) {
			s.Observe(block.Extent{Offset: i * 4096, Length: 4096}, p)
		}
	})
	if allocs > 100 {
		t.Errorf("%v allocations for 2000 extents in order", allocs)
	}
	if s.Observed().Count() != 1 {
		t.Errorf("%d runs", s.Observed().Count())
	}
}

func FuzzSweep(f *testing.F) {
	for _, p := range usual {
		f.Add(append(bytes.Repeat([]byte{0}, 510), p.Bytes...), uint16(511))
	}
	m, err := sweep.NewMatcher(usual)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint16) {
		at := min(int64(cut), int64(len(b)))
		n := int64(len(b))
		var got []probe.Hit
		s := m.NewSweep(n, func(h probe.Hit) { got = append(got, h) })
		s.Observe(block.Between(at, n), b[at:])
		s.Observe(block.Between(0, at), b[:at])
		compare(t, sorted(got), naive(usual, b))
	})
}

// many returns the usual anywhere-probes without the short ones, filled up to 200 with random ones.
func many() []probe.Probe {
	rnd := rand.New(rand.NewPCG(8, 8))
	var out []probe.Probe
	for _, p := range usual {
		if p.Align < 512 && !strings.HasPrefix(p.ID, "short.") && p.ID != "zero.tail" {
			out = append(out, p)
		}
	}
	for i := len(out); i < 200; i++ {
		b := make([]byte, 4+rnd.IntN(5))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		out = append(out, probe.Probe{ID: fmt.Sprintf("random.%d", i), Bytes: b})
	}
	return out
}

func onlyAligned() []probe.Probe {
	return slices.DeleteFunc(slices.Clone(usual), func(p probe.Probe) bool { return p.Align < 512 || p.Align%512 != 0 })
}

func withoutShort() []probe.Probe {
	return slices.DeleteFunc(slices.Clone(usual), func(p probe.Probe) bool { return strings.HasPrefix(p.ID, "short.") })
}
