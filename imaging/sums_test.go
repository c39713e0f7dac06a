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
	"strings"
	"testing"
	"testing/iotest"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
	"salvor/imaging"
)

func sumOf(data []byte, e block.Extent) imaging.Sum {
	return imaging.Sum{Extent: e, Hash: sha256.Sum256(data[e.Offset:e.End()])}
}

func fileOf(t testing.TB, sums ...imaging.Sum) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := imaging.AppendSums(&b, sums, true); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readSums(file []byte) (sums []imaging.Sum, errs []error) {
	for s, err := range imaging.ReadSums(bytes.NewReader(file)) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sums = append(sums, s)
	}
	return sums, errs
}

func TestSumsRoundTrip(t *testing.T) {
	data := random(31, 3<<20)
	sums := []imaging.Sum{
		sumOf(data, block.Between(0, 1<<20)), sumOf(data, block.Between(1<<20, 1<<20+4096)),
		{Extent: block.Between(1<<20+4096, 1<<20+4608), Bad: true}, {Extent: block.Extent{Offset: 1 << 44, Length: 1}, Bad: true}}
	var b bytes.Buffer
	for i := range sums {
		if err := imaging.AppendSums(&b, sums[i:i+1], i == 0); err != nil {
			t.Fatal(err)
		}
	}
	got, errs := readSums(b.Bytes())
	if len(errs) > 0 || !slices.Equal(got, sums) {
		t.Errorf("%v, %v", got, errs)
	}
	want := "0x0000101000 0x00000200 -\n"
	if !strings.Contains(b.String(), want) || !strings.HasPrefix(b.String(), "# Sums. Created by Salvor\n") {
		t.Errorf("file:\n%s", b.String())
	}
	if err := imaging.AppendSums(failingWriter{}, sums, true); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

// A line that breaks the format, or that was cut, is told and passed over.
func TestSumsBroken(t *testing.T) {
	good := "0x0000000000 0x00000200 " + strings.Repeat("ab", 32)
	for _, tt := range []struct {
		name, line string
	}{
		{"cut hash", good[:60]}, {"cut length", "0x0000000000 0x00"}, {"cut offset", "0x00"},
		{"long hash", good + "00"}, {"no hex", good[:30] + "zz" + good[32:]},
		{"no length", "0 0 -"}, {"across a chunk", "0xFFE00 0x400 -"}, {"negative", "-1 5 -"},
		{"four fields", good + " x"}, {"endless", strings.Repeat("x", 1<<20)}, {"an offset that does not fit", "0xFFFFFFFFFFFFFFFF 1 -"},
	} {
		file := []byte(good + "\n" + tt.line + "\n\n# c\n" + good + "\n")
		sums, errs := readSums(file)
		if len(sums) != 2 || len(errs) != 1 {
			t.Errorf("%s: %d sums, %v", tt.name, len(sums), errs)
			continue
		}
		if c, ok := cursor.IsCorrupt(errs[0]); !ok || c.Offset != int64(len(good)+1) || c.Structure != "sums file: line 2" {
			t.Errorf("%s: %v", tt.name, errs[0])
		}
	}
	_, errs := readSums(nil)
	if len(errs) > 0 {
		t.Error(errs)
	}
	n := 0
	for _, err := range imaging.ReadSums(io.MultiReader(strings.NewReader(good+"\n"), iotest.ErrReader(errFull))) {
		if n++; n == 2 && !errors.Is(err, errFull) {
			t.Errorf("error %v", err)
		}
	}
	if n != 2 {
		t.Errorf("%d lines", n)
	}
}

func TestVerify(t *testing.T) {
	data := random(32, 4<<20)
	var sums []imaging.Sum
	for i := range int64(4) {
		sums = append(sums, sumOf(data, block.Extent{Offset: i << 20, Length: 1 << 20}))
	}
	sums = append(sums, imaging.Sum{Extent: block.Between(5, 9), Bad: true})
	stale := sums[2]
	stale.Hash[0]++
	// The first line of chunk 2 is replaced by a later one; so is that of chunk 0, by one that is wrong.
	file := fileOf(t, append([]imaging.Sum{stale}, sums...)...)
	file = append(file, "broken\n"...)
	changed := bytes.Clone(data)
	changed[1<<20+77]++
	src := blocktest.Faulty(block.Bytes(changed), blocktest.Bad(block.Extent{Offset: 3<<20 + 5, Length: 1}))
	v, err := imaging.Verify(t.Context(), src, imaging.ReadSums(bytes.NewReader(file)))
	if err != nil {
		t.Fatal(err)
	}
	if !v.Same.Equal(block.SetOf(block.Between(0, 1<<20), block.Between(2<<20, 3<<20))) || !v.Changed.Equal(block.SetOf(block.Between(1<<20, 2<<20))) ||
		!v.Unreadable.Equal(block.SetOf(block.Between(3<<20, 4<<20))) || len(v.Broken) != 1 {
		t.Errorf("%+v", v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := imaging.Verify(ctx, src, imaging.ReadSums(bytes.NewReader(file))); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// The source of a run that goes on is another one.
func TestLastSumsSeeAnotherSource(t *testing.T) {
	data := random(33, 8<<20)
	var sums []imaging.Sum
	for i := range int64(8) {
		sums = append(sums, sumOf(data, block.Extent{Offset: i << 20, Length: 1 << 20}))
	}
	last, err := imaging.LastSums(bytes.NewReader(fileOf(t, sums...)), 3)
	if err != nil || !slices.Equal(last, sums[5:]) {
		t.Fatalf("%v, %v", last, err)
	}
	seq := func(yield func(imaging.Sum, error) bool) {
		for _, s := range last {
			if !yield(s, nil) {
				return
			}
		}
	}
	if v, err := imaging.Verify(t.Context(), block.Bytes(random(34, 8<<20)), seq); err != nil || v.Changed.Bytes() != 3<<20 {
		t.Errorf("%+v, %v", v, err)
	}
	if last, err := imaging.LastSums(strings.NewReader(""), 3); err != nil || len(last) != 0 {
		t.Errorf("%v, %v", last, err)
	}
}

// The list hash does not depend on the order of reading, nor on how often the run was ended.
func TestListHash(t *testing.T) {
	data := random(35, 12<<20)
	var sums []imaging.Sum
	for i := range int64(12) {
		sums = append(sums, sumOf(data, block.Extent{Offset: i << 20, Length: 1 << 20}))
	}
	sums[3] = imaging.Sum{Extent: block.Extent{Offset: 3 << 20, Length: 4096}, Bad: true}
	// What it is, made by hand.
	h := sha256.New()
	for _, s := range sums {
		hash := "-"
		if !s.Bad {
			hash = fmt.Sprintf("%x", s.Hash)
		}
		fmt.Fprintf(h, "0x%010x 0x%08x %s\n", s.Offset, s.Length, hash)
	}
	want := [32]byte(h.Sum(nil))
	list := func(file []byte) [32]byte {
		got, err := imaging.ListHash(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := list(fileOf(t, sums...)); got != want {
		t.Errorf("in order: %x, want %x", got, want)
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		mixed := slices.Clone(sums)
		// Some lines were written before a kill, with a hash that no longer counts.
		for _, i := range rnd.Perm(len(sums))[:5] {
			stale := sums[i]
			stale.Hash[5]++
			stale.Bad = false
			mixed = append(mixed, stale)
		}
		rnd.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		mixed = append(mixed, sums...)
		file := fileOf(t, mixed[:9]...)
		file = append(file, "0x000010"...)
		var rest bytes.Buffer
		if err := imaging.AppendSums(&rest, mixed[9:], false); err != nil {
			t.Fatal(err)
		}
		if got := list(append(file, rest.Bytes()...)); got != want {
			t.Fatalf("%x, want %x", got, want)
		}
	}
	reversed := slices.Clone(sums)
	slices.Reverse(reversed)
	if got := list(fileOf(t, reversed...)); got != want {
		t.Errorf("backwards: %x, want %x", got, want)
	}
	if got := list(nil); got != sha256.Sum256(nil) {
		t.Errorf("of nothing: %x", got)
	}
}

func FuzzReadSums(f *testing.F) {
	data := random(36, 1<<20)
	f.Add(fileOf(f, sumOf(data, block.Between(0, 1<<20)), imaging.Sum{Extent: block.Between(1<<20, 1<<20+512), Bad: true}))
	f.Fuzz(func(t *testing.T, file []byte) {
		sums, errs := readSums(file)
		for _, err := range errs {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Fatalf("error %v", err)
			}
		}
		again, errs := readSums(fileOf(t, sums...))
		if len(errs) > 0 || !slices.Equal(again, sums) {
			t.Fatalf("%v became %v, %v", sums, again, errs)
		}
		if _, err := imaging.ListHash(bytes.NewReader(file), int64(len(file))); err != nil {
			t.Fatal(err)
		}
		if len(sums) < 100 {
			if _, err := imaging.Verify(t.Context(), block.Bytes(data[:1000]), imaging.ReadSums(bytes.NewReader(file))); err != nil {
				t.Fatal(err)
			}
		}
	})
}
