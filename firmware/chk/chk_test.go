package chk

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var be = binary.BigEndian

// plainSum is the sum as its description has it, with one addition after the other.
func plainSum(p []byte) uint32 {
	var a, b uint64
	for _, c := range p {
		a = (a + uint64(c)) & 0xFFFFFFFF
		b = (b + a) & 0xFFFFFFFF
	}
	fold := func(v uint64) uint64 {
		x := v&65535 + v>>16&65535
		return (x>>16 + x) & 65535
	}
	return uint32(fold(b)<<16 | fold(a))
}

func build(region byte, version []byte, board string, first, second []byte) []byte {
	p := make([]byte, headSize, headSize+len(board))
	be.PutUint32(p, magic)
	be.PutUint32(p[4:], uint32(headSize+len(board)))
	p[8] = region
	copy(p[9:16], version)
	be.PutUint32(p[16:], plainSum(first))
	if len(second) > 0 {
		be.PutUint32(p[20:], plainSum(second))
	}
	be.PutUint32(p[24:], uint32(len(first)))
	be.PutUint32(p[28:], uint32(len(second)))
	be.PutUint32(p[32:], plainSum(slices.Concat(first, second)))
	p = append(p, board...)
	be.PutUint32(p[36:], plainSum(p))
	return slices.Concat(p, first, second)
}

var (
	none = bytes.Repeat([]byte{99}, 7)
	some = []byte{1, 0, 0, 58, 1, 0, 38}
)

func TestImages(t *testing.T) {
	first, second := firmwaretest.Noise(70_000, 1), append([]byte("hsqs"), firmwaretest.Noise(5000, 2)...)
	for _, tt := range []struct {
		name    string
		image   []byte
		parts   int
		version string
		region  string
	}{
		{"one part", build(1, none, "U12H072T00_NETGEAR", first, nil), 1, "", "WW"},
		{"two parts", build(2, some, "U12H270T00_NETGEAR", first, second), 2, "V1.0.0.58_1.0.38", "NA"},
		{"another region", build(7, none, "B", first, nil), 1, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Format())
			if len(p.Children) != tt.parts || p.Version != tt.version || p.Claims[0].Kind != firmware.Board || (len(p.Claims) == 2) != (tt.region != "") || tt.region != "" && p.Claims[1].Values[0] != tt.region {
				t.Errorf("%+v", p)
			}
			if tt.parts == 2 && p.Children[1].Role != firmware.RootFS {
				t.Errorf("%+v", p.Children[1])
			}
			firmwaretest.Run(t, tt.image, firmwaretest.Options{}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	image := build(1, none, "U12H072T00_NETGEAR", firmwaretest.Noise(3000, 1), firmwaretest.Noise(3000, 2))
	flipped := bytes.Clone(image)
	flipped[4000] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, flipped, nil, Format()))
	if text := strings.Join(v.Reasons, "\n"); v.Answer != firmware.No || !strings.Contains(text, "second part of") || !strings.Contains(text, "both parts of") || strings.Contains(text, "first part of") {
		t.Errorf("%+v", v)
	}
	v = firmware.Whole(firmwaretest.Open(t, image[:5000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "expected 6058 bytes, found 5000 bytes") {
		t.Errorf("%+v", v)
	}
}

func TestFits(t *testing.T) {
	p := firmwaretest.Open(t, build(2, some, "U12H270T00_NETGEAR", firmwaretest.Noise(300, 1), nil), nil, Format())
	for _, tt := range []struct {
		board, region string
		want          firmware.Answer
	}{{"U12H270T00_NETGEAR", "NA", firmware.OK}, {"U12H270T00_NETGEAR", "WW", firmware.No}, {"U12H072T00_NETGEAR", "NA", firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: tt.board}, {Kind: firmware.Region, Value: tt.region}}}
		if v := firmware.Fits(p, d); v.Answer != tt.want {
			t.Errorf("%+v: %+v", tt, v)
		}
	}
}

func TestLook(t *testing.T) {
	good := build(1, some, "BOARD", firmwaretest.Noise(100, 1), nil)
	if s, err := look(context.Background(), block.Bytes(good)); err != nil || s.Size != int64(len(good)) || s.Name != "BOARD" {
		t.Errorf("%+v, %v", s, err)
	}
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(128, seed)
		be.PutUint32(p, magic)
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(build(1, some, "BOARD", firmwaretest.Noise(100, 1), firmwaretest.Noise(100, 1)))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
