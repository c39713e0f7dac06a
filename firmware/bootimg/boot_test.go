package bootimg

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// run starts a tool of Android in a folder of its own with the files.
func run(t testing.TB, tool string, files map[string][]byte, args ...string) string {
	t.Helper()
	dir := imagetest.Folder(t, files)
	imagetest.Pipe(t, dir, nil, tool, args...)
	return dir
}

var parts = map[string][]byte{"kernel": firmwaretest.Noise(9000, 1), "ramdisk": firmwaretest.Noise(5000, 2), "second": firmwaretest.Noise(2048, 3),
	"dtbo": firmwaretest.Noise(1500, 4), "dtb": firmwaretest.Noise(700, 5), "vendor": firmwaretest.Noise(6000, 6)}

func make29(t testing.TB, version string, args ...string) []byte {
	t.Helper()
	args = append([]string{"--header_version", version, "--kernel", "kernel", "--ramdisk", "ramdisk", "--cmdline", "console=ttyS0 " + strings.Repeat("x", 600), "--board", "board",
		"--os_version", "12.1.3", "--os_patch_level", "2022-05", "-o", "image"}, args...)
	return imagetest.File(t, run(t, "mkbootimg", parts, args...), "image")
}

// TestMade holds what mkbootimg makes to the promises of all formats, and its parts to what unpack_bootimg gives.
func TestMade(t *testing.T) {
	for _, tt := range []struct {
		name, version string
		args          []string
		parts         []string // files of unpack_bootimg in the order of the parts
	}{
		{"0", "0", []string{"--second", "second"}, []string{"kernel", "ramdisk", "second"}},
		{"0 of large pages", "0", []string{"--pagesize", "16384"}, []string{"kernel", "ramdisk"}},
		{"1", "1", []string{"--second", "second"}, []string{"kernel", "ramdisk", "second"}},
		{"2", "2", []string{"--second", "second", "--dtb", "dtb"}, []string{"kernel", "ramdisk", "second", "dtb"}},
		{"3", "3", nil, []string{"kernel", "ramdisk"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := make29(t, tt.version, tt.args...)
			p := firmwaretest.Open(t, image, nil, Formats()...)
			if p.Format != "android-boot" || p.Title != "Android boot image, version "+tt.version+", Android 12.1.3, security patches of 2022-05" || p.Version != "12.1.3" || p.Announced != int64(len(image)) {
				t.Errorf("%q %q %q, %d of %d", p.Format, p.Title, p.Version, p.Announced, len(image))
			}
			if len(p.Findings) != 1 || p.Findings[0].Code != "bootimg.command-line" || !strings.HasSuffix(p.Findings[0].Text, strings.Repeat("x", 600)) {
				t.Errorf("%v", p.Findings)
			}
			dir := run(t, "unpack_bootimg", map[string][]byte{"image": image}, "--boot_img", "image", "--out", "out")
			if len(p.Children) != len(tt.parts) {
				t.Fatalf("%d parts", len(p.Children))
			}
			for i, name := range tt.parts {
				got, err := io.ReadAll(block.Reader(p.Children[i].Source))
				if want := imagetest.File(t, dir, "out/"+name); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s (%s): %d bytes, want %d: %v", name, p.Children[i].Name, len(got), len(want), err)
				}
			}
			last := p.Children[len(p.Children)-1]
			o := firmwaretest.Options{Flips: 150, Cuts: 60, Blind: block.SetOf(block.Extent{Length: 1660}), Short: func(n int64) bool { return n >= last.Offset+last.Size }}
			if tt.version == "3" { // without a sum, only the gaps are known
				o.Blind = p.Uncovered()
			}
			firmwaretest.Run(t, image, o, Formats()...)
		})
	}
}

// TestID tells a changed kernel by the ID, and says that an image without one cannot be told.
func TestID(t *testing.T) {
	image := make29(t, "2", "--dtb", "dtb")
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "bytes are covered by no check") || p.Uncovered().Bytes() > 2048 {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, at := range []int{2048, 2048 + 8999, 2048 + 10240, len(image) - 2048, 577, 8, 17} {
		bad := bytes.Clone(image)
		bad[at] ^= 2
		if v := firmware.Whole(firmwaretest.Open(t, bad, nil, Formats()...)); v.Answer != firmware.No {
			t.Errorf("a changed bit at %d: %v %q", at, v.Answer, v.Reasons)
		}
	}
	strong := bytes.Clone(image) // other tools write a SHA-256 over the same
	h := sha256.New()
	for _, name := range []string{"kernel", "ramdisk", "", "", "dtb"} {
		h.Write(parts[name])
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(parts[name]))))
	}
	copy(strong[576:], h.Sum(nil))
	p = firmwaretest.Open(t, strong, nil, Formats()...)
	if !slices.ContainsFunc(p.Checks, func(c firmware.Check) bool {
		return c.What == "ID" && c.Method == "SHA-256" && c.State == firmware.Passed
	}) {
		t.Errorf("%+v", p.Checks)
	}
	dir := run(t, "abootimg", parts, "--create", "image", "-k", "kernel", "-r", "ramdisk") // which writes no ID
	p = firmwaretest.Open(t, imagetest.File(t, dir, "image"), nil, Formats()...)
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(p.Children) != 2 || slices.ContainsFunc(p.Checks, func(c firmware.Check) bool { return c.What == "ID" }) {
		t.Errorf("%v %q %+v", v.Answer, v.Reasons, p.Checks)
	}
}

