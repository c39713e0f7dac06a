package ubi

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/block"
	"salvor/internal/need"
)

func noise(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 4))
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(r.Uint32())
	}
	return p
}

// ubinize makes an image of volumes by the maker's tool.
func ubinize(t testing.TB, erase, page int, volumes map[string][]byte) []byte {
	t.Helper()
	tool := need.Tool(t, "ubinize")
	dir := t.TempDir()
	ini, id := "", 0
	for _, name := range []string{"kernel_a", "kernel_b", "data"} {
		content, ok := volumes[name]
		if !ok {
			continue
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		kind, size := "dynamic", fmt.Sprintf("vol_size=%d\n", 1<<20)
		if name == "data" {
			kind, size = "static", ""
		}
		ini += fmt.Sprintf("[%s]\nmode=ubi\nimage=%s\nvol_id=%d\nvol_type=%s\nvol_name=%s\n%s", name, path, id, kind, name, size)
		id++
	}
	cfg, out := filepath.Join(dir, "ini"), filepath.Join(dir, "out")
	if err := os.WriteFile(cfg, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command(tool, "-o", out, "-p", fmt.Sprint(erase), "-m", fmt.Sprint(page), "-Q", "7", cfg).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, msg)
	}
	image, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return append(image, bytes.Repeat([]byte{0xFF}, 4*erase)...)
}

func TestMade(t *testing.T) {
	for _, c := range []struct{ erase, page int }{{128 << 10, 2048}, {64 << 10, 1}} {
		want := map[string][]byte{"kernel_a": noise(1, 400_000), "kernel_b": noise(2, 300_001), "data": noise(3, 200_000)}
		image := ubinize(t, c.erase, c.page, want)
		img, err := Attach(context.Background(), block.Bytes(image))
		if err != nil {
			t.Fatal(err)
		}
		if img.EraseSize != int64(c.erase) || len(img.Volumes) != 3 {
			t.Fatalf("%+v", img)
		}
		for _, v := range img.Volumes {
			content := want[v.Name]
			got := make([]byte, v.Source.Size())
			if n, err := v.Source.ReadAt(got, 0); n < len(got) {
				t.Fatal(v.Name, err)
			}
			if !bytes.Equal(got[:len(content)], content) || v.Damaged > 0 || v.Updating {
				t.Errorf("%+v has other bytes", v)
			}
			if rest := got[len(content):]; v.Static && len(rest) > 0 || len(bytes.Trim(rest, "\xff")) > 0 {
				t.Errorf("%s has %d bytes behind its content", v.Name, len(rest))
			}
			for _, r := range block.Origin(v.Source, block.Extent{Length: int64(len(content))}) {
				if !bytes.Equal(image[r.Physical:r.Physical+r.Length], got[r.Logical:r.Logical+r.Length]) {
					t.Fatalf("%s: origin %+v", v.Name, r)
				}
			}
		}
	}
}

// A bad block is told by the volume that has it, and a flipped bit of a header takes that block away only.
func TestDamaged(t *testing.T) {
	content := noise(1, 400_000)
	image := ubinize(t, 128<<10, 2048, map[string][]byte{"kernel_a": content})
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		b := bytes.Clone(image)
		for range 1 + rnd.IntN(20) {
			b[rnd.IntN(len(b))] ^= byte(1 + rnd.IntN(255))
		}
		img, err := Attach(context.Background(), block.Bytes(b[:rnd.IntN(len(b))+1]))
		if err != nil {
			continue
		}
		for _, v := range img.Volumes {
			p := make([]byte, 4096)
			for at := int64(0); at < v.Source.Size(); at += 100_000 {
				_, _ = v.Source.ReadAt(p, at) // only that it comes back
			}
		}
	}
}

func FuzzAttach(f *testing.F) {
	f.Add([]byte("UBI#\x01"))
	f.Add(make([]byte, 5000))
	f.Fuzz(func(t *testing.T, b []byte) {
		img, err := Attach(context.Background(), block.Bytes(b))
		if err == nil {
			for _, v := range img.Volumes {
				p := make([]byte, 512)
				_, _ = v.Source.ReadAt(p, v.Source.Size()/2)
			}
		}
	})
}
