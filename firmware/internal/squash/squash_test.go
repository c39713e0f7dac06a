package squash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// files is what the images of the tests hold.
func files() map[string][]byte {
	code := firmwaretest.Noise(150_000, 7)
	for i := 0; i+5 < len(code); i += 24 { // calls, so that the filters for machine code have something to do
		code[i], code[i+3], code[i+4] = 0xE8, 0, 0
		code[i+11] = 0xEB
		code[i+12], code[i+15] = 0x48, 1
		code[i+19] = 0x94
	}
	files := map[string][]byte{
		"bin/code":  code,
		"bin/empty": {},
		"text":      bytes.Repeat([]byte("all that is written here is written again and again\n"), 4000),
		"hole":      append(make([]byte, 400_000), "behind the hole"...),
		"small":     []byte("small"),
	}
	for i := range 600 {
		files[fmt.Sprintf("many/of them/file-%04d", i)] = fmt.Appendf(nil, "file %d\n", i)
	}
	return files
}

// mksquashfs makes an image with the maker's tool.
func mksquashfs(t testing.TB, files map[string][]byte, args ...string) []byte {
	t.Helper()
	program := need.Tool(t, "mksquashfs")
	dir := t.TempDir()
	for name, p := range files {
		path := filepath.Join(dir, "root", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, p, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if files["small"] == nil {
		// nothing to link to
	} else if err := errors.Join(os.Symlink("code", filepath.Join(dir, "root/bin/link")), os.Link(filepath.Join(dir, "root/small"), filepath.Join(dir, "root/bin/same"))); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "image")
	args = append([]string{filepath.Join(dir, "root"), out, "-quiet", "-no-progress", "-processors", "1", "-mkfs-time", "1700000000", "-all-time", "1700000000", "-all-root"}, args...)
	if text, err := exec.Command(program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var kinds = []struct {
	name   string
	args   []string
	proven bool // blocks that are packed carry a sum
}{
	{"gzip", []string{"-comp", "gzip"}, true},
	{"gzip, blocks of 4 KiB", []string{"-comp", "gzip", "-b", "4096"}, true},
	{"xz", []string{"-comp", "xz"}, true},
	{"xz, x86", []string{"-comp", "xz", "-Xbcj", "x86"}, true},
	{"xz, arm", []string{"-comp", "xz", "-Xbcj", "arm,armthumb"}, true},
	{"xz, powerpc", []string{"-comp", "xz", "-Xbcj", "powerpc,sparc,ia64"}, true},
	{"zstd", []string{"-comp", "zstd"}, false},
	{"lz4", []string{"-comp", "lz4"}, false},
	{"lzo", []string{"-comp", "lzo"}, false},
	{"lzma", []string{"-comp", "lzma"}, false},
	{"not packed", []string{"-noI", "-noD", "-noF", "-noX"}, false},
	{"no fragments, no export", []string{"-comp", "gzip", "-no-fragments", "-no-exports"}, true},
	{"always fragments", []string{"-comp", "gzip", "-always-use-fragments", "-nopad"}, true},
}

func TestImages(t *testing.T) {
	files := files()
	for _, tt := range kinds {
		t.Run(tt.name, func(t *testing.T) {
			image := mksquashfs(t, files, tt.args...)
			f, err := Open(context.Background(), block.Bytes(image))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			err = f.Walk(context.Background(), func(file File, err error) bool {
				if err != nil {
					t.Errorf("%s: %v", file.Path, err)
				}
				switch got[file.Path] = true; {
				case file.Kind == Symlink:
					if file.Target != "code" {
						t.Errorf("%s leads to %q", file.Path, file.Target)
					}
				case file.Kind == Regular:
					want, ok := files[file.Path]
					if file.Path == "bin/same" {
						want, ok = files["small"], true
					}
					p, err := io.ReadAll(block.Reader(f.Content(file)))
					if err != nil || !ok || !bytes.Equal(p, want) || file.Size != int64(len(want)) {
						t.Errorf("%s is another: %v", file.Path, err)
					}
				}
				return true
			})
			if want := len(files) + 5; err != nil || len(got) != want {
				t.Errorf("%d names, want %d: %v", len(got), want, err)
			}
			r, err := f.Verify(context.Background())
			if err != nil || r.Count != 0 || r.Files != len(files)+1 {
				t.Fatalf("%d problems, %d files: %v %v", r.Count, r.Files, r.Problems, err)
			}
			if open := r.Read.Complement(block.Extent{Length: f.Used}); !open.Empty() {
				t.Errorf("nothing refers to %v", open.Extents())
			}
			if table := f.Regions()[2]; r.Proven.Contains(table.Extent) != tt.proven {
				t.Errorf("%s is proven: %v, want %v", table.Name, !tt.proven, tt.proven)
			}
		})
	}
}

// TestDamage names the place of a flipped byte in blocks with a sum, and unsquashfs agrees with what is whole.
func TestDamage(t *testing.T) {
	image := mksquashfs(t, files(), "-comp", "xz")
	good, err := Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	r, err := good.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(8, 8))
	for range 40 {
		at := rnd.Int64N(int64(len(image)))
		p := bytes.Clone(image)
		p[at] ^= 1 << rnd.IntN(8)
		f, err := Open(context.Background(), block.Bytes(p))
		var c *cursor.CorruptError
		if err != nil && !errors.As(err, &c) && !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
		if err != nil {
			continue
		}
		got, err := f.Verify(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if r.Proven.Has(at) && got.Count == 0 {
			t.Errorf("a flipped bit at %d of %d is not seen", at, len(image))
		}
		if at > SuperSize && at < int64(f.inodeTable) && got.Count > 0 && !got.Problems[0].Extent.Has(at) {
			t.Errorf("a flipped bit at %d is told at %v: %s", at, got.Problems[0].Extent, got.Problems[0].What)
		}
	}
}

// TestCut reads what is there of an image that was cut off, and tells the rest.
func TestCut(t *testing.T) {
	image := mksquashfs(t, files(), "-comp", "gzip", "-nopad")
	for n := 0; n < len(image); n += 4099 {
		f, err := Open(context.Background(), block.Bytes(image[:n]))
		if err != nil {
			if n >= SuperSize {
				t.Errorf("cut to %d: %v", n, err)
			}
			continue
		}
		if r, err := f.Verify(context.Background()); err != nil || r.Count == 0 {
			t.Errorf("cut to %d of %d bytes: whole, %v", n, len(image), err)
		}
	}
	f, err := Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	for _, r := range f.Regions() {
		if r.Offset != at {
			t.Errorf("%s begins at %d, want %d", r.Name, r.Offset, at)
		}
		at = r.End()
	}
	if at != int64(len(image)) {
		t.Errorf("the regions end at %d of %d", at, len(image))
	}
}

// TestVariants names the kinds that are not read.
func TestVariants(t *testing.T) {
	make3 := func(magic string, big bool) []byte {
		p := make([]byte, 200)
		copy(p, magic)
		put := func(at int, v ...byte) {
			if big {
				for i, j := 0, len(v)-1; i < j; i, j = i+1, j-1 {
					v[i], v[j] = v[j], v[i]
				}
			}
			copy(p[at:], v)
		}
		put(28, 3, 0)
		put(30, 1, 0)
		put(51, 0, 0, 1, 0)
		put(63, 0x78, 0x56, 0x34, 0, 0, 0, 0, 0)
		return p
	}
	for _, tt := range []struct {
		p    []byte
		want string
	}{
		{make3("hsqs", false), "squashfs 3.1, little-endian"},
		{make3("sqsh", true), "squashfs 3.1, big-endian"},
		{make3("shsq", false), "squashfs 3.1, little-endian, a maker's own with LZMA"},
		{make3("qshs", true), "squashfs 3.1, big-endian, a maker's own with LZMA"},
	} {
		_, err := Open(context.Background(), block.Bytes(tt.p))
		var v *VariantError
		if !errors.As(err, &v) || v.Title != tt.want || v.Size != 0x345678 {
			t.Errorf("%v, want %s", err, tt.want)
		}
	}
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(200, seed)
		copy(p, []string{"hsqs", "sqsh", "shsq", "qshs"}[seed%4])
		if _, err := Open(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			seen++
		}
	}
	if seen > 0 {
		t.Errorf("%d of 20000 random superblocks are taken for squashfs", seen)
	}
}

// TestSiblings finds all other files beside one whose inode is broken, and one whose data is.
func TestSiblings(t *testing.T) {
	image := mksquashfs(t, files(), "-noI", "-comp", "gzip")
	f, err := Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	var victim File
	if err := f.Walk(context.Background(), func(file File, _ error) bool {
		if want++; file.Path == "bin/code" {
			victim = file
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
	image[victim.node.start+10] ^= 0xFF
	for i := range image[f.inodeTable:f.dirTable] { // the inode's number stands in its 16 bytes of head
		p := image[int(f.inodeTable)+i:]
		if le.Uint32(p[12:]) == victim.Inode && le.Uint16(p) == uint16(Regular) {
			p[0] = 77
			break
		}
	}
	f, err = Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	names, broken := 0, 0
	err = f.Walk(context.Background(), func(file File, err error) bool {
		if names++; err != nil {
			broken++
			if file.Path != "bin/code" {
				t.Errorf("%s: %v", file.Path, err)
			}
		}
		return true
	})
	if err != nil || names != want || broken != 1 {
		t.Errorf("%d names, want %d; %d broken, want 1: %v", names, want, broken, err)
	}
}

// TestHostile: names that lead out stay text, a loop of directories ends.
func TestHostile(t *testing.T) {
	image := mksquashfs(t, map[string][]byte{"a/b/c/d": []byte("x"), "e/f": []byte("y")}, "-noI", "-noD", "-noF")
	f, err := Open(context.Background(), block.Bytes(image))
	if err != nil {
		t.Fatal(err)
	}
	// Every directory entry is made to lead to the root's inode, in each way that the table can be changed.
	table := image[f.dirTable:f.dirEnd()]
	for i := range table {
		for _, b := range []byte{0, 0xFF, table[i] + 32} {
			p := bytes.Clone(image)
			p[int(f.dirTable)+i] = b
			g, err := Open(context.Background(), block.Bytes(p))
			if err != nil {
				continue
			}
			n := 0
			g.Walk(context.Background(), func(File, error) bool { n++; return n < 1000 })
			if n >= 1000 {
				t.Fatalf("byte %d as %#x: more than 1000 names", i, b)
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	for _, tt := range kinds {
		f.Add(mksquashfs(f, map[string][]byte{"a/b": []byte("small"), "c": bytes.Repeat([]byte("text "), 2000)}, append(tt.args, "-nopad")...))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		fs, err := Open(context.Background(), block.Bytes(p))
		if err != nil {
			return
		}
		r, err := fs.Verify(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if r.Count == 0 && fs.Used > int64(len(p)) {
			t.Fatal("a cut image is whole")
		}
		fs.Walk(context.Background(), func(file File, err error) bool {
			if err == nil && file.Size < 1<<20 {
				io.Copy(io.Discard, block.Reader(fs.Content(file)))
			}
			return !strings.Contains(file.Path, "\x00\x00")
		})
	})
}
