package rescue

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"

	"salvor/block"
	"salvor/imaging"
	"salvor/imaging/failing"
	"salvor/internal/need"
	"salvor/layers"
)

// halfFull makes a volume of ext4 of which half is used, and returns its bytes.
func halfFull(t *testing.T, size int64) []byte {
	t.Helper()
	need.Tools(t, "mke2fs")
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	rnd := rand.New(rand.NewPCG(6, 6))
	var total int64
	for n := 0; total < size*36/100; n++ {
		name := filepath.Join(root, fmt.Sprintf("folder%d", n%17), fmt.Sprintf("file%04d.%s", n, []string{"jpg", "txt", "mp4", "bin"}[n%4]))
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		b := make([]byte, 1000+rnd.IntN(200000))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		must(t, os.WriteFile(name, b, fs.FileMode(0o644)))
		total += int64(len(b))
	}
	image := filepath.Join(dir, "ext4.img")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", root, image, fmt.Sprintf("%dk", size>>10)).CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	b, err := os.ReadFile(image)
	must(t, err)
	return b
}

// usedOf returns what the volume uses, by its bitmaps and by its files.
func usedOf(t *testing.T, tables *Tables, data []byte) (block.Set, *layers.Layer) {
	t.Helper()
	tree, err := layers.Resolve(t.Context(), layers.Disk{Number: 1, Source: block.Bytes(data)}, nil, tables.Layers)
	must(t, err)
	var used block.Set
	for _, v := range tree.Volumes() {
		u, err := v.FS.Used(t.Context())
		must(t, err)
		used = used.Union(u.Shift(v.Extent.Offset))
	}
	return used, tree
}

// With --first used all used blocks are safe long before GNU ddrescue has them, in the median over media of all kinds. Where
// all errors stand among used blocks, both must go through all of them, so that no single medium is held to it.
func TestFirstUsed(t *testing.T) {
	need.Tools(t, "ddrescue")
	tables, err := NewTables()
	must(t, err)
	size := int64(64 << 20)
	rounds := uint64(2)
	if need.CI() {
		rounds = 4
	}
	data := halfFull(t, size)
	used, _ := usedOf(t, tables, data)
	t.Logf("%.0f %% is used", float64(used.Bytes())*100/float64(size))
	if n := used.Bytes(); n < size*4/10 || n > size*6/10 {
		t.Fatalf("%d of %d bytes are used", n, size)
	}
	var ratios []float64
	for _, kind := range []failing.Kind{failing.Singles, failing.Clusters, failing.Periodic, failing.Cluster, failing.Deads, failing.Mixed} {
		for seed := range rounds {
			device := func() *failing.Device {
				d := failing.New(kind, seed+90, size, 40).Steady()
				d.Data, d.Watch = data, used
				return d
			}
			theirs := device()
			dir := t.TempDir()
			bad := imaging.NewMap(size)
			bad.Set(block.Extent{Length: size}, imaging.Finished)
			for e := range theirs.Bad().All() {
				bad.Set(e, imaging.BadSector)
			}
			var b bytes.Buffer
			_, err := bad.WriteTo(&b)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(dir, "bad"), b.Bytes(), 0o600))
			must(t, os.WriteFile(filepath.Join(dir, "in"), data, 0o600))
			log := filepath.Join(dir, "log")
			if out, err := exec.Command("ddrescue", "-q", "-H", filepath.Join(dir, "bad"), "--log-reads="+log, filepath.Join(dir, "in"), filepath.Join(dir, "out"), filepath.Join(dir, "map")).CombinedOutput(); err != nil {
				t.Fatalf("ddrescue: %v\n%s", err, out)
			}
			f, err := os.Open(log)
			must(t, err)
			must(t, theirs.Replay(f))
			must(t, f.Close())

			synctest.Test(t, func(t *testing.T) {
				ours := device()
				target := &ram{b: make([]byte, size)}
				m := imaging.NewMap(size)
				job := &imaging.Job{Source: ours, Target: target, Copy: block.Bytes(target.b), Map: m}
				end := TakeOptions{FirstUsed: true}.guided(job, tables)
				res, err := imaging.Run(t.Context(), job)
				end()
				must(t, err)
				if !res.Complete || !m.Of(imaging.BadSector).Equal(ours.Bad()) {
					t.Errorf("%s: %+v", kind, res)
				}
				a, b := ours.Stats(), theirs.Stats()
				if a.Watched == 0 || b.Watched == 0 {
					t.Fatalf("%s: never had: %v, %v", kind, a.Watched, b.Watched)
				}
				ratio := a.Watched.Seconds() / b.Watched.Seconds()
				ratios = append(ratios, ratio)
				t.Logf("%-10s used blocks after %6.1f s, ddrescue %6.1f s: %.2f; everything after %.1f and %.1f s", kind, a.Watched.Seconds(), b.Watched.Seconds(), ratio, a.All.Seconds(), b.All.Seconds())
			})
		}
	}
	slices.Sort(ratios)
	t.Logf("median %.3f, worst %.3f", ratios[len(ratios)/2], ratios[len(ratios)-1])
	if ratios[len(ratios)/2] > 0.6 {
		t.Errorf("the median is %.3f", ratios[len(ratios)/2])
	}
}

