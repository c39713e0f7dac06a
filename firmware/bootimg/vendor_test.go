package bootimg

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/avb"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/avbtest"
	"salvor/firmware/internal/imagetest"
)

func put(p []byte, at int, values ...uint32) {
	for i, v := range values {
		binary.LittleEndian.PutUint32(p[at+4*i:], v)
	}
}

// page fills p up to a page.
func page(p []byte) []byte { return append(p, make([]byte, -len(p)&4095)...) }

// newer is a boot image of version 4, or an init_boot image, by the description of the format.
func newer(kernel bool) []byte {
	h := make([]byte, 4096)
	copy(h, bootMagic)
	put(h, 8, 9000, 5000, 13<<25|24<<4|7, 1584)
	put(h, 40, 4)
	put(h, 1580, 4096)
	if !kernel {
		put(h, 8, 0)
		put(h, 1580, 0)
		return append(h, page(bytes.Clone(parts["ramdisk"]))...)
	}
	return slices.Concat(h, page(bytes.Clone(parts["kernel"])), page(bytes.Clone(parts["ramdisk"])), firmwaretest.Noise(4096, 9))
}

func vendor4() []byte {
	h := make([]byte, 4096)
	copy(h, vendorMagic)
	put(h, 8, 4, 4096, 0x8000, 0x1000000, 6000)
	copy(h[28:], "console=ttyMSM0")
	copy(h[2080:], "name")
	config := "androidboot.hardware=board\n"
	put(h, 2096, 2128, 700, 0, 0, 2*108, 2, 108, uint32(len(config)))
	table := make([]byte, 2*108)
	put(table, 0, 4000, 0, 1)
	put(table, 108, 2000, 4000, 3)
	copy(table[120:], "modules")
	return slices.Concat(h, page(bytes.Clone(parts["vendor"])), page(bytes.Clone(parts["dtb"])), page(table), page([]byte(config)))
}

func trees(version uint32) []byte {
	p := make([]byte, 32+2*32+8)
	be := binary.BigEndian
	for i, v := range []uint32{tableMagic, 104 + 700 + 1500, 32, 32, 2, 32, 2048, version} {
		be.PutUint32(p[4*i:], v)
	}
	for i, v := range []uint32{700, 104, 0x10, 1, 0, 0, 0, 0, 1500, 804, 0x20, 2} {
		be.PutUint32(p[32+4*i:], v)
	}
	return slices.Concat(p, parts["dtb"], parts["dtbo"])
}

func content(t *testing.T, p *firmware.Part) []byte {
	t.Helper()
	b, err := io.ReadAll(block.Reader(p.Source))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNewer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		image  []byte
		title  string
		format string
		parts  []string
		where  string
	}{
		{"boot 4", newer(true), "Android boot image, version 4, Android 13.0.0, security patches of 2024-07", "android-boot", []string{"kernel", "ramdisk", "signature of the generic kernel"}, ""},
		{"init_boot", newer(false), "Android init_boot image, version 4, Android 13.0.0, security patches of 2024-07", "android-boot", []string{"ramdisk"}, "init_boot"},
		{"vendor_boot 4", vendor4(), "Android vendor_boot image, version 4", "android-vendor-boot", []string{"vendor ramdisk", "device tree", "table of ramdisks", "bootconfig"}, "vendor_boot"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := firmwaretest.Open(t, tt.image, nil, Formats()...)
			var names []string
			for _, c := range p.Children {
				names = append(names, c.Name)
			}
			if p.Title != tt.title || p.Format != tt.format || !slices.Equal(names, tt.parts) || p.Announced != int64(len(tt.image)) {
				t.Errorf("%q %q %q %d", p.Title, p.Format, names, p.Announced)
			}
			if tt.where != "" && (len(p.Installs) != 1 || p.Installs[0].Where != tt.where || p.Installs[0].Needs != int64(len(tt.image))) {
				t.Errorf("%+v", p.Installs)
			}
			last := p.Children[len(p.Children)-1]
			own := slices.DeleteFunc(Formats(), func(f firmware.Format) bool { return f.Name != tt.format })
			firmwaretest.Run(t, tt.image, firmwaretest.Options{Blind: p.Uncovered(), Short: func(n int64) bool { return n >= last.Offset+last.Size }}, own...)
		})
	}
}

