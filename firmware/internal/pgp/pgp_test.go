package pgp

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/internal/need"
)

// home is a folder of gpg with keys. It is short, since gpg makes a socket in it.
type home struct {
	dir string
}

func newHome(t testing.TB) *home {
	t.Helper()
	need.Tools(t, "gpg")
	dir, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	h := &home{dir}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", dir, "--kill", "all").Run()
		os.RemoveAll(dir)
	})
	return h
}

func (h *home) gpg(t testing.TB, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", h.dir, "--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--quiet"}, args...)...)
	var text bytes.Buffer
	cmd.Stderr = &text
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("gpg %v: %v\n%s", args, err, text.Bytes())
	}
	return out
}

func (h *home) key(t testing.TB, who, algorithm, expire string, more ...string) {
	t.Helper()
	h.gpg(t, append(more, "--quick-generate-key", who, algorithm, "sign", expire)...)
}

func (h *home) sign(t testing.TB, content []byte, who string, args ...string) []byte {
	t.Helper()
	path := filepath.Join(h.dir, "content")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return h.gpg(t, append(args, "-u", who, "-o", "-", "--detach-sign", path)...)
}

func keys(t testing.TB, files ...[]byte) (out []firmware.Key) {
	t.Helper()
	for _, f := range files {
		k, err := firmware.ParseKeys("maker.asc", f)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k...)
	}
	return out
}

func one(t testing.TB, signature, content []byte, k []firmware.Key) firmware.Signature {
	t.Helper()
	s, err := Parse(signature)
	if err != nil || len(s.All(context.Background(), block.Bytes(content), "the file", k)) != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	return s.Check(context.Background(), block.Bytes(content), "the file", k)
}

func TestSignatures(t *testing.T) {
	h, content := newHome(t), []byte("a package\nof the maker\n")
	for who, algorithm := range map[string]string{"rsa@maker": "rsa2048", "small@maker": "rsa1024", "ed@maker": "ed25519", "ec@maker": "nistp256", "other@else": "ed25519"} {
		h.key(t, who, algorithm, "never")
	}
	other := keys(t, h.gpg(t, "--export", "--armor", "other@else"))
	for _, tt := range []struct {
		who, method, weak string
		args              []string
	}{
		{"rsa@maker", "OpenPGP, RSA-2048 with SHA-512", "", nil},
		{"rsa@maker", "OpenPGP, RSA-2048 with SHA-256", "", []string{"--digest-algo", "SHA256", "--armor"}},
		{"rsa@maker", "OpenPGP, RSA-2048 with SHA-1", "SHA-1 can be forged", []string{"--digest-algo", "SHA1"}},
		{"rsa@maker", "OpenPGP, RSA-2048 with SHA-512", "", []string{"--textmode"}},
		{"small@maker", "OpenPGP, RSA-1024 with SHA-512", "RSA of 1024 bits can be broken", nil},
		{"ed@maker", "OpenPGP, Ed25519 with SHA-256", "", []string{"--armor"}},
		{"ec@maker", "OpenPGP, ECDSA P-256 with SHA-256", "", nil},
	} {
		signature := h.sign(t, content, tt.who, tt.args...)
		for _, export := range [][]byte{h.gpg(t, "--export", tt.who), h.gpg(t, "--export", "--armor", tt.who)} {
			got := one(t, signature, content, append(keys(t, export), other...))
			if got.State != firmware.Passed || got.Key != "maker.asc" || got.Method != tt.method || got.Weak != tt.weak || !strings.Contains(got.Signer, tt.who) || got.NotBefore == "" {
				t.Errorf("%s %v: %+v", tt.who, tt.args, got)
			}
			if got = one(t, signature, append([]byte("x"), content...), keys(t, export)); got.State != firmware.Failed {
				t.Errorf("%s: other content: %+v", tt.who, got)
			}
		}
		if got := one(t, signature, content, nil); got.State != firmware.Cannot || got.Why != "no OpenPGP key was given" {
			t.Errorf("%+v", got)
		}
		if got := one(t, signature, content, other); got.State != firmware.Cannot || !strings.Contains(got.Why, "not among") {
			t.Errorf("%+v", got)
		}
	}
}

// TestEnded tells a key that ended since it signed from one that had ended.
func TestEnded(t *testing.T) {
	h, content := newHome(t), []byte("x")
	old := []string{"--faked-system-time", "20200101T000000!"}
	h.key(t, "old@maker", "ed25519", "1y", old...)
	key := keys(t, h.gpg(t, "--export", "old@maker"))
	got := one(t, h.sign(t, content, "old@maker", "--faked-system-time", "20200201T000000!"), content, key)
	if got.State != firmware.Passed || !strings.Contains(got.Why, "ended since") || !strings.HasPrefix(got.NotAfter, "2020-12-31") {
		t.Errorf("%+v", got)
	}
}

