package disk

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

// file makes an empty file of that many bytes.
func file(t testing.TB, size int64) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "image")
	if err := errors.Join(os.WriteFile(out, nil, 0o600), os.Truncate(out, size)); err != nil {
		t.Fatal(err)
	}
	return out
}

func content(t testing.TB, out string) []byte {
	t.Helper()
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func gptImage(t testing.TB) []byte {
	t.Helper()
	out := file(t, 1<<20)
	imagetest.Run(t, "sgdisk", "-a", "8", "-U", "00000000-0000-0000-0000-000000000001", "-n", "1:64:127", "-c", "1:uboot", "-n", "2:256:767", "-c", "2:rootfs_a", "-n", "3:1024:1151", "-c", "3:persist", "-n", "4:1200:1300", "-t", "4:ef00",
		"-u", "1:R", out)
	p := content(t, out)
	for i, at := range []int{64, 256, 1024, 1200} {
		copy(p[at*sector:], firmwaretest.Noise(3000, uint64(i)))
	}
	return p
}

func mbrImage(t testing.TB) []byte {
	t.Helper()
	out := file(t, 1<<20)
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("label: dos\nlabel-id: 0x12345678\nstart=64, size=64, type=c, bootable\nstart=256, size=1024, type=5\nstart=320, size=64, type=83\nstart=512, size=100, type=82\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "sh", "-c", "PATH=$PATH:/sbin:/usr/sbin sfdisk -q --no-reread "+out+" < "+script)
	return content(t, out)
}

func TestGPT(t *testing.T) {
	image := gptImage(t)
	p := firmwaretest.Open(t, image, nil, Format())
	if p.Title != "disk image, GPT, 4 partitions" || p.Announced != int64(len(image)) {
		t.Fatalf("%q, %d bytes of %d", p.Title, p.Announced, len(image))
	}
	var got []string
	for _, c := range p.Children {
		i := c.Installs[0]
		got = append(got, strings.Join([]string{c.Name, string(c.Role), map[bool]string{true: "loader"}[i.Loader], map[bool]string{true: "unique"}[i.Unique]}, "/"))
		if i.Needs != c.Announced || c.Size != c.Announced {
			t.Errorf("%s needs %d of %d bytes", c.Name, i.Needs, c.Announced)
		}
	}
	if want := "uboot/boot loader/loader/ rootfs_a/root file system// persist/data of this one unit//unique partition 4/boot loader/loader/"; strings.Join(got, " ") != want {
		t.Errorf("%q", got)
	}
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	// What is not covered is the record and the partitions.
	open := p.Uncovered()
	for at, want := range map[int64]bool{450: true, 512 + 50: false, 1024 + 60: false, 64*sector + 5: true, 200 * sector: false, 1<<20 - 400: false} {
		if open.Has(at) != want {
			t.Errorf("the byte at %d is covered: %v", at, !open.Has(at))
		}
	}
	// Filling between partitions may have any value.
	blind := open
	for _, c := range p.Checks {
		if c.Method == "padding" {
			blind.Add(c.Extent)
		}
	}
	lastPartition := int64(1301 * sector)
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: blind, Flips: 200, Cuts: 60, Short: func(n int64) bool { return n >= lastPartition }}, Format())
}

// TestCut names the partition that an image ends in, and does not judge one that lacks the second table only.
func TestCut(t *testing.T) {
	image := gptImage(t)
	v := firmware.Whole(firmwaretest.Open(t, image[:400*sector], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "; "), "it ends inside the partition 2 (rootfs_a)") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:1500*sector], nil, Format()))
	if v.Answer != firmware.CannotTell || !strings.Contains(strings.Join(v.Reasons, "; "), "all partitions") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestSecond reads the partitions from the second table where the first is lost, and says so.
func TestSecond(t *testing.T) {
	image := gptImage(t)
	clear(image[512 : 40*512])
	p := firmwaretest.Open(t, image, nil, Format())
	v := firmware.Whole(p)
	if len(p.Children) < 4 || v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "GPT of") {
		t.Errorf("%d parts, %v %q", len(p.Children), v.Answer, v.Reasons)
	}
}

func TestMBR(t *testing.T) {
	image := mbrImage(t)
	copy(image[8192:], firmwaretest.Noise(100, 1))
	p := firmwaretest.Open(t, image, nil, Format())
	var names []string
	for _, c := range p.Children {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, ", "); p.Title != "disk image, MBR, 3 partitions" || got != "bytes at 8192, in no partition, type 0x0c, type 0x83, type 0x82" {
		t.Errorf("%q: %s", p.Title, got)
	}
	v := firmware.Whole(firmwaretest.Open(t, image[:350*sector], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the partition 5 (type 0x83)") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestLoop ends where a record leads back to itself.
func TestLoop(t *testing.T) {
	image := mbrImage(t)
	for at := 256 * sector; at < 700*sector; at += sector {
		if image[at+510] == 0x55 {
			copy(image[at+462:], []byte{0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0})
		}
	}
	if p := firmwaretest.Open(t, image, nil, Format()); len(p.Children) > 20 {
		t.Errorf("%d parts", len(p.Children))
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(8192, seed)
		p[510], p[511] = 0x55, 0xAA
		copy(p[512:], "EFI PART")
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(bytes.TrimRight(gptImage(f)[:40_000], "\x00"))
	f.Add(mbrImage(f)[:sector])
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 || x.Offset > int64(len(p)) {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