// TestCertified holds images of version 4 against the signature of a generic kernel: in the image, and behind its end.
func TestCertified(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	formats := append(Formats(), avb.Formats()...)
	for _, size := range []uint32{16384, 0} {
		image := newer(true)
		image = image[:len(image)-4096]
		put(image, 1580, size)
		var signature []byte
		for name, p := range map[string][]byte{"boot": image, "generic_kernel": parts["kernel"]} {
			b, err := avbtest.Make(avbtest.Image{Key: k, Descriptors: [][]byte{avbtest.Hash(name, p, []byte{0xd0, 0x0d, 0xf0, 0x0d})}})
			if err != nil {
				t.Fatal(err)
			}
			signature = append(signature, b...)
		}
		signed := slices.Concat(image, signature, make([]byte, 16384-len(signature)))
		p := firmwaretest.Open(t, signed, []firmware.Key{{Name: "k", Public: &k.PublicKey}}, formats...)
		if v := firmware.Whole(p); v.Answer != firmware.OK || len(p.Children[0].Checks) != 1 {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
		o := firmwaretest.Options{Flips: 100, Cuts: 40}
		if size == 0 { // the header does not say that there is one, and its sizes decide where it stands
			o.Blind = block.SetOf(block.Extent{Offset: 8, Length: 12})
			o.Short = func(n int64) bool { return n >= int64(4096+12288+len(parts["ramdisk"])) }
		}
		firmwaretest.Run(t, signed, o, formats...)
	}
}

// TestVendor reads the ramdisks of a vendor_boot image, and one by mkbootimg.
func TestVendor(t *testing.T) {
	p := firmwaretest.Open(t, vendor4(), nil, Formats()...)
	list := p.Children[0].Children
	if len(list) != 2 || list[0].Name != "platform ramdisk" || list[1].Name != "modules" || list[1].Offset != 4000 || !bytes.Equal(content(t, list[1]), parts["vendor"][4000:]) {
		t.Errorf("%d ramdisks", len(list))
	}
	if len(p.Findings) != 2 || !strings.Contains(p.Findings[0].Text, "ttyMSM0") || !strings.Contains(p.Findings[1].Text, "androidboot.hardware=board") {
		t.Errorf("%v", p.Findings)
	}
	bad := vendor4()
	put(bad, 4096+8192+4096+108, 2001) // the second ramdisk is longer than there is room
	if v := firmware.Whole(firmwaretest.Open(t, bad, nil, Formats()...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "ramdisk 2 at 4000 with 2001 bytes") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	dir := run(t, "mkbootimg", parts, "--header_version", "3", "--vendor_boot", "image", "--vendor_ramdisk", "vendor", "--dtb", "dtb", "--vendor_cmdline", "quiet", "--board", "b")
	p = firmwaretest.Open(t, imagetest.File(t, dir, "image"), nil, Formats()...)
	if p.Format != "android-vendor-boot" || len(p.Children) != 2 || !bytes.Equal(content(t, p.Children[0]), parts["vendor"]) || !bytes.Equal(content(t, p.Children[1]), parts["dtb"]) {
		t.Errorf("%q, %d parts", p.Format, len(p.Children))
	}
}

func TestTable(t *testing.T) {
	image := trees(0)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if p.Format != "android-dtbo" || len(p.Children) != 2 || p.Children[1].Name != "device tree 2, id 0x20, revision 0x2" || !bytes.Equal(content(t, p.Children[1]), parts["dtbo"]) {
		t.Errorf("%q, %d parts", p.Format, len(p.Children))
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: p.Uncovered()}, Formats()[2])
	bad := bytes.Clone(image)
	bad[100] = 1
	if v := firmware.Whole(firmwaretest.Open(t, bad, nil, Formats()...)); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "gap of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if p := firmwaretest.Open(t, append(image, bytes.Repeat([]byte{0xFF}, 5000)...), nil, Formats()...); len(p.Children) != 2 || firmware.Whole(p).Answer != firmware.CannotTell {
		t.Errorf("a whole partition: %v", firmware.Whole(p))
	}
}
