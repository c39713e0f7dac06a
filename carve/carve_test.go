package carve_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	"salvor/sweep"
)

// A box is a file of the tests' own format: a mark of four bytes, the length of its content, the CRC-32 of each
// KiB of it after that KiB.
const boxHead = 8

func box(mark string, content []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(mark), uint32(len(content)))
	for piece := range slices.Chunk(content, 1024) {
		b = append(b, piece...)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(piece))
	}
	return b
}

func boxFormat(mark string) filetype.Format {
	return filetype.Format{
		Name: mark, Class: filetype.Other, Ceiling: filetype.Proven, Carve: true,
		Signatures: []probe.Probe{{ID: mark + ".mark", Bytes: []byte(mark)}},
		Examine: func(ctx context.Context, src block.Source) (filetype.Report, error) {
			var head [boxHead]byte
			if n, err := src.ReadAt(head[:], 0); n < boxHead || string(head[:4]) != mark {
				return filetype.Report{}, cmp.Or(ctx.Err(), filetype.ErrNot)
			} else if err != nil && ctx.Err() != nil {
				return filetype.Report{}, ctx.Err()
			}
			length := int64(binary.LittleEndian.Uint32(head[4:]))
			if length == 0xEEEEEEEE {
				panic("a reader that fails inside")
			}
			if length == 0xDDDDDDDD {
				<-ctx.Done()
				return filetype.Report{}, ctx.Err()
			}
			if length == 0 || length > 1<<24 {
				return filetype.Report{}, filetype.ErrNot
			}
			r := filetype.Report{Verdict: filetype.Proven, Size: boxHead + length + (length+1023)/1024*4, GoodUntil: boxHead}
			for at := int64(boxHead); at < r.Size; {
				p := make([]byte, min(1024, r.Size-at-4)+4)
				n, err := src.ReadAt(p, at)
				if ctx.Err() != nil {
					return filetype.Report{}, ctx.Err()
				}
				if n < len(p) {
					r.Verdict = filetype.Partial
					_ = err
					return r, nil
				}
				if crc32.ChecksumIEEE(p[:n-4]) != binary.LittleEndian.Uint32(p[n-4:]) {
					r.Verdict = filetype.Damaged
					return r, nil
				}
				at += int64(n)
				r.GoodUntil = at
			}
			return r, nil
		},
	}
}

func tableOf(t testing.TB, formats ...filetype.Format) *filetype.Table {
	t.Helper()
	table, err := filetype.NewTable(formats)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// hitsOf sweeps b for the table's signatures.
func hitsOf(t testing.TB, table *filetype.Table, b []byte) []probe.Hit {
	t.Helper()
	m, err := sweep.NewMatcher(table.Probes())
	if err != nil {
		t.Fatal(err)
	}
	var hits []probe.Hit
	m.NewSweep(int64(len(b)), func(h probe.Hit) { hits = append(hits, h) }).Observe(block.Extent{Length: int64(len(b))}, b)
	slices.SortFunc(hits, func(a, b probe.Hit) int { return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.ID, b.ID)) })
	return hits
}

func random(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 3))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// medium lays files at offsets over noise.
func medium(n int, files map[int][]byte) []byte {
	b := random(99, n)
	for at, f := range files {
		copy(b[at:], f)
	}
	return b
}

func run(t *testing.T, o carve.Options) ([]carve.Found, carve.Stats, error) {
	t.Helper()
	var found []carve.Found
	o.Emit = func(f carve.Found) error { found = append(found, f); return nil }
	stats, err := carve.Run(t.Context(), o)
	return found, stats, err
}

// want is what a test expects of a found file.
type want struct {
	format  string
	offset  int64
	size    int64
	verdict filetype.Verdict
}

