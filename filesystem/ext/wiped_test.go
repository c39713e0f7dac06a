package ext

import (
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// wiped overwrites the first part of an image.
func wiped(p []byte, n int64) []byte {
	q := slices.Clone(p)
	for i := range q[:n] {
		q[i] = byte(i*7 + i>>8)
	}
	return q
}

// TestWipedStart overwrites the start of volumes on which Linux worked: superblock, descriptors, the root
// directory and, with flex_bg, all inode tables. The journal and the directories' own blocks bring back nearly all.
func TestWipedStart(t *testing.T) {
	for _, x := range []struct {
		name   string
		blocks int64 // of 1 KiB, that are overwritten
		share  float64
	}{
		{"journal-ext4", 500, 0.95}, {"journal-ext3", 160, 0.95}, {"journal-plain", 500, 0.95},
	} {
		p := readImage(t, x.name)
		whole := mustOpen(t, p)
		before, _ := files(t, whole)
		gone := block.SetOf(block.Extent{Length: x.blocks << 10})
		v := mustOpen(t, wiped(p, x.blocks<<10))
		if v.Info().State != filesystem.Damaged {
			t.Errorf("%s: %v", x.name, v.Info().State)
		}
		got, _ := files(t, v)
		byPath := map[string]*filesystem.File{}
		for _, f := range got {
			if f.State != filesystem.Deleted && f.State != filesystem.Old {
				byPath[f.Path] = f
			}
		}
		all, found := 0, 0
		for _, f := range before {
			if f.State != filesystem.Live || !f.Mode.IsRegular() || f.Size() == 0 || block.Places(f.Streams[0].Runs).Intersect(gone).Bytes() > 0 {
				continue
			}
			all++
			if g := byPath[f.Path]; g != nil && sumOf(t, v, g) == sumOf(t, whole, f) {
				found++
			} else {
				t.Logf("%s: %q is not there", x.name, f.Path)
			}
		}
		if float64(found) < x.share*float64(all) || all < 20 {
			t.Errorf("%s: %d of %d files", x.name, found, all)
		}
		known := map[string]bool{"": true}
		for _, f := range before {
			known[sumOf(t, whole, f)] = true
		}
		for key, f := range got {
			if f.Sound && f.Mode.IsRegular() && f.Size() > 0 && !known[sumOf(t, v, f)] {
				t.Errorf("%s: %s is sound and wrong", x.name, key)
			}
		}
	}
}

// TestWipedWithoutJournal overwrites the inode tables where no journal knows them: directories are found by
// their blocks, put together by their "." and "..", and give at least the names.
func TestWipedWithoutJournal(t *testing.T) {
	p := readImage(t, "ext4")
	v := mustOpen(t, p)
	before, _ := files(t, v)
	q := slices.Clone(p)
	for i := range v.groups {
		table := q[int64(v.groups[i].inodeTable)*v.sb.blockSize:][:int64(v.sb.tableBlocks())*v.sb.blockSize]
		for k := range table {
			table[k] = byte(k * 13)
		}
	}
	w := mustOpen(t, q)
	got, _ := files(t, w)
	paths := map[string]bool{}
	leaves := 0
	for _, f := range got {
		paths[f.Path] = true
		if strings.Contains(codes(f), "inode.leaf") {
			leaves++
			if f.Sound {
				t.Errorf("%q is sound", f.Path)
			}
		}
	}
	missing := 0
	for _, f := range before {
		if f.State == filesystem.Live && f.Path != "" && !paths[f.Path] {
			missing++
			t.Logf("%q is missing", f.Path)
		}
	}
	if missing > 0 {
		t.Errorf("%d of %d names are missing", missing, len(before))
	}
	// The file in 400 pieces has a tree whose leaves are left.
	f := got["live pieces.bin"]
	for _, g := range got {
		if g.Path == "pieces.bin" {
			f = g
		}
	}
	if leaves == 0 || f == nil || f.Size() < before["live pieces.bin"].Size()-4096 {
		t.Errorf("%d files out of leaves; pieces.bin: %v, expected %d bytes", leaves, f.Streams, before["live pieces.bin"].Size())
	}
}

// TestZeroedInodes clears records of inodes, one in each image: the journal has them.
func TestZeroedInodes(t *testing.T) {
	for _, name := range []string{"journal-ext4", "journal-ext3"} {
		p := readImage(t, name)
		whole := mustOpen(t, p)
		before, _ := files(t, whole)
		for _, path := range []string{"alpha/file 01.txt", "delta/between.bin", "alpha/beta", "delta"} {
			in := mustInode(t, p, path)
			q := slices.Clone(p)
			clear(q[in.offset:][:whole.sb.inodeSize])
			v := mustOpen(t, q)
			got, errs := files(t, v)
			f := got["rebuilt "+path]
			if f == nil || len(errs) > 0 {
				t.Errorf("%s: %q is missing, %v", name, path, errs)
				continue
			}
			if old := before["live "+path]; f.Sound || !strings.Contains(codes(f), "inode.rebuilt") || f.Mode != old.Mode || sumOf(t, v, f) != sumOf(t, whole, old) {
				t.Errorf("%s: %q: %v %s", name, path, f.Mode, codes(f))
			}
		}
	}
}

// TestJournalDamage overwrites random structures of volumes with a journal: no panic, no hang, nothing sound is
// wrong, and what damage did not hit is still found.
func TestJournalDamage(t *testing.T) {
	rounds := 60
	if need.CI() {
		rounds = 1000
	}
	names := []string{"journal-ext4", "journal-ext3", "journal-wrapped", "journal-plain", "journal-reused", "journal-older", "journal-torn", "journal-data", "journal-open", "journal-fast"}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := readImage(t, name)
			whole := mustOpen(t, p)
			before, _ := files(t, whole)
			known := map[string]bool{"": true}
			for _, f := range before {
				known[sumOf(t, whole, f)] = true
			}
			for _, w := range filesystemtest.TruthFile(t, os.DirFS("testdata"), name+".json") {
				known[w.SHA256] = true
			}
			// Without its fast commits, a file is as it was before them, which the truth does not know.
			checked := whole.sb.metaCsum() && whole.fast == nil
			rnd := rand.New(rand.NewPCG(uint64(len(name)), 21))
			structures := whole.structures().Union(block.Places(whole.journal.runs))
			places := structures.Extents()
			all, found := 0, 0
			for range rounds {
				q := slices.Clone(p)
				var hit block.Set
				for range 1 + rnd.IntN(4) {
					e := places[rnd.IntN(len(places))]
					n := min([]int64{1, 4, 64, 1024, 16384}[rnd.IntN(5)], e.Length)
					at := e.Offset + rnd.Int64N(e.Length-n+1)
					hit.Add(block.Extent{Offset: at, Length: n})
					fill := byte(rnd.IntN(256))
					for i := range q[at : at+n] {
						q[at+int64(i)] = fill ^ byte(rnd.IntN(2)*rnd.IntN(256))
					}
				}
				begin := time.Now()
				v, err := open(t.Context(), block.Bytes(q))
				if err != nil {
					continue
				}
				got, _ := files(t, v)
				if d := time.Since(begin); d > 20*time.Second {
					t.Fatalf("took %v with %v", d, hit.Extents())
				}
				sums := map[string]bool{}
				for key, f := range got {
					if f.Locked {
						continue
					}
					sum := sumOf(t, v, f)
					sums[sum] = true
					if checked && f.Sound && f.Mode.IsRegular() && f.Size() > 0 && !known[sum] {
						t.Errorf("%s is sound and wrong (%s), damage %v", key, codes(f), hit.Extents())
					}
				}
				for _, f := range before {
					if f.State == filesystem.Live && f.Mode.IsRegular() && f.Size() > 0 {
						all++
						if sums[sumOf(t, whole, f)] {
							found++
						}
					}
				}
			}
			if float64(found) < 0.9*float64(all) {
				t.Errorf("%d of %d files after damage", found, all)
			}
			t.Logf("%d of %d files", found, all)
		})
	}
}

// TestFreedInodes has an inode that was emptied and freed by other means than the kernel's: it is not brought back as if
// it were there.
func TestFreedInodes(t *testing.T) {
	for _, name := range []string{"journal-ext4", "journal-ext3"} {
		p := edited(t, name, `rm "/alpha/file 01.txt"`, `clri "/delta/between.bin"`, `unlink "/delta/between.bin"`)
		v := mustOpen(t, p)
		got, errs := files(t, v)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		for key, f := range got {
			if strings.HasSuffix(f.Path, "file 01.txt") && (f.State == filesystem.Live || f.State == filesystem.Rebuilt) {
				t.Errorf("%s: %s", name, key)
			}
		}
		if f := got["deleted alpha/file 01.txt"]; f == nil || sumOf(t, v, f) == "" {
			t.Errorf("%s: the removed file is missing", name)
		}
	}
}
