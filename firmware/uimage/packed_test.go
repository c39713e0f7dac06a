package uimage

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// pack runs a program that compresses.
func pack(t testing.TB, p []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Stdin = bytes.NewReader(p)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPacked unpacks kernels in each way that U-Boot does.
func TestPacked(t *testing.T) {
	content := bytes.Repeat(firmwaretest.Noise(500, 1), 20)
	for way, command := range map[string][]string{"gzip": {"gzip", "-c"}, "bzip2": {"bzip2", "-c"}, "lzma": {"xz", "--format=lzma", "-c"}, "lzo": {"lzop", "-c"}, "lz4": {"lz4", "-c"}, "zstd": {"zstd", "-c"}} {
		image := mkimage(t, []string{"-A", "mips", "-O", "linux", "-T", "kernel", "-C", way, "-n", "k"}, pack(t, content, command[0], command[1:]...))
		p := firmwaretest.Open(t, image, nil, Format())
		if v := firmware.Whole(p); v.Answer != firmware.OK || len(p.Children) != 1 || len(p.Children[0].Children) != 1 {
			t.Errorf("%s: %v %q", way, v.Answer, v.Reasons)
			continue
		}
		if got, err := io.ReadAll(block.Reader(p.Children[0].Children[0].Source)); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes come out of %d: %v", way, len(got), len(content), err)
		}
	}
}

// TestNotPacked takes no image for broken whose header names a compression that U-Boot does not undo.
func TestNotPacked(t *testing.T) {
	raw := firmwaretest.Noise(3000, 4)
	several := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "multi", "-C", "gzip", "-n", "m"}, packed(raw), raw, raw)
	p := firmwaretest.Open(t, several, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.OK || len(p.Children) != 3 || len(p.Children[0].Children) != 1 || len(p.Children[1].Children) != 0 {
		t.Errorf("several: %v %q", v.Answer, v.Reasons)
	}
	for _, tt := range []struct {
		name  string
		data  []byte
		inner int
	}{{"as it is", raw, 0}, {"packed", packed(raw), 1}} {
		p := firmwaretest.Open(t, mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "ramdisk", "-C", "gzip", "-n", "r"}, tt.data), nil, Format())
		if v := firmware.Whole(p); v.Answer != firmware.OK || len(p.Children[0].Children) != tt.inner {
			t.Errorf("ramdisk %s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	kernel := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "kernel", "-C", "gzip", "-n", "k"}, raw)
	if v := firmware.Whole(firmwaretest.Open(t, kernel, nil, Format())); v.Answer != firmware.No {
		t.Errorf("a kernel that is not packed: %v %q", v.Answer, v.Reasons)
	}
}

// TestSystems tells by system and processor what an image is: loaders of all types are told loudly.
func TestSystems(t *testing.T) {
	for _, tt := range []struct {
		arch, system, kind string
		role               firmware.Role
		loader             bool
	}{
		{"x86", "linux", "kernel", firmware.Kernel, false},
		{"x86_64", "linux", "kernel", firmware.Kernel, false},
		{"arm", "u-boot", "firmware", firmware.BootLoader, true},
		{"arm64", "arm-trusted-firmware", "standalone", firmware.BootLoader, true},
		{"riscv", "opensbi", "kernel", firmware.BootLoader, true},
		{"arm", "u-boot", "script", firmware.Script, false},
		{"arm", "linux", "standalone", firmware.Program, false},
	} {
		image := mkimage(t, []string{"-A", tt.arch, "-O", tt.system, "-T", tt.kind, "-C", "none", "-n", "x"}, firmwaretest.Noise(300, 1))
		p := firmwaretest.Open(t, image, nil, Format())
		warned := strings.Contains(strings.Join(firmware.Warnings(p), " "), "boot loader")
		if v := firmware.Whole(p); v.Answer != firmware.OK || warned != tt.loader || p.Children[0].Role != tt.role {
			t.Errorf("%+v: %v %q %q %v", tt, v.Answer, p.Children[0].Role, p.Title, firmware.Warnings(p))
		}
	}
}
