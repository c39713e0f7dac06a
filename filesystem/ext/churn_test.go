package ext

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

// churn writes and removes files on an image by debugfs, and returns the image and every content by its
// size, which no other has.
func churn(t *testing.T, name string, seed uint64) ([]byte, map[int64][]byte) {
	t.Helper()
	debugfs := need.Tool(t, "debugfs")
	path, _ := unpacked(t, name)
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(seed, 4))
	contents := map[int64][]byte{}
	for _, c := range removed {
		contents[int64(len(c))] = c
	}
	var live []string
	count := 0
	for round := range 13 {
		var script bytes.Buffer
		// Many files and few take turns, so that deleted ones pile up on the blocks of each other.
		least := 2 + round%2*10
		for range 24 {
			if len(live) > least {
				i := rnd.IntN(len(live))
				fmt.Fprintf(&script, "rm %s\n", live[i])
				live = append(live[:i], live[i+1:]...)
				continue
			}
			count++
			name := fmt.Sprintf("file%03d", count)
			content := text(name, 1000+count*37+rnd.IntN(40)*1024)
			if contents[int64(len(content))] != nil {
				continue
			}
			contents[int64(len(content))] = content
			from := filepath.Join(dir, name)
			if err := os.WriteFile(from, content, 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&script, "write %s %s\n", from, name)
			live = append(live, name)
		}
		commands := filepath.Join(dir, "commands")
		if err := os.WriteFile(commands, script.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(debugfs, "-w", "-f", commands, path)
		// Each round has a time of its own.
		cmd.Env = append(os.Environ(), fmt.Sprintf("E2FSPROGS_FAKE_TIME=%d", 1700000000+1000*round))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p, contents
}

// TestChurn removes and writes many files over each other: what is called the data of a deleted file is that
// of one file that was there, in its places, as far as metadata can tell, and no deleted file is sound.
func TestChurn(t *testing.T) {
	for _, name := range []string{"reused", "removed-ext2", "removed-ext4"} {
		wrong, deleted, whole, guessed := 0, 0, 0, 0
		for seed := range uint64(5) {
			p, contents := churn(t, name, seed)
			v, got, errs := walk(t, p)
			if len(errs) > 0 {
				t.Errorf("%s, seed %d: %v", name, seed, errs)
			}
			live := map[string]bool{}
			for _, f := range got {
				if f.State == filesystem.Live && f.Mode.IsRegular() {
					b, err := readAll(t, v, f)
					if err != nil {
						t.Errorf("%s, seed %d: %q: %v", name, seed, f.Path, err)
					}
					live[string(b)] = true
					if want := contents[f.Size()]; want != nil && len(b) > 0 && !bytes.Equal(b, want) && f.Path[:4] == "file" {
						t.Errorf("%s, seed %d: %q is wrong", name, seed, f.Path)
					}
				}
			}
			for _, f := range got {
				if f.State == filesystem.Live || len(f.Streams) == 0 {
					continue
				}
				deleted++
				if f.Sound && f.Size() > 0 {
					t.Errorf("%s, seed %d: %q is deleted and sound", name, seed, f.Path)
				}
				want := contents[f.Size()]
				src, err := v.Open(f, "")
				if err != nil {
					t.Fatal(err)
				}
				complete := true
				for _, r := range f.Streams[0].Runs {
					switch r.Kind {
					case block.Data:
						b, err := io.ReadAll(io.NewSectionReader(src, r.Logical, r.Length))
						if err != nil {
							t.Errorf("%s, seed %d: %q: %v", name, seed, f.Path, err)
						}
						if want != nil && bytes.Equal(b, want[r.Logical:r.Logical+r.Length]) {
							continue
						}
						// A file that took the blocks, and was deleted too, and whose inode another took, leaves no
						// trace in metadata. Where there is one, nothing may be called data.
						wrong++
						if f.Sound || len(f.Findings) > 0 {
							t.Errorf("%s, seed %d: %s %q of %d bytes: %v is called data and is not (%s)", name, seed, f.ID, f.Path, f.Size(), r, codes(f))
						}
					case block.Guessed:
						guessed++
						complete = false
					default:
						complete = false
					}
				}
				if complete {
					whole++
				}
			}
		}
		t.Logf("%s: %d deleted files, %d whole, %d guessed runs, %d wrong", name, deleted, whole, guessed, wrong)
		if deleted == 0 || whole == 0 {
			t.Errorf("%s: %d deleted files, %d whole: too few to tell", name, deleted, whole)
		}
	}
}

// TestNoBitmaps has deleted files whose volume cannot say any more which blocks are free: nothing of them is
// certain, and what a live file claims is still foreign.
func TestNoBitmaps(t *testing.T) {
	p := readImage(t, "reused")
	v := mustOpen(t, p)
	whole, _ := files(t, v)
	q := bytes.Clone(p)
	for i := range v.groups {
		b := q[int64(v.groups[i].blockBitmap)*v.sb.blockSize:][:v.sb.blockSize]
		for i := range b {
			b[i] ^= 0x5A
		}
	}
	w, got, _ := walk(t, q)
	others(t, p, w, got)
	seen := 0
	for key, f := range got {
		if f.State == filesystem.Live || len(f.Streams) == 0 {
			continue
		}
		before := whole[key]
		if before == nil || len(before.Streams) == 0 {
			continue
		}
		seen++
		for _, r := range f.Streams[0].Runs {
			if r.Kind == block.Data {
				t.Errorf("%s: %v is called data, and no bitmap says that it is free", key, r)
			}
		}
		if a, b := block.OfKind(before.Streams[0].Runs, block.Foreign), block.OfKind(f.Streams[0].Runs, block.Foreign); !a.Equal(b) {
			t.Errorf("%s: foreign are %v, with bitmaps %v", key, b.Extents(), a.Extents())
		}
	}
	if seen == 0 {
		t.Error("no deleted files")
	}
}

// TestHashTree damages every block of the hash tree that is no leaf: names are read in a row, so none is lost.
func TestHashTree(t *testing.T) {
	p := readImage(t, "htree")
	v := mustOpen(t, p)
	in := mustInode(t, p, "many")
	if in.flags&flagIndex == 0 {
		t.Fatal("the directory has no hash tree")
	}
	q := bytes.Clone(p)
	nodes := 0
	for _, r := range v.mapInode(in, v.newBudget()).runs {
		for o := int64(0); o < r.Length; o += v.sb.blockSize {
			b := q[r.Physical+o:][:v.sb.blockSize]
			switch {
			case r.Logical+o == 0:
				for i := 0x20; i < len(b); i++ {
					b[i] ^= 0xFF
				}
				nodes++
			case b[0] == 0 && b[1] == 0 && isNode(b):
				for i := 12; i < len(b); i++ {
					b[i] ^= 0xFF
				}
				nodes++
			}
		}
	}
	if nodes == 0 {
		t.Fatal("no nodes")
	}
	w, got, _ := walk(t, q)
	others(t, p, w, got)
}
