package cab

import (
	"bytes"
	"context"
	"crypto/ed25519"
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

// ignored are the bytes of an image that the format gives no meaning, or nothing reads.
func ignored(t *testing.T, image []byte) block.Set {
	t.Helper()
	return firmwaretest.Open(t, image, nil, Format()).Unused
}

func extract(t *testing.T, p *firmware.Part, name string) []byte {
	t.Helper()
	for _, c := range p.Children {
		if c.Name == name {
			b, err := io.ReadAll(block.Reader(c.Source))
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no file %s", name)
	return nil
}

// TestMakers opens cabinets of gcab and fwupdtool.
func TestMakers(t *testing.T) {
	m := newMaker(t)
	want := m.firmware(t, "")
	m.Run(t, "fwupdtool", "build-cabinet", "fwupd.cab", "gw.bin", "gw.metainfo.xml")
	for _, tt := range []struct {
		name  string
		image []byte
	}{
		{"stored", m.cabinet(t, false, "gw.bin", "gw.metainfo.xml")},
		{"packed", m.cabinet(t, true, "gw.metainfo.xml", "gw.bin")},
		{"fwupdtool", m.Read(t, "fwupd.cab")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Format())
			if v := firmware.Whole(p); v.Answer != firmware.OK || p.Title != "fwupd package" || p.Version != "1.2.3" || p.Announced != int64(len(tt.image)) {
				t.Errorf("%v %q: %q %q", v.Answer, v.Reasons, p.Title, p.Version)
			}
			if !bytes.Equal(extract(t, p, "gw.bin"), want) {
				t.Error("the payload is another")
			}
			firmwaretest.Run(t, tt.image, firmwaretest.Options{Blind: ignored(t, tt.image)}, Format())
		})
	}
	image := m.cabinet(t, true, "gw.metainfo.xml", "gw.bin")
	v := firmware.Whole(firmwaretest.Open(t, image[:36_000], nil, Format()))
	if !strings.Contains(v.Reasons[0], "36,000 of ") || !strings.Contains(v.Reasons[0], `file "gw.bin"`) {
		t.Errorf("%q", v.Reasons)
	}
	image[20_000] ^= 1
	if v = firmware.Whole(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "sum of 32 bits") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestPayload holds the payload against its description, where the cabinet itself is whole.
func TestPayload(t *testing.T) {
	m := newMaker(t)
	p := m.firmware(t, "")
	p[500] ^= 1
	m.Write(t, "gw.bin", p)
	v := firmware.Whole(firmwaretest.Open(t, m.cabinet(t, true, "gw.bin", "gw.metainfo.xml"), nil, Format()))
	if v.Answer != firmware.No || len(v.Reasons) != 2 || !strings.Contains(v.Reasons[1], `content of "gw.bin": SHA-256`) {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v = firmware.Whole(firmwaretest.Open(t, m.cabinet(t, true, "gw.metainfo.xml"), nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "a file gw.bin") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	m.Write(t, "gw.metainfo.xml", []byte("<component type=\"firmware\"><name>x"))
	if v = firmware.Whole(firmwaretest.Open(t, m.cabinet(t, true, "gw.bin", "gw.metainfo.xml"), nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "description") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	m.Write(t, "other.txt", []byte("just a file"))
	plain := m.cabinet(t, true, "gw.bin", "other.txt")
	part := firmwaretest.Open(t, plain, nil, Format())
	if v = firmware.Whole(part); v.Answer != firmware.OK || part.Title != "cabinet" {
		t.Errorf("%q, %v %q", part.Title, v.Answer, v.Reasons)
	}
}

// TestSigned checks signatures of jcat-tool: over the files, and over sums of them.
func TestSigned(t *testing.T) {
	for _, target := range []string{"", "sha256"} {
		t.Run("target "+target, func(t *testing.T) {
			m := newMaker(t)
			m.firmware(t, "")
			keys, other := m.keys(t, "maker"), m.keys(t, "other")
			m.sign(t, "maker", target)
			image := m.cabinet(t, true, "gw.bin", "gw.metainfo.xml", "gw.jcat")
			for _, tt := range []struct {
				name string
				keys []firmware.Key
				want firmware.Answer
			}{{"right", keys, firmware.OK}, {"none", nil, firmware.CannotTell}, {"both", append(other, keys...), firmware.OK}} {
				p := firmwaretest.Open(t, image, tt.keys, Format())
				if v := firmware.Genuine(p); v.Answer != tt.want {
					t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
				}
				if v := firmware.Whole(p); v.Answer != firmware.OK {
					t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
				}
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image, other, Format())); v.Answer == firmware.OK {
				t.Errorf("another key: %v %q", v.Answer, v.Reasons)
			}
			// The same signatures with another payload, whose description fits.
			p := payload()
			p[7] ^= 1
			m.Write(t, "gw.bin", p)
			m.Write(t, "gw.metainfo.xml", description(p, ""))
			forged := firmwaretest.Open(t, m.cabinet(t, true, "gw.bin", "gw.metainfo.xml", "gw.jcat"), keys, Format())
			if v := firmware.Whole(forged); v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "by the .jcat") {
				t.Errorf("forged: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(forged); v.Answer != firmware.No && target == "" {
				t.Errorf("forged: %v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestEd25519 checks the signature that jcat-tool makes with a key of its own.
func TestEd25519(t *testing.T) {
	m := newMaker(t)
	m.firmware(t, "")
	for _, f := range []string{"gw.bin", "gw.metainfo.xml"} {
		m.Run(t, "jcat-tool", "--keyring", ".", "self-sign", "--kind", "ed25519", "gw.jcat", f)
	}
	image := m.cabinet(t, true, "gw.bin", "gw.metainfo.xml", "gw.jcat")
	key := firmware.Key{Name: "jcat", Public: ed25519.PublicKey(m.Read(t, "pki/public.ed25519"))}
	if v := firmware.Genuine(firmwaretest.Open(t, image, []firmware.Key{key}, Format())); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	p := firmwaretest.Open(t, image, nil, Format())
	if v := firmware.Genuine(p); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "Ed25519 over gw.bin") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestDevice holds what a description asks for against devices.
func TestDevice(t *testing.T) {
	m := newMaker(t)
	m.firmware(t, `<requires><firmware compare="ge" version="1.1.0"/><id compare="ge" version="1.9.1">org.freedesktop.fwupd</id><firmware compare="eq" version="USB:0x046D">vendor-id</firmware></requires>
<categories><category>X-System</category></categories>
<custom><value key="LVFS::UpdateProtocol">org.uefi.capsule</value><value key="LVFS::UpdateMessage">Unplug the dock.</value></custom>`)
	p := firmwaretest.Open(t, m.cabinet(t, true, "gw.bin", "gw.metainfo.xml"), nil, Format())
	for _, tt := range []struct {
		guid, version string
		want          firmware.Answer
	}{{guid, "1.2.0", firmware.OK}, {guid, "1.0.0", firmware.No}, {"2d47f29b-83a2-4f31-a2e8-63474f4d4c2f", "1.2.0", firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Installed, Value: tt.version}, {Kind: firmware.GUID, Value: tt.guid}}}
		if v := firmware.Fits(p, d); v.Answer != tt.want {
			t.Errorf("%+v: %v %q", tt, v.Answer, v.Reasons)
		}
	}
	var words strings.Builder
	for _, f := range p.Findings {
		words.WriteString(f.Text + "\n")
	}
	for _, want := range []string{"org.freedesktop.fwupd is at least 1.9.1", "vendor-id is exactly USB:0x046D", "Unplug the dock."} {
		if !strings.Contains(words.String(), want) {
			t.Errorf("%q is not in %q", want, words.String())
		}
	}
	if w := strings.Join(firmware.Warnings(p), " "); !strings.Contains(w, "boot loader") || p.Title != "fwupd package for org.uefi.capsule" {
		t.Errorf("%q %q", w, p.Title)
	}
}

// TestVersions writes the numbers of LVFS as fwupd shows them.
func TestVersions(t *testing.T) {
	for format, want := range map[string]string{"triplet": "1.2.3", "quad": "1.2.0.3", "pair": "258.3", "plain": "0x01020003"} {
		m, err := parseMetainfo([]byte(`<component type="firmware"><custom><value key="LVFS::VersionFormat">` + format + `</value></custom><releases><release version="0x01020003"/></releases></component>`))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.version(&m.Releases[0]); got != want {
			t.Errorf("%s: %q, want %q", format, got, want)
		}
	}
}

// TestWays names ways of packing that are not unpacked.
func TestWays(t *testing.T) {
	m := newMaker(t)
	m.firmware(t, "")
	image := m.cabinet(t, true, "gw.bin")
	binary.LittleEndian.PutUint16(image[headerSize+6:], packedLZX|18<<8)
	v := firmware.Whole(firmwaretest.Open(t, image, nil, Format()))
	if v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "LZX") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestLook sees no cabinet in random bytes behind the magic.
func TestLook(t *testing.T) {
	for seed := range uint64(5000) {
		p := firmwaretest.Noise(64, seed)
		copy(p, "MSCF\x00\x00\x00\x00")
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(seed, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f)
	m.firmware(f, "")
	f.Add(m.cabinet(f, true, "gw.metainfo.xml"))
	f.Add(m.cabinet(f, false, "gw.metainfo.xml", "gw.metainfo.xml"))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}

func FuzzJcat(f *testing.F) {
	f.Add([]byte(`<component type="firmware"><releases><release version="1"/></releases></component>`))
	f.Fuzz(func(_ *testing.T, p []byte) {
		if m, err := parseMetainfo(p); err == nil {
			m.Releases[0].sums()
			m.guids()
		}
		if j, err := parseJcat(p); err == nil {
			for i := range j.Items {
				j.Items[i].names("x")
			}
		}
	})
}
