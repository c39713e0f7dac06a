package ext

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"salvor/filesystem"
	"salvor/internal/need"
)

// TestAgainstKernel compares names, sizes, modes, times and contents with what Linux itself reads, through a loop mount.
func TestAgainstKernel(t *testing.T) {
	mount, umount := need.Tool(t, "mount"), need.Tool(t, "umount")
	for _, name := range []string{"ext2", "ext3", "ext4", "ext4-inline", "meta_bg", "bigalloc", "ea_inode", "kernel-deleted",
		"journal-ext4", "journal-torn", "journal-torn-ext3", "journal-torn-v1", "journal-data", "journal-fast"} {
		path, p := unpacked(t, name)
		dir := t.TempDir()
		var warnings bytes.Buffer
		// Without "ro" the kernel replays the journal of the copy, as it would on the device.
		cmd := exec.Command(mount, "-o", "loop,noatime", path, dir)
		cmd.Stderr = &warnings
		if err := cmd.Run(); err != nil {
			need.Lacking(t, "no loop mounts here: %v: %s", err, warnings.Bytes())
		}
		t.Cleanup(func() { _ = exec.Command(umount, dir).Run() })
		v := mustOpen(t, p)
		got, _ := files(t, v)
		seen := 0
		err := filepath.WalkDir(dir, func(full string, d fs.DirEntry, err error) error {
			if err != nil || full == dir {
				return err
			}
			rel, err := filepath.Rel(dir, full)
			if err != nil {
				return err
			}
			var names []string
			for _, n := range strings.Split(rel, "/") {
				names = append(names, filesystem.EscapeName(n))
			}
			f := got["live "+strings.Join(names, "/")]
			if f == nil {
				t.Errorf("%s: the kernel lists %q", name, rel)
				return nil
			}
			seen++
			info, err := d.Info()
			if err != nil {
				return err
			}
			// A replay of fast commits enters names anew, and so changes the time of their directory.
			late := v.fast != nil && d.IsDir()
			if info.Mode() != f.Mode || !late && !info.ModTime().Truncate(time.Microsecond).Equal(f.Times.Modified.Truncate(time.Microsecond)) {
				t.Errorf("%s: %q: %v %v, to the kernel %v %v", name, rel, f.Mode, f.Times.Modified, info.Mode(), info.ModTime())
			}
			if !info.Mode().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(full)
			if err != nil {
				return err
			}
			sum := sha256.Sum256(b)
			if got := sumOf(t, v, f); got != hex.EncodeToString(sum[:]) || f.Size() != info.Size() {
				t.Errorf("%s: %q: %d bytes are not the %d of the kernel", name, rel, f.Size(), info.Size())
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		live := 0
		for _, f := range got {
			if f.State == filesystem.Live && f.Path != "" {
				live++
			}
		}
		if seen != live || seen == 0 {
			t.Errorf("%s: the kernel lists %d files, %d are live here", name, seen, live)
		}
		run(t, umount, dir)
	}
}

// TestAgainstIcat compares contents with what icat of The Sleuth Kit copies out.
func TestAgainstIcat(t *testing.T) {
	icat := need.Tool(t, "icat")
	for _, name := range []string{"ext2", "ext3", "ext4", "meta_bg", "journal-ext4"} {
		path, p := unpacked(t, name)
		v := mustOpen(t, p)
		got, _ := files(t, v)
		seen := 0
		for key, f := range got {
			number, _, again := strings.Cut(strings.TrimPrefix(f.ID, "i"), "-")
			if f.State != filesystem.Live || !f.Mode.IsRegular() || f.Size() == 0 || again || seen >= 60 {
				continue
			}
			out, err := exec.Command(icat, path, number).Output()
			if err != nil {
				continue // it does not read every file in pieces
			}
			seen++
			sum := sha256.Sum256(out)
			if sumOf(t, v, f) != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: %s is another file to icat", name, key)
			}
		}
		if seen < 10 {
			t.Errorf("%s: %d files", name, seen)
		}
	}
}
