package ext

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// text is the content of a file of testdata, as tree.py makes it.
func text(seed string, size int) []byte {
	var b []byte
	for i := 0; len(b) < size; i++ {
		b = fmt.Appendf(b, "%s line %08d of a file that tells its own place\n", seed, i)
	}
	return b[:size]
}

// removed are the files that testdata/make.sh removes by debugfs, and their content.
var removed = map[string][]byte{
	"gone/photo 1.jpg": text("gone1", 25000),
	"gone/photo 2.jpg": text("gone2", 30000),
	"gone/inner.txt":   text("inner", 300),
	"root file.txt":    text("rootfile", 40000),
	"a name that is long enough to be left in the slack.txt": text("slack", 5000),
}

func TestRemoved(t *testing.T) {
	for _, name := range []string{"removed-ext4", "removed-ext2"} {
		v := mustOpen(t, readImage(t, name))
		got, errs := files(t, v)
		if len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		for path, want := range removed {
			f := got["deleted "+path]
			if f == nil {
				t.Errorf("%s: %q is missing", name, path)
				continue
			}
			p, err := readAll(t, v, f)
			if err != nil || !bytes.Equal(p, want) {
				t.Errorf("%s: %q: %d bytes, %v", name, path, len(p), err)
			}
			if f.Times.Deleted.IsZero() {
				t.Errorf("%s: %q has no time of deletion", name, path)
			}
			if places := block.OfKind(f.Streams[0].Runs, block.Foreign, block.Lost, block.Zero); !places.Empty() {
				t.Errorf("%s: %q: runs %v", name, path, f.Streams[0].Runs)
			}
			if got["live "+path] != nil {
				t.Errorf("%s: %q is live as well", name, path)
			}
		}
		count := 0
		for _, f := range got {
			if f.State == filesystem.Deleted {
				count++
			}
		}
		if count != len(removed) {
			t.Errorf("%s: %d deleted files, expected %d", name, count, len(removed))
		}
	}
}

// TestReused has deleted files of which a later one has taken blocks: those are Foreign and cannot be read,
// the rest is what it was.
func TestReused(t *testing.T) {
	v := mustOpen(t, readImage(t, "reused"))
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Error(errs)
	}
	taker := got["live new.bin"]
	if taker == nil {
		t.Fatal("new.bin is missing")
	}
	taken := block.Places(taker.Streams[0].Runs)
	// The last block is taken whole.
	for _, e := range taken.Extents() {
		e.Length = (e.Length + 1023) &^ 1023
		taken.Add(e)
	}
	hit, clean := 0, 0
	for path, want := range removed {
		f := got["deleted "+path]
		if f == nil {
			// The new file took its inode, and perhaps the place of its name.
			continue
		}
		if f.Size() != int64(len(want)) {
			t.Errorf("%q: %d bytes, findings %v", path, f.Size(), f.Findings)
			continue
		}
		foreign := block.Places(slices.DeleteFunc(slices.Clone(f.Streams[0].Runs), func(r block.Run) bool { return r.Kind != block.Foreign }))
		places := block.Places(f.Streams[0].Runs)
		if expected := places.Intersect(taken); !foreign.Equal(expected) {
			t.Errorf("%q: foreign are %v, expected %v", path, foreign.Extents(), expected.Extents())
		}
		if foreign.Empty() {
			clean++
		} else {
			hit++
			if !strings.Contains(codes(f), "deleted.reused") {
				t.Errorf("%q: findings %v", path, f.Findings)
			}
		}
		src, err := v.Open(f, "")
		if err != nil {
			t.Fatal(err)
		}
		for off := int64(0); off < f.Size(); off += 256 {
			p := make([]byte, min(256, f.Size()-off))
			n, err := src.ReadAt(p, off)
			_, bad := block.IsUnreadable(err)
			if n < len(p) != bad {
				t.Errorf("%q at %d: %d bytes, %v", path, off, n, err)
			}
			if !bytes.Equal(p[:n], want[off:off+int64(n)]) {
				t.Fatalf("%q at %d: wrong bytes", path, off)
			}
		}
	}
	if hit == 0 || clean == 0 {
		t.Errorf("%d deleted files lost blocks, %d did not; the image should have both", hit, clean)
	}
}

// TestKernelDeleted has files that Linux removed: it leaves neither names nor places. What is still told of
// them must not claim more.
func TestKernelDeleted(t *testing.T) {
	v := mustOpen(t, readImage(t, "kernel-deleted"))
	got, errs := files(t, v)
	if len(errs) > 0 {
		t.Error(errs)
	}
	for key, f := range got {
		if f.State == filesystem.Live {
			continue
		}
		if f.State != filesystem.Deleted {
			t.Errorf("%s: a clean volume has %v", key, f.State)
		}
		if f.Sound && f.Size() > 0 {
			t.Errorf("%s: sound, %d bytes", key, f.Size())
		}
		for _, s := range f.Streams {
			for _, r := range s.Runs {
				if r.Kind == block.Data {
					t.Errorf("%s: %v is called data", key, r)
				}
			}
		}
	}
}

// TestDangling has a name whose inode debugfs freed: the file is not sound and its bytes are not trusted.
func TestDangling(t *testing.T) {
	debugfs := need.Tool(t, "debugfs")
	for _, name := range []string{"ext4", "ext2"} {
		path, p := unpacked(t, name)
		run(t, debugfs, "-w", "-R", "kill_file DCIM/100CANON/IMG_0002.JPG", path)
		q, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, got, errs := walk(t, q)
		for key, f := range got {
			if strings.Contains(key, "IMG_0002") && f.Sound {
				t.Errorf("%s: %s is sound, findings %v", name, key, f.Findings)
			}
		}
		if got["live DCIM/100CANON/IMG_0002.JPG"] == nil && len(errs) == 0 && got["deleted DCIM/100CANON/IMG_0002.JPG"] == nil {
			t.Errorf("%s: the name is gone and nothing says why", name)
		}
		others(t, p, v, got, "DCIM/100CANON/IMG_0002.JPG")
	}
}

// TestUnlinked has files that lost their only name, but not their inode.
func TestUnlinked(t *testing.T) {
	debugfs := need.Tool(t, "debugfs")
	for _, name := range []string{"ext4", "ext2", "ext4-inline"} {
		path, p := unpacked(t, name)
		run(t, debugfs, "-w", "-R", "unlink DCIM/100CANON/IMG_0002.JPG", path)
		run(t, debugfs, "-w", "-R", "unlink deep", path)
		q, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v, got, _ := walk(t, q)
		others(t, p, v, got, "DCIM/100CANON/IMG_0002.JPG", "deep")
		for _, want := range [][]byte{text("img2", 9000+2222), text("bottom", 2222)} {
			found := false
			for _, f := range got {
				if f.State != filesystem.Live && f.Mode.IsRegular() && f.Size() == int64(len(want)) {
					b, err := readAll(t, v, f)
					found = found || err == nil && bytes.Equal(b, want)
				}
			}
			if !found {
				t.Errorf("%s: the file of %d bytes is lost", name, len(want))
			}
		}
	}
}

// TestDeletedTruth keeps the list above and that of testdata together.
func TestDeletedTruth(t *testing.T) {
	n := 0
	for _, w := range filesystemtest.TruthFile(t, os.DirFS("testdata"), "removed-ext4.json") {
		if w.State == "" {
			continue
		}
		n++
		if int64(len(removed[w.Path])) != w.Size {
			t.Errorf("%q has %d bytes", w.Path, w.Size)
		}
	}
	if n != len(removed) {
		t.Errorf("%d deleted files in testdata", n)
	}
}
