package uefi

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
	"salvor/internal/need"
)

var le = binary.LittleEndian

// code is OVMF's code: a volume with a packed one inside, and a small one.
func code(t testing.TB) []byte { return need.Debian(t, "/usr/share/OVMF/OVMF_CODE.fd", "ovmf") }

// last is the small volume at the end of it.
func last(t testing.TB) []byte {
	p := code(t)
	return p[le.Uint64(p[32:]):]
}

// TestVolumes opens real images, and finds in them what fwupdtool finds.
func TestVolumes(t *testing.T) {
	for path, of := range map[string]string{"/usr/share/OVMF/OVMF_CODE.fd": "ovmf", "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd": "qemu-efi-aarch64"} {
		t.Run(path, func(t *testing.T) {
			image := need.Debian(t, path, of)
			p := firmwaretest.Open(t, image, nil, Formats()...)
			volumes, files, names := 0, 0, map[string]bool{}
			p.Walk(func(x *firmware.Part, _ int) bool {
				for _, c := range x.Checks {
					if c.State != firmware.Passed {
						t.Errorf("%s %s: %+v", x.Title, x.Name, c)
					}
				}
				if strings.HasPrefix(x.Title, "UEFI volume") {
					volumes++
				}
				if x.Format == "" && x.Title != "" {
					files, names[x.Name] = files+1, true
				}
				return true
			})
			if v := firmware.Whole(p); v.Answer != firmware.CannotTell || p.Title != "UEFI firmware" {
				t.Errorf("%q: %v %q", p.Title, v.Answer, v.Reasons)
			}
			if w := strings.Join(firmware.Warnings(p), " "); !strings.Contains(w, "boot loader") {
				t.Errorf("%q", w)
			}
			if volumes < 2 || !names["DxeCore"] && !names["DxeMain"] {
				t.Errorf("%d volumes, %d files: %v", volumes, files, names)
			}
			if !strings.Contains(path, "OVMF") {
				return
			}
			d := imagetest.NewDir(t)
			out, err := d.Try(t, "fwupdtool", "firmware-parse", path, "efi-volume")
			if err != nil {
				t.Fatal(out)
			}
			// fwupdtool reads the first volume only; the other one has two files.
			first := p.Children[0]
			files = 0
			first.Walk(func(x *firmware.Part, _ int) bool {
				if x.Format == "" && x.Title != "" {
					files++
				}
				return true
			})
			all := strings.Count(out, `gtype="FuEfiFile"`) - len(regexp.MustCompile(`<type>0xf0</type>`).FindAllString(out, -1))
			if files != all {
				t.Errorf("%d files, fwupdtool finds %d", files, all)
			}
		})
	}
}

// headers are the bytes of a volume that sums of it cover.
func headers(p *firmware.Part, size int64) block.Set {
	var s block.Set
	s.Add(block.Extent{Length: 72})
	for _, c := range p.Children {
		s.Add(block.Extent{Offset: c.Offset, Length: 16})
		s.Add(block.Extent{Offset: c.Offset + 18, Length: 5})
	}
	for _, c := range p.Checks {
		if c.Method == "padding" {
			s.Add(c.Extent)
		}
	}
	return s.Complement(block.Extent{Length: size})
}

// TestFlips changes bits in all that has a sum.
func TestFlips(t *testing.T) {
	image := last(t)
	rows := Formats()
	formats := append(rows[3:], rows[:3]...)
	p := firmwaretest.Open(t, image, nil, formats...)
	if len(p.Children) < 1 || p.Format != "uefi" {
		t.Fatalf("%+v", p)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: headers(p, int64(len(image)))}, formats...)
	for _, at := range []int64{33, 50, p.Children[0].Offset + 3, p.Children[0].Offset + 21} {
		x := bytes.Clone(image)
		x[at] ^= 2
		if v := firmware.Whole(firmwaretest.Open(t, x, nil, formats...)); v.Answer != firmware.No {
			t.Errorf("a bit at %d: %v %q", at, v.Answer, v.Reasons)
		}
	}
	packed := code(t)
	packed[0x100_000] ^= 1 // in what is packed by LZMA
	if v := firmware.Whole(firmwaretest.Open(t, packed, nil, formats...)); v.Answer != firmware.No {
		t.Errorf("packed: %v %q", v.Answer, v.Reasons)
	}
	v := firmware.Whole(firmwaretest.Open(t, code(t)[:0x100_000], nil, formats...))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "1,048,576 of 1,753,088 bytes") {
		t.Errorf("cut: %v %q", v.Answer, v.Reasons)
	}
}

