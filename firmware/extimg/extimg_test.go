package extimg

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

func mke2fs(t testing.TB, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	root, out := imagetest.Tree(t, dir), filepath.Join(dir, "image")
	imagetest.Run(t, "mke2fs", append([]string{"-q", "-F", "-d", root, "-L", "acme-root", "-U", "00000000-0000-0000-0000-000000000001", "-E", "hash_seed=00000000-0000-0000-0000-000000000002"}, append(args, out, "2M")...)...)
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
		state       firmware.State
		least       int64 // bytes that are covered
	}{
		{"ext4", "ext4, blocks of 1024 bytes", []string{"-t", "ext4", "-b", "1024", "-g", "1024", "-N", "128"}, firmware.Passed, 16_000},
		{"ext4, large blocks", "ext4, blocks of 4096 bytes", []string{"-t", "ext4", "-b", "4096", "-I", "128"}, firmware.Passed, 8_000},
		{"ext4, 32 bits, seed", "ext4, blocks of 1024 bytes", []string{"-t", "ext4", "-b", "1024", "-O", "^64bit,metadata_csum_seed"}, firmware.Passed, 12_000},
		{"ext4, sums of descriptors only", "ext4, blocks of 1024 bytes", []string{"-t", "ext4", "-b", "1024", "-O", "^metadata_csum,uninit_bg"}, firmware.Passed, 32},
		{"ext4, clusters", "ext4, blocks of 1024 bytes", []string{"-t", "ext4", "-b", "1024", "-O", "bigalloc,inline_data"}, firmware.Passed, 8_000},
		{"ext3", "ext3, blocks of 1024 bytes", []string{"-t", "ext3", "-b", "1024"}, firmware.Cannot, 0},
		{"ext2", "ext2, blocks of 1024 bytes", []string{"-t", "ext2", "-b", "1024"}, firmware.Cannot, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := mke2fs(t, tt.args...)
			p := firmwaretest.Open(t, image, nil, Format())
			if p.Title != tt.title || p.Announced != int64(len(image)) || p.Name != "image" || len(p.Checks) == 0 || p.Checks[0].State != tt.state {
				t.Fatalf("%q, %d bytes of %d, %+v", p.Title, p.Announced, len(image), p.Checks)
			}
			if covered := p.Size - p.Uncovered().Bytes(); covered < tt.least {
				t.Errorf("only %d bytes are covered", covered)
			}
			v := firmware.Whole(p)
			if v.Answer != firmware.CannotTell {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if at := bytes.Index(image, []byte("all that is written here")); !p.Uncovered().Has(int64(at)) {
				t.Error("content counts as covered")
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: p.Uncovered(), Flips: 200, Cuts: 40}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	image := mke2fs(t, "-t", "ext4", "-b", "1024", "-g", "1024", "-N", "128")
	v := firmware.Whole(firmwaretest.Open(t, image[:1_300_000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "it ends inside the root file system, group 2 of 2") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	s, err := read(block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	g := s.parseGroup(image[2048:][:s.desc])
	image[g.inodes*s.size+s.inodeSize+4] ^= 1
	v = firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
	if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "inode 2 of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

func TestLook(t *testing.T) {
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(2048, seed)
		copy(p[superAt+56:], []byte{0x53, 0xEF})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			seen++
		}
	}
	if seen > 0 {
		t.Errorf("%d of 20000 are seen", seen)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mke2fs(f, "-t", "ext4", "-b", "1024")[:300_000])
	f.Add(mke2fs(f, "-t", "ext2", "-b", "1024")[:4096])
	f.Fuzz(func(t *testing.T, p []byte) {
		if part := firmwaretest.Open(t, p, nil, Format()); part.Announced > int64(len(p)) && firmware.Whole(part).Answer != firmware.No {
			t.Fatal("a cut image is whole")
		}
	})
}
