package fat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"salvor/filesystem"
	"salvor/internal/need"
)

// unpacked writes an image of testdata where tools can read it.
func unpacked(t *testing.T, name string) (path string, p []byte) {
	t.Helper()
	p = readImage(t, name)
	path = filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, p
}

// compared are the volumes that tools list as we do, with the bytes before the volume.
var compared = []string{
	"floppy12.img.gz", "fat16.img.gz", "fat32.img.gz", "overwritten.img.gz", "around.img.gz",
	"dfir_ntfs/fat12.raw.gz", "dfir_ntfs/fat16.raw.gz", "dfir_ntfs/fat16_moved.raw.gz", "dfir_ntfs/fat_noloop.raw.gz",
	"rust-fatfs/fat12.img.gz", "rust-fatfs/fat16.img.gz",
}

func TestAgainstMtools(t *testing.T) {
	mdir, mcopy := need.Tool(t, "mdir"), need.Tool(t, "mcopy")
	for _, image := range compared {
		path, p := unpacked(t, image)
		run := func(name string, args ...string) []byte {
			cmd := exec.Command(name, args...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MTOOLS_SKIP_CHECK=1", "TZ=UTC")
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%s: %v %v: %v", image, name, args, err)
			}
			return out
		}
		v := mustOpen(t, p)
		var got, names []string
		live := map[string]*filesystem.File{}
		for f, err := range v.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if f.State != filesystem.Live || f.Path == "" || strings.Contains(f.Path, "🎉") {
				continue // mtools cannot read characters beyond 16 bits
			}
			name := f.Path
			if f.Mode.IsDir() {
				name += "/"
			} else {
				names = append(names, f.Path)
				live[f.Path] = f
			}
			got = append(got, name)
		}
		var want []string
		for _, line := range strings.Split(strings.TrimSpace(string(run(mdir, "-/", "-a", "-b", "-i", path, "::"))), "\n") {
			if name := strings.TrimPrefix(line, "::/"); !strings.Contains(name, "party") {
				want = append(want, name)
			}
		}
		sort.Strings(got)
		sort.Strings(want)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: mdir lists %d names, we %d:\n%s\n\n%s", image, len(want), len(got), want, got)
		}
		for i, name := range names {
			if i%(len(names)/20+1) != 0 {
				continue
			}
			p, err := readAll(t, v, live[name])
			if err != nil || !bytes.Equal(p, run(mcopy, "-i", path, "::"+name, "-")) {
				t.Errorf("%s: %q differs from what mcopy reads: %v", image, name, err)
			}
		}
	}
}

func TestAgainstSleuthKit(t *testing.T) {
	fls := need.Tool(t, "fls")
	for _, image := range compared {
		path, p := unpacked(t, image)
		out, err := exec.Command(fls, "-r", "-p", path).Output()
		if err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		got, _ := files(t, mustOpen(t, p))
		for _, line := range strings.Split(string(out), "\n") {
			head, name, ok := strings.Cut(line, ":\t")
			// Virtual files of fls, and the label, are no files.
			if !ok || strings.HasPrefix(head, "v/") || strings.HasPrefix(head, "V/") || strings.Contains(name, "Volume Label") ||
				strings.Contains(name, "$Orphan") || strings.Contains(name, "(realloc)") {
				continue
			}
			state := "live "
			if strings.Contains(head, "*") {
				state = "deleted "
			}
			f := got[state+name]
			if f == nil && state == "deleted " {
				// fls gives the letter of names without a long one as an underscore too.
				f = got[state+strings.ReplaceAll(name, "\u00a0", " ")]
			}
			if f == nil {
				t.Errorf("%s: fls lists %s%q", image, state, name)
			} else if f.Mode.IsDir() != strings.HasPrefix(head, "d/") {
				t.Errorf("%s: %q is of another kind to fls", image, name)
			}
		}
	}
}
