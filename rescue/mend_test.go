package rescue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/host"
	"salvor/internal/need"
)

// volumes that a disk of this test holds, each 36 MiB from its whole MiB on.
var mendVolumes = []struct {
	name  string
	code  string // of sgdisk
	make  []string
	check []string
}{
	{"fat32", "0700", []string{"mkfs.fat", "-F", "32", "-s", "1"}, []string{"fsck.fat", "-n"}},
	{"exfat", "0700", []string{"mkfs.exfat"}, []string{"fsck.exfat", "-n"}},
	{"ntfs", "0700", []string{"mkntfs", "-F", "-Q", "-q"}, []string{"ntfsfix", "-n"}},
	{"ext4", "8300", []string{"mke2fs", "-q", "-F", "-t", "ext4", "-b", "1024"}, []string{"e2fsck", "-fn"}},
}

const mendVolume = 36 << 20

// mendDisk makes a disk with a GPT and all volumes, and returns where they begin.
func mendDisk(t *testing.T, path string) (starts []int64) {
	t.Helper()
	run := func(name string, args ...string) {
		t.Helper()
		if out, err := need.Command(t, name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
	}
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, int64(len(mendVolumes))*mendVolume+4<<20))
	args := []string{"-a", "1"}
	for i, v := range mendVolumes {
		start := 1<<20 + int64(i)*mendVolume
		starts = append(starts, start)
		args = append(args, "-n", fmt.Sprintf("%d:%d:%d", i+1, start/512, (start+mendVolume)/512-1), "-t", fmt.Sprintf("%d:%s", i+1, v.code), "-c", fmt.Sprintf("%d:%s", i+1, v.name))
	}
	run("sgdisk", append(args, path)...)
	disk, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer disk.Close()
	for i, v := range mendVolumes {
		part := filepath.Join(t.TempDir(), v.name)
		must(t, os.WriteFile(part, nil, 0o600))
		must(t, os.Truncate(part, mendVolume))
		run(v.make[0], append(v.make[1:], part)...)
		if v.name == "fat32" {
			run("mcopy", "-i", part, filepath.Join(filepath.Dir(exampleImage), "README.md"), "::README.MD")
		}
		p, err := os.ReadFile(part)
		must(t, err)
		_, err = disk.WriteAt(p, starts[i])
		must(t, err)
	}
	return starts
}

// TestMend destroys a disk and gives it back: the tools of the table and of each file system accept what comes out, and
// the undo file leads back to the very bytes.
func TestMend(t *testing.T) {
	dir := t.TempDir()
	whole := filepath.Join(dir, "whole.img")
	starts := mendDisk(t, whole)
	disk, err := os.ReadFile(whole)
	must(t, err)
	end := len(disk)
	boot := func(p []byte, n int) {
		for _, s := range starts {
			clear(p[s : s+int64(n)])
		}
	}
	tests := []struct {
		name  string
		wreck func(p []byte)
		sure  bool // nothing is left to say
	}{
		{"primary table", func(p []byte) { clear(p[:34*512]) }, true},
		{"backup table", func(p []byte) { clear(p[end-33*512:]) }, true},
		{"both tables", func(p []byte) { clear(p[:34*512]); clear(p[end-33*512:]) }, false},
		{"boot sectors", func(p []byte) { boot(p, 512); clear(p[starts[3]+1024 : starts[3]+2048]) }, false},
		{"first 4 KiB of all", func(p []byte) { boot(p, 4096); clear(p[:34*512]) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := bytes.Clone(disk)
			tt.wreck(p)
			image, out := filepath.Join(dir, "image"), filepath.Join(t.TempDir(), "mended.img")
			must(t, os.WriteFile(image, p, 0o600))
			m, err := Mend(t.Context(), MendOptions{Path: image, Out: out}, &listener{})
			must(t, err)
			if len(m.Patches) == 0 || m.Broken > 0 || (len(m.Notes) == 0) != tt.sure {
				t.Errorf("%d patches, %d broken, notes %q", len(m.Patches), m.Broken, m.Notes)
			}
			if after, err := os.ReadFile(image); err != nil || !bytes.Equal(after, p) {
				t.Errorf("the image was changed: %v", err)
			}
			accepted(t, out, starts)
			kernelMounts(t, out, starts[3])
			back := filepath.Join(t.TempDir(), "back.img")
			_, err = Unmend(t.Context(), out, out+".undo", back, &listener{})
			must(t, err)
			if b, err := os.ReadFile(back); err != nil || !bytes.Equal(b, p) {
				t.Errorf("the undo file does not lead back: %v", err)
			}
			again, err := Mend(t.Context(), MendOptions{Path: out, DryRun: true}, &listener{})
			must(t, err)
			if len(again.Patches) > 0 {
				t.Errorf("mending it again changes the %s", again.Patches[0].Structure)
			}
		})
	}
}

