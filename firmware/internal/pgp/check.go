package pgp

import (
	"bytes"
	"context"
	_ "crypto/md5" // the hashes are asked for by their crypto.Hash
	_ "crypto/sha256"
	_ "crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

const structure = "OpenPGP signature"

// maxSignatures bounds how often the package is read.
const maxSignatures = 16

// The ways in which signed files begin.
var (
	armoured = []byte("-----BEGIN PGP SIGNATURE-----")
	clear    = []byte("-----BEGIN PGP SIGNED MESSAGE-----")
)

// Is reports whether data begins as a detached signature does.
func Is(data []byte) bool {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), armoured) {
		return true
	}
	// A packet of signature, of a version that there is, whose length is not that of a large file.
	if len(data) < 10 {
		return false
	}
	at := 0
	switch tag := data[0]; {
	case tag == 0x88, tag == 0xC2 && data[1] < 192:
		at = 2
	case tag == 0x89, tag == 0xC2 && data[1] < 224:
		at = 3
	}
	return at > 0 && data[at] >= 3 && data[at] <= 6
}

// Signatures are what stands in a file of signatures.
type Signatures struct {
	list []*packet.Signature
	// unread says why there is a signature that could not be read: its version or algorithm is not known here.
	unread string
	text   []byte // that stands in the same file; nil in a detached one
	signed []byte // the same, as it is signed
}

// Parse reads a file of detached signatures, armoured or binary, or text with its signatures behind it. It answers
// cursor.ErrNot when data is neither, and a [*cursor.CorruptError] when it is broken.
func Parse(data []byte) (*Signatures, error) {
	out := &Signatures{}
	var packets io.Reader
	switch {
	case bytes.HasPrefix(data, clear):
		b, _ := clearsign.Decode(data)
		if b == nil {
			return nil, cursor.Corrupt("OpenPGP signed text", 0, "headers, an empty line, text and a signature", "something else")
		}
		// The last line ends in the file, and is signed without its end.
		out.text, out.signed, packets = append(bytes.TrimSuffix(b.Plaintext, []byte("\n")), '\n'), b.Bytes, b.ArmoredSignature.Body
	case !Is(data):
		return nil, cursor.ErrNot
	case bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), armoured):
		b, err := armor.Decode(bytes.NewReader(data))
		if err != nil {
			return nil, broken(err)
		}
		packets = b.Body
	default:
		packets = bytes.NewReader(data)
	}
	if err := out.read(packets); err != nil {
		return nil, err
	}
	return out, nil
}

func broken(err error) error {
	return cursor.Corrupt(structure, 0, "packets of signature", err.Error())
}

// read reads packets of signature, and nothing else.
func (s *Signatures) read(packets io.Reader) error {
	// The end of the armour is looked at too: its checksum stands there.
	raw, err := io.ReadAll(packets)
	if err != nil {
		return broken(err)
	}
	r := packet.NewReader(bytes.NewReader(raw))
	for n := 0; ; n++ {
		p, err := r.NextWithUnsupported()
		sig, is := p.(*packet.Signature)
		strange, unsupported := p.(*packet.UnsupportedPacket)
		switch {
		case errors.Is(err, io.EOF) && n > 0:
			return nil
		case err != nil:
			return broken(err)
		case n >= maxSignatures:
			return cursor.Corrupt(structure, -1, fmt.Sprintf("up to %d packets of signature", maxSignatures), "more")
		case is:
			s.list = append(s.list, sig)
		case unsupported && errors.As(strange.Error, new(pgperrors.UnsupportedError)):
			s.unread = strange.Error.Error()
		case unsupported:
			return broken(strange.Error)
		default:
			return cursor.Corrupt(structure, -1, "packets of signature", fmt.Sprintf("%T", p))
		}
	}
}

// Signed is the text that stands in the same file, nil in a file of detached signatures.
func (s *Signatures) Signed() []byte { return s.text }

