package mender

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// maker is a folder in which artifacts are made with Mender's own tool.
type maker struct{ *imagetest.Dir }

func newMaker(t testing.TB) *maker {
	t.Helper()
	m := &maker{imagetest.NewDir(t)}
	m.Write(t, "rootfs.ext4", firmwaretest.Noise(20_000, 1))
	m.Write(t, "second", firmwaretest.Noise(700, 2))
	m.Write(t, "ArtifactInstall_Enter_00", []byte("#!/bin/sh\n"))
	return m
}

// pairs makes keys of each kind, with their public ones.
func (m *maker) pairs(t testing.TB) {
	t.Helper()
	m.Run(t, "openssl", "genrsa", "-traditional", "-out", "rsa.key", "3072")
	m.Run(t, "openssl", "rsa", "-in", "rsa.key", "-pubout", "-out", "rsa.pub")
	m.Run(t, "openssl", "ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", "ec.key")
	m.Run(t, "openssl", "ec", "-in", "ec.key", "-pubout", "-out", "ec.pub")
	m.Run(t, "openssl", "genpkey", "-algorithm", "ed25519", "-out", "ed.key")
	m.Run(t, "openssl", "pkey", "-in", "ed.key", "-pubout", "-out", "ed.pub")
}

// artifact makes one of two files for an update module.
func (m *maker) artifact(t testing.TB, args ...string) []byte {
	t.Helper()
	m.Run(t, "mender-artifact", append([]string{"write", "module-image", "-T", "copier", "-n", "release-2", "-t", "beaglebone", "-t", "rpi4", "-o", "a.mender", "-f", "rootfs.ext4", "-f", "second",
		"--software-version", "1.2.3", "-s", "ArtifactInstall_Enter_00"}, args...)...)
	return m.Read(t, "a.mender")
}

// judged asks the tool itself whether an artifact is good.
func (m *maker) judged(t testing.TB, p []byte, args ...string) error {
	t.Helper()
	m.Write(t, "judged.mender", p)
	_, err := m.Try(t, "mender-artifact", append([]string{"validate"}, append(args, "judged.mender")...)...)
	return err
}

// file finds a part by its name, as deep as it stands.
func file(t testing.TB, p *firmware.Part, name string) (out *firmware.Part) {
	t.Helper()
	p.Walk(func(x *firmware.Part, _ int) bool {
		if x.Name == name && out == nil {
			out = x
		}
		return out == nil
	})
	if out == nil {
		t.Fatalf("no %s", name)
	}
	return out
}

