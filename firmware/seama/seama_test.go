package seama

import (
	"bytes"
	"context"
	"crypto/md5"
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
)

var be = binary.BigEndian

// build makes an entity as the tool seama does; without an image it is a seal.
func build(image []byte, lines ...string) []byte {
	var text []byte
	for _, l := range lines {
		text = append(append(text, l...), 0)
	}
	text = append(text, make([]byte, (4-len(text)%4)%4)...)
	p := be.AppendUint32(nil, magic)
	p = be.AppendUint16(p, 0)
	p = be.AppendUint16(p, uint16(len(text)))
	p = be.AppendUint32(p, uint32(len(image)))
	if len(image) > 0 {
		sum := md5.Sum(image)
		p = append(p, sum[:]...)
	}
	return slices.Concat(p, text, image)
}

// text is where the lines of an entity at a place stand.
func text(p []byte, at int64) block.Extent {
	e, err := read(block.Bytes(p), at)
	if err != nil {
		panic(err)
	}
	return e.text
}

func TestImages(t *testing.T) {
	image := append([]byte("hsqs"), firmwaretest.Noise(5000, 1)...)
	inner := build(image, "dev=/dev/mtdblock/2", "type=firmware")
	seal := build(nil, "signature=wrgac05_dlob.hans_dir645")
	sealed := slices.Concat(seal, inner)
	two := slices.Concat(seal, inner, build([]byte("settings here"), "dev=/dev/mtdblock/4", "type=devcfg"))
	for _, tt := range []struct {
		name  string
		p     []byte
		blind []block.Extent
		parts []string
		board bool
	}{
		{"image", inner, []block.Extent{text(inner, 0)}, []string{"firmware"}, false},
		{"sealed", sealed, []block.Extent{text(sealed, 0), text(sealed, int64(len(seal)))}, []string{"firmware"}, true},
		// Where the magic number of a later image is gone, what stands there is not known to be one.
		{"two", two, []block.Extent{text(two, 0), text(two, int64(len(seal))), text(two, int64(len(sealed))), {Offset: int64(len(sealed)), Length: 4}}, []string{"firmware", "devcfg"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.p, nil, Format())
			var names []string
			for _, c := range p.Children {
				names = append(names, c.Name)
				if len(c.Installs) != 1 || !strings.HasPrefix(c.Installs[0].Where, "/dev/mtdblock/") || c.Installs[0].Needs != c.Size {
					t.Errorf("%+v", c)
				}
			}
			got, err := io.ReadAll(block.Reader(p.Children[0].Source))
			if err != nil || !bytes.Equal(got, image) || !slices.Equal(names, tt.parts) || p.Announced != int64(len(tt.p)) || p.Children[0].Role != firmware.RootFS {
				t.Errorf("%q, %v", names, err)
			}
			if (len(p.Claims) == 1) != tt.board || tt.board && p.Claims[0].Values[0] != "wrgac05_dlob.hans_dir645" {
				t.Errorf("%v", p.Claims)
			}
			if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "covered by no check") {
				t.Errorf("%+v", v)
			}
			short := func(n int64) bool { return tt.name == "two" && n == int64(len(sealed)) }
			firmwaretest.Run(t, tt.p, firmwaretest.Options{Blind: block.SetOf(tt.blind...), Short: short}, Format())
		})
	}
}

func TestReasons(t *testing.T) {
	seal := build(nil, "signature=x=y")
	inner := build(firmwaretest.Noise(3000, 1), "type=firmware")
	reserved := bytes.Clone(inner)
	reserved[4] = 1
	for _, tt := range []struct {
		name string
		p    []byte
		want string
	}{
		{"seal alone", seal, "expected an image behind it, found none"},
		{"cut", slices.Concat(seal, inner)[:1500], "cut off"},
		{"reserved", reserved, "found 0100"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, Format()))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	p := firmwaretest.Open(t, append(bytes.Clone(inner), "something"...), nil, Format())
	if len(p.Children) != 2 || p.Children[1].Size != 9 {
		t.Errorf("%+v", p.Children)
	}
}

func TestFits(t *testing.T) {
	p := firmwaretest.Open(t, slices.Concat(build(nil, "signature=board_a"), build([]byte("12345678"), "dev=/dev/mtdblock/2")), nil, Format())
	for board, want := range map[string]firmware.Answer{"board_a": firmware.OK, "board_b": firmware.No} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: board}}, Spaces: []firmware.Space{{Name: "/dev/mtdblock/2", Size: 1 << 20}}}
		if v := firmware.Fits(p, d); v.Answer != want {
			t.Errorf("%s: %+v", board, v)
		}
	}
}

func TestLook(t *testing.T) {
	if s, err := look(context.Background(), block.Bytes(build(nil, "signature=x", "version=1.2"))); err != nil || s.Name != "x" || s.Version != "1.2" {
		t.Errorf("%+v, %v", s, err)
	}
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(1200, seed)
		be.PutUint32(p, magic)
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
	f.Add(slices.Concat(build(nil, "signature=x"), build([]byte("12345678"), "dev=/dev/mtdblock/2")))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
