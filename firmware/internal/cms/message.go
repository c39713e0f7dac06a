package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/smallstep/pkcs7"

	"salvor/cursor"
	"salvor/firmware/internal/pubkey"
)

// Message is a signed message, or an encrypted one, of which nothing else is known.
type Message struct {
	// Encrypted says that the message must be decrypted first, with a key that only devices have.
	Encrypted bool
	// Content is what is signed, where the message has it; nil when it is detached.
	Content []byte
	// Size is how much of the data the message takes, in bytes.
	Size         int
	Certificates []*x509.Certificate
	signers      []signer
	loose        bool // there is something in it that nothing vouches for
	// kind is the type of what is signed.
	kind asn1.ObjectIdentifier
}

// signer is one who signed.
type signer struct {
	serial     *big.Int
	issuer     []byte // DER
	keyID      []byte // instead of both
	hash       crypto.Hash
	scheme     pubkey.Scheme
	trouble    string // why it cannot be checked
	attributes []byte // DER of the SET; nil without
	digest     []byte // of the content, by the attributes
	time       time.Time
	signature  []byte
}

// Types and attributes.
var (
	oidSigned        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnveloped     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncrypted     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidAuthEnveloped = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}
	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidTime          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidMD5           = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}
	oidRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidPSS           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidEC            = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidEd25519       = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// hashes are the digests that a signer can name.
var hashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{oidMD5, crypto.MD5}, {asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256}, {asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512}, {asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, crypto.SHA224},
}

// algorithms name a scheme and a hash in one.
var algorithms = []struct {
	oid    asn1.ObjectIdentifier
	scheme pubkey.Scheme
	hash   crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 4}, pubkey.PKCS1, crypto.MD5}, {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5}, pubkey.PKCS1, crypto.SHA1},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, pubkey.PKCS1, crypto.SHA256}, {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}, pubkey.PKCS1, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, pubkey.PKCS1, crypto.SHA512}, {asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 14}, pubkey.PKCS1, crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, pubkey.ECDSA, crypto.SHA1}, {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 1}, pubkey.ECDSA, crypto.SHA224},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, pubkey.ECDSA, crypto.SHA256}, {asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}, pubkey.ECDSA, crypto.SHA384},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, pubkey.ECDSA, crypto.SHA512},
}

// head is as much of a message as says what it is.
type head struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
}

// Parse reads a message at the beginning of p. It answers cursor.ErrNot when p is no message, and a
// [*cursor.CorruptError] when it is a broken one.
func Parse(p []byte) (*Message, error) { return ParseType(p, oidData) }

// ParseType reads a message whose content is of a type of its own, such as that of programs for Windows and EFI.
func ParseType(p []byte, content asn1.ObjectIdentifier) (*Message, error) {
	if len(p) < 16 || p[0] != 0x30 {
		return nil, cursor.ErrNot
	}
	if len(p) > MaxSize {
		return nil, cursor.Corrupt(structure, 0, fmt.Sprintf("at most %d bytes", MaxSize), len(p))
	}
	kind, ok := typeOf(p)
	if !ok {
		return nil, cursor.ErrNot
	}
	size, err := bound(p)
	if err != nil {
		return nil, err
	}
	m := &Message{Size: size, kind: content}
	switch {
	case kind.Equal(oidEnveloped), kind.Equal(oidEncrypted), kind.Equal(oidAuthEnveloped):
		m.Encrypted = true
		return m, nil
	case !kind.Equal(oidSigned):
		return nil, cursor.ErrNot
	}
	parsed, err := pkcs7.Parse(p[:size])
	if err != nil {
		return nil, cursor.Corrupt(structure, 0, "signed data", err)
	}
	m.Content, m.Certificates = parsed.Content, parsed.Certificates
	m.loose = len(parsed.CRLs) > 0
	for i := range parsed.Signers {
		s := &parsed.Signers[i]
		m.loose = m.loose || len(s.UnauthenticatedAttributes) > 0 || s.Version != 1 || !plain(s.DigestAlgorithm)
		out := signer{serial: s.IssuerAndSerialNumber.SerialNumber, issuer: s.IssuerAndSerialNumber.IssuerName.FullBytes, signature: s.EncryptedDigest}
		out.algorithm(s.DigestAlgorithm, s.DigestEncryptionAlgorithm)
		var list []attribute
		for _, a := range s.AuthenticatedAttributes {
			list = append(list, attribute{a.Type, a.Value})
		}
		if err := out.attribute(list, m.kind); err != nil {
			return nil, err
		}
		m.signers = append(m.signers, out)
	}
	if len(m.signers) == 0 {
		if err := m.byKey(p[:size]); err != nil {
			return nil, err
		}
	}
	return m, m.frame(p[:size])
}

