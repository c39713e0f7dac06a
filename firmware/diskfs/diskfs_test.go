package diskfs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// mkfs makes an image with a maker's tool in a file of that many bytes.
func mkfs(t testing.TB, size int64, tool string, args ...string) []byte {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(out, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(out, size); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, tool, append(args, out)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func open(t *testing.T, p []byte) *firmware.Part {
	t.Helper()
	return firmwaretest.Open(t, p, nil, Formats()...)
}

func TestImages(t *testing.T) {
	for _, tt := range []struct {
		name, title, label string
		size               int64
		tool               string
		args               []string
		state              firmware.State
		flip               int64 // a byte that a check covers
		says               string
	}{
		{"btrfs", "btrfs", "acme", 120 << 20, "mkfs.btrfs", []string{"-q", "-f", "-L", "acme"}, firmware.Passed, 64<<20 + 200, "superblock, copy 2"},
		{"btrfs, SHA-256", "btrfs", "", 120 << 20, "mkfs.btrfs", []string{"-q", "-f", "--csum", "sha256"}, firmware.Passed, btrfsAt + 3000, "superblock, copy 1"},
		{"f2fs", "F2FS", "acme", 64 << 20, "mkfs.f2fs", []string{"-q", "-f", "-l", "acme", "-O", "extra_attr,sb_checksum"}, firmware.Passed, f2fsAt + 200, "superblock, copy 1"},
		{"f2fs without sums", "F2FS", "", 64 << 20, "mkfs.f2fs", []string{"-q", "-f"}, firmware.Cannot, f2fsAt + f2fsBlock + 200, "superblock, copy 2"},
		{"FAT12", "FAT12", "ACME", 1440 << 10, "mkfs.fat", []string{"-F", "12", "-n", "ACME"}, firmware.Passed, 520, "two copies"},
		{"FAT16", "FAT16", "", 20 << 20, "mkfs.fat", []string{"-F", "16"}, firmware.Passed, 4096, "two copies"},
		{"FAT32", "FAT32", "ACME", 40 << 20, "mkfs.fat", []string{"-F", "32", "-s", "1", "-n", "ACME"}, firmware.Passed, 50_000, "two copies"},
		{"FAT, one table", "FAT16", "", 20 << 20, "mkfs.fat", []string{"-F", "16", "-f", "1"}, firmware.Cannot, -1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := mkfs(t, tt.size, tt.tool, tt.args...)
			p := open(t, image)
			if p.Title != tt.title || p.Announced > tt.size || len(p.Checks) == 0 || p.Checks[0].State != tt.state || firmware.Whole(p).Answer != firmware.CannotTell {
				t.Fatalf("%q, %d bytes of %d, %+v", p.Title, p.Announced, len(image), p.Checks)
			}
			if s, err := look(image); err != nil || s.Name != tt.label || s.Size != p.Announced {
				t.Errorf("%+v, %v", s, err)
			}
			v := firmware.Whole(open(t, image[:len(image)/2]))
			if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the file system") {
				t.Errorf("cut: %v %q", v.Answer, v.Reasons)
			}
			if tt.flip < 0 {
				return
			}
			image[tt.flip] ^= 1
			v = firmware.Whole(open(t, image))
			if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], tt.says) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// look asks all formats.
func look(p []byte) (s firmware.Sighting, err error) {
	for _, f := range Formats() {
		if s, err = f.Look(context.Background(), block.Bytes(p)); err == nil {
			return s, nil
		}
	}
	return s, err
}

func TestLook(t *testing.T) {
	seen := 0
	for seed := range uint64(3000) {
		p := firmwaretest.Noise(8192, seed)
		copy(p[f2fsAt:], f2fsMagic)
		copy(p, []byte{0xEB, 0x3C, 0x90})
		p[510], p[511] = 0x55, 0xAA
		if _, err := look(p); !errors.Is(err, cursor.ErrNot) {
			seen++
		}
	}
	if seen > 0 {
		t.Errorf("%d of 3000 are seen", seen)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(bytes.TrimRight(mkfs(f, 1440<<10, "mkfs.fat", "-F", "12"), "\x00"))
	f.Add(mkfs(f, 64<<20, "mkfs.f2fs", "-q", "-f")[:10_000])
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Formats()...)
		if part.Format != "" && part.Announced > int64(len(p)) && firmware.Whole(part).Answer != firmware.No {
			t.Fatal("a cut image is whole")
		}
	})
}
