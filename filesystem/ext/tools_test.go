package ext

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

func run(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	var warnings bytes.Buffer
	cmd.Stderr = &warnings
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, warnings.Bytes())
	}
	return out
}

// unpacked writes an image of testdata where tools can read it.
func unpacked(t testing.TB, name string) (path string, p []byte) {
	t.Helper()
	p = readImage(t, name)
	path = filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, p
}

// TestAgainstRdump compares every regular file and directory with what debugfs copies out.
func TestAgainstRdump(t *testing.T) {
	debugfs := need.Tool(t, "debugfs")
	for _, image := range images {
		if image.name == "htree" || image.name == "sparse" {
			continue // the truth suffices, and they are large
		}
		path, p := unpacked(t, image.name)
		out := t.TempDir()
		run(t, debugfs, "-R", "rdump / "+out, path)
		v := mustOpen(t, p)
		got, _ := files(t, v)
		seen := 0
		err := filepath.WalkDir(out, func(full string, d fs.DirEntry, err error) error {
			if err != nil || full == out {
				return err
			}
			rel, err := filepath.Rel(out, full)
			if err != nil {
				return err
			}
			var names []string
			for _, name := range strings.Split(rel, "/") {
				names = append(names, filesystem.EscapeName(name))
			}
			f := got["live "+strings.Join(names, "/")]
			if f == nil {
				t.Errorf("%s: %q is missing", image.name, rel)
				return nil
			}
			seen++
			if f.Mode.Type() != d.Type() {
				t.Errorf("%s: %q is %v to debugfs, %v to us", image.name, rel, d.Type(), f.Mode.Type())
			}
			if d.Type().IsRegular() {
				want, err := os.ReadFile(full)
				if err != nil {
					return err
				}
				if image.name == "ext4-inline" && f.Size() < iblockSize {
					want = want[:f.Size()] // debugfs pads content that stands in the block map's place
				}
				if b, err := readAll(t, v, f); err != nil || !bytes.Equal(b, want) {
					t.Errorf("%s: %q differs from what debugfs reads: %v", image.name, rel, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen < 5 {
			t.Errorf("%s: debugfs copied %d files", image.name, seen)
		}
	}
}

// TestAgainstBlocks compares the places of every file with the blocks that debugfs lists.
func TestAgainstBlocks(t *testing.T) {
	debugfs := need.Tool(t, "debugfs")
	for _, image := range images {
		if image.name == "htree" {
			continue
		}
		path, p := unpacked(t, image.name)
		v := mustOpen(t, p)
		var commands strings.Builder
		wanted := map[string]block.Set{}
		got, _ := files(t, v)
		for _, f := range got {
			if f.State != filesystem.Live || !f.Mode.IsRegular() || strings.Contains(f.ID, "-") {
				continue
			}
			var number uint32
			if _, err := fmt.Sscanf(f.ID, "i%d", &number); err != nil {
				t.Fatal(err)
			}
			in, err := v.inode(number)
			if err != nil {
				t.Fatal(err)
			}
			if in.inline() {
				continue
			}
			m := v.mapInode(in, v.newBudget())
			list := append(m.nodes, m.beyond...)
			for _, r := range m.runs {
				if e := r.PhysicalExtent(); e.Length > 0 {
					e.Length = (e.Length + v.sb.blockSize - 1) &^ (v.sb.blockSize - 1)
					list = append(list, e)
				}
			}
			wanted[strconv.Itoa(int(number))] = block.SetOf(list...)
			fmt.Fprintf(&commands, "blocks <%d>\n", number)
		}
		script := filepath.Join(t.TempDir(), "commands")
		if err := os.WriteFile(script, []byte(commands.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		number := ""
		seen := 0
		for _, line := range strings.Split(string(run(t, debugfs, "-f", script, path)), "\n") {
			if after, ok := strings.CutPrefix(line, "debugfs: blocks <"); ok {
				number = strings.TrimSuffix(after, ">")
				continue
			}
			want, ok := wanted[number]
			if !ok {
				continue
			}
			delete(wanted, number)
			seen++
			var list []block.Extent
			for _, n := range strings.Fields(line) {
				b, err := strconv.ParseUint(n, 10, 64)
				if err != nil {
					t.Fatalf("%s: %q", image.name, line)
				}
				if b > 0 { // holes are listed as block 0
					list = append(list, v.sb.blocks(b, 1))
				}
			}
			if theirs := block.SetOf(list...); !theirs.Equal(want) {
				t.Errorf("%s: inode %s stands at %v, to debugfs at %v", image.name, number, want.Extents(), theirs.Extents())
			}
		}
		if seen == 0 {
			t.Errorf("%s: debugfs listed nothing", image.name)
		}
	}
}

var freeRange = regexp.MustCompile(`^(\d+)(?:-(\d+))?$`)

// TestAgainstBitmaps compares Used with the free blocks that dumpe2fs lists.
func TestAgainstBitmaps(t *testing.T) {
	dumpe2fs := need.Tool(t, "dumpe2fs")
	for _, image := range images {
		path, p := unpacked(t, image.name)
		v := mustOpen(t, p)
		used, err := v.Used(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var free []block.Extent
		for _, line := range strings.Split(string(run(t, dumpe2fs, path)), "\n") {
			list, ok := strings.CutPrefix(line, "  Free blocks: ")
			if !ok {
				continue
			}
			for _, x := range strings.Split(list, ", ") {
				m := freeRange.FindStringSubmatch(strings.TrimSpace(x))
				if m == nil {
					continue
				}
				first, _ := strconv.ParseUint(m[1], 10, 64)
				last := first
				if m[2] != "" {
					last, _ = strconv.ParseUint(m[2], 10, 64)
				}
				last |= uint64(v.sb.clusterBlocks) - 1 // of the last cluster, the first block is listed
				free = append(free, v.sb.blocks(first, last-first+1))
			}
		}
		want := block.SetOf(free...).Complement(block.Extent{Length: v.sb.size()})
		if !used.Equal(want) {
			t.Errorf("%s: used are %d bytes, to dumpe2fs %d; more %v, less %v", image.name, used.Bytes(), want.Bytes(),
				used.Subtract(want).Extents(), want.Subtract(used).Extents())
		}
	}
}

// TestAgainstSleuthKit compares names, live and deleted, with those of fls.
func TestAgainstSleuthKit(t *testing.T) {
	fls := need.Tool(t, "fls")
	for _, name := range []string{"ext2", "ext3", "ext4", "ext4-4k", "gdt_csum", "removed-ext4", "removed-ext2", "reused", "htree"} {
		path, p := unpacked(t, name)
		got, _ := files(t, mustOpen(t, p))
		seen := 0
		for _, line := range strings.Split(string(run(t, fls, "-r", "-p", path)), "\n") {
			head, file, ok := strings.Cut(line, ":\t")
			// Virtual files of fls are none, and it prints control characters and broken names in its own way.
			if !ok || strings.HasPrefix(head, "V/") || strings.Contains(file, "$Orphan") || strings.HasPrefix(file, "hostile/") || strings.Contains(head, "realloc") {
				continue
			}
			seen++
			state := "live "
			if strings.Contains(head, "*") {
				state = "deleted "
			}
			f := got[state+file]
			if f == nil {
				t.Errorf("%s: fls lists %s%q", name, state, file)
				continue
			}
			if f.Mode.IsDir() != strings.Contains(head, "d/d") {
				t.Errorf("%s: %q is of another kind to fls: %s", name, file, head)
			}
			number := head[strings.LastIndexByte(head, ' ')+1:]
			if state == "live " && strings.Split(f.ID, "-")[0] != "i"+number {
				t.Errorf("%s: %q is %s, to fls %s", name, file, f.ID, number)
			}
		}
		if seen < 10 {
			t.Errorf("%s: fls lists %d names", name, seen)
		}
	}
}

// BenchmarkList lists 10,000 files.
func BenchmarkList(b *testing.B) {
	mke2fs := need.Tool(b, "mke2fs")
	dir := b.TempDir()
	for i := range 100 {
		folder := filepath.Join(dir, "tree", fmt.Sprintf("folder %d", i))
		if err := os.MkdirAll(folder, 0o700); err != nil {
			b.Fatal(err)
		}
		for k := range 100 {
			if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("a file with number %d.txt", k)), []byte("some text\n"), 0o600); err != nil {
				b.Fatal(err)
			}
		}
	}
	img := filepath.Join(dir, "img")
	run(b, mke2fs, "-q", "-F", "-t", "ext4", "-N", "12000", "-d", filepath.Join(dir, "tree"), img, "128M")
	p, err := os.ReadFile(img)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		for f, err := range mustOpen(b, p).Files(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			if f.Mode.IsRegular() {
				n++
			}
		}
		if n != 10000 {
			b.Fatalf("%d files", n)
		}
	}
}
