package imaging_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"salvor/block"
	"salvor/imaging"
)

// random returns n bytes with runs of zeros in them.
func random(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := 0; i < n; i += 8192 {
		if rnd.IntN(3) == 0 {
			continue
		}
		for j := i; j < min(n, i+8192); j++ {
			b[j] = byte(rnd.Uint32())
		}
	}
	return b
}

// memory is a target that loses what was not synced when the power fails.
type memory struct {
	mu       sync.Mutex
	now      []byte
	durable  []byte
	unsynced []block.Extent
	written  int64
	room     int64 // writes behind this many bytes fail, when not 0
	dead     bool
}

func newMemory(n int) *memory { return &memory{now: make([]byte, n), durable: make([]byte, n)} }

// Size and ReadAt make the target readable, as the copy in a case is.
func (m *memory) Size() int64 { return int64(len(m.now)) }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return block.Bytes(m.now).ReadAt(p, off)
}

var errFull = errors.New("no space left on device")

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.room > 0 && m.written+int64(len(p)) > m.room {
		return 0, errFull
	}
	m.written += int64(len(p))
	m.unsynced = append(m.unsynced, block.Extent{Offset: off, Length: int64(len(p))})
	return copy(m.now[off:], p), nil
}

func (m *memory) Sync() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return errors.New("killed")
	}
	for _, e := range m.unsynced {
		copy(m.durable[e.Offset:e.End()], m.now[e.Offset:])
	}
	m.unsynced = nil
	return nil
}

// powerFails drops what was not synced, but for some of it.
func (m *memory) powerFails(rnd *rand.Rand) {
	for _, e := range m.unsynced {
		if rnd.IntN(2) == 0 {
			n := rnd.Int64N(e.Length + 1)
			copy(m.durable[e.Offset:e.Offset+n], m.now[e.Offset:])
		}
	}
	m.unsynced = nil
	m.now = bytes.Clone(m.durable)
}

// watcher is an observer that remembers what it was given.
type watcher struct {
	t     testing.TB
	data  []byte
	seen  block.Set
	twice block.Set
	busy  bool
}

func (w *watcher) Observe(e block.Extent, p []byte) {
	if w.busy {
		w.t.Error("observed two at the same time")
	}
	w.busy = true
	defer func() { w.busy = false }()
	if !bytes.Equal(p, w.data[e.Offset:e.End()]) {
		w.t.Errorf("observed wrong bytes of %v", e)
	}
	w.twice = w.twice.Union(w.seen.Within(e))
	w.seen.Add(e)
}

func badSet(extents ...block.Extent) block.Set { return block.SetOf(extents...) }

// sectors widens a set to whole sectors.
func sectors(s block.Set, unit int64) block.Set {
	var out block.Set
	for e := range s.All() {
		out.Add(block.Between(e.Offset/unit*unit, (e.End()+unit-1)/unit*unit))
	}
	return out
}

// latest leaves out the sums that a later one replaces.
func latest(sums []imaging.Sum) []imaging.Sum {
	var out []imaging.Sum
	var later block.Set
	for _, s := range slices.Backward(sums) {
		if !later.Overlaps(s.Extent) {
			out = append(out, s)
		}
		later.Add(s.Extent)
	}
	return out
}

// checkSums verifies that sums cover exactly the readable and the bad bytes, each inside of one chunk.
func checkSums(t *testing.T, sums []imaging.Sum, data []byte, bad block.Set) {
	t.Helper()
	var good, failed block.Set
	for _, s := range latest(sums) {
		if s.Offset/imaging.ChunkSize != (s.End()-1)/imaging.ChunkSize {
			t.Errorf("the sum of %v crosses a chunk", s.Extent)
		}
		if s.Bad {
			failed.Add(s.Extent)
			continue
		}
		if good.Overlaps(s.Extent) {
			t.Errorf("two sums of %v", s.Extent)
		}
		good.Add(s.Extent)
		if s.Hash != sha256.Sum256(data[s.Offset:s.End()]) {
			t.Errorf("the sum of %v is wrong", s.Extent)
		}
	}
	if want := bad.Complement(block.Extent{Length: int64(len(data))}); !good.Equal(want) {
		t.Errorf("sums of %v, want %v", good.Extents(), want.Extents())
	}
	if !failed.Equal(bad) {
		t.Errorf("bad sums of %v, want %v", failed.Extents(), bad.Extents())
	}
}
