//go:build linux

package rescue

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"salvor/internal/need"
)

// inDir runs a maker's tool in the folder of the device.
func (u *updated) inDir(t *testing.T, stdin, name string, args ...string) []byte {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Dir = u.dir
	cmd.Stdin = bytes.NewReader([]byte(stdin))
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, problems.Bytes())
	}
	return out
}

func (u *updated) file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(u.dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, content, 0o600))
	return path
}

// Bundles of RAUC, of both formats that it installs: the image in the squashfs is found on the slot.
func TestCompareRAUC(t *testing.T) {
	u := newEMMC(t, 21)
	cut := 222_222
	copy(u.image[u.b:], u.new[:cut])
	u.inDir(t, "", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "3650", "-subj", "/CN=maker")
	u.file(t, "in/rootfs.img", u.new)
	for _, format := range []string{"plain", "verity"} {
		u.file(t, "in/manifest.raucm", fmt.Appendf(nil, "[update]\ncompatible=Test\nversion=2\n\n[bundle]\nformat=%s\n\n[image.rootfs]\nfilename=rootfs.img\n", format))
		out := format + ".raucb"
		u.inDir(t, "", "rauc", "--cert", "cert.pem", "--key", "key.pem", "bundle", "in", out)
		u.pack = filepath.Join(u.dir, out)
		c := u.compareTo(t, nil)
		holds(t, format, c.on(t, "rootfs_b"), u.image[u.b:], u.old, u.new, cut)
		if got := c.on(t, "rootfs_b").Piece.Name; got != "rootfs.img" {
			t.Errorf("%s: the part is %q", format, got)
		}
	}
}

// A package of SWUpdate with a compressed image: the device has it unpacked.
func TestCompareSWU(t *testing.T) {
	u := newEMMC(t, 22)
	cut := 333_333
	copy(u.image[u.b:], u.new[:cut])
	u.file(t, "rootfs.img", u.new)
	u.inDir(t, "", "gzip", "-kn", "rootfs.img")
	packed := readFile(t, filepath.Join(u.dir, "rootfs.img.gz"))
	sum := sha256.Sum256(packed)
	u.file(t, "sw-description", fmt.Appendf(nil, "software =\n{\n\tversion = \"2.0\";\n\timages: (\n\t{\n\t\tfilename = \"rootfs.img.gz\";\n\t\tdevice = \"/dev/mmcblk0p2\";\n\t\tcompressed = \"zlib\";\n\t\tsha256 = \"%s\";\n\t});\n}\n", hex.EncodeToString(sum[:])))
	u.pack = u.file(t, "update.swu", u.inDir(t, "sw-description\nrootfs.img.gz\n", "cpio", "--quiet", "-o", "-H", "crc"))
	c := u.compareTo(t, nil)
	holds(t, "swu", c.on(t, "rootfs_b"), u.image[u.b:], u.old, u.new, cut)
}

// field and number write protocol buffers.
func field(b []byte, n int, content []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(b, uint64(n)<<3|2), uint64(len(content))), content...)
}

func number(b []byte, n int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(n)<<3), v)
}

// deltaPayload makes the new content out of the old one: blocks that are the same are copied, others are in the payload. Made
// from AOSP's description: not checked against the maker's tool.
func deltaPayload(name string, old, content []byte) []byte {
	const unit = 4096
	info := func(p []byte) []byte {
		sum := sha256.Sum256(p)
		return field(number(nil, 1, uint64(len(p))), 2, sum[:])
	}
	extent := func(k int) []byte { return number(number(nil, 1, uint64(k)), 2, 1) }
	part := field(field(field(nil, 1, []byte(name)), 6, info(old)), 7, info(content))
	var data []byte
	for k := range len(content) / unit {
		p := content[k*unit : (k+1)*unit]
		var op []byte
		if bytes.Equal(p, old[k*unit:(k+1)*unit]) {
			op = field(number(nil, 1, 4), 4, extent(k))
		} else {
			sum := sha256.Sum256(p)
			op = field(number(number(number(nil, 1, 0), 2, uint64(len(data))), 3, unit), 8, sum[:])
			data = append(data, p...)
		}
		part = field(part, 8, field(op, 6, extent(k)))
	}
	manifest := field(number(number(nil, 3, unit), 12, 2), 13, part)
	head := binary.BigEndian.AppendUint64([]byte("CrAU"), 2)
	head = binary.BigEndian.AppendUint64(head, uint64(len(manifest)))
	head = binary.BigEndian.AppendUint32(head, 0)
	return append(append(head, manifest...), data...)
}

// A delta is applied to the slot that has its old content, and finishes the other one.
func TestCompareDelta(t *testing.T) {
	u := newEMMC(t, 23)
	n := len(u.new) / 4096 * 4096
	u.old, u.new = u.old[:n], u.new[:n]
	copy(u.new[40_960:81_920], u.old[40_960:81_920])
	cut := 123_456
	copy(u.image[u.b:], u.new[:cut])
	u.pack = u.file(t, "payload.bin", deltaPayload("rootfs", u.old, u.new))
	c := u.compareTo(t, nil)
	x := c.on(t, "rootfs_b")
	holds(t, "delta", x, u.image[u.b:], u.old, u.new, cut)
	if x.Piece.How != "the delta applied to rootfs_a" {
		t.Errorf("the part is %q", x.Piece.How)
	}
	u.finish(t, c)
	// Without the old content it says so.
	u.image[u.a+50_000]++
	u.image[u.b+50_000]++
	if c = u.compareTo(t, nil); !c.told("rescue.compare.note") {
		t.Errorf("no note: %v", c.Findings)
	}
}
