package imaging

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

// finish ends a run that tried everything: the sums of chunks that were read in pieces are made anew, so that the same
// medium gives the same sums in whatever order it was read.
func (r *run) finish(ctx context.Context) error {
	done := r.was == Finished && !r.read
	r.Map.Current, r.Map.Pass = Finished, 1
	if done {
		return nil
	}
	if r.Copy == nil {
		return nil // there is nothing to read them from
	}
	if r.Known != nil {
		for s, err := range r.Known {
			if _, broken := cursor.IsCorrupt(err); broken {
				continue
			}
			if err != nil {
				return err
			}
			if s.Length != min(ChunkSize, r.Map.Size()-s.Offset/ChunkSize*ChunkSize) || s.Bad {
				r.ragged[s.Offset/ChunkSize] = struct{}{}
			}
		}
	}
	for e, s := range r.Map.All() {
		if s != Finished && s != NonTried {
			for n := e.Offset / ChunkSize; n*ChunkSize < e.End(); n++ {
				r.ragged[n] = struct{}{}
			}
		}
	}
	numbers := make([]int64, 0, len(r.ragged))
	for n := range r.ragged {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	r.sums = slices.DeleteFunc(r.sums, func(s Sum) bool { _, ok := r.ragged[s.Offset/ChunkSize]; return ok })
	buf := make([]byte, ChunkSize)
	for _, n := range numbers {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if len(r.sums) >= manySums {
			if err := r.keepSums(ctx); err != nil {
				return err
			}
		}
		if err := r.sumChunk(block.Extent{Offset: n * ChunkSize, Length: ChunkSize}, buf); err != nil {
			return err
		}
	}
	return nil
}

// manySums is how many sums are kept in memory.
const manySums = 1 << 16

// keepSums makes the sums durable that were made so far.
func (r *run) keepSums(ctx context.Context) error {
	if r.Checkpoint != nil {
		if err := r.Checkpoint(context.WithoutCancel(ctx), Snapshot{Sums: r.sums}); err != nil {
			return fmt.Errorf("imaging: %w: %w", errCheckpoint, err)
		}
	}
	r.sums = r.sums[:0]
	return nil
}

// sumChunk adds the sums of the longest stretches of a chunk.
func (r *run) sumChunk(chunk block.Extent, buf []byte) error {
	var good, bad block.Set
	for e, s := range r.Map.Within(chunk) {
		switch s {
		case Finished:
			good.Add(e)
		case NonTried:
		default:
			bad.Add(e)
		}
	}
	for e := range good.All() {
		p := buf[:e.Length]
		if n, err := r.Copy.ReadAt(p, e.Offset); int64(n) < e.Length {
			return fmt.Errorf("imaging: %v of the copy cannot be read back: %w", e, err)
		}
		r.sums = append(r.sums, Sum{Extent: e, Hash: sha256.Sum256(p)})
	}
	for e := range bad.All() {
		r.sums = append(r.sums, Sum{Extent: e, Bad: true})
	}
	return nil
}

// sortSums puts sums in order of offset; of equal ones the later stays the later.
func sortSums(sums []Sum) {
	slices.SortStableFunc(sums, func(a, b Sum) int {
		switch {
		case a.Offset < b.Offset:
			return -1
		case a.Offset > b.Offset:
			return 1
		}
		return 0
	})
}

// hashCopy returns the hash over all bytes of the copy, nil when it cannot be read back.
func (r *run) hashCopy(ctx context.Context) ([]byte, error) {
	if r.Copy == nil {
		return nil, nil
	}
	h := sha256.New()
	buf := make([]byte, ChunkSize)
	for at := int64(0); at < r.Map.Size(); at += ChunkSize {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		p := buf[:min(ChunkSize, r.Map.Size()-at)]
		if n, err := r.Copy.ReadAt(p, at); n < len(p) {
			return nil, fmt.Errorf("imaging: the copy cannot be read back: %w", err)
		}
		h.Write(p)
	}
	return h.Sum(nil), nil
}
