package fit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// child returns the part of that name.
func child(t testing.TB, p *firmware.Part, name string) *firmware.Part {
	t.Helper()
	i := slices.IndexFunc(p.Children, func(c *firmware.Part) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no %s", name)
	}
	return p.Children[i]
}

// layouts are the ways in which mkimage lays out an image.
var layouts = map[string][]string{"inside": nil, "behind": {"-E"}, "aligned": {"-E", "-B", "1000"}, "position": {"-E", "-p", "0x4000"}}

func TestLayouts(t *testing.T) {
	b := newBench(t)
	for name, args := range layouts {
		t.Run(name, func(t *testing.T) {
			image := b.make(t, its{hashes: "sha256 crc32"}, args...)
			p := firmwaretest.Open(t, image, nil, Format())
			if p.Format != "fit" || p.Title != "FIT image" || p.Announced > int64(len(image)) || p.Announced < int64(len(image))-3 && name != "aligned" || len(p.Children) != 3 {
				t.Fatalf("%d children, %d of %d bytes", len(p.Children), p.Announced, len(image))
			}
			for _, c := range []struct {
				name, file, title string
				role              firmware.Role
			}{
				{"kernel-1", "kernel", "kernel, AArch64, linux, to 0x80000, starts at 0x80000", firmware.Kernel},
				{"fdt-1", "board.dtb", "device tree, AArch64", firmware.DeviceTree},
				{"ramdisk-1", "ramdisk", "ramdisk, AArch64, linux", firmware.Ramdisk},
			} {
				part := child(t, p, c.name)
				got, err := io.ReadAll(block.Reader(part.Source))
				if err != nil || !bytes.Equal(got, b.get(t, c.file)) || part.Role != c.role || part.Title != c.title {
					t.Errorf("%s: %+v %v", c.name, part, err)
				}
				if len(part.Checks) != 2 || part.Checks[0].State != firmware.Passed || part.Checks[0].Method != "SHA-256" || part.Checks[1].Method != "CRC-32" {
					t.Errorf("%s: %+v", c.name, part.Checks)
				}
			}
			if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], "names, addresses and options") {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if got := firmware.Genuine(p); got.Answer != firmware.CannotTell || got.Reasons[0] != "the package carries no signature" {
				t.Errorf("%v", got)
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Blind: blind(t, image, nil), Flips: 150, Cuts: 40, Short: func(n int64) bool { return n >= p.Announced }}, Format())
		})
	}
}

// TestOracle compares the hashes with those that dumpimage tells.
func TestOracle(t *testing.T) {
	b := newBench(t)
	image := b.make(t, its{hashes: "sha256 crc32 sha1 sha384 sha512 md5"})
	told := regexp.MustCompile(`Hash value: +([0-9a-f]+)`).FindAllStringSubmatch(string(imagetest.Pipe(t, b.dir, nil, "dumpimage", "-l", "image.itb")), -1)
	p := firmwaretest.Open(t, image, nil, Format())
	n := 0
	for _, c := range p.Children {
		for _, k := range c.Checks {
			if n >= len(told) || k.Found != told[n][1] || k.State != firmware.Passed {
				t.Errorf("%s %s: %s, dumpimage tells %v", c.Name, k.Method, k.Found, told[min(n, len(told)-1)])
			}
			n++
		}
	}
	if n != 18 || len(told) != 18 {
		t.Errorf("%d hashes, dumpimage tells %d", n, len(told))
	}
}

