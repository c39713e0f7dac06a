package carve_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"salvor/block"
	"salvor/carve"
	"salvor/filetype"
	gzipformat "salvor/filetype/gzip"
	jpegformat "salvor/filetype/jpeg"
	mp3format "salvor/filetype/mp3"
	pdfformat "salvor/filetype/pdf"
	pngformat "salvor/filetype/png"
	zipformat "salvor/filetype/zip"
)

const cluster = 4096

func joinTable(t testing.TB) *filetype.Table {
	t.Helper()
	return tableOf(t, slices.Concat(jpegformat.Formats(), pngformat.Formats(), zipformat.Formats(), gzipformat.Formats(), pdfformat.Formats(), mp3format.Formats())...)
}

func gzipOf(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// piece is a part of a file, or what stands between.
type piece struct {
	data        []byte
	first, last int // clusters of data; last -1 for its end
}

// laid puts pieces one behind the other, in whole clusters, and returns where each begins.
func laid(pieces ...piece) (data []byte, at []int64) {
	for _, p := range pieces {
		end := len(p.data)
		if p.last >= 0 {
			end = p.last * cluster
		}
		at = append(at, int64(len(data)))
		data = append(data, p.data[p.first*cluster:end]...)
		data = append(data, make([]byte, (cluster-len(data)%cluster)%cluster)...)
	}
	return append(data, random(77, 3*cluster)...), at
}

func all(data []byte) piece                   { return piece{data, 0, -1} }
func part(data []byte, first, last int) piece { return piece{data, first, last} }
func noise(seed uint64, clusters int) piece   { return all(random(seed, clusters*cluster)) }
func zeros(clusters int) piece                { return all(make([]byte, clusters*cluster)) }
func words(seed uint64, clusters int) piece   { return all(prose(seed, clusters*cluster)) }
func contentOf(src []byte, f carve.Found) []byte {
	if len(f.Runs) == 0 {
		return src[f.Offset : f.Offset+f.Size]
	}
	var out []byte
	for _, r := range f.Runs {
		out = append(out, src[r.Physical:r.Physical+r.Length]...)
	}
	return out
}

// joined carves data and joins what breaks.
func joined(t testing.TB, table *filetype.Table, data []byte, effort carve.Effort, workers int) ([]carve.Found, carve.JoinStats) {
	t.Helper()
	var found, broken []carve.Found
	var starts []int64
	var taken block.Set
	emit := func(f carve.Found) error {
		for e := range f.Places().All() {
			taken.Add(e)
		}
		starts = append(starts, f.Offset)
		found = append(found, f)
		return nil
	}
	src := block.Bytes(data)
	if _, err := carve.Run(t.Context(), carve.Options{Source: src, Hits: slices.Values(hitsOf(t, table, data)), Table: table, Workers: workers, Emit: emit,
		Hold: func(f carve.Found) { broken = append(broken, f) }}); err != nil {
		t.Fatal(err)
	}
	stats, err := carve.Join(t.Context(), carve.JoinOptions{Source: src, Free: taken.Complement(block.Extent{Length: src.Size()}), Broken: broken, Starts: starts,
		Unit: cluster, Effort: effort, Workers: workers, Emit: func(f carve.Found) error { found = append(found, f); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	return found, stats
}

// Pieces are found behind noise, zeros, text and other files, and what is put together is the very file.
func TestJoin(t *testing.T) {
	jpeg, png := jpegOf(t, 1, 900, 600), pngOf(t, 2, 300, 200)
	text := gzipOf(t, prose(3, 200_000))
	zip := zipOf(t, map[string][]byte{"a.bin": random(4, 90_000), "b.bin": random(5, 50_000)})
	other := pngOf(t, 6, 200, 150)
	for _, file := range []struct {
		name string
		data []byte
	}{{"jpeg", jpeg}, {"png", png}, {"gzip", text}, {"zip", zip}} {
		n := len(file.data) / cluster
		for _, tt := range []struct {
			name   string
			pieces []piece
			count  int
		}{
			{"noise", []piece{part(file.data, 0, n/2), noise(9, 7), part(file.data, n/2, -1)}, 2},
			{"zeros", []piece{part(file.data, 0, n/3), zeros(5), part(file.data, n/3, -1)}, 2},
			{"text", []piece{part(file.data, 0, n-1), words(9, 3), part(file.data, n-1, -1)}, 2},
			{"another file", []piece{noise(1, 2), part(file.data, 0, 1), all(other), part(file.data, 1, -1)}, 2},
			{"three pieces", []piece{part(file.data, 0, n/3), noise(9, 3), part(file.data, n/3, 2*n/3), noise(10, 2), part(file.data, 2*n/3, -1)}, 3},
			{"the second piece first", []piece{part(file.data, n/2, -1), noise(9, 3), part(file.data, 0, n/2)}, 2},
		} {
			if file.name == "gzip" && tt.count > 2 {
				continue // text inflates from anything, and the one sum stands at the end: no piece but the last is told from others
			}
			t.Run(file.name+", "+tt.name, func(t *testing.T) {
				data, _ := laid(tt.pieces...)
				found, stats := joined(t, joinTable(t), data, carve.Normal, 2)
				ok := false
				for _, f := range found {
					if f.Report.Verdict >= filetype.Consistent && f.Format.Name == file.name && len(f.Runs) == tt.count {
						ok = bytes.Equal(contentOf(data, f), file.data)
					} else if f.Report.Verdict >= filetype.Consistent && !bytes.Equal(contentOf(data, f), other) {
						t.Errorf("a %v %s at %#x that never was", f.Report.Verdict, f.Format.Name, f.Offset)
					}
				}
				if !ok || stats.Joined != 1 || stats.Pieces != tt.count {
					t.Errorf("not put together: %+v", stats)
				}
			})
		}
	}
}

// A file whose rest is nowhere stays what it is, and ends at its last good byte.
func TestJoinOfACutFile(t *testing.T) {
	jpeg := jpegOf(t, 1, 900, 600)
	n := len(jpeg) / cluster / 2
	data, _ := laid(part(jpeg, 0, n), noise(3, 40))
	for _, effort := range []carve.Effort{carve.Quick, carve.Normal} {
		found, stats := joined(t, joinTable(t), data, effort, 2)
		if stats.Joined != 0 || stats.Broken != 1 || len(found) != 1 || found[0].Report.Verdict >= filetype.Consistent {
			t.Fatalf("%+v, %d files", stats, len(found))
		}
		if f := found[0]; f.Size > int64(n*cluster) || f.Size < int64((n-2)*cluster) || !bytes.HasPrefix(jpeg, contentOf(data, f)) {
			t.Errorf("%d bytes of %d", f.Size, n*cluster)
		}
	}
}

// With one answer for every number of workers.
func TestJoinIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	var pieces []piece
	for i := range uint64(4) {
		j, p := jpegOf(t, i, 500, 300), pngOf(t, i, 160, 120)
		pieces = append(pieces, part(j, 0, 2), part(p, 0, 3), noise(i, 2), part(j, 2, -1), part(p, 3, -1), zeros(1))
	}
	data, _ := laid(pieces...)
	var first []carve.Found
	for _, workers := range []int{1, 2, 5} {
		found, _ := joined(t, joinTable(t), data, carve.Normal, workers)
		if first == nil {
			first = found
		}
		if !slices.EqualFunc(found, first, func(a, b carve.Found) bool {
			return a.Offset == b.Offset && a.Size == b.Size && slices.Equal(a.Runs, b.Runs)
		}) {
			t.Errorf("%d workers find other files", workers)
		}
	}
}

// reads notes which bytes of a source were read.
type reads struct {
	block.Source
	seen block.Set
}

func (r *reads) ReadAt(p []byte, off int64) (int, error) {
	n, err := r.Source.ReadAt(p, off)
	r.seen.Add(block.Extent{Offset: off, Length: int64(n)})
	return n, err
}

// Every byte that is called proven went through its check: it is read by the examination, and turned into any other,
// no examination calls the file proven any more, however its pieces lie.
func TestEveryProvenByteWentThroughItsCheck(t *testing.T) {
	png, other := pngOf(t, 2, 200, 150), pngOf(t, 6, 100, 80)
	n := len(png) / cluster
	data, _ := laid(part(png, 0, n/2), all(other), noise(9, 3), part(png, n/2, -1))
	table := joinTable(t)
	found, _ := joined(t, table, data, carve.Normal, 1)
	proven := 0
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, f := range found {
		if f.Report.Verdict != filetype.Proven {
			continue
		}
		proven++
		content := contentOf(data, f)
		r := &reads{Source: block.Bytes(content)}
		if got, err := f.Format.Examine(t.Context(), r); err != nil || got.Verdict != filetype.Proven {
			t.Fatalf("%v, %v", got.Verdict, err)
		}
		if left := block.SetOf(block.Extent{Length: f.Size}).Subtract(r.seen); !left.Empty() {
			t.Errorf("%s at %#x: %v were never read", f.Format.Name, f.Offset, left.Extents())
		}
		for range 300 {
			i := rnd.IntN(len(content))
			if f.Report.Uncovered.Has(int64(i)) {
				continue
			}
			turned := bytes.Clone(content)
			turned[i] ^= 1 << rnd.IntN(8)
			if got, _ := f.Format.Examine(t.Context(), block.Bytes(turned)); got.Verdict == filetype.Proven && got.Size == f.Size {
				t.Errorf("%s at %#x: byte %d may be another, and it is proven", f.Format.Name, f.Offset, i)
			}
		}
	}
	if proven != 2 {
		t.Errorf("%d proven files, want 2", proven)
	}
}

// The search ends at its deadline, at the end of its context and at an error of Emit, and what was found before stands.
func TestJoinStops(t *testing.T) {
	jpeg := jpegOf(t, 1, 900, 600)
	data, _ := laid(part(jpeg, 0, 4), noise(3, 20), part(jpeg, 4, -1))
	table := joinTable(t)
	f, _ := table.ByName("jpeg")
	broken := []carve.Found{{Format: f, Report: filetype.Report{Verdict: filetype.Damaged, GoodUntil: 4 * cluster, Size: 4 * cluster}, Size: 4 * cluster}}
	o := carve.JoinOptions{Source: block.Bytes(data), Free: block.SetOf(block.Extent{Length: int64(len(data))}), Broken: broken, Unit: cluster}
	given := 0
	o.Emit = func(carve.Found) error { given++; return nil }
	o.Deadline = time.Now().Add(-time.Second)
	if stats, err := carve.Join(t.Context(), o); err != nil || !stats.Stopped || given != 1 || stats.Broken != 1 {
		t.Errorf("%+v, %d given, %v", stats, given, err)
	}
	o.Deadline = time.Time{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := carve.Join(ctx, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	full := errors.New("full")
	o.Emit = func(carve.Found) error { return full }
	if _, err := carve.Join(t.Context(), o); !errors.Is(err, full) {
		t.Error(err)
	}
}

func TestUnit(t *testing.T) {
	for _, tt := range []struct {
		name       string
		starts     []int64
		unit, base int64
	}{
		{"too few", []int64{0, 4096, 8192}, 512, 0},
		{"clusters", []int64{4096, 8192, 20480, 40960, 0, 12288, 16384, 53248}, 4096, 0},
		{"a volume that begins elsewhere", []int64{512, 4608, 8704, 20992, 41472, 12800, 16896, 53760}, 4096, 512},
		{"sectors", []int64{512, 1024, 4096, 5632, 8192, 9728, 10240, 77312}, 512, 0},
	} {
		if unit, base := carve.Unit(tt.starts); unit != tt.unit || base != tt.base {
			t.Errorf("%s: %d, %d, want %d, %d", tt.name, unit, base, tt.unit, tt.base)
		}
	}
}
