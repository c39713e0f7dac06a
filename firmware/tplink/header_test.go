package tplink

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var be = binary.BigEndian

// image says what one is made of, as the tools take it.
type image struct {
	mark               uint32
	second             bool // the other layout
	hw, rev            uint32
	region             string
	kernel, root, boot []byte
	salt               int
	combined           bool // a header of a kernel alone
	length             uint32
}

func (m image) build() []byte {
	l := first
	if m.second {
		l = second
	}
	p := make([]byte, headSize)
	be.PutUint32(p, m.mark<<24)
	copy(p[4:], "TP-LINK Technologies")
	copy(p[l.version:], "ver. 1.0")
	if m.second {
		p[140], p[141] = 0x55, 0xaa
	}
	be.PutUint32(p[l.hardware:], m.hw)
	be.PutUint32(p[l.hardware+4:], m.rev)
	put := func(at int, part []byte) {
		if len(part) > 0 {
			be.PutUint32(p[at:], uint32(len(p)))
			be.PutUint32(p[at+4:], uint32(len(part)))
			p = append(p, part...)
			p = append(p, bytes.Repeat([]byte{0xFF}, (64-len(p)%64)%64)...)
		}
	}
	put(l.length+20, m.boot)
	put(l.length+4, m.kernel)
	put(l.length+12, m.root)
	if m.region != "" {
		copy(p[l.region:], m.region)
	}
	if m.combined {
		return p
	}
	if l.numberSize == 2 {
		copy(p[l.numbers:], []byte{0, 3, 0, 15, 0, 2})
	} else {
		copy(p[l.numbers:], []byte{3, 15, 2})
	}
	be.PutUint32(p[l.length:], max(m.length, uint32(len(p))))
	copy(p[l.sum:], salts[m.salt])
	sum := md5.Sum(p)
	copy(p[l.sum:], sum[:])
	return p
}

func TestHeaders(t *testing.T) {
	kernel, root, boot := firmwaretest.Noise(3000, 1), append([]byte("hsqs"), firmwaretest.Noise(5000, 2)...), firmwaretest.Noise(1000, 3)
	us := "00000000;55530000;"
	for _, tt := range []struct {
		name   string
		image  image
		region string
		loader bool
	}{
		{"version 1", image{mark: 1, hw: 0x07400004, rev: 1, kernel: kernel, root: root, length: 0x3c0000}, "", false},
		{"version 1 for the US", image{mark: 1, hw: 0x07400004, rev: 1, kernel: kernel, root: root, region: us}, "US", false},
		{"version 1 with boot loader", image{mark: 1, hw: 0x07400004, rev: 1, kernel: kernel, root: root, boot: boot, salt: 1}, "", true},
		{"version 1 marked 2", image{mark: 2, hw: 0x07400004, rev: 1, kernel: kernel, root: root}, "", false},
		{"version 2", image{mark: 2, second: true, hw: 0xc7500001, rev: 50, kernel: kernel, root: root, salt: 2}, "", false},
		{"version 3", image{mark: 3, second: true, hw: 0xc7500001, rev: 50, kernel: kernel, root: root, boot: boot, salt: 3}, "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := tt.image.build()
			p := firmwaretest.Open(t, data, nil, Formats()...)
			if p.Format != "tplink" || p.Version != "3.15.2" || len(p.Installs) != 1 {
				t.Fatalf("%+v", p)
			}
			var where string
			for _, c := range p.Claims {
				if c.Kind == firmware.Region {
					where = c.Values[0]
				}
			}
			want := map[firmware.Role][]byte{firmware.Kernel: kernel, firmware.RootFS: root, firmware.BootLoader: boot}
			loader := false
			for _, c := range p.Children {
				got, err := io.ReadAll(block.Reader(c.Source))
				if err != nil || !bytes.Equal(got, want[c.Role]) {
					t.Errorf("%s: %v", c.Role, err)
				}
				loader = loader || len(c.Installs) > 0 && c.Installs[0].Loader
			}
			if where != tt.region || loader != tt.loader || loader != strings.Contains(strings.Join(firmware.Warnings(p), " "), "boot loader") {
				t.Errorf("region %q, loader %v, %q", where, loader, firmware.Warnings(p))
			}
			if (len(p.Signatures) > 0) != (tt.image.mark == 3) {
				t.Errorf("%v", p.Signatures)
			}
			firmwaretest.Run(t, data, firmwaretest.Options{}, Formats()...)
		})
	}
}

// TestKernelAlone: a header without a sum leaves it open whether the file is whole.
func TestKernelAlone(t *testing.T) {
	data := append(image{mark: 1, hw: 1, rev: 1, kernel: firmwaretest.Noise(3000, 1), combined: true}.build(), append([]byte("hsqs"), firmwaretest.Noise(500, 1)...)...)
	p := firmwaretest.Open(t, data, nil, Formats()...)
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(p.Children) != 2 || !strings.Contains(v.Reasons[0], "has no sum") {
		t.Errorf("%+v, %d children", v, len(p.Children))
	}
}

func TestFits(t *testing.T) {
	p := firmwaretest.Open(t, image{mark: 1, hw: 0x07400004, rev: 1, kernel: firmwaretest.Noise(300, 1)}.build(), nil, Formats()...)
	for _, tt := range []struct {
		product string
		rev     string
		size    int64
		want    firmware.Answer
	}{{"0x07400004", "1", 1 << 20, firmware.OK}, {"0x07410001", "1", 1 << 20, firmware.No}, {"0x07400004", "2", 1 << 20, firmware.No}, {"0x07400004", "1", 100, firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Product, Value: tt.product}, {Kind: firmware.Hardware, Value: tt.rev}}, Spaces: []firmware.Space{{Name: "firmware", Size: tt.size}}}
		if v := firmware.Fits(p, d); v.Answer != tt.want {
			t.Errorf("%+v: %+v", tt, v)
		}
	}
}

func TestLook(t *testing.T) {
	good := image{mark: 1, hw: 7, rev: 1, kernel: firmwaretest.Noise(300, 1)}.build()
	if s, err := look(context.Background(), block.Bytes(good)); err != nil || s.Version != "3.15.2" || s.Name != "TP-LINK Technologies" {
		t.Errorf("%+v, %v", s, err)
	}
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(headSize, seed)
		be.PutUint32(p, uint32(seed%3+1)<<24)
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	for text, want := range map[string]string{"00000000;55530000;": "US", "00000000;45550000": "EU", "45550000": "", "0;zz": "", "": "", "0;00000000": ""} {
		if got := regionOf(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(image{mark: 1, hw: 7, rev: 1, kernel: firmwaretest.Noise(300, 1), root: firmwaretest.Noise(30, 1), boot: firmwaretest.Noise(30, 1), salt: 1}.build())
	f.Add(image{mark: 3, second: true, hw: 7, rev: 1, kernel: firmwaretest.Noise(300, 1)}.build())
	f.Add(safeImage(safeParts(), "maker", false))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
