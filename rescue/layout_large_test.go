package rescue

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/layers"
	"salvor/mend"
)

// sparse is a medium of any size with a few pieces of bytes and zeros between.
type sparse struct {
	size   int64
	pieces []piece // by place
}

type piece struct {
	at int64
	b  []byte
}

func (s *sparse) Size() int64 { return s.size }

func (s *sparse) ReadAt(p []byte, off int64) (int, error) {
	n := int(min(int64(len(p)), max(s.size-off, 0)))
	clear(p[:n])
	e := block.Extent{Offset: off, Length: int64(n)}
	for _, x := range s.pieces {
		if i := (block.Extent{Offset: x.at, Length: int64(len(x.b))}).Intersect(e); i.Length > 0 {
			copy(p[i.Offset-off:i.End()-off], x.b[i.Offset-x.at:])
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// TestLargeMedium solves a medium of 16 TB with 64 volumes, its tables and 40,000 landmarks within 256 MiB of
// memory, with and without the tables.
func TestLargeMedium(t *testing.T) {
	images := allImages(t)
	images = slices.DeleteFunc(images, func(p placed) bool { return p.open })
	const size = 16 << 40
	var gpt mend.Table
	gpt.Size, gpt.SectorSize = size, 512
	s := &sparse{size: size}
	var want []placed
	for i := range 64 {
		p := images[i%len(images)]
		p.offset = mebi + int64(i)*(size/65)/mebi*mebi
		gpt.Partitions = append(gpt.Partitions, mend.Partition{Number: i + 1, Extent: block.Extent{Offset: p.offset, Length: size / 66 / mebi * mebi}, Type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4"})
		s.pieces = append(s.pieces, piece{p.offset, p.image})
		want = append(want, p)
	}
	structures, err := mend.GPT(gpt)
	must(t, err)
	tables, err := NewTables()
	must(t, err)
	// Landmarks of the volumes, as the sweep finds them, and many that are chance.
	var hits []probe.Hit
	for _, p := range want {
		sweep := tables.matcher.NewSweep(size, func(h probe.Hit) { hits = append(hits, h) })
		sweep.Observe(p.extentOfImage(), p.image)
	}
	landmark := tables.isLandmark()
	hits = slices.DeleteFunc(hits, func(h probe.Hit) bool { return !landmark(h) })
	rnd := rand.New(rand.NewPCG(16, 16))
	for range 40_000 {
		p := tables.Landmarks[rnd.IntN(len(tables.Landmarks))]
		hits = append(hits, probe.Hit{ID: p.ID, Offset: rnd.Int64N(size/4096) * 4096})
	}
	for _, with := range []bool{true, false} {
		src := &sparse{size: size, pieces: slices.Clone(s.pieces)}
		if with {
			for _, x := range structures {
				src.pieces = append(src.pieces, piece{x.Offset, x.Data})
			}
		}
		// The images of the test are most of what lives here; the room for garbage must not be counted by them.
		defer debug.SetGCPercent(debug.SetGCPercent(10))
		runtime.GC()
		done := make(chan struct{})
		peak := make(chan uint64)
		go func() {
			most := uint64(0)
			var m runtime.MemStats
			for {
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse+m.StackInuse)
				select {
				case <-done:
					peak <- most
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		}()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		begun := time.Now()
		tree, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Source: src}, hits, tables.Layers)
		must(t, err)
		took := time.Since(begun)
		close(done)
		// The images and landmarks are the test's own; the landmarks count, as the job holds them too.
		used := int64(<-peak) - int64(before.HeapInuse+before.StackInuse) + int64(len(hits))*24
		found := tree.Volumes()
		exact := 0
		for _, p := range want {
			if slices.ContainsFunc(found, func(l *layers.Layer) bool {
				return l.Extent.Offset == p.offset && kindOf(l.Kind) == kindOf(p.kind) && l.Extent.Length == p.size
			}) {
				exact++
			} else {
				t.Logf("%v is missing", p)
			}
		}
		t.Logf("table %v: %d of %d volumes exact of %d found, %d MiB, %v", with, exact, len(want), len(found), used>>20, took)
		if exact != len(want) || len(found) != len(want) || used > 256<<20 {
			t.Errorf("table %v: %d of %d volumes exact of %d found, %d MiB", with, exact, len(want), len(found), used>>20)
		}
	}
}

func (p placed) extentOfImage() block.Extent {
	return block.Extent{Offset: p.offset, Length: int64(len(p.image))}
}

// BenchmarkResolve is the search beside the pass over the same disk, which hashes and sweeps: what it adds to that time. Reading
// the medium is not counted, so that on every real one it is less.
func BenchmarkResolve(b *testing.B) {
	tables, err := NewTables()
	must(b, err)
	d := benchDisk(b)
	size := int64(len(d))
	landmark := tables.isLandmark()
	var hits []probe.Hit
	observe := func() {
		hits = hits[:0]
		s := tables.matcher.NewSweep(size, func(h probe.Hit) {
			if landmark(h) {
				hits = append(hits, h)
			}
		})
		for at := int64(0); at < size; at += mebi {
			n := min(size-at, mebi)
			sha256.Sum256(d[at : at+n]) // the pass hashes each MiB too
			s.Observe(block.Extent{Offset: at, Length: n}, d[at:at+n])
		}
	}
	var sweeping, searching time.Duration
	for b.Loop() {
		begun := time.Now()
		observe()
		sweeping += time.Since(begun)
		begun = time.Now()
		_, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Source: block.Bytes(d)}, hits, tables.Layers)
		must(b, err)
		searching += time.Since(begun)
	}
	b.ReportMetric(float64(searching)/float64(sweeping)*100, "%-of-sweep")
	b.ReportMetric(float64(searching.Milliseconds())/float64(b.N), "ms-search/op")
}

// benchDisk is a disk of 1 GiB with a volume of each kind, and bytes that are no structure in half of the rest.
func benchDisk(b *testing.B) []byte {
	b.Helper()
	d := make([]byte, 1<<30)
	rnd := rand.New(rand.NewPCG(3, 3))
	for i := 0; i < len(d)/2; i += 8 {
		v := rnd.Uint64()
		for j := range 8 {
			d[i+j] = byte(v >> (8 * j))
		}
	}
	at := mebi
	for _, p := range allImages(b) {
		copy(d[at:], p.image)
		at += (len(p.image) + mebi) / mebi * mebi
	}
	return d
}
