package array

import (
	"runtime"
	"testing"
	"time"

	"salvor/block"
	"salvor/volume"
)

// endless is a part of any size; each byte says where it stands.
type endless struct{ size int64 }

func (e endless) Size() int64 { return e.size }

func (e endless) ReadAt(p []byte, off int64) (int, error) {
	for i := range p {
		p[i] = byte((off + int64(i)) >> 9)
	}
	return len(p), nil
}

// TestHuge has arrays of 16 TB, short of a part: memory and time do not grow with them.
func TestHuge(t *testing.T) {
	const size, chunk = 4 << 40, 64 << 10
	parts := []volume.Placer{Leaf(endless{size}, 0), nil, Leaf(endless{size}, 2), Leaf(endless{size}, 3), Leaf(endless{size}, 4)}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for _, src := range []volume.Placer{
		Parity(5, parts, size, chunk, LeftSymmetric), Parity(6, parts, size, chunk, LeftSymmetric), RAID10(parts, size, Ten{Near: 2, Far: 1, Chunk: chunk}),
		Stripe(parts, []int64{size, size, size, size, size}, chunk, Alternate),
	} {
		b := make([]byte, 1<<20)
		for _, off := range []int64{0, src.Size() / 3, src.Size() - 1<<20} {
			n, err := src.ReadAt(b, off)
			if u, ok := block.IsUnreadable(err); ok {
				if src.Size() != 5*size || u.Ranges[0].Length > chunk {
					t.Errorf("%d bytes of %d, %v", n, src.Size(), err)
				}
			} else if err != nil {
				t.Error(err)
			}
			src.Places(block.Extent{Offset: off, Length: 1 << 20})
		}
		block.UnreadableIn(src, block.Extent{Length: src.Size()})
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 128<<20 {
		t.Errorf("%d MiB are held", grown>>20)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestBudget has arrays on arrays, each of which is made of the one below many times.
func TestBudget(t *testing.T) {
	src := Window(Leaf(endless{4096}, 0), block.Extent{Length: 8192})
	for range 6 {
		pieces := make([]Piece, 300)
		for i := range pieces {
			pieces[i] = Piece{Part: src, Length: min(src.Size(), 1<<50)}
		}
		src = Concat(pieces)
	}
	start := time.Now()
	if len(block.UnreadableIn(src, block.Extent{Length: src.Size()})) == 0 {
		t.Error("nothing is named")
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

// BenchmarkRead reads arrays in pieces of a MiB, whole and short of parts.
func BenchmarkRead(b *testing.B) {
	const size, chunk = 64 << 20, 64 << 10
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 7)
	}
	for name, tt := range map[string]struct {
		level, lost int
	}{"raid5": {5, 0}, "raid5 without one": {5, 1}, "raid6": {6, 0}, "raid6 without one": {6, 1}, "raid6 without two": {6, 2}} {
		b.Run(name, func(b *testing.B) {
			parts := make([]volume.Placer, 5)
			for i := tt.lost; i < len(parts); i++ {
				parts[i] = Leaf(block.Bytes(data), i)
			}
			src := Parity(tt.level, parts, size, chunk, LeftSymmetric)
			p := make([]byte, 1<<20)
			b.SetBytes(int64(len(p)))
			off := int64(0)
			for b.Loop() {
				if _, err := src.ReadAt(p, off); err != nil {
					b.Fatal(err)
				}
				if off += int64(len(p)); off+int64(len(p)) > src.Size() {
					off = 0
				}
			}
		})
	}
}
