package cramfs

import (
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

func mkfs(t testing.TB, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	root, out := imagetest.Tree(t, dir), filepath.Join(dir, "image")
	imagetest.Run(t, "mkfs.cramfs", append(args, root, out)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestImages(t *testing.T) {
	for _, tt := range []struct {
		name, title string
		args        []string
		blind       block.Set
		covered     bool
	}{
		{"little-endian", "cramfs, little-endian, 49 files", []string{"-N", "little"}, block.Set{}, true},
		{"big-endian", "cramfs, big-endian, 49 files", []string{"-N", "big", "-n", "rootfs"}, block.Set{}, true},
		{"boot code", "cramfs, little-endian, 49 files", []string{"-N", "little", "-p"}, block.SetOf(block.Extent{Length: bootSize}), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := mkfs(t, tt.args...)
			p := firmwaretest.Open(t, image, nil, Format())
			if p.Title != tt.title || p.Announced != int64(len(image)) {
				t.Errorf("%q, %d bytes of %d", p.Title, p.Announced, len(image))
			}
			if v := firmware.Whole(p); (v.Answer == firmware.OK) != tt.covered {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: tt.blind}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	image := mkfs(t)
	v := firmware.Whole(firmwaretest.Open(t, image[:len(image)/2], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the root file system") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	image[8] &^= second
	if v = firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.CannotTell {
		t.Errorf("first version: %v %q", v.Answer, v.Reasons)
	}
	for seed := range uint64(2000) {
		p := firmwaretest.Noise(100, seed)
		copy(p, []byte{0x45, 0x3D, 0xCD, 0x28})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkfs(f))
	f.Add(mkfs(f, "-N", "big", "-p"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if part := firmwaretest.Open(t, p, nil, Format()); part.Announced > int64(len(p)) && firmware.Whole(part).Answer == firmware.OK {
			t.Fatal("a cut image is whole")
		}
	})
}
