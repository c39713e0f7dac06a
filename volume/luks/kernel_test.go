package luks

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"salvor/volume"
)

// TestKernel reads what Linux' dm-crypt wrote with ciphers that cryptsetup does not use without it.
func TestKernel(t *testing.T) {
	for name, c := range map[string]struct {
		format, cipher, findings string
		err                      string // why the right secret does not open it
	}{
		"aes-4096":      {"LUKS2", "aes-xts-plain64, 256-bit key", "", ""},
		"serpent-4096":  {"LUKS2", "serpent-xts-plain64, 256-bit key", "", ""},
		"twofish-essiv": {"LUKS2", "twofish-cbc-essiv:sha256, 256-bit key", "", ""},
		"lrw":           {"LUKS1", "aes-lrw-benbi, 256-bit key", "", ""},
		"integrity":     {"LUKS2", "aes-xts-plain64, 512-bit key", "integrity", "the secret is right; a volume with integrity"},
		"camellia":      {"LUKS2", "camellia-xts-plain64, 256-bit key", "", `cipher "camellia-xts-plain64" is not supported`},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := testdata.Open("testdata/dmcrypt-" + name + ".img.gz")
			if err != nil {
				t.Fatal(err)
			}
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			l := only(t, b)
			if l.Format != c.format || l.Cipher != c.cipher || codes(l) != c.findings || !l.Valid {
				t.Errorf("%+v, findings %q", l, codes(l))
			}
			src, err := l.Open(t.Context(), phrase(secret))
			if c.err != "" {
				if err == nil || errors.Is(err, volume.ErrWrongSecret) || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, expected %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := known(32 << 10)
			got := make([]byte, len(want))
			if _, err := src.ReadAt(got, 0); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, %q", err, got[:64])
			}
			if _, err := l.Open(t.Context(), phrase("x")); err != volume.ErrWrongSecret {
				t.Errorf("a wrong one: %v", err)
			}
			// A part of a sector at an odd place.
			got = got[:777]
			if _, err := src.ReadAt(got, 4001); err != nil || !bytes.Equal(got, want[4001:4778]) {
				t.Errorf("a part: %v", err)
			}
		})
	}
}
