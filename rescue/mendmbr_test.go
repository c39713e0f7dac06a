package rescue

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

// TestMendMBR gives an MBR with a logical partition back whose first sector is gone, and keeps the boot code where only the
// entries are.
func TestMendMBR(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "disk.img")
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, 64<<20))
	sfdisk := need.Tool(t, "sfdisk")
	cmd := exec.Command(sfdisk, "-q", path)
	cmd.Stdin = strings.NewReader("label: dos\nstart=2048, size=32768, type=c\nstart=36864, size=90112, type=5\nstart=38912, size=40960, type=83\nstart=81920, size=45056, type=83\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	disk, err := os.ReadFile(path)
	must(t, err)
	for _, v := range []struct {
		at, size int64
		make     []string
	}{{2048, 32768, []string{"mkfs.fat", "-F", "16"}}, {38912, 40960, []string{"mke2fs", "-q", "-F", "-t", "ext4"}}, {81920, 45056, []string{"mke2fs", "-q", "-F", "-t", "ext2"}}} {
		part := filepath.Join(dir, "part")
		must(t, os.WriteFile(part, nil, 0o600))
		must(t, os.Truncate(part, v.size*512))
		if out, err := need.Command(t, v.make[0], append(v.make[1:], part)...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		p, err := os.ReadFile(part)
		must(t, err)
		copy(disk[v.at*512:], p)
		must(t, os.Remove(part))
	}
	for i := range disk[:440] {
		disk[i] = byte(i) | 1 // boot code
	}
	for _, tt := range []struct {
		name  string
		wreck func(p []byte)
	}{
		{"entries", func(p []byte) { clear(p[446:510]) }},
		{"sector", func(p []byte) { clear(p[:512]) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := bytes.Clone(disk)
			tt.wreck(p)
			image, out := filepath.Join(t.TempDir(), "image"), filepath.Join(t.TempDir(), "mended")
			must(t, os.WriteFile(image, p, 0o600))
			m, err := Mend(t.Context(), MendOptions{Path: image, Out: out}, &listener{})
			must(t, err)
			if len(m.Patches) == 0 || m.Broken > 0 {
				t.Fatalf("%d patches, %d broken, %q", len(m.Patches), m.Broken, m.Notes)
			}
			got, err := os.ReadFile(out)
			must(t, err)
			if !bytes.Equal(got[:440], p[:440]) {
				t.Error("the boot code was changed")
			}
			said, err := exec.Command(sfdisk, "--verify", out).CombinedOutput()
			if err != nil || !strings.Contains(string(said), "No errors detected") {
				t.Errorf("sfdisk: %v\n%s", err, said)
			}
			dump, err := exec.Command(sfdisk, "-d", out).Output()
			must(t, err)
			for _, start := range []string{"2048", "38912", "81920"} {
				if !strings.Contains(strings.ReplaceAll(string(dump), " ", ""), "start="+start+",") {
					t.Errorf("no partition begins at %s:\n%s", start, dump)
				}
			}
		})
	}
}
