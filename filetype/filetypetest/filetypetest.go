// Package filetypetest is the conformance suite of file types: every format's test calls [Run] with real
// files of its own.
//
// It holds a format to what [filetype.Format] promises: the end is found exactly, whatever follows; a cut,
// unreadable or flipped file is never called whole; what is missing is named; hostile bytes cost bounded
// time and memory; and a context ends the work.
package filetypetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
)

// Sample is one real file and what is to be said of it.
type Sample struct {
	Name string
	Data []byte
	// Row is the name of the row that it belongs to, in [RunAll]; empty means the first one.
	Row string
	// Verdict of the whole file.
	Verdict filetype.Verdict
	// Size is where the file ends; 0 means at the end of Data.
	Size int64
	// Ends are earlier places where a whole file of the format ends as well, such as the borders between
	// the members of a gzip file.
	Ends []int64
	// Endless says that the format has no end of its own, as text has none: a cut file is a whole one,
	// and whatever follows belongs to it.
	Endless bool
	// Loose says that the format does not tell how long it is: when other bytes than a fill follow, or the file ends with a
	// sector, it may be Partial, with its end at the right place.
	Loose bool
	// Head is the number of bytes at the start without which the file may be called no such file; 0 means 512.
	Head int64
	// Extension and Title, when not empty, are what the report must say.
	Extension, Title string
}

func (s *Sample) size() int64 {
	if s.Size > 0 {
		return s.Size
	}
	return int64(len(s.Data))
}

func (s *Sample) head() int64 {
	if s.Head > 0 {
		return s.Head
	}
	return 512
}

// The most that one Examine of a sample, whole or broken, may cost.
const (
	maxTime  = 20 * time.Second
	maxAlloc = 256 << 20
)

// Run holds format to its promises on every sample.
func Run(t *testing.T, format filetype.Format, samples []Sample) {
	t.Helper()
	if _, err := filetype.NewTable([]filetype.Format{format}); err != nil {
		t.Fatalf("the row is not valid: %v", err)
	}
	// Thousands of small files are examined, each with tables of its own: collecting them as often as in a program
	// costs up to a third of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	for _, s := range samples {
		t.Run(s.Name, func(t *testing.T) {
			t.Run("whole", func(t *testing.T) { whole(t, format, s) })
			if !s.Endless {
				t.Run("followed", func(t *testing.T) { followed(t, format, s) })
				t.Run("cut", func(t *testing.T) { cut(t, format, s) })
				t.Run("zero-tail", func(t *testing.T) { zeroTail(t, format, s) })
			}
			t.Run("flipped", func(t *testing.T) { flipped(t, format, s) })
			t.Run("overwritten", func(t *testing.T) { overwritten(t, format, s) })
			t.Run("unreadable", func(t *testing.T) { unreadable(t, format, s) })
			t.Run("cancelled", func(t *testing.T) { cancelled(t, format, s) })
		})
	}
	t.Run("random", func(t *testing.T) { random(t, format) })
}

// examine runs format on src, holds the report to what every report must keep, and returns it. ok is false
// for [filetype.ErrNot].
func examine(t *testing.T, format filetype.Format, src block.Source, what string) (r filetype.Report, ok bool) {
	t.Helper()
	start := time.Now()
	r, err := format.Examine(t.Context(), src)
	if d := time.Since(start); d > maxTime {
		t.Errorf("%s: took %v, at most %v", what, d, maxTime)
	}
	if errors.Is(err, filetype.ErrNot) {
		return r, false
	}
	if err != nil {
		t.Fatalf("%s: error %v, expected none but ErrNot", what, err)
	}
	if err := Check(format, src, r); err != nil {
		t.Errorf("%s: %v\n%+v", what, err, r)
	}
	return r, true
}

