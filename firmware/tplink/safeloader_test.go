package tplink

import (
	"bytes"
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// piece is a part of an image.
type piece struct {
	name string
	data []byte
}

// withLength makes a part that begins with its length.
func withLength(p []byte) []byte {
	return append(append(be.AppendUint32(nil, uint32(len(p))), 0, 0, 0, 0), append(p, 0)...)
}

// safeImage makes an image as tplink-safeloader does.
func safeImage(parts []piece, maker string, brokenTable bool) []byte {
	p := bytes.Repeat([]byte{0xFF}, partsAt)
	be.PutUint32(p[20:], uint32(len(maker)))
	copy(p[24:], maker)
	var text strings.Builder
	for _, x := range parts {
		fmt.Fprintf(&text, "fwup-ptn %s base 0x%05x size 0x%05x\t\r\n", x.name, len(p)-tableAt, len(x.data))
		p = append(p, x.data...)
	}
	if !brokenTable {
		text.WriteByte(0)
	}
	copy(p[tableAt:], text.String())
	be.PutUint32(p, uint32(len(p)))
	sum := md5.Sum(slices.Concat(safeSalt, p[sumFrom:]))
	copy(p[4:], sum[:])
	return p
}

func flashTable(lines ...string) []byte {
	p := []byte{0, 4, 0, 0}
	for _, l := range lines {
		p = append(p, "partition "+l+"\n"...)
	}
	p = append(p, 0)
	return append(p, bytes.Repeat([]byte{0xFF}, tableSize-len(p))...)
}

const list = "SupportList:\r\nCPE210(TP-LINK|EU|N300-2|00000000):2.0\r\nCPE210(TP-LINK|US|N300-2|55530000):2.0\r\nCPE220(TP-LINK|UN|N300-2):1.1\r\n"

func safeParts() []piece {
	return []piece{
		{"partition-table", flashTable("fs-uboot base 0x00000 size 0x20000", "os-image base 0x40000 size 0x10000", "file-system base 0x50000 size 0x10000", "support-list base 0x7b1000 size 0x00400")},
		{"soft-version", withLength([]byte{0xFF, 1, 2, 3, 0x20, 0x23, 0x10, 0x13, 0, 0, 0, 0})},
		{"support-list", withLength([]byte(list))},
		{"os-image", firmwaretest.Noise(3000, 1)},
		{"file-system", append([]byte("hsqs"), firmwaretest.Noise(5000, 2)...)},
	}
}

func TestSafeLoader(t *testing.T) {
	parts := safeParts()
	data := safeImage(parts, "CPE210(TP-LINK|UN|N300-2):2.0\r\n", false)
	p := firmwaretest.Open(t, data, nil, Formats()...)
	if p.Format != "safeloader" || p.Version != "1.2.3 (2023-10-13)" || len(p.Children) != len(parts) || p.Announced != int64(len(data)) {
		t.Fatalf("%+v", p)
	}
	roles := []firmware.Role{firmware.Table, firmware.Metadata, firmware.Metadata, firmware.Kernel, firmware.RootFS}
	installs := []int{0, 0, 1, 1, 1} // those that the layout of the flash has a place for
	for i, c := range p.Children {
		got, err := io.ReadAll(block.Reader(c.Source))
		if err != nil || c.Name != parts[i].name || !bytes.Equal(got, parts[i].data) || c.Role != roles[i] || len(c.Installs) != installs[i] {
			t.Errorf("%+v, %v", c, err)
		}
	}
	want := map[firmware.ClaimKind][]string{firmware.Board: {"CPE210", "CPE220"}, firmware.Hardware: {"2.0", "1.1"}, firmware.Region: {"EU", "US", "UN"}}
	for _, c := range p.Claims {
		if !slices.Equal(c.Values, want[c.Kind]) {
			t.Errorf("%s: %q", c.Kind, c.Values)
		}
	}
	if len(firmware.Warnings(p)) != 0 || len(p.Signatures) != 0 {
		t.Errorf("%q %v", firmware.Warnings(p), p.Signatures)
	}
	firmwaretest.Run(t, data, firmwaretest.Options{}, Formats()[1], Formats()[0])
}

// TestNames reads the newer form of lists, and texts as versions.
func TestNames(t *testing.T) {
	parts := []piece{
		{"soft-version", withLength([]byte("soft_ver:1.11.0 Build 20230602\n"))},
		{"support-list", withLength([]byte("SupportList:\n{product_name:Archer C7,product_ver:5.0.0,special_id:45550000}\n{product_name:Archer C7,product_ver:5.0.0,special_id:00000000}\n{broken\n"))},
		{"fs-uboot", firmwaretest.Noise(500, 1)},
		{"radio", firmwaretest.Noise(200, 1)},
		{"signature", firmwaretest.Noise(256, 1)},
	}
	p := firmwaretest.Open(t, safeImage(parts, "", false), nil, Formats()...)
	if p.Version != "1.11.0 Build 20230602" || !slices.Equal(p.Claims[0].Values, []string{"Archer C7"}) || !slices.Equal(p.Claims[1].Values, []string{"5.0.0"}) || !slices.Equal(p.Claims[2].Values, []string{"EU", "UN"}) {
		t.Errorf("%q %q", p.Version, p.Claims)
	}
	if w := strings.Join(firmware.Warnings(p), "\n"); !strings.Contains(w, `"fs-uboot"`) || !strings.Contains(w, `"radio"`) || len(p.Signatures) != 1 || p.Signatures[0].State != firmware.Cannot {
		t.Errorf("%q %v", w, p.Signatures)
	}
	if firmware.Genuine(p).Answer != firmware.CannotTell {
		t.Errorf("%+v", firmware.Genuine(p))
	}
}

func TestSafeReasons(t *testing.T) {
	large := safeParts()
	large[3].data = firmwaretest.Noise(0x10001, 1)
	good := safeImage(safeParts(), "maker", false)
	for _, tt := range []struct {
		name string
		p    []byte
		want string
	}{
		{"cut", good[:10_000], "cut off"},
		{"too large for its partition", safeImage(large, "maker", false), "expected at most 65536 bytes, found 65537 bytes"},
		{"table without an end", safeImage(safeParts(), "maker", true), "expected lines of fwup-ptn up to a zero"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, Formats()...))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

// TestCloud calls no image of the newer kind broken, since nothing says what its sum is over.
func TestCloud(t *testing.T) {
	p := safeImage(safeParts(), "maker", false)
	copy(p[sumFrom:], "fw-type:Cloud\n")
	v := firmware.Whole(firmwaretest.Open(t, p, nil, Formats()...))
	if v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "has not said") {
		t.Errorf("%+v", v)
	}
	if v := firmware.Whole(firmwaretest.Open(t, p[:9000], nil, Formats()...)); v.Answer != firmware.No {
		t.Errorf("%+v", v)
	}
}

func TestSafeLook(t *testing.T) {
	good := safeImage(safeParts(), "maker", false)
	if s, err := lookSafe(context.Background(), block.Bytes(good)); err != nil || s.Size != int64(len(good)) || s.Name != "maker" {
		t.Errorf("%+v, %v", s, err)
	}
	for _, p := range [][]byte{nil, make([]byte, partsAt), bytes.Repeat([]byte{0xFF}, partsAt), firmwaretest.Noise(partsAt, 1)} {
		if _, err := lookSafe(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Error(err)
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte("partition a base 0x0 size 0x10\n\x00"))
	f.Fuzz(func(t *testing.T, p []byte) {
		lines, _ := table(p, "partition")
		for _, l := range lines {
			if l.at.Offset < 0 || l.at.Length < 0 || l.name == "" {
				t.Fatalf("%+v", l)
			}
		}
	})
}
