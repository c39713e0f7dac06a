package uefi

import (
	"bytes"
	"hash/crc32"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
	"salvor/internal/need"
)

func crc(p []byte) uint32 { return crc32.ChecksumIEEE(p) }

const device = "2d47f29b-83a2-4f31-a2e8-63474f4d4c2e"

// fmpCapsuleOf makes a firmware management capsule with one item, from the specification. auth is what stands in front of
// the payload, nil for nothing.
func fmpCapsuleOf(auth, payload []byte, version int) []byte {
	item := le.AppendUint32(nil, uint32(version))
	item = append(item, 0x9b, 0xf2, 0x47, 0x2d, 0xa2, 0x83, 0x31, 0x4f, 0xa2, 0xe8, 0x63, 0x47, 0x4f, 0x4d, 0x4c, 0x2e)
	item = append(item, 1, 0, 0, 0)
	item = le.AppendUint32(item, uint32(len(auth)+len(payload)))
	item = le.AppendUint32(item, 0)
	if version >= 2 {
		item = append(item, make([]byte, 8)...)
	}
	if version >= 3 {
		support := uint64(0)
		if auth != nil {
			support = 1
		}
		item = le.AppendUint64(item, support)
	}
	body := le.AppendUint32(nil, 1)
	body = append(body, 0, 0, 1, 0)
	body = le.AppendUint64(body, 16)
	body = append(append(append(body, item...), auth...), payload...)
	p := []byte{0xed, 0xd5, 0xcb, 0x6d, 0x2d, 0xe8, 0x44, 0x4c, 0xbd, 0xa1, 0x71, 0x94, 0x19, 0x9a, 0xd9, 0x2a}
	p = le.AppendUint32(p, capsuleHeader)
	p = le.AppendUint32(p, 0x50000)
	p = le.AppendUint32(p, uint32(capsuleHeader+len(body)))
	return append(p, body...)
}

// signed puts a certificate in front of a payload.
func signed(t testing.TB, d *imagetest.Dir, key string, payload []byte) []byte {
	t.Helper()
	counter := []byte{7, 0, 0, 0, 0, 0, 0, 0}
	d.Write(t, "message", append(bytes.Clone(payload), counter...))
	d.Run(t, "openssl", "smime", "-sign", "-binary", "-outform", "DER", "-md", "sha256", "-signer", key+".pem", "-inkey", key+".key", "-in", "message", "-out", "sig")
	sig := d.Read(t, "sig")
	a := le.AppendUint32(counter, uint32(24+len(sig)))
	a = le.AppendUint16(a, 0x0200)
	a = le.AppendUint16(a, 0x0EF1)
	a = append(a, 0x9d, 0xd2, 0xaf, 0x4a, 0xdf, 0x68, 0xee, 0x49, 0x8a, 0xa9, 0x34, 0x7d, 0x37, 0x56, 0x65, 0xa7)
	return append(a, sig...)
}

func key(t testing.TB, d *imagetest.Dir, name string) []firmware.Key {
	t.Helper()
	d.Run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-days", "100", "-subj", "/O=Maker/CN="+name,
		"-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=emailProtection,codeSigning")
	return d.Keys(t, name+".pem")
}

// TestSigned checks signed capsules: with the key, with another, without one, and with another payload.
func TestSigned(t *testing.T) {
	d := imagetest.NewDir(t)
	right, wrong := key(t, d, "maker"), key(t, d, "other")
	payload := append([]byte("MSS1\x10\x00\x00\x00\x09\x00\x01\x00\x05\x00\x01\x00"), firmwaretest.Noise(5000, 1)...)
	auth := signed(t, d, "maker", payload)
	image := fmpCapsuleOf(auth, payload, 3)
	for _, tt := range []struct {
		name string
		keys []firmware.Key
		want firmware.Answer
	}{{"right", right, firmware.OK}, {"none", nil, firmware.CannotTell}} {
		p := firmwaretest.Open(t, image, tt.keys, Formats()...)
		if v := firmware.Genuine(p); v.Answer != tt.want {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
		// The GUIDs, flags and the index are covered by nothing.
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell || p.Uncovered().Bytes() > 100 {
			t.Errorf("%s: %v %q, uncovered %v", tt.name, v.Answer, v.Reasons, p.Uncovered().Extents())
		}
		if c := p.Children[0]; c.Version != "65545" || !strings.Contains(c.Findings[len(c.Findings)-1].Text, "below 65541") {
			t.Errorf("%q %v", c.Version, c.Findings)
		}
	}
	if v := firmware.Genuine(firmwaretest.Open(t, image, wrong, Formats()...)); v.Answer == firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	forged := bytes.Clone(image)
	forged[len(forged)-5] ^= 1
	p := firmwaretest.Open(t, forged, right, Formats()...)
	if v, w := firmware.Whole(p), firmware.Genuine(p); v.Answer != firmware.No || w.Answer != firmware.No {
		t.Errorf("forged: %v %q, %v %q", v.Answer, v.Reasons, w.Answer, w.Reasons)
	}
	whole := firmwaretest.Open(t, image, right, Formats()...)
	blind := whole.Uncovered()
	blind.Add(block.Extent{Length: 16})
	// What is changed in a message may leave nothing that can be told; it is never taken for good.
	message := block.Extent{Offset: capsuleHeader + 16 + 48 + 32, Length: int64(len(auth) - 32)}
	for at := message.Offset; at < message.End(); at += 37 {
		x := bytes.Clone(image)
		x[at] ^= 4
		p := firmwaretest.Open(t, x, right, Formats()...)
		if v, w := firmware.Whole(p), firmware.Genuine(p); v.Answer == firmware.OK || w.Answer == firmware.OK && v.Answer != firmware.No && p.Uncovered().Bytes() < 100 {
			t.Errorf("a changed message at %d: %v %q, %v %q", at, v.Answer, v.Reasons, w.Answer, w.Reasons)
		}
	}
	blind.Add(message)
	firmwaretest.Run(t, image, firmwaretest.Options{Keys: right, Blind: blind, Flips: 200}, Formats()...)
	for guid, want := range map[string]firmware.Answer{device: firmware.OK, "2d47f29b-83a2-4f31-a2e8-63474f4d4c2f": firmware.No} {
		if v := firmware.Fits(whole, &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.GUID, Value: guid}}}); v.Answer != want {
			t.Errorf("%s: %v %q", guid, v.Answer, v.Reasons)
		}
	}
	if w := strings.Join(firmware.Warnings(whole), " "); !strings.Contains(w, "boot loader") {
		t.Errorf("%q", w)
	}
}

