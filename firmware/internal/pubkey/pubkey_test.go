package pubkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"salvor/firmware"
)

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t testing.TB, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sum(h crypto.Hash, p []byte) []byte {
	x := h.New()
	x.Write(p)
	return x.Sum(nil)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// raw returns r and s one after the other.
func raw(t testing.TB, k *ecdsa.PrivateKey, digest []byte) []byte {
	r, s, err := ecdsa.Sign(rand.Reader, k, digest)
	if err != nil {
		t.Fatal(err)
	}
	n := (k.Params().N.BitLen() + 7) / 8
	out := make([]byte, 2*n)
	r.FillBytes(out[:n])
	s.FillBytes(out[n:])
	return out
}

func TestSchemes(t *testing.T) {
	message := []byte("a package of the maker")
	small, big := rsaKey(t, 1024), rsaKey(t, 2048)
	p256, p384, p224 := ecKey(t, elliptic.P256()), ecKey(t, elliptic.P384()), ecKey(t, elliptic.P224())
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig := must[[]byte](t)
	for _, tt := range []struct {
		name         string
		s            Statement
		key          crypto.PublicKey
		method, weak string
	}{
		{"PKCS#1", Statement{Scheme: PKCS1, Hash: crypto.SHA256, Signature: sig(rsa.SignPKCS1v15(nil, big, crypto.SHA256, sum(crypto.SHA256, message)))}, &big.PublicKey, "RSA-2048 with SHA-256, PKCS#1", ""},
		{"SHA-1, 1024", Statement{Scheme: PKCS1, Hash: crypto.SHA1, Signature: sig(rsa.SignPKCS1v15(nil, small, crypto.SHA1, sum(crypto.SHA1, message)))}, &small.PublicKey,
			"RSA-1024 with SHA-1, PKCS#1", "SHA-1 can be forged, RSA of 1024 bits can be broken"},
		{"MD5", Statement{Scheme: PKCS1, Hash: crypto.MD5, Signature: sig(rsa.SignPKCS1v15(nil, big, crypto.MD5, sum(crypto.MD5, message)))}, &big.PublicKey, "RSA-2048 with MD5, PKCS#1", "MD5 can be forged"},
		{"PSS", Statement{Scheme: PSS, Hash: crypto.SHA384, Signature: sig(rsa.SignPSS(rand.Reader, big, crypto.SHA384, sum(crypto.SHA384, message), nil))}, &big.PublicKey, "RSA-2048 with SHA-384, PSS", ""},
		{"PSS, short salt", Statement{Scheme: PSS, Hash: crypto.SHA256, Signature: sig(rsa.SignPSS(rand.Reader, big, crypto.SHA256, sum(crypto.SHA256, message), &rsa.PSSOptions{SaltLength: 20}))}, &big.PublicKey, "RSA-2048 with SHA-256, PSS", ""},
		{"P-256", Statement{Scheme: ECDSA, Hash: crypto.SHA256, Signature: sig(ecdsa.SignASN1(rand.Reader, p256, sum(crypto.SHA256, message)))}, &p256.PublicKey, "ECDSA P-256 with SHA-256", ""},
		{"P-384 raw", Statement{Scheme: ECDSA, Hash: crypto.SHA384, Signature: raw(t, p384, sum(crypto.SHA384, message))}, &p384.PublicKey, "ECDSA P-384 with SHA-384", ""},
		{"P-224 raw", Statement{Scheme: ECDSA, Hash: crypto.SHA256, Signature: raw(t, p224, sum(crypto.SHA256, message))}, &p224.PublicKey, "ECDSA P-224 with SHA-256", ""},
		{"Ed25519", Statement{Scheme: Ed25519, Signature: ed25519.Sign(private, message)}, public, "Ed25519", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.s
			s.What, s.Message = "the package", message
			others := []firmware.Key{{Name: "small", Public: &rsaKey(t, 1024).PublicKey}, {Name: "big", Public: &rsaKey(t, 2048).PublicKey}, {Name: "curve", Public: &ecKey(t, elliptic.P256()).PublicKey},
				{Name: "edwards", Public: must2(ed25519.GenerateKey(rand.Reader))}}
			got := Check(append(others, firmware.Key{Name: "maker", Public: tt.key}), &s)
			if got.State != firmware.Passed || got.Key != "maker" || got.Method != tt.method || got.Weak != tt.weak || got.What != "the package" {
				t.Errorf("%+v", got)
			}
			if s.Scheme != Ed25519 {
				d := s
				d.Message, d.Digest = nil, sum(s.Hash, message)
				if got := Check([]firmware.Key{{Name: "maker", Public: tt.key}}, &d); got.State != firmware.Passed {
					t.Errorf("by its digest: %+v", got)
				}
			}
			if got := Check(others, &s); got.State != firmware.Failed || got.Weak != tt.weak || !strings.Contains(got.Why, "none of") {
				t.Errorf("wrong keys: %+v", got)
			}
			if got := Check(nil, &s); got.State != firmware.Cannot || got.Why != "no key was given" || got.Weak != tt.weak {
				t.Errorf("no key: %+v", got)
			}
			changed := s
			changed.Message = []byte("a package of another")
			if got := Check([]firmware.Key{{Name: "maker", Public: tt.key}}, &changed); got.State != firmware.Failed {
				t.Errorf("another message: %+v", got)
			}
			for i := range s.Signature {
				flipped := s
				flipped.Signature = bytes.Clone(s.Signature)
				flipped.Signature[i] ^= 1
				if got := Check([]firmware.Key{{Name: "maker", Public: tt.key}}, &flipped); got.State != firmware.Failed {
					t.Fatalf("bit of byte %d: %+v", i, got)
				}
			}
		})
	}
}

