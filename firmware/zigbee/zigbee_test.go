package zigbee

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var le = binary.LittleEndian

func element(tag uint16, p []byte) []byte {
	return append(le.AppendUint32(le.AppendUint16(nil, tag), uint32(len(p))), p...)
}

// file makes an update for hardware 2 to 4.
func file(hashed bool, elements ...[]byte) []byte {
	p := le.AppendUint32(nil, magic)
	for _, v := range []uint16{0x0100, minHeader + 4, 4, 0x117C, 0x2101} {
		p = le.AppendUint16(p, v)
	}
	p = append(le.AppendUint32(p, 0x23014631), 2, 0)
	p = append(p, append([]byte("lamp"), make([]byte, 28)...)...)
	p = le.AppendUint32(p, 0)
	p = append(p, 2, 0, 4, 0)
	p = append(p, bytes.Join(elements, nil)...)
	total := len(p)
	if hashed {
		total += 22
	}
	le.PutUint32(p[52:], uint32(total))
	if hashed {
		var m mmo
		m.Write(p)
		p = append(p, element(tagHash, m.sum())...)
	}
	return p
}

// TestHash checks the hash with the test vectors of Zigbee's specification, annex C.5.
func TestHash(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"c0", "ae3a102a28d43ee0d4a09e22788b206c"},
		{"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf", "a7977e88bc0b61e8210827109a228f2d"},
	} {
		p, err := hex.DecodeString(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		var m mmo
		m.Write(p[:len(p)/2])
		m.Write(p[len(p)/2:])
		if got := hex.EncodeToString(m.sum()); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestFiles(t *testing.T) {
	long := firmwaretest.Noise(10_000, 1)
	image := file(true, element(tagImage, long), element(0xF001, []byte("maker")))
	p := firmwaretest.Open(t, image, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.OK || p.Name != "image" || p.Version != "0x23014631" || len(p.Children) != 2 {
		t.Errorf("%v %q: %q %q", v.Answer, v.Reasons, p.Name, p.Version)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{}, Format())
	v := firmware.Whole(firmwaretest.Open(t, image[:5000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "5,000 of 10,099 bytes") || !strings.Contains(v.Reasons[0], "inside the image") {
		t.Errorf("%q", v.Reasons)
	}
	bare := file(false, element(tagImage, long), element(1, make([]byte, 50)))
	p = firmwaretest.Open(t, bare, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "Certicom") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for product, want := range map[string]firmware.Answer{"0x117c2101": firmware.OK, "0x117c2102": firmware.No} {
		for hardware, other := range map[string]firmware.Answer{"3": want, "5": firmware.No} {
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Product, Value: product}, {Kind: firmware.Hardware, Value: hardware}}}
			if v := firmware.Fits(p, d); v.Answer != other {
				t.Errorf("%s, hardware %s: %v %q", product, hardware, v.Answer, v.Reasons)
			}
		}
	}
}

// TestElements refuses lists that cannot be.
func TestElements(t *testing.T) {
	for name, image := range map[string][]byte{
		"tag": file(false, element(77, nil)), "hash": file(false, element(tagHash, []byte("short"))), "end": file(false, element(tagImage, nil), []byte{0, 0, 1}),
		"size": file(false, []byte{0, 0, 99, 0, 0, 0}),
	} {
		if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No {
			t.Errorf("%s: %v %q", name, v.Answer, v.Reasons)
		}
	}
}

// TestLook sees no update in random bytes behind the magic.
func TestLook(t *testing.T) {
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(100, seed)
		copy(p, []byte{0x1e, 0xf1, 0xee, 0x0b, 0, 1})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(file(true, element(tagImage, []byte("image")), element(4, []byte("picture"))))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
