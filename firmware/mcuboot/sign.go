package mcuboot

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
)

// maxPure is the largest image whose bytes are signed themselves, in bytes: Ed25519 wants all of them at once.
const maxPure = 64 << 20

// whole is what signatures cover.
const whole = "the whole image"

var kinds = map[uint16]pubkey.Scheme{typeRSA2048: pubkey.PSS, typeRSA3072: pubkey.PSS, typeECDSA: pubkey.ECDSA, typeECDSA224: pubkey.ECDSA, typeEd25519: pubkey.Ed25519}

// encoded is the form of a key whose hash stands in an image.
func encoded(key crypto.PublicKey) []byte {
	if k, ok := key.(*rsa.PublicKey); ok {
		return x509.MarshalPKCS1PublicKey(k)
	}
	p, _ := x509.MarshalPKIXPublicKey(key) // nil for a key of another kind, which fits nothing
	return p
}

// hashIs reports whether sum is the hash of a key.
func hashIs(sum []byte, key crypto.PublicKey) bool {
	p := encoded(key)
	for _, h := range hashes {
		if p != nil && h.Size() == len(sum) {
			w := h.New()
			w.Write(p)
			return bytes.Equal(w.Sum(nil), sum)
		}
	}
	return false
}

// names says whether a key is the one that an entry names, nil when e is.
func names(e *entry) func(*firmware.Key) bool {
	switch {
	case e == nil:
		return nil
	case e.kind == typePublicKey:
		return func(k *firmware.Key) bool { return bytes.Equal(encoded(k.Public), encoded(e.key())) }
	}
	return func(k *firmware.Key) bool { return hashIs(e.value, k.Public) }
}

// signatures checks those of an image. digests are what was computed of it, by hash.
func (h *header) signatures(ctx context.Context, src block.Source, part *firmware.Part, a *area, digests map[crypto.Hash][]byte, pure bool, o *firmware.Opening) {
	var named *entry
	for i := range a.entries {
		e := &a.entries[i]
		scheme, ok := kinds[e.kind]
		if e.kind == typeKeyHash || e.kind == typePublicKey {
			named = e
		}
		if !ok || e.shape() != "" {
			continue
		}
		s := &pubkey.Statement{What: whole, Scheme: scheme, Signature: e.value, Names: names(named)}
		if named != nil && named.kind == typeKeyHash {
			s.Signer = fmt.Sprintf("the key with the hash %x", named.value)
		}
		if scheme == pubkey.ECDSA {
			s.Signature, _ = e.ecdsa()
		}
		s.Hash = crypto.SHA256
		for _, other := range []crypto.Hash{crypto.SHA384, crypto.SHA512} {
			if digests[other] != nil && scheme != pubkey.PSS {
				s.Hash = other
			}
		}
		s.Digest = digests[s.Hash]
		why := ""
		switch {
		case h.encrypted():
			why = "the image is encrypted, and what is signed is what comes out"
		case scheme == pubkey.Ed25519 && pure:
			s.What = "the whole image, pure"
			if message, err := cursor.Read(src, "MCUboot: image", 0, h.hashed().Length, maxPure); err != nil || ctx.Err() != nil {
				why = fmt.Sprintf("the image cannot be read: %v", err)
			} else {
				s.Message = message
			}
		case s.Digest == nil:
			why = "the hash that it signs is not there"
		case scheme == pubkey.Ed25519:
			s.Message = s.Digest
		}
		if scheme == pubkey.Ed25519 {
			s.Hash, s.Digest = 0, nil
		}
		keys := o.Keys()
		if e.kind == typeECDSA224 {
			if keys = smaller(keys); len(keys) == 0 && len(o.Keys()) > 0 && why == "" {
				why = "none of the keys that were given is for ECDSA P-224"
			}
		}
		got := pubkey.Check(keys, s)
		if why != "" {
			got.State, got.Key, got.Why = firmware.Cannot, "", why
		}
		part.Signatures = append(part.Signatures, got)
		part.Checks = append(part.Checks, h.proof(s, got, e, named, keys)...)
	}
}

// proof are the checks of bytes that a signature makes. One that its own key did not make says that bytes were changed, and
// so does one that fits a key which is not the one that is named.
func (h *header) proof(s *pubkey.Statement, got firmware.Signature, e, named *entry, keys []firmware.Key) (out []firmware.Check) {
	c := firmware.Check{What: "signature", Method: got.Method, State: firmware.Passed, Extent: e.extent, Strong: true, Expected: "fits " + got.Key, Found: "fits " + got.Key}
	switch {
	case got.State == firmware.Passed:
		over := []block.Extent{e.extent}
		if named != nil {
			over = append(over, named.extent)
		}
		if s.Scheme == pubkey.Ed25519 && s.What != whole {
			over = append(over, h.hashed())
		}
		for _, c.Extent = range over {
			out = append(out, c)
		}
	case got.State == firmware.Failed && named != nil:
		c.State, c.Expected, c.Found, c.Why = firmware.Failed, "a signature by the key that it names", "another", "the signature or the image was changed"
		out = append(out, c)
	case named != nil && (s.Digest != nil || s.Message != nil):
		bare := *s
		bare.Names = nil
		if other := pubkey.Check(keys, &bare); other.State == firmware.Passed {
			c.What, c.State, c.Extent, c.Expected, c.Found = "hash of the key", firmware.Failed, named.extent, "that of "+other.Key+", which signed", "another"
			out = append(out, c)
		}
	}
	return out
}

// smaller are the keys of the curve P-224.
func smaller(keys []firmware.Key) (out []firmware.Key) {
	for _, k := range keys {
		if e, ok := k.Public.(*ecdsa.PublicKey); ok && e.Params().BitSize == 224 {
			out = append(out, k)
		}
	}
	return out
}
