package avbmeta

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// verity makes a hash tree and a Reed-Solomon code with veritysetup.
func verity(t testing.TB, data []byte, method, salt string, roots int) (tree, fec, root []byte) {
	t.Helper()
	dir := imagetest.Folder(t, map[string][]byte{"data": data, "tree": nil, "fec": nil})
	args := []string{"format", "data", "tree", "--no-superblock", "--hash", method, "--salt", salt, "--data-block-size", "4096", "--hash-block-size", "4096", "--data-blocks", fmt.Sprint(len(data) / 4096)}
	if roots > 0 {
		args = append(args, "--fec-device", "fec", "--fec-roots", fmt.Sprint(roots))
	}
	text := imagetest.Pipe(t, dir, nil, "veritysetup", args...)
	m := regexp.MustCompile(`Root hash:\s+([0-9a-f]+)`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("%s", text)
	}
	root, _ = hex.DecodeString(string(m[1]))
	return imagetest.File(t, dir, "tree"), imagetest.File(t, dir, "fec"), root
}

// TestTrees recomputes what veritysetup makes, and tells data, tree and code apart.
func TestTrees(t *testing.T) {
	for _, tt := range []struct {
		name, method, salt string
		blocks, roots      int
	}{
		{"one block", "sha256", "00112233", 1, 0},
		{"one level", "sha256", "0011", 100, 0},
		{"two levels", "sha256", strings.Repeat("5a", 32), 300, 2},
		{"a whole level", "sha256", "01", 128, 0},
		{"SHA-1", "sha1", "ff", 140, 2},
		{"SHA-512", "sha512", "ff", 140, 2},
		{"many roots", "sha256", "ff", 513, 24},
		{"three levels", "sha256", "aa", 16500, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := firmwaretest.Noise(tt.blocks*4096, uint64(tt.blocks))
			tree, fec, root := verity(t, data, tt.method, tt.salt, tt.roots)
			salt, _ := hex.DecodeString(tt.salt)
			image := bytes.Join([][]byte{data, tree, fec}, nil)
			d := &Descriptor{Kind: Hashtree, Partition: "system", ImageSize: int64(len(data)), Method: tt.method, Salt: salt, Digest: root, DataBlock: 4096, HashBlock: 4096, Roots: tt.roots,
				Tree: block.Extent{Offset: int64(len(data)), Length: int64(len(tree))}, FEC: block.Extent{Offset: int64(len(data) + len(tree)), Length: int64(len(fec))}}
			check := func(p []byte) string {
				var out []string
				for _, c := range CheckTree(context.Background(), block.Bytes(p), d) {
					if c.State != firmware.Passed {
						out = append(out, c.What)
					}
				}
				return strings.Join(out, ", ")
			}
			if bad := check(image); bad != "" {
				t.Fatalf("a good image: %s", bad)
			}
			flip := func(at int) []byte { p := bytes.Clone(image); p[at] ^= 16; return p }
			want := map[string]string{}
			if tt.blocks <= 1000 {
				want["data"] = check(flip(len(data) - 7))
				if len(tree) > 0 {
					want["hash tree"] = check(flip(len(data) + 5))
				}
				if len(fec) > 0 {
					want["Reed-Solomon code"] = check(flip(len(image) - 3))
				}
			}
			for what, got := range want {
				if !strings.HasPrefix(got, what) || what == "Reed-Solomon code" && got != what {
					t.Errorf("a flipped bit in the %s: %q", what, got)
				}
			}
			if got := check(image[:len(image)-1]); len(tree)+len(fec) > 0 && got != "image with its hash tree" {
				t.Errorf("cut: %q", got)
			}
		})
	}
}

// TestRefused refuses descriptors that cannot be.
func TestRefused(t *testing.T) {
	src := block.Bytes(make([]byte, 64<<10))
	for name, d := range map[string]*Descriptor{
		"block of nothing": {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 4096, HashBlock: 4096},
		"half a block":     {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 5000, DataBlock: 4096, HashBlock: 4096},
		"another hash":     {Kind: Hashtree, Method: "blake2b-256", Digest: []byte{1}, ImageSize: 4096, DataBlock: 4096, HashBlock: 4096},
		"a tree too long": {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 40960, DataBlock: 4096, HashBlock: 4096,
			Tree: block.Extent{Offset: 40960, Length: 8192}},
		"no roots": {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 4096, DataBlock: 4096, HashBlock: 4096, FEC: block.Extent{Offset: 4096, Length: 4096}},
		"larger":   {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 1 << 40, DataBlock: 4096, HashBlock: 4096},
		"small blocks": {Kind: Hashtree, Method: "sha256", Digest: []byte{1}, ImageSize: 8192, DataBlock: 512, HashBlock: 4096,
			Tree: block.Extent{Offset: 8192, Length: 4096}},
	} {
		for _, c := range CheckTree(context.Background(), src, d) {
			if c.State == firmware.Passed && c.What == "data" {
				t.Errorf("%s: %+v", name, c)
			}
		}
	}
}

func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		size, data, hash int64
		want             string
	}{
		{4096, 4096, 4096, "[]"}, {8192, 4096, 4096, "[4096]"}, {129 * 4096, 4096, 4096, "[8192 4096]"}, {8192, 512, 4096, "[4096]"}, {1 << 20, 4096, 512, "[8192 512]"},
	} {
		if got := fmt.Sprint(levelSizes(tt.size, tt.data, tt.hash, 32)); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}
