//go:build linux

package rescue

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/host"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/recovery"
)

// refused sees that a job was refused with this exit code and stable code, that both sentences are there, and
// that each of words stands in them.
func refused(t *testing.T, r wire.Result, err error, exit int, code string, words ...string) {
	t.Helper()
	var refusal *host.RefusedError
	if !errors.As(err, &refusal) {
		t.Fatalf("not refused: %+v, %v", r, err)
	}
	if r.Exit != exit || r.Code != code {
		t.Errorf("exit %d, code %q, want %d and %q (%s)", r.Exit, r.Code, exit, code, r.State)
	}
	if r.State == "" || r.Safe == "" || r.Next == "" {
		t.Errorf("a sentence is missing in %+v", r)
	}
	for _, w := range words {
		if !strings.Contains(r.State+r.Next, w) {
			t.Errorf("%q does not stand in: %s / %s", w, r.State, r.Next)
		}
	}
}

// untouched sees that nothing was made at path.
func untouched(t *testing.T, path string) {
	t.Helper()
	if list, err := os.ReadDir(path); err == nil && len(list) > 0 {
		t.Errorf("%s is not empty: %v", path, list)
	}
}

// mounted mounts what and returns where.
func mounted(t *testing.T, what string, options ...string) string {
	t.Helper()
	need.Root(t)
	need.Tools(t, "mount", "umount")
	point := filepath.Join(t.TempDir(), "mount")
	must(t, os.Mkdir(point, 0o700))
	command(t, "mount", append(options, what, point)...)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", point).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return point
}

func memoryDisk(t *testing.T, size string) string {
	return mounted(t, "none", "-t", "tmpfs", "-o", "size="+size)
}

// dataVolume writes the data volume of the example into a file of its own.
func dataVolume(t *testing.T) string {
	t.Helper()
	image, err := os.ReadFile(exampleImage)
	must(t, err)
	for _, p := range readTruth(t).Partitions {
		if p.Name == "data" {
			path := filepath.Join(t.TempDir(), "data.img")
			must(t, os.WriteFile(path, image[p.Offset:p.Offset+p.Size], 0o600))
			return path
		}
	}
	t.Fatal("the example has no data volume")
	return ""
}

func TestSourceThatIsNone(t *testing.T) {
	dir := t.TempDir()
	empty, pipe := filepath.Join(dir, "empty.img"), filepath.Join(dir, "pipe")
	must(t, os.WriteFile(empty, nil, 0o600))
	must(t, syscall.Mkfifo(pipe, 0o600))
	for _, tc := range []struct {
		source, code string
		exit         int
	}{
		{empty, "host.source.empty", host.ExitError},
		{dir, "host.source.folder", host.ExitUsage},
		{"/dev/null", "host.source.character", host.ExitUsage},
		{"/dev/zero", "host.source.character", host.ExitUsage},
		{pipe, "host.source.pipe", host.ExitUsage},
		{filepath.Join(dir, "nothing.img"), "host.source.notfound", host.ExitUsage},
	} {
		t.Run(tc.code+" "+filepath.Base(tc.source), func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "case")
			r, err := rescued(t, tc.source, to, nil, nil)
			refused(t, r, err, tc.exit, tc.code)
			if _, err := os.Stat(to); err == nil {
				t.Error("a case was made all the same")
			}
		})
	}
}

func TestSourceMountedForWriting(t *testing.T) {
	source := dataVolume(t)
	point := mounted(t, source, "-o", "loop")
	to := filepath.Join(t.TempDir(), "case")
	r, err := rescued(t, source, to, nil, nil)
	refused(t, r, err, host.ExitRefused, "host.source.mount", point, "umount")
	untouched(t, to)
}

func TestTargetOnSource(t *testing.T) {
	source := dataVolume(t)
	point := mounted(t, source, "-o", "loop,ro,noload")
	to := filepath.Join(point, "case")
	r, err := rescued(t, source, to, nil, nil)
	refused(t, r, err, host.ExitRefused, "rescue.target.source", to, "another disk")
}

func TestTargetReadOnly(t *testing.T) {
	point := memoryDisk(t, "64m")
	command(t, "mount", "-o", "remount,ro", point)
	r, err := rescued(t, exampleImage, filepath.Join(point, "case"), nil, nil)
	refused(t, r, err, host.ExitRefused, "host.target.readonly", point)
}

func TestTargetTooSmall(t *testing.T) {
	for _, tc := range []struct {
		name, size string
		copy       bool
	}{{"in place", "8m", false}, {"copy", "24m", true}} {
		t.Run(tc.name, func(t *testing.T) {
			point := memoryDisk(t, tc.size)
			r, err := rescued(t, exampleImage, filepath.Join(point, "case"), func(o *Options) { o.Copy = tc.copy }, nil)
			refused(t, r, err, host.ExitRefused, "host.target.full", point)
			untouched(t, point)
		})
	}
}

