package rescue

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"salvor/block"
	"salvor/carve"
	"salvor/internal/need"
	"salvor/recovery"
)

// Bounds of the damage test.
const (
	damageTime = 60 * time.Second // of one run
	damageHeap = 256 << 20        // bytes that are in use after a collection
	// damageShare is the share of live files, of those none of whose bytes was hit, that must be found with the
	// right content at the least, over all runs. It is not all: metadata that is gone takes the names of plain
	// files with it, and content without a signature cannot be found without them.
	damageShare = 0.95
)

// wrecker makes damage, mostly where it hurts.
type wrecker struct {
	tr     *truth
	random *rand.Rand
}

// place returns where damage is done: near the metadata for three of four.
func (w wrecker) place() int64 {
	p := w.tr.Partitions[w.random.IntN(len(w.tr.Partitions))]
	switch w.random.IntN(12) {
	case 0: // the first partition table
		return w.random.Int64N(34 * 512)
	case 1: // the second one
		return w.tr.Size - 1 - w.random.Int64N(33*512)
	case 2, 3, 4: // superblock, boot sector, group descriptors
		return p.Offset + w.random.Int64N(8<<10)
	case 5, 6, 7, 8: // bitmaps, inode tables, FATs, root directory
		return p.Offset + w.random.Int64N(256<<10)
	default:
		return w.random.Int64N(w.tr.Size)
	}
}

// wreck overwrites 1 to 8 places of image, and returns them.
func (w wrecker) wreck(image []byte) (hit block.Set) {
	for range 1 + w.random.IntN(8) {
		at := w.place()
		w.fill(image, block.Extent{Offset: at, Length: int64(1) << w.random.IntN(17)}, &hit)
	}
	return hit
}

// wreckContent overwrites 1 to 8 places inside of the content of files that are told by runs of their own.
func (w wrecker) wreckContent(image []byte, runs []block.Extent) (hit block.Set) {
	for range 1 + w.random.IntN(8) {
		r := runs[w.random.IntN(len(runs))]
		at := r.Offset + w.random.Int64N(r.Length)
		w.fill(image, block.Extent{Offset: at, Length: min(int64(1)<<w.random.IntN(17), r.End()-at)}, &hit)
	}
	return hit
}

func (w wrecker) fill(image []byte, e block.Extent, hit *block.Set) {
	p := image[e.Offset:min(e.End(), int64(len(image)))]
	switch w.random.IntN(4) {
	case 0:
		clear(p)
	case 1:
		for i := range p {
			p[i] = 0xFF
		}
	default:
		for i := range p {
			p[i] = byte(w.random.Uint32())
		}
	}
	hit.Add(block.Extent{Offset: e.Offset, Length: int64(len(p))})
}

// memoryDir returns a folder for what is written and thrown away: in memory, where the system has that.
func memoryDir(t *testing.T) string {
	if dir, err := os.MkdirTemp("/dev/shm", "salvor-damage-"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		return dir
	}
	return t.TempDir()
}

// wholeRun is what the rescue of the whole example found: what the damaged ones are held against.
type wholeRun struct {
	live    []*recovery.Entry // named live files with content that is exact
	content []block.Extent    // runs of files, none of which is metadata
}

func undamaged(t *testing.T, tr *truth, image []byte, dir string) wholeRun {
	t.Helper()
	_, err := rescued(t, exampleImage, dir, nil, nil)
	must(t, err)
	exact := map[string]bool{}
	for _, f := range tr.Files {
		if f.State == "live" && f.Recoverable && f.Size > 0 {
			exact[f.Volume+"/"+f.Path] = true
		}
	}
	var w wholeRun
	for _, e := range entries(t, dir) {
		name := ""
		for _, p := range tr.Partitions {
			if p.Number == e.Volume {
				name = p.Name
			}
		}
		if !exact[name+"/"+e.Path] || e.Origin != recovery.FromFileSystem || len(e.Runs) == 0 {
			continue
		}
		w.live = append(w.live, e)
		for _, r := range e.Runs {
			// Short content stands inside of the inode, which is metadata.
			if r.Kind == block.Data && r.Physical%1024 == 0 {
				w.content = append(w.content, r.PhysicalExtent())
			}
		}
	}
	if len(w.live) < 40 {
		t.Fatalf("only %d live files were found on the whole example", len(w.live))
	}
	return w
}

// tally counts over all runs.
type tally struct {
	sync.Mutex
	runs, proven, wanted, found int
	slowest                     time.Duration
	heap                        uint64
}