// TestReasons says in which part a file ends, and where a gap is not empty.
func TestReasons(t *testing.T) {
	image := make29(t, "0")
	v := firmware.Whole(firmwaretest.Open(t, image[:2048+100], nil, Formats()...))
	if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "kernel of Android boot image") || !strings.Contains(v.Reasons[0], "expected 11048 bytes, found 2148 bytes") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	bad := bytes.Clone(image)
	bad[2048+9001] = 5
	if v = firmware.Whole(firmwaretest.Open(t, bad, nil, Formats()...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "gap behind kernel") || !strings.Contains(v.Reasons[0], "0x05 at 11049") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	dump := append(bytes.Clone(image), make([]byte, 100_000)...) // a whole partition
	p := firmwaretest.Open(t, dump, nil, Formats()...)
	if v = firmware.Whole(p); v.Answer != firmware.CannotTell || p.Uncovered().Bytes() != 1632 || len(p.Children) != 2 {
		t.Errorf("%v %q", p.Uncovered(), v.Reasons)
	}
	p = firmwaretest.Open(t, append(bytes.Clone(image), image...), nil, Formats()...)
	if len(p.Children) != 3 || p.Children[2].Format != "android-boot" {
		t.Errorf("%d parts", len(p.Children))
	}
}

// TestOverlay reads an image with a recovery overlay, which mkbootimg 29 cannot make under today's Python: one of its
// images, with the overlay put in by the description.
func TestOverlay(t *testing.T) {
	image := make29(t, "2", "--dtb", "dtb")
	at := 2048 + 10240 + 6144
	image = slices.Concat(image[:at], parts["dtbo"], make([]byte, 2048-1500), image[at:])
	binary.LittleEndian.PutUint32(image[1632:], 1500)
	binary.LittleEndian.PutUint64(image[1636:], uint64(at))
	h := sha1.New()
	for _, name := range []string{"kernel", "ramdisk", "", "dtbo", "dtb"} {
		h.Write(parts[name])
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(parts[name]))))
	}
	copy(image[576:], h.Sum(nil))
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if len(p.Children) != 4 || !bytes.Equal(content(t, p.Children[2]), parts["dtbo"]) || firmware.Whole(p).Answer != firmware.CannotTell {
		t.Errorf("%d parts: %q", len(p.Children), firmware.Whole(p).Reasons)
	}
	image[1637] ^= 1
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, Formats()...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "place of the recovery overlay") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestOld reads an image from before there were versions, with a table of device trees behind the second stage.
func TestOld(t *testing.T) {
	image := make29(t, "0")
	trees := firmwaretest.Noise(3000, 7)
	binary.LittleEndian.PutUint32(image[40:], uint32(len(trees)))
	clear(image[576:608])
	image = append(image, append(trees, make([]byte, 4096-3000)...)...)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if len(p.Children) != 3 || p.Children[2].Role != firmware.DeviceTree || p.Children[2].Size != 3000 || p.Announced != int64(len(image)) {
		t.Errorf("%d parts, %d bytes", len(p.Children), p.Announced)
	}
}

func TestLook(t *testing.T) {
	s, err := lookBoot(context.Background(), block.Bytes(make29(t, "1")))
	if err != nil || s.Name != "board" || s.Version != "12.1.3" || s.Size != 18432 {
		t.Errorf("%+v %v", s, err)
	}
	for i, magic := range []string{bootMagic, vendorMagic, "\xd7\xb7\xab\x1e"} {
		seen := 0
		for seed := range uint64(500) {
			p := firmwaretest.Noise(4096, seed)
			copy(p, magic)
			if _, err := Formats()[i].Look(context.Background(), block.Bytes(p)); err == nil {
				seen++
			} else if !errors.Is(err, cursor.ErrNot) {
				t.Fatal(err)
			}
		}
		if seen > 0 {
			t.Errorf("%q: %d of 500 are seen", magic, seen)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(make29(f, "2", "--dtb", "dtb"))
	f.Add(make29(f, "3"))
	f.Add(vendor4())
	f.Add(trees(0))
	f.Add(newer(true))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