// comparable is what must be the same however a job was stopped on its way.
func comparable(t *testing.T, dir string) (map[string]string, map[string]string) {
	t.Helper()
	files := map[string]string{}
	for _, e := range entries(t, dir) {
		files[e.ID] = strings.Join([]string{e.Path, e.Verdict.String(), string(e.Save), e.SavedAs, e.SHA256, e.DuplicateOf}, "\n")
	}
	return saved(t, dir), files
}

// fill takes all space of the file system of point but left bytes.
func fill(t *testing.T, point string, left int64) (free func()) {
	t.Helper()
	path := filepath.Join(point, "full")
	f, err := os.Create(path)
	must(t, err)
	_, err = io.Copy(f, zeros{})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk does not fill: %v", err)
	}
	st, err := f.Stat()
	must(t, err)
	must(t, f.Truncate(max(st.Size()-left, 0)))
	must(t, f.Close())
	return func() { must(t, os.Remove(path)) }
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestTargetFills fills the disk in each of the steps, and sees that the job says so, and goes on to the same
// end when there is room again.
func TestTargetFills(t *testing.T) {
	calm := filepath.Join(t.TempDir(), "case")
	calmResult, err := rescued(t, exampleImage, calm, nil, nil)
	must(t, err)
	wantTree, wantFiles := comparable(t, calm)
	for _, tc := range []struct {
		step string
		left int64
		copy bool
	}{
		{"search", 0, false}, {"check", 0, false}, {"carve", 0, false}, {"save", 0, false}, {"save", 1 << 20, false}, {"copy", 64 << 10, true},
	} {
		if tc.left == 0 && tc.step != "save" && !need.CI() {
			continue
		}
		t.Run(tc.step, func(t *testing.T) {
			point := memoryDisk(t, "64m")
			to := filepath.Join(point, "case")
			var free func()
			l := &listener{onProgress: func(p wire.Progress) {
				if p.Step == tc.step && free == nil {
					free = fill(t, point, tc.left)
				}
			}}
			change := func(o *Options) { o.Copy = tc.copy }
			r, err := rescued(t, exampleImage, to, change, l)
			if free == nil {
				t.Fatalf("the step %s never told its progress", tc.step)
			}
			if err == nil || r.Exit != ExitStopped || r.Code != "target.full" {
				t.Errorf("on a full disk: exit %d, code %q, want %d and target.full (%s; %v)", r.Exit, r.Code, ExitStopped, r.State, err)
			}
			free()
			r, err = rescued(t, exampleImage, to, change, nil)
			if err != nil || r.Exit != calmResult.Exit {
				t.Fatalf("with room again: exit %d, want %d: %s, %v", r.Exit, calmResult.Exit, r.State, err)
			}
			tree, files := comparable(t, to)
			if d := differences(wantTree, tree); len(d) > 0 {
				t.Errorf("%d saved files differ: %.1000q", len(d), d)
			}
			if d := differences(wantFiles, files); len(d) > 0 {
				t.Errorf("%d entries differ: %.1000q", len(d), d)
			}
		})
	}
}

// TestStopped ends the job by its context in each of the steps.
func TestStopped(t *testing.T) {
	calm := filepath.Join(t.TempDir(), "case")
	calmResult, err := rescued(t, exampleImage, calm, nil, nil)
	must(t, err)
	wantTree, wantFiles := comparable(t, calm)
	for _, step := range []string{"copy", "search", "check", "carve", "save"} {
		t.Run(step, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "case")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			l := &listener{onProgress: func(p wire.Progress) {
				if p.Step == step {
					cancel()
				}
			}}
			r, err := Run(ctx, Options{Source: exampleImage, Case: to, Program: "salvor test"}, l, quiet())
			if err == nil || r.Exit != ExitStopped {
				t.Fatalf("stopped in %s: exit %d, want %d: %s, %v", step, r.Exit, ExitStopped, r.State, err)
			}
			if r.State == "" || r.Safe == "" || r.Next == "" {
				t.Errorf("a sentence is missing in %+v", r)
			}
			r, err = rescued(t, exampleImage, to, nil, nil)
			must(t, err)
			if r.Exit != calmResult.Exit || r.State != calmResult.State || !maps.Equal(r.Counts, calmResult.Counts) {
				t.Errorf("gone on: %+v\nwant %+v", r, calmResult)
			}
			tree, files := comparable(t, to)
			if d := append(differences(wantTree, tree), differences(wantFiles, files)...); len(d) > 0 {
				t.Errorf("%d differences: %.1000q", len(d), d)
			}
		})
	}
}

