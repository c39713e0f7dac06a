package nordic

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

func number(n int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n)<<3), v)
}

func data(n int, p []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(n)<<3|2), uint64(len(p))), p...)
}

// command is an init command for an image of a kind.
func command(image []byte, kind uint64) []byte {
	sum := sha256.Sum256(image)
	h := append(number(1, 3), data(2, reversed(sum[:]))...)
	init := bytes.Join([][]byte{number(1, 7), number(2, 52), data(3, binary.AppendUvarint(nil, 0x0100)), number(4, kind), number(5, 0), number(6, 0), number(7, uint64(len(image))), data(8, h), number(9, 0)}, nil)
	return append(number(1, 1), data(2, init)...)
}

// sign makes an init packet with openssl; key "" for none.
func sign(t testing.TB, d *imagetest.Dir, key string, command []byte) []byte {
	t.Helper()
	if key == "" {
		return data(1, command)
	}
	der := d.Pipe(t, command, "openssl", "dgst", "-sha256", "-sign", key+".pem")
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		t.Fatal(err)
	}
	r, q := s.R.FillBytes(make([]byte, 32)), s.S.FillBytes(make([]byte, 32))
	slices.Reverse(r)
	slices.Reverse(q)
	return data(2, bytes.Join([][]byte{data(1, command), number(2, 0), data(3, append(r, q...))}, nil))
}

func keys(t testing.TB, d *imagetest.Dir, name string) []firmware.Key {
	t.Helper()
	d.Run(t, "openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", name+".pem")
	d.Run(t, "openssl", "pkey", "-in", name+".pem", "-pubout", "-out", name+".pub")
	return d.Keys(t, name+".pub")
}

func pack(t testing.TB, method uint16, files ...any) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: files[i].(string), Method: method})
		if err == nil {
			_, err = f.Write(files[i+1].([]byte))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func manifest(key string) []byte {
	return fmt.Appendf(nil, `{"manifest": {%q: {"bin_file": "app.bin", "dat_file": "app.dat"}}}`, key)
}

// TestSigned opens a package with the right key, another one and none.
func TestSigned(t *testing.T) {
	d := imagetest.NewDir(t)
	right, wrong := keys(t, d, "maker"), keys(t, d, "other")
	app := firmwaretest.Noise(4000, 1)
	image := pack(t, zip.Store, "manifest.json", manifest("application"), "app.bin", app, "app.dat", sign(t, d, "maker", command(app, 0)))
	for _, tt := range []struct {
		name string
		keys []firmware.Key
		want firmware.Answer
	}{{"right", right, firmware.OK}, {"wrong", wrong, firmware.No}, {"none", nil, firmware.CannotTell}, {"both", append(wrong, right...), firmware.OK}} {
		p := firmwaretest.Open(t, image, tt.keys, Format())
		if v := firmware.Genuine(p); v.Answer != tt.want {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell || p.Version != "7" { // the directory has no sum
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	p := firmwaretest.Open(t, image, right, Format())
	for hw, want := range map[string]firmware.Answer{"52": firmware.OK, "51": firmware.No} {
		if v := firmware.Fits(p, &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Hardware, Value: hw}, {Kind: firmware.Model, Value: "x"}}}); v.Answer == firmware.No != (want == firmware.No) {
			t.Errorf("hardware %s: %v %q", hw, v.Answer, v.Reasons)
		}
	}
	if len(p.Findings) != 1 || !strings.Contains(p.Findings[0].Text, "SoftDevice 0x0100") {
		t.Errorf("%v", p.Findings)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: p.Uncovered(), Keys: right}, Format())
}