// Check returns an error when r breaks a rule that holds for every report on src, whatever src is.
func Check(format filetype.Format, src block.Source, r filetype.Report) error {
	good := r.Verdict == filetype.Proven || r.Verdict == filetype.Consistent
	switch {
	case r.Verdict > format.Ceiling:
		return fmt.Errorf("verdict %v above the ceiling %v", r.Verdict, format.Ceiling)
	case r.Size < 0 || r.GoodUntil < 0:
		return fmt.Errorf("size %d, good until %d", r.Size, r.GoodUntil)
	case r.GoodUntil > src.Size():
		return fmt.Errorf("good until %d, behind the end of the source at %d", r.GoodUntil, src.Size())
	case r.GoodUntil > r.Size:
		return fmt.Errorf("good until %d, behind the file's size %d", r.GoodUntil, r.Size)
	case good && r.GoodUntil != r.Size:
		return fmt.Errorf("%v, but good until %d of %d", r.Verdict, r.GoodUntil, r.Size)
	case good && !r.Missing.Empty():
		return fmt.Errorf("%v, but missing %v", r.Verdict, r.Missing.Extents())
	case r.Verdict != filetype.Proven && len(r.Findings) == 0:
		return fmt.Errorf("%v without a reason", r.Verdict)
	}
	for _, f := range r.Findings {
		if f.Code == "" || f.Text == "" {
			return fmt.Errorf("finding without code or text: %+v", f)
		}
	}
	return nil
}

func isWhole(r filetype.Report) bool {
	return r.Verdict == filetype.Proven || r.Verdict == filetype.Consistent
}

func whole(t *testing.T, format filetype.Format, s Sample) {
	r, ok := examine(t, format, block.Bytes(s.Data), "whole")
	if !ok {
		t.Fatal("the format does not accept its own file")
	}
	if r.Verdict != s.Verdict {
		t.Errorf("verdict %v, expected %v: %v", r.Verdict, s.Verdict, r.Findings)
	}
	if r.Size != s.size() {
		t.Errorf("size %d, expected %d", r.Size, s.size())
	}
	if s.Extension != "" && format.Extension(r) != s.Extension {
		t.Errorf("extension %q, expected %q", format.Extension(r), s.Extension)
	}
	if s.Title != "" && r.Hints.Title != s.Title {
		t.Errorf("title %q, expected %q", r.Hints.Title, s.Title)
	}
	// A source that can be read only in small pieces gives the same.
	short, ok := examine(t, format, &shortSource{block.Bytes(s.Data)}, "behind short reads")
	if !ok || short.Verdict != r.Verdict || short.Size != r.Size {
		t.Errorf("behind short reads: %v of %d bytes, expected %v of %d", short.Verdict, short.Size, r.Verdict, r.Size)
	}
}

// shortSource ends every read at a border of 1000 bytes with the error that a source gives there when the
// next bytes must be asked for again: none of its bytes are lost. A source may not do this (a short read
// without an error is against its contract), so the read is completed; it only serves small pieces.
type shortSource struct{ block.Source }

func (s *shortSource) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) {
		m, err := s.Source.ReadAt(p[n:min(len(p), n+1000)], off+int64(n))
		n += m
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func followed(t *testing.T, format filetype.Format, s Sample) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 7, 511, 4096, 70000} {
		for _, kind := range []string{"random", "zero", "0xFF"} {
			data := append([]byte(nil), s.Data[:s.size()]...)
			tail := make([]byte, n)
			for i := range tail {
				switch kind {
				case "random":
					tail[i] = byte(r.Uint32())
				case "0xFF":
					tail[i] = 0xFF
				}
			}
			what := fmt.Sprintf("%d %s bytes behind", n, kind)
			got, ok := examine(t, format, block.Bytes(append(data, tail...)), what)
			if !ok {
				t.Errorf("%s: not accepted", what)
				continue
			}
			loose := s.Loose && (kind == "random" || s.size()%512 == 0) && got.Verdict == filetype.Partial
			if got.Size != s.size() || got.Verdict != s.Verdict && !loose {
				t.Errorf("%s: %v of %d bytes, expected %v of %d: %v", what, got.Verdict, got.Size, s.Verdict, s.size(), got.Findings)
			}
		}
	}
}

// offsets returns at most n offsets from 0 up to size, all when there are few, else the first and the last
// hundred and random ones.
func offsets(size int64, n int) []int64 {
	if size <= int64(n) {
		out := make([]int64, size)
		for i := range out {
			out[i] = int64(i)
		}
		return out
	}
	r := rand.New(rand.NewPCG(3, uint64(size)))
	var out []int64
	edge := min(int64(n)/4, 100)
	for i := range edge {
		out = append(out, i, size-1-i)
	}
	for len(out) < n {
		out = append(out, r.Int64N(size))
	}
	return out
}

// rounds returns how many variants of a sample are tried, so that large samples do not take long.
func rounds(s Sample) int {
	n := min(max((24<<20)/max(len(s.Data), 1), 48), 1200)
	if testing.Short() {
		n = max(n/8, 24)
	}
	return n
}

