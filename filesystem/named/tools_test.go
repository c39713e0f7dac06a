package named

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

// run runs a command of the system; without it the test is skipped, or fails where all must be there.
func run(t *testing.T, line string) {
	t.Helper()
	args := strings.Fields(line)
	if out, err := need.Command(t, args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
}

// blank writes a file of mib MiB and returns its name.
func blank(t *testing.T, mib int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "volume.img")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, int64(mib)<<20); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestTools makes volumes with their own tools and expects start, size, label and UUID, at 0 and behind
// 3 MiB of something else, whole and with the primary structure gone where there is a backup.
func TestTools(t *testing.T) {
	const id = "12345678-9abc-4def-8123-456789abcdef"
	src := t.TempDir()
	for i := range 30 {
		data := []byte(strings.Repeat(fmt.Sprintf("line %d of a file\n", i), 200+37*i))
		if err := os.WriteFile(filepath.Join(src, fmt.Sprintf("file%d.txt", i)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, kind, command, label, id string
		mib                            int
		size                           int64  // 0: the whole file
		wipe                           [2]int // the bytes of the primary structure, when a backup remains
	}{
		{name: "btrfs", kind: "btrfs", command: "mkfs.btrfs -q -L pool -U " + id + " IMG", label: "pool", id: id, mib: 128, wipe: [2]int{64 << 10, 68 << 10}},
		{name: "xfs", kind: "xfs", command: "mkfs.xfs -q -L data -m uuid=" + id + " IMG", label: "data", id: id, mib: 300, wipe: [2]int{0, 512}},
		{name: "f2fs", kind: "f2fs", command: "mkfs.f2fs -q -l flash -U " + id + " IMG", label: "flash", id: id, mib: 64, wipe: [2]int{0, 4096}},
		{name: "swap", kind: "swap", command: "mkswap -q -L virtual -U " + id + " IMG", label: "virtual", id: id, mib: 4},
		{name: "luks1", kind: "luks", command: "cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 --uuid " + id + " IMG KEY", id: id, mib: 8, size: 2 << 20},
		{name: "luks2", kind: "luks", command: "cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --label safe --uuid " + id + " IMG KEY",
			label: "safe", id: id, mib: 32, size: 32 << 10, wipe: [2]int{0, 4096}},
		{name: "squashfs", kind: "squashfs", command: "mksquashfs SRC IMG -noappend -quiet -no-progress"},
		{name: "jffs2", kind: "jffs2", command: "mkfs.jffs2 -r SRC -o IMG -e 128KiB -l -p"},
		{name: "ubifs", kind: "ubifs", command: "mkfs.ubifs -r SRC -m 2048 -e 126976 -c 100 -o IMG"},
		{name: "minix", kind: "minix", command: "mkfs.minix IMG", mib: 4},
		{name: "minix 3", kind: "minix", command: "mkfs.minix -3 IMG", mib: 4},
		{name: "cramfs", kind: "cramfs", command: "mkfs.cramfs -n shell SRC IMG", label: "shell"},
		{name: "iso", kind: "iso9660", command: "xorriso -as mkisofs -quiet -V DISC -o IMG SRC", label: "DISC"},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := blank(t, c.mib)
			key := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.mib == 0 {
				if err := os.Remove(img); err != nil {
					t.Fatal(err)
				}
			}
			run(t, strings.NewReplacer("IMG", img, "SRC", src, "KEY", key).Replace(c.command))
			whole, err := os.ReadFile(img)
			if err != nil {
				t.Fatal(err)
			}
			for _, shift := range []int{0, 3 << 20} {
				for _, wiped := range []bool{false, true} {
					if wiped && c.wipe[1] == 0 {
						continue
					}
					b := make([]byte, shift+len(whole), shift+len(whole)+1<<20)
					copy(b[shift:], whole)
					if wiped {
						clear(b[shift+c.wipe[0] : shift+c.wipe[1]])
					}
					found := claims(t, append(b, make([]byte, 1<<20)...))
					size := c.size
					if size == 0 {
						size = int64(len(whole))
					}
					ok := false
					for _, f := range found {
						if f.Kind != c.kind {
							t.Errorf("claimed is %s", show(f))
							continue
						}
						// Tables and images are padded behind the end that the volume gives itself.
						slack := int64(4096)
						switch c.kind {
						case "squashfs", "cramfs", "iso9660", "jffs2":
							slack = 512 << 10
						case "ubifs":
							slack = 16 << 20
						case "xfs", "btrfs", "f2fs":
							slack = 2 << 20
						}
						if f.Extent.Offset == int64(shift) && abs(f.Extent.Length-size) <= slack && (c.label == "" || f.Label == c.label) &&
							(c.id == "" || f.UUID == c.id) && f.FromBackup == wiped {
							ok = true
						} else {
							t.Errorf("shift %d, wiped %v: claimed is %s, expected %#x+%#x", shift, wiped, show(f), shift, size)
						}
					}
					if !ok {
						t.Errorf("shift %d, wiped %v: not found", shift, wiped)
					}
				}
			}
		})
	}
}

func abs(v int64) int64 { return max(v, -v) }
