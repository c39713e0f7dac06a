package cab

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

const guid = "2d47f29b-83a2-4f31-a2e8-63474f4d4c2e"

// description is a metainfo.xml of a payload; more stands in it in front of the releases.
func description(payload []byte, more string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<component type="firmware">
  <id>com.acme.gw.firmware</id>
  <name>GW-100</name>
  <provides><firmware type="flashed">%s</firmware></provides>
  %s
  <releases>
    <release urgency="high" version="1.2.3" date="2026-01-02">
      <checksum type="sha1" filename="gw.bin" target="content">%x</checksum>
      <checksum type="sha256" filename="gw.bin" target="content">%x</checksum>
    </release>
  </releases>
</component>
`, guid, more, sha1.Sum(payload), sha256.Sum256(payload))
}

// maker makes cabinets with the tools of their makers.
type maker struct{ *imagetest.Dir }

func newMaker(t testing.TB) *maker { return &maker{imagetest.NewDir(t)} }

// payload is one that becomes smaller when it is packed, of several blocks.
func payload() []byte {
	return append(firmwaretest.Noise(40_000, 3), bytes.Repeat([]byte("some words of firmware, again and again "), 1500)...)
}

// firmware writes a payload and its description.
func (m *maker) firmware(t testing.TB, more string) []byte {
	t.Helper()
	p := payload()
	m.Write(t, "gw.bin", p)
	m.Write(t, "gw.metainfo.xml", description(p, more))
	return p
}

// keys makes a certificate for signing.
func (m *maker) keys(t testing.TB, name string) []firmware.Key {
	t.Helper()
	m.Run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", name+".key", "-out", name+".pem", "-days", "100", "-subj", "/O=Maker/CN="+name,
		"-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=emailProtection,codeSigning")
	return m.Keys(t, name+".pem")
}

// sign makes a .jcat with sums and signatures of both files.
func (m *maker) sign(t testing.TB, name, target string) {
	t.Helper()
	for _, f := range []string{"gw.bin", "gw.metainfo.xml"} {
		for _, kind := range []string{"sha1", "sha256", "sha512"} {
			m.Run(t, "jcat-tool", "self-sign", "--kind", kind, "gw.jcat", f)
		}
		args := []string{"sign", "gw.jcat", f, name + ".pem", name + ".key"}
		if target != "" {
			args = append([]string{"--target", target}, args...)
		}
		m.Run(t, "jcat-tool", args...)
	}
}

func (m *maker) cabinet(t testing.TB, zip bool, files ...string) []byte {
	t.Helper()
	args := []string{"-c", "-n"}
	if zip {
		args = append(args, "-z")
	}
	m.Run(t, "gcab", append(append(args, "out.cab"), files...)...)
	return m.Read(t, "out.cab")
}
