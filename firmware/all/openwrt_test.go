package all_test

import (
	"archive/tar"
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/firmware"
	"salvor/firmware/all"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// run runs a maker's tool.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := need.Command(t, name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// parts makes a kernel, and a root file system of text, which every block of has a sum.
func parts(t *testing.T) (kernel, root []byte) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in")
	if err := os.Mkdir(in, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string][]byte{"init": bytes.Repeat([]byte("#!/bin/sh\nexec /sbin/procd\n"), 500), "../kernel": firmwaretest.Noise(9000, 1)} {
		if err := os.WriteFile(filepath.Join(in, name), p, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "mkimage", "-A", "mips", "-O", "linux", "-T", "kernel", "-C", "none", "-n", "MIPS OpenWrt Linux-5.15", "-d", filepath.Join(dir, "kernel"), filepath.Join(dir, "uimage"))
	run(t, "mksquashfs", in, filepath.Join(dir, "root"), "-comp", "xz", "-nopad", "-noappend", "-all-root", "-quiet", "-no-progress")
	for name, to := range map[string]*[]byte{"uimage": &kernel, "root": &root} {
		p, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		*to = p
	}
	return kernel, root
}

// withMetadata puts OpenWrt's metadata behind an image.
func withMetadata(image []byte) []byte {
	const json = `{"metadata_version":"1.1","compat_version":"1.0","supported_devices":["acme,x"],"version":{"dist":"OpenWrt","version":"23.05.2","revision":"r1","target":"ath79/generic","board":"acme_x"}}`
	p := append(append(bytes.Clone(image), make([]byte, 8)...), json...)
	t := append([]byte("FWx0"), binary.BigEndian.AppendUint32(nil, ^crc32.ChecksumIEEE(p))...)
	t = append(t, 1, 0, 0, 0)
	return append(p, binary.BigEndian.AppendUint32(t, uint32(8+len(json)+16))...)
}

// archive makes an archive for devices with NAND.
func archive(t *testing.T, kernel, root []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct {
		name string
		data []byte
	}{{"CONTROL", []byte("BOARD=acme_x\n")}, {"kernel", kernel}, {"root", root}} {
		if err := w.WriteHeader(&tar.Header{Name: "sysupgrade-acme_x/" + f.name, Mode: 0o644, Size: int64(len(f.data)), Format: tar.FormatUSTAR}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// trx makes a TRX image of two parts.
func trx(kernel, root []byte) []byte {
	le := binary.LittleEndian
	p := append([]byte("HDR0"), make([]byte, 24)...)
	p[14] = 1
	le.PutUint32(p[16:], uint32(len(p)))
	p = append(p, kernel...)
	le.PutUint32(p[20:], uint32(len(p)))
	p = append(p, root...)
	le.PutUint32(p[4:], uint32(len(p)))
	le.PutUint32(p[8:], ^crc32.ChecksumIEEE(p[12:]))
	return p
}

// TestOpenWrt opens whole images with the whole table: each layer is taken for what it is.
func TestOpenWrt(t *testing.T) {
	kernel, root := parts(t)
	combined := append(append(bytes.Clone(kernel), bytes.Repeat([]byte{0xFF}, 64<<10-len(kernel))...), root...)
	combined = append(combined, bytes.Repeat([]byte{0xFF}, 128<<10-len(combined))...)
	combined = append(combined, 0xde, 0xad, 0xc0, 0xde)
	for _, tt := range []struct {
		name    string
		image   []byte
		formats []string
	}{
		{"sysupgrade.bin", withMetadata(combined), []string{"fwtool", "combined", "uimage", "squashfs"}},
		{"sysupgrade.tar", withMetadata(archive(t, kernel, root)), []string{"fwtool", "sysupgrade", "uimage", "squashfs"}},
		{"without metadata", combined, []string{"combined", "uimage", "squashfs"}},
		{"factory.trx", trx(kernel, root), []string{"trx", "uimage", "squashfs"}},
	} {
		p := firmwaretest.Open(t, tt.image, nil, all.Table()...)
		var formats []string
		p.Walk(func(x *firmware.Part, _ int) bool {
			if x.Format != "" {
				formats = append(formats, x.Format)
			}
			return true
		})
		if !slices.Equal(formats, tt.formats) {
			t.Errorf("%s: %q", tt.name, formats)
		}
		if v := firmware.Whole(p); v.Answer != firmware.OK && tt.formats[0] != "combined" {
			t.Errorf("%s: %+v", tt.name, v)
		}
		if tt.formats[0] != "fwtool" {
			continue
		}
		for board, want := range map[string]firmware.Answer{"acme,x": firmware.OK, "acme,y": firmware.No} {
			d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: board}, {Kind: firmware.CompatVersion, Value: "1.0"}},
				Spaces: []firmware.Space{{Name: "firmware", Size: 1 << 20}, {Name: "kernel", Size: 1 << 20}, {Name: "rootfs", Size: 1 << 20}}}
			if v := firmware.Fits(p, d); v.Answer != want {
				t.Errorf("%s for %s: %+v", tt.name, board, v)
			}
		}
		// A download that was cut off, and one with a changed bit in the root file system.
		if v := firmware.Whole(firmwaretest.Open(t, tt.image[:len(tt.image)-5000], nil, all.Table()...)); v.Answer == firmware.OK {
			t.Errorf("%s, cut: %+v", tt.name, v)
		}
		changed := bytes.Clone(tt.image)
		changed[bytes.Index(changed, []byte("hsqs"))+200] ^= 1
		if v := firmware.Whole(firmwaretest.Open(t, changed, nil, all.Table()...)); v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "CRC-32") {
			t.Errorf("%s, changed: %+v", tt.name, v)
		}
	}
}