func TestArtifacts(t *testing.T) {
	m := newMaker(t)
	for _, compression := range []string{"none", "gzip", "lzma"} {
		t.Run(compression, func(t *testing.T) {
			p := m.artifact(t, "--compression", compression)
			part := firmwaretest.Open(t, p, nil, Format())
			if v := firmware.Whole(part); v.Answer != firmware.OK {
				t.Errorf("%v %q, uncovered %v", v.Answer, v.Reasons, part.Uncovered().Extents())
			}
			if err := m.judged(t, p); err != nil {
				t.Errorf("mender-artifact says %v", err)
			}
			if part.Title != "Mender artifact, version 3" || part.Version != "release-2" || len(part.Claims) != 1 || strings.Join(part.Claims[0].Values, " ") != "beaglebone rpi4" {
				t.Errorf("%q %q %v", part.Title, part.Version, part.Claims)
			}
			root := file(t, part, "rootfs.ext4")
			if got, err := io.ReadAll(block.Reader(root.Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(20_000, 1)) {
				t.Errorf("the file is another: %v", err)
			}
			if f := part.Findings[0]; f.Code != "firmware.mender.scripts" || f.Found != "ArtifactInstall_Enter_00" {
				t.Errorf("%v", part.Findings)
			}
			if v := firmware.Genuine(part); v.Answer != firmware.CannotTell {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: "qemu", From: "device_type"}}}
			if v := firmware.Fits(part, d); v.Answer != firmware.No {
				t.Errorf("another device: %v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestRootFS has a root file system in both versions of the format.
func TestRootFS(t *testing.T) {
	m := newMaker(t)
	m.Run(t, "mke2fs", "-q", "-F", "-t", "ext4", "-d", ".", "fs.ext4", "1M")
	for _, version := range []string{"2", "3"} {
		m.Run(t, "mender-artifact", "write", "rootfs-image", "-v", version, "-n", "release-"+version, "-t", "rpi4", "-o", "a.mender", "-f", "fs.ext4")
		p := m.Read(t, "a.mender")
		part := firmwaretest.Open(t, p, nil, Format())
		if v := firmware.Whole(part); v.Answer != firmware.OK || part.Title != "Mender artifact, version "+version || part.Version != "release-"+version {
			t.Errorf("%v %q, %q %q", v.Answer, v.Reasons, part.Title, part.Version)
		}
		if root := file(t, part, "fs.ext4"); root.Role != firmware.RootFS || len(root.Installs) != 1 || root.Installs[0] != (firmware.Install{Where: "rootfs", Needs: 1 << 20}) {
			t.Errorf("%s %+v", root.Role, root.Installs)
		}
		if len(part.Claims) != 1 || part.Claims[0].Values[0] != "rpi4" || m.judged(t, p) != nil {
			t.Errorf("%v", part.Claims)
		}
	}
}

// packed are the bytes of packed payloads that nothing sees: what came out of them is proven.
func packed(t testing.TB, p []byte) (s block.Set) {
	t.Helper()
	for _, c := range firmwaretest.Open(t, p, nil, Format()).Children {
		for e := range c.Unused.All() {
			s.Add(e.Shift(c.Offset))
		}
	}
	return s
}

func TestRun(t *testing.T) {
	m := newMaker(t)
	m.pairs(t)
	for _, compression := range []string{"none", "gzip"} {
		p := m.artifact(t, "--compression", compression, "-k", "rsa.key")
		keys := m.Keys(t, "rsa.pub")
		unseen := packed(t, p)
		// A changed signature is a wrong one: whether it was changed or another's, nothing tells.
		sig := file(t, firmwaretest.Open(t, p, keys, Format()), "manifest.sig")
		firmwaretest.Run(t, p, firmwaretest.Options{Blind: unseen.Union(block.SetOf(block.Extent{Offset: sig.Offset, Length: sig.Size})), Keys: keys, Flips: 200, Cuts: 60}, Format())
		// Of the packed bytes each that matters is seen, and what is not seen changes nothing.
		for e := range unseen.All() {
			for at := e.Offset; at < e.End(); at += 97 {
				q := bytes.Clone(p)
				q[at] ^= 4
				part := firmwaretest.Open(t, q, keys, Format())
				if firmware.Whole(part).Answer != firmware.OK {
					continue
				}
				if got, err := io.ReadAll(block.Reader(file(t, part, "rootfs.ext4").Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(20_000, 1)) {
					t.Errorf("a flipped bit at %d changes what is installed and is not seen", at)
				}
			}
		}
	}
}

func TestSignatures(t *testing.T) {
	m, other := newMaker(t), newMaker(t)
	m.pairs(t)
	other.pairs(t)
	for _, tt := range []struct{ key, method string }{{"rsa", "RSA-3072 with SHA-256, PKCS#1"}, {"ec", "ECDSA P-256 with SHA-256"}, {"ed", "Ed25519"}} {
		t.Run(tt.key, func(t *testing.T) {
			var p []byte
			if tt.key == "ed" {
				p = m.edited(t, m.artifact(t))
			} else {
				p = m.artifact(t, "-k", tt.key+".key")
				if err := m.judged(t, p, "-k", tt.key+".pub"); err != nil {
					t.Errorf("mender-artifact says %v", err)
				}
				if err := m.judged(t, p, "-k", filepath.Join(other.Path, tt.key+".pub")); err == nil {
					t.Error("mender-artifact takes another key")
				}
			}
			part := firmwaretest.Open(t, p, m.Keys(t, tt.key+".pub"), Format())
			if v := firmware.Genuine(part); v.Answer != firmware.OK || !strings.HasPrefix(v.Reasons[0], tt.method) {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Whole(part); v.Answer != firmware.OK {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, p, other.Keys(t, tt.key+".pub"), Format())); v.Answer != firmware.No {
				t.Errorf("another key: %v %q", v.Answer, v.Reasons)
			}
			if v := firmware.Genuine(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "no key was given") {
				t.Errorf("no key: %v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// edited signs an artifact with Ed25519, which the tool does not.
func (m *maker) edited(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(p)), tar.NewWriter(&b)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		h.Format = tar.FormatUSTAR
		put(t, w, h, data)
		if h.Name == "manifest" {
			m.Write(t, "manifest", data)
			m.Run(t, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", "ed.key", "-in", "manifest", "-out", "sig")
			sig := []byte(base64.StdEncoding.EncodeToString(m.Read(t, "sig")))
			put(t, w, &tar.Header{Name: "manifest.sig", Mode: 0o600, Size: int64(len(sig)), Format: tar.FormatUSTAR}, sig)
		}
	}
	w.Close()
	return b.Bytes()
}

func put(t testing.TB, w *tar.Writer, h *tar.Header, p []byte) {
	t.Helper()
	if err := w.WriteHeader(h); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(p); err != nil {
		t.Fatal(err)
	}
}

// TestAugmented has files that were added behind the signature.
func TestAugmented(t *testing.T) {
	m := newMaker(t)
	p := m.artifact(t, "--compression", "none", "--augment-file", "ArtifactInstall_Enter_00", "--augment-type", "other", "--augment-provides", "a:b", "-d", "rootfs-image.checksum:abcd", "-N", "release-1")
	part := firmwaretest.Open(t, p, nil, Format())
	if v := firmware.Whole(part); v.Answer != firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	var codes []string
	for _, f := range part.Findings {
		codes = append(codes, f.Code+" "+f.Found)
	}
	if all := strings.Join(codes, "\n"); !strings.Contains(all, "augmented data/0000/ArtifactInstall_Enter_00, header-augment.tar") || !strings.Contains(all, "depends rootfs-image.checksum=abcd") {
		t.Errorf("%q", codes)
	}
	if len(part.Claims) != 2 || part.Claims[1].Kind != firmware.ExactSource || part.Claims[1].Values[0] != "release-1" {
		t.Errorf("%v", part.Claims)
	}
}

// TestJudged changes artifacts and asks mender-artifact what it says.
func TestJudged(t *testing.T) {
	m := newMaker(t)
	good := m.artifact(t, "--compression", "none")
	payload := bytes.Index(good, firmwaretest.Noise(20_000, 1)[:32])
	sum := sha256.Sum256(firmwaretest.Noise(20_000, 1))
	line := bytes.Index(good, []byte(hex.EncodeToString(sum[:])))
	info := bytes.Index(good, []byte(`"beaglebone"`))
	for _, at := range []int{payload, payload + 19_999, line, info + 3} {
		p := bytes.Clone(good)
		p[at] ^= 1
		if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.No {
			t.Errorf("a flipped bit at %d: %v %q", at, v.Answer, v.Reasons)
		}
		if m.judged(t, p) == nil {
			t.Errorf("mender-artifact takes a flipped bit at %d", at)
		}
	}
}

// TestVersions: a version that is not read is not called bad.
func TestVersions(t *testing.T) {
	for version, want := range map[string]firmware.Answer{"1": firmware.CannotTell, "4": firmware.CannotTell, "x": firmware.No, "-1": firmware.No} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		p := []byte(`{"format":"mender","version":` + version + `}`)
		put(t, w, &tar.Header{Name: "version", Mode: 0o600, Size: int64(len(p)), Format: tar.FormatUSTAR}, p)
		w.Close()
		if v := firmware.Whole(firmwaretest.Open(t, b.Bytes(), nil, Format())); v.Answer != want {
			t.Errorf("%s: %v %q", version, v.Answer, v.Reasons)
		}
	}
}

func TestLook(t *testing.T) {
	for _, p := range [][]byte{nil, firmwaretest.Noise(4096, 1), make([]byte, 4096), []byte("version\x00")} {
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

func TestManifest(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	if l, err := parseManifest([]byte(sum + "  data/0000/a b\n" + sum + "  version\n")); err != nil || len(l) != 2 || l[0].name != "data/0000/a b" {
		t.Errorf("%v, %v", l, err)
	}
	for _, s := range []string{"x", sum, sum + " a\n", sum + "  \n", strings.ToUpper(sum) + "  a\n", "0a  a\n", "\n", strings.Repeat(sum+"  a\n", maxLines+1)} {
		if _, err := parseManifest([]byte(s)); err == nil {
			t.Errorf("%.80q: no error", s)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f)
	m.Write(f, "rootfs.ext4", firmwaretest.Noise(500, 1))
	f.Add(m.artifact(f, "--compression", "none"))
	f.Add(m.artifact(f, "--compression", "gzip"))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
