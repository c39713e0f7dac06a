package rauc

import (
	"context"
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

func TestManifest(t *testing.T) {
	m, err := parseManifest([]byte(`# a comment
[update]
compatible = A\sBoard
version=1

[bundle]
format=verity
verity-hash=00ff
verity-size=4096
[image.rootfs.red]
filename=a.img
size=5
adaptive=block-hash-index;
[image.appfs]
variant=blue
filename=b.tar.gz
[handler]
filename=custom
[meta.x]
a=b
`))
	if err != nil {
		t.Fatal(err)
	}
	if m.compatible != "A Board" || m.format != "verity" || m.tree != 4096 || len(m.root) != 2 || m.handler != "custom" || len(m.images) != 2 ||
		m.images[0].variant != "red" || m.images[0].size != 5 || m.images[0].adaptive != "block-hash-index" || m.images[1].variant != "blue" || m.images[1].size != -1 {
		t.Errorf("%+v", m)
	}
	for _, s := range []string{"", "[update]\nversion=1", "x=1", "[update]\ncompatible=a\n[bundle]\nverity-hash=xx", "[update]\ncompatible=a\n[bundle]\nverity-size=-1", "[update]\nx",
		strings.Repeat("[a]\n", maxSections+1), strings.Repeat("#\n", maxManifest)} {
		if _, err := parseManifest([]byte(s)); err == nil {
			t.Errorf("%.40q: no error", s)
		} else if _, broken := cursor.IsCorrupt(err); !broken {
			t.Errorf("%.40q: %v", s, err)
		}
	}
	for file, want := range map[string]bool{"a.img": true, "a.ext4": true, "a.tar.xz": false, "x.caibx": false, "vmlinuz-6.1": true} {
		if raw(file) != want {
			t.Errorf("%s is raw: %v", file, raw(file))
		}
	}
}

// TestVerity makes trees over payloads of many sizes by the rules of dm-verity, each level in memory, and has them checked.
// veritysetup makes some of them too, where it is there.
func TestVerity(t *testing.T) {
	salt := firmwaretest.Noise(32, 9)
	for _, blocks := range []int{1, 2, 127, 128, 129, 130, 1000, 128*128 + 1} {
		payload := firmwaretest.Noise(blocks*hashBlock, uint64(blocks))
		tree, root := treeOf(payload, salt)
		p := append(append([]byte{}, payload...), tree...)
		v, err := newVerity(block.Bytes(p), block.Extent{Length: int64(len(payload))}, block.Extent{Offset: int64(len(payload)), Length: int64(len(tree))}, salt, root)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range v.check(context.Background()) {
			if c.State != firmware.Passed || !c.Strong {
				t.Errorf("%d blocks: %+v", blocks, c)
			}
		}
		rnd := rand.New(rand.NewPCG(1, uint64(blocks)))
		for range 5 {
			at := rnd.IntN(len(p))
			p[at] ^= 1
			failed := 0
			for _, c := range v.check(context.Background()) {
				if c.State == firmware.Failed {
					failed++
				}
			}
			if failed == 0 {
				t.Errorf("%d blocks: a flipped bit at %d is not seen", blocks, at)
			}
			p[at] ^= 1
		}
	}
	for _, tt := range []struct{ payload, tree int64 }{{0, 0}, {4097, 4096}, {8192, 0}, {8192, 8192}, {4096, 4096}} {
		if _, err := newVerity(block.Bytes(nil), block.Extent{Length: tt.payload}, block.Extent{Offset: tt.payload, Length: tt.tree}, nil, nil); err == nil {
			t.Errorf("%+v is taken", tt)
		}
	}
}

// treeOf makes a tree.
func treeOf(payload, salt []byte) (tree, root []byte) {
	sums := func(p []byte) (out []byte) {
		for ; len(p) > 0; p = p[hashBlock:] {
			x := sha256.Sum256(append(append([]byte{}, salt...), p[:hashBlock]...))
			out = append(out, x[:]...)
		}
		return out
	}
	level := sums(payload)
	for len(level) > sha256.Size {
		level = append(level, make([]byte, (hashBlock-len(level)%hashBlock)%hashBlock)...)
		tree = append(append([]byte{}, level...), tree...)
		level = sums(level)
	}
	return tree, level
}

// TestVeritysetup holds the tree against that of cryptsetup's tool.
func TestVeritysetup(t *testing.T) {
	dir := t.TempDir()
	payload := firmwaretest.Noise(300*hashBlock, 3)
	salt := strings.Repeat("0a", 32)
	if err := os.WriteFile(filepath.Join(dir, "data"), payload, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := need.Command(t, "veritysetup", "format", "--no-superblock", "--salt="+salt, filepath.Join(dir, "data"), filepath.Join(dir, "tree")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	raw, err := digits(salt)
	if err != nil {
		t.Fatal(err)
	}
	tree, root := treeOf(payload, raw)
	got, err := os.ReadFile(filepath.Join(dir, "tree"))
	if err != nil || string(got) != string(tree) {
		t.Errorf("%v, the tree is another", err)
	}
	i := strings.Index(string(out), "Root hash:")
	if want, err := digits(strings.Fields(string(out[i:]))[2]); err != nil || string(want) != string(root) {
		t.Errorf("%v, the root is another", err)
	}
}

func TestUnreadable(t *testing.T) {
	if _, err := readTrailer(failing{}); err == nil || errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

// failing is a source of which nothing can be read.
type failing struct{}

func (failing) Size() int64 { return 1 << 20 }
func (failing) ReadAt(_ []byte, off int64) (int, error) {
	return 0, block.NewUnreadable(block.Extent{Offset: off, Length: 1}, block.Bad, nil)
}
