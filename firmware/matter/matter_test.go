package matter

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

var le = binary.LittleEndian

func field(tag byte, width int, v uint64) []byte {
	p := []byte{0x24 | map[int]byte{1: 0, 2: 1, 4: 2, 8: 3}[width], tag}
	return append(p, le.AppendUint64(nil, v)[:width]...)
}

func text(tag, kind byte, s []byte) []byte {
	return append([]byte{0x20 | kind, tag, byte(len(s))}, s...)
}

// image makes an update. more stands at the end of the structure.
func image(payload []byte, kind uint64, digest []byte, more ...byte) []byte {
	h := []byte{0x15}
	for _, f := range [][]byte{field(0, 2, 0xFFF1), field(1, 2, 0x8005), field(2, 4, 5), text(3, 0x0C, []byte("1.4.0")), field(4, 4, uint64(len(payload))), field(5, 4, 2), field(6, 4, 4),
		field(8, 1, kind), text(9, 0x10, digest)} {
		h = append(h, f...)
	}
	h = append(append(h, more...), 0x18)
	p := le.AppendUint32(nil, magic)
	p = le.AppendUint64(p, uint64(fixedSize+len(h)+len(payload)))
	p = le.AppendUint32(p, uint32(len(h)))
	return append(append(p, h...), payload...)
}

func TestImages(t *testing.T) {
	payload := firmwaretest.Noise(5000, 1)
	s256, s384, s512, s3 := sha256.Sum256(payload), sha512.Sum384(payload), sha512.Sum512(payload), sha3.Sum256(payload)
	for name, p := range map[string][]byte{
		"SHA-256": image(payload, 1, s256[:]), "SHA-256 of 64 bits": image(payload, 5, s256[:8]), "SHA-384": image(payload, 7, s384[:]), "SHA-512": image(payload, 8, s512[:]), "SHA3-256": image(payload, 10, s3[:]),
	} {
		t.Run(name, func(t *testing.T) {
			part := firmwaretest.Open(t, p, nil, Format())
			if v := firmware.Whole(part); v.Answer != firmware.CannotTell || part.Uncovered().Bytes() > 60 || part.Checks[1].Method != name {
				t.Errorf("%v %q, %+v", v.Answer, v.Reasons, part.Checks)
			}
			if part.Version != "5" || !strings.Contains(part.Title, "1.4.0") || len(part.Findings) != 1 {
				t.Errorf("%q %q %v", part.Version, part.Title, part.Findings)
			}
			firmwaretest.Run(t, p, firmwaretest.Options{Blind: part.Uncovered()}, Format())
		})
	}
	p := image(payload, 1, s256[:])
	v := firmware.Whole(firmwaretest.Open(t, p[:3000], nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "3,000 of ") || !strings.Contains(v.Reasons[0], "inside the payload") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, tt := range []struct {
		product, version string
		want             firmware.Answer
	}{{"0xfff18005", "3", firmware.OK}, {"0xfff18006", "3", firmware.No}, {"0xfff18005", "1", firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Product, Value: tt.product}, {Kind: firmware.Installed, Value: tt.version}}}
		if v := firmware.Fits(firmwaretest.Open(t, p, nil, Format()), d); v.Answer != tt.want {
			t.Errorf("%+v: %v %q", tt, v.Answer, v.Reasons)
		}
	}
}

// TestHeaders refuses headers that cannot be, and names digests that are not known.
func TestHeaders(t *testing.T) {
	payload := []byte("payload")
	sum := sha256.Sum256(payload)
	for _, tt := range []struct {
		name string
		p    []byte
		want firmware.Answer
	}{
		{"kind of digest", image(payload, 99, sum[:]), firmware.CannotTell},
		{"length of digest", image(payload, 1, sum[:20]), firmware.No},
		{"twice", image(payload, 1, sum[:], field(0, 2, 1)...), firmware.CannotTell}, // not taken for an image
		{"more fields", image(payload, 1, sum[:], field(20, 2, 1)...), firmware.CannotTell},
	} {
		if v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, Format())); v.Answer != tt.want {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestLook sees no update in random bytes behind the magic.
func TestLook(t *testing.T) {
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(100, seed)
		copy(p, []byte{0x1e, 0xf1, 0xee, 0x1b})
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	sum := sha256.Sum256([]byte("payload"))
	f.Add(image([]byte("payload"), 1, sum[:]))
	f.Add(image([]byte("payload"), 6, sum[:4], field(7, 1, 1)...))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
