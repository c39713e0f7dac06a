package swu

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/cpio"
)

const sample = `/* as makers write it */
software =
{
	version = "2.3";
	description = "a " "test"; # two strings are one
	hardware-compatibility: [ "1.0", "#RE:^1\\.[12]$" ];
	stable : {
		main: {
			images: (
				{ filename = "rootfs.gz"; device = "/dev/mmcblk0p2"; type = "raw"; compressed = "zlib"; installed-directly = true; sha256 = "@rootfs.gz@"; },
				{ filename = "kernel"; device = "/dev/mmcblk0p1"; offset = "16K"; name = "kernel"; version = "6.1.2"; sha256 = "@kernel@" }
			);
			bootenv: ( { name = "bootpart"; value = "0:2"; } );
		};
		alt = {
			images: (
				{ filename = "rootfs.gz"; device = "/dev/mmcblk0p3"; type = "raw"; compressed = "zlib"; sha256 = "@rootfs.gz@"; }
			);
			files: ( { filename = "settings"; path = "/etc/settings"; device = "/dev/mmcblk0p5"; filesystem = "ext4"; sha256 = "@settings@"; } );
		};
		other = { ref = "#./main"; };
	};
	scripts: ( { filename = "after.sh"; type = "postinstall"; sha256 = "@after.sh@"; } );
}
`

// content are the files of a package.
func content() map[string][]byte {
	return map[string][]byte{"rootfs.gz": packed(firmwaretest.Noise(6000, 1)), "kernel": firmwaretest.Noise(3001, 2), "settings": []byte("a=b\n"), "after.sh": []byte("#!/bin/sh\ntrue\n")}
}

func packed(p []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(p)
	w.Close()
	return b.Bytes()
}

var names = []string{"rootfs.gz", "kernel", "settings", "after.sh"}

// prepare writes the files, and the description with their sums.
func (m *maker) prepare(t testing.TB, description string) {
	t.Helper()
	for name, p := range content() {
		m.Write(t, name, p)
		description = strings.ReplaceAll(description, "@"+name+"@", sumOf(p))
	}
	m.Write(t, nameOfDescription, []byte(description))
}

// signed makes a package of those files.
func (m *maker) signed(t testing.TB, form, description string) []byte {
	t.Helper()
	m.certificate(t, "maker")
	m.prepare(t, description)
	m.cms(t, "maker")
	return m.pack(t, form, append([]string{nameOfDescription, nameOfSignature}, names...)...)
}

func TestPackage(t *testing.T) {
	for _, form := range []string{"crc", "newc"} {
		m := newMaker(t)
		p := m.signed(t, form, sample)
		part := firmwaretest.Open(t, p, m.Keys(t, "maker.pem"), Format())
		if v := firmware.Whole(part); v.Answer != firmware.OK || part.Format != "swu" || part.Version != "2.3" {
			t.Errorf("%s: %v %q, uncovered %v", form, v.Answer, v.Reasons, part.Uncovered().Extents())
		}
		if v := firmware.Genuine(part); v.Answer != firmware.OK || !strings.Contains(v.Reasons[0], "CN=maker") || !strings.Contains(v.Reasons[0], "valid from") {
			t.Errorf("%s: %v %q", form, v.Answer, v.Reasons)
		}
		if len(part.Children) != 6 || len(part.Claims) != 1 || len(part.Claims[0].Values) != 2 {
			t.Fatalf("%d children, %v", len(part.Children), part.Claims)
		}
		root := child(t, part, "rootfs.gz")
		if got, err := io.ReadAll(block.Reader(root.Children[0].Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(6000, 1)) || root.Role != firmware.RootFS {
			t.Errorf("%s: the root file system is another: %v, %s", form, err, root.Role)
		}
		if len(root.Installs) != 2 || root.Installs[0] != (firmware.Install{Where: "mmcblk0p2", Needs: 6000}) || root.Installs[1].Where != "mmcblk0p3" || root.Installs[1].During == 0 {
			t.Errorf("%+v", root.Installs)
		}
		kernel := child(t, part, "kernel")
		if kernel.Installs[0].Needs != 16<<10+3001 || kernel.Version != "6.1.2" || kernel.Role != firmware.Kernel {
			t.Errorf("%+v", kernel)
		}
		if s := child(t, part, "settings"); s.Installs[0].Where != "mmcblk0p5:/etc/settings" || child(t, part, "after.sh").Role != firmware.Script {
			t.Errorf("%+v", s.Installs)
		}
		var codes []string
		for _, f := range part.Findings {
			codes = append(codes, f.Code+" "+f.Found)
		}
		if all := strings.Join(codes, "\n"); !strings.Contains(all, "firmware.swu.scripts after.sh") || !strings.Contains(all, "bootenv stable,main: bootpart=0:2") || !strings.Contains(all, "sets stable,main; stable,alt; stable,other") {
			t.Errorf("%q", codes)
		}
		if said, good := m.judged(t, p, "-k", "maker.pem", "-e", "stable,main"); !good {
			t.Errorf("%s: swupdate says %s", form, said)
		}
		for value, want := range map[string]bool{"1.0": true, "1.2": true, "1.3": false} {
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Hardware, Value: value, From: "etc/hwrevision"}}}
			if v := firmware.Fits(part, d); (v.Answer != firmware.No) != want {
				t.Errorf("revision %s: %v %q", value, v.Answer, v.Reasons)
			}
		}
	}
}

