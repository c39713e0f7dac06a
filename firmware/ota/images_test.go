package ota

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/asparse"
	"salvor/firmware/avb"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/avbtest"
	"salvor/firmware/internal/imagetest"
)

// formats are those of this package with the ones inside of them.
func formats() []firmware.Format {
	return slices.Concat(Formats(), avb.Formats(), []firmware.Format{asparse.Format()})
}

// TestImages opens a factory zip with a zip of images in it, and holds the images against the vbmeta image beside them.
func TestImages(t *testing.T) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	boot, system := firmwaretest.Noise(20_000, 1), append(firmwaretest.Noise(8192, 2), make([]byte, 100<<10)...)
	meta, err := avbtest.Make(avbtest.Image{Key: k, Descriptors: [][]byte{avbtest.Hash("boot", boot, nil), avbtest.Hash("system", system, []byte("salt"))}})
	if err != nil {
		t.Fatal(err)
	}
	dir := imagetest.Folder(t, map[string][]byte{"raw": system})
	imagetest.Pipe(t, dir, nil, "img2simg", "raw", "sparse")
	sparse := imagetest.File(t, dir, "sparse")
	made := func(boot []byte) []byte {
		inner := zipped(t, file{infoPath, []byte("require board=walleye|taimen\nrequire version-bootloader=mw8998-003\nrequire version-baseband=g8998\n"), true},
			file{"boot.img", boot, true}, file{"system.img", sparse, true}, file{"vbmeta.img", meta, true})
		return zipped(t, file{"walleye/bootloader-walleye-mw8998-003.img", []byte("loader"), true}, file{"walleye/radio-walleye.img", []byte("radio"), true},
			file{"walleye/flash-all.sh", []byte("fastboot flash bootloader\n"), true}, file{"walleye/image-walleye.zip", inner, false})
	}
	p := firmwaretest.Open(t, made(boot), nil, formats()...)
	if p.Format != "android-images" || len(p.Children) != 4 {
		t.Fatalf("%q, %d parts", p.Format, len(p.Children))
	}
	inner := child(t, p, "walleye/image-walleye.zip")
	if inner.Format != "android-images" || claims(inner) != "board [walleye taimen]; least boot loader [mw8998-003]" || !slices.Equal(codes(inner), []string{"ota.baseband"}) {
		t.Errorf("%q %s %q", inner.Format, claims(inner), codes(inner))
	}
	if x := child(t, p, "walleye/bootloader-walleye-mw8998-003.img"); x.Installs[0].Where != "bootloader" || !x.Installs[0].Loader || x.Role != firmware.BootLoader {
		t.Errorf("%+v %v", x.Installs, x.Role)
	}
	if x := child(t, inner, "system.img"); x.Installs[0] != (firmware.Install{Where: "system", Needs: int64(len(system))}) {
		t.Errorf("%+v", x.Installs)
	}
	for _, x := range []*firmware.Part{content(child(t, inner, "boot.img")), image(child(t, inner, "system.img"))} {
		if !slices.ContainsFunc(x.Checks, func(c firmware.Check) bool {
			return strings.HasSuffix(c.What, "by the vbmeta image") && c.State == firmware.Passed
		}) {
			t.Errorf("%s: %+v", x.Name, x.Checks)
		}
	}
	if v := firmware.Whole(p); v.Answer == firmware.No {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	other := bytes.Clone(boot)
	other[100] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, made(other), nil, formats()...))
	if v.Answer != firmware.No || len(v.Reasons) != 1 || !strings.Contains(v.Reasons[0], `by the vbmeta image of "boot.img"`) {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestSamsung holds a tar with an MD5 to the promises of all formats; tar and md5sum make it.
func TestSamsung(t *testing.T) {
	dir := imagetest.Folder(t, map[string][]byte{"boot.img": firmwaretest.Noise(3000, 1), "sboot.bin": firmwaretest.Noise(1000, 2), "efs.img": firmwaretest.Noise(1000, 3)})
	imagetest.Pipe(t, dir, nil, "lz4", "-q", "boot.img", "boot.img.lz4")
	imagetest.Pipe(t, dir, nil, "tar", "-H", "ustar", "-cf", "AP.tar", "boot.img.lz4", "sboot.bin", "efs.img")
	imagetest.Pipe(t, dir, nil, "sh", "-c", "md5sum -t AP.tar >> AP.tar")
	image := imagetest.File(t, dir, "AP.tar")
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if p.Format != "samsung-tar" || len(p.Children) != 3 {
		t.Fatalf("%q, %d parts", p.Format, len(p.Children))
	}
	if x := child(t, p, "boot.img.lz4"); x.Installs[0].Where != "boot" || x.Installs[0].Needs != 3000 || x.Children[0].Size != 3000 {
		t.Errorf("%+v", x.Installs)
	}
	if w := firmware.Warnings(p); len(w) != 2 || !strings.Contains(w[0], "sboot") || !strings.Contains(w[1], "efs") {
		t.Errorf("%q", w)
	}
	// The name behind the MD5 is covered by nothing.
	if u := p.Uncovered(); u.Bytes() != int64(len("AP.tar")+2+32+1) {
		t.Errorf("%v", u.Extents())
	}
	name := block.Between(int64(len(image)-9), int64(len(image)))
	firmwaretest.Run(t, image, firmwaretest.Options{Blind: block.SetOf(name), Short: func(n int64) bool { return n < 600 }}, Formats()[2])
	sum := md5.Sum(image[:len(image)-41])
	if !strings.Contains(string(image[len(image)-41:]), fmt.Sprintf("%x", sum)) {
		t.Error("md5sum sums something else")
	}
}

// TestDevice holds an update against devices: the right one, another model, another build, a newer one, one with less room.
func TestDevice(t *testing.T) {
	p := firmwaretest.Open(t, ab(t, nil), nil, Formats()...)
	for _, tt := range []struct {
		name      string
		board     string
		has, date string
		cache     int64
		answer    firmware.Answer
		reason    string
	}{
		{"right", "device_eea", "111", "1700000000", 8192, firmware.OK, "device_eea"},
		{"another model", "other", "111", "1700000000", 8192, firmware.No, "the package wants device, device_eea, the device has other"},
		{"another build", "device", "110", "1700000000", 8192, firmware.No, "source version"},
		{"newer already", "device", "111", "1800000000", 8192, firmware.No, "build time"},
		{"little room", "device", "111", "1700000000", 1024, firmware.No, "room"},
		{"nothing known", "", "", "", 0, firmware.CannotTell, ""},
	} {
		d := &firmware.Device{}
		for kind, v := range map[firmware.ClaimKind]string{firmware.Board: tt.board, firmware.Installed: tt.has, firmware.NewerThanBuild: tt.date} {
			if v != "" {
				d.Facts = append(d.Facts, firmware.Fact{Kind: kind, Value: v, From: "test"})
			}
		}
		if tt.cache > 0 {
			d.Spaces = append(d.Spaces, firmware.Space{Name: "cache", Size: tt.cache, From: "test"})
		}
		v := firmware.Fits(p, d)
		if v.Answer != tt.answer || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.reason) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}