// TestDamage overwrites the example at random places and sees that a rescue of it neither panics nor hangs,
// calls nothing proven that has a wrong byte, and still finds what was not hit.
func TestDamage(t *testing.T) {
	runs := 20 // go test allows all tests of a package ten minutes, on slow computers too
	if need.CI() {
		runs = 3000
	}
	tr := readTruth(t)
	image, err := os.ReadFile(exampleImage)
	must(t, err)
	dir := memoryDir(t)
	whole := undamaged(t, tr, image, filepath.Join(dir, "whole"))
	for _, kind := range []string{"anything", "content"} {
		var all tally
		t.Run(kind, func(t *testing.T) {
			numbers := make(chan int)
			var workers sync.WaitGroup
			for range runtime.GOMAXPROCS(0) {
				workers.Go(func() {
					for n := range numbers {
						damageRun(t, tr, image, whole, dir, kind, n, &all)
					}
				})
			}
			for n := range runs / 2 {
				if t.Failed() {
					break
				}
				numbers <- n
			}
			close(numbers)
			workers.Wait()
		})
		if all.runs == 0 { // another kind was asked for
			continue
		}
		share := float64(all.found) / float64(max(all.wanted, 1))
		t.Logf("%s: %d runs, %d proven files without a wrong byte, %.2f%% of the live files that were not hit found, slowest run %v, heap at most %d MiB",
			kind, all.runs, all.proven, share*100, all.slowest.Round(time.Millisecond), all.heap>>20)
		if share < damageShare {
			t.Errorf("%s: %d of %d live files that were not hit were found, want %.0f%%", kind, all.found, all.wanted, damageShare*100)
		}
		if all.heap > damageHeap {
			t.Errorf("%s: %d MiB in use", kind, all.heap>>20)
		}
	}
}

// damageRun is run n: what it does depends on n alone.
func damageRun(t *testing.T, tr *truth, image []byte, whole wholeRun, dir, kind string, n int, all *tally) {
	w := wrecker{tr: tr, random: rand.New(rand.NewPCG(uint64(n), uint64(len(kind))))}
	damaged := bytes.Clone(image)
	var hit block.Set
	if kind == "content" {
		hit = w.wreckContent(damaged, whole.content)
	} else {
		hit = w.wreck(damaged)
	}
	name := fmt.Sprintf("%s %d (%v)", kind, n, hit.Extents())
	work := filepath.Join(dir, fmt.Sprintf("%s-%d", kind, n))
	if err := os.Mkdir(work, 0o700); err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(work)
	source, to := filepath.Join(work, "damaged.img"), filepath.Join(work, "case")
	if err := os.WriteFile(source, damaged, 0o600); err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), damageTime)
	defer cancel()
	hang := time.AfterFunc(2*damageTime, func() { panic(name + " does not end") })
	defer hang.Stop()
	begun := time.Now()
	// The search for pieces of broken files may take seconds: one run in five hundred makes it.
	o := CarveOptions{Effort: carve.Quick}
	if n%500 == 0 {
		o = CarveOptions{Patience: 2 * time.Second}
	}
	r, err := Run(ctx, Options{Source: source, Case: to, Program: "salvor test", Carve: o}, &listener{}, quiet())
	took := time.Since(begun)
	if err != nil || r.Exit != ExitDone && r.Exit != ExitReserved && r.Exit != ExitLocked {
		t.Errorf("%s: exit %d: %v", name, r.Exit, err)
		return
	}
	got := entries(t, to)
	proven := checkProven(t, name, tr, got, image, damaged)
	have := map[string]bool{}
	for _, e := range got {
		if e.Save == recovery.Saved {
			have[e.SHA256] = true
		}
	}
	wanted, found := 0, 0
	var lost []string
	for _, e := range whole.live {
		if slices.ContainsFunc(e.Runs, func(r block.Run) bool { return r.Kind.Stands() && hit.Overlaps(r.PhysicalExtent()) }) {
			continue
		}
		wanted++
		if have[e.SHA256] {
			found++
		} else {
			lost = append(lost, e.ID+" "+e.Path)
		}
	}
	if kind == "content" && found < wanted {
		t.Errorf("%s: only content was hit, and these are lost, which was not: %q", name, lost)
	}
	all.Lock()
	defer all.Unlock()
	all.runs++
	all.proven += proven
	all.wanted += wanted
	all.found += found
	all.slowest = max(all.slowest, took)
	if all.runs%25 == 1 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		all.heap = max(all.heap, m.HeapAlloc)
	}
}
