package luks

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/volume"
)

// tool runs a program of Debian. Where it is missing the test is skipped, but not where everything must run.
func tool(t testing.TB, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := need.Command(t, name, args...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin")
	return cmd.CombinedOutput()
}

func must(t testing.TB, name string, args ...string) []byte {
	t.Helper()
	out, err := tool(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// known is the content of volumes, which is text.
func known(size int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "line %08d of a volume whose content is known\n", i)
	}
	return b.Bytes()[:size]
}

const (
	secret = "a phrase that opens"
	// room is what the header, its key material and the payload's alignment take of a file; encrypting moves the
	// data by half of it.
	room = 4 << 20
)

// made is a volume that cryptsetup encrypted.
type made struct {
	dir, path string
	plain     []byte
}

// encrypted makes a volume out of a file of size bytes of known content.
func encrypted(t testing.TB, size int, args ...string) made {
	t.Helper()
	m := made{dir: t.TempDir(), plain: known(size)}
	m.path = filepath.Join(m.dir, "volume.img")
	if err := os.WriteFile(m.path, append(bytes.Clone(m.plain), make([]byte, room)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(m.dir, "secret"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "cryptsetup", append([]string{"reencrypt", "--encrypt", "-q", "--type", "luks2", "--reduce-device-size", "4M",
		"--key-file", m.secret(), m.path}, args...)...)
	return m
}

func (m made) secret() string { return filepath.Join(m.dir, "secret") }

func (m made) read(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile(m.path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// holds checks that src gives the known content.
func (m made) holds(t testing.TB, src block.Source) {
	t.Helper()
	h := sha256.New()
	n, err := io.CopyN(h, block.Reader(src), int64(len(m.plain)))
	if err != nil || [sha256.Size]byte(h.Sum(nil)) != sha256.Sum256(m.plain) {
		t.Errorf("%d bytes, %v; the content differs", n, err)
	}
}

// cheap keeps deriving keys fast.
var (
	pbkdf2   = []string{"--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000"}
	argon2id = []string{"--pbkdf", "argon2id", "--pbkdf-force-iterations", "4", "--pbkdf-memory", "1024", "--pbkdf-parallel", "2"}
	argon2i  = []string{"--pbkdf", "argon2i", "--pbkdf-force-iterations", "4", "--pbkdf-memory", "2048", "--pbkdf-parallel", "1"}
)

// TestMatrix opens volumes of every version, key derivation, mode and size of sectors that cryptsetup makes without
// a kernel, and compares all their bytes.
func TestMatrix(t *testing.T) {
	for _, c := range []struct {
		name    string
		luks1   bool
		args    []string
		derived []string
	}{
		{"xts-256", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2},
		{"xts-512", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "512"}, argon2id},
		{"xts-1024", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "512", "--sector-size", "1024"}, argon2i},
		{"xts-2048", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "512", "--sector-size", "2048"}, pbkdf2},
		{"xts-4096", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "512", "--sector-size", "4096"}, argon2id},
		{"essiv", false, []string{"--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"}, argon2id},
		{"essiv-4096", false, []string{"--cipher", "aes-cbc-essiv:sha256", "--key-size", "128", "--sector-size", "4096"}, pbkdf2},
		{"cbc", false, []string{"--cipher", "aes-cbc-plain64", "--key-size", "192"}, pbkdf2},
		{"cbc-4096", false, []string{"--cipher", "aes-cbc-plain", "--key-size", "256", "--sector-size", "4096"}, argon2id},
		{"sha512", false, []string{"--cipher", "aes-xts-plain64", "--key-size", "512", "--hash", "sha512"}, pbkdf2},
		{"luks1-xts", true, []string{"--cipher", "aes-xts-plain64", "--key-size", "512"}, pbkdf2},
		{"luks1-essiv", true, []string{"--cipher", "aes-cbc-essiv:sha256", "--key-size", "256", "--hash", "sha1"}, pbkdf2},
		{"luks1-cbc", true, []string{"--cipher", "aes-cbc-plain64", "--key-size", "128"}, pbkdf2},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := encrypted(t, 1<<20, append(c.args, c.derived...)...)
			if c.luks1 {
				must(t, "cryptsetup", "convert", "-q", "--type", "luks1", m.path)
			}
			l := only(t, m.read(t))
			dump := string(must(t, "cryptsetup", "luksDump", m.path))
			if !strings.Contains(dump, l.UUID) || l.UUID == "" || l.Format == "LUKS1" != c.luks1 || !l.Valid || codes(l) != "" {
				t.Errorf("%+v, findings %q\n%s", l, codes(l), dump)
			}
			if name, _, _ := strings.Cut(l.Cipher, ","); name != c.args[1] || !strings.Contains(l.Cipher, c.args[3]+"-bit key") {
				t.Errorf("cipher %q", l.Cipher)
			}
			if _, err := l.Open(t.Context(), phrase("another secret")); err != volume.ErrWrongSecret {
				t.Errorf("a wrong passphrase: %v", err)
			}
			src, err := l.Open(t.Context(), phrase(secret))
			if err != nil {
				t.Fatal(err)
			}
			m.holds(t, src)
			place := src.(volume.Placer).Places(block.Extent{Offset: 5000, Length: 100})
			payload := int64(len(m.plain)+room) - src.Size()
			if len(place) != 1 || place[0] != (volume.Place{Logical: 5000, Length: 100, Physical: payload + 5000}) {
				t.Errorf("bytes 5000 to 5100 stand at %+v, expected behind %d", place, payload)
			}
		})
	}
}