// byKey reads signers that name their certificate by the number of its key, which the reader of PKCS #7 does not know.
func (m *Message) byKey(p []byte) error {
	var outer head
	var inner struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Content      asn1.RawValue
		Certificates asn1.RawValue `asn1:"optional,tag:0"`
		Lists        asn1.RawValue `asn1:"optional,tag:1"`
		Signers      []struct {
			Version    int
			ID         asn1.RawValue
			Digest     pkix.AlgorithmIdentifier
			Attributes []attribute `asn1:"optional,omitempty,tag:0"`
			Way        pkix.AlgorithmIdentifier
			Signature  []byte
			Unsigned   []attribute `asn1:"optional,omitempty,tag:1"`
		} `asn1:"set"`
	}
	m.loose = true
	if _, err := asn1.Unmarshal(p, &outer); err != nil {
		// In BER nothing tells those from none at all.
		m.signers = []signer{{trouble: "who signed is not named by issuer and serial number, in an encoding that is not DER"}}
		return nil
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil {
		return cursor.Corrupt(structure, 0, "signed data", err)
	}
	for i := range inner.Signers {
		s := &inner.Signers[i]
		if s.ID.Class != asn1.ClassContextSpecific || s.ID.Tag != 0 || len(s.ID.Bytes) == 0 {
			return cursor.Corrupt(structure, 0, "the number of a key", "something else")
		}
		out := signer{keyID: s.ID.Bytes, signature: s.Signature}
		out.algorithm(s.Digest, s.Way)
		if err := out.attribute(s.Attributes, m.kind); err != nil {
			return err
		}
		m.signers = append(m.signers, out)
	}
	if len(m.signers) == 0 {
		return cursor.Corrupt(structure, 0, "someone who signed", "no one")
	}
	return nil
}

// frame holds what stands around the signers against what they say. Nothing signs it, so that each of its bytes must
// be what it can only be; in an encoding that leaves a choice that is not so.
func (m *Message) frame(p []byte) error {
	var outer head
	var inner struct {
		Version int
		Digests []pkix.AlgorithmIdentifier `asn1:"set"`
		Content struct {
			Type    asn1.ObjectIdentifier
			Content asn1.RawValue `asn1:"explicit,optional,tag:0"`
		}
	}
	if _, err := asn1.Unmarshal(p, &outer); err != nil {
		m.loose = true
		return nil
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil {
		m.loose = true
		return nil
	}
	m.loose = m.loose || inner.Version != 1 || len(inner.Digests) != 1
	if !inner.Content.Type.Equal(m.kind) {
		return cursor.Corrupt(structure, -1, fmt.Sprintf("content of the type %v", m.kind), inner.Content.Type)
	}
	for i := range m.signers {
		hash := m.signers[i].hash
		if hash != 0 && !slices.ContainsFunc(inner.Digests, func(a pkix.AlgorithmIdentifier) bool { return plain(a) && hashOf(a.Algorithm) == hash }) {
			return cursor.Corrupt(structure, -1, "the digest of each who signed in the list of digests", fmt.Sprintf("%v is not there", hash))
		}
	}
	return nil
}

// plain reports whether an algorithm has no parameters, or the empty one.
func plain(a pkix.AlgorithmIdentifier) bool {
	return len(a.Parameters.FullBytes) == 0 || bytes.Equal(a.Parameters.FullBytes, asn1.NullBytes)
}

func hashOf(oid asn1.ObjectIdentifier) crypto.Hash {
	for _, h := range hashes {
		if h.oid.Equal(oid) {
			return h.hash
		}
	}
	return 0
}

// typeOf reads the type of a message whose outer length may be indefinite.
func typeOf(p []byte) (asn1.ObjectIdentifier, bool) {
	at := 2
	if p[1] > 0x80 {
		at += int(p[1] & 0x7F)
	}
	if at+2 > len(p) || p[at] != 6 || int(p[at+1]) > min(32, len(p)-at-2) {
		return nil, false
	}
	var oid asn1.ObjectIdentifier
	_, err := asn1.Unmarshal(p[at:at+2+int(p[at+1])], &oid)
	return oid, err == nil
}

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue `asn1:"set"`
}

