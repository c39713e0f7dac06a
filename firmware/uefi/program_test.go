package uefi

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// driver is a program out of OVMF.
func driver(t testing.TB) []byte {
	t.Helper()
	var out []byte
	firmwaretest.Open(t, code(t), nil, Formats()...).Walk(func(x *firmware.Part, _ int) bool {
		if out != nil || x.Title != "driver" || x.Size < 9000 {
			return out == nil
		}
		p, err := io.ReadAll(block.Reader(x.Source))
		if err != nil {
			t.Fatal(err)
		}
		for at := 24; at+4 < len(p); {
			n := int(p[at]) | int(p[at+1])<<8 | int(p[at+2])<<16
			if p[at+3] == 0x10 {
				out = p[at+4 : at+n]
				return false
			}
			at += (n + 3) &^ 3
		}
		return true
	})
	if out == nil {
		t.Fatal("no driver")
	}
	return out
}

// TestPrograms checks signatures of sbsign: of the right program and of a changed one, by the right key and another.
func TestPrograms(t *testing.T) {
	d := imagetest.NewDir(t)
	right, wrong := key(t, d, "maker"), key(t, d, "other")
	plain := driver(t)
	d.Write(t, "x.efi", plain)
	d.Run(t, "sbsign", "--key", "maker.key", "--cert", "maker.pem", "--output", "signed.efi", "x.efi")
	image := d.Read(t, "signed.efi")
	for _, tt := range []struct {
		name string
		keys []firmware.Key
		want firmware.Answer
	}{{"right", right, firmware.OK}, {"none", nil, firmware.CannotTell}} {
		p := firmwaretest.Open(t, image, tt.keys, Formats()...)
		if v := firmware.Genuine(p); p.Format != "efi" || p.Title != "EFI driver, x86_64" && p.Title != "EFI driver at run time, x86_64" || v.Answer != tt.want {
			t.Errorf("%s: %q, %v %q", tt.name, p.Title, v.Answer, v.Reasons)
		}
		// The sum of the file and the place of the certificates are covered by nothing.
		if v := firmware.Whole(p); v.Answer != firmware.CannotTell || p.Uncovered().Bytes() > 64 {
			t.Errorf("%s: %v %q, %v", tt.name, v.Answer, v.Reasons, p.Uncovered().Extents())
		}
	}
	if v := firmware.Genuine(firmwaretest.Open(t, image, wrong, Formats()...)); v.Answer == firmware.OK {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for _, at := range []int{0x50, 3000, len(plain) - 10} {
		x := bytes.Clone(image)
		x[at] ^= 1
		p := firmwaretest.Open(t, x, right, Formats()...)
		if v, w := firmware.Whole(p), firmware.Genuine(p); v.Answer != firmware.No || w.Answer != firmware.No || !strings.Contains(v.Reasons[0], "program of EFI driver") {
			t.Errorf("a bit at %d: %v %q, %v", at, v.Answer, v.Reasons, w.Answer)
		}
	}
	v := firmware.Whole(firmwaretest.Open(t, image[:len(image)-100], nil, Formats()...))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "inside the certificates") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	p := firmwaretest.Open(t, plain, nil, Formats()...)
	if v := firmware.Whole(p); v.Answer != firmware.CannotTell {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	for at := 0; at < len(image); at += 61 { // nothing hostile does harm, and no changed program is genuine
		x := bytes.Clone(image)
		x[at] ^= 0x10
		p := firmwaretest.Open(t, x, right, Formats()...)
		if at < len(plain) && firmware.Genuine(p).Answer == firmware.OK {
			t.Errorf("genuine with a bit at %d", at)
		}
		if firmware.Whole(p).Answer == firmware.OK {
			t.Errorf("whole with a bit at %d", at)
		}
	}
}
