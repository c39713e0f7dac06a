package rescue

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"salvor/filetype"
	"salvor/internal/need"
)

// damaged returns a copy of a disk with random overwrites: some at the very structures, most of them anywhere.
func damagedDisk(t *testing.T, r *rand.Rand, path string) string {
	t.Helper()
	p, err := os.ReadFile(path)
	must(t, err)
	for range 1 + r.IntN(30) {
		at, n := r.IntN(len(p)), 1+r.IntN(3000)
		switch r.IntN(4) {
		case 0: // the table, the superblocks and what stands behind them
			at = []int{0, 1 << 20, 5<<20 - 65536, 6 << 20, 6<<20 + 4096, 7 << 20, 7<<20 + 4096}[r.IntN(7)] + r.IntN(4096)
		case 1:
			n = 1
		}
		for i := at; i < min(at+n, len(p)); i++ {
			p[i] = byte(r.Uint32())
		}
	}
	out := filepath.Join(t.TempDir(), filepath.Base(path))
	must(t, os.WriteFile(out, p, 0o600))
	return out
}

// TestNASDamage overwrites one disk of a RAID 5 at random, which nothing tells the set. What is called whole is what
// was written, and what stands on the mirror beside it is found.
func TestNASDamage(t *testing.T) {
	runs := 3
	if need.CI() {
		runs = 8
	}
	disks := nasDisks(t, "four")
	sums := map[string]string{} // by path, of any volume that has it
	for _, v := range []string{"system", "media", "scratch"} {
		for path, sum := range nasTruth(t, v) {
			sums[v+" "+path] = sum
		}
	}
	for run := range runs {
		r := rand.New(rand.NewPCG(uint64(run), 11))
		use := slices.Clone(disks)
		hurt := r.IntN(len(use))
		use[hurt] = damagedDisk(t, r, use[hurt])
		if run%3 == 1 {
			gone := (hurt + 1 + r.IntN(3)) % 4
			use = slices.Delete(use, gone, gone+1)
		}
		dir := filepath.Join(t.TempDir(), "case")
		nasRescue(t, dir, nil, use...)
		names, whole := 0, 0
		for _, e := range entries(t, dir) {
			if e.Volume == 0 || e.Size == 0 {
				continue
			}
			names++
			if e.Verdict != filetype.Proven || e.State != 0 {
				continue
			}
			whole++
			right := false
			for _, v := range []string{"system", "media", "scratch"} {
				right = right || sums[v+" "+e.Path] == e.SHA256
			}
			if !right {
				t.Errorf("run %d: %s %s is called whole and has another content", run, e.ID, e.Path)
			}
		}
		if names < 18 { // those of the mirror
			t.Errorf("run %d: %d files", run, names)
		}
		t.Logf("run %d: %d files, %d whole", run, names, whole)
	}
}
