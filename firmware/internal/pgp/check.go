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
	"strings"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

// maxSignatures bounds how often the package is read.
const maxSignatures = 16

// Is reports whether data begins as a detached signature does.
func Is(data []byte) bool {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("-----BEGIN PGP SIGNATURE-----")) {
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
	list []*signature
	text []byte // that stands in the same file; nil in a detached one
}

// Parse reads a file of detached signatures, armoured or binary, or text with its signatures behind it. It answers
// cursor.ErrNot when data is neither, and a [*cursor.CorruptError] when it is broken.
func Parse(data []byte) (*Signatures, error) {
	out := &Signatures{}
	if bytes.HasPrefix(data, clear) {
		var err error
		if out.text, data, err = clearText(data); err != nil {
			return nil, err
		}
	}
	if !Is(data) {
		return nil, cursor.ErrNot
	}
	raw, err := binaryOf(data)
	if err != nil {
		return nil, err
	}
	list, err := packets(raw)
	if err != nil {
		return nil, err
	}
	for _, p := range list {
		if p.tag != tagSignature || len(out.list) >= maxSignatures {
			return nil, cursor.Corrupt(structure, -1, fmt.Sprintf("up to %d packets of signature", maxSignatures), fmt.Sprintf("a packet of tag %d", p.tag))
		}
		s, err := parseSignature(p.body)
		if err != nil {
			return nil, err
		}
		out.list = append(out.list, s)
	}
	if len(out.list) == 0 {
		return nil, cursor.Corrupt(structure, 0, "a packet of signature", "none")
	}
	return out, nil
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
		src = block.Bytes(canonical(s.text))
	}
	ring := rings(keys)
	for _, x := range s.list {
		c := &checking{what: what, s: x, src: src, ring: ring, now: time.Now()}
		out = append(out, c.run(ctx))
	}
	return out
}

// named is the keys of one file.
type named struct {
	name   string
	owners []*owner
	err    error
}

// rings reads the OpenPGP keys among those that were given.
func rings(keys []firmware.Key) (out []named) {
	for i := range keys {
		if len(keys[i].OpenPGP) > 0 {
			owners, err := parseOwners(keys[i].OpenPGP)
			out = append(out, named{keys[i].Name, owners, err})
		}
	}
	return out
}

type checking struct {
	what string
	s    *signature
	src  block.Source
	ring []named
	now  time.Time
}

func (c *checking) run(ctx context.Context) firmware.Signature {
	s := c.s
	out := firmware.Signature{What: c.what, Method: "OpenPGP", State: firmware.Cannot}
	if s.version != 4 {
		out.Why = fmt.Sprintf("it is of version %d, which is not read", s.version)
		return out
	}
	out.Method = "OpenPGP, " + s.algorithmName() + " with " + pubkey.HashName(s.hash)
	out.Weak = pubkey.Weak(s.hash, 0)
	if s.issuer != 0 {
		out.Signer = fmt.Sprintf("key %016X", s.issuer)
	}
	switch {
	case s.issuer == 0:
		out.Why = "it does not say which key made it"
		return out
	case s.kind != typeBinary && s.kind != typeText:
		out.Why = fmt.Sprintf("it is of type %#02x, which is none over a file", s.kind)
		return out
	case s.hash == 0 || !s.hash.Available():
		out.Why = fmt.Sprintf("its hash %d is not one that can be computed", s.hashNumber)
		return out
	case s.scheme() == 0:
		out.Why = fmt.Sprintf("its algorithm %d is not one that can be checked", s.algorithm)
		return out
	case s.strange != 0:
		out.Why = fmt.Sprintf("it says something that must be understood and is not (%d)", s.strange)
		return out
	}
	var known, unread int
	for _, r := range c.ring {
		known += len(r.owners)
		if r.err != nil {
			unread++
		}
		for _, o := range r.owners {
			if k := o.find(s.issuer); k != nil {
				out.Key = r.name
				c.by(ctx, o, k, &out)
				return out
			}
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

// algorithmName names the algorithm for people.
func (s *signature) algorithmName() string {
	switch s.scheme() {
	case pubkey.PKCS1:
		return "RSA"
	case pubkey.ECDSA:
		return "ECDSA"
	case pubkey.Ed25519:
		return "Ed25519"
	}
	return fmt.Sprintf("algorithm %d", s.algorithm)
}

// by checks the signature with the key that it names.
func (c *checking) by(ctx context.Context, o *owner, k *key, out *firmware.Signature) {
	if o.name != "" {
		out.Signer = o.name + ", " + out.Signer
	}
	out.NotBefore = k.created.Format(time.RFC3339)
	if end := k.ends(); !end.IsZero() {
		out.NotAfter = end.Format(time.RFC3339)
	}
	if k.public == nil {
		out.Key, out.Why = "", "its key is of a kind that cannot be used"
		return
	}
	digest, err := c.digest(ctx)
	if err != nil {
		out.Key, out.Why = "", err.Error()
		return
	}
	made := k.check(c.s, digest.Sum(nil))
	if c.s.scheme() != pubkey.Ed25519 && made.Method != "" {
		out.Method, out.Weak = "OpenPGP, "+strings.TrimSuffix(made.Method, ", PKCS#1"), made.Weak
	}
	out.State = firmware.Failed
	switch at := c.s.created; {
	case made.State != firmware.Passed:
		out.Why = "the key that it names did not make it over these bytes"
	case o.primary.revoked || k.revoked:
		out.Why = "its key was taken back by its owner"
	case k.allowed == nil || o.primary.allowed == nil:
		out.Why = "the owner does not say that the key is theirs"
	case k.allowed.flagged && k.allowed.flags&flagSign == 0, k != &o.primary && !k.allowed.flagged:
		out.Why = "its key is not for signing"
	case !k.valid(at) || !o.primary.valid(at):
		out.Why = fmt.Sprintf("it was signed on %s, when the key was not valid", at.Format(time.DateOnly))
	case c.s.expires != 0 && c.now.After(at.Add(time.Duration(c.s.expires)*time.Second)):
		out.Why = "it says itself that it has ended"
	default:
		if out.State = firmware.Passed; !k.valid(c.now) || !o.primary.valid(c.now) {
			out.Why = fmt.Sprintf("its key has ended since, and was valid when it signed, on %s", at.Format(time.DateOnly))
		}
	}
}

// digest hashes what is signed, as text when the signature says so.
func (c *checking) digest(ctx context.Context) (hash.Hash, error) {
	h := c.s.hash.New()
	w := hash.Hash(h)
	if c.s.kind == typeText {
		w = &lines{Hash: h}
	}
	if err := region.Sum(ctx, c.src, w, block.Extent{Length: c.src.Size()}); err != nil {
		return nil, errors.Join(errors.New("what it covers could not be read"), err)
	}
	h.Write(c.s.trailer())
	return h, nil
}

// lines hashes text with its lines ending in CR LF.
type lines struct {
	hash.Hash
	cr bool // the last byte was CR
}

func (l *lines) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.Hash.Write(p)
			l.cr = p[len(p)-1] == '\r'
			break
		}
		l.Hash.Write(p[:i])
		if ended := i > 0 && p[i-1] == '\r' || i == 0 && l.cr; ended {
			l.Hash.Write([]byte{'\n'})
		} else {
			l.Hash.Write([]byte{'\r', '\n'})
		}
		p, l.cr = p[i+1:], false
	}
	return n, nil
}
