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

// ParseKeys reads the public keys of a file: certificates and public keys as PEM or DER, and public keys of usign, signify
// and minisign, which are two lines of text. A private key is refused, so that none is ever carried along.
func ParseKeys(name string, data []byte) ([]Key, error) {
	if bytes.Contains(data, []byte("PRIVATE KEY-----")) {
		return nil, fmt.Errorf("firmware: %s holds a private key; give the public one", name)
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
