package all

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

func content(t *testing.T, path string) []byte {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func mksquashfs(t *testing.T) []byte {
	dir := t.TempDir()
	out := filepath.Join(dir, "image")
	imagetest.Run(t, "mksquashfs", imagetest.Tree(t, dir), out, "-quiet", "-no-progress", "-comp", "xz")
	return content(t, out)
}

func mkimage(t *testing.T, p []byte) []byte {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, p, 0o600); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "mkimage", "-A", "mips", "-O", "linux", "-T", "filesystem", "-C", "none", "-n", "root", "-d", in, out)
	return content(t, out)
}

// tree writes the formats of all parts, parents before what is in them.
func tree(p *firmware.Part) string {
	var out []string
	p.Walk(func(x *firmware.Part, depth int) bool {
		out = append(out, strings.Repeat(".", depth)+x.Format)
		return true
	})
	return strings.Join(out, " ")
}

// TestNested opens images in images with the whole table: nothing is taken for something else.
func TestNested(t *testing.T) {
	root := mksquashfs(t)
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := errors.Join(os.WriteFile(disk, nil, 0o600), os.Truncate(disk, 4<<20)); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "sgdisk", "-n", "1:2048:3071", "-c", "1:rootfs_a", "-n", "2:4096:6143", "-c", "2:data", disk)
	card := content(t, disk)
	copy(card[2048*512:], root)
	ext := filepath.Join(dir, "ext")
	imagetest.Run(t, "mke2fs", "-q", "-F", "-t", "ext4", "-d", imagetest.Tree(t, dir), ext, "1M")
	copy(card[4096*512:], content(t, ext))

	ubifs, flash, ini := filepath.Join(dir, "ubifs"), filepath.Join(dir, "ubi"), filepath.Join(dir, "ini")
	imagetest.Run(t, "mkfs.ubifs", "-r", filepath.Join(dir, "root"), "-o", ubifs, "-m", "512", "-e", "15360", "-c", "200")
	if err := os.WriteFile(ini, []byte("[a]\nmode=ubi\nimage="+ubifs+"\nvol_id=0\nvol_type=dynamic\nvol_name=rootfs\nvol_flags=autoresize\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "ubinize", "-o", flash, "-m", "512", "-p", "16KiB", ini)

	for _, tt := range []struct {
		name, want string
		p          []byte
		answer     firmware.Answer
	}{
		{"image of a file system", "uimage .squashfs", mkimage(t, root), firmware.OK},
		{"disk", "disk .squashfs .ext", card, firmware.CannotTell},
		{"flash", "ubi .ubifs", content(t, flash), firmware.CannotTell},
		{"image and flash behind it", "uimage .squashfs", append(mkimage(t, root), bytes.Repeat([]byte{0xFF}, 4096)...), firmware.OK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.p, nil, Table()...)
			if v := firmware.Whole(p); tree(p) != tt.want || v.Answer != tt.answer {
				t.Errorf("%s, %v %q", tree(p), v.Answer, v.Reasons)
			}
		})
	}
}

// TestDamaged tells by the whole table what came of a good image on its way.
func TestDamaged(t *testing.T) {
	image := mkimage(t, mksquashfs(t))
	swap := bytes.Clone(image)
	for i := 0; i+1 < len(swap); i += 2 {
		swap[i], swap[i+1] = swap[i+1], swap[i]
	}
	for _, tt := range []struct {
		name   string
		p      []byte
		answer firmware.Answer
		says   string
	}{
		{"whole", image, firmware.OK, ""},
		{"cut", image[:len(image)*2/3], firmware.No, "it ends inside the root file system (file data)"},
		{"swapped", swap, firmware.No, "each two bytes are exchanged"},
		{"page", []byte("<!doctype html><title>Sign in to continue</title>"), firmware.No, `says "Sign in to continue"`},
		{"erased", bytes.Repeat([]byte{0xFF}, 1<<20), firmware.No, "nothing but 0xff"},
		{"noise", firmwaretest.Noise(1<<20, 5), firmware.CannotTell, "nothing can be told"},
		{"zeros", make([]byte, 1<<20), firmware.No, "nothing but 0x00"},
		{"empty", nil, firmware.No, "0 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, Table()...))
			says := strings.ReplaceAll(strings.Join(v.Reasons, "; "), `\"`, `"`)
			if v.Answer != tt.answer || !strings.Contains(says, tt.says) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestTextMode says of an image that its format takes, and whose sums fail, how it was changed.
func TestTextMode(t *testing.T) {
	image := bytes.ReplaceAll(mkimage(t, firmwaretest.Noise(100_000, 2)), []byte("\n"), []byte("\r\n"))
	p := firmwaretest.Open(t, image, nil, Table()...)
	if v := firmware.Whole(p); p.Format != "uimage" || v.Answer != firmware.No || len(p.Findings) != 1 || p.Findings[0].Code != "firmware.text-mode" {
		t.Errorf("%s: %v %q, %v", p.Format, v.Answer, v.Reasons, p.Findings)
	}
}

// TestNoise takes no noise for anything, with any beginning that a format looks for.
func TestNoise(t *testing.T) {
	table := Table()
	for _, f := range table {
		for _, probe := range f.Probes {
			for seed := range uint64(3) {
				p := firmwaretest.Noise(70_000, seed)
				copy(p[probe.At%60_000:], probe.Bytes)
				part := firmwaretest.Open(t, p, nil, table...)
				if part.Format != "unknown" && firmware.Whole(part).Answer == firmware.OK {
					t.Errorf("noise behind %s is a whole %s", probe.ID, part.Title)
				}
			}
		}
	}
}