// TestSubkeys: a subkey that may sign signs for its owner, one that may only decrypt does not, and none does when it was
// taken back.
func TestSubkeys(t *testing.T) {
	h, content := newHome(t), []byte("x\r\ny\n")
	h.key(t, "a@b", "ed25519", "never")
	fingerprint := ""
	for line := range strings.SplitSeq(string(h.gpg(t, "--with-colons", "--list-keys")), "\n") {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			fingerprint = f[9]
		}
	}
	h.gpg(t, "--quick-add-key", fingerprint, "rsa2048", "sign", "never")
	h.gpg(t, "--quick-add-key", fingerprint, "cv25519", "encr", "never")
	signature := h.sign(t, content, "a@b", "--textmode")
	if got := one(t, signature, content, keys(t, h.gpg(t, "--export", "a@b"))); got.State != firmware.Passed || got.Method != "OpenPGP, RSA-2048 with SHA-512" || !strings.HasPrefix(got.Signer, "a@b, ") {
		t.Errorf("%+v", got)
	}
	revocation, err := os.ReadFile(filepath.Join(h.dir, "openpgp-revocs.d", fingerprint+".rev"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(h.dir, "revocation")
	if err := os.WriteFile(path, bytes.Replace(revocation, []byte(":-----BEGIN"), []byte("-----BEGIN"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	h.gpg(t, "--import", path)
	if got := one(t, signature, content, keys(t, h.gpg(t, "--export", "a@b"))); got.State != firmware.Failed || !strings.Contains(got.Why, "taken back") {
		t.Errorf("%+v", got)
	}
}

// TestClear has lists of sums that are signed in the same file.
func TestClear(t *testing.T) {
	h := newHome(t)
	h.key(t, "a@b", "ed25519", "never")
	key := keys(t, h.gpg(t, "--export", "a@b"))
	for _, text := range []string{"0123  a.bin\n4567  b.bin\n", "- dash\n-----x\n  space  \t\n\nend\n", "one line\n"} {
		path := filepath.Join(h.dir, "list")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p := h.gpg(t, "-u", "a@b", "-o", "-", "--clearsign", path)
		s, err := Parse(p)
		// Space at the end of a line is not signed, and not kept.
		if err != nil || string(s.Signed()) != strings.ReplaceAll(text, "  \t\n", "\n") {
			t.Fatalf("%q, %v", s.Signed(), err)
		}
		if got := s.Check(context.Background(), nil, "x", key); got.State != firmware.Passed {
			t.Errorf("%q: %+v", text, got)
		}
		if s, err = Parse(bytes.Replace(p, []byte("e"), []byte("f"), 1)); err == nil && !strings.Contains(text, "a.bin") && s.Check(context.Background(), nil, "x", key).State == firmware.Passed {
			t.Errorf("%q: a change is not seen", text)
		}
		if s, err = Parse(bytes.Replace(p, []byte("0123"), []byte("0124"), 1)); strings.Contains(text, "0123") && (err != nil || s.Check(context.Background(), nil, "x", key).State != firmware.Failed) {
			t.Errorf("%q: another sum: %v", text, err)
		}
	}
	if _, err := Parse([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nx")); err == nil {
		t.Error("no text")
	}
}

func TestBroken(t *testing.T) {
	for _, s := range []string{"-----BEGIN PGP SIGNATURE-----\n\nAAAA", "-----BEGIN PGP SIGNATURE-----\n\n????\n-----END PGP SIGNATURE-----", "-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----",
		"-----BEGIN PGP SIGNATURE-----\n\niHUE\n=AAAA\n-----END PGP SIGNATURE-----", "\x88\x10\x04\x00\x01\x08\x00\x06aaaaaaaa", "\xC2\x20\x04\x00\x01\x08\x00\x06aaaaaa"} {
		_, err := Parse([]byte(s))
		if _, broken := cursor.IsCorrupt(err); !broken {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestPrivate(t *testing.T) {
	h := newHome(t)
	h.key(t, "a@b", "ed25519", "never")
	for _, args := range [][]string{{"--export-secret-keys", "a@b"}, {"--armor", "--export-secret-keys", "a@b"}} {
		if _, err := firmware.ParseKeys("x", h.gpg(t, args...)); err == nil || !strings.Contains(err.Error(), "private key") {
			t.Errorf("%v: %v", args, err)
		}
	}
	if _, err := Parse([]byte("untrusted comment: x")); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

// TestDamage: no panic, and what was changed does not pass.
func TestDamage(t *testing.T) {
	h, content := newHome(t), []byte("content")
	h.key(t, "a@b", "rsa2048", "never")
	key, rnd := keys(t, h.gpg(t, "--export", "a@b")), rand.New(rand.NewPCG(8, 8))
	signature := h.sign(t, content, "a@b")
	passed := 0
	for range 1500 {
		p := bytes.Clone(signature)
		for range 1 + rnd.IntN(3) {
			p[rnd.IntN(len(p))] ^= 1 << rnd.IntN(8)
		}
		s, err := Parse(p[:len(p)-rnd.IntN(2)*rnd.IntN(50)])
		if err == nil && s.Check(context.Background(), block.Bytes(content), "x", key).State == firmware.Passed {
			passed++ // the part that nothing signs has some bytes
		}
	}
	if passed > 200 {
		t.Errorf("%d of 1500 changed signatures pass", passed)
	}
}

func FuzzCheck(f *testing.F) {
	h := newHome(f)
	h.key(f, "a@b", "ed25519", "never")
	key := keys(f, h.gpg(f, "--export", "a@b"))
	f.Add(h.sign(f, []byte("x"), "a@b"))
	f.Add(h.sign(f, []byte("x"), "a@b", "--armor"))
	f.Fuzz(func(t *testing.T, p []byte) {
		s, err := Parse(p)
		if err != nil {
			return
		}
		s.Check(context.Background(), block.Bytes([]byte("x")), "x", key)
		s.Signed()
	})
}
