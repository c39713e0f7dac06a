package squashfs

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

// mksquashfs makes an image with the maker's tool.
func mksquashfs(t testing.TB, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	root, out := imagetest.Tree(t, dir), filepath.Join(dir, "image")
	imagetest.Run(t, "mksquashfs", append([]string{root, out, "-quiet", "-no-progress", "-processors", "1", "-all-root"}, args...)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// blind are the bytes of an image that nothing covers by its own word: time and flags, what fills it up, blocks that do
// not get smaller by packing them; and the number of bytes used, which may be more than what is used.
func blind(t *testing.T, image []byte) block.Set {
	p := firmwaretest.Open(t, image, nil, Format())
	s := block.SetOf(block.Between(p.Announced, int64(len(image))), block.Extent{Offset: 40, Length: 8})
	for e := range p.Uncovered().All() {
		s.Add(e)
	}
	return s
}

func TestImages(t *testing.T) {
	for _, tt := range []struct {
		way, title string
		most       int64 // bytes that may be covered by nothing
	}{
		{"gzip", "squashfs 4.0, gzip, blocks of 128 KiB", 30},
		{"xz", "squashfs 4.0, xz, blocks of 128 KiB", 30},
		{"zstd", "squashfs 4.0, zstd, blocks of 128 KiB", 1 << 20},
		{"lz4", "squashfs 4.0, lz4, blocks of 128 KiB", 1 << 20},
		{"lzo", "squashfs 4.0, lzo, blocks of 128 KiB", 1 << 20},
		{"lzma", "squashfs 4.0, lzma, blocks of 128 KiB", 1 << 20},
	} {
		t.Run(tt.way, func(t *testing.T) {
			image := mksquashfs(t, "-comp", tt.way)
			p := firmwaretest.Open(t, image, nil, Format())
			if p.Title != tt.title || p.Version != "Acme OS 4.2" || p.Role != firmware.Package || p.Announced > int64(len(image)) {
				t.Errorf("%q, version %q, role %q, %d bytes", p.Title, p.Version, p.Role, p.Announced)
			}
			if n := p.Uncovered().Bytes(); n > tt.most || n < 6 {
				t.Errorf("%d bytes are covered by nothing, at most %d expected: %v", n, tt.most, p.Uncovered().Extents())
			}
			if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: blind(t, image), Flips: 90, Cuts: 30, Short: func(n int64) bool { return n >= p.Announced }}, Format())
		})
	}
}

// TestCut names the region that a cut image ends in, with both sizes.
func TestCut(t *testing.T) {
	image := mksquashfs(t, "-comp", "xz")
	p := firmwaretest.Open(t, image[:len(image)/2], nil, Format())
	v := firmware.Whole(p)
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the root file system (file data)") || !strings.Contains(v.Reasons[0], "bytes are there") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestBehind finds what stands behind, and takes one value for filling.
func TestBehind(t *testing.T) {
	image := mksquashfs(t, "-comp", "gzip")
	n := int64(len(image))
	behind := append(append(bytes.Clone(image), bytes.Repeat([]byte{0xFF}, 8192)...), image...)
	p := firmwaretest.Open(t, behind, nil, Format())
	if len(p.Children) != 1 || p.Children[0].Format != "squashfs" || p.Children[0].Offset != n+8192 {
		t.Errorf("%+v", p.Children)
	}
	if open := p.Uncovered(); open.Bytes() > 60 {
		t.Errorf("uncovered: %v", open.Extents())
	}
}

// TestVariant names what it cannot check.
func TestVariant(t *testing.T) {
	p := make([]byte, 4096)
	copy(p, "sqsh")
	p[29], p[31] = 3, 1
	p[52] = 1
	p[69] = 0x10
	part := firmwaretest.Open(t, p, nil, Format())
	if v := firmware.Whole(part); part.Title != "squashfs 3.1, big-endian" || v.Answer != firmware.CannotTell {
		t.Errorf("%q: %v %q", part.Title, v.Answer, v.Reasons)
	}
}

// TestLook sees nothing in random bytes behind the magic.
func TestLook(t *testing.T) {
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(128, seed)
		copy(p, "hsqs")
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, way := range []string{"gzip", "xz", "lzo"} {
		f.Add(mksquashfs(f, "-comp", way, "-nopad")[:])
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
