package block_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
)

func random(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, seed))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(rnd.Uint32())
	}
	return p
}

// bad is a usual set of unreadable ranges for a source of 200 KiB.
var bad = blocktest.Bad(
	block.Extent{Offset: 0, Length: 1},
	block.Extent{Offset: 512, Length: 512},
	block.Extent{Offset: 70000, Length: 9000},
	block.Extent{Offset: 200<<10 - 3, Length: 3})

func setOf(bad []block.Unreadable) block.Set {
	var s block.Set
	for _, u := range bad {
		s.Add(u.Extent)
	}
	return s
}

func TestConformance(t *testing.T) {
	data := random(1, 200<<10)
	runs := []block.Run{
		{Logical: 0, Physical: 100 << 10, Length: 30000},
		{Logical: 30000, Length: 10000, Kind: block.Zero},
		{Logical: 40000, Physical: 500, Length: 600, Kind: block.Guessed},
		{Logical: 41000, Physical: 69000, Length: 20000},
		{Logical: 61000, Physical: 0, Length: 10, Kind: block.Foreign},
		{Logical: 61100, Physical: 200<<10 - 100, Length: 400}, // reaches behind the end of the medium
		{Logical: 61500, Physical: 300 << 10, Length: 100},     // wholly behind it
	}
	joinWant := make([]byte, 62000)
	copy(joinWant, data[100<<10:100<<10+30000])
	copy(joinWant[40000:], data[500:1100])
	copy(joinWant[41000:], data[69000:89000])
	copy(joinWant[61100:], data[200<<10-100:])
	joinBad := block.SetOf(block.Extent{Offset: 40600, Length: 400}, block.Extent{Offset: 61000, Length: 100},
		block.Extent{Offset: 61200, Length: 800})
	faultyBad := joinBad.Union(block.SetOf(
		block.Extent{Offset: 40012, Length: 512}, block.Extent{Offset: 42000, Length: 9000},
		block.Extent{Offset: 61197, Length: 3}))

	cut := func(e block.Extent) []byte {
		p := make([]byte, e.Length)
		if e.Offset < int64(len(data)) {
			copy(p, data[e.Offset:])
		}
		return p
	}
	inner, outer := block.Extent{Offset: 1000, Length: 100000}, block.Extent{Offset: 199 << 10, Length: 4096}
	nested := block.Extent{Offset: 500, Length: 90000}

	tests := []struct {
		name string
		src  func() block.Source
		want []byte
		bad  block.Set
	}{
		{"bytes", func() block.Source { return block.Bytes(data) }, data, block.Set{}},
		{"one byte", func() block.Source { return block.Bytes(data[:1]) }, data[:1], block.Set{}},
		{"empty", func() block.Source { return block.Bytes(nil) }, nil, block.Set{}},
		{"context", func() block.Source { return block.WithContext(t.Context(), blocktest.Faulty(block.Bytes(data), bad)) }, data, setOf(bad)},
		{"section", func() block.Source { return block.Section(block.Bytes(data), inner) }, cut(inner), block.Set{}},
		{"section over faults", func() block.Source { return block.Section(blocktest.Faulty(block.Bytes(data), bad), inner) },
			cut(inner), setOf(bad).Within(inner).Shift(-1000)},
		{"section behind the end", func() block.Source { return block.Section(block.Bytes(data), outer) },
			cut(outer), block.SetOf(block.Between(1024, 4096))},
		{"section wholly behind the end", func() block.Source {
			return block.Section(block.Bytes(data), block.Extent{Offset: 1 << 40, Length: 4096})
		}, make([]byte, 4096), block.SetOf(block.Between(0, 4096))},
		{"section of a section", func() block.Source {
			return block.Section(block.Section(blocktest.Faulty(block.Bytes(data), bad), inner), nested)
		}, cut(block.Extent{Offset: 1500, Length: 90000}), setOf(bad).Shift(-1500).Within(block.Extent{Length: 90000})},
		{"section reaching over a section", func() block.Source {
			return block.Section(block.Section(block.Bytes(data), outer), block.Extent{Offset: 1000, Length: 8192})
		}, append(bytes.Clone(data[199<<10+1000:]), make([]byte, 8192-24)...), block.SetOf(block.Between(24, 8192))},
		{"empty section", func() block.Source { return block.Section(block.Bytes(data), block.Extent{Offset: 7}) }, nil, block.Set{}},
		{"section of nonsense", func() block.Source { return block.Section(block.Bytes(data), block.Extent{Offset: -7, Length: 9}) }, nil, block.Set{}},
		{"join", func() block.Source { return block.Join(block.Bytes(data), runs, 62000) }, joinWant, joinBad},
		{"join over faults", func() block.Source { return block.Join(blocktest.Faulty(block.Bytes(data), bad), runs, 62000) }, joinWant, faultyBad},
		{"join over silent faults", func() block.Source {
			return block.Join(blocktest.Silent(blocktest.Faulty(block.Bytes(data), bad)), runs, 62000)
		}, joinWant, faultyBad},
		{"section of a join", func() block.Source {
			return block.Section(block.Join(blocktest.Faulty(block.Bytes(data), bad), runs, 62000), block.Between(40000, 62000))
		}, joinWant[40000:], faultyBad.Within(block.Between(40000, 62000)).Shift(-40000)},
		{"join of nothing", func() block.Source { return block.Join(block.Bytes(data), nil, 5000) },
			make([]byte, 5000), block.SetOf(block.Between(0, 5000))},
		{"join of size zero", func() block.Source { return block.Join(block.Bytes(data), runs, 0) }, nil, block.Set{}},
		{"join of a negative size", func() block.Source { return block.Join(block.Bytes(data), runs, -5) }, nil, block.Set{}},
		{"faulty", func() block.Source { return blocktest.Faulty(block.Bytes(data), bad) }, data, setOf(bad)},
		{"coarse", func() block.Source { return blocktest.Coarse(blocktest.Faulty(block.Bytes(data), bad)) }, data, setOf(bad)},
		{"silent", func() block.Source { return blocktest.Silent(blocktest.Faulty(block.Bytes(data), bad)) }, data, setOf(bad)},
		{"slow", func() block.Source {
			return blocktest.Slow(block.Bytes(data[:3000]), func(block.Extent) time.Duration { return time.Microsecond })
		}, data[:3000], block.Set{}},
		{"flaky, once it works", func() block.Source { return blocktest.Flaky(block.Bytes(data), 1, 0) }, data, block.Set{}},
		{"vanishing later", func() block.Source { return blocktest.Vanishing(block.Bytes(data), 1<<40) }, data, block.Set{}},
		{"vanished", func() block.Source { return blocktest.Vanishing(block.Bytes(data), 0) }, data, block.SetOf(block.Between(0, int64(len(data))))},
		{"counting", func() block.Source { return blocktest.Counting(blocktest.Faulty(block.Bytes(data), bad)) }, data, setOf(bad)},
		{"short", func() block.Source { return blocktest.Short(blocktest.Faulty(block.Bytes(data), bad), 1<<16) }, data[:1<<16], setOf(bad).Within(block.Extent{Length: 1 << 16})},
	}
	filled := bytes.Clone(data)
	for _, u := range bad {
		clear(filled[u.Offset:u.End()])
	}
	tests = append(tests, struct {
		name string
		src  func() block.Source
		want []byte
		bad  block.Set
	}{"filled", func() block.Source { return block.Filled(blocktest.Faulty(block.Bytes(data), bad)) }, filled, block.Set{}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) { return tt.src(), tt.want, tt.bad })
		})
	}
}

