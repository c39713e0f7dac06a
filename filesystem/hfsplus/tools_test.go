package hfsplus

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
)

// kernelTruth is what was in the volume that Linux's driver filled, before and after it deleted files.
func kernelTruth(t *testing.T) (before, after map[string]filesystemtest.Truth) {
	t.Helper()
	states := map[string]map[string]filesystemtest.Truth{"before": {}, "after": {}}
	lines := bufio.NewScanner(bytes.NewReader(fixture(t, "kernel.txt.gz")))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "|")
		if len(f) != 9 {
			t.Fatalf("%q", lines.Text())
		}
		x := filesystemtest.Truth{Type: f[2], Path: f[7], Target: f[8]}
		x.Size, _ = strconv.ParseInt(f[3], 10, 64)
		if x.Type == "file" {
			x.SHA256, x.Mode = f[4], f[5]
			seconds, _ := strconv.ParseInt(f[6], 10, 64)
			x.Modified = time.Unix(seconds, 0).UTC().Format(time.RFC3339)
		}
		states[f[1]][x.Path] = x
	}
	return states["before"], states["after"]
}

func TestKernel(t *testing.T) {
	before, after := kernelTruth(t)
	var truth []filesystemtest.Truth
	for _, x := range after {
		truth = append(truth, x)
	}
	if len(truth) < 100 || len(before) < len(after)+200 {
		t.Fatalf("%d and %d files", len(before), len(after))
	}
	img := fixture(t, "kernel.img.gz")
	filesystemtest.Run(t, openTest, block.Bytes(img), truth, filesystemtest.Options{Rounds: 60, Seed: 5})

	// What it deleted: its records stay where leaves were given up.
	fsys := mustOpen(t, block.Bytes(img))
	l := list(t, fsys)
	named, whole, deleted := 0, 0, 0
	for p, x := range before {
		if _, lives := after[p]; lives || x.Type != "file" {
			continue
		}
		deleted++
		f := l.files["deleted "+p]
		if f == nil {
			continue
		}
		named++
		if f.Size() == 0 {
			continue // the record as it was before the file was written
		}
		got, err := content(fsys, f, "")
		if sum := sha256.Sum256(got); err == nil && hex.EncodeToString(sum[:]) == x.SHA256 {
			whole++
		} else if err == nil {
			t.Errorf("%s: another content", p)
		}
	}
	// Removing a record moves those behind it, so that the driver itself leaves few.
	t.Logf("of %d deleted files %d have their name and path, %d their content", deleted, named, whole)
	if named < 80 || whole < 30 {
		t.Errorf("of %d deleted files %d have their name and path, %d their content", deleted, named, whole)
	}
	for key, f := range l.files {
		if f.State == filesystem.Deleted {
			if _, was := before[f.Path]; !was {
				t.Errorf("%s never was", key)
			}
		}
	}
}

func TestXorriso(t *testing.T) {
	var numbers bytes.Buffer
	for i := range 20000 {
		fmt.Fprintln(&numbers, i+1)
	}
	sum := func(p string) string {
		s := sha256.Sum256([]byte(p))
		return hex.EncodeToString(s[:])
	}
	const at = "2026-11-03T14:22:05Z"
	truth := []filesystemtest.Truth{
		{Path: "", Type: "dir"}, {Path: "folder", Type: "dir", Modified: at}, {Path: "folder/deeper", Type: "dir", Modified: at},
		{Path: "folder/one.txt", Type: "file", Size: 3, SHA256: sum("one"), Modified: at},
		{Path: "folder/deeper/numbers.txt", Type: "file", Size: int64(numbers.Len()), SHA256: sum(numbers.String()), Modified: at},
		{Path: "Grüße.txt", Type: "file", Size: 7, SHA256: sum("Grüße"), Modified: at},
		{Path: "empty", Type: "file", Modified: at},
		{Path: "link", Type: "link", Target: "folder/one.txt"},
	}
	img := fixture(t, "xorriso.img.gz")
	filesystemtest.Run(t, openTest, block.Bytes(img), truth, filesystemtest.Options{Rounds: 100, Seed: 9})
	clear(img[headerAt : headerAt+headerSize])
	fsys := mustOpen(t, block.Bytes(img))
	if info := fsys.Info(); info.Label != "SALVOR" || info.State != filesystem.Damaged {
		t.Errorf("%+v", info)
	}
	checkContent(t, fsys, list(t, fsys).files["folder/deeper/numbers.txt"], "", numbers.Bytes())
}