func (s *Sample) endsAt(n int64) bool {
	for _, e := range s.Ends {
		if e == n {
			return true
		}
	}
	return n == s.size()
}

func cut(t *testing.T, format filetype.Format, s Sample) {
	for _, n := range offsets(s.size(), rounds(s)) {
		what := fmt.Sprintf("cut at %d of %d", n, s.size())
		r, ok := examine(t, format, block.Bytes(s.Data[:n]), what)
		switch {
		case s.endsAt(n):
		case !ok:
			if n >= s.head() {
				t.Errorf("%s: not accepted", what)
			}
		case r.Verdict != filetype.Partial && r.Verdict != filetype.Encrypted && r.Verdict != filetype.Unknown:
			t.Errorf("%s: verdict %v, expected partial: %v", what, r.Verdict, r.Findings)
		case r.Verdict == filetype.Partial && r.Missing.Empty():
			t.Errorf("%s: nothing is named as missing", what)
		case r.Verdict == filetype.Partial && r.Missing.Overlaps(block.Extent{Length: n}):
			t.Errorf("%s: %v is named as missing, and is there", what, r.Missing.Extents())
		}
	}
}

// zeroTail is what a power cut leaves: the right length, the last part never written.
func zeroTail(t *testing.T, format filetype.Format, s Sample) {
	data := make([]byte, s.size())
	for _, n := range offsets(s.size(), rounds(s)/8+8) {
		copy(data, s.Data)
		same := true
		for i := n; i < s.size(); i++ {
			same = same && data[i] == 0
			data[i] = 0
		}
		what := fmt.Sprintf("zeros from %d on", n)
		r, ok := examine(t, format, block.Bytes(data), what)
		if !ok || same || s.endsAt(r.Size) && r.Size <= n {
			continue
		}
		if r.Verdict == filetype.Proven {
			t.Errorf("%s: proven", what)
		}
		if r.Verdict == filetype.Consistent && format.Ceiling == filetype.Proven {
			t.Errorf("%s: consistent", what)
		}
	}
}

// allocated returns how many bytes were allocated up to now. It does not stop the world, which would cost more than
// most files, and may lag by the pieces that the scheduler's threads keep.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func flipped(t *testing.T, format filetype.Format, s Sample) {
	r := rand.New(rand.NewPCG(5, 6))
	data := bytes.Clone(s.Data)
	for _, at := range offsets(s.size(), rounds(s)) {
		bit := r.IntN(8)
		data[at] ^= 1 << bit
		what := fmt.Sprintf("bit %d of byte %d flipped", bit, at)
		before := allocated()
		got, ok := examine(t, format, block.Bytes(data), what)
		if n := allocated() - before; n > maxAlloc {
			t.Errorf("%s: %d bytes allocated", what, n)
		}
		data[at] ^= 1 << bit
		if ok && got.Verdict == filetype.Proven && !got.Uncovered.Has(at) && got.Size > at {
			t.Errorf("%s: proven, and not named as uncovered", what)
		}
	}
}

// overwritten puts a foreign sector into the file, as a wrong cluster or a lost write does.
func overwritten(t *testing.T, format filetype.Format, s Sample) {
	r := rand.New(rand.NewPCG(7, 8))
	data := make([]byte, len(s.Data))
	for range rounds(s)/4 + 4 {
		copy(data, s.Data)
		n := []int{4, 64, 512, 4096}[r.IntN(4)]
		at := r.IntN(len(data))
		piece := data[at:min(len(data), at+n)]
		kind := r.IntN(3)
		for i := range piece {
			switch kind {
			case 0:
				piece[i] = byte(r.Uint32())
			case 1:
				piece[i] = 0xFF
			default:
				piece[i] = 0
			}
		}
		if string(data) == string(s.Data) {
			continue
		}
		what := fmt.Sprintf("%d bytes from %d on overwritten (kind %d)", len(piece), at, kind)
		got, ok := examine(t, format, block.Bytes(data), what)
		if !ok || got.Verdict != filetype.Proven {
			continue
		}
		for i := range min(got.Size, int64(len(data))) {
			if data[i] != s.Data[i] && !got.Uncovered.Has(i) {
				t.Errorf("%s: proven with byte %d wrong", what, i)
				break
			}
		}
	}
}

// Holed is a source with unreadable ranges, each with the reason [block.Bad].
type Holed struct {
	block.Source
	Holes block.Set
}