func TestFilledRemembers(t *testing.T) {
	data := random(2, 8192)
	for _, coarse := range []bool{false, true} {
		src := blocktest.Faulty(block.Bytes(data), blocktest.Bad(block.Between(100, 200), block.Between(200, 300), block.Between(8000, 8192)))
		if coarse {
			src = blocktest.Coarse(src)
		}
		f := block.Filled(src)
		p := make([]byte, 9000)
		n, err := f.ReadAt(p, 0)
		if n != 8192 || !errors.Is(err, io.EOF) {
			t.Fatalf("ReadAt = %d, %v", n, err)
		}
		want := block.SetOf(block.Between(100, 300), block.Between(8000, 8192))
		used := f.Used()
		if !coarse && !used.Equal(want) {
			t.Errorf("Used = %v, want %v", used.Extents(), want.Extents())
		}
		for e := range used.All() {
			if len(bytes.Trim(p[e.Offset:e.End()], "\x00")) > 0 {
				t.Errorf("%v counts as made up, but is not zero", e)
			}
		}
		for e := range used.Complement(block.Between(0, 8192)).All() {
			if !bytes.Equal(p[e.Offset:e.End()], data[e.Offset:e.End()]) {
				t.Errorf("%v does not count as made up, but is wrong", e)
			}
		}
		if want.Subtract(used).Bytes() > 0 {
			t.Errorf("made up bytes are missing from Used: %v", want.Subtract(used).Extents())
		}
	}
}