// Check holds the signatures against all bytes of src, or against the text in the same file. Of several the answer is that
// of one that failed, else of one that passed.
func (s *Signatures) Check(ctx context.Context, src block.Source, what string, keys []firmware.Key) firmware.Signature {
	all := s.All(ctx, src, what, keys)
	for _, state := range []firmware.State{firmware.Failed, firmware.Passed} {
		for _, x := range all {
			if x.State == state {
				return x
			}
		}
	}
	return all[0]
}

// All are the answers of all signatures, in their order.
func (s *Signatures) All(ctx context.Context, src block.Source, what string, keys []firmware.Key) (out []firmware.Signature) {
	if s.text != nil {
		src = block.Bytes(s.signed)
	}
	ring := rings(keys)
	for _, x := range s.list {
		c := &checking{what: what, s: x, src: src, ring: ring, now: time.Now()}
		out = append(out, c.run(ctx))
	}
	if s.unread != "" {
		out = append(out, firmware.Signature{What: what, Method: "OpenPGP", State: firmware.Cannot, Why: "it is of a kind that is not read: " + s.unread})
	}
	return out
}

// named is the keys of one file.
type named struct {
	name string
	keys openpgp.EntityList
	err  error
}

// rings reads the OpenPGP keys among those that were given.
func rings(keys []firmware.Key) (out []named) {
	for i := range keys {
		if text := keys[i].OpenPGP; len(text) > 0 {
			read := openpgp.ReadKeyRing
			if bytes.Contains(text, []byte("-----BEGIN PGP PUBLIC KEY BLOCK-----")) {
				read = openpgp.ReadArmoredKeyRing
			}
			list, err := read(bytes.NewReader(text))
			out = append(out, named{keys[i].Name, list, err})
		}
	}
	return out
}

type checking struct {
	what string
	s    *packet.Signature
	src  block.Source
	ring []named
	now  time.Time
}

func (c *checking) run(ctx context.Context) firmware.Signature {
	s := c.s
	out := firmware.Signature{What: c.what, State: firmware.Cannot, Method: "OpenPGP, " + algorithm(s.PubKeyAlgo, nil) + " with " + pubkey.HashName(s.Hash), Weak: pubkey.Weak(s.Hash, 0)}
	if s.IssuerKeyId == nil {
		out.Why = "it does not say which key made it"
		return out
	}
	out.Signer = fmt.Sprintf("key %016X", *s.IssuerKeyId)
	switch {
	case s.SigType != packet.SigTypeBinary && s.SigType != packet.SigTypeText:
		out.Why = fmt.Sprintf("it is of type %#02x, which is none over a file", s.SigType)
		return out
	case s.Hash == 0 || !s.Hash.Available():
		out.Why = "its hash is not one that can be computed"
		return out
	}
	var known, unread int
	for _, r := range c.ring {
		known += len(r.keys)
		if r.err != nil {
			unread++
		}
		if list := r.keys.KeysById(*s.IssuerKeyId); len(list) > 0 {
			out.Key = r.name
			c.by(ctx, &list[0], &out)
			return out
		}
	}
	switch {
	case unread > 0:
		out.Why = fmt.Sprintf("the key that it names is not among those that were given; %d files of keys could not be read", unread)
	case known == 0:
		out.Why = "no OpenPGP key was given"
	default:
		out.Why = "the key that it names is not among those that were given"
	}
	return out
}