// TestForged holds another image against the same init packet.
func TestForged(t *testing.T) {
	d := imagetest.NewDir(t)
	right := keys(t, d, "maker")
	app := firmwaretest.Noise(4000, 1)
	packet := sign(t, d, "maker", command(app, 0))
	app[9] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, pack(t, zip.Deflate, "manifest.json", manifest("application"), "app.bin", app, "app.dat", packet), right, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "SHA-256") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	packet[40] ^= 1
	p := firmwaretest.Open(t, pack(t, zip.Deflate, "manifest.json", manifest("application"), "app.bin", app, "app.dat", packet), right, Format())
	if v = firmware.Genuine(p); v.Answer == firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, tt := range []struct {
		name  string
		files []any
		says  string
	}{
		{"missing", []any{"manifest.json", manifest("application"), "app.dat", packet}, "a file app.bin"},
		{"type", []any{"manifest.json", manifest("softdevice"), "app.bin", app, "app.dat", sign(t, d, "", command(app, 0))}, "type: expected SoftDevice, found application"},
		{"packet", []any{"manifest.json", manifest("application"), "app.bin", app, "app.dat", []byte("rubbish")}, "init packet"},
		{"size", []any{"manifest.json", manifest("application"), "app.bin", app[:100], "app.dat", sign(t, d, "", command(app, 0))}, "expected 4000 bytes, found 100 bytes"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, pack(t, zip.Deflate, tt.files...), nil, Format()))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.says) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestLoader says loudly that a package has a boot loader.
func TestLoader(t *testing.T) {
	d := imagetest.NewDir(t)
	app := firmwaretest.Noise(400, 1)
	p := firmwaretest.Open(t, pack(t, zip.Deflate, "manifest.json", manifest("bootloader"), "app.bin", app, "app.dat", sign(t, d, "", command(app, 2))), nil, Format())
	if w := strings.Join(firmware.Warnings(p), " "); !strings.Contains(w, "boot loader") {
		t.Errorf("%q", w)
	}
	if v := firmware.Whole(p); v.Answer == firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestOld reads a package of the old SDK, with a CRC-16 (that of "123456789" is 29b1).
func TestOld(t *testing.T) {
	if got := crc16(0xFFFF, []byte("123456789")); got != 0x29b1 {
		t.Fatalf("%04x", got)
	}
	app := []byte("123456789")
	dat := []byte{0x52, 0, 1, 0, 9, 0, 0, 0, 1, 0, 0xFE, 0xFF, 0xb1, 0x29}
	m := []byte(`{"manifest": {"application": {"bin_file": "a.bin", "dat_file": "a.dat", "init_packet_data": {"application_version": 9}}, "dfu_version": 0.5}}`)
	p := firmwaretest.Open(t, pack(t, zip.Deflate, "manifest.json", m, "a.bin", app, "a.dat", dat), nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell || p.Version != "9" || p.Claims[0].Values[0] != "1" {
		t.Errorf("%v %q: %q %v", v.Answer, v.Reasons, p.Version, p.Claims)
	}
	dat[12] ^= 1
	p = firmwaretest.Open(t, pack(t, zip.Deflate, "manifest.json", m, "a.bin", app, "a.dat", dat), nil, Format())
	if v := firmware.Whole(p); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "CRC-16") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestOthers leaves archives with another manifest to others.
func TestOthers(t *testing.T) {
	for _, m := range []string{`{"manifest": {}}`, `[]`, `{"name": "extension", "manifest_version": 3}`} {
		if _, err := open(t.Context(), block.Bytes(pack(t, zip.Deflate, "manifest.json", []byte(m))), (&firmware.Opening{}).Closed()); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s: %v", m, err)
		}
	}
}

func FuzzPacket(f *testing.F) {
	app := []byte("image")
	f.Add(data(1, command(app, 0)))
	f.Add(data(2, append(data(1, command(app, 2)), data(3, make([]byte, 64))...)))
	f.Fuzz(func(_ *testing.T, p []byte) {
		if k, err := parsePacket(p); err == nil {
			signature(k.signature)
			kindName(k.kind)
		}
		_, _ = parseOld(p)
		_, _ = parseManifest(p)
	})
}
