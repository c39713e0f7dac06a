package swu

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/firmware"
)

// maker is a folder in which packages are made with the tools that SWUpdate's documentation names.
type maker struct {
	dir string
}

func newMaker(t testing.TB) *maker { return &maker{dir: t.TempDir()} }

// tool returns the path of a program; without it the test is skipped, but where everything must run.
func tool(t testing.TB, name string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("SALVOR_CI") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return program
}

func (m *maker) run(t testing.TB, stdin, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	cmd.Dir, cmd.Stdin = m.dir, strings.NewReader(stdin)
	var text strings.Builder
	cmd.Stderr = &text
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, text.String())
	}
	return out
}

func (m *maker) write(t testing.TB, name string, p []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), p, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (m *maker) read(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// certificate makes a key with a certificate that signs itself, as SWUpdate's documentation does.
func (m *maker) certificate(t testing.TB, name string) {
	t.Helper()
	m.run(t, "", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-days", "365", "-subj", "/O=SWUpdate/CN="+name,
		"-addext", "extendedKeyUsage=codeSigning,emailProtection")
	m.run(t, "", "openssl", "rsa", "-in", name+".key", "-pubout", "-out", name+".pub")
}

func (m *maker) keys(t testing.TB, names ...string) (out []firmware.Key) {
	t.Helper()
	for _, name := range names {
		k, err := firmware.ParseKeys(name, m.read(t, name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, k...)
	}
	return out
}

func (m *maker) cms(t testing.TB, name string) {
	t.Helper()
	m.run(t, "", "openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", name+".pem", "-inkey", name+".key", "-outform", "DER", "-nosmimecap", "-binary")
}

// pack makes the archive of files in the folder.
func (m *maker) pack(t testing.TB, form string, names ...string) []byte {
	t.Helper()
	return m.run(t, strings.Join(names, "\n")+"\n", "cpio", "--quiet", "-o", "-H", form)
}

func sumOf(p []byte) string {
	x := sha256.Sum256(p)
	return hex.EncodeToString(x[:])
}

// judged asks swupdate itself whether a package is good. It is what it says that counts: it may end with an error behind
// that, when its own processes do.
func (m *maker) judged(t testing.TB, p []byte, args ...string) (said string, good bool) {
	t.Helper()
	program := tool(t, "swupdate")
	m.write(t, "package.swu", p)
	cmd := exec.Command(program, append([]string{"-H", "board:1.1", "-l", "3", "-c", "-i", "package.swu"}, args...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+m.dir)
	out, err := cmd.CombinedOutput()
	said = string(out)
	good = strings.Contains(said, "SWUPDATE successful") && !strings.Contains(said, "SWUPDATE failed")
	if err == nil && !good {
		t.Errorf("swupdate ends well and says %s", said)
	}
	return said, good
}
