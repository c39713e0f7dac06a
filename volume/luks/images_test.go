package luks

import (
	"archive/tar"
	"bytes"
	"embed"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
	"salvor/volume/volumetest"
)

//go:embed testdata
var testdata embed.FS

// unpacked returns a file of testdata that is compressed with xz.
func unpacked(t testing.TB, name string) io.Reader {
	t.Helper()
	f, err := testdata.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	z, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func image(t testing.TB, name string) []byte {
	t.Helper()
	b, err := io.ReadAll(unpacked(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// members calls fn for each file of an archive that fn wants.
func members(t testing.TB, name string, fn func(name string, b []byte) (more bool)) {
	t.Helper()
	r := tar.NewReader(unpacked(t, name))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !fn(path.Base(h.Name), b) {
			return
		}
	}
}

// landmarks are what a sweep with the probes of the row finds.
func landmarks(b []byte) []probe.Hit { return volumetest.Hits(Lock().Probes, b) }

// only reads the one volume that b holds.
func only(t testing.TB, b []byte, hits ...probe.Hit) volume.Locked {
	t.Helper()
	return volumetest.Locked(t, Lock(), b, hits...)
}

func phrase(s string) volume.Secret {
	return volume.Secret{Kind: volume.Passphrase, Bytes: []byte(s)}
}

func codes(l volume.Locked) string { return volumetest.Codes(l) }

// Every LUKS1 volume of cryptsetup's own tests opens, and holds the file system that they look for.
func TestSampleLUKS1(t *testing.T) {
	var keyFile []byte
	volumes := map[string][]byte{}
	members(t, "luks1-images.tar.xz", func(name string, b []byte) bool {
		if name == "keyfile1" {
			keyFile = b
		} else if strings.HasSuffix(name, ".img") {
			volumes[name] = b
		}
		return true
	})
	if len(volumes) != 12 || keyFile == nil {
		t.Fatalf("%d volumes", len(volumes))
	}
	for name, b := range volumes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := only(t, b)
			// luks1_CIPHER-MODE-IV[-HASH]-HASH.img
			cipher, _, _ := strings.Cut(strings.TrimPrefix(name, "luks1_"), "-")
			if l.Format != "LUKS1" || !strings.HasPrefix(l.Cipher, cipher+"-") || l.UUID == "" || !l.Valid || l.Extent != (block.Extent{Length: 8 << 20}) {
				t.Errorf("%+v", l)
			}
			// The makers overwrote the key material.
			if got := codes(l); got != "keyslot.damaged" {
				t.Errorf("findings %q", got)
			}
			if src, err := l.Open(t.Context(), phrase("wrong")); src != nil || err != volume.ErrWrongSecret {
				t.Errorf("a wrong passphrase: %v", err)
			}
			src, err := l.Open(t.Context(), volume.Secret{Kind: volume.KeyFile, Bytes: keyFile})
			if err != nil {
				t.Fatal(err)
			}
			sector := make([]byte, 512)
			if _, err := src.ReadAt(sector, 0); err != nil || string(sector[3:11]) != "MSDOS5.0" || string(sector[54:62]) != "FAT12   " ||
				!bytes.Equal(sector[39:43], []byte{0xbe, 0xba, 0xad, 0xde}) {
				t.Errorf("%v, %q", err, sector[:64])
			}
		})
	}
}

// The other images of cryptsetup's tests.
func TestSampleHeaders(t *testing.T) {
	for name, want := range map[string]struct{ format, uuid, cipher, findings string }{
		"compatimage.img.xz":    {"LUKS1", "28632274-8c8a-493f-835b-da802e1c576b", "aes-cbc-essiv:sha256, 128-bit key", ""},
		"compatv10image.img.xz": {"LUKS1", "e0d6124b-f9b7-4592-8c27-5adaddb7f1a4", "aes-cbc-plain, 128-bit key", ""},
		"compatimage2.img.xz":   {"LUKS2", "28632274-8c8a-493f-835b-da802e1c576b", "aes-cbc-essiv:sha256, 128-bit key", ""},
	} {
		l := only(t, image(t, name))
		if l.Format != want.format || l.UUID != want.uuid || l.Cipher != want.cipher || !l.Valid || l.Backup || codes(l) != want.findings {
			t.Errorf("%s: %+v, findings %q", name, l, codes(l))
		}
		for _, kind := range []volume.SecretKind{volume.Passphrase, volume.KeyFile} {
			if src, err := l.Open(t.Context(), volume.Secret{Kind: kind, Bytes: []byte("compatkey")}); err != nil || src.Size() < 512 {
				t.Errorf("%s, %s: %v", name, kind, err)
			}
			if _, err := l.Open(t.Context(), volume.Secret{Kind: kind, Bytes: []byte("compatkey\n")}); err != volume.ErrWrongSecret {
				t.Errorf("%s, %s: a wrong one: %v", name, kind, err)
			}
		}
	}
	l := only(t, image(t, "valid_header_file.xz"))
	if codes(l) != "keyslot.none" || len(l.Needs) != 2 || l.Needs[0].Kind != volume.VolumeKey {
		t.Errorf("findings %q, needs %v", codes(l), l.Needs)
	}
	if _, err := l.Open(t.Context(), phrase("x")); err == nil || errors.Is(err, volume.ErrWrongSecret) {
		t.Errorf("no slot calls a passphrase wrong: %v", err)
	}
}

// LUKS2 has headers of nine sizes; of each the second is found, with the first one or without.
func TestSampleSizes(t *testing.T) {
	sizes := 0
	members(t, "luks2_mda_images.tar.xz", func(name string, b []byte) bool {
		sizes++
		l := only(t, b)
		if l.Format != "LUKS2" || l.UUID != "f453a131-2739-4fbb-af7e-963f442ad433" || codes(l) != "" || !l.Valid || l.Header != 0 {
			t.Errorf("%s: %+v", name, l)
		}
		if _, err := l.Open(t.Context(), phrase("x")); err != volume.ErrWrongSecret {
			t.Errorf("%s: %v", name, err)
		}
		size, err := strconv.Atoi(strings.TrimPrefix(name, "test_image_"))
		if err != nil {
			t.Fatal(err)
		}
		// All of the first MiB, where the second header stands behind it.
		clear(b[:min(size<<10, 1<<20)])
		second := only(t, b)
		if second.Valid != true || !second.Backup || second.Header == 0 || second.UUID != l.UUID || second.Extent != l.Extent || codes(second) != "header.damaged" {
			t.Errorf("%s without its first header: %+v", name, second)
		}
		return sizes < 9
	})
	if sizes != 9 {
		t.Errorf("%d sizes", sizes)
	}
}
