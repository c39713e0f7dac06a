package firmware

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

// ParseKeys reads the public keys of a file: certificates and public keys as PEM or DER, public keys of usign, signify and
// minisign, which are two lines of text, and OpenPGP keys, armoured or binary, which stay as they are. A private key is
// refused, so that none is ever carried along.
func ParseKeys(name string, data []byte) ([]Key, error) {
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) || bytes.Contains(data, []byte("PGP PRIVATE KEY BLOCK-----")) || pgpPacket(data, pgpSecret) {
		return nil, fmt.Errorf("firmware: %s holds a private key; give the public one", name)
	}
	if bytes.Contains(data, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")) || pgpPacket(data, pgpPublic) {
		return []Key{{Name: name, OpenPGP: data}}, nil
	}
	var out []Key
	for rest := data; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		k, err := parseDER(name, b.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	if len(out) > 0 {
		return out, nil
	}
	if k, ok := parseUsign(name, data); ok {
		return []Key{k}, nil
	}
	k, err := parseDER(name, data)
	if err != nil {
		return nil, err
	}
	return []Key{k}, nil
}

// Tags of packets of OpenPGP.
const (
	pgpSecret = 5
	pgpPublic = 6
)

// pgpPacket reports whether data begins with a packet of that tag, which holds a key of version 3 to 6.
func pgpPacket(data []byte, tag byte) bool {
	if len(data) < 8 || data[0]&0x80 == 0 {
		return false
	}
	at := 0
	switch first := data[0]; {
	case first&0x40 != 0 && first&0x3F == tag: // the newer form: the length says how long it is itself
		switch n := data[1]; {
		case n < 192:
			at = 2
		case n < 224:
			at = 3
		case n == 255:
			at = 6
		}
	case first&0x40 == 0 && first>>2&0xF == tag && first&3 < 3:
		at = 1 + 1<<(first&3)
	}
	return at > 0 && data[at] >= 3 && data[at] <= 6
}

// parseDER reads a certificate or a public key.
func parseDER(name string, der []byte) (Key, error) {
	if c, err := x509.ParseCertificate(der); err == nil {
		return Key{Name: name, Public: c.PublicKey, Certificate: c}, nil
	}
	if k, err := x509.ParsePKIXPublicKey(der); err == nil {
		return Key{Name: name, Public: k}, nil
	}
	if k, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return Key{Name: name, Public: k}, nil
	}
	return Key{}, fmt.Errorf("firmware: %s: expected a certificate or a public key, found neither", name)
}

// parseUsign reads a public key of usign or signify (algorithm "Ed", ID of 8 bytes, key), or of minisign, which has the same
// layout.
func parseUsign(name string, data []byte) (Key, bool) {
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "untrusted comment:") {
		return Key{}, false
	}
	p, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[1]))
	if err != nil || len(p) != 2+8+ed25519.PublicKeySize || string(p[:2]) != "Ed" {
		return Key{}, false
	}
	return Key{Name: name, ID: p[2:10], Public: ed25519.PublicKey(p[10:])}, true
}