// TestReasons names the image that is wrong, with expected and found.
func TestReasons(t *testing.T) {
	b := newBench(t)
	image := b.make(t, its{hashes: "sha256"}, "-E")
	p := firmwaretest.Open(t, image, nil, Format())
	ramdisk := child(t, p, "ramdisk-1")
	flipped := bytes.Clone(image)
	flipped[ramdisk.Offset+99] ^= 8
	v := firmware.Whole(firmwaretest.Open(t, flipped, nil, Format()))
	if v.Answer != firmware.No || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], "ramdisk-1") || !strings.Contains(v.Reasons[0], "SHA-256: expected ") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:ramdisk.Offset+99], nil, Format()))
	if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "image ramdisk-1 of") || !strings.Contains(v.Reasons[0], "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	inside := b.make(t, its{hashes: "sha256"})
	at := child(t, firmwaretest.Open(t, inside, nil, Format()), "kernel-1").Offset + 700
	v = firmware.Whole(firmwaretest.Open(t, inside[:at], nil, Format()))
	if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "image kernel-1 of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestReferences tells of configurations whose images are not there.
func TestReferences(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct{ configs, want string }{
		{`default = "conf-9"; conf-1 { kernel = "kernel-1"; };`, "default configuration"},
		{`default = "conf-1"; conf-1 { kernel = "kernel-1"; fdt = "fdt-1", "fdt-7"; };`, "fdt of configuration conf-1"},
	} {
		image := b.make(t, its{hashes: "crc32", configs: `default = "conf-1"; conf-1 { kernel = "kernel-1"; };`})
		good := firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
		if good.Answer == firmware.No {
			t.Errorf("%q", good.Reasons)
		}
		b.put(t, "image.its", []byte(its{hashes: "crc32", configs: tt.configs}.String()))
		imagetest.Pipe(t, b.dir, nil, "dtc", "-q", "-I", "dts", "-O", "dtb", "-o", "image.itb", "image.its") // mkimage refuses some
		v := firmware.Whole(firmwaretest.Open(t, b.get(t, "image.itb"), nil, Format()))
		if v.Answer != firmware.No || !slices.ContainsFunc(v.Reasons, func(s string) bool { return strings.HasPrefix(s, tt.want) }) {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
	}
}

// TestUnpacked opens what is packed, and images in images.
func TestUnpacked(t *testing.T) {
	b := newBench(t)
	inner := b.make(t, its{hashes: "crc32"})
	b.put(t, "inner", inner)
	image := b.make(t, its{hashes: "sha1", kernel: "packed", compression: "gzip",
		images: `loader { data = /incbin/("inner"); type = "firmware"; os = "u-boot"; arch = "arm64"; compression = "none"; hash-1 { algo = "sha256"; }; };`})
	p := firmwaretest.Open(t, image, nil, Format())
	k := child(t, p, "kernel-1")
	if len(k.Children) != 1 || !k.Children[0].Unpacked || k.Compression != "gzip" {
		t.Fatalf("%+v", k)
	}
	if got, err := io.ReadAll(block.Reader(k.Children[0].Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(9000, 3)) {
		t.Error("what comes out is another")
	}
	if l := child(t, p, "loader"); l.Format != "fit" || l.Role != firmware.BootLoader || len(l.Installs) != 1 || !l.Installs[0].Loader || len(l.Children) != 3 {
		t.Errorf("%+v", l)
	}
	if w := firmware.Warnings(p); len(w) != 1 || !strings.Contains(w[0], "boot loader") {
		t.Errorf("%q", w)
	}
}

// TestBehind opens what stands behind an image, and takes padding for what it is.
func TestBehind(t *testing.T) {
	b := newBench(t)
	image := b.make(t, its{hashes: "sha256"}, "-E")
	p := firmwaretest.Open(t, append(bytes.Clone(image), bytes.Repeat([]byte{0xFF}, 5000)...), nil, Format())
	if len(p.Children) != 3 || p.Uncovered().Overlaps(block.Extent{Offset: int64(len(image)), Length: 5000}) {
		t.Errorf("%v", p.Uncovered().Extents())
	}
	p = firmwaretest.Open(t, append(bytes.Clone(image), image...), nil, Format())
	if len(p.Children) != 4 || p.Children[3].Format != "fit" || p.Children[3].Offset > int64(len(image)) {
		t.Errorf("%+v", p.Children)
	}
}

// tree stands for the reader of device trees, which is another row of the table.
var tree = firmware.Format{Name: "dtb", Title: "device tree", Open: func(_ context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
	p := make([]byte, 4)
	if _, err := src.ReadAt(p, 0); err != nil || binary.BigEndian.Uint32(p) != 0xD00DFEED {
		return nil, cursor.ErrNot
	}
	return &firmware.Part{Claims: []firmware.Claim{{Kind: firmware.Compatible, Values: []string{"acme,router-3"}}}}, nil
}}

// TestBoards tells the boards that the configurations are for, as one choice.
func TestBoards(t *testing.T) {
	b := newBench(t)
	for _, tt := range []struct {
		configs string
		want    []string
	}{
		{`conf-1 { kernel = "kernel-1"; fdt = "fdt-1"; };`, []string{"acme,router-3"}},
		{`conf-1 { kernel = "kernel-1"; compatible = "acme,router-4", "acme,soc"; }; conf-2 { kernel = "kernel-1"; fdt = "fdt-1"; };`, []string{"acme,router-4", "acme,router-3"}},
		{`conf-1 { kernel = "kernel-1"; };`, nil},
	} {
		p := firmwaretest.Open(t, b.make(t, its{hashes: "crc32", configs: tt.configs}), nil, Format(), tree)
		var boards, processors []string
		claims := 0
		p.Walk(func(x *firmware.Part, _ int) bool {
			claims += len(x.Claims)
			return true
		})
		for _, c := range p.Claims {
			switch c.Kind {
			case firmware.Compatible:
				boards = c.Values
			case firmware.Architecture:
				processors = c.Values
			}
		}
		if !slices.Equal(boards, tt.want) || !slices.Equal(processors, []string{"AArch64", "arm64"}) || claims != len(p.Claims) {
			t.Errorf("%v %v, %d claims", boards, processors, claims)
		}
		for has, want := range map[string]firmware.Answer{"acme,router-3": firmware.OK, "acme,router-9": firmware.No} {
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Compatible, Value: has, From: "test"}, {Kind: firmware.Architecture, Value: "aarch64", From: "test"}}}
			if v := firmware.Fits(p, d); tt.want != nil && v.Answer != want {
				t.Errorf("%s: %v %q", has, v.Answer, v.Reasons)
			}
		}
	}
}