// accepted asks the tools of the table and of the file systems about an image.
func accepted(t *testing.T, image string, starts []int64) {
	t.Helper()
	out, err := need.Command(t, "sgdisk", "-v", image).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("sgdisk: %v\n%s", err, out)
	}
	p, err := os.ReadFile(image)
	must(t, err)
	for i, v := range mendVolumes {
		part := filepath.Join(t.TempDir(), v.name)
		must(t, os.WriteFile(part, p[starts[i]:starts[i]+mendVolume], 0o600))
		if out, err := need.Command(t, v.check[0], append(v.check[1:], part)...).CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", v.check, err, out)
		}
	}
}

// kernelMounts has the kernel mount the ext4 volume at start of an image, where this program may ask it to.
func kernelMounts(t *testing.T, image string, start int64) {
	t.Helper()
	if os.Geteuid() != 0 && !need.CI() {
		return
	}
	dir := t.TempDir()
	option := fmt.Sprintf("loop,ro,offset=%d,sizelimit=%d", start, int64(mendVolume))
	if out, err := need.Command(t, "mount", "-t", "ext4", "-o", option, image, dir).CombinedOutput(); err != nil {
		t.Errorf("mount: %v\n%s", err, out)
		return
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 || list[0].Name() != "lost+found" {
		t.Errorf("the mounted volume: %v, %v", list, err)
	}
	if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
		t.Errorf("umount: %v\n%s", err, out)
	}
}

// TestMendRefuses writes over nothing, and not onto the source.
func TestMendRefuses(t *testing.T) {
	dir := t.TempDir()
	image := copyOf(t, exampleImage, dir)
	there := filepath.Join(dir, "there.img")
	must(t, os.WriteFile(there, []byte("mine"), 0o600))
	for _, out := range []string{image, there} {
		_, err := Mend(t.Context(), MendOptions{Path: image, Out: out}, &listener{})
		var refused *host.RefusedError
		if !errors.As(err, &refused) || refused.Exit != host.ExitRefused {
			t.Errorf("%s: %v", out, err)
		}
	}
	if b, err := os.ReadFile(there); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
	// An undo file of another image is refused as well, and a stopped job leaves no undo file behind.
	must(t, os.WriteFile(there+".undo", []byte(`{"format":"salvor-undo","version":1,"size":5}`), 0o600))
	if _, err := Unmend(t.Context(), image, there+".undo", filepath.Join(dir, "x"), &listener{}); err == nil {
		t.Error("an undo file of another image is taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Mend(ctx, MendOptions{Path: image, Out: filepath.Join(dir, "y")}, &listener{}); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "y.undo")); err == nil {
		t.Error("a stopped job left an undo file")
	}
}

// TestMendCase mends the image of a case whose copy has holes: the new image says where.
func TestMendCase(t *testing.T) {
	dir := t.TempDir()
	image := copyOf(t, exampleImage, dir)
	to := filepath.Join(dir, "case")
	_, err := rescued(t, image, to, nil, nil)
	must(t, err)
	m, err := Mend(t.Context(), MendOptions{Path: to, DryRun: true}, &listener{})
	must(t, err)
	if len(m.Patches) == 0 || m.Out != "" {
		t.Errorf("%d patches, written to %q", len(m.Patches), m.Out)
	}
}
