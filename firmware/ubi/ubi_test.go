package ubi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/imagetest"
)

var (
	kernel   = firmwaretest.Noise(50_000, 1)
	settings = []byte("key=value\n")
)

// ubinize makes an image with a static volume, a dynamic one and a small one.
func ubinize(t testing.TB, page, block string) []byte {
	t.Helper()
	dir := t.TempDir()
	var ini strings.Builder
	for i, v := range []struct {
		name, kind, size string
		content          []byte
	}{{"kernel", "static", "64KiB", kernel}, {"settings", "dynamic", "40KiB", settings}, {"data", "dynamic", "30KiB", firmwaretest.Noise(20_000, 3)}} {
		path := filepath.Join(dir, v.name)
		if err := os.WriteFile(path, v.content, 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&ini, "[%s]\nmode=ubi\nimage=%s\nvol_id=%d\nvol_type=%s\nvol_name=%s\nvol_size=%s\n", v.name, path, i, v.kind, v.name, v.size)
	}
	config, out := filepath.Join(dir, "ini"), filepath.Join(dir, "image")
	if err := os.WriteFile(config, []byte(ini.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	imagetest.Run(t, "ubinize", "-o", out, "-m", page, "-p", block, "-Q", "1234", config)
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestImages(t *testing.T) {
	for _, tt := range []struct{ page, block, title string }{
		{"512", "16KiB", "UBI image, erase blocks of 16 KiB with data from 1024 on"},
		{"1", "16KiB", "UBI image, erase blocks of 16 KiB with data from 128 on"},
		{"2048", "32KiB", "UBI image, erase blocks of 32 KiB with data from 4096 on"},
	} {
		t.Run(tt.page, func(t *testing.T) {
			image := ubinize(t, tt.page, tt.block)
			p := firmwaretest.Open(t, image, nil, Format())
			if p.Title != tt.title || len(p.Children) != 3 || len(p.Findings) != 0 {
				t.Fatalf("%q, %d volumes, %v", p.Title, len(p.Children), p.Findings)
			}
			for i, want := range [][]byte{kernel, settings, firmwaretest.Noise(20_000, 3)} {
				c := p.Children[i]
				got, err := io.ReadAll(block.Reader(c.Source))
				if err != nil || !bytes.HasPrefix(got, want) || i == 0 && len(got) != len(want) {
					t.Errorf("%s is another: %d bytes, %v", c.Name, len(got), err)
				}
				if len(c.Installs) != 1 || c.Installs[0].Needs < int64(len(want)) || c.Name != []string{"kernel", "settings", "data"}[i] {
					t.Errorf("%q installs %+v", c.Name, c.Installs)
				}
			}
			open := p.Uncovered()
			if at := int64(bytes.Index(image, kernel[:100])); open.Has(at) {
				t.Error("the static volume does not count as covered")
			}
			if at := int64(bytes.Index(image, settings)); !open.Has(at) {
				t.Error("a dynamic volume counts as covered")
			}
			size := p.Children[0].Size
			short := func(n int64) bool { return n%(1<<14) == 0 && n > size } // whole erase blocks of dynamic volumes
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: open, Flips: 150, Cuts: 60, Short: short}, Format())
		})
	}
}

// TestOrder reads volumes whose blocks stand in another order, twice and with free ones between.
func TestOrder(t *testing.T) {
	image := ubinize(t, "512", "16KiB")
	const size = 16 << 10
	var blocks [][]byte
	for at := 0; at < len(image); at += size {
		blocks = append(blocks, image[at:at+size])
	}
	// An older copy of the kernel's first block, with another content whose sum fits.
	old := bytes.Clone(blocks[2])
	old[1024] ^= 1
	v := parseVolume(old[512:])
	if v.number != 0 || v.volume != 0 {
		t.Fatalf("%+v", v)
	}
	be.PutUint64(blocks[2][512+40:], 7)
	seal(old[512:], old[1024:1024+v.size])
	seal(blocks[2][512:], blocks[2][1024:1024+v.size])
	var mixed []byte
	for i := range blocks {
		mixed = append(mixed, blocks[(i*5+2)%len(blocks)]...)
		if i == 3 {
			mixed = append(mixed, bytes.Repeat([]byte{0xFF}, size)...)
		}
	}
	mixed = append(mixed, old...)
	p := firmwaretest.Open(t, mixed, nil, Format())
	if len(p.Findings) != 1 || p.Findings[0].Code != "firmware.ubi.doubled" {
		t.Errorf("%v", p.Findings)
	}
	got, err := io.ReadAll(block.Reader(p.Children[0].Source))
	if v := firmware.Whole(p); err != nil || !bytes.Equal(got, kernel) || v.Answer == firmware.No {
		t.Errorf("the kernel is another: %v, %v %q", err, v.Answer, v.Reasons)
	}
}

// seal writes the sums of a second header.
func seal(head, data []byte) {
	be.PutUint32(head[32:], fsimage.Raw32(ones, data))
	be.PutUint32(head[60:], fsimage.Raw32(ones, head[:60]))
}

// TestReasons: a lost block of a static volume, and an update that was not finished.
func TestReasons(t *testing.T) {
	image := ubinize(t, "512", "16KiB")
	const size = 16 << 10
	lost := append(bytes.Clone(image[:3*size]), image[4*size:]...)
	v := firmware.Whole(firmwaretest.Open(t, lost, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "no block 1") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, at := range []int{1024, size + 1024} {
		image[at+13] = 1
		be.PutUint32(image[at+168:], fsimage.Raw32(ones, image[at:at+168]))
	}
	p := firmwaretest.Open(t, image, nil, Format())
	if len(p.Findings) != 1 || p.Findings[0].Code != "firmware.ubi.unfinished" || !strings.Contains(p.Findings[0].Text, "kernel") {
		t.Errorf("%v", p.Findings)
	}
}

// TestEmpty does not take a volume for whole whose blocks are all cut off: it may also be empty.
func TestEmpty(t *testing.T) {
	image := ubinize(t, "512", "16KiB")
	const size = 16 << 10
	var kept []byte
	for at := 0; at < len(image); at += size {
		if v := parseVolume(image[at+512:]); v.volume == layout || v.volume == 1 {
			kept = append(kept, image[at:at+size]...)
		}
	}
	p := firmwaretest.Open(t, kept, nil, Format())
	if v := firmware.Whole(p); len(p.Children) != 1 || v.Answer == firmware.OK || !p.Uncovered().Has(1024+100) {
		t.Errorf("%d volumes, %v %q", len(p.Children), v.Answer, v.Reasons)
	}
}

func TestLook(t *testing.T) {
	for seed := range uint64(2000) {
		p := firmwaretest.Noise(headSize, seed)
		copy(p, "UBI#")
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(ubinize(f, "512", "16KiB"))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Format())
		for _, c := range part.Children {
			if c.Size < 0 || c.Size > 1<<40 {
				t.Fatalf("%+v", c)
			}
		}
	})
}