func TestFilledPassesOtherErrors(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := block.Filled(block.WithContext(ctx, block.Bytes(make([]byte, 100))))
	if n, err := f.ReadAt(make([]byte, 10), 0); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt = %d, %v", n, err)
	}
	if !f.Used().Empty() {
		t.Error("a stopped read counts as made up")
	}
}

func TestWithContextStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := block.WithContext(ctx, block.Bytes(make([]byte, 100)))
	if _, err := src.ReadAt(make([]byte, 10), 0); err != nil {
		t.Fatal(err)
	}
	cancel()
	if n, err := src.ReadAt(make([]byte, 10), 0); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("ReadAt after the end of the context = %d, %v", n, err)
	}
}

// The reason and the word of the system survive every floor.
func TestReasonsSurvive(t *testing.T) {
	medium := blocktest.Faulty(block.Bytes(make([]byte, 10000)), []block.Unreadable{
		{Extent: block.Between(5000, 6000), Why: block.NotCopied, Err: blocktest.ErrIO}})
	src := block.Section(block.Join(block.Section(medium, block.Between(1000, 9000)),
		[]block.Run{{Logical: 0, Physical: 3000, Length: 4000}}, 4000), block.Between(500, 3500))
	n, err := src.ReadAt(make([]byte, 3000), 0)
	u, ok := block.IsUnreadable(err)
	if !ok || n != 500 || u.Ranges[0].Extent != block.Between(500, 1500) || u.Ranges[0].Why != block.NotCopied {
		t.Fatalf("ReadAt = %d, %v", n, err)
	}
	if !errors.Is(err, blocktest.ErrIO) {
		t.Error("the word of the system is lost")
	}
	want := []block.Run{{Logical: 400, Physical: 4900, Length: 1000}}
	if got := block.Origin(src, block.Between(400, 1400)); len(got) != 1 || got[0] != want[0] {
		t.Errorf("Origin = %+v, want %+v", got, want)
	}
}

func TestReader(t *testing.T) {
	data := random(3, 100000)
	got, err := io.ReadAll(block.Reader(block.Bytes(data)))
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	got, err = io.ReadAll(block.Reader(blocktest.Faulty(block.Bytes(data), blocktest.Bad(block.Between(70000, 70001)))))
	if _, ok := block.IsUnreadable(err); !ok || len(got) != 70000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestErrorText(t *testing.T) {
	err := &block.UnreadableError{}
	for i := range int64(6) {
		err.Ranges = append(err.Ranges, block.Unreadable{Extent: block.Extent{Offset: i * 16, Length: 1}, Why: block.Timeout})
	}
	err.Ranges[0].Err = blocktest.ErrIO
	want := "block: unreadable 0x0+0x1 (timeout): blocktest: input/output error 0x10+0x1 (timeout) 0x20+0x1 (timeout) 0x30+0x1 (timeout) and 2 more ranges"
	if err.Error() != want {
		t.Errorf("%q\nwant %q", err, want)
	}
	if got := block.Why(9).String(); got != "Why(9)" {
		t.Error(got)
	}
	if got := block.Why(0).String(); got != "Why(0)" {
		t.Error(got)
	}
}

func TestExtent(t *testing.T) {
	const most = 1<<63 - 1
	a := block.Extent{Offset: 10, Length: 10}
	for _, tt := range []struct {
		name string
		got  bool
		want bool
	}{
		{"contains itself", a.Contains(a), true},
		{"contains an empty one at its end", a.Contains(block.Extent{Offset: 20}), true},
		{"contains one behind", a.Contains(block.Extent{Offset: 15, Length: 6}), false},
		{"has its first", a.Has(10), true},
		{"has its end", a.Has(20), false},
		{"overlaps a neighbour", a.Overlaps(block.Extent{Offset: 20, Length: 1}), false},
		{"overlaps an empty one inside", a.Overlaps(block.Extent{Offset: 15}), false},
		{"overlaps its last byte", a.Overlaps(block.Extent{Offset: 19, Length: 5}), true},
		{"a negative length is valid", block.Extent{Length: -1}.Valid(), false},
		{"an end that does not fit is valid", block.Extent{Offset: most, Length: 1}.Valid(), false},
		{"the largest is valid", block.Extent{Offset: 0, Length: most}.Valid(), true},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %v", tt.name, tt.got)
		}
	}
	if got := (block.Extent{Offset: most - 1, Length: 5}).End(); got != most {
		t.Errorf("End = %d", got)
	}
	if got := block.Between(5, 3); got.Length != 0 {
		t.Errorf("Between(5, 3) = %v", got)
	}
}
