package fit

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// TestEncrypted checks the hashes of an image whose data mkimage encrypted, and opens nothing of it.
func TestEncrypted(t *testing.T) {
	s := newSigner(t, "rsa")
	s.put(t, "aes.bin", firmwaretest.Noise(32, 5))
	s.put(t, "iv.bin", firmwaretest.Noise(16, 6))
	s.put(t, "plain", s.get(t, "board.dtb"))
	image := s.make(t, its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo), images: `secret { data = /incbin/("plain"); type = "flat_dt"; arch = "arm64"; compression = "none";
		cipher { algo = "aes256"; key-name-hint = "aes"; iv-name-hint = "iv"; }; hash-1 { algo = "sha256"; }; };`}, "-k", ".", "-K", s.control(t), "-r")
	p := firmwaretest.Open(t, image, s.keys, Format(), tree)
	c := child(t, p, "secret")
	if !strings.HasSuffix(c.Title, ", encrypted") || c.Format != "" || len(c.Checks) != 1 || c.Checks[0].State != firmware.Passed || bytes.Count(image, s.get(t, "plain")[60:]) != 1 {
		t.Errorf("%+v", c)
	}
	if v := firmware.Whole(p); v.Answer == firmware.No {
		t.Errorf("%q", v.Reasons)
	}
}

// TestAuto opens what mkimage makes without a description of ours.
func TestAuto(t *testing.T) {
	b := newBench(t)
	imagetest.Pipe(t, b.dir, nil, "mkimage", "-f", "auto", "-A", "arm64", "-O", "linux", "-T", "kernel", "-C", "none", "-a", "0x80000", "-n", "k", "-d", "kernel", "-b", "board.dtb", "-i", "ramdisk", "auto.itb")
	p := firmwaretest.Open(t, b.get(t, "auto.itb"), nil, Format(), tree)
	if v := firmware.Whole(p); p.Format != "fit" || len(p.Children) != 3 || v.Answer == firmware.No || len(p.Claims) != 2 {
		t.Errorf("%d parts, %v, %v %q", len(p.Children), p.Claims, v.Answer, v.Reasons)
	}
}

// TestLarge cuts an image whose data are longer than what is kept of a tree.
func TestLarge(t *testing.T) {
	b := newBench(t)
	b.put(t, "kernel", firmwaretest.Noise(300_000, 8))
	for name, args := range layouts {
		image := b.make(t, its{hashes: "sha256"}, args...)
		p := firmwaretest.Open(t, image, nil, Format())
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell || len(v.Reasons) != 1 {
			t.Fatalf("%s: %v %q", name, v.Answer, v.Reasons)
		}
		k := child(t, p, "kernel-1")
		v := firmware.Whole(firmwaretest.Open(t, image[:k.Offset+200_000], nil, Format()))
		if v.Answer != firmware.No || !strings.HasPrefix(v.Reasons[0], "image kernel-1 of") {
			t.Errorf("%s: %v %q", name, v.Answer, v.Reasons)
		}
	}
}

// TestMany is not kept busy by images that share their data.
func TestMany(t *testing.T) {
	b := newBench(t)
	var images strings.Builder
	for i := range 200 {
		fmt.Fprintf(&images, "x%d { data-position = <0>; data-size = <0x100000>; hash-1 { algo = \"sha256\"; value = [%s]; }; };\n", i, strings.Repeat("00", 32))
	}
	b.put(t, "image.its", fmt.Appendf(nil, "/dts-v1/; / { images { %s }; };", images.String()))
	imagetest.Pipe(t, b.dir, nil, "dtc", "-q", "-O", "dtb", "-o", "image.itb", "image.its")
	image := append(b.get(t, "image.itb"), make([]byte, 1<<20)...)
	p := firmwaretest.Open(t, image[:1<<20], nil, Format())
	var failed, open int
	for _, c := range p.Children {
		for _, k := range c.Checks {
			switch {
			case k.State == firmware.Failed:
				failed++
			case k.State == firmware.Cannot && strings.Contains(k.Why, "more than 64 times the file"):
				open++
			}
		}
	}
	if failed != maxHashed || failed+open != 200 {
		t.Errorf("%d hashes were computed, %d were not", failed, open)
	}
}
