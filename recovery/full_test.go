//go:build linux

package recovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/internal/need"
)

// smallDisk mounts a file system of this many MiB.
func smallDisk(t *testing.T, kind string, mib int) string {
	t.Helper()
	need.Root(t)
	dir := t.TempDir()
	args := []string{"-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", mib), "none", dir}
	if kind == "ext4" {
		image := filepath.Join(t.TempDir(), "disk.img")
		if err := os.WriteFile(image, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(image, int64(mib)<<20); err != nil {
			t.Fatal(err)
		}
		if out, err := need.Command(t, "mkfs.ext4", "-q", "-m", "0", image).CombinedOutput(); err != nil {
			t.Fatalf("mkfs.ext4: %v\n%s", err, out)
		}
		args = []string{"-o", "loop", image, dir}
	}
	if out, err := need.Command(t, "mount", args...).CombinedOutput(); err != nil {
		need.Lacking(t, "mount: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// The disk fills in the middle: what was saved stands and is noted, nothing half stands, and after making
// room the same call goes on.
func TestSaveDiskFull(t *testing.T) {
	for _, kind := range []string{"tmpfs", "ext4"} {
		sizes := []int{100 << 10, 3 << 20, 3000}
		if testing.Short() {
			sizes = sizes[:1]
		}
		for _, size := range sizes {
			t.Run(fmt.Sprintf("%s, files of %d bytes", kind, size), func(t *testing.T) {
				mount := smallDisk(t, kind, 48)
				b := &bench{t: t, dir: filepath.Join(mount, "case")}
				if err := os.Mkdir(b.dir, 0o755); err != nil {
					t.Fatal(err)
				}
				b.open()
				b.hold = true
				const total = 20 << 20
				n := total / size
				for i := range n {
					b.add(fmt.Sprintf("f%d", i), pattern(uint64(i), size), func(e *Entry) { e.Verdict = filetype.Consistent })
				}
				mustPut(t, b.c, b.held...)
				filler := filepath.Join(mount, "filler")
				var stat syscall.Statfs_t
				if err := syscall.Statfs(mount, &stat); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filler, pattern(1, int(stat.Bavail)*int(stat.Bsize)-(16<<20)), 0o600); err != nil {
					t.Fatal(err)
				}
				o := b.options()
				o.SyncFS = nil
				r, err := Save(t.Context(), o)
				var full *TargetFullError
				if !errors.As(err, &full) || full.Free != -1 || full.Needed <= 0 || r.Saved.Files == 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				v, err := Verify(t.Context(), b.c, b.root, nil)
				if err != nil || !v.Whole() || v.ExtraCount != 0 || v.Checked.Files != r.Saved.Files {
					t.Errorf("%+v, %v", v, err)
				}
				for p := range treeOf(t, b.dir) {
					if filepath.Base(p)[0] == '.' {
						t.Errorf("%s was left", p)
					}
				}
				checkSums(t, b.dir)
				if err := os.Remove(filler); err != nil {
					t.Fatal(err)
				}
				again, err := Save(t.Context(), o)
				if err != nil || int(again.Saved.Files+r.Saved.Files) != n {
					t.Errorf("%+v, %v", again, err)
				}
				checkSums(t, b.dir)
				b.c.Close()
				b.root.Close()
			})
		}
	}
}

func TestSaveReadOnlyTarget(t *testing.T) {
	mount := smallDisk(t, "tmpfs", 4)
	b := newBench(t)
	b.add("a", []byte("content"), nil)
	root, err := os.OpenRoot(mount)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := syscall.Mount("none", mount, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	o := b.options()
	o.Root, o.Elsewhere = root, true
	if r, err := Save(t.Context(), o); !errors.Is(err, syscall.EROFS) || r.Saved.Files != 0 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestSaveSparse(t *testing.T) {
	b := newBench(t)
	b.medium = bytes.Repeat([]byte{7}, 8192)
	e := b.add("sparse.img", []byte("x"), func(e *Entry) {
		e.Size = 64 << 20
		e.Runs = []block.Run{{Length: 1 << 20, Kind: block.Zero}, {Logical: 1 << 20, Physical: 0, Length: 8192},
			{Logical: 1<<20 + 8192, Length: 63<<20 - 8192, Kind: block.Zero}}
	})
	b.save(nil)
	info, err := os.Stat(filepath.Join(b.dir, "files/2-DATA/sparse.img"))
	if err != nil || info.Size() != e.Size {
		t.Fatalf("%v, %v", info, err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 1<<20 {
		t.Errorf("%d bytes are used", used)
	}
	want := make([]byte, e.Size)
	copy(want[1<<20:], b.medium[:8192])
	sum := sha256.Sum256(want)
	if got := mustGet(t, b.c, e.ID).SHA256; got != hex.EncodeToString(sum[:]) {
		t.Errorf("hash %s", got)
	}
	checkSums(t, b.dir)
}

// BenchmarkSave saves many small files and a large one.
func BenchmarkSave(bm *testing.B) {
	for _, size := range []int{8 << 10, 256 << 20} {
		bm.Run(strconv.Itoa(size), func(bm *testing.B) {
			for bm.Loop() {
				bm.StopTimer()
				b := newBench(bm)
				b.hold = true
				n := max(1, 160<<20/size)
				content := bytes.Repeat(pattern(1, 1<<20), 1+size>>20)[:size]
				for i := range n {
					content[0], content[1] = byte(i), byte(i>>8)
					b.add(fmt.Sprintf("home/user/folder %d/f%d", i/200, i), content, nil)
				}
				mustPut(bm, b.c, b.held...)
				bm.StartTimer()
				b.save(func(o *SaveOptions) { o.SyncFS = func() error { syscall.Sync(); return nil } })
				bm.SetBytes(int64(n * size))
				bm.ReportMetric(float64(n), "files")
			}
		})
	}
}