// TestLook sees no image in other trees and in random bytes behind the magic.
func TestLook(t *testing.T) {
	b := newBench(t)
	ctx := context.Background()
	if _, err := look(ctx, block.Bytes(b.get(t, "board.dtb"))); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
	for _, args := range layouts {
		image := b.make(t, its{hashes: "crc32"}, args...)
		s, err := look(ctx, block.Bytes(image))
		if err != nil || s.Title != "FIT image" || s.Size < int64(len(image))-3 && len(args) != 3 || s.Size > int64(len(image)) {
			t.Errorf("%v: %+v %v", args, s, err)
		}
	}
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(4096, seed)
		copy(p, []byte{0xD0, 0x0D, 0xFE, 0xED, 0, 0, 16, 0})
		if _, err := look(ctx, block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := newBench(f)
	b.put(f, "kernel", firmwaretest.Noise(50, 1))
	b.put(f, "ramdisk", firmwaretest.Noise(60, 1))
	key := b.key(f, "dev", rsaKey(f, 2048))
	f.Add(b.make(f, its{hashes: "sha256 crc32", sign: signed("sha256,rsa2048", ramdiskToo)}, "-k", "."))
	f.Add(b.make(f, its{hashes: "sha1", signImages: signed("sha1,rsa2048", "")}, "-k", ".", "-E"))
	f.Add(b.make(f, its{hashes: "md5", configs: `conf-1 { kernel = "kernel-1"; compatible = "a"; };`}, "-E", "-p", "0x1000"))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, []firmware.Key{key}, Format())
		part.Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 || x.Offset+x.Size > int64(len(p)) && !x.Unpacked && x != part {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
