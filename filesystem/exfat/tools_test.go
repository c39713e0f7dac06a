package exfat

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"salvor/filesystem"
	"salvor/internal/need"
)

// compared are the volumes that tools list as we do. Of exfatprogs/unused-dentries fls lists deleted files as live ones.
var compared = []string{"small.img.gz", "usual.img.gz", "large.img.gz", "formatted.img.gz", "dfir_ntfs/exfat_win.raw.gz",
	"util-linux/exfat.img.gz"}

func unpacked(t *testing.T, name string) (path string, p []byte) {
	t.Helper()
	p = readImage(t, name)
	path = filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, p
}

// TestAgainstSleuthKit compares names and kinds with fls, and contents with icat.
func TestAgainstSleuthKit(t *testing.T) {
	fls, icat := need.Tool(t, "fls"), need.Tool(t, "icat")
	for _, image := range compared {
		path, p := unpacked(t, image)
		out, err := exec.Command(fls, "-r", "-p", "-f", "exfat", path).Output()
		if err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		v := mustOpen(t, p)
		got, _ := files(t, v)
		var ours, theirs []string
		inode := map[string]string{}
		for name, f := range got {
			if path, live := strings.CutPrefix(name, "live "); live && path != "" {
				ours = append(ours, path)
				_ = f
			}
		}
		for _, line := range strings.Split(string(out), "\n") {
			head, name, ok := strings.Cut(line, ":\t")
			if !ok || strings.HasPrefix(name, "$") || strings.Contains(head, "*") || strings.HasPrefix(head, "v/") || strings.HasPrefix(head, "V/") ||
				strings.Contains(name, "(Volume Label Entry)") || strings.HasPrefix(name, "$OrphanFiles") {
				continue
			}
			theirs = append(theirs, name)
			inode[name] = strings.TrimSpace(head[strings.LastIndex(head, " "):])
		}
		sort.Strings(ours)
		sort.Strings(theirs)
		if strings.Join(ours, "\n") != strings.Join(theirs, "\n") {
			t.Errorf("%s: fls lists %d names, we %d:\n%q\n\n%q", image, len(theirs), len(ours), theirs, ours)
		}
		for i, name := range ours {
			f := got["live "+name]
			if i%(len(ours)/25+1) != 0 || !f.Mode.IsRegular() || f.Size() == 0 || inode[name] == "" {
				continue
			}
			want, err := exec.Command(icat, "-f", "exfat", path, inode[name]).Output()
			p, readErr := readAll(t, v, f)
			if err != nil || readErr != nil || sha256.Sum256(p) != sha256.Sum256(want) {
				t.Errorf("%s: %q differs from what icat reads: %v, %v", image, name, err, readErr)
			}
		}
	}
}

// TestAgainstFsck compares the state of volumes with what fsck.exfat says of them.
func TestAgainstFsck(t *testing.T) {
	fsck := need.Tool(t, "fsck.exfat")
	for image, exempt := range map[string]string{
		"small.img.gz": "", "usual.img.gz": "", "large.img.gz": "", "formatted.img.gz": "",
		"exfatprogs/bs_bad_csum.img.gz": "", "exfatprogs/bad_file_size.img.gz": "", "exfatprogs/loop_chain.img.gz": "",
		"exfatprogs/duplicate_clu.img.gz": "", "exfatprogs/bad_num_chain.img.gz": "", "exfatprogs/bad_first_clu.img.gz": "",
	} {
		path, p := unpacked(t, image)
		out, err := exec.Command(fsck, "-n", path).CombinedOutput()
		healthy := err == nil && !strings.Contains(string(out), "corrupted")
		v := mustOpen(t, p)
		if _, err := v.Used(t.Context()); err != nil {
			t.Fatal(err)
		}
		if (v.Info().State != filesystem.Damaged) != healthy && exempt == "" {
			t.Errorf("%s: %v, fsck.exfat says: %s", image, v.Info().State, out)
		}
	}
}

// TestAgainstDriver compares a volume with what exfat-fuse shows of it. It needs root, FUSE and a loop device.
func TestAgainstDriver(t *testing.T) {
	mount, losetup := need.Tool(t, "mount.exfat-fuse"), need.Tool(t, "losetup")
	path, p := unpacked(t, "usual.img.gz")
	out, err := exec.Command(losetup, "-r", "-f", "--show", path).CombinedOutput()
	if err != nil {
		need.Lacking(t, "no loop device: %s", out)
	}
	loop := strings.TrimSpace(string(out))
	defer func() { _ = exec.Command(losetup, "-d", loop).Run() }()
	dir := t.TempDir()
	if out, err := exec.Command(mount, "-o", "ro", loop, dir).CombinedOutput(); err != nil {
		need.Lacking(t, "no FUSE: %s", out)
	}
	defer func() { _ = exec.Command("umount", dir).Run() }()
	v := mustOpen(t, p)
	n := 0
	for f, err := range v.Files(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if f.State != filesystem.Live || f.Path == "" {
			continue
		}
		n++
		info, err := os.Stat(filepath.Join(dir, f.Path))
		if err != nil {
			t.Error(err)
			continue
		}
		if info.IsDir() != f.Mode.IsDir() || !info.ModTime().Truncate(1e9).Equal(f.Times.Modified.Truncate(1e9)) {
			t.Errorf("%s: %v, %v", f.Path, info, f.Times)
		}
		if info.IsDir() {
			continue
		}
		want, err := os.ReadFile(filepath.Join(dir, f.Path))
		got, readErr := readAll(t, v, f)
		if err != nil || readErr != nil || string(got) != string(want) {
			t.Errorf("%s: contents differ: %v, %v", f.Path, err, readErr)
		}
	}
	seen := 0
	err = filepath.Walk(dir, func(_ string, _ os.FileInfo, err error) error { seen++; return err })
	if err != nil || seen-1 != n {
		t.Errorf("the driver shows %d, we %d: %v", seen-1, n, fmt.Sprint(err))
	}
}
