package ota

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/bootimg"
	"salvor/firmware/firmwaretest"
)

const metadata = "ota-required-cache=4096\nota-type=AB\npost-build=maker/product/device:14/ID/222:user/release-keys\npost-build-incremental=222\npost-security-patch-level=2024-05-05\n" +
	"post-timestamp=1715000000\npre-build=maker/product/device:14/ID/111:user/release-keys\npre-build-incremental=111\npre-device=device|device_eea\n"

func properties(payload []byte, size int) []byte {
	whole, head := sha256.Sum256(payload), sha256.Sum256(payload[:size])
	return fmt.Appendf(nil, "FILE_HASH=%s\nFILE_SIZE=%d\nMETADATA_HASH=%s\nMETADATA_SIZE=%d\n", base64.StdEncoding.EncodeToString(whole[:]), len(payload), base64.StdEncoding.EncodeToString(head[:]), size)
}

func ab(t testing.TB, change func(files []file)) []byte {
	payload := firmwaretest.Noise(9000, 1)
	files := []file{{metadataPath, []byte(metadata), false}, {payloadPath, payload, false}, {propertiesPath, properties(payload, 100), false}}
	if change != nil {
		change(files)
	}
	return plainZip(t, files...)
}

func child(t *testing.T, p *firmware.Part, name string) *firmware.Part {
	t.Helper()
	i := slices.IndexFunc(p.Children, func(c *firmware.Part) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no part %q", name)
	}
	return p.Children[i]
}

func claims(p *firmware.Part) string {
	var out []string
	for _, c := range p.Claims {
		out = append(out, fmt.Sprintf("%s %v", c.Kind, c.Values))
	}
	return strings.Join(out, "; ")
}

func codes(p *firmware.Part) (out []string) {
	for _, f := range p.Findings {
		out = append(out, f.Code)
	}
	return out
}

// TestUpdate holds a signed package for A/B devices to the promises of all formats: the signature covers every byte.
func TestUpdate(t *testing.T) {
	a, b := signers(t)
	file := signed(t, ab(t, nil), a)
	p := firmwaretest.Open(t, file, nil, Formats()...)
	if p.Format != "android-ota" || p.Title != "Android update package, AB, security patches of 2024-05-05" || p.Version != "222" || len(p.Children) != 3 {
		t.Errorf("%q %q %q, %d parts", p.Format, p.Title, p.Version, len(p.Children))
	}
	if got := claims(p); got != "board [device device_eea]; source version [111]; build time [1715000000]" {
		t.Errorf("%s", got)
	}
	if len(p.Installs) != 1 || p.Installs[0] != (firmware.Install{Where: "cache", Needs: 4096}) {
		t.Errorf("%+v", p.Installs)
	}
	if v := firmware.Whole(p); v.Answer != firmware.OK {
		t.Errorf("%v %q, %v", v.Answer, v.Reasons, p.Uncovered().Extents())
	}
	if len(child(t, p, payloadPath).Checks) != 3 {
		t.Errorf("%+v", child(t, p, payloadPath).Checks)
	}
	firmwaretest.Run(t, file, firmwaretest.Options{Flips: 200, Cuts: 60}, Formats()...)
	for _, tt := range []struct {
		keys   []firmware.Key
		answer firmware.Answer
	}{
		{[]firmware.Key{key(t, "maker", a)}, firmware.OK},
		{[]firmware.Key{key(t, "other", b), key(t, "maker", a)}, firmware.OK},
		{[]firmware.Key{key(t, "other", b)}, firmware.CannotTell},
		{nil, firmware.CannotTell},
	} {
		v := firmware.Genuine(firmwaretest.Open(t, file, tt.keys, Formats()...))
		if v.Answer != tt.answer || !strings.Contains(v.Reasons[0], "CN=maker") {
			t.Errorf("%d keys: %v %q", len(tt.keys), v.Answer, v.Reasons)
		}
	}
	bad := bytes.Clone(file)
	bad[3000] ^= 1
	if v := firmware.Genuine(firmwaretest.Open(t, bad, []firmware.Key{key(t, "maker", a)}, Formats()...)); v.Answer != firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Whole(firmwaretest.Open(t, ab(t, nil), nil, Formats()...)); v.Answer != firmware.CannotTell {
		t.Errorf("not signed: %v %q", v.Answer, v.Reasons)
	}
}

