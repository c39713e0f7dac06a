package recovery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

func TestSaveStopped(t *testing.T) {
	b := newBench(t)
	b.hold = true
	for i := range 600 {
		b.add(fmt.Sprintf("f%d", i), pattern(uint64(i), 100), nil)
	}
	mustPut(t, b.c, b.held...)
	ctx, cancel := context.WithCancel(t.Context())
	o := b.options()
	o.Progress = func(p SaveProgress) {
		if p.Files == 300 {
			cancel()
		}
	}
	r, err := Save(ctx, o)
	if !errors.Is(err, context.Canceled) || r.Saved.Files != 300 {
		t.Errorf("%+v, %v", r, err)
	}
	checkSums(t, b.dir)
	if v, err := Verify(t.Context(), b.c, b.root, nil); err != nil || !v.Whole() || v.ExtraCount != 0 || v.Checked.Files != 300 {
		t.Errorf("%+v, %v", v, err)
	}
	if r := b.save(nil); r.Saved.Files != 300 {
		t.Errorf("%+v", r)
	}
	checkSums(t, b.dir)
}

// fill makes a case with every kind of file in several batches.
func (b *bench) fill() {
	b.hold = true
	defer func() {
		mustPut(b.t, b.c, b.held...)
		b.hold, b.held = false, nil
	}()
	for i := range 30 {
		content := pattern(uint64(i/2), 200+i/2)
		switch i % 6 {
		case 0:
			b.carved(content, "same.jpg")
		case 1:
			b.add(fmt.Sprintf("d%d/same", i%4), content, nil)
		case 2:
			b.add("same", content, nil)
		case 3:
			b.add(fmt.Sprintf("same/%d", i), content, func(e *Entry) { e.Verdict = filetype.Partial; e.Missing.Add(block.Extent{Length: 2}) })
		case 4:
			e := b.add(fmt.Sprintf("bad%d", i), content, nil)
			b.bad.Add(block.Extent{Offset: e.Runs[0].Physical + 5, Length: 3})
		case 5:
			b.add(fmt.Sprintf("l%d", i), nil, func(e *Entry) { e.Mode, e.Target = fs.ModeSymlink|0o777, "same" })
		}
	}
}

// The work is killed at every point in turn, and once more with all that was not synced lost; saving again
// gives the very tree that an undisturbed run gives, and no row is ever ahead of the disk.
func TestSaveKilled(t *testing.T) {
	if at := os.Getenv("RECOVERY_TEST_SAVE"); at != "" {
		killedSaver(t, at)
		return
	}
	whole := newBench(t)
	whole.fill()
	whole.save(nil)
	want := treeOf(t, whole.dir)
	temp := "TMPDIR=" + t.TempDir() // who is killed removes nothing
	far := 1
	if testing.Short() {
		far = 12
	}
	for _, power := range []bool{false, true} {
		for point, step := 1, 0; ; point += far * (1 + step%5) {
			step++
			b := newBench(t)
			b.fill()
			b.c.Close()
			cmd := exec.Command(os.Args[0], "-test.run=^TestSaveKilled$")
			cmd.Env = append(os.Environ(), "RECOVERY_TEST_SAVE="+strconv.Itoa(point)+":"+b.dir, temp)
			out, err := cmd.CombinedOutput()
			if err == nil {
				if step < 10/far+2 {
					t.Fatalf("only %d points", point)
				}
				break
			}
			if cmd.ProcessState.ExitCode() == 1 {
				t.Fatalf("%s", out)
			}
			b.open()
			saved := map[string]bool{}
			for e, err := range b.c.Select(t.Context(), Query{Save: []SaveState{Saved}}) {
				if err != nil {
					t.Fatal(err)
				}
				saved[e.SavedAs] = true
			}
			if v, err := Verify(t.Context(), b.c, b.root, nil); err != nil || !v.Whole() {
				t.Fatalf("killed at %d: %+v, %v", point, v, err)
			}
			if power {
				for p, v := range treeOf(t, b.dir) {
					if v != "/" && !strings.HasPrefix(v, "-> ") && !saved[strings.TrimSuffix(p, missingSuffix)] && !saved[p] {
						if err := os.Truncate(filepath.Join(b.dir, p), 0); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
			b.save(nil)
			if got := treeOf(t, b.dir); !maps.Equal(got, want) {
				t.Fatalf("killed at %d: %v\nwant %v", point, filesOf(got), filesOf(want))
			}
		}
	}
}

func killedSaver(t *testing.T, at string) {
	point, dir, _ := strings.Cut(at, ":")
	n, _ := strconv.Atoi(point)
	b := &bench{t: t, dir: dir}
	whole := newBench(t)
	whole.fill()
	b.medium, b.bad = whole.medium, whole.bad
	b.open()
	b.save(func(o *SaveOptions) {
		o.batchFiles = 7
		o.hook = func(string) error {
			if n--; n == 0 {
				p, _ := os.FindProcess(os.Getpid())
				p.Kill()
				select {}
			}
			return nil
		}
	})
}

// An error at any point ends the work cleanly, and saving again completes it.
func TestSaveErrorAtEveryPoint(t *testing.T) {
	whole := newBench(t)
	whole.fill()
	whole.save(nil)
	want := treeOf(t, whole.dir)
	broken := errors.New("broken")
	for point := 1; ; point += 3 {
		b := newBench(t)
		b.fill()
		o := b.options()
		n := point
		o.batchFiles = 7
		o.hook = func(string) error {
			if n--; n == 0 {
				return broken
			}
			return nil
		}
		_, err := Save(t.Context(), o)
		if err == nil {
			break
		}
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if v, err := Verify(t.Context(), b.c, b.root, nil); err != nil || !v.Whole() {
			t.Fatalf("point %d: %+v, %v", point, v, err)
		}
		checkSums(t, b.dir)
		b.save(nil)
		if got := treeOf(t, b.dir); !maps.Equal(got, want) {
			t.Fatalf("point %d: %v\nwant %v", point, filesOf(got), filesOf(want))
		}
	}
}
