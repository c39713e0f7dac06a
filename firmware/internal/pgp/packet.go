package pgp

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"salvor/cursor"
	"salvor/firmware/internal/pubkey"
)

const (
	structure = "OpenPGP data"
	// maxSize is the largest file of signatures or keys that is read, in bytes.
	maxSize    = 8 << 20
	maxPackets = 20_000
)

// Tags of packets.
const (
	tagSignature = 2
	tagKey       = 6
	tagUser      = 13
	tagSubkey    = 14
)

// packet is one piece of a file.
type packet struct {
	tag  byte
	body []byte
}

var armour = []byte("-----BEGIN PGP ")

// binaryOf returns the packets of armoured data, one file behind the other, or the data itself.
func binaryOf(p []byte) ([]byte, error) {
	if !bytes.HasPrefix(bytes.TrimLeft(p, " \t\r\n"), armour) {
		return p, nil
	}
	var out []byte
	for {
		i := bytes.Index(p, armour)
		if i < 0 {
			return out, nil
		}
		p = p[i:]
		end := bytes.Index(p, []byte("\n-----END PGP "))
		if end < 0 {
			return nil, cursor.Corrupt(structure, -1, "the end of armoured data", "the end of the file")
		}
		block, err := unarmour(p[:end])
		if err != nil {
			return nil, err
		}
		out = append(out, block...)
		p = p[end+len("\n-----END PGP "):]
	}
}

