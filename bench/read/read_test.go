package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

func TestFilesAreTheSameForASeed(t *testing.T) {
	a, err := populate(t.TempDir(), 40, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := populate(t.TempDir(), 40, 4, 1)
	if err != nil {
		t.Fatal(err)
	}
	c, err := populate(t.TempDir(), 40, 4, 2)
	if err != nil {
		t.Fatal(err)
	}
	same, other := 0, 0
	for path, sum := range a.sums {
		if b.sums[path] == sum {
			same++
		}
		if c.sums[path] == sum {
			other++
		}
	}
	if len(a.sums) != 40 || same != 40 || a.bytes != b.bytes || other != 0 {
		t.Errorf("%d files, %d the same, %d the same with another seed", len(a.sums), same, other)
	}
}

func TestExact(t *testing.T) {
	known := map[string]string{"a b": "01", "c": "02"}
	for lines, want := range map[string]int{"01 a b\n02 c\n": 2, "02 a b\n02 c": 1, "": 0, "01\n": 0, "01 elsewhere\n": 0} {
		if got := exact(lines, known); got != want {
			t.Errorf("%q: %d, want %d", lines, got, want)
		}
	}
}

func TestSavedExact(t *testing.T) {
	dir := t.TempDir()
	known, err := populate(dir, 10, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	for path := range known.sums {
		if err := os.WriteFile(filepath.Join(dir, path), []byte("other"), 0o600); err != nil {
			t.Fatal(err)
		}
		break
	}
	if n, err := savedExact(dir, known.sums); n != 9 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		x    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{4, 1, 2}, 2}, {[]float64{4, 2}, 3}} {
		if got := median(c.x); got != c.want {
			t.Errorf("%v: %v", c.x, got)
		}
	}
}

// An image of the tools of ext4, which need no mount, is read by the way that the bench measures.
func TestVolumeIsReadWhole(t *testing.T) {
	for _, kind := range []string{"ext4", "fat32", "hfsplus"} {
		t.Run(kind, func(t *testing.T) {
			if missing := missingTools(kind); len(missing) > 0 {
				need.Lacking(t, "missing: %q", missing)
			}
			dir := t.TempDir()
			tree := filepath.Join(dir, "tree")
			known, err := populate(tree, 50, 48, 5)
			if err != nil {
				t.Fatal(err)
			}
			v, err := make1(kind, dir, tree, 48)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			if err := once(context.Background(), &out, v.path, v.offset, true); err != nil {
				t.Fatal(err)
			}
			_, lines, _ := strings.Cut(out.String(), "\n")
			if n := exact(lines, known.sums); n != 50 {
				t.Errorf("%d of 50 files", n)
			}
		})
	}
}

func TestMeasuresAreReadable(t *testing.T) {
	r := []result{{Kind: "ext4", Files: 2, Bytes: 3 << 20, Exact: 2, Salvor: 1, Other: 4, OtherOK: 2}}
	raw, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(raw), `"tsk_recover_seconds":4`) {
		t.Errorf("%s, %v", raw, err)
	}
	if text := section(r, options{files: 2, mib: 4, rounds: 3}); !strings.Contains(text, "| ext4 | 2 | 3 | 2 |") || !strings.Contains(text, "0.25") {
		t.Error(text)
	}
}
