package rauc

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// maker is a folder with an authority, in which bundles are made.
type maker struct{ *imagetest.Dir }

func newMaker(t testing.TB) *maker {
	t.Helper()
	m := &maker{imagetest.NewDir(t)}
	m.Run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "3650", "-subj", "/O=Maker/CN=ca")
	m.Run(t, "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "signer.key", "-out", "signer.csr", "-subj", "/O=Maker/CN=signer")
	m.Write(t, "ext", []byte("extendedKeyUsage=codeSigning,emailProtection\n"))
	m.Run(t, "openssl", "x509", "-req", "-in", "signer.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "300", "-extfile", "ext", "-out", "signer.pem")
	return m
}

var (
	rootfs = firmwaretest.Noise(700_000, 1)
	boot   = bytes.Repeat([]byte("u-boot "), 5000)
)

// bundle makes a bundle with rauc itself.
func (m *maker) bundle(t testing.TB, format string) []byte {
	t.Helper()
	os.RemoveAll(filepath.Join(m.Path, "in"))
	os.Remove(filepath.Join(m.Path, "out.raucb"))
	m.Write(t, "in/rootfs.img", rootfs)
	m.Write(t, "in/u-boot.img", boot)
	m.Write(t, "in/hook.sh", []byte("#!/bin/sh\n"))
	m.Write(t, "in/manifest.raucm", fmt.Appendf(nil, `[update]
compatible=Test Board
version=2026.1
build=b7

[bundle]
format=%s

[hooks]
filename=hook.sh

[image.rootfs]
filename=rootfs.img
hooks=post-install

[image.bootloader]
filename=u-boot.img
`, format))
	m.Run(t, "rauc", "--cert", "signer.pem", "--key", "signer.key", "bundle", "in", "out.raucb")
	return m.Read(t, "out.raucb")
}

// judged asks rauc itself whether a bundle is good. It checks the signature, and of verity bundles nothing else.
func (m *maker) judged(t testing.TB, p []byte, keyring string) (string, error) {
	t.Helper()
	m.Write(t, "judged.raucb", p)
	return m.Try(t, "rauc", "--keyring", keyring, "info", "judged.raucb")
}

func find(t testing.TB, p *firmware.Part, name string) *firmware.Part {
	t.Helper()
	for _, c := range p.Children {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no %s among %d parts", name, len(p.Children))
	return nil
}

func TestBundles(t *testing.T) {
	m, other := newMaker(t), newMaker(t)
	for _, format := range []string{"plain", "verity", "crypt"} {
		t.Run(format, func(t *testing.T) {
			p := m.bundle(t, format)
			part := firmwaretest.Open(t, p, m.Keys(t, "ca.pem"), Format())
			if v := firmware.Whole(part); v.Answer != firmware.OK || part.Title != "RAUC bundle, "+format || part.Version != "2026.1" {
				t.Errorf("%v %q, %q, uncovered %v", v.Answer, v.Reasons, part.Title, part.Uncovered().Extents())
			}
			if v := firmware.Genuine(part); v.Answer != firmware.OK || !strings.Contains(v.Reasons[0], "CN=signer") {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if said, err := m.judged(t, p, "ca.pem"); err != nil || !strings.Contains(said, "Test Board") {
				t.Errorf("rauc says %v: %s", err, said)
			}
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Compatible, Value: "Other Board", From: "system.conf"}}}
			if v := firmware.Fits(part, d); v.Answer != firmware.No {
				t.Errorf("another board: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell {
				t.Errorf("without a key: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, p, other.Keys(t, "signer.pem"), Format())); v.Answer != firmware.CannotTell {
				t.Errorf("another key: %v %q", v.Answer, v.Reasons)
			}
			// An authority of the same name that did not issue the certificate.
			if v := firmware.Genuine(firmwaretest.Open(t, p, other.Keys(t, "ca.pem"), Format())); v.Answer != firmware.No {
				t.Errorf("another authority: %v %q", v.Answer, v.Reasons)
			}
			if _, err := m.judged(t, p, filepath.Join(other.Path, "ca.pem")); err == nil {
				t.Error("rauc takes another authority")
			}
			if format == "crypt" {
				if len(part.Installs) != 2 || part.Findings[0].Code != "firmware.rauc.encrypted" {
					t.Errorf("%v %v", part.Installs, part.Findings)
				}
				return
			}
			root, loader := find(t, part, "rootfs.img"), find(t, part, "u-boot.img")
			if got, err := io.ReadAll(block.Reader(root.Source)); err != nil || !bytes.Equal(got, rootfs) || root.Role != firmware.RootFS {
				t.Errorf("the root file system is another: %v", err)
			}
			if root.Installs[0] != (firmware.Install{Where: "rootfs", Needs: int64(len(rootfs))}) || !loader.Installs[0].Loader || len(firmware.Warnings(part)) == 0 {
				t.Errorf("%v %v", root.Installs, loader.Installs)
			}
			if find(t, part, "hook.sh").Role != firmware.Script || part.Findings[0].Code != "firmware.rauc.hooks" || part.Findings[0].Found != "rootfs: post-install" {
				t.Errorf("%v", part.Findings)
			}
		})
	}
}

// signatureOf returns where the CMS message of a bundle stands.
func signatureOf(p []byte) block.Extent {
	n := int64(binary.BigEndian.Uint64(p[len(p)-8:]))
	return block.Extent{Offset: int64(len(p)) - 8 - n, Length: n}
}

func TestRun(t *testing.T) {
	m := newMaker(t)
	rootfs, boot = rootfs[:90_000], boot[:7000] // for many rounds
	for _, format := range []string{"plain", "verity", "crypt"} {
		t.Run(format, func(t *testing.T) {
			p := m.bundle(t, format)
			keys := m.Keys(t, "ca.pem")
			firmwaretest.Run(t, p, firmwaretest.Options{Blind: block.SetOf(signatureOf(p)), Keys: keys, Flips: 150, Cuts: 60}, Format())
			// In the signature itself nothing may change and be whole and genuine; where it hides who signed, it cannot be told.
			for at := signatureOf(p).Offset; at < signatureOf(p).End(); at += 7 {
				q := bytes.Clone(p)
				q[at] ^= 1 << (at % 8)
				part := firmwaretest.Open(t, q, keys, Format())
				if firmware.Whole(part).Answer == firmware.OK && firmware.Genuine(part).Answer == firmware.OK {
					t.Errorf("a flipped bit at %d of the signature is not seen", at)
				}
			}
		})
	}
}

// TestBlocks names the block of a verity bundle that was changed, which rauc info does not look at.
func TestBlocks(t *testing.T) {
	m := newMaker(t)
	p := m.bundle(t, "verity")
	p[3*hashBlock+17] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, p, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "the first of 1 blocks that are not what they were is at 12288") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	p[3*hashBlock+17] ^= 1
	p[signatureOf(p).Offset-hashBlock] ^= 1 // the tree
	v = firmware.Whole(firmwaretest.Open(t, p, nil, Format()))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "tree of hashes") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestCut: a bundle that lost its end is still told as one.
func TestCut(t *testing.T) {
	m := newMaker(t)
	p := m.bundle(t, "plain")
	part := firmwaretest.Open(t, p[:signatureOf(p).Offset+100], m.Keys(t, "ca.pem"), Format())
	if v := firmware.Whole(part); v.Answer != firmware.No || part.Version != "2026.1" || !strings.Contains(v.Reasons[0], "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(part); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestEncrypted names a bundle whose signature is encrypted for the devices.
func TestEncrypted(t *testing.T) {
	m := newMaker(t)
	m.bundle(t, "crypt")
	m.Run(t, "rauc", "encrypt", "--to", "signer.pem", "--keyring", "ca.pem", "out.raucb", "encrypted.raucb")
	part := firmwaretest.Open(t, m.Read(t, "encrypted.raucb"), m.Keys(t, "ca.pem"), Format())
	if v := firmware.Whole(part); part.Format != "rauc" || v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "encrypted for the devices") {
		t.Errorf("%q %v %q", part.Format, v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(part); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestIndex: the sum of an image that casync took apart is not that of its index.
func TestIndex(t *testing.T) {
	m := newMaker(t)
	m.bundle(t, "plain")
	m.Run(t, "unsquashfs", "-quiet", "-no-progress", "-d", "unpacked", "out.raucb")
	m.Write(t, "unpacked/rootfs.img.caibx", []byte("index"))
	m.Write(t, "unpacked/manifest.raucm", bytes.Replace(m.Read(t, "unpacked/manifest.raucm"), []byte("filename=rootfs.img"), []byte("filename=rootfs.img.caibx"), 1))
	m.Run(t, "mksquashfs", "unpacked", "payload", "-quiet", "-no-progress", "-noappend", "-all-root")
	m.Run(t, "openssl", "cms", "-sign", "-binary", "-in", "payload", "-outform", "DER", "-out", "cms", "-signer", "signer.pem", "-inkey", "signer.key")
	p, sig := m.Read(t, "payload"), m.Read(t, "cms")
	p = binary.BigEndian.AppendUint64(append(p, sig...), uint64(len(sig)))
	part := firmwaretest.Open(t, p, m.Keys(t, "ca.pem"), Format())
	if v := firmware.Whole(part); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "store of chunks") || firmware.Genuine(part).Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if x := find(t, part, "rootfs.img.caibx"); len(x.Installs) != 1 || x.Installs[0].Needs != 0 {
		t.Errorf("%+v", x.Installs)
	}
}

func TestLook(t *testing.T) {
	m := newMaker(t)
	m.Write(t, "dir/file", rootfs[:5000])
	m.Run(t, "mksquashfs", "dir", "plain.squashfs", "-quiet")
	for _, p := range [][]byte{m.Read(t, "plain.squashfs"), firmwaretest.Noise(5000, 1), nil, append(make([]byte, 4096), 0, 0, 0, 0, 0, 0, 2, 0)} {
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f)
	rootfs, boot = rootfs[:9000], boot[:700]
	f.Add(m.bundle(f, "plain"))
	f.Add(m.bundle(f, "verity"))
	keys := m.Keys(f, "ca.pem")
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, keys, Format())
	})
}

// TestAroundManifest changes the version of the message that a manifest stands in: the sum of the manifest does not cover it.
func TestAroundManifest(t *testing.T) {
	m := newMaker(t)
	p := m.bundle(t, "verity")
	at := bytes.Index(p[signatureOf(p).Offset:], []byte{2, 1, 1, 0x31}) + 2
	p[signatureOf(p).Offset+int64(at)] ^= 4
	if v := firmware.Whole(firmwaretest.Open(t, p, m.Keys(t, "ca.pem"), Format())); v.Answer == firmware.OK {
		t.Errorf("%q", v.Reasons)
	}
}
