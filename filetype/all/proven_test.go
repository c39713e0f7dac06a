package all_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/internal/need"
)

// watched notes which bytes of a source were read.
type watched struct {
	block.Source
	seen block.Set
}

func (w *watched) ReadAt(p []byte, off int64) (int, error) {
	n, err := w.Source.ReadAt(p, off)
	if n > 0 {
		w.seen.Add(block.Extent{Offset: off, Length: int64(n)})
	}
	return n, err
}

// flipsOf is how many bytes of one file are turned, and how long that may take; all bytes of a file that is not larger.
func flipsOf() (int, time.Duration) {
	if need.CI() {
		return 1500, 4 * time.Second
	}
	return 160, time.Second
}

// leftOver are formats whose files may hold much that no reader uses: what an earlier use of the file left behind.
var leftOver = map[string]bool{"sqlite-wal": true}

// Every byte that is called proven went through its check, in every format that can call a file so: it is read by the
// examination, and with any one byte turned, the examination does not call the file proven any more, at that size. Bytes that the report
// itself names as not covered are left out, and they are few.
func TestEveryProvenByteWentThroughItsCheck(t *testing.T) {
	all := fixtures(t)
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	proven := map[string]int{}
	formats := table(t).Formats()
	turned, silent := 0, 0
	for _, name := range names {
		data := all[name]
		for i := range formats {
			f := &formats[i]
			if f.Ceiling < filetype.Proven {
				continue
			}
			w := &watched{Source: block.Bytes(data)}
			r, err := f.Examine(t.Context(), w)
			if err != nil || r.Verdict != filetype.Proven {
				continue
			}
			proven[f.Name]++
			file := data[:r.Size]
			if left := block.SetOf(block.Extent{Length: r.Size}).Subtract(w.seen).Subtract(r.Uncovered); !left.Empty() {
				t.Errorf("%s is a proven %s, and %v were never read", name, f.Name, left.Extents())
			}
			if n := r.Uncovered.Bytes(); n*8 > r.Size+512 && !leftOver[f.Name] {
				t.Errorf("%s is a proven %s, and %d of its %d bytes are not covered", name, f.Name, n, r.Size)
			}
			n, s := turnBytes(t, name, f, file, r.Uncovered)
			turned, silent = turned+n, silent+s
		}
	}
	for _, f := range formats {
		if f.Ceiling == filetype.Proven && proven[f.Name] == 0 {
			t.Errorf("no fixture of %s is proven: its ceiling says that files of it can be", f.Name)
		}
	}
	t.Logf("%v: %d bytes turned, %d of them noticed by nothing", proven, turned, silent)
}

// turnBytes turns bytes of a proven file, one at a time, and returns how many, and how many of them went unnoticed.
func turnBytes(t *testing.T, name string, f *filetype.Format, file []byte, uncovered block.Set) (turned, silent int) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(uint64(len(file)), 17))
	var at []int
	most, long := flipsOf()
	if len(file) <= most {
		for i := range file {
			at = append(at, i)
		}
	} else {
		for range most {
			at = append(at, rnd.IntN(len(file)))
		}
	}
	begun := time.Now()
	type flip struct {
		at   int
		with byte
	}
	work := make(chan flip)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			other := bytes.Clone(file)
			for x := range work {
				other[x.at] ^= x.with
				r, err := f.Examine(context.Background(), block.Bytes(other))
				other[x.at] ^= x.with
				if err == nil && r.Verdict == filetype.Proven && r.Size == int64(len(file)) {
					mu.Lock()
					silent++
					t.Errorf("%s: byte %d may be %#02x in the place of %#02x, and the %s is proven all the same", name, x.at, other[x.at]^x.with, other[x.at], f.Name)
					mu.Unlock()
				}
			}
		})
	}
	for _, i := range at {
		if uncovered.Has(int64(i)) {
			continue
		}
		if turned++; turned > 16 && time.Since(begun) > long {
			break
		}
		with := byte(1) << rnd.IntN(8)
		if turned%3 == 0 {
			with = byte(1 + rnd.IntN(255))
		}
		work <- flip{i, with}
	}
	close(work)
	wg.Wait()
	return turned, silent
}