// TestKeys gives the other kinds of secrets to one volume: a key file, a second slot, the volume key, slots that
// were wiped.
func TestKeys(t *testing.T) {
	m := encrypted(t, 1<<20, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
	file := filepath.Join(m.dir, "key file")
	content := append([]byte("\x00\x01binary\n"), make([]byte, 1000)...)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "cryptsetup", append([]string{"luksAddKey", "-q", "--key-file", m.secret(), m.path, file}, argon2id...)...)
	key := filepath.Join(m.dir, "volume key")
	must(t, "cryptsetup", "luksDump", "-q", "--dump-volume-key", "--volume-key-file", key, "--key-file", m.secret(), m.path)
	volumeKey, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	l := only(t, m.read(t))
	if len(l.Needs) != 3 || l.Needs[0].Note != "pbkdf2 with sha256" || l.Needs[1].Note != "argon2id, 1 MiB of memory" || l.Needs[1].ID != "slot 1" || l.Needs[2].Kind != volume.KeyFile {
		t.Errorf("needs %+v", l.Needs)
	}
	for _, s := range []volume.Secret{phrase(secret), {Kind: volume.KeyFile, Bytes: content}, {Kind: volume.VolumeKey, Bytes: volumeKey}} {
		src, err := l.Open(t.Context(), s)
		if err != nil {
			t.Errorf("%s: %v", s.Kind, err)
			continue
		}
		m.holds(t, src)
	}
	for _, s := range []volume.Secret{phrase(""), {Kind: volume.KeyFile, Bytes: content[:20]}, {Kind: volume.VolumeKey, Bytes: make([]byte, 32)}, {Kind: volume.VolumeKey}} {
		if _, err := l.Open(t.Context(), s); err != volume.ErrWrongSecret {
			t.Errorf("a wrong %s: %v", s.Kind, err)
		}
	}
	for _, kind := range []volume.SecretKind{volume.RecoveryKey, volume.StartupKey, volume.ClearKey, ""} {
		if _, err := l.Open(t.Context(), volume.Secret{Kind: kind, Bytes: []byte(secret)}); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", kind, err)
		}
	}

	// A slot that the owner wiped is gone; the other one still opens.
	must(t, "cryptsetup", "luksKillSlot", "-q", "--key-file", file, m.path, "0")
	l = only(t, m.read(t))
	if len(l.Needs) != 2 || codes(l) != "" {
		t.Errorf("needs %+v, findings %q", l.Needs, codes(l))
	}
	if _, err := l.Open(t.Context(), phrase(secret)); err != volume.ErrWrongSecret {
		t.Errorf("the wiped slot: %v", err)
	}
	if src, err := l.Open(t.Context(), volume.Secret{Kind: volume.KeyFile, Bytes: content}); err != nil {
		t.Error(err)
	} else {
		m.holds(t, src)
	}
}