func child(t testing.TB, p *firmware.Part, name string) *firmware.Part {
	t.Helper()
	for _, c := range p.Children {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no %s", name)
	return nil
}

// blind are the numbers of headers that nothing reads, and the digits whose case has no meaning.
func blind(t testing.TB, p []byte) block.Set {
	t.Helper()
	a, err := cpio.Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	s := a.Unused()
	mark := func(e block.Extent) {
		for at := e.Offset + 6; at < e.Offset+110; at++ {
			if p[at] > '9' {
				s.Add(block.Extent{Offset: at, Length: 1})
			}
		}
	}
	for _, m := range a.Members {
		mark(m.Header)
	}
	mark(a.Last)
	return s
}

func TestRun(t *testing.T) {
	m := newMaker(t)
	p := m.signed(t, "crc", sample)
	firmwaretest.Run(t, p, firmwaretest.Options{Blind: blind(t, p), Short: shorter(t, p), Keys: m.Keys(t, "maker.pem")}, Format())
}

// shorter allows cuts in the zeros behind the archive.
func shorter(t testing.TB, p []byte) func(int64) bool {
	a, err := cpio.Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	return func(n int64) bool { return n >= a.End }
}

// TestJudged changes packages and asks swupdate what it says.
func TestJudged(t *testing.T) {
	m := newMaker(t)
	good := m.signed(t, "crc", sample)
	m.certificate(t, "other")
	at := bytes.Index(good, []byte("a=b\n"))
	changed := bytes.Clone(good)
	changed[at] ^= 1
	m.prepare(t, sample)
	m.cms(t, "maker")
	missing := m.pack(t, "crc", nameOfDescription, nameOfSignature, "rootfs.gz", "kernel")
	m.prepare(t, strings.Replace(sample, "@kernel@", strings.Repeat("0", 64), 1))
	m.cms(t, "maker")
	wrongSum := m.pack(t, "crc", append([]string{nameOfDescription, nameOfSignature}, names...)...)
	m.Write(t, nameOfDescription, bytes.Replace(m.Read(t, nameOfDescription), []byte("2.3"), []byte("2.4"), 1))
	forged := m.pack(t, "crc", append([]string{nameOfDescription, nameOfSignature}, names...)...)
	for _, tt := range []struct {
		name           string
		p              []byte
		key, set       string
		whole, genuine firmware.Answer
		good           bool
	}{
		{"good", good, "maker.pem", "stable,main", firmware.OK, firmware.OK, true},
		{"a changed file", changed, "maker.pem", "stable,alt", firmware.No, firmware.OK, false},
		{"a missing file", missing, "maker.pem", "stable,alt", firmware.No, firmware.OK, false},
		{"a wrong sum", wrongSum, "maker.pem", "stable,main", firmware.No, firmware.OK, false},
		{"a changed description", forged, "maker.pem", "stable,main", firmware.No, firmware.No, false},
		{"another key", good, "other.pem", "stable,main", firmware.OK, firmware.CannotTell, false},
	} {
		part := firmwaretest.Open(t, tt.p, m.Keys(t, tt.key), Format())
		if v := firmware.Whole(part); v.Answer != tt.whole {
			t.Errorf("%s: whole %v %q", tt.name, v.Answer, v.Reasons)
		}
		if v := firmware.Genuine(part); v.Answer != tt.genuine {
			t.Errorf("%s: genuine %v %q", tt.name, v.Answer, v.Reasons)
		}
		if said, good := m.judged(t, tt.p, "-k", tt.key, "-e", tt.set); good != tt.good {
			t.Errorf("%s: swupdate says %s", tt.name, said)
		}
	}
}

// TestRSA checks bare signatures of both paddings, which Debian's swupdate does not take.
func TestRSA(t *testing.T) {
	m := newMaker(t)
	m.certificate(t, "maker")
	m.certificate(t, "other")
	m.prepare(t, sample)
	for method, options := range map[string][]string{"RSA-2048 with SHA-256, PKCS#1": nil, "RSA-2048 with SHA-256, PSS": {"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:-2"}} {
		m.Run(t, "openssl", append(append([]string{"dgst", "-sha256", "-sign", "maker.key", "-out", nameOfSignature}, options...), nameOfDescription)...)
		p := m.pack(t, "crc", append([]string{nameOfDescription, nameOfSignature}, names...)...)
		for key, want := range map[string]firmware.Answer{"maker.pub": firmware.OK, "other.pub": firmware.No} {
			part := firmwaretest.Open(t, p, m.Keys(t, key), Format())
			if v := firmware.Genuine(part); v.Answer != want || want == firmware.OK && !strings.HasPrefix(v.Reasons[0], method) {
				t.Errorf("%s: %v %q", method, v.Answer, v.Reasons)
			}
			if v := firmware.Whole(part); v.Answer != firmware.OK {
				t.Errorf("%s: %v %q", method, v.Answer, v.Reasons)
			}
		}
		if v := firmware.Genuine(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "no key was given") {
			t.Errorf("%v %q", v.Answer, v.Reasons)
		}
	}
}

// TestUnsigned: a package without a signature is whole by its sums, and without those of cpio it cannot be told.
func TestUnsigned(t *testing.T) {
	m := newMaker(t)
	m.prepare(t, strings.ReplaceAll(sample, "sha256", "hash"))
	for form, want := range map[string]firmware.Answer{"crc": firmware.OK, "newc": firmware.CannotTell} {
		part := firmwaretest.Open(t, m.pack(t, form, append([]string{nameOfDescription}, names...)...), nil, Format())
		if v := firmware.Whole(part); v.Answer != want {
			t.Errorf("%s: %v %q", form, v.Answer, v.Reasons)
		}
		if v := firmware.Genuine(part); v.Answer != firmware.CannotTell {
			t.Errorf("%s: %v %q", form, v.Answer, v.Reasons)
		}
	}
	m.certificate(t, "maker")
	m.cms(t, "maker")
	part := firmwaretest.Open(t, m.pack(t, "crc", append([]string{nameOfDescription, nameOfSignature}, names...)...), nil, Format())
	found := 0
	for _, f := range part.Findings {
		if f.Code == "firmware.swu.sum" {
			found++
		}
	}
	if found != len(names) {
		t.Errorf("%d of %d files without a sum are told: %v", found, len(names), part.Findings)
	}
}

// TestHidden has a description that is encrypted: nothing of it can be told, and nothing of it is bad.
func TestHidden(t *testing.T) {
	m := newMaker(t)
	m.signed(t, "crc", sample)
	m.Run(t, "openssl", "enc", "-aes-256-cbc", "-in", nameOfDescription, "-out", "x", "-K", strings.Repeat("ab", 32), "-iv", strings.Repeat("cd", 16))
	m.Write(t, nameOfDescription, m.Read(t, "x"))
	part := firmwaretest.Open(t, m.pack(t, "crc", append([]string{nameOfDescription, nameOfSignature}, names...)...), m.Keys(t, "maker.pem"), Format())
	if v := firmware.Whole(part); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "encrypted") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if v := firmware.Genuine(part); v.Answer != firmware.CannotTell || len(part.Children) != 6 {
		t.Errorf("%v %q, %d children", v.Answer, v.Reasons, len(part.Children))
	}
}

