package signify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// run runs a signer's own tool.
func run(t testing.TB, dir, program string, args ...string) {
	t.Helper()
	cmd := need.Command(t, program, args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader("\n\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tools are the ways to make a pair of keys and a signature of the file "image".
var tools = []struct {
	name string
	keys func(t testing.TB, dir, name string)
	sign func(t testing.TB, dir, name string)
	text string // of the method
}{
	{"signify", signifyKeys, func(t testing.TB, dir, name string) {
		run(t, dir, "signify-openbsd", "-S", "-s", name+".sec", "-m", "image", "-x", "image.sig")
	}, "Ed25519 (usign, signify)"},
	{"minisign, as it is", minisignKeys, func(t testing.TB, dir, name string) {
		run(t, dir, "minisign", "-S", "-l", "-s", name+".sec", "-m", "image", "-x", "image.sig", "-t", "version 1.2")
	}, "Ed25519 (minisign)"},
	{"minisign, hashed", minisignKeys, func(t testing.TB, dir, name string) {
		run(t, dir, "minisign", "-S", "-s", name+".sec", "-m", "image", "-x", "image.sig", "-t", "version 1.2")
	}, "Ed25519 over BLAKE2b-512 (minisign)"},
}

func signifyKeys(t testing.TB, dir, name string) {
	run(t, dir, "signify-openbsd", "-G", "-n", "-p", name+".pub", "-s", name+".sec")
}

func minisignKeys(t testing.TB, dir, name string) {
	run(t, dir, "minisign", "-G", "-W", "-p", name+".pub", "-s", name+".sec")
}

func TestTools(t *testing.T) {
	image := firmwaretest.Noise(70_000, 1)
	for _, tool := range tools {
		t.Run(tool.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "image"), image, 0o600); err != nil {
				t.Fatal(err)
			}
			tool.keys(t, dir, "maker")
			tool.keys(t, dir, "other")
			tool.sign(t, dir, "maker")
			text := read(t, dir, "image.sig")
			maker, err := firmware.ParseKeys("maker.pub", read(t, dir, "maker.pub"))
			if err != nil {
				t.Fatal(err)
			}
			other, err := firmware.ParseKeys("other.pub", read(t, dir, "other.pub"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if s.Minisign != strings.Contains(tool.name, "minisign") || s.Minisign && (s.Trusted != "version 1.2" || !strings.Contains(string(read(t, dir, "maker.pub")), s.KeyID())) {
				t.Errorf("%+v", s)
			}
			bare := []firmware.Key{{Name: "bare", Public: maker[0].Public}}
			wrong, _, _ := ed25519.GenerateKey(rand.Reader)
			liar := []firmware.Key{{Name: "liar", ID: maker[0].ID, Public: wrong}}
			changed := bytes.Clone(image)
			changed[50_000] ^= 1
			for _, tt := range []struct {
				name  string
				image []byte
				keys  []firmware.Key
				want  firmware.State
				key   string
			}{
				{"good", image, append(other, maker...), firmware.Passed, "maker.pub"},
				{"a key without an ID", image, bare, firmware.Passed, "bare"},
				{"changed", changed, maker, firmware.Failed, "maker.pub"},
				{"cut", image[:69_999], maker, firmware.Failed, "maker.pub"},
				{"no key", image, nil, firmware.Cannot, ""},
				{"another's key", image, other, firmware.Cannot, ""},
				{"another's key that calls itself the same", image, liar, firmware.Failed, "liar"},
				{"another's key without an ID", changed, bare, firmware.Cannot, ""},
			} {
				got := s.Check(context.Background(), block.Bytes(tt.image), "the file", tt.keys)
				if got.State != tt.want || got.Key != tt.key || got.Method != tool.text || (got.State == firmware.Passed) != (got.Why == "") {
					t.Errorf("%s: %+v", tt.name, got)
				}
			}
			// No byte of the signature may change unseen, but for the comment that nothing vouches for.
			begin := bytes.IndexByte(text, '\n') + 1
			for i := begin; i < len(text); i++ {
				p := bytes.Clone(text)
				p[i] ^= 1
				x, err := Parse(p)
				if err != nil {
					continue
				}
				if got := x.Check(context.Background(), block.Bytes(image), "", maker); got.State == firmware.Passed && !same(s, x) {
					t.Errorf("byte %d of the signature changed: %+v", i, got)
				}
			}
		})
	}
}

func TestKeyID(t *testing.T) {
	// The ID of a key that minisign 0.11 made, which wrote "minisign public key 2ADB8C8C95694B6" above it.
	id := []byte{0xb6, 0x94, 0x56, 0xc9, 0xc8, 0xb8, 0xad, 0x02}
	for minisign, want := range map[bool]string{true: "2ADB8C8C95694B6", false: "b69456c9c8b8ad02"} {
		if got := (&Signature{ID: id, Minisign: minisign}).KeyID(); got != want {
			t.Errorf("%s, expected %s", got, want)
		}
	}
}

// same reports whether two texts say the same: base64 has bits that mean nothing, and a line may end in blanks.
func same(a, b *Signature) bool {
	return bytes.Equal(a.sum, b.sum) && bytes.Equal(a.ID, b.ID) && bytes.Equal(a.global, b.global) && a.hashed == b.hashed && a.Trusted == b.Trusted
}

// TestMessage reads a signature with the signed text in the same file.
func TestMessage(t *testing.T) {
	dir := t.TempDir()
	list := []byte("SHA256 (image) = 00\n")
	if err := os.WriteFile(filepath.Join(dir, "image"), list, 0o600); err != nil {
		t.Fatal(err)
	}
	signifyKeys(t, dir, "maker")
	run(t, dir, "signify-openbsd", "-S", "-e", "-s", "maker.sec", "-m", "image", "-x", "SHA256.sig")
	keys, err := firmware.ParseKeys("maker.pub", read(t, dir, "maker.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Parse(read(t, dir, "SHA256.sig"))
	if err != nil || !bytes.Equal(s.Message, list) {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := s.Check(context.Background(), nil, "list", keys); got.State != firmware.Passed {
		t.Errorf("%+v", got)
	}
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		text string
		not  bool
	}{
		{"", true},
		{"-----BEGIN PGP SIGNATURE-----\n", true},
		{"untrusted comment: x\n", false},
		{"untrusted comment: x\nRWQ=\n", false},
		{"untrusted comment: x\n" + strings.Repeat("A", 100) + "\n", false},
		{"untrusted comment: x\n!!!\n", false},
	} {
		_, err := Parse([]byte(tt.text))
		if _, broken := cursor.IsCorrupt(err); errors.Is(err, cursor.ErrNot) != tt.not || !tt.not && !broken {
			t.Errorf("%q: %v", tt.text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("untrusted comment: x\nRWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=\ntrusted comment: timestamp:1555779966\tfile:test\nQtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==\n"))
	f.Add([]byte("untrusted comment: x\nRWQ="))
	f.Fuzz(func(t *testing.T, p []byte) {
		if s, err := Parse(p); err == nil && (len(s.ID) != idSize || s.KeyID() == "") {
			t.Fatalf("%+v", s)
		}
	})
}
