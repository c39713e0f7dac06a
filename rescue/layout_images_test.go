package rescue

import (
	"compress/gzip"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

// placed is a volume on a random disk.
type placed struct {
	kind, label string
	offset      int64
	image       []byte
	size        int64 // by the volume's own word
	files       bool  // it holds folder/note.txt, and can be read
	// head is how many bytes at its start it cannot be found without, 0 when it has a backup elsewhere.
	head int64
	// open says that the volume does not say how long it is.
	open bool
}

// volumeImages makes small file systems that can be read, with a label and a file each, once for all disks.
func volumeImages(t *testing.T) []placed {
	t.Helper()
	var out []placed
	for _, p := range allImages(t) {
		switch p.label {
		case "four", "two", "TWELVE", "SIXTEEN":
			out = append(out, p)
		}
	}
	return out
}

// allImages makes a volume of every kind that a tool here can make or a fixture has.
func allImages(t testing.TB) []placed {
	t.Helper()
	need.Tools(t, "mke2fs", "mkfs.fat", "mcopy", "sfdisk", "mkfs.exfat", "mkfs.ntfs", "mkswap", "mksquashfs", "mkfs.btrfs", "mkfs.f2fs", "cryptsetup")
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	must(t, os.MkdirAll(filepath.Join(tree, "folder"), 0o755))
	must(t, os.WriteFile(filepath.Join(tree, "folder", "note.txt"), []byte(strings.Repeat("a note\n", 300)), 0o644))
	key := filepath.Join(dir, "key")
	must(t, os.WriteFile(key, []byte("secret"), 0o600))
	// A volume whose files are images of volumes themselves.
	images := filepath.Join(dir, "images")
	must(t, os.MkdirAll(filepath.Join(images, "folder"), 0o755))
	must(t, os.WriteFile(filepath.Join(images, "folder", "note.txt"), []byte("images"), 0o644))
	for _, m := range [][]string{{"mke2fs", "-q", "-F", "-t", "ext2", "-L", "inner", "-d", tree}, {"mkfs.fat", "-F", "12", "-n", "INNER"}, {"mkswap", "-q"}} {
		path := filepath.Join(images, m[0]+".img")
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Truncate(path, 1<<20))
		command(t, m[0], append(m[1:], path)...)
	}
	luks := []string{"cryptsetup", "-q", "luksFormat", "--key-file", key, "--pbkdf-force-iterations", "1000"}
	var out []placed
	for _, m := range []struct {
		kind, label string
		size        int64
		make        []string
		files       bool
		head        int64
		open        bool
	}{
		{kind: "ext4", label: "four", size: 2 << 20, make: []string{"mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-L", "four", "-d", tree}, files: true, head: 4096},
		{kind: "ext4", label: "large", size: 24 << 20, make: []string{"mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-L", "large", "-d", tree}, files: true},
		{kind: "ext4", label: "images", size: 20 << 20, make: []string{"mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024", "-L", "images", "-d", images}, files: true},
		{kind: "ext2", label: "two", size: 1 << 20, make: []string{"mke2fs", "-q", "-F", "-t", "ext2", "-b", "4096", "-L", "two", "-d", tree}, files: true, head: 4096},
		{kind: "ext3", label: "three", size: 17 << 20, make: []string{"mke2fs", "-q", "-F", "-t", "ext3", "-b", "1024", "-L", "three", "-d", tree}, files: true},
		{kind: "fat12", label: "TWELVE", size: 1 << 20, make: []string{"mkfs.fat", "-F", "12", "-n", "TWELVE"}, files: true, head: 4096},
		{kind: "fat16", label: "SIXTEEN", size: 9 << 20, make: []string{"mkfs.fat", "-F", "16", "-n", "SIXTEEN"}, files: true, head: 4096},
		{kind: "fat32", label: "THIRTYTWO", size: 34 << 20, make: []string{"mkfs.fat", "-F", "32", "-s", "1", "-n", "THIRTYTWO"}, files: true},
		{kind: "exfat", label: "large", size: 6 << 20, make: []string{"mkfs.exfat", "-L", "large"}},
		{kind: "ntfs", label: "Windows", size: 8 << 20, make: []string{"mkfs.ntfs", "-Q", "-F", "-q", "-L", "Windows"}},
		{kind: "swap", label: "virtual", size: 4 << 20, make: []string{"mkswap", "-q", "-L", "virtual"}, head: 4096},
		{kind: "luks", size: 3 << 20, make: append(luks, "--type", "luks1"), head: 4096, open: true},
		{kind: "luks", label: "safe", size: 18 << 20, make: append(luks, "--type", "luks2", "--pbkdf", "pbkdf2", "--label", "safe"), open: true},
		{kind: "squashfs", size: 0, make: []string{"mksquashfs", tree}, head: 4096},
		{kind: "btrfs", label: "pool", size: 24 << 20, make: []string{"mkfs.btrfs", "-q", "-f", "-M", "-m", "single", "-d", "single", "-L", "pool"}, head: 68 << 10},
		{kind: "f2fs", label: "flash", size: 64 << 20, make: []string{"mkfs.f2fs", "-q", "-l", "flash"}, head: 8192},
	} {
		path := filepath.Join(dir, m.kind+m.label)
		args := append(append([]string{}, m.make[1:]...), path)
		switch m.kind {
		case "squashfs":
			args = append(args, "-noappend", "-quiet", "-no-progress")
		default:
			must(t, os.WriteFile(path, nil, 0o600))
			must(t, os.Truncate(path, m.size))
		}
		command(t, m.make[0], args...)
		if strings.HasPrefix(m.kind, "fat") {
			command(t, "mcopy", "-i", path, "-s", filepath.Join(tree, "folder"), "::")
		}
		image, err := os.ReadFile(path)
		must(t, err)
		p := placed{kind: m.kind, label: m.label, image: image, size: int64(len(image)), files: m.files, head: m.head, open: m.open}
		if m.kind == "squashfs" { // the file is filled up to 4 KiB
			p.size = int64(binary.LittleEndian.Uint64(image[40:]))
		}
		out = append(out, p)
	}
	for _, m := range []struct {
		kind, file string
		head       int64
	}{
		{"hfsplus", "../filesystem/hfsplus/testdata/empty.img.gz", 0},
		{"xfs", "../filesystem/named/testdata/xfs-v5.img.gz", 4096}, // of one group
		{"xfs", "../filesystem/named/testdata/xfs.img.gz", 4096},
	} {
		image := gunzipped(t, m.file)
		out = append(out, placed{kind: m.kind, image: image, size: int64(len(image)), head: m.head})
	}
	return out
}

func gunzipped(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	must(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	must(t, err)
	b, err := io.ReadAll(z)
	must(t, err)
	return b
}
