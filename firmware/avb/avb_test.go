package avb

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/avbmeta"
	"salvor/firmware/internal/avbtest"
)

var (
	once  sync.Once
	pairs [2]*rsa.PrivateKey
)

func keys(t testing.TB) (a, b *rsa.PrivateKey) {
	t.Helper()
	once.Do(func() {
		for i := range pairs {
			k, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				t.Fatal(err)
			}
			pairs[i] = k
		}
	})
	return pairs[0], pairs[1]
}

func made(t testing.TB, x avbtest.Image) []byte {
	t.Helper()
	p, err := avbtest.Make(x)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func given(name string, k *rsa.PrivateKey) []firmware.Key {
	return []firmware.Key{{Name: name, Public: &k.PublicKey}}
}

var (
	boot = firmwaretest.Noise(20_000, 1)
	salt = []byte("some salt")
)

func full(t testing.TB, sha512 bool) []byte {
	t.Helper()
	a, b := keys(t)
	return made(t, avbtest.Image{Key: a, SHA512: sha512, Index: 7, Descriptors: [][]byte{
		avbtest.Hash("boot", boot, salt), avbtest.Chain("vbmeta_system", 1, avbtest.Blob(&b.PublicKey)), avbtest.Property("com.android.build.boot.os_version", "14"),
		avbtest.CommandLine("dm=\"1 vroot none ro 1\""), avbtest.Tree("system", "sha256", 1<<20, block.Extent{Offset: 1 << 20, Length: 12288}, block.Extent{}, 0, salt, make([]byte, 32))}})
}

func codes(p *firmware.Part) (out []string) {
	for _, f := range p.Findings {
		out = append(out, f.Code)
	}
	return out
}

// TestMeta holds vbmeta images to the promises of all formats: hash, signature and gaps cover every byte.
func TestMeta(t *testing.T) {
	a, b := keys(t)
	for _, sha512 := range []bool{false, true} {
		image := full(t, sha512)
		p := firmwaretest.Open(t, image, nil, Formats()...)
		if p.Format != "android-vbmeta" || p.Announced != int64(len(image)) || !strings.HasSuffix(p.Title, "_RSA2048, avbtool 1.3.0") {
			t.Errorf("%q %q %d", p.Format, p.Title, p.Announced)
		}
		if got, want := codes(p), []string{"avb.rollback", "avb.partition", "avb.chain", "avb.property", "avb.command-line", "avb.partition"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		sum := sha256.Sum256(slices.Concat(salt, boot))
		if f := p.Findings[1]; f.Expected != hex.EncodeToString(sum[:]) || !strings.Contains(f.Text, "partition boot must have the sha256") {
			t.Errorf("%q", f.Text)
		}
		if len(p.Claims) != 1 || p.Claims[0].Kind != firmware.Rollback || p.Claims[0].Values[0] != "7" {
			t.Errorf("%+v", p.Claims)
		}
		meta := Formats()[1]
		firmwaretest.Run(t, image, firmwaretest.Options{}, meta)
		firmwaretest.Run(t, append(bytes.Clone(image), make([]byte, 65536-len(image))...), firmwaretest.Options{Short: func(n int64) bool { return n >= int64(len(image)) }}, meta)
		for _, tt := range []struct {
			keys   []firmware.Key
			answer firmware.Answer
			reason string
		}{
			{given("maker", a), firmware.OK, "fits the key maker"},
			{append(given("other", b), given("maker", a)...), firmware.OK, "fits the key maker"},
			{given("other", b), firmware.CannotTell, "not among those"},
			{nil, firmware.CannotTell, "no key was given"},
		} {
			v := firmware.Genuine(firmwaretest.Open(t, image, tt.keys, meta))
			if v.Answer != tt.answer || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.reason) || !strings.Contains(v.Reasons[0], avbmeta.KeyDigest(avbtest.Blob(&a.PublicKey))) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
		}
		forged := made(t, avbtest.Image{Key: b, Descriptors: [][]byte{avbtest.Hash("boot", boot, salt)}}) // whole, and by somebody else
		p = firmwaretest.Open(t, forged, given("maker", a), meta)
		if firmware.Genuine(p).Answer == firmware.OK || firmware.Whole(p).Answer != firmware.OK {
			t.Errorf("%v %v", firmware.Genuine(p), firmware.Whole(p))
		}
	}
}

// TestFlags says loudly that verification is off, and calls an image without a signature neither whole nor genuine.
func TestFlags(t *testing.T) {
	a, _ := keys(t)
	p := firmwaretest.Open(t, made(t, avbtest.Image{Key: a, Flags: 3}), nil, Formats()...)
	if got := codes(p); !slices.Equal(got[:2], []string{"avb.verification-disabled", "avb.hashtree-disabled"}) || p.Findings[0].Severity != finding.Error {
		t.Errorf("%q", got)
	}
	p = firmwaretest.Open(t, made(t, avbtest.Image{Descriptors: [][]byte{avbtest.Hash("boot", boot, salt)}}), nil, Formats()...)
	if firmware.Whole(p).Answer != firmware.CannotTell || firmware.Genuine(p).Answer != firmware.CannotTell || !slices.Contains(codes(p), "avb.not-signed") {
		t.Errorf("%v %v %q", firmware.Whole(p), firmware.Genuine(p), codes(p))
	}
}

// TestFooter holds a partition with a footer to the promises of all formats, its image by its hash.
func TestFooter(t *testing.T) {
	a, b := keys(t)
	meta := made(t, avbtest.Image{Key: a, Index: 3, Descriptors: [][]byte{avbtest.Hash("boot", boot, salt), avbtest.Property("a", "b")}})
	image := avbtest.Footed(boot, len(boot), meta, 64<<10)
	p := firmwaretest.Open(t, image, given("maker", a), Formats()...)
	if p.Format != "android-avb-footer" || len(p.Children) != 2 || p.Children[0].Name != "boot" || p.Children[0].Role != firmware.Kernel || p.Children[0].Size != int64(len(boot)) || len(p.Claims) != 0 {
		t.Errorf("%q, %d parts, %v", p.Format, len(p.Children), p.Role)
	}
	if len(p.Installs) != 1 || p.Installs[0].Where != "boot" || p.Installs[0].Needs != 64<<10 {
		t.Errorf("%+v", p.Installs)
	}
	if v := firmware.Genuine(p); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{}, Formats()...)
	for _, tt := range []struct {
		name   string
		at     int
		reason string
	}{
		{"image", 100, "image of Android partition image"}, {"gap", 30_000, "gap of"}, {"vbmeta", len(boot) + 480 + 300, "vbmeta"},
	} {
		bad := bytes.Clone(image)
		bad[tt.at] ^= 1
		q := firmwaretest.Open(t, bad, given("maker", a), Formats()...)
		if v := firmware.Whole(q); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], tt.reason) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
		if v := firmware.Genuine(q); tt.name == "image" && v.Answer != firmware.No {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
	old := bytes.Clone(image) // a partition that held a larger image before
	copy(old[24<<10:56<<10], firmwaretest.Noise(32<<10, 8))
	if v := firmware.Whole(firmwaretest.Open(t, old, nil, Formats()...)); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "the rest of an older image") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	// A footer that names another size, and a vbmeta image that is about another partition's image.
	for _, wrong := range [][]byte{avbtest.Footed(boot, len(boot)-1, meta, 64<<10), avbtest.Footed(boot, len(boot), meta[:len(meta)-64], 64<<10)} {
		if v := firmware.Whole(firmwaretest.Open(t, wrong, nil, Formats()...)); v.Answer != firmware.No {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
	}
	if v := firmware.Genuine(firmwaretest.Open(t, image, given("other", b), Formats()...)); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestTree holds a file system's image with a hash tree in front of the footer to the promises of all formats.
func TestTree(t *testing.T) {
	a, _ := keys(t)
	data := firmwaretest.Noise(4*4096, 3)
	level := []byte{}
	for i := 0; i < len(data); i += 4096 {
		h := sha256.Sum256(slices.Concat(salt, data[i:i+4096]))
		level = append(level, h[:]...)
	}
	level = append(level, make([]byte, 4096-len(level))...)
	root := sha256.Sum256(slices.Concat(salt, level))
	d := avbtest.Tree("system", "sha256", int64(len(data)), block.Extent{Offset: int64(len(data)), Length: 4096}, block.Extent{}, 0, salt, root[:])
	image := avbtest.Footed(slices.Concat(data, level), len(data), made(t, avbtest.Image{Key: a, Descriptors: [][]byte{d}}), 48<<10)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if v := firmware.Whole(p); v.Answer != firmware.OK || p.Children[0].Name != "system" || p.Children[0].Role != firmware.RootFS {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{}, Formats()...)
}

// TestBeside holds images of a package against the vbmeta image in it.
func TestBeside(t *testing.T) {
	a, b := keys(t)
	root := firmwaretest.Open(t, full(t, false), given("maker", a), Formats()...)
	image := &firmware.Part{Name: "boot.img", Size: int64(len(boot)), Source: block.Bytes(boot)}
	chained := made(t, avbtest.Image{Key: b, Index: 99})
	system := firmwaretest.Open(t, chained, nil, Formats()...)
	root.Name, system.Name = "vbmeta.img", "vbmeta_system.img"
	name := func(p *firmware.Part) string { return avbmeta.Partition(p.Name) }
	avbmeta.Beside(context.Background(), []*firmware.Part{root, image, system}, name)
	if len(image.Checks) != 1 || image.Checks[0].State != firmware.Passed || !strings.Contains(image.Checks[0].What, "by the vbmeta image") {
		t.Errorf("%+v", image.Checks)
	}
	if len(image.Signatures) != 1 || image.Signatures[0].State != firmware.Passed {
		t.Errorf("%+v", image.Signatures)
	}
	if c := system.Checks[len(system.Checks)-1]; c.Method != "AVB chain" || c.State != firmware.Passed || len(system.Claims) != 0 || len(root.Claims) != 1 {
		t.Errorf("%+v, %d claims", c, len(system.Claims))
	}
	wrong := bytes.Clone(boot)
	wrong[9] ^= 1
	image = &firmware.Part{Name: "boot.img", Size: int64(len(boot)), Source: block.Bytes(wrong)}
	other := firmwaretest.Open(t, made(t, avbtest.Image{Key: a}), nil, Formats()...)
	other.Name = "vbmeta_system.img"
	avbmeta.Beside(context.Background(), []*firmware.Part{root, image, other}, name)
	if image.Checks[0].State != firmware.Failed || image.Signatures[0].State != firmware.Failed || other.Checks[len(other.Checks)-1].State != firmware.Failed {
		t.Errorf("%+v %+v", image.Checks, image.Signatures)
	}
}

func FuzzOpen(f *testing.F) {
	a, _ := keys(f)
	f.Add(full(f, false))
	f.Add(avbtest.Footed(boot, len(boot), made(f, avbtest.Image{Key: a, Descriptors: [][]byte{avbtest.Hash("boot", boot, salt)}}), 64<<10))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatal(x.Name, x.Offset, x.Size)
			}
			return true
		})
	})
}
