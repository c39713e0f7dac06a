package erofs

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
	imagetest.Run(t, "mkfs.erofs", append(args, "-T0", "-U00000000-0000-0000-0000-000000000001", out, root)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestImages(t *testing.T) {
	for _, args := range [][]string{nil, {"-zlz4hc"}} {
		image := mkfs(t, args...)
		p := firmwaretest.Open(t, image, nil, Format())
		if p.Title != "EROFS, blocks of 4096 bytes, 49 inodes" || p.Announced != int64(len(image)) || len(p.Checks) != 1 || p.Checks[0].State != firmware.Passed {
			t.Errorf("%q, %d bytes of %d, %+v", p.Title, p.Announced, len(image), p.Checks)
		}
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
		firmwaretest.Run(t, image, firmwaretest.Options{Blind: p.Uncovered()}, Format())
		head := []byte(string(image))
		head[superAt+50] ^= 1
		v := firmware.Whole(firmwaretest.Open(t, head, nil, Format()))
		if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "superblock of") {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
		head = []byte(string(image))
		head[superAt+8] &^= hasSum
		if v := firmware.Whole(firmwaretest.Open(t, head, nil, Format())); v.Answer != firmware.CannotTell {
			t.Errorf("without a sum: %v %q", v.Answer, v.Reasons)
		}
	}
}

func TestLook(t *testing.T) {
	seen := 0
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(superAt+superSize, seed)
		copy(p[superAt:], magic)
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			seen++
		}
	}
	if seen > 0 {
		t.Errorf("%d of 5000 are seen", seen)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkfs(f)[:8192])
	f.Fuzz(func(t *testing.T, p []byte) {
		if part := firmwaretest.Open(t, p, nil, Format()); part.Announced > int64(len(p)) && firmware.Whole(part).Answer != firmware.No {
			t.Fatal("a cut image is whole")
		}
	})
}