// ram is a target in memory.
type ram struct{ b []byte }

func (r *ram) WriteAt(p []byte, off int64) (int, error) { return copy(r.b[off:], p), nil }
func (r *ram) Sync() error                              { return nil }

// The stages come in their order, and each is enough for what it promises.
func TestUntil(t *testing.T) {
	tables, err := NewTables()
	must(t, err)
	const size = 32 << 20
	data := halfFull(t, size)
	used, tree := usedOf(t, tables, data)
	run := func(o TakeOptions) (*imaging.Map, block.Source) {
		t.Helper()
		target := &ram{b: make([]byte, size)}
		m := imaging.NewMap(size)
		job := &imaging.Job{Source: block.Bytes(data), Target: target, Copy: block.Bytes(target.b), Map: m}
		o.FirstUsed = true
		defer o.guided(job, tables)()
		if _, err := imaging.Run(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		return m, imaging.CopySource(block.Bytes(target.b), m, 0)
	}
	names := func(src block.Source) (out []string, where map[string]block.Set) {
		t.Helper()
		where = map[string]block.Set{}
		tree, err := layers.Resolve(t.Context(), layers.Disk{Number: 1, Source: src}, nil, tables.Layers)
		must(t, err)
		for _, v := range tree.Volumes() {
			for f, err := range v.FS.Files(t.Context()) {
				must(t, err)
				out = append(out, f.Path)
				for _, s := range f.Streams {
					where[f.Path] = where[f.Path].Union(block.Places(s.Runs).Shift(v.Extent.Offset))
				}
			}
		}
		return out, where
	}
	want, where := names(block.Bytes(data))
	m, part := run(TakeOptions{Until: UntilTables})
	got, _ := names(part)
	if !slices.Equal(got, want) || len(want) < 20 {
		t.Errorf("after the tables %d names, want %d", len(got), len(want))
	}
	if n := m.Of(imaging.Finished).Bytes(); n > size/3 {
		t.Errorf("%d bytes were read for the tables", n)
	}
	m, _ = run(TakeOptions{Until: UntilPicked, Pick: []string{"*.txt", "folder3"}})
	have := m.Of(imaging.Finished)
	missing, more := 0, 0
	for name, set := range where {
		is := picked("*.txt", name) || picked("folder3", name)
		switch whole := set.Subtract(have).Empty(); {
		case is && !whole:
			missing++
		case !is && whole && !set.Empty():
			more++
		}
	}
	if missing > 0 || more > len(where)/2 {
		t.Errorf("%d picked files are missing, %d others were read", missing, more)
	}
	m, _ = run(TakeOptions{Until: UntilUsed})
	if left := used.Subtract(m.Of(imaging.Finished)); !left.Empty() || m.Of(imaging.NonTried).Bytes() < size/3 {
		t.Errorf("used and not read: %v; not tried %d bytes", left.Extents(), m.Of(imaging.NonTried).Bytes())
	}
	m, _ = run(TakeOptions{})
	if m.Of(imaging.Finished).Bytes() != size || tree == nil {
		t.Error("the rest does not follow")
	}
	for _, bad := range []string{"all", "Used"} {
		if _, err := ParseUntil(bad); err == nil {
			t.Errorf("%q is a stage", bad)
		}
	}
}
