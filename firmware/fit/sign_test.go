package fit

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// signer is a bench with keys.
type signer struct {
	*bench
	keys  []firmware.Key // dev
	wrong []firmware.Key
}

func newSigner(t testing.TB, algo string) *signer {
	b := newBench(t)
	s := &signer{bench: b}
	if strings.Contains(algo, "ecdsa") {
		s.keys = []firmware.Key{b.key(t, "dev", ecKey(t))}
		s.wrong = []firmware.Key{{Name: "other", Public: ecKey(t).Public()}}
		return s
	}
	bits := 2048
	if strings.HasSuffix(algo, "rsa4096") {
		bits = 4096
	}
	s.keys = []firmware.Key{b.key(t, "dev", rsaKey(t, bits))}
	s.wrong = []firmware.Key{{Name: "other", Public: rsaKey(t, bits).Public()}}
	return s
}

// TestConfigurations checks signatures that mkimage made over configurations, with the image laid out in each way.
func TestConfigurations(t *testing.T) {
	for _, tt := range []struct {
		name, algo, more, method, weak string
	}{
		{"inside", "sha256,rsa2048", ramdiskToo, "RSA-2048 with SHA-256, PKCS#1", ""},
		{"behind", "sha256,ecdsa256", ramdiskToo, "ECDSA P-256 with SHA-256", ""},
		{"position", "sha384,rsa2048", ramdiskToo + `padding = "pss";`, "RSA-2048 with SHA-384, PSS", ""},
		{"aligned", "sha1,rsa2048", ramdiskToo, "RSA-2048 with SHA-1, PKCS#1", "SHA-1 can be forged"},
		{"inside", "sha512,rsa4096", ramdiskToo, "RSA-4096 with SHA-512, PKCS#1", ""},
	} {
		t.Run(tt.algo, func(t *testing.T) {
			s := newSigner(t, tt.algo)
			image := s.make(t, its{hashes: "sha256", sign: signed(tt.algo, tt.more)}, append(layouts[tt.name], "-k", ".", "-K", s.control(t), "-r")...)
			p := firmwaretest.Open(t, image, s.keys, Format())
			if len(p.Signatures) != 1 || p.Signatures[0].State != firmware.Passed || p.Signatures[0].Method != tt.method || p.Signatures[0].Weak != tt.weak || !p.Signatures[0].Partial || p.Signatures[0].Signer != "the key dev" {
				t.Fatalf("%+v", p.Signatures)
			}
			if v := firmware.Genuine(p); v.Answer != firmware.OK {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Whole(p); v.Answer != firmware.OK {
				t.Errorf("%v %q, %v", v.Answer, v.Reasons, p.Uncovered().Extents())
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image, s.wrong, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "by the key dev") {
				t.Errorf("wrong key: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image, nil, Format())); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "no key was given") {
				t.Errorf("no key: %v %q", v.Answer, v.Reasons)
			}
			held, err := Keys(context.Background(), block.Bytes(s.get(t, "control.dtb")))
			if err != nil || len(held) != 1 || !strings.HasPrefix(held[0].Name, "dev") {
				t.Fatalf("%v %+v", err, held)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image, held, Format())); v.Answer != firmware.OK {
				t.Errorf("key of the device: %v %q", v.Answer, v.Reasons)
			}
			// Every byte that the signature covers is seen to be changed, and none makes it genuine.
			covered := p.Uncovered().Union(p.Unused).Complement(block.Extent{Length: p.Announced})
			for i := range 150 {
				at := int64(i*7919) % p.Announced
				flipped := bytes.Clone(image)
				flipped[at] ^= 1 << (i % 8)
				q := firmwaretest.Open(t, flipped, s.keys, Format())
				whole, genuine := firmware.Whole(q), firmware.Genuine(q)
				if covered.Has(at) && (genuine.Answer == firmware.OK && whole.Answer != firmware.No && !padded(p, at) || whole.Answer == firmware.OK) {
					t.Errorf("a flipped bit at %d: %v %v %q", at, whole.Answer, genuine.Answer, genuine.Reasons)
				}
			}
			firmwaretest.Run(t, image, firmwaretest.Options{Keys: s.keys, Blind: seen(t, p, image), Flips: 50, Cuts: 20, Short: func(n int64) bool { return n >= p.Announced }}, Format())
		})
	}
}

// padded reports whether the byte at is one of a padding.
func padded(p *firmware.Part, at int64) bool {
	return slices.ContainsFunc(p.Checks, func(c firmware.Check) bool { return c.Method == "padding" && c.Extent.Has(at) })
}

// seen is what a flipped bit is not told to be wrong in: what is signed in the tree makes the signature fail, not a check.
func seen(t testing.TB, p *firmware.Part, image []byte) block.Set {
	t.Helper()
	out := blind(t, image, nil).Union(p.Unused)
	for _, c := range p.Checks {
		if strings.HasPrefix(c.What, "signed nodes") {
			out.Add(c.Extent)
		}
	}
	return out
}

// control makes a boot loader's tree to put keys into.
func (s *signer) control(t testing.TB) string {
	t.Helper()
	imagetest.Pipe(t, s.dir, nil, "dtc", "-q", "-O", "dtb", "-o", "control.dtb", "control.dts")
	return "control.dtb"
}

// TestNotCovered tells which images a signature does not cover: mkimage leaves the ramdisk out where nobody asks for it.
func TestNotCovered(t *testing.T) {
	s := newSigner(t, "rsa")
	for _, tt := range []struct {
		name   string
		d      its
		change func([]byte) []byte
		want   firmware.Answer
		why    string
	}{
		{"ramdisk", its{hashes: "sha256", sign: signed("sha256,rsa2048", "")}, nil, firmware.CannotTell, "does not cover this image"},
		{"crc", its{hashes: "crc32", sign: signed("sha256,rsa2048", ramdiskToo)}, nil, firmware.CannotTell, "a CRC only, which anyone can forge"},
		{"sha1", its{hashes: "sha1", sign: signed("sha256,rsa2048", ramdiskToo)}, nil, firmware.OK, "weak: its hash can be forged"},
		{"other configuration", its{hashes: "sha256", configs: `default = "conf-2"; conf-1 { kernel = "kernel-1"; fdt = "fdt-1"; ramdisk = "ramdisk-1"; signature-1 { ` + signed("sha256,rsa2048", ramdiskToo) + ` }; }; conf-2 { kernel = "kernel-1"; };`},
			nil, firmware.CannotTell, "others are signed, and it is not"},
		{"more", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo), images: `more { data = "x"; type = "script"; compression = "none"; hash-1 { algo = "sha256"; }; };`}, nil, firmware.CannotTell, `no signature covers script "more"`},
		{"data", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			i := bytes.Index(p, firmwaretest.Noise(5003, 2))
			p[i+9] ^= 1
			return p
		}, firmware.No, "covers a hash, which does not fit the data"},
		{"hash", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			i := bytes.Index(p, []byte("hash-1"))
			p[i+20+4] ^= 1
			return p
		}, firmware.No, "none of 1 keys made it"},
		{"cut", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte { return p[:len(p)-10] }, firmware.CannotTell, "the file ends inside of the tree"},
		{"no root", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			i := bytes.Index(p, []byte("/\x00/configurations/conf-1\x00"))
			p[i] = '\\'
			return p
		}, firmware.CannotTell, "does not cover the root"},
		{"unsigned", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			return bytes.Replace(p, []byte("value\x00"), []byte("velue\x00"), 1)
		}, firmware.CannotTell, "nobody has signed"},
		{"algorithm", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			return bytes.Replace(p, []byte("sha256,rsa2048"), []byte("sha256,xxx2048"), 1)
		}, firmware.CannotTell, "no way of signing that is known"},
		{"strings", its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, func(p []byte) []byte {
			i := bytes.Index(p, []byte("/\x00/configurations/conf-1\x00"))
			p[i-12-1]++ // the property in front is hashed-strings
			return p
		}, firmware.No, "none of 1 keys"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			image := s.make(t, tt.d, "-k", ".")
			if tt.change != nil {
				image = tt.change(bytes.Clone(image))
			}
			v := firmware.Genuine(firmwaretest.Open(t, image, s.keys, Format()))
			if v.Answer != tt.want || !slices.ContainsFunc(v.Reasons, func(r string) bool { return strings.Contains(r, tt.why) }) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestLookAlike is not taken in by nodes whose names older boot loaders take for those that are signed.
func TestLookAlike(t *testing.T) {
	s := newSigner(t, "rsa")
	for _, tt := range []struct{ name, images, configs string }{
		{"image", `kernel-1@evil { data = "x"; type = "kernel"; arch = "arm64"; os = "linux"; compression = "none"; hash-1 { algo = "sha256"; }; };`, ""},
		{"configuration", "", fmt.Sprintf(`default = "conf-1"; conf-1@evil { kernel = "fdt-1"; }; conf-1 { kernel = "kernel-1"; fdt = "fdt-1"; ramdisk = "ramdisk-1"; signature-1 { %s }; };`, signed("sha256,rsa2048", ramdiskToo))},
	} {
		d := its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo), images: tt.images, configs: tt.configs}
		v := firmware.Genuine(firmwaretest.Open(t, s.make(t, d, "-k", "."), s.keys, Format()))
		if v.Answer == firmware.OK || !slices.ContainsFunc(v.Reasons, func(r string) bool { return strings.Contains(r, "could take another") }) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestImages checks signatures over single images.
func TestImages(t *testing.T) {
	for _, algo := range []string{"sha256,rsa2048", "sha256,ecdsa256"} {
		s := newSigner(t, algo)
		for _, args := range layouts {
			image := s.make(t, its{hashes: "sha256", signImages: signed(algo, "")}, append(args, "-k", ".")...)
			p := firmwaretest.Open(t, image, s.keys, Format())
			v := firmware.Genuine(p)
			if v.Answer != firmware.OK || len(v.Reasons) != 3 || !strings.Contains(v.Reasons[0], "weak: no signed configuration") {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image, s.wrong, Format())); v.Answer != firmware.No {
				t.Errorf("wrong key: %v %q", v.Answer, v.Reasons)
			}
			image[child(t, p, "fdt-1").Offset+30] ^= 1
			if v := firmware.Genuine(firmwaretest.Open(t, image, s.keys, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "image fdt-1") {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, image[:len(image)-100], s.keys, Format())); v.Answer == firmware.OK {
				t.Errorf("cut: %v %q", v.Answer, v.Reasons)
			}
		}
	}
}