// algorithm finds out how the signature is made. A hash in the algorithm must be that of the digest: else one of them
// was changed, and the message says two things.
func (s *signer) algorithm(digest, way pkix.AlgorithmIdentifier) {
	if s.hash = hashOf(digest.Algorithm); s.hash == 0 {
		s.trouble = "its digest " + digest.Algorithm.String() + " is not one that can be computed"
		return
	}
	switch oid := way.Algorithm; {
	case oid.Equal(oidRSA):
		s.scheme = pubkey.PKCS1
	case oid.Equal(oidPSS):
		s.scheme = pubkey.PSS
	case oid.Equal(oidEC):
		s.scheme = pubkey.ECDSA
	case oid.Equal(oidEd25519):
		s.scheme = pubkey.Ed25519
	default:
		for _, a := range algorithms {
			if a.oid.Equal(oid) {
				if s.scheme = a.scheme; a.hash != s.hash {
					s.trouble = fmt.Sprintf("it names two digests, %v and %v", s.hash, a.hash)
				}
				return
			}
		}
		s.trouble = "its algorithm " + oid.String() + " is not one that can be checked"
	}
}

// attribute takes what the signed attributes say. Each stands there once; digest and type of the content are demanded.
func (s *signer) attribute(list []attribute, content asn1.ObjectIdentifier) error {
	if len(list) == 0 {
		return nil
	}
	var body []byte
	var typed bool
	for _, a := range list {
		der, err := asn1.Marshal(a)
		if err != nil {
			return cursor.Corrupt(structure, -1, "signed attributes", err)
		}
		body = append(body, der...)
		switch {
		case a.Type.Equal(oidDigest):
			if s.digest != nil {
				return cursor.Corrupt(structure, -1, "one digest of the content", "several")
			}
			_, err = asn1.Unmarshal(a.Value.Bytes, &s.digest)
		case a.Type.Equal(oidContentType):
			var oid asn1.ObjectIdentifier
			_, err = asn1.Unmarshal(a.Value.Bytes, &oid)
			typed = oid.Equal(content)
		case a.Type.Equal(oidTime):
			_, err = asn1.Unmarshal(a.Value.Bytes, &s.time)
		}
		if err != nil {
			return cursor.Corrupt(structure, -1, "a signed attribute "+a.Type.String(), err)
		}
	}
	if s.digest == nil || !typed {
		return cursor.Corrupt(structure, -1, "signed attributes with the type of the content and its digest", "others")
	}
	der, err := asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: body})
	s.attributes = der
	return err
}

// certificate returns the one that the signer names, out of the message or others.
func (s *signer) certificate(sets ...[]*x509.Certificate) *x509.Certificate {
	for _, set := range sets {
		i := slices.IndexFunc(set, func(c *x509.Certificate) bool {
			if s.serial == nil {
				return len(s.keyID) > 0 && bytes.Equal(c.SubjectKeyId, s.keyID)
			}
			return c.SerialNumber.Cmp(s.serial) == 0 && bytes.Equal(c.RawIssuer, s.issuer)
		})
		if i >= 0 {
			return set[i]
		}
	}
	return nil
}
