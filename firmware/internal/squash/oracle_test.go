package squash

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/block"
	"salvor/internal/need"
)

// TestOracle asks unsquashfs about damaged images: whatever it cannot unpack is not whole here either.
func TestOracle(t *testing.T) {
	image := mksquashfs(t, files(), "-comp", "gzip")
	program := need.Tool(t, "unsquashfs")
	dir := t.TempDir()
	unpacks := func(p []byte) bool {
		in, out := filepath.Join(dir, "image"), filepath.Join(dir, "out")
		if err := os.WriteFile(in, p, 0o600); err != nil {
			t.Fatal(err)
		}
		err := exec.Command(program, "-q", "-n", "-no-xattrs", "-d", out, in).Run()
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
		return err == nil
	}
	if !unpacks(image) {
		t.Fatal("unsquashfs refuses a good image")
	}
	refused := 0
	rnd := rand.New(rand.NewPCG(3, 3))
	for range 24 {
		at := SuperSize + rnd.IntN(len(image)-SuperSize)
		p := bytes.Clone(image)
		p[at] ^= 1 << rnd.IntN(8)
		if unpacks(p) {
			continue
		}
		refused++
		f, err := Open(context.Background(), block.Bytes(p))
		if err != nil {
			continue
		}
		if r, err := f.Verify(context.Background()); err != nil || r.Count == 0 {
			t.Errorf("a flipped bit at %d: unsquashfs refuses it, and nothing is told: %v", at, err)
		}
	}
	if refused == 0 {
		t.Error("unsquashfs takes everything")
	}
}