// unarmour reads from the first line up to the last.
func unarmour(p []byte) ([]byte, error) {
	lines := bytes.Split(p, []byte("\n"))[1:]
	var text []byte
	sum, body := "", false
	for _, l := range lines {
		l = bytes.TrimSpace(l)
		switch {
		case !body:
			body = len(l) == 0 || !bytes.Contains(l, []byte(": ")) && !bytes.HasSuffix(l, []byte(":"))
			text = append(text, l[:len(l)*b2i(body)]...)
		case len(l) == 5 && l[0] == '=':
			sum = string(l[1:])
		default:
			text = append(text, l...)
		}
	}
	out, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil {
		return nil, cursor.Corrupt(structure, -1, "base64", err)
	}
	if sum != "" {
		c := crc24(out)
		if want := base64.StdEncoding.EncodeToString([]byte{byte(c >> 16), byte(c >> 8), byte(c)}); want != sum {
			return nil, cursor.Corrupt(structure, -1, "CRC-24 "+want, sum)
		}
	}
	return out, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// crc24 is the sum of armoured data, RFC 4880 section 6.1.
func crc24(p []byte) uint32 {
	c := uint32(0xB704CE)
	for _, b := range p {
		c ^= uint32(b) << 16
		for range 8 {
			if c <<= 1; c&0x1000000 != 0 {
				c ^= 0x1864CFB
			}
		}
	}
	return c & 0xFFFFFF
}

// packets splits data into its packets.
func packets(p []byte) ([]packet, error) {
	if len(p) > maxSize {
		return nil, cursor.Corrupt(structure, 0, fmt.Sprintf("at most %d bytes", maxSize), len(p))
	}
	var out []packet
	c := cursor.New(structure, 0, p)
	for c.Len() > 0 {
		at := c.Offset()
		first := c.Uint8()
		if first&0x80 == 0 || len(out) >= maxPackets {
			return nil, cursor.Corrupt(structure, at, fmt.Sprintf("the head of a packet, of at most %d", maxPackets), fmt.Sprintf("%#02x", first))
		}
		tag, n := first&0x3F, 0
		if first&0x40 != 0 {
			n = length(c)
		} else {
			tag >>= 2
			switch first & 3 {
			case 0:
				n = int(c.Uint8())
			case 1:
				n = int(c.Uint16BE())
			case 2:
				n = int(c.Uint32BE())
			default:
				n = c.Len()
			}
		}
		if c.Err() != nil || n < 0 || n > c.Len() {
			return nil, cursor.Corrupt(structure, at, "a packet of at most what is left", n)
		}
		out = append(out, packet{tag, c.Bytes(n)})
	}
	return out, nil
}

// length reads a length of the newer form; -1 for that of a piece, which signatures and keys do not have.
func length(c *cursor.Cursor) int {
	switch first := int(c.Uint8()); {
	case first < 192:
		return first
	case first < 224:
		return (first-192)<<8 + int(c.Uint8()) + 192
	case first == 255:
		return int(c.Uint32BE())
	}
	return -1
}

// hashes are the hashes by their numbers.
var hashes = map[byte]crypto.Hash{1: crypto.MD5, 2: crypto.SHA1, 8: crypto.SHA256, 9: crypto.SHA384, 10: crypto.SHA512, 11: crypto.SHA224}

// Algorithms of keys.
const (
	algRSA     = 1
	algRSASign = 3
	algECDSA   = 19
	algEdDSA   = 22
	algEd25519 = 27
)

// Types of signatures.
const (
	typeBinary     = 0x00
	typeText       = 0x01
	typeUser       = 0x10 // to 0x13
	typeSubkey     = 0x18
	typeDirect     = 0x1F
	typeRevoke     = 0x20
	typeRevokeSub  = 0x28
	flagSign       = 0x02
	subCreated     = 2
	subExpires     = 3
	subKeyExpires  = 9
	subIssuer      = 16
	subFlags       = 27
	subFingerprint = 33
)

// signature is a packet of signature.
type signature struct {
	version, kind, algorithm byte
	hashNumber               byte
	hash                     crypto.Hash // 0 for one that cannot be computed
	head                     []byte      // up to the hashed subpackets
	created                  time.Time
	expires, keyExpires      uint32 // seconds behind the time of making; 0 for never
	issuer                   uint64 // 0 when it does not say
	flags                    byte
	flagged                  bool
	strange                  byte // a subpacket that must be understood and is not
	numbers                  []byte
}

// parseSignature reads the body of a packet.
func parseSignature(p []byte) (*signature, error) {
	c := cursor.New("OpenPGP signature", 0, p)
	s := &signature{version: c.Uint8()}
	if s.version != 4 {
		return s, c.Err() // of which nothing else is known
	}
	s.kind, s.algorithm, s.hashNumber = c.Uint8(), c.Uint8(), c.Uint8()
	s.hash = hashes[s.hashNumber]
	hashed := c.Sub("OpenPGP signature: hashed subpackets", int(c.Uint16BE()))
	s.head = p[:min(c.At(), len(p))]
	if err := s.subpackets(hashed, true); err != nil {
		return nil, err
	}
	if err := s.subpackets(c.Sub("OpenPGP signature: other subpackets", int(c.Uint16BE())), false); err != nil {
		return nil, err
	}
	c.Skip(2)
	s.numbers = c.Rest()
	return s, c.Err()
}

// subpackets reads what the signature says. Of what is not hashed only the issuer counts, which proves itself.
func (s *signature) subpackets(c *cursor.Cursor, hashed bool) error {
	for c.Len() > 0 && c.Err() == nil {
		n := length(c)
		if n < 1 || n > c.Len() {
			return cursor.Corrupt("OpenPGP signature: subpacket", c.Offset(), "at most what is left", n)
		}
		x := c.Sub("OpenPGP signature: subpacket", n)
		kind := x.Uint8()
		switch must := kind&0x80 != 0; kind & 0x7F {
		case subIssuer:
			s.issuer = x.Uint64BE()
		case subFingerprint:
			if x.Uint8() == 4 && x.Len() == 20 && s.issuer == 0 {
				x.Skip(12)
				s.issuer = x.Uint64BE()
			}
		case subCreated:
			if t := x.Uint32BE(); hashed {
				s.created = time.Unix(int64(t), 0).UTC()
			}
		case subExpires:
			if t := x.Uint32BE(); hashed {
				s.expires = t
			}
		case subKeyExpires:
			if t := x.Uint32BE(); hashed {
				s.keyExpires = t
			}
		case subFlags:
			if f := x.Rest(); hashed && len(f) > 0 {
				s.flags, s.flagged = f[0], true
			}
		default:
			if must && hashed && !understood(kind&0x7F) {
				s.strange = kind & 0x7F
			}
		}
		if x.Err() != nil {
			return x.Err()
		}
	}
	return c.Err()
}

// understood reports whether a subpacket says nothing that matters here: what the owner prefers, names and reasons.
func understood(kind byte) bool {
	switch kind {
	case 4, 7, 11, 21, 22, 23, 24, 25, 26, 28, 29, 30, 32, 34, 35:
		return true
	}
	return false
}

// trailer is what is hashed behind what is signed.
func (s *signature) trailer() []byte {
	return binary.BigEndian.AppendUint32(append(append([]byte{}, s.head...), 4, 0xFF), uint32(len(s.head)))
}

// scheme returns how the signature is made.
func (s *signature) scheme() pubkey.Scheme {
	switch s.algorithm {
	case algRSA, algRSASign:
		return pubkey.PKCS1
	case algECDSA:
		return pubkey.ECDSA
	case algEdDSA, algEd25519:
		return pubkey.Ed25519
	}
	return 0
}

// number reads a number with its length in bits, and fills it up to size bytes.
func number(c *cursor.Cursor, size int) []byte {
	p := c.Bytes((int(c.Uint16BE()) + 7) / 8)
	if len(p) >= size {
		return p
	}
	return append(make([]byte, size-len(p)), p...)
}
