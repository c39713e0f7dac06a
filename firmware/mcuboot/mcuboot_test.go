package mcuboot

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func dependency(image byte, major, minor byte) []byte {
	return tlv(typeDependency, []byte{image, 0, 0, 0, major, minor, 0, 0, 0, 0, 0, 0})
}

// TestImages opens an image of each way of hashing and signing: with the key it is whole and genuine, with another it is not,
// without one its maker is named and nothing is called genuine.
func TestImages(t *testing.T) {
	m := newMaker(t)
	counter := append(tlv(typeCounter, []byte{9, 0, 0, 0}), dependency(1, 2, 5)...)
	for _, tt := range []struct {
		name   string
		r      recipe
		method string
	}{
		{"rsa2048", recipe{hash: typeSHA256, key: "rsa2048"}, "RSA-2048 with SHA-256, PSS"},
		{"rsa3072", recipe{hash: typeSHA256, key: "rsa3072", sealed: counter, headerSize: 32}, "RSA-3072 with SHA-256, PSS"},
		{"p256", recipe{hash: typeSHA256, key: "p256", sealed: counter}, "ECDSA P-256 with SHA-256"},
		{"p256 with zeros", recipe{hash: typeSHA256, key: "p256", zeros: 2}, "ECDSA P-256 with SHA-256"},
		{"p224", recipe{hash: typeSHA256, key: "p224"}, "ECDSA P-224 with SHA-256"},
		{"p384", recipe{hash: typeSHA384, key: "p384"}, "ECDSA P-384 with SHA-384"},
		{"ed25519", recipe{hash: typeSHA256, key: "ed25519"}, "Ed25519"},
		{"ed25519, SHA-512", recipe{hash: typeSHA512, key: "ed25519"}, "Ed25519"},
		{"ed25519, pure", recipe{key: "ed25519", pure: true, sealed: counter}, "Ed25519"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := m.make(t, tt.r)
			key := m.key(t, tt.r.key)
			p := firmwaretest.Open(t, image, []firmware.Key{m.key(t, "other"), key}, Format())
			if v := firmware.Genuine(p); v.Answer != firmware.OK || len(p.Signatures) != 1 || p.Signatures[0].Method != tt.method || p.Signatures[0].Key != tt.r.key {
				t.Errorf("%v %q, %+v", v.Answer, v.Reasons, p.Signatures)
			}
			if p.Version != "1.2.3+7" || p.Announced != int64(len(image)) || len(p.Children) != 1 {
				t.Errorf("%q, %d bytes", p.Version, p.Announced)
			}
			p = firmwaretest.Open(t, image, []firmware.Key{m.key(t, "other")}, Format())
			if v := firmware.Genuine(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "not among those") && tt.name != "p224" {
				t.Errorf("another key: %v %q", v.Answer, v.Reasons)
			}
			p = firmwaretest.Open(t, image, nil, Format())
			if v := firmware.Genuine(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "the key with the hash ") {
				t.Errorf("no key: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Whole(p); v.Answer == firmware.No {
				t.Errorf("no key: %v %q", v.Answer, v.Reasons)
			}
			var blind block.Set
			if tt.r.pure {
				blind.Add(block.Extent{Offset: 16, Length: 1}) // what is encrypted has no pure signature that can be checked
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Keys: []firmware.Key{key}, Flips: 150, Cuts: 60, Blind: blind}, Format())
		})
	}
}

// TestUnsigned is whole by its hash alone.
func TestUnsigned(t *testing.T) {
	m := newMaker(t)
	image := m.make(t, recipe{hash: typeSHA256, payload: firmwaretest.Noise(3001, 2)})
	p := firmwaretest.Open(t, image, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{}, Format())
	v := firmware.Whole(firmwaretest.Open(t, image[:2000], nil, Format()))
	if !strings.Contains(v.Reasons[0], "expected 3513 bytes, found 2000 bytes") || !strings.Contains(v.Reasons[0], "payload") {
		t.Errorf("%q", v.Reasons)
	}
	image[700] ^= 4
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "SHA-256") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestForged holds a signature of other bytes against the right key, which the image names.
func TestForged(t *testing.T) {
	m := newMaker(t)
	image := m.make(t, recipe{hash: typeSHA256, key: "p256", signedImage: []byte("other bytes")})
	p := firmwaretest.Open(t, image, []firmware.Key{m.key(t, "p256")}, Format())
	if v := firmware.Whole(p); v.Answer != firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v := firmware.Genuine(p)
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "the key that it names did not make it") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestSlots opens whole slots, with each kind of trailer.
func TestSlots(t *testing.T) {
	m := newMaker(t)
	for _, tt := range []struct {
		name  string
		r     recipe
		says  string
		short int64
	}{
		{"pending", recipe{hash: typeSHA256, slot: 16 << 10}, "not confirmed", 5548},
		{"confirmed", recipe{hash: typeSHA256, slot: 16 << 10, confirmed: true}, "the image is confirmed", 5548},
		{"large writes", recipe{hash: typeSHA256, slot: 16 << 10, align: 32, confirmed: true}, "the image is confirmed", 5548},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := m.make(t, tt.r)
			p := firmwaretest.Open(t, image, nil, Format())
			if v := firmware.Whole(p); v.Answer != firmware.OK || len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Text, tt.says) {
				t.Errorf("%v %q %v", v.Answer, v.Reasons, p.Findings)
			}
			// A slot that ends in its erased rest is an image with some filling: nothing tells it from a smaller slot.
			firmwaretest.Run(t, image, firmwaretest.Options{Short: func(n int64) bool { return n >= tt.short }}, Format())
		})
	}
}