func compare(t *testing.T, found []carve.Found, wanted []want) {
	t.Helper()
	var got []want
	for _, f := range found {
		got = append(got, want{f.Format.Name, f.Offset, f.Size, f.Report.Verdict})
	}
	if !slices.Equal(got, wanted) {
		t.Errorf("found %v\nwant  %v", got, wanted)
	}
}

func TestRun(t *testing.T) {
	a, b := boxFormat("BoxA"), boxFormat("BoxB")
	table := tableOf(t, a, b)
	flip := func(p []byte, at int) []byte { p = bytes.Clone(p); p[at] ^= 1; return p }
	inner := box("BoxA", random(2, 3000))
	outer := box("BoxB", slices.Concat(random(3, 5000), inner, random(4, 100)))
	small, big := box("BoxA", random(5, 100)), box("BoxA", random(6, 20000))
	sizeOf := func(p []byte) int64 { return int64(len(p)) }

	tests := []struct {
		name  string
		files map[int][]byte
		skip  block.Set
		bad   []block.Extent
		want  []want
		stats carve.Stats // of which Hits is not compared
	}{
		{name: "whole files anywhere", files: map[int][]byte{0: small, 1001: big, 99990 - len(small): small},
			want:  []want{{"BoxA", 0, sizeOf(small), filetype.Proven}, {"BoxA", 1001, sizeOf(big), filetype.Proven}, {"BoxA", 99990 - sizeOf(small), sizeOf(small), filetype.Proven}},
			stats: carve.Stats{Examined: 3, Found: 3}},
		{name: "a file in a whole file", files: map[int][]byte{512: outer},
			want: []want{{"BoxB", 512, sizeOf(outer), filetype.Proven}}, stats: carve.Stats{Examined: 1, Found: 1, Inside: 1}},
		{name: "a file behind a broken one of another format", files: map[int][]byte{512: flip(outer, 4900), 60000: small},
			// What follows the break is looked at; the inner file straddles CRCs of the outer one, and is damaged at once.
			want:  []want{{"BoxB", 512, 8 + 4*1028, filetype.Damaged}, {"BoxA", 60000, sizeOf(small), filetype.Proven}},
			stats: carve.Stats{Examined: 3, Found: 2, Chance: 1}},
		{name: "a chance match", files: map[int][]byte{5000: []byte("BoxA\x00\x00\x00\x00"), 6000: []byte("BoxB\x00\x40\x00\x00")},
			stats: carve.Stats{Examined: 2, Chance: 2}},
		{name: "too little good", files: map[int][]byte{5000: flip(box("BoxA", random(6, 30000)), 8+2*1028+5)}, stats: carve.Stats{Examined: 1, Chance: 1},
			want: nil},
		{name: "a tenth good", files: map[int][]byte{5000: flip(big, 8+3*1028+5)}, want: []want{{"BoxA", 5000, 8 + 3*1028, filetype.Damaged}},
			stats: carve.Stats{Examined: 1, Found: 1}},
		{name: "owned headers", files: map[int][]byte{5000: small, 9000: small}, skip: block.SetOf(block.Between(4000, 6000)),
			want: []want{{"BoxA", 9000, sizeOf(small), filetype.Proven}}, stats: carve.Stats{Examined: 1, Found: 1, Owned: 1}},
		{name: "a file does not reach into owned space", files: map[int][]byte{5000: big}, skip: block.SetOf(block.Between(5000+8+5*1028+17, 50000)),
			want: []want{{"BoxA", 5000, 8 + 5*1028, filetype.Partial}}, stats: carve.Stats{Examined: 1, Found: 1}},
		{name: "unreadable bytes", files: map[int][]byte{5000: big}, bad: []block.Extent{{Offset: 5000 + 8 + 10*1028 + 5, Length: 1}},
			want: []want{{"BoxA", 5000, 8 + 10*1028, filetype.Partial}}, stats: carve.Stats{Examined: 1, Found: 1}},
		{name: "cut by the end", files: map[int][]byte{100000 - 8 - 6*1028: big},
			want: []want{{"BoxA", 100000 - 8 - 6*1028, 8 + 6*1028, filetype.Partial}}, stats: carve.Stats{Examined: 1, Found: 1}},
		{name: "readers that fail inside", files: map[int][]byte{100: []byte("BoxA\xEE\xEE\xEE\xEE"), 200: []byte("BoxB\xDD\xDD\xDD\xDD"), 300: small},
			want: []want{{"BoxA", 300, sizeOf(small), filetype.Proven}}, stats: carve.Stats{Examined: 3, Found: 1, Failed: 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := medium(100000, tt.files)
			src := blocktest.Faulty(block.Bytes(data), blocktest.Bad(tt.bad...))
			for _, workers := range []int{1, 2, 7} {
				found, stats, err := run(t, carve.Options{EveryByte: true, Source: src, Hits: slices.Values(hitsOf(t, table, data)), Table: table, Skip: tt.skip, Workers: workers, Limit: 50 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				compare(t, found, tt.want)
				if len(stats.Findings) != stats.Failed {
					t.Errorf("findings %v", stats.Findings)
				}
				if stats.Examined > 0 && len(stats.Read) == 0 {
					t.Error("nothing was read")
				}
				stats.Hits, stats.Findings, stats.Read = 0, nil, nil
				if fmt.Sprint(stats) != fmt.Sprint(tt.stats) {
					t.Errorf("%d workers: %+v, want %+v", workers, stats, tt.stats)
				}
			}
		})
	}
}

// Inside of a broken file no second one of its format is begun, as the members of an archive would be.
func TestBrokenArchive(t *testing.T) {
	// Every KiB of the content begins with a mark that looks like another box which reaches to the same end.
	table := tableOf(t, boxFormat("BoxA"))
	content := random(7, 30*1024)
	for i := 1; i < 20; i++ {
		copy(content[i*1024:], box("BoxA", content[i*1024+100:i*1024+1024-100])[:700])
	}
	file := box("BoxA", content)
	file[8+25*1028] ^= 1
	data := medium(100000, map[int][]byte{4096: file})
	found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, found, []want{{"BoxA", 4096, 8 + 25*1028, filetype.Damaged}})
	if stats.Hits != 20 {
		t.Errorf("%+v", stats)
	}
}

// The verdict of the best format counts where several match at one place.
func TestRivals(t *testing.T) {
	weak := boxFormat("BoxA")
	weak.Name, weak.Signatures = "weak", []probe.Probe{{ID: "weak.mark", Bytes: []byte("Box")}}
	weak.Examine = func(context.Context, block.Source) (filetype.Report, error) {
		return filetype.Report{Verdict: filetype.Damaged, Size: 10000, GoodUntil: 9000}, nil
	}
	modest := weak
	modest.Name, modest.Signatures, modest.Ceiling = "modest", []probe.Probe{{ID: "modest.mark", Bytes: []byte("Bo")}}, filetype.Consistent
	modest.Examine = func(context.Context, block.Source) (filetype.Report, error) {
		return filetype.Report{Verdict: filetype.Proven, Size: 10, GoodUntil: 10}, nil
	}
	file := box("BoxA", random(8, 2000))
	data := medium(20000, map[int][]byte{1000: file})
	table := tableOf(t, weak, boxFormat("BoxA"))
	found, _, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, found, []want{{"BoxA", 1000, int64(len(file)), filetype.Proven}})
	// No format gets above its ceiling.
	hit := []probe.Hit{{ID: "modest.mark", Offset: 1000}}
	found, _, err = run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hit), Table: tableOf(t, modest)})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, found, []want{{"modest", 1000, 10, filetype.Consistent}})
}