func must2(p ed25519.PublicKey, _ ed25519.PrivateKey, _ error) ed25519.PublicKey { return p }

func TestNames(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &Statement{Scheme: Ed25519, Message: []byte("m"), Signature: ed25519.Sign(private, []byte("m")), Names: func(k *firmware.Key) bool { return string(k.ID) == "12345678" }}
	for _, tt := range []struct {
		keys []firmware.Key
		want firmware.State
		why  string
	}{
		{[]firmware.Key{{ID: []byte("12345678"), Public: public}}, firmware.Passed, ""},
		{[]firmware.Key{{ID: []byte("other678"), Public: public}}, firmware.Cannot, "the key that it names is not among"},
		{[]firmware.Key{{ID: []byte("12345678"), Public: must2(ed25519.GenerateKey(rand.Reader))}}, firmware.Failed, "the key that it names did not make it"},
		{[]firmware.Key{{ID: []byte("12345678"), Public: &rsaKey(t, 1024).PublicKey}}, firmware.Cannot, "none of the keys that were given is for Ed25519"},
	} {
		if got := Check(tt.keys, s); got.State != tt.want || !strings.HasPrefix(got.Why, tt.why) {
			t.Errorf("%+v, want %v", got, tt.want)
		}
	}
}

// TestCertificate tells whose certificate it was and until when it is valid.
func TestCertificate(t *testing.T) {
	k := ecKey(t, elliptic.P256())
	until := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
	about := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "maker"}, NotAfter: until}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, about, about, &k.PublicKey, k))
	keys, err := firmware.ParseKeys("maker.crt", der)
	if err != nil {
		t.Fatal(err)
	}
	digest := sum(crypto.SHA256, []byte("m"))
	got := Check(keys, &Statement{Scheme: ECDSA, Hash: crypto.SHA256, Digest: digest, Signature: raw(t, k, digest)})
	if got.State != firmware.Passed || got.Signer != "CN=maker" || got.NotAfter != "2031-02-03T04:05:06Z" || got.Key != "maker.crt" {
		t.Errorf("%+v", got)
	}
}

// TestHostile answers to keys and statements that cannot be.
func TestHostile(t *testing.T) {
	keys := []firmware.Key{{Public: &ecKey(t, elliptic.P521()).PublicKey}, {Public: &ecdsa.PublicKey{}}, {Public: &rsa.PublicKey{}}, {Public: &rsa.PublicKey{N: big.NewInt(0), E: 3}},
		{Public: &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 63), E: 2}}, {Public: &rsa.PublicKey{N: big.NewInt(-5), E: -1}}, {Public: ed25519.PublicKey{1}}, {Public: "text"}, {}}
	for scheme := range Scheme(7) {
		for _, h := range []crypto.Hash{0, crypto.SHA256, crypto.SHA512, crypto.BLAKE2b_512, 200} {
			for _, n := range []int{0, 1, 8, 56, 64, 65} {
				for _, digest := range [][]byte{nil, make([]byte, 3), make([]byte, 32), make([]byte, 64)} {
					s := &Statement{Scheme: scheme, Hash: h, Digest: digest, Signature: make([]byte, n)}
					if got := Check(keys, s); got.State == firmware.Passed || got.Why == "" {
						t.Errorf("%+v: %+v", s, got)
					}
					s.Message = digest
					if got := Check(keys, s); got.State == firmware.Passed || got.Why == "" {
						t.Errorf("%+v: %+v", s, got)
					}
				}
			}
		}
	}
}

func FuzzCheck(f *testing.F) {
	k := ecKey(f, elliptic.P256())
	r := rsaKey(f, 1024)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	keys := []firmware.Key{{Name: "a", Public: &k.PublicKey}, {Name: "b", Public: &r.PublicKey}, {Name: "c", Public: public}}
	f.Add(byte(1), []byte("message"), make([]byte, 128))
	f.Add(byte(3), []byte("message"), make([]byte, 64))
	f.Add(byte(4), []byte("message"), make([]byte, 64))
	f.Fuzz(func(t *testing.T, scheme byte, message, signature []byte) {
		if got := Check(keys, &Statement{Scheme: Scheme(scheme), Hash: crypto.SHA256, Message: message, Signature: signature}); got.State == firmware.Passed {
			t.Fatalf("%+v", got)
		}
	})
}
