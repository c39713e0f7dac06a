package ext

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/filesystem"
	"salvor/internal/need"
)

// edited runs commands of debugfs on an image of testdata.
func edited(t *testing.T, name string, commands ...string) []byte {
	t.Helper()
	debugfs := need.Tool(t, "debugfs")
	path, _ := unpacked(t, name)
	script := filepath.Join(t.TempDir(), "commands")
	if err := os.WriteFile(script, []byte(strings.Join(commands, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, debugfs, "-w", "-f", script, path)
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEncryptedNames has a folder whose names are encrypted: they are listed as they are stored, and told.
func TestEncryptedNames(t *testing.T) {
	v := mustOpen(t, edited(t, "encrypt", "set_inode_field /folder flags 0x80800"))
	got, _ := files(t, v)
	n := 0
	for key, f := range got {
		inside := strings.HasPrefix(f.Path, "folder/")
		if strings.Contains(codes(f), "encrypted.name") != inside {
			t.Errorf("%s: %s", key, codes(f))
		}
		if inside {
			n++
		}
	}
	if n == 0 || !got["live folder"].Locked {
		t.Errorf("%d names in the folder, locked is %v", n, got["live folder"].Locked)
	}
}

// TestVerity has a sealed file with blocks behind its end, which are told and are no part of it.
func TestVerity(t *testing.T) {
	v := mustOpen(t, edited(t, "unwritten", "set_inode_field /unwritten.bin flags 0x180000", "set_inode_field /unwritten.bin size 900"))
	got, errs := files(t, v)
	f := got["live unwritten.bin"]
	if f == nil || len(errs) > 0 || codes(f) != "verity" || f.Size() != 900 || !f.Sound {
		t.Fatalf("%+v, %v", f, errs)
	}
	if b, err := readAll(t, v, f); err != nil || len(b) != 900 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if at := f.Findings[0].Offset; at <= 0 || at%v.sb.blockSize != 0 {
		t.Errorf("the tree is told to stand at %d", at)
	}
}

func TestProject(t *testing.T) {
	v := mustOpen(t, edited(t, "unwritten", "feature project", `set_inode_field "/folder/file 3.txt" projid 4242`))
	got, _ := files(t, v)
	for key, f := range got {
		if has := strings.Contains(codes(f), "project"); has != (key == "live folder/file 3.txt") {
			t.Errorf("%s: %v", key, f.Findings)
		}
	}
}

// TestLargeVolume has a volume of 15 TiB in a sparse file, of which nearly nothing is used.
func TestLargeVolume(t *testing.T) {
	mke2fs, debugfs := need.Tool(t, "mke2fs"), need.Tool(t, "debugfs")
	dir := t.TempDir()
	img := filepath.Join(dir, "img")
	f, err := os.Create(img)
	if err != nil {
		t.Fatal(err)
	}
	const size = 15 << 40
	if err := f.Truncate(size); err != nil {
		need.Lacking(t, "the file system that holds it does not go so far: %v", err)
	}
	defer f.Close()
	// meta_bg needs no room for the descriptors of all groups at the start.
	run(t, mke2fs, "-q", "-F", "-t", "ext4", "-b", "4096", "-N", "200000", "-O", "^has_journal,^resize_inode,^uninit_bg,bigalloc", "-C", "1048576",
		"-E", "lazy_itable_init=1,nodiscard", img)
	small := filepath.Join(dir, "small")
	if err := os.WriteFile(small, text("small", 70000), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, debugfs, "-w", "-R", "write "+small+" small.txt", img)
	v, err := open(t.Context(), fileSource{f, size})
	if err != nil {
		t.Fatal(err)
	}
	got, errs := files(t, v)
	b, err := readAll(t, v, got["live small.txt"])
	if len(errs) > 0 || err != nil || string(b) != string(text("small", 70000)) || v.Info().Size != size {
		t.Errorf("%d bytes, %v, %v, %d", len(b), err, errs, v.Info().Size)
	}
}

type fileSource struct {
	*os.File
	size int64
}

func (d fileSource) Size() int64 { return d.size }

// TestManyEntries has a folder with more entries than are read in one batch, or with some thousand where Linux may not be asked
// to write them: mke2fs looks through the whole folder for each one.
func TestManyEntries(t *testing.T) {
	mke2fs, mount, umount := need.Tool(t, "mke2fs"), need.Tool(t, "mount"), need.Tool(t, "umount")
	dir := t.TempDir()
	tree, img := filepath.Join(dir, "tree"), filepath.Join(dir, "img")
	fill := func(n int) {
		if err := os.MkdirAll(filepath.Join(tree, "many"), 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := os.WriteFile(filepath.Join(tree, "many", fmt.Sprintf("a file with the number %07d", i)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	n := batchSize + 5000
	run(t, mke2fs, "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-N", fmt.Sprint(n+100), img, "128M")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := exec.Command(mount, "-o", "loop", img, tree).Run(); err == nil {
		t.Cleanup(func() { _ = exec.Command(umount, tree).Run() })
		fill(n)
		run(t, umount, tree)
	} else if need.CI() {
		t.Fatalf("no loop mounts here: %v", err)
	} else {
		n = 5000
		fill(n)
		run(t, mke2fs, "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-N", fmt.Sprint(n+100), "-d", tree, img, "128M")
	}
	f, err := os.Open(img)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := open(t.Context(), fileSource{f, 128 << 20})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for f, err := range v.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.State == filesystem.Live && f.Sound && strings.HasPrefix(f.Path, "many/a file with the number ") {
			seen++
		}
	}
	if seen != n {
		t.Errorf("%d of %d entries", seen, n)
	}
}