// ReadAt stops before the first unreadable byte, as a source must.
func (h *Holed) ReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for e := range h.Holes.All() {
		if !e.Overlaps(block.Extent{Offset: off, Length: int64(len(p))}) {
			continue
		}
		n := 0
		if e.Offset > off {
			var err error
			if n, err = h.Source.ReadAt(p[:e.Offset-off], off); err != nil {
				return n, err
			}
		}
		return n, block.NewUnreadable(e, block.Bad, nil)
	}
	return h.Source.ReadAt(p, off)
}

func unreadable(t *testing.T, format filetype.Format, s Sample) {
	for _, at := range offsets(s.size(), rounds(s)/8+16) {
		for _, n := range []int64{1, 512} {
			hole := block.Between(at, min(at+n, s.size()))
			src := &Holed{block.Bytes(s.Data), block.SetOf(hole)}
			what := fmt.Sprintf("bytes %v unreadable", hole)
			r, ok := examine(t, format, src, what)
			switch {
			case !ok:
				if at >= s.head() && !s.Endless {
					t.Errorf("%s: not accepted", what)
				}
			case isWhole(r):
				if !(r.Size <= at && s.endsAt(r.Size)) {
					t.Errorf("%s: verdict %v", what, r.Verdict)
				}
			case r.Verdict == filetype.Partial && !r.Missing.Overlaps(hole):
				t.Errorf("%s: missing are %v", what, r.Missing.Extents())
			case r.Verdict == filetype.Damaged:
				t.Errorf("%s: verdict %v, expected partial: %v", what, r.Verdict, r.Findings)
			}
		}
	}
}

// cancelling ends its context at the n-th read.
type cancelling struct {
	block.Source
	cancel context.CancelFunc
	left   int
}

func (c *cancelling) ReadAt(p []byte, off int64) (int, error) {
	if c.left--; c.left == 0 {
		c.cancel()
	}
	return c.Source.ReadAt(p, off)
}

func cancelled(t *testing.T, format filetype.Format, s Sample) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := format.Examine(ctx, block.Bytes(s.Data)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v of %d bytes, error %v", r.Verdict, r.Size, err)
	}
	for n := 1; n < 6; n++ {
		ctx, cancel := context.WithCancel(t.Context())
		src := &cancelling{block.WithContext(ctx, block.Bytes(s.Data)), cancel, n}
		r, err := format.Examine(ctx, src)
		cancel()
		if err == nil && src.left <= 0 && r.Verdict != s.Verdict {
			t.Errorf("cancelled at read %d: verdict %v without an error", n, r.Verdict)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled at read %d: error %v", n, err)
		}
	}
}

// random bytes, with and without the format's signatures before them, are never a whole file.
func random(t *testing.T, format filetype.Format) {
	r := rand.New(rand.NewPCG(9, 10))
	for i := range 200 {
		data := make([]byte, r.IntN(20000))
		for j := range data {
			data[j] = byte(r.Uint32())
		}
		if len(format.Signatures) > 0 && i%4 != 0 {
			p := format.Signatures[r.IntN(len(format.Signatures))]
			if int64(len(data)) > p.At {
				copy(data[p.At:], p.Bytes)
			}
		}
		got, ok := examine(t, format, block.Bytes(data), "random bytes")
		if ok && isWhole(got) {
			t.Errorf("%d random bytes (round %d) are %v, %d bytes: %v", len(data), i, got.Verdict, got.Size, got.Findings)
		}
	}
}

// Bomb examines data, which asks for far more than it holds, and fails when that takes more than limit or
// allocates more than alloc bytes in total.
func Bomb(t *testing.T, format filetype.Format, data []byte, limit time.Duration, alloc uint64) filetype.Report {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	r, ok := examine(t, format, block.Bytes(data), "bomb")
	if d := time.Since(start); d > limit {
		t.Errorf("took %v, at most %v", d, limit)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > alloc {
		t.Errorf("allocated %d bytes, at most %d", n, alloc)
	}
	if !ok {
		return filetype.Report{}
	}
	return r
}

// Fuzz is the body of a fuzz target: nothing that format says of data breaks a rule of reports, it never
// panics, and it never depends on what follows the end that it found.
func Fuzz(t *testing.T, format filetype.Format, data []byte) {
	t.Helper()
	r, err := format.Examine(t.Context(), block.Bytes(data))
	if errors.Is(err, filetype.ErrNot) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(format, block.Bytes(data), r); err != nil {
		t.Fatalf("%v\n%+v", err, r)
	}
}
