package firmware

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

func TestParseKeys(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	big2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "maker"}, NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{Subject: pkix.Name{CommonName: "maker"}}, &ec.PublicKey, ec)
	if err != nil {
		t.Fatal(err)
	}
	pkixKey, err := x509.MarshalPKIXPublicKey(&big2048.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}) }
	usign := append([]byte("Ed12345678"), public...)
	for _, tt := range []struct {
		name string
		data []byte
		keys int
		cert bool
	}{
		{"certificate", block("CERTIFICATE", certificate), 1, true},
		{"two", append(block("CERTIFICATE", certificate), block("PUBLIC KEY", pkixKey)...), 2, true},
		{"DER", pkixKey, 1, false},
		{"old RSA", block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&big2048.PublicKey)), 1, false},
		{"usign", []byte("untrusted comment: public key 3132\n" + base64.StdEncoding.EncodeToString(usign) + "\n"), 1, false},
		{"usign cut", []byte("untrusted comment: x\n" + base64.StdEncoding.EncodeToString(usign[:20]) + "\n"), 0, false},
		{"private", block("PRIVATE KEY", secret), 0, false},
		{"text", []byte("hello"), 0, false},
		{"nothing", nil, 0, false},
	} {
		keys, err := ParseKeys(tt.name, tt.data)
		if (err != nil) != (tt.keys == 0) || len(keys) != tt.keys {
			t.Errorf("%s: %d keys, %v", tt.name, len(keys), err)
			continue
		}
		if tt.keys > 0 && ((keys[0].Certificate != nil) != tt.cert || keys[0].Public == nil || keys[0].Name != tt.name) {
			t.Errorf("%s: %+v", tt.name, keys[0])
		}
	}
}
