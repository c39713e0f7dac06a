package pubkey

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	_ "crypto/md5" // the hashes are asked for by their crypto.Hash
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"fmt"
	"math/big"
	"strings"
	"time"

	"salvor/firmware"
)

// Scheme is a way of signing.
type Scheme uint8

// The ways of signing.
const (
	PKCS1 Scheme = iota + 1 // RSA with the padding of PKCS #1 version 1.5
	PSS                     // RSA with PSS, the same hash in MGF1
	ECDSA
	Ed25519
)

// Statement is a signature with what it covers. Digest or Message is set; Ed25519 wants Message.
type Statement struct {
	What      string // what it covers: firmware.Signature.What
	Signer    string // who it says it is; "" when it does not
	Scheme    Scheme
	Hash      crypto.Hash // 0 for Ed25519
	Digest    []byte      // of Hash, over what is signed
	Message   []byte      // what is signed
	Signature []byte
	// Names says whether the key is the one that the signature names, by its ID or its certificate. Nil when it names
	// none.
	Names func(*firmware.Key) bool
}

// Check holds s against the keys.
func Check(keys []firmware.Key, s *Statement) firmware.Signature {
	out := firmware.Signature{What: s.What, Method: s.method(nil), Signer: s.Signer, Weak: s.weak(nil), State: firmware.Cannot}
	digest, err := s.digest()
	switch {
	case err != nil:
		out.Why = err.Error()
		return out
	case len(keys) == 0:
		out.Why = "no key was given"
		return out
	}
	var named, fitting int
	for i := range keys {
		k := &keys[i]
		if s.Names != nil && !s.Names(k) {
			continue
		}
		named++
		if !s.takes(k.Public) {
			continue
		}
		fitting++
		if s.verify(k.Public, digest) {
			out.State, out.Key, out.Method, out.Weak = firmware.Passed, k.Name, s.method(k.Public), s.weak(k.Public)
			if c := k.Certificate; c != nil {
				out.NotAfter = c.NotAfter.UTC().Format(time.RFC3339)
				if out.Signer == "" {
					out.Signer = c.Subject.String()
				}
			}
			return out
		}
	}
	switch {
	case named == 0:
		out.Why = "the key that it names is not among those that were given"
	case fitting == 0:
		out.Why = fmt.Sprintf("none of the keys that were given is for %s", s.method(nil))
	case s.Names != nil:
		out.State, out.Why = firmware.Failed, "the key that it names did not make it over these bytes"
	default:
		out.State, out.Why = firmware.Failed, fmt.Sprintf("none of %d keys made it over these bytes", fitting)
	}
	return out
}

// digest returns what the scheme signs.
func (s *Statement) digest() ([]byte, error) {
	if s.Scheme == Ed25519 {
		if s.Message == nil {
			return nil, fmt.Errorf("the message that is signed is not known")
		}
		return s.Message, nil
	}
	if s.Hash == 0 || !s.Hash.Available() {
		return nil, fmt.Errorf("its hash is not one that can be computed")
	}
	if s.Digest == nil && s.Message != nil {
		h := s.Hash.New()
		h.Write(s.Message)
		return h.Sum(nil), nil
	}
	if len(s.Digest) != s.Hash.Size() {
		return nil, fmt.Errorf("a digest of %d bytes is expected, %d bytes were found", s.Hash.Size(), len(s.Digest))
	}
	return s.Digest, nil
}

// takes reports whether a key is of the kind that can have made the signature.
func (s *Statement) takes(key crypto.PublicKey) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return (s.Scheme == PKCS1 || s.Scheme == PSS) && k.N != nil && k.N.Sign() > 0 && k.Size() == len(s.Signature)
	case *ecdsa.PublicKey:
		return s.Scheme == ECDSA && k.Curve != nil // those who parse keys see to it that it is a point
	case ed25519.PublicKey:
		return s.Scheme == Ed25519 && len(k) == ed25519.PublicKeySize
	}
	return false
}

// verify reports whether the key made the signature. What takes refuses must not come here.
func (s *Statement) verify(key crypto.PublicKey, digest []byte) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if s.Scheme == PSS {
			return rsa.VerifyPSS(k, s.Hash, digest, s.Signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(k, s.Hash, digest, s.Signature) == nil
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(k, digest, s.Signature) {
			return true
		}
		n := (k.Params().N.BitLen() + 7) / 8
		if len(s.Signature) != 2*n {
			return false
		}
		return ecdsa.Verify(k, digest, new(big.Int).SetBytes(s.Signature[:n]), new(big.Int).SetBytes(s.Signature[n:]))
	case ed25519.PublicKey:
		return ed25519.Verify(k, digest, s.Signature)
	}
	return false
}

// method names the scheme for people, with the key's size as far as it is known.
func (s *Statement) method(key crypto.PublicKey) string {
	switch s.Scheme {
	case PKCS1, PSS:
		padding := map[Scheme]string{PKCS1: "PKCS#1", PSS: "PSS"}[s.Scheme]
		return fmt.Sprintf("RSA-%d with %s, %s", 8*len(s.Signature), HashName(s.Hash), padding)
	case ECDSA:
		name := "ECDSA"
		if k, ok := key.(*ecdsa.PublicKey); ok {
			name += " " + k.Params().Name
		}
		return name + " with " + HashName(s.Hash)
	case Ed25519:
		return "Ed25519"
	}
	return "an unknown algorithm"
}

func (s *Statement) weak(key crypto.PublicKey) string {
	bits := 0
	if s.Scheme == PKCS1 || s.Scheme == PSS {
		bits = 8 * len(s.Signature)
	}
	if k, ok := key.(*rsa.PublicKey); ok {
		bits = k.N.BitLen()
	}
	return Weak(s.Hash, bits)
}

// HashName names a hash for people: "SHA-256".
func HashName(h crypto.Hash) string {
	if h == 0 {
		return "an unknown hash"
	}
	return h.String()
}

// Weak says why a hash or an RSA key of so many bits is weak; "" when neither is. bits is 0 for other keys.
func Weak(h crypto.Hash, bits int) string {
	var why []string
	switch h {
	case crypto.MD5, crypto.SHA1:
		why = append(why, h.String()+" can be forged")
	}
	if bits > 0 && bits < 2048 {
		why = append(why, fmt.Sprintf("RSA of %d bits can be broken", bits))
	}
	return strings.Join(why, ", ")
}