// TestTwice has two files of one name, of which a device takes whichever it meets.
func TestTwice(t *testing.T) {
	m := newMaker(t)
	m.prepare(t, sample)
	p := m.pack(t, "crc", append([]string{nameOfDescription, "kernel"}, names...)...)
	if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "expected one file of that name, found several") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// TestInner opens what stands in a package, as deep as it goes.
func TestInner(t *testing.T) {
	m := newMaker(t)
	inner := m.signed(t, "crc", sample)
	m.Write(t, "inner.swu", inner)
	m.Write(t, nameOfDescription, []byte(`{"software": {"version": "3", "images": [{"filename": "inner.swu", "type": "swuforward", "device": "x", "encrypted": false}, {"filename": "kernel", "encrypted": true, "ivt": "00112233445566778899aabbccddeeff", "device": "y"}]}}`))
	p := m.pack(t, "crc", nameOfDescription, "inner.swu", "kernel")
	part := firmwaretest.Open(t, p, nil, Format())
	if c := child(t, part, "inner.swu"); c.Format != "swu" || c.Version != "2.3" || part.Version != "3" {
		t.Errorf("%+v", c)
	}
	if c := child(t, part, "kernel"); c.Title != "encrypted file, IVT 00112233445566778899aabbccddeeff" {
		t.Errorf("%+v", c)
	}
}

func TestLook(t *testing.T) {
	m := newMaker(t)
	m.Write(t, "kernel", []byte("x"))
	for _, p := range [][]byte{m.pack(t, "newc", "kernel"), firmwaretest.Noise(4096, 3), nil} {
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	m := newMaker(f)
	f.Add(m.signed(f, "crc", sample))
	f.Add(m.pack(f, "newc", nameOfDescription, "kernel"))
	keys := m.Keys(f, "maker.pem")
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, keys, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}

// TestRenamed has a signature whose name was hit: without it nothing else is missed, but the package is not whole.
func TestRenamed(t *testing.T) {
	m := newMaker(t)
	p := bytes.Replace(m.signed(t, "crc", sample), []byte(nameOfSignature), []byte("sw-descriPtion.sig"), 1)
	if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "names no such file") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}
