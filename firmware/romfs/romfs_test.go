package romfs

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"salvor/cursor"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

func mkfs(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	root, out := imagetest.Tree(t, dir), filepath.Join(dir, "image")
	imagetest.Run(t, "genromfs", "-d", root, "-f", out, "-V", "Acme root")
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestImage: all headers are covered, no content is.
func TestImage(t *testing.T) {
	image := mkfs(t)
	p := firmwaretest.Open(t, image, nil, Format())
	if p.Title != "romfs, 56 files" || len(p.Checks) < 40 || p.Announced > int64(len(image)) {
		t.Errorf("%q, %d checks, %d bytes of %d", p.Title, len(p.Checks), p.Announced, len(image))
	}
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "covered by no check") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	open := p.Uncovered()
	for _, word := range []string{"all that is written here", "file 17\n"} {
		if at := bytes.LastIndex(image, []byte(word)); at < summed || !open.Has(int64(at)) {
			t.Errorf("the content %q at %d counts as covered", word, at)
		}
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: open, Short: func(n int64) bool { return n >= p.Announced }}, Format())
}

func TestReasons(t *testing.T) {
	image := mkfs(t)
	at := bytes.Index(image, []byte("file-31"))
	image[at] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], `header of "gile-31"`) {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestLoop ends where a list leads back to itself.
func TestLoop(t *testing.T) {
	image := mkfs(t)
	for at := 32; at < 512; at += 16 {
		p := bytes.Clone(image)
		be.PutUint32(p[at:], 0x21)
		firmwaretest.Open(t, p, nil, Format())
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkfs(f))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Format())
		if part.Format == "" {
			return
		}
		var last block.Extent
		for _, c := range part.Checks {
			if c.Extent.Length < 0 {
				t.Fatalf("%v behind %v", c, last)
			}
			last = c.Extent
		}
	})
}

// TestConstant has the mark of the format among the strings of a program.
func TestConstant(t *testing.T) {
	p := []byte("-rom1fs-\x00not a file system of this kind\x00could not be read\x00invalid filesystem\x00")
	p = append(p, bytes.Repeat([]byte("error: no such file or directory\x00"), 40)...)
	if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
		t.Errorf("%v", err)
	}
}
