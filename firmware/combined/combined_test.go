package combined

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/squashfs"
	"salvor/firmware/uimage"
	"salvor/internal/need"
)

func tool(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := need.Command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// kernel makes a U-Boot image.
func kernel(t testing.TB, n int) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, firmwaretest.Noise(n, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	tool(t, "mkimage", "-A", "mips", "-O", "linux", "-T", "kernel", "-C", "none", "-n", "MIPS OpenWrt Linux-5.15", "-d", in, out)
	return read(t, out)
}

// root makes a squashfs as OpenWrt does: xz, not filled up.
func root(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.MkdirAll(filepath.Join(in, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string][]byte{"etc/os-release": []byte("NAME=\"OpenWrt\"\nVERSION=\"23.05.2\"\n"), "init": firmwaretest.Noise(9000, 2)} {
		if err := os.WriteFile(filepath.Join(in, name), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "mksquashfs", in, out, "-comp", "xz", "-nopad", "-noappend", "-all-root", "-quiet", "-no-progress")
	return read(t, out)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	p, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func padTo(p []byte, edge int, value byte) []byte {
	return append(bytes.Clone(p), bytes.Repeat([]byte{value}, (edge-len(p)%edge)%edge)...)
}

// marked puts the end marks behind an image, as padjffs2 does for edges of 4 to 16 KiB.
func marked(p []byte) []byte {
	p = bytes.Clone(p)
	for left := []int{4 << 10, 8 << 10, 16 << 10}; len(left) > 0; {
		p = padTo(p, left[0], 0xFF)
		at := len(p)
		left = slices.DeleteFunc(left, func(edge int) bool { return at%edge == 0 })
		p = append(p, mark...)
	}
	return p
}

var formats = []firmware.Format{Format(), uimage.Format(), squashfs.Format()}

func TestImages(t *testing.T) {
	k, r := kernel(t, 9000), root(t)
	for _, tt := range []struct {
		name  string
		image []byte
		at    int64
		parts int
	}{
		{"filled to erase blocks", marked(append(padTo(k, 16<<10, 0xFF), r...)), 16 << 10, 2},
		{"without a gap", marked(append(bytes.Clone(k), r...)), int64(len(k)), 2},
		{"filled with zeros", padTo(append(padTo(k, 4<<10, 0), r...), 16<<10, 0), int64(len(k)+4095) &^ 4095, 2},
		{"filled with both", append(append(padTo(padTo(k, 4<<10, 0), 16<<10, 0xFF), r...), append(make([]byte, 100), bytes.Repeat([]byte{0xFF}, 900)...)...), 16 << 10, 2},
		{"no filling behind", append(padTo(k, 16<<10, 0xFF), r...), 16 << 10, 2},
		{"a file system alone", marked(r), 0, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, formats...)
			if len(p.Children) != tt.parts {
				t.Fatalf("%+v", p)
			}
			last := p.Children[tt.parts-1]
			if last.Format != "squashfs" || last.Offset != tt.at || last.Size != int64(len(r)) || last.Role != firmware.RootFS {
				t.Errorf("%+v", last)
			}
			if tt.parts == 2 && (p.Children[0].Format != "uimage" || p.Children[0].Size != int64(len(k))) {
				t.Errorf("%+v", p.Children[0])
			}
			for _, c := range p.Checks {
				if c.State != firmware.Passed || c.Method != "padding" {
					t.Errorf("%+v", c)
				}
			}
			if len(p.Installs) != 1 || p.Installs[0].Needs != tt.at+int64(len(r)) {
				t.Errorf("%+v", p.Installs)
			}
			// What squashfs has no sum over is its own matter; behind it, marks and filling end where they like.
			blind := p.Uncovered()
			blind.Add(block.Extent{Offset: tt.at, Length: 96})
			whole := tt.at + int64(len(r))
			// A file that was cut in the filling behind the kernel is a kernel with filling.
			short := func(n int64) bool { return n >= whole || n >= int64(len(k)) && n <= tt.at }
			firmwaretest.Run(t, tt.image, firmwaretest.Options{Blind: blind, Flips: 90, Cuts: 30, Short: short}, formats...)
		})
	}
}

// TestUnknownKernel finds the root file system at an erase block, where the kernel does not say how long it is.
func TestUnknownKernel(t *testing.T) {
	loader := append([]byte{0x6d, 0, 0, 0x80, 0}, firmwaretest.Noise(90_000, 3)...)
	p := firmwaretest.Open(t, marked(append(padTo(loader, 64<<10, 0xFF), root(t)...)), nil, formats...)
	if p.Format != "combined" || len(p.Children) != 2 || p.Children[0].Size != 128<<10 || p.Children[1].Format != "squashfs" {
		t.Errorf("%+v", p)
	}
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%+v", v)
	}
}

func TestUBI(t *testing.T) {
	volume := append([]byte("UBI#\x01\x00\x00\x00"), firmwaretest.Noise(5000, 1)...)
	p := firmwaretest.Open(t, append(padTo(kernel(t, 1000), 128<<10, 0xFF), volume...), nil, Format())
	if p.Format != "combined" || len(p.Children) != 2 || p.Children[1].Offset != 128<<10 || p.Children[1].Size != int64(len(volume)) {
		t.Errorf("%+v", p)
	}
}

func TestReasons(t *testing.T) {
	k, r := padTo(kernel(t, 5000), 64<<10, 0xFF), root(t)
	good := marked(append(bytes.Clone(k), r...))
	firstMark := bytes.Index(good, mark)
	brokenMark := bytes.Clone(good)
	brokenMark[firstMark] ^= 1
	gap := bytes.Clone(good)
	gap[40_000] = 1
	for _, tt := range []struct {
		name string
		p    []byte
		want string
	}{
		{"cut in the root file system", good[:len(k)+1000], "root file system"},
		{"a changed mark", brokenMark, "expected deadc0de at"},
		{"something in the gap", gap, "between kernel and root file system"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, formats...))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	settings := append(bytes.Clone(good), firmwaretest.Noise(5000, 7)...)
	if p := firmwaretest.Open(t, settings, nil, formats...); len(p.Children) != 3 || p.Children[2].Size != 5000 {
		t.Errorf("%+v", p.Children)
	}
}

// TestHostile: filling in countless runs ends soon, and memory stays small.
func TestHostile(t *testing.T) {
	k := padTo(kernel(t, 5000), 16<<10, 0xFF)
	runs := bytes.Repeat([]byte{0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF}, 1<<17)
	begin := time.Now()
	p := firmwaretest.Open(t, slices.Concat(k, root(t), runs), nil, formats...)
	if v := firmware.Whole(p); p.Format != "combined" || v.Answer == firmware.OK || time.Since(begin) > 20*time.Second {
		t.Errorf("%+v after %v", v, time.Since(begin))
	}
}

func TestLook(t *testing.T) {
	k, r := kernel(t, 5000), root(t)
	odd := append(append(bytes.Clone(k), make([]byte, 7)...), r...)
	for i, p := range [][]byte{nil, k, r, padTo(r, 4096, 0), odd, firmwaretest.Noise(4096, 1), make([]byte, 4096)} {
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d: %v", i, err)
		}
	}
	huge := bytes.Clone(k)
	binary.BigEndian.PutUint32(huge[12:], 0xFFFFFFFF)
	if _, err := look(context.Background(), block.Bytes(huge)); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(marked(append(padTo(kernel(f, 100), 4<<10, 0xFF), root(f)[:2000]...)))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