// TestTargetFAT32 holds the limit of FAT32 against a file that is larger. A copy is kept in parts there.
func TestTargetFAT32(t *testing.T) {
	fat := host.Target{Dir: t.TempDir(), Exists: false, FS: "vfat", Free: 1 << 40, MaxFileSize: 1<<32 - 1}
	t.Run("file", func(t *testing.T) {
		dir := t.TempDir()
		cat, err := recovery.OpenCatalog(filepath.Join(dir, "catalog.db"))
		must(t, err)
		defer cat.Close()
		entry := func(id string, size int64, runs ...block.Run) *recovery.Entry {
			return &recovery.Entry{ID: id, Source: 1, Volume: 1, Origin: recovery.FromFileSystem, State: filesystem.Live,
				Path: id, Name: id, Mode: 0o600, Size: size, Runs: runs, GoodUntil: size}
		}
		must(t, cat.Put(context.Background(),
			entry("large", 4<<30+1, block.Run{Length: 4<<30 + 1, Kind: block.Zero}),
			entry("small", 3, block.Run{Length: 3, Kind: block.Data})))
		root, err := os.OpenRoot(dir)
		must(t, err)
		defer root.Close()
		result, err := recovery.Save(context.Background(), recovery.SaveOptions{
			Catalog: cat, Root: root, Target: Limits(fat),
			Medium: func(int) (block.Source, error) { return block.Bytes([]byte("abc")), nil },
		})
		must(t, err)
		if result.Failed != 1 {
			t.Errorf("%+v, want one that failed", result)
		}
		for _, e := range entries(t, dir) {
			want := map[string]recovery.SaveState{"large": recovery.Failed, "small": recovery.Saved}[e.ID]
			if e.Save != want || want == recovery.Failed && len(e.Findings) == 0 {
				t.Errorf("%s is %s with findings %v, want %s", e.ID, e.Save, e.Findings, want)
			}
		}
	})
}

func TestOtherSource(t *testing.T) {
	dir, to := t.TempDir(), filepath.Join(t.TempDir(), "case")
	r, err := rescued(t, exampleImage, to, nil, nil)
	must(t, err)
	exit := r.Exit
	image, err := os.ReadFile(exampleImage)
	must(t, err)
	for _, tc := range []struct {
		name   string
		change func([]byte) []byte
	}{
		{"another beginning", func(p []byte) []byte { p[100_000] ^= 1; return p }},
		{"another end", func(p []byte) []byte { p[len(p)-100_000] ^= 1; return p }},
		{"longer", func(p []byte) []byte { return append(p, make([]byte, 512)...) }},
		{"shorter", func(p []byte) []byte { return p[:len(p)-512] }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			other := filepath.Join(dir, "other.img")
			must(t, os.WriteFile(other, tc.change(append([]byte(nil), image...)), 0o600))
			before := saved(t, to)
			r, err := rescued(t, other, to, nil, nil)
			refused(t, r, err, host.ExitRefused, "casefile.source.other")
			if d := differences(before, saved(t, to)); len(d) > 0 {
				t.Errorf("the case was changed: %q", d)
			}
		})
	}
	t.Run("the same elsewhere", func(t *testing.T) {
		moved := filepath.Join(dir, "moved.img")
		must(t, os.WriteFile(moved, image, 0o600))
		r, err := rescued(t, moved, to, nil, nil)
		if err != nil || r.Exit != exit {
			t.Errorf("exit %d, want %d: %v", r.Exit, exit, err)
		}
	})
}

// TestSourceChanged changes the middle of a source between two runs: its ends are what they were. In place
// that is always seen. Of a copy only the last chunks are compared, and the copy stays what it was.
func TestSourceChanged(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   int64
		last bool // among the chunks that are read again for a copy
	}{{"data", 12 << 20, true}, {"system", 4<<20 + 500_000, false}} {
		for _, copied := range []bool{false, true} {
			name := tc.name + " in place"
			if copied {
				name = tc.name + " copied"
			}
			t.Run(name, func(t *testing.T) {
				dir := t.TempDir()
				source, to := copyOf(t, exampleImage, dir), filepath.Join(dir, "case")
				change := func(o *Options) { o.Copy = copied }
				_, err := rescued(t, source, to, change, nil)
				must(t, err)
				before := saved(t, to)
				f, err := os.OpenFile(source, os.O_RDWR, 0)
				must(t, err)
				_, err = f.WriteAt([]byte("changed in between"), tc.at)
				must(t, errors.Join(err, f.Close()))
				later := time.Now().Add(3 * time.Second)
				must(t, os.Chtimes(source, later, later))
				r, err := rescued(t, source, to, change, nil)
				if copied && !tc.last {
					must(t, err)
				} else {
					refused(t, r, err, host.ExitRefused, "rescue.source.changed", "new case")
				}
				if d := differences(before, saved(t, to)); len(d) > 0 {
					t.Errorf("the case was changed: %q", d)
				}
			})
		}
	}
}

// TestBomb holds the limit of what comes out of a compressed image against one that holds more than there is room
// for.
func TestBomb(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for range 200 {
		_, err := fmt.Fprint(z, strings.Repeat("a bomb ", 150_000))
		must(t, err)
	}
	must(t, z.Close())
	source := filepath.Join(dir, "bomb.img.gz")
	must(t, os.WriteFile(source, packed.Bytes(), 0o600))
	small := memoryDisk(t, "96m")
	r, err := rescued(t, source, filepath.Join(small, "case"), nil, nil)
	var refused *host.RefusedError
	if !errors.As(err, &refused) || refused.Code != "rescue.packed.room" || r.Exit != host.ExitRefused {
		t.Errorf("%+v, %v", r, err)
	}
}