// A format that breaks its contract does not make a file.
func TestBrokenContract(t *testing.T) {
	for _, r := range []filetype.Report{
		{Verdict: filetype.Proven, Size: 1 << 40, GoodUntil: 1 << 40}, {Verdict: filetype.Proven, Size: -5}, {Verdict: filetype.Consistent},
		{Verdict: filetype.Unknown, Size: 100, GoodUntil: 100}, {Verdict: filetype.Damaged, Size: 100, GoodUntil: -9},
	} {
		f := boxFormat("BoxA")
		f.Examine = func(context.Context, block.Source) (filetype.Report, error) { return r, nil }
		hits := slices.Values([]probe.Hit{{ID: "BoxA.mark", Offset: 100}})
		found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(make([]byte, 5000)), Hits: hits, Table: tableOf(t, f)})
		if err != nil || len(found) != 0 || stats.Chance != 1 {
			t.Errorf("%+v: %v, %+v, %v", r, found, stats, err)
		}
	}
}

func TestHitsThatAreNot(t *testing.T) {
	f := boxFormat("BoxA")
	hidden := boxFormat("BoxH")
	hidden.Carve = false
	hits := []probe.Hit{{ID: "BoxA.mark", Offset: -5}, {ID: "ext.magic", Offset: 5}, {ID: "BoxH.mark", Offset: 6}, {ID: "BoxA.mark", Offset: 5000}, {ID: "BoxA.mark", Offset: 1 << 50}}
	found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(make([]byte, 5000)), Hits: slices.Values(hits), Table: tableOf(t, f, hidden)})
	if err != nil || len(found) != 0 || stats.Unowned != 5 || stats.Examined != 0 || stats.Hits != 5 {
		t.Errorf("%v, %+v, %v", found, stats, err)
	}
	hits = []probe.Hit{{ID: "BoxA.mark", Offset: 100}, {ID: "BoxA.mark", Offset: 50}}
	if _, _, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(make([]byte, 5000)), Hits: slices.Values(hits), Table: tableOf(t, f)}); err == nil {
		t.Error("hits that are out of order are taken")
	}
}