// TestKeys reads the keys of a boot loader's tree, as mkimage puts them there.
func TestKeys(t *testing.T) {
	b := newBench(t)
	want := []firmware.Key{b.key(t, "dev", rsaKey(t, 2048)), b.key(t, "two", rsaKey(t, 4096)), b.key(t, "three", ecKey(t))}
	imagetest.Pipe(t, b.dir, nil, "dtc", "-q", "-O", "dtb", "-o", "control.dtb", "control.dts")
	for i, algo := range []string{"sha256,rsa2048", "sha256,rsa4096", "sha256,ecdsa256"} {
		args := []string{"-k", ".", "-K", "control.dtb"}
		if i == 0 {
			args = append(args, "-r")
		}
		b.make(t, its{hashes: "sha256", sign: strings.Replace(signed(algo, ""), `"dev"`, `"`+want[i].Name+`"`, 1)}, args...)
	}
	control := b.get(t, "control.dtb")
	got, err := Keys(context.Background(), block.Bytes(control))
	if err != nil || len(got) != 3 {
		t.Fatalf("%v %+v", err, got)
	}
	for _, w := range want {
		der, err := x509.MarshalPKIXPublicKey(w.Public)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(got, func(k firmware.Key) bool { return strings.HasPrefix(k.Name, w.Name) })
		if i < 0 {
			t.Fatalf("no %s in %+v", w.Name, got)
		}
		if other, err := x509.MarshalPKIXPublicKey(got[i].Public); err != nil || !bytes.Equal(der, other) {
			t.Errorf("%s is another key: %v", w.Name, err)
		}
		if w.Name == "dev" && got[i].Name != "dev, which the device requires (conf)" {
			t.Errorf("%q", got[i].Name)
		}
	}
	if keys, err := Keys(context.Background(), block.Bytes(b.get(t, "board.dtb"))); err != nil || len(keys) != 0 {
		t.Errorf("%v %v", keys, err)
	}
	if _, err := Keys(context.Background(), block.Bytes(pem.EncodeToMemory(&pem.Block{Type: "X"}))); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
	for seed := range uint64(2000) { // damage
		p := bytes.Clone(control)
		noise := firmwaretest.Noise(8, seed)
		at := (int(noise[0])<<8 | int(noise[1])) % (len(p) - 6)
		copy(p[at:], noise[2:])
		if _, err := Keys(context.Background(), block.Bytes(p)); err != nil && !errors.Is(err, cursor.ErrNot) && err.Error() == "" {
			t.Fatal(err)
		}
	}
}

// TestForced changes what a signature does not cover and a reader cannot do without: the default configuration, and the version.
func TestForced(t *testing.T) {
	s := newSigner(t, "sha256,rsa2048")
	image := s.make(t, its{hashes: "sha256", sign: signed("sha256,rsa2048", ramdiskToo)}, "-k", ".", "-K", s.control(t), "-r")
	name := bytes.Index(image, []byte("conf-1\x00"))
	for _, tt := range []struct {
		at    int
		bit   byte
		worst firmware.Answer
	}{{name + 1, 1, firmware.No}, {name + 1, 0x80, firmware.No}, {21, 1, firmware.CannotTell}} {
		p := bytes.Clone(image)
		p[tt.at] ^= tt.bit
		if v := firmware.Whole(firmwaretest.Open(t, p, s.keys, Format())); v.Answer != tt.worst {
			t.Errorf("bit %#x at %d: %v %q", tt.bit, tt.at, v.Answer, v.Reasons)
		}
	}
}