// algorithm names an algorithm for people; with the key it names the size too.
func algorithm(a packet.PublicKeyAlgorithm, k *packet.PublicKey) string {
	name := map[packet.PublicKeyAlgorithm]string{packet.PubKeyAlgoRSA: "RSA", packet.PubKeyAlgoRSASignOnly: "RSA", packet.PubKeyAlgoDSA: "DSA", packet.PubKeyAlgoECDSA: "ECDSA",
		packet.PubKeyAlgoEdDSA: "Ed25519", packet.PubKeyAlgoEd25519: "Ed25519", packet.PubKeyAlgoEd448: "Ed448"}[a]
	if name == "" {
		return fmt.Sprintf("algorithm %d", a)
	}
	if k == nil {
		return name
	}
	if curve, err := k.Curve(); err == nil && a == packet.PubKeyAlgoECDSA {
		return name + " " + strings.Replace(string(curve), "P", "P-", 1)
	}
	if bits, err := k.BitLength(); err == nil && (name == "RSA" || name == "DSA") {
		return fmt.Sprintf("%s-%d", name, bits)
	}
	return name
}

// by checks the signature with the key that it names.
func (c *checking) by(ctx context.Context, k *openpgp.Key, out *firmware.Signature) {
	pub := k.PublicKey
	primary, identity := k.Entity.PrimarySelfSignature()
	if identity != nil && identity.Name != "" {
		out.Signer = identity.Name + ", " + out.Signer
	}
	bits := 0
	if n, err := pub.BitLength(); err == nil && strings.HasPrefix(algorithm(pub.PubKeyAlgo, nil), "RSA") {
		bits = int(n)
	}
	out.Method, out.Weak = "OpenPGP, "+algorithm(pub.PubKeyAlgo, pub)+" with "+pubkey.HashName(c.s.Hash), pubkey.Weak(c.s.Hash, bits)
	out.NotBefore = pub.CreationTime.UTC().Format(time.RFC3339)
	if self := k.SelfSignature; self != nil && self.KeyLifetimeSecs != nil && *self.KeyLifetimeSecs != 0 {
		out.NotAfter = pub.CreationTime.Add(time.Duration(*self.KeyLifetimeSecs) * time.Second).UTC().Format(time.RFC3339)
	}
	digest, err := c.digest(ctx)
	if err != nil {
		out.Key, out.Why = "", err.Error()
		return
	}
	valid := func(at time.Time) bool {
		return k.SelfSignature != nil && primary != nil && !pub.KeyExpired(k.SelfSignature, at) && !k.Entity.PrimaryKey.KeyExpired(primary, at)
	}
	out.State = firmware.Failed
	switch at := c.s.CreationTime; {
	case pub.VerifySignature(digest, c.s) != nil:
		out.Why = "the key that it names did not make it over these bytes"
	case k.Entity.Revoked(c.now) || k.Revoked(c.now):
		out.Why = "its key was taken back by its owner"
	case k.SelfSignature == nil || primary == nil:
		out.Why = "the owner does not say that the key is theirs"
	case k.SelfSignature.FlagsValid && !k.SelfSignature.FlagSign, pub.IsSubkey && !k.SelfSignature.FlagsValid:
		out.Why = "its key is not for signing"
	case !valid(at):
		out.Why = fmt.Sprintf("it was signed on %s, when the key was not valid", at.UTC().Format(time.DateOnly))
	case c.s.SigLifetimeSecs != nil && *c.s.SigLifetimeSecs != 0 && c.now.After(at.Add(time.Duration(*c.s.SigLifetimeSecs)*time.Second)):
		out.Why = "it says itself that it has ended"
	default:
		if out.State = firmware.Passed; !valid(c.now) {
			out.Why = fmt.Sprintf("its key has ended since, and was valid when it signed, on %s", at.UTC().Format(time.DateOnly))
		}
	}
}

// digest hashes what is signed, as text when the signature says so.
func (c *checking) digest(ctx context.Context) (hash.Hash, error) {
	h, err := c.s.PrepareVerify()
	if err != nil {
		return nil, err
	}
	w := h
	if c.s.SigType == packet.SigTypeText {
		w = openpgp.NewCanonicalTextHash(h)
	}
	if err := region.Sum(ctx, c.src, w, block.Extent{Length: c.src.Size()}); err != nil {
		return nil, errors.Join(errors.New("what it covers could not be read"), err)
	}
	return h, nil
}
