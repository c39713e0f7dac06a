package archive

import (
	"bytes"
	"strings"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// text packs well, so that what comes out is another size.
var text = bytes.Repeat([]byte("the quick brown fox "), 2000)

func TestPacked(t *testing.T) {
	for _, tt := range []struct {
		kind, command string
		want          firmware.Answer
	}{
		{"gzip", "gzip -c", firmware.OK}, {"xz", "xz -c", firmware.OK}, {"xz", "xz -c --check=none", firmware.CannotTell}, {"zstd", "zstd -c -q", firmware.OK}, {"zstd", "zstd -c -q --no-check", firmware.CannotTell},
		{"bzip2", "bzip2 -c", firmware.OK}, {"lz4", "lz4 -c -q", firmware.OK}, {"lz4", "lz4 -c -q --no-frame-crc", firmware.CannotTell}, {"lzo", "lzop -c", firmware.OK},
		{"lzo", "lzop -c --no-checksum", firmware.CannotTell}, {"lzma", "xz -c --format=lzma", firmware.CannotTell},
	} {
		t.Run(tt.command, func(t *testing.T) {
			args := strings.Fields(tt.command)
			p := run(t, t.TempDir(), text, args[0], args[1:]...)
			part := firmwaretest.Open(t, p, nil, Formats()...)
			if part.Format != tt.kind || part.Compression != tt.kind || len(part.Children) != 1 || !bytes.Equal(content(t, part), text) {
				t.Fatalf("%q, %d children", part.Format, len(part.Children))
			}
			if v := firmware.Whole(part); v.Answer != tt.want {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			// What is not seen changes nothing.
			for at := range p {
				q := bytes.Clone(p)
				q[at] ^= 1 << (at % 8)
				got := firmwaretest.Open(t, q, nil, Formats()...)
				if firmware.Whole(got).Answer == firmware.OK && !bytes.Equal(content(t, got), text) {
					t.Errorf("a flipped bit at %d of %d changes the content and is not seen", at, len(p))
				}
			}
			for n := range len(p) {
				if v := firmware.Whole(firmwaretest.Open(t, p[:n], nil, Formats()...)); v.Answer == firmware.OK {
					t.Fatalf("cut to %d of %d bytes: %v", n, len(p), v.Reasons)
				}
			}
			// Filling behind a stream is no damage, anything else is a part.
			if v := firmware.Whole(firmwaretest.Open(t, append(bytes.Clone(p), bytes.Repeat([]byte{0xFF}, 100)...), nil, Formats()...)); v.Answer == firmware.No {
				t.Errorf("filled up: %v %q", v.Answer, v.Reasons)
			}
		})
	}
}

// TestInner: what carries no sum is proven by the checks of what is in it.
func TestInner(t *testing.T) {
	inner := archives(t)["a zip"]
	p := run(t, t.TempDir(), inner, "xz", "-c", "--format=lzma")
	part := firmwaretest.Open(t, p, nil, Formats()...)
	if v := firmware.Whole(part); v.Answer != firmware.OK || part.Children[0].Format != "zip" {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}
