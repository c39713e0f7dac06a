package swu

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"salvor/firmware/internal/imagetest"
)

// maker is a folder in which packages are made with the tools that SWUpdate's documentation names.
type maker struct{ *imagetest.Dir }

func newMaker(t testing.TB) *maker { return &maker{imagetest.NewDir(t)} }

// certificate makes a key with a certificate that signs itself, as SWUpdate's documentation does.
func (m *maker) certificate(t testing.TB, name string) {
	t.Helper()
	m.Run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-days", "365", "-subj", "/O=SWUpdate/CN="+name,
		"-addext", "extendedKeyUsage=codeSigning,emailProtection")
	m.Run(t, "openssl", "rsa", "-in", name+".key", "-pubout", "-out", name+".pub")
}

func (m *maker) cms(t testing.TB, name string) {
	t.Helper()
	m.Run(t, "openssl", "cms", "-sign", "-in", "sw-description", "-out", "sw-description.sig", "-signer", name+".pem", "-inkey", name+".key", "-outform", "DER", "-nosmimecap", "-binary")
}

// pack makes the archive of files in the folder.
func (m *maker) pack(t testing.TB, form string, names ...string) []byte {
	t.Helper()
	return m.Pipe(t, []byte(strings.Join(names, "\n")+"\n"), "cpio", "--quiet", "-o", "-H", form)
}

func sumOf(p []byte) string {
	x := sha256.Sum256(p)
	return hex.EncodeToString(x[:])
}

// judged asks swupdate itself whether a package is good. It is what it says that counts: it may end with an error behind
// that, when its own processes do.
func (m *maker) judged(t testing.TB, p []byte, args ...string) (said string, good bool) {
	t.Helper()
	m.Write(t, "package.swu", p)
	said, err := m.Try(t, "swupdate", append([]string{"-H", "board:1.1", "-l", "3", "-c", "-i", "package.swu"}, args...)...)
	good = strings.Contains(said, "SWUPDATE successful") && !strings.Contains(said, "SWUPDATE failed")
	if err == nil && !good {
		t.Errorf("swupdate ends well and says %s", said)
	}
	return said, good
}