func TestStops(t *testing.T) {
	table := tableOf(t, boxFormat("BoxA"))
	file := box("BoxA", random(9, 50))
	data := bytes.Repeat(file, 2000)
	boom := errors.New("boom")
	n := 0
	_, err := carve.Run(t.Context(), carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table,
		Emit: func(carve.Found) error {
			if n++; n == 5 {
				return boom
			}
			return nil
		}})
	if !errors.Is(err, boom) || n != 5 {
		t.Errorf("%v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n = 0
	_, err = carve.Run(ctx, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: slices.Values(hitsOf(t, table, data)), Table: table,
		Emit: func(carve.Found) error {
			if n++; n == 5 {
				cancel()
			}
			return nil
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v after %d", err, n)
	}
}

// Workers run ahead by a few places only: a big file with many headers inside costs few examinations.
func TestBoundedWork(t *testing.T) {
	var examined atomic.Int64
	f := boxFormat("BoxA")
	inner := f.Examine
	f.Examine = func(ctx context.Context, src block.Source) (filetype.Report, error) {
		examined.Add(1)
		r, err := inner(ctx, src)
		if r.Size > 1<<20 {
			time.Sleep(20 * time.Millisecond)
		}
		return r, err
	}
	table := tableOf(t, f)
	data := box("BoxA", bytes.Repeat(box("BoxA", random(10, 100)), 20000))
	hits := hitsOf(t, table, data)
	var seq iter.Seq[probe.Hit] = slices.Values(hits)
	found, stats, err := run(t, carve.Options{EveryByte: true, Source: block.Bytes(data), Hits: seq, Table: table, Workers: 2,
		Progress: func(p carve.Progress) {
			if p.Pos > p.Total || p.Total != int64(len(data)) {
				t.Errorf("progress %+v", p)
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, found, []want{{"BoxA", 0, int64(len(data)), filetype.Proven}})
	if examined.Load() > 20 || stats.Inside != len(hits)-1 {
		t.Errorf("%d examinations for one file, %+v", examined.Load(), stats)
	}
}
