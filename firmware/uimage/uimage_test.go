package uimage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// mkimage makes an image of files with U-Boot's own tool.
func mkimage(t testing.TB, args []string, files ...[]byte) []byte {
	t.Helper()
	program := need.Tool(t, "mkimage")
	dir := t.TempDir()
	var names []string
	for i, p := range files {
		name := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	out := filepath.Join(dir, "image")
	cmd := exec.Command(program, append(args, "-d", strings.Join(names, ":"), out)...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	p, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func packed(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

func TestImages(t *testing.T) {
	content := firmwaretest.Noise(5000, 1)
	for _, tt := range []struct {
		name   string
		args   []string
		files  [][]byte
		title  string
		role   firmware.Role
		childs int
	}{
		{"kernel", []string{"-A", "arm", "-O", "linux", "-T", "kernel", "-C", "gzip", "-a", "0x8000", "-e", "0x8000", "-n", "Linux-6.1"}, [][]byte{packed(content)},
			"U-Boot legacy image: kernel image, ARM, Linux, gzip", firmware.Kernel, 1},
		{"files", []string{"-A", "mips", "-O", "linux", "-T", "multi", "-C", "none", "-n", "all"}, [][]byte{firmwaretest.Noise(1001, 2), firmwaretest.Noise(777, 3), firmwaretest.Noise(64, 4)},
			"U-Boot legacy image: multi-file image, MIPS, Linux, uncompressed", firmware.Package, 3},
		{"script", []string{"-A", "arm64", "-T", "script", "-C", "none", "-n", "boot"}, [][]byte{[]byte("run bootcmd\n")},
			"U-Boot legacy image: script, AArch64, Linux, uncompressed", firmware.Script, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := mkimage(t, tt.args, tt.files...)
			p := firmwaretest.Open(t, image, nil, Format())
			if strings.TrimSuffix(p.Title, ", uncompressed") != strings.TrimSuffix(tt.title, ", uncompressed") || len(p.Children) != tt.childs || p.Announced != int64(len(image)) {
				t.Errorf("%q, %d children, %d bytes of %d", p.Title, len(p.Children), p.Announced, len(image))
			}
			for i, c := range p.Children {
				got, err := io.ReadAll(block.Reader(c.Source))
				if err != nil || !bytes.Equal(got, tt.files[i]) {
					t.Errorf("file %d is another: %v", i+1, err)
				}
			}
			if tt.name == "kernel" {
				inner := p.Children[0].Children[0]
				if got, err := io.ReadAll(block.Reader(inner.Source)); err != nil || !bytes.Equal(got, content) || !inner.Unpacked {
					t.Errorf("what comes out is another: %v", err)
				}
				if len(p.Claims) != 1 || p.Claims[0].Values[0] != "ARM" || p.Children[0].Name != "Linux-6.1" {
					t.Errorf("claims %v, name %q", p.Claims, p.Children[0].Name)
				}
			}
			firmwaretest.Run(t, image, firmwaretest.Options{}, Format())
		})
	}
}

// TestReasons says expected and found side by side, and tells a cut file from a changed one.
func TestReasons(t *testing.T) {
	image := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "kernel", "-C", "none", "-n", "k"}, firmwaretest.Noise(4000, 9))
	flipped := bytes.Clone(image)
	flipped[2000] ^= 4
	v := firmware.Whole(firmwaretest.Open(t, flipped, nil, Format()))
	if v.Answer != firmware.No || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], "data of") || !strings.Contains(v.Reasons[0], "expected") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:2000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "expected 4064 bytes, found 2000 bytes") || !strings.Contains(v.Reasons[0], "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	header := bytes.Clone(image)
	header[40] ^= 1
	if v = firmware.Whole(firmwaretest.Open(t, header, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "header of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestBehind finds what stands behind an image, as in the files for a whole flash.
func TestBehind(t *testing.T) {
	first := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "kernel", "-C", "none", "-n", "one"}, firmwaretest.Noise(100, 5))
	second := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "filesystem", "-C", "none", "-n", "two"}, firmwaretest.Noise(200, 6))
	p := firmwaretest.Open(t, append(bytes.Clone(first), second...), nil, Format())
	if len(p.Children) != 2 || p.Children[1].Format != "uimage" || p.Children[1].Offset != int64(len(first)) || firmware.Whole(p).Answer != firmware.OK {
		t.Errorf("%+v", p.Children)
	}
	padded := append(bytes.Clone(first), bytes.Repeat([]byte{0xFF}, 1000)...)
	if v := firmware.Whole(firmwaretest.Open(t, padded, nil, Format())); v.Answer != firmware.OK {
		t.Errorf("padding: %v %q", v.Answer, v.Reasons)
	}
	padded[len(first)+500] = 0
	if v := firmware.Whole(firmwaretest.Open(t, padded, nil, Format())); v.Answer != firmware.CannotTell {
		t.Errorf("something in the padding: %v %q", v.Answer, v.Reasons)
	}
}

// TestLook sees no image in random bytes behind the magic.
func TestLook(t *testing.T) {
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(64, seed)
		copy(p, []byte{0x27, 0x05, 0x19, 0x56})
		if _, err := look(context.Background(), block.Bytes(p)); err == nil {
			seen++
		} else if !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
	if seen > 2 {
		t.Errorf("%d of 20000 are seen", seen)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(mkimage(f, []string{"-A", "arm", "-T", "multi", "-C", "none", "-n", "m"}, firmwaretest.Noise(50, 1), firmwaretest.Noise(60, 2)))
	f.Add(mkimage(f, []string{"-A", "arm", "-T", "kernel", "-C", "gzip", "-n", "m"}, packed(firmwaretest.Noise(50, 1))))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Format())
		part.Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}

// TestMissed has zeros behind a kernel: a few fill it up; where a root file system could stand they prove nothing, but as a part
// of something else they do.
func TestMissed(t *testing.T) {
	image := mkimage(t, []string{"-A", "arm", "-O", "linux", "-T", "kernel", "-C", "none", "-n", "k"}, firmwaretest.Noise(5000, 3))
	for _, tt := range []struct {
		fill byte
		n    int
		want firmware.Answer
	}{{0, 4096, firmware.OK}, {0, 6 << 20, firmware.CannotTell}, {0xFF, 6 << 20, firmware.OK}} {
		p := append(bytes.Clone(image), bytes.Repeat([]byte{tt.fill}, tt.n)...)
		if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != tt.want {
			t.Errorf("%d bytes of %#x: %v %q", tt.n, tt.fill, v.Answer, v.Reasons)
		}
	}
}
