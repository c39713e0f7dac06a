package ubifs

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
	imagetest.Run(t, "mkfs.ubifs", append([]string{"-r", root, "-o", out, "-m", "512", "-e", "15872", "-c", "200"}, args...)...)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestImages(t *testing.T) {
	for _, args := range [][]string{nil, {"-x", "none"}, {"-x", "zlib", "-m", "2048", "-e", "126976", "-c", "60"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			image := mkfs(t, args...)
			p := firmwaretest.Open(t, image, nil, Format())
			if !strings.HasPrefix(p.Title, "UBIFS ") || p.Announced != int64(len(image)) {
				t.Errorf("%q, %d bytes of %d", p.Title, p.Announced, len(image))
			}
			s, err := read(block.Bytes(image))
			if err != nil {
				t.Fatal(err)
			}
			// What is not covered is the table of properties, and nothing else.
			lpt := block.Extent{Offset: (3 + s.log) * s.block, Length: s.lpt * s.block}
			if open := p.Uncovered(); !block.SetOf(lpt).Equal(open.Union(block.SetOf(lpt))) {
				t.Errorf("uncovered %v, want nothing but %v", open.Extents(), lpt)
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: block.SetOf(lpt), Flips: 150, Cuts: 60}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	image := mkfs(t)
	v := firmware.Whole(firmwaretest.Open(t, image[:len(image)-20000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the files") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	// A node that is whole and not the one that the index means.
	s, err := read(block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	main := image[(3+s.log+s.lpt+s.orph)*s.block:]
	for i := range main[:s.block] {
		main[i] = 0xFF
	}
	v = firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "node that the index leads to") {
		t.Errorf("an erased block: %v %q", v.Answer, v.Reasons)
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(2000) {
		p := firmwaretest.Noise(superSize, seed)
		copy(p, []byte{0x31, 0x18, 0x10, 0x06})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkfs(f, "-c", "40"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if part := firmwaretest.Open(t, p, nil, Format()); part.Announced > int64(len(p)) && firmware.Whole(part).Answer == firmware.OK {
			t.Fatal("a cut image is whole")
		}
	})
}