// TestReasons says which member is another, and in which one a file ends.
func TestReasons(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(files []file)
		cut    int
		reason string
	}{
		{"hash", func(f []file) { f[1].data[50] ^= 1 }, 0, `payload of "payload.bin": SHA-256 of payload_properties.txt`},
		{"size", func(f []file) { f[1].data = f[1].data[:8000] }, 0, "FILE_SIZE: expected 9000 bytes, found 8000 bytes"},
		{"cut", nil, 4000, `4000 bytes; it ends inside of "payload.bin"`},
		{"cut in a part of a member", func(f []file) {
			m := append([]byte("ANDROID!"), make([]byte, 4088)...)
			m[9], m[13], m[21], m[40] = 0x10, 0x10, 6, 3 // kernel and ramdisk of 4096 bytes, a header of 1536 bytes and more
			m[20] = 44
			f[1] = file{"boot.img", append(m, make([]byte, 8192)...), false}
		}, 5000, "kernel of Android boot image"},
		{"place", func(f []file) {
			f[0].data = append(f[0].data, "ota-property-files=payload_metadata.bin:1:100,payload.bin:7:9000,metadata:69:1\n"...)
		}, 0, "place of payload.bin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := ab(t, tt.change)
			if tt.cut > 0 {
				p = p[:tt.cut]
			}
			x := firmwaretest.Open(t, p, nil, append(Formats(), bootimg.Formats()...)...)
			if v := firmware.Whole(x); v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.reason) || x.Format != "android-ota" {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestPB reads the metadata in protocol buffers where there are no lines.
func TestPB(t *testing.T) {
	state := func(values ...string) (p []byte) {
		for i, v := range values {
			p = append(p, byte((i+1)<<3|2), byte(len(v)))
			p = append(p, v...)
		}
		return p
	}
	before, after := state("device", "a/b/c:1/ID/5:user/keys"), append(state("device", "x", "6"), 4<<3, 100)
	m := []byte{1 << 3, 1, 2 << 3, 1, 3 << 3, 1, 8 << 3, 7}
	m = append(append(append(m, 5<<3|2, byte(len(before))), before...), append([]byte{6<<3 | 2, byte(len(after))}, after...)...)
	p := firmwaretest.Open(t, zipped(t, file{metadataPBPath, m, true}, file{payloadPath, []byte("x"), false}), nil, Formats()...)
	if got := claims(p); got != "board [device]; source version [5]" || p.Version != "6" || !slices.Equal(codes(p), []string{"ota.downgrade", "ota.wipe"}) || p.Installs[0].Needs != 7 {
		t.Errorf("%s, %q, %q", got, p.Version, codes(p))
	}
}

const script = `getprop("ro.product.device") == "walleye" || abort("E3004: This package is for \"walleye\" devices");
assert(getprop("ro.product.device") == "taimen" || getprop("ro.build.product") == "taimen");
assert(getprop("ro.bootloader") == "mw8998-003");
(!less_than_int(1500000000, getprop("ro.build.date.utc"))) || abort("Can't install this package");
package_extract_file("firmware-update/xbl.elf", "/dev/block/bootdevice/by-name/xbl");
package_extract_file("boot.img", "/dev/block/platform/soc/by-name/boot");
package_extract_file("x.sh", "/tmp/x.sh");
block_image_update("/dev/block/bootdevice/by-name/system", package_extract_file("system.transfer_list"), "system.new.dat", "system.patch.dat");
block_image_update(map_partition("vendor"), package_extract_file("v.transfer_list"), "v.new.dat.br", "v.patch.dat");
`

// packed compresses p by Brotli.
func packed(t *testing.T, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestBlocks puts a partition together from its list of blocks, and tells where everything goes.
func TestBlocks(t *testing.T) {
	data := firmwaretest.Noise(5*4096, 4)
	boot := firmwaretest.Noise(3000, 5)
	list := "4\n5\n0\n0\nerase 2,0,12\nnew 4,10,12,0,2\nzero 2,4,6\nnew 2,8,9\n"
	want := slices.Concat(data[8192:16384], make([]byte, 6*4096), data[16384:], make([]byte, 4096), data[:8192])
	file := zipped(t, file{scriptPath, []byte(script), true}, file{"boot.img", boot, true}, file{"firmware-update/xbl.elf", []byte("loader"), false},
		file{"system.transfer_list", []byte(list), true}, file{"system.new.dat", data, false}, file{"v.transfer_list", []byte("4\n1\n0\n0\nmove 1\nnew 2,0,1\n"), true}, file{"v.new.dat.br", packed(t, data[:4096]), false},
		file{"product.transfer_list", []byte(list), true}, file{"product.new.dat.br", packed(t, data), false})
	p := firmwaretest.Open(t, file, nil, Formats()...)
	if got := claims(p); got != "board [walleye taimen]; least boot loader [mw8998-003]; build time [1500000000]" {
		t.Errorf("%s", got)
	}
	for name, where := range map[string]string{"boot.img": "boot", "firmware-update/xbl.elf": "xbl", "system.transfer_list": "system", "v.transfer_list": "vendor"} {
		if c := child(t, p, name); len(c.Installs) != 1 || c.Installs[0].Where != where || c.Installs[0].Loader != (where == "xbl") {
			t.Errorf("%s: %+v", name, c.Installs)
		}
	}
	if x := child(t, p, "system.transfer_list").Installs[0]; x.Needs != 12*4096 {
		t.Errorf("%+v", x)
	}
	made := child(t, p, "system.new.dat").Children
	if len(made) != 1 || made[0].Role != firmware.RootFS {
		t.Fatalf("%d made: %+v", len(made), child(t, p, "system.transfer_list").Checks)
	}
	if got, err := io.ReadAll(block.Reader(made[0].Source)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("system is another, %d bytes of %d: %v", len(got), len(want), err)
	}
	if got := codes(child(t, p, "v.transfer_list")); !slices.Equal(got, []string{"ota.incremental"}) {
		t.Errorf("%q", got)
	}
	product := child(t, p, "product.new.dat.br")
	if len(product.Children) != 1 || product.Compression != "brotli" || len(product.Children[0].Children) != 1 {
		t.Fatalf("%+v", product)
	}
	if got, err := io.ReadAll(block.Reader(product.Children[0].Children[0].Source)); err != nil || !bytes.Equal(got, want) {
		t.Errorf("product is another, %d bytes of %d: %v", len(got), len(want), err)
	}
	if w := firmware.Warnings(p); len(w) == 0 || !strings.Contains(w[0], "boot loader") {
		t.Errorf("%q", w)
	}
	if v := firmware.Whole(p); v.Answer == firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if got, err := io.ReadAll(block.Reader(content(child(t, p, "boot.img")).Source)); err != nil || !bytes.Equal(got, boot) {
		t.Errorf("boot: %v", err)
	}
}

// TestLists refuses lists of blocks that cannot be.
func TestLists(t *testing.T) {
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"1\n5\nnew 2,0,5\n", true}, {"3\n5\n0\n0\nnew 2,0,5\nfree x\nstash x 2,0,1\n", true}, {"", false}, {"9\n5\n", false}, {"4\n5\n0\n0\nnew 3,0,5\n", false}, {"4\n5\n0\n0\nnew 2,5,0\n", false},
		{"4\n5\n0\n0\nnew 2,0\n", false}, {"4\n5\n0\n0\nnew 2,-1,5\n", false}, {"4\n5\n0\n0\nnew\n", false}, {"4\n5\n0\n0\nformat x\n", false}, {"x\n", false}, {"4\n5\n0\n0\nnew 2,0,99999999999999\n", false},
	} {
		if _, err := parseList(tt.text); (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
	if l, err := parseList("1\n5\nnew 4,0,5,4,6\n"); err != nil {
		t.Error(err)
	} else if _, ok := l.runs(); ok {
		t.Error("a block that is written twice")
	}
}

func FuzzList(f *testing.F) {
	f.Add("4\n5\n0\n0\nerase 2,0,12\nnew 4,10,12,0,2\nzero 2,4,6\nnew 2,8,9\n")
	f.Fuzz(func(t *testing.T, s string) {
		l, err := parseList(s)
		if err != nil {
			return
		}
		if _, ok := l.runs(); ok && l.size < 0 {
			t.Fatal(l.size)
		}
	})
}

func FuzzOpen(f *testing.F) {
	f.Add(zipped(f, file{metadataPath, []byte(metadata), true}, file{payloadPath, []byte("payload"), false}))
	f.Add(zipped(f, file{infoPath, []byte("require board=a|b\n"), true}, file{"boot.img", []byte("boot"), true}))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatal(x.Name, x.Offset, x.Size)
			}
			return true
		})
	})
}