// TestPlain opens capsules without a signature, of each version of the item, and those of a device's own GUID.
func TestPlain(t *testing.T) {
	for version := 1; version <= 3; version++ {
		image := fmpCapsuleOf(nil, crcVolume(), version)
		p := firmwaretest.Open(t, image, nil, Formats()...)
		if p.Format != "capsule" || len(p.Children) != 1 || p.Children[0].Format != "uefi" || p.Claims[0].Values[0] != device {
			t.Fatalf("version %d: %+v", version, p)
		}
		if v := firmware.Genuine(p); v.Answer != firmware.CannotTell {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
		v := firmware.Whole(firmwaretest.Open(t, image[:2000], nil, Formats()...))
		if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "2,000 of") {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
	}
	own := fmpCapsuleOf(nil, crcVolume(), 3)
	copy(own, firmwaretest.Noise(16, 3))
	p := firmwaretest.Open(t, own, nil, Formats()...)
	if p.Format != "capsule" || !strings.Contains(p.Title, "for the device ") || len(p.Claims) != 1 {
		t.Errorf("%+v", p)
	}
	if p = firmwaretest.Open(t, append(own, 1, 2, 3), nil, Formats()...); p.Format == "capsule" {
		t.Error("a GUID that nobody knows, and a size that is another")
	}
	broken := fmpCapsuleOf(nil, crcVolume(), 3)
	broken[capsuleHeader+8] = 200
	if v := firmware.Whole(firmwaretest.Open(t, broken, nil, Formats()...)); v.Answer != firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// flash makes an image with Intel's descriptor by hand: a BIOS region with a volume at bios, and network settings.
func flash(t testing.TB, bios int) []byte {
	p := bytes.Repeat([]byte{0xFF}, bios+8192)
	clear(p[16:4096])
	copy(p[16:], []byte{0x5a, 0xa5, 0xf0, 0x0f, 3, 0, 4, 0, 8, 2, 0x10, 0x58})
	le.PutUint32(p[0x40:], 0)
	le.PutUint32(p[0x44:], uint32(bios>>12)|uint32((bios+8192-1)>>12)<<16)
	le.PutUint32(p[0x48:], 0x7FFF)
	le.PutUint32(p[0x4C:], 1|2<<16)
	for i := 4; i < 13; i++ {
		le.PutUint32(p[0x40+4*i:], 0x7FFF)
	}
	settings := p[0x1000:]
	copy(settings, []byte{0x00, 0x11, 0x22, 0x33, 0x44, 0x55})
	var sum uint16
	for i := 0; i < 126; i += 2 {
		sum += le.Uint16(settings[i:])
	}
	le.PutUint16(settings[126:], 0xBABA-sum)
	copy(p[bios:], crcVolume())
	return p
}

// TestFlash opens images with Intel's descriptor, one of them made by fwupdtool.
func TestFlash(t *testing.T) {
	image := flash(t, 0x3000)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if p.Format != "intelflash" || len(p.Children) != 3 || firmware.Whole(p).Answer != firmware.CannotTell {
		t.Fatalf("%+v, %v", p, firmware.Whole(p))
	}
	w := strings.Join(firmware.Warnings(p), " ")
	if !strings.Contains(w, "boot loader") || !strings.Contains(w, "GbE") {
		t.Errorf("%q", w)
	}
	bad := bytes.Clone(image)
	bad[0x1003] ^= 1
	if v := firmware.Whole(firmwaretest.Open(t, bad, nil, Formats()...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "baba") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	v := firmware.Whole(firmwaretest.Open(t, image[:0x3800], nil, Formats()...))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "it ends inside the BIOS") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	d := imagetest.NewDir(t)
	d.Write(t, "vars", need.Debian(t, "/usr/share/OVMF/OVMF_VARS.fd", "ovmf"))
	d.Write(t, "ifd.xml", []byte(`<firmware gtype="FuIfdFirmware"><descriptor_map0>0x40003</descriptor_map0><descriptor_map1>0x58100208</descriptor_map1><descriptor_map2>0x310330</descriptor_map2>
<firmware gtype="FuIfdBios"><id>bios</id><idx>0x1</idx><addr>0x3000</addr><filename>`+d.Path+`/vars</filename></firmware>
<firmware gtype="FuIfdImage"><id>me</id><idx>0x2</idx><addr>0x1000</addr><data>aGVsbG8gd29ybGQ=</data></firmware></firmware>`))
	d.Run(t, "fwupdtool", "firmware-build", "ifd.xml", "ifd.bin")
	p = firmwaretest.Open(t, d.Read(t, "ifd.bin"), nil, Formats()...)
	if p.Format != "intelflash" || len(p.Children) < 3 || firmware.Whole(p).Answer == firmware.No {
		t.Errorf("%+v %v", p, firmware.Whole(p))
	}
}