// TestSwap opens a slot in which a swap was begun: its states are no damage.
func TestSwap(t *testing.T) {
	m := newMaker(t)
	image := m.make(t, recipe{hash: typeSHA256, slot: 256 << 10})
	end := len(image)
	image[end-16-24] = 2  // on trial
	image[end-16-32] = 44 // size
	image[end-16-31], image[end-16-30], image[end-16-29] = 1, 0, 0
	for i := range 12 {
		image[end-16-32-8*(i+1)] = byte(1 + i%3)
	}
	p := firmwaretest.Open(t, image, nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(p.Findings[0].Text, "a swap was begun: on trial") {
		t.Errorf("%v %q %v", v.Answer, v.Reasons, p.Findings)
	}
	image[end-16-8] = 3 // image ok, which is 1 or erased
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "image_ok is 03") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	image[end-16-8] = 0xFF
	image[20_000] = 0 // far from the states
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "padding") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestDevice holds what an image says of its device against one.
func TestDevice(t *testing.T) {
	m := newMaker(t)
	class := []byte{0x9d, 0xf7, 0x6a, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	record := append([]byte{0xA1, 1, 0x64}, "SPE1"...)
	image := m.make(t, recipe{hash: typeSHA256, sealed: bytes.Join([][]byte{tlv(typeCounter, []byte{9, 0, 0, 0}), dependency(1, 2, 5), tlv(typeClassID, class), tlv(typeRecord, record)}, nil)})
	for _, tt := range []struct {
		guid, counter string
		want          firmware.Answer
	}{
		{"9df76a21-0102-0304-0506-0708090a0b0c", "9", firmware.OK},
		{"9df76a21-0102-0304-0506-0708090a0b0d", "9", firmware.No},
		{"9df76a21-0102-0304-0506-0708090a0b0c", "10", firmware.No},
	} {
		p := firmwaretest.Open(t, image, nil, Format())
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.GUID, Value: tt.guid}, {Kind: firmware.Rollback, Value: tt.counter}}, Spaces: []firmware.Space{{Name: "image slot", Size: 1 << 20}}}
		if v := firmware.Fits(p, d); v.Answer != tt.want {
			t.Errorf("%+v: %v %q", tt, v.Answer, v.Reasons)
		}
		if len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Text, "image 1 of the device at version 2.5.0") || !strings.Contains(p.Children[0].Name, "payload") {
			t.Errorf("%v", p.Findings)
		}
	}
	if got := recordName(record); got != "SPE1" {
		t.Errorf("%q", got)
	}
}

// TestEncrypted tells an image that must be decrypted first, and never calls it whole or genuine.
func TestEncrypted(t *testing.T) {
	m := newMaker(t)
	image := m.make(t, recipe{flags: flagAES128, hash: typeSHA256, key: "rsa2048", extra: tlv(typeKeyRSA, make([]byte, 256))})
	p := firmwaretest.Open(t, image, []firmware.Key{m.key(t, "rsa2048")}, Format())
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "encrypted") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(p); v.Answer != firmware.CannotTell || !strings.Contains(p.Title, "AES-128") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestEntries refuses lists that no boot loader takes.
func TestEntries(t *testing.T) {
	m := newMaker(t)
	for _, tt := range []struct {
		name  string
		extra []byte
		hash  uint16
		says  string
	}{
		{"no hash", nil, 0, "a hash of the image"},
		{"type", tlv(0x99, []byte{1}), typeSHA256, "type 0x0099"},
		{"length", tlv(typeEd25519, []byte{1}), typeSHA256, "1 bytes and not 64"},
		{"no key", tlv(typePublicKey, []byte{1}), typeSHA256, "a public key that is none"},
		{"end", []byte{0x10, 0, 99, 0}, typeSHA256, "entries"},
	} {
		image := m.make(t, recipe{hash: tt.hash, extra: tt.extra})
		if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	image := m.make(t, recipe{hash: typeSHA256, extra: tlv(0x01A5, []byte("maker"))})
	if v := firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.CannotTell {
		t.Errorf("an entry of a maker: %v %q", v.Answer, v.Reasons)
	}
}

// TestLook sees no image in random bytes behind the magic.
func TestLook(t *testing.T) {
	seen := 0
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(64, seed)
		copy(p, []byte{0x3d, 0xb8, 0xf3, 0x96})
		if _, err := look(context.Background(), block.Bytes(p)); err == nil {
			seen++
		} else if !errors.Is(err, cursor.ErrNot) {
			t.Fatal(err)
		}
	}
	if seen > 0 {
		t.Errorf("%d of 20000 are seen", seen)
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f)
	f.Add(m.make(f, recipe{headerSize: 32, payload: firmwaretest.Noise(60, 1), hash: typeSHA256, sealed: dependency(0, 1, 1), slot: 600}))
	f.Add(m.make(f, recipe{headerSize: 64, payload: firmwaretest.Noise(60, 1), hash: typeSHA512, flags: flagLZMA2, slot: 600, align: 16}))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
