package trx

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var le = binary.LittleEndian

// build makes an image as otrx does: parts filled to 4 bytes, all to 4 KiB.
func build(version int, tail []byte, parts ...[]byte) []byte {
	p := make([]byte, headers[uint16(version)])
	copy(p, "HDR0")
	le.PutUint16(p[14:], uint16(version))
	for i, part := range parts {
		le.PutUint32(p[16+4*i:], uint32(len(p)))
		p = append(p, part...)
		p = append(p, make([]byte, (4-len(p)%4)%4)...)
	}
	p = append(p, make([]byte, (0x1000-(len(p)+len(tail))%0x1000)%0x1000)...)
	p = append(p, tail...)
	le.PutUint32(p[4:], uint32(len(p)))
	le.PutUint32(p[8:], ^crc32.ChecksumIEEE(p[12:]))
	return p
}

func asus(product string) []byte {
	p := make([]byte, tailSize)
	copy(p, []byte{3, 0, 0, 4})
	copy(p[4:16], product)
	return p
}

func TestImages(t *testing.T) {
	loader, kernel := firmwaretest.Noise(301, 1), firmwaretest.Noise(5000, 2)
	root := append([]byte("hsqs"), firmwaretest.Noise(9000, 3)...)
	for _, tt := range []struct {
		name  string
		image []byte
		roles []firmware.Role
		board string
	}{
		{"three parts", build(1, nil, loader, kernel, root), []firmware.Role{firmware.Program, firmware.Kernel, firmware.RootFS}, ""},
		{"two parts", build(1, nil, kernel, root), []firmware.Role{firmware.Kernel, firmware.RootFS}, ""},
		{"version 2", build(2, nil, loader, kernel, root, loader), []firmware.Role{firmware.Program, firmware.Kernel, firmware.RootFS, firmware.Data}, ""},
		{"one part", build(1, nil, root), []firmware.Role{firmware.RootFS}, ""},
		{"ASUS", build(1, asus("RT-AC68U"), kernel, root), []firmware.Role{firmware.Kernel, firmware.RootFS}, "RT-AC68U"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Format())
			if len(p.Children) != len(tt.roles) || p.Announced != int64(len(tt.image)) || p.Installs[0].Needs != p.Announced {
				t.Fatalf("%+v", p)
			}
			for i, c := range p.Children {
				got, err := io.ReadAll(block.Reader(c.Source))
				if err != nil || c.Role != tt.roles[i] || !bytes.Equal(got, tt.image[c.Offset:c.Offset+c.Size]) {
					t.Errorf("part %d: %s, %v", i, c.Role, err)
				}
			}
			if (len(p.Claims) == 1) != (tt.board != "") || tt.board != "" && (p.Claims[0].Values[0] != tt.board || p.Version != "3.0.0.4") {
				t.Errorf("%v %q", p.Claims, p.Version)
			}
			firmwaretest.Run(t, tt.image, firmwaretest.Options{}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	image := build(1, nil, firmwaretest.Noise(5000, 2), firmwaretest.Noise(5000, 3))
	v := firmware.Whole(firmwaretest.Open(t, image[:6000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "expected 12288 bytes, found 6000 bytes") {
		t.Errorf("%+v", v)
	}
	behind := append(bytes.Clone(image), bytes.Repeat([]byte{0xFF}, 100)...)
	if v := firmware.Whole(firmwaretest.Open(t, behind, nil, Format())); v.Answer != firmware.OK {
		t.Errorf("%+v", v)
	}
	behind = append(bytes.Clone(image), "more"...)
	if p := firmwaretest.Open(t, behind, nil, Format()); firmware.Whole(p).Answer != firmware.CannotTell || len(p.Children) != 3 {
		t.Errorf("%+v", p)
	}
}

func TestFits(t *testing.T) {
	p := firmwaretest.Open(t, build(1, asus("RT-N66U"), firmwaretest.Noise(100, 1), firmwaretest.Noise(100, 1)), nil, Format())
	for board, want := range map[string]firmware.Answer{"RT-N66U": firmware.OK, "RT-AC68U": firmware.No} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: board}}, Spaces: []firmware.Space{{Name: "firmware", Size: 1 << 20}}}
		if v := firmware.Fits(p, d); v.Answer != want {
			t.Errorf("%s: %+v", board, v)
		}
	}
}

func TestLook(t *testing.T) {
	good := build(1, nil, firmwaretest.Noise(100, 1))
	if s, err := look(context.Background(), block.Bytes(good)); err != nil || s.Size != int64(len(good)) {
		t.Errorf("%+v, %v", s, err)
	}
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(64, seed)
		copy(p, "HDR0")
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
	f.Add(build(1, asus("RT-N66U"), firmwaretest.Noise(100, 1), firmwaretest.Noise(100, 1)))
	f.Add(build(2, nil, firmwaretest.Noise(50, 1), firmwaretest.Noise(10, 1), firmwaretest.Noise(10, 1), firmwaretest.Noise(10, 1)))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
