package signify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/crypto/blake2b"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

const (
	structure = "signature of usign, signify or minisign"
	first     = "untrusted comment:"
	second    = "trusted comment: "
	packed    = 2 + idSize + ed25519.SignatureSize
	idSize    = 8
	// maxMessage bounds what is held in memory at once: Ed25519 needs all that is signed, in bytes.
	maxMessage = 256 << 20
)

// Signature is what stands in a file of signature.
type Signature struct {
	ID      []byte // of the key, 8 bytes
	Comment string // nothing vouches for it
	// Trusted is minisign's comment, which is signed. Minisign says that there is one.
	Trusted  string
	Minisign bool
	// Message is the text that stands in the same file and is what is signed; nil in a detached signature.
	Message []byte

	hashed      bool
	sum, global []byte
}

// Parse reads a signature. The error is cursor.ErrNot for other files.
func Parse(text []byte) (*Signature, error) {
	if !bytes.HasPrefix(text, []byte(first)) {
		return nil, cursor.ErrNot
	}
	line, rest := cut(text)
	s := &Signature{Comment: strings.TrimSpace(strings.TrimPrefix(line, first))}
	line, rest = cut(rest)
	p, err := decode(line, packed)
	if err != nil || string(p[:2]) != "Ed" && string(p[:2]) != "ED" {
		if err == nil && string(p[:2]) != "Ed" {
			err = fmt.Errorf("algorithm %q", p[:2])
		}
		return nil, cursor.Corrupt(structure, int64(len(text)-len(rest)), "Ed, a key ID and a signature in base64", err)
	}
	s.hashed, s.ID, s.sum = p[1] == 'D', p[2:2+idSize], p[2+idSize:]
	if !bytes.HasPrefix(rest, []byte(second)) {
		if s.hashed {
			return nil, cursor.Corrupt(structure, int64(len(text)-len(rest)), "a trusted comment", "none")
		}
		if len(bytes.TrimSpace(rest)) > 0 {
			s.Message = rest
		}
		return s, nil
	}
	s.Minisign = true
	line, rest = cut(rest)
	s.Trusted = strings.TrimPrefix(line, second)
	line, _ = cut(rest)
	if s.global, err = decode(line, ed25519.SignatureSize); err != nil {
		return nil, cursor.Corrupt(structure, int64(len(text)-len(rest)), "a signature of the trusted comment in base64", err)
	}
	return s, nil
}

// cut splits off a line.
func cut(text []byte) (line string, rest []byte) {
	before, after, _ := bytes.Cut(text, []byte("\n"))
	return strings.TrimSuffix(string(before), "\r"), after
}

func decode(line string, size int) ([]byte, error) {
	p, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
	if err == nil && len(p) != size {
		err = fmt.Errorf("%d bytes instead of %d", len(p), size)
	}
	return p, err
}

// KeyID is how the tools print the ID of a key: minisign as a number, without zeros before it, the others as bytes.
func (s *Signature) KeyID() string {
	if s.Minisign {
		return fmt.Sprintf("%X", binary.LittleEndian.Uint64(s.ID))
	}
	return hex.EncodeToString(s.ID)
}

// Signed is Message.
func (s *Signature) Signed() []byte { return s.Message }

// method names the algorithm for people.
func (s *Signature) method() string {
	switch {
	case s.hashed:
		return "Ed25519 over BLAKE2b-512 (minisign)"
	case s.Minisign:
		return "Ed25519 (minisign)"
	}
	return "Ed25519 (usign, signify)"
}

// Check holds the signature against what it covers, with those of the keys that can be meant. That is src, or Message
// where there is one.
func (s *Signature) Check(ctx context.Context, src block.Source, what string, keys []firmware.Key) firmware.Signature {
	out := firmware.Signature{What: what, Method: s.method(), Signer: "key " + s.KeyID(), State: firmware.Cannot}
	var named, bare []firmware.Key
	for _, k := range keys {
		public, ok := k.Public.(ed25519.PublicKey)
		switch {
		case !ok || len(public) != ed25519.PublicKeySize:
		case bytes.Equal(k.ID, s.ID):
			named = append(named, k)
		case k.ID == nil:
			bare = append(bare, k)
		}
	}
	switch {
	case len(keys) == 0:
		out.Why = "no key was given"
		return out
	case len(named)+len(bare) == 0:
		out.Why = "the key that it names is not among the given ones"
		return out
	}
	message, err := s.message(ctx, src)
	if err != nil {
		out.Why = err.Error()
		return out
	}
	for _, k := range append(named, bare...) {
		public := k.Public.(ed25519.PublicKey)
		if !ed25519.Verify(public, message, s.sum) {
			continue
		}
		out.Key, out.State = k.Name, firmware.Passed
		if s.Minisign && !ed25519.Verify(public, append(slices.Clone(s.sum), s.Trusted...), s.global) {
			out.State, out.Why = firmware.Failed, "its trusted comment is not the one that was signed"
		}
		return out
	}
	if len(named) == 0 {
		out.Why = "none of the given keys fits, and none has the ID that it names"
		return out
	}
	out.State, out.Key, out.Why = firmware.Failed, named[0].Name, "the bytes are not those that were signed"
	return out
}

// message returns the bytes that Ed25519 is over.
func (s *Signature) message(ctx context.Context, src block.Source) ([]byte, error) {
	if s.Message != nil {
		return s.Message, nil
	}
	src = block.WithContext(ctx, src)
	if s.hashed {
		h, err := blake2b.New512(nil)
		if err != nil {
			return nil, fmt.Errorf("signify: %w", err)
		}
		if _, err := io.Copy(h, block.Reader(src)); err != nil {
			return nil, fmt.Errorf("signify: %w", err)
		}
		return h.Sum(nil), nil
	}
	if src.Size() > maxMessage {
		return nil, fmt.Errorf("%d bytes are signed as they are, at most %d are checked", src.Size(), maxMessage)
	}
	p, err := io.ReadAll(block.Reader(src))
	if err != nil {
		return nil, fmt.Errorf("signify: %w", err)
	}
	return p, nil
}