// crcVolume is a volume with a file whose section carries a CRC-32, and one with a sum of its data: made from the
// specification.
func crcVolume() []byte {
	sum8 := func(p []byte) (s byte) {
		for _, b := range p {
			s -= b
		}
		return s
	}
	file := func(name byte, kind, attributes byte, data []byte) []byte {
		h := append(bytes.Repeat([]byte{name}, 16), 0, 0, kind, attributes, byte(24+len(data)), byte((24+len(data))>>8), 0, 0)
		h[16] = sum8(h)
		if h[17] = 0xAA; attributes&0x40 != 0 {
			h[17] = sum8(data)
		}
		h[23] = 0xF8
		h = append(h, data...)
		return append(h, bytes.Repeat([]byte{0xFF}, -len(h)&7)...)
	}
	section := func(kind byte, data []byte) []byte {
		p := append([]byte{byte(4 + len(data)), byte((4 + len(data)) >> 8), 0, kind}, data...)
		return append(p, make([]byte, -len(p)&3)...)
	}
	inner := section(typeName, []byte("A\x00B\x00\x00\x00"))
	inner = append(inner, section(0x19, firmwaretest.Noise(501, 4))...)
	guarded := []byte{0xb0, 0xcd, 0x1b, 0xfc, 0x31, 0x7d, 0xaa, 0x49, 0x93, 0x6a, 0xa4, 0x60, 0x0d, 0x9d, 0xd0, 0x83, 28, 0, 2, 0}
	guarded = append(le.AppendUint32(guarded, crc(inner)), inner...)
	body := file(0x11, 7, 0, section(typeGUID, guarded))
	body = append(body, file(0x22, 2, 0x40, section(0x19, firmwaretest.Noise(300, 5)))...)
	head := make([]byte, 72)
	copy(head[16:], []byte{0x78, 0xe5, 0x8c, 0x8c, 0x3d, 0x8a, 0x1c, 0x4f, 0x99, 0x35, 0x89, 0x61, 0x85, 0xc3, 0x2d, 0xd3})
	le.PutUint64(head[32:], 4096)
	copy(head[40:], "_FVH")
	le.PutUint32(head[44:], 0xFEFF|0x800)
	le.PutUint16(head[48:], 72)
	head[55] = 2
	le.PutUint32(head[56:], 1)
	le.PutUint32(head[60:], 4096)
	var sum uint16
	for i := 0; i < 72; i += 2 {
		sum -= le.Uint16(head[i:])
	}
	le.PutUint16(head[50:], sum)
	p := append(head, body...)
	return append(p, bytes.Repeat([]byte{0xFF}, 4096-len(p))...)
}

// TestSums checks the sums that a volume may carry: every one of them is computed.
func TestSums(t *testing.T) {
	image := crcVolume()
	rows := Formats()
	p := firmwaretest.Open(t, image, nil, rows...)
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(p.Children) != 2 || p.Children[0].Name != "AB" {
		t.Fatalf("%v %q, %+v", v.Answer, v.Reasons, p.Children)
	}
	for _, tt := range []struct {
		name string
		at   int64
		says string
	}{
		{"section with CRC-32", p.Children[0].Offset + 100, "CRC-32"}, {"data with a sum", p.Children[1].Offset + 100, "sum of 8 bits"},
		{"free space", 4000, "padding"}, {"header", 20, "sum of 16 bits"}, {"header of a file", p.Children[1].Offset + 5, "sum of 8 bits"},
	} {
		x := bytes.Clone(image)
		x[tt.at] ^= 8
		if v := firmware.Whole(firmwaretest.Open(t, x, nil, rows...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	copy(image[3000:], firmwaretest.Noise(500, 1)) // what a maker put into the free space
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, rows...)); v.Answer != firmware.CannotTell {
		t.Errorf("data in the free space: %v %q", v.Answer, v.Reasons)
	}
}

// TestLook sees nothing in random bytes with a magic.
func TestLook(t *testing.T) {
	for seed := range uint64(3000) {
		for _, f := range Formats() {
			if len(f.Probes) == 0 {
				continue
			}
			p := firmwaretest.Noise(5000, seed)
			copy(p[f.Probes[0].At:], f.Probes[0].Bytes)
			if _, err := f.Look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) && f.Name != "intelflash" && !(f.Name == "capsule" && le.Uint32(p[16:]) <= maxHeader) {
				t.Fatal(f.Name, seed, err)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(crcVolume())
	f.Add(fmpCapsuleOf(nil, []byte("firmware"), 3))
	f.Add(flash(nil, 0x3000))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
