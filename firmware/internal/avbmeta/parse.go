package avbmeta

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/big"

	"salvor/block"
	"salvor/cursor"
)

// Sizes in bytes, and bounds.
const (
	HeaderSize     = 256
	FooterSize     = 64
	Magic          = "AVB0"
	FooterMagic    = "AVBf"
	maxBlock       = 4 << 20
	maxDescriptors = 4096
)

// Flags of a vbmeta image.
const (
	HashtreeDisabled     = 1
	VerificationDisabled = 2
)

// Algorithm is how a vbmeta image is signed.
type Algorithm struct {
	Name string
	Hash crypto.Hash
	Bits int // of the RSA key
}

// algorithms by their numbers; number 0 signs nothing.
var algorithms = []Algorithm{{Name: "NONE"}, {"SHA256_RSA2048", crypto.SHA256, 2048}, {"SHA256_RSA4096", crypto.SHA256, 4096}, {"SHA256_RSA8192", crypto.SHA256, 8192},
	{"SHA512_RSA2048", crypto.SHA512, 2048}, {"SHA512_RSA4096", crypto.SHA512, 4096}, {"SHA512_RSA8192", crypto.SHA512, 8192}}

// VBMeta is a vbmeta image.
type VBMeta struct {
	Algorithm
	Size             int64 // of the whole
	Auth, Aux        block.Extent
	Hash, Signature  []byte
	HashAt, SignedAt block.Extent
	KeyBlob          []byte
	Key              *rsa.PublicKey // nil without one
	RollbackIndex    uint64
	RollbackLocation uint32
	Flags            uint32
	Release          string
	Descriptors      []Descriptor
}

// KeyDigest is the SHA-1 of a key's blob, by which avbtool names keys.
func KeyDigest(blob []byte) string {
	sum := sha1.Sum(blob)
	return hex.EncodeToString(sum[:])
}

// Kind is what a descriptor is.
type Kind uint64

// The kinds of descriptors.
const (
	Property    Kind = 0
	Hashtree    Kind = 1
	Hash        Kind = 2
	CommandLine Kind = 3
	Chain       Kind = 4
)

// Descriptor is one of a vbmeta image. Which fields are set follows from the kind.
type Descriptor struct {
	Kind      Kind
	Partition string // Hash, Hashtree, Chain; hostile text
	ImageSize int64  // bytes
	Method    string // "sha256"
	Salt      []byte
	Digest    []byte // of the image, or of the top of the tree
	Flags     uint32
	// Hashtree.
	Tree                 block.Extent
	FEC                  block.Extent
	Roots                int
	DataBlock, HashBlock int64
	// Property: name and value. CommandLine: value.
	Name, Value string
	// Chain.
	KeyBlob  []byte
	Location uint32
}

// Footer is the end of a partition with a vbmeta image inside.
type Footer struct {
	Original int64 // bytes of the image that the rest was put behind
	VBMeta   block.Extent
	Plain    bool // version 1.0, and what is reserved is 0
}

// ParseFooter reads the last 64 bytes of an image of size bytes.
func ParseFooter(p []byte, size int64) (*Footer, error) {
	c := cursor.New("AVB: footer", size-FooterSize, p)
	if string(c.Bytes(4)) != FooterMagic || len(p) != FooterSize {
		return nil, cursor.ErrNot
	}
	major, minor := c.Uint32BE(), c.Uint32BE()
	original, at, length := c.Uint64BE(), c.Uint64BE(), c.Uint64BE()
	f := &Footer{Plain: minor == 0 && bytes.Equal(c.Rest(), make([]byte, 28))}
	if major != 1 {
		return nil, cursor.ErrNot
	}
	room := uint64(max(size-FooterSize, 0))
	if original > room || at > room || length > room-at || length < HeaderSize || at < original {
		return nil, cursor.Corrupt("AVB: footer", size-FooterSize, fmt.Sprintf("places in the %d bytes before", room), fmt.Sprintf("an image of %d, a vbmeta image of %d at %d", original, length, at))
	}
	f.Original, f.VBMeta = int64(original), block.Extent{Offset: int64(at), Length: int64(length)}
	return f, c.Err()
}

// Length returns how long a vbmeta image is, by the header in p: cursor.ErrNot when it is none.
func Length(p []byte) (int64, error) {
	c := cursor.New("AVB: vbmeta header", 0, p)
	if len(p) < HeaderSize || string(c.Bytes(4)) != Magic {
		return 0, cursor.ErrNot
	}
	major := c.Uint32BE()
	c.Skip(4)
	auth, aux := c.Uint64BE(), c.Uint64BE()
	if algorithm := c.Uint32BE(); major != 1 || auth%64 != 0 || aux%64 != 0 || auth > maxBlock || aux > maxBlock || int64(algorithm) >= int64(len(algorithms)) {
		return 0, cursor.ErrNot
	}
	return HeaderSize + int64(auth) + int64(aux), nil
}

// Parse reads a vbmeta image, which p holds at least. What is behind it is not looked at.
func Parse(p []byte) (*VBMeta, error) {
	size, err := Length(p)
	if err != nil {
		return nil, err
	}
	if int64(len(p)) < size {
		return nil, cursor.Corrupt("AVB: vbmeta", 0, fmt.Sprintf("%d bytes", size), len(p))
	}
	c := cursor.New("AVB: vbmeta header", 0, p[:HeaderSize])
	c.Skip(12)
	auth, aux := int64(c.Uint64BE()), int64(c.Uint64BE())
	v := &VBMeta{Size: size, Algorithm: algorithms[c.Uint32BE()], Auth: block.Extent{Offset: HeaderSize, Length: auth}, Aux: block.Extent{Offset: HeaderSize + auth, Length: aux}}
	field := func(what string, in block.Extent) (block.Extent, []byte) {
		off, n := c.Uint64BE(), c.Uint64BE()
		if off > uint64(in.Length) || n > uint64(in.Length)-off {
			if err == nil {
				err = cursor.Corrupt("AVB: vbmeta header", int64(c.At()-16), "a place of the "+what+" in its block", fmt.Sprintf("%d bytes at %d", n, off))
			}
			return block.Extent{}, nil
		}
		e := block.Extent{Offset: in.Offset + int64(off), Length: int64(n)}
		return e, p[e.Offset:e.End()]
	}
	v.HashAt, v.Hash = field("hash", v.Auth)
	v.SignedAt, v.Signature = field("signature", v.Auth)
	_, v.KeyBlob = field("key", v.Aux)
	field("key's metadata", v.Aux)
	at, list := field("descriptors", v.Aux)
	if err != nil {
		return nil, err
	}
	v.RollbackIndex, v.Flags, v.RollbackLocation = c.Uint64BE(), c.Uint32BE(), c.Uint32BE()
	v.Release = c.String(48)
	if len(v.KeyBlob) > 0 {
		v.Key = ParseKey(v.KeyBlob)
	}
	v.Descriptors, err = descriptors(list, at.Offset)
	return v, err
}

// ParseKey reads a key's blob; nil when it is none.
func ParseKey(p []byte) *rsa.PublicKey {
	c := cursor.New("AVB: key", 0, p)
	bits := int(c.Uint32BE())
	c.Skip(4)
	if bits < 1024 || bits > 8192 || bits%8 != 0 || len(p) < 8+bits/4 {
		return nil
	}
	n := new(big.Int).SetBytes(c.Bytes(bits / 8))
	if n.BitLen() != bits || n.Bit(0) == 0 {
		return nil
	}
	return &rsa.PublicKey{N: n, E: 65537}
}

// descriptors reads a list. Those of kinds that are not known are left out.
func descriptors(p []byte, base int64) ([]Descriptor, error) {
	var out []Descriptor
	for i := 0; i+16 <= len(p); {
		c := cursor.New("AVB: descriptor", base+int64(i), p[i:])
		kind, n := Kind(c.Uint64BE()), c.Uint64BE()
		if n%8 != 0 || n > uint64(len(p)-i-16) || len(out) >= maxDescriptors {
			return out, cursor.Corrupt("AVB: descriptor", base+int64(i), fmt.Sprintf("a size of up to %d bytes, a multiple of 8", len(p)-i-16), n)
		}
		d, err := descriptor(kind, c.Sub("AVB: descriptor", int(n)))
		if err != nil {
			return out, err
		}
		if d != nil {
			out = append(out, *d)
		}
		i += 16 + int(n)
	}
	return out, nil
}

func descriptor(kind Kind, c *cursor.Cursor) (*Descriptor, error) {
	d := &Descriptor{Kind: kind}
	size := func() int { return int(min(c.Uint64BE(), maxBlock)) }
	long := func() int64 { return int64(min(c.Uint64BE(), 1<<52)) }
	switch kind {
	case Property:
		name, value := size(), size()
		d.Name = string(c.Bytes(name))
		c.Skip(1)
		d.Value = string(c.Bytes(value))
	case Hash:
		d.ImageSize = long()
		d.Method = c.String(32)
		name, salt, digest := int(c.Uint32BE()), int(c.Uint32BE()), int(c.Uint32BE())
		d.Flags = c.Uint32BE()
		c.Skip(60)
		d.Partition, d.Salt, d.Digest = string(c.Bytes(name)), c.Bytes(salt), c.Bytes(digest)
	case Hashtree:
		if version := c.Uint32BE(); version != 1 {
			return nil, cursor.Corrupt("AVB: hash tree descriptor", c.Offset(), "version 1 of dm-verity", version)
		}
		d.ImageSize = long()
		d.Tree = block.Extent{Offset: long(), Length: long()}
		d.DataBlock, d.HashBlock = int64(c.Uint32BE()), int64(c.Uint32BE())
		d.Roots = int(c.Uint32BE())
		d.FEC = block.Extent{Offset: long(), Length: long()}
		d.Method = c.String(32)
		name, salt, digest := int(c.Uint32BE()), int(c.Uint32BE()), int(c.Uint32BE())
		d.Flags = c.Uint32BE()
		c.Skip(60)
		d.Partition, d.Salt, d.Digest = string(c.Bytes(name)), c.Bytes(salt), c.Bytes(digest)
	case CommandLine:
		d.Flags = c.Uint32BE()
		d.Value = string(c.Bytes(int(c.Uint32BE())))
	case Chain:
		d.Location = c.Uint32BE()
		name, key := int(c.Uint32BE()), int(c.Uint32BE())
		d.Flags = c.Uint32BE()
		c.Skip(60)
		d.Partition, d.KeyBlob = string(c.Bytes(name)), c.Bytes(key)
	default:
		return nil, nil
	}
	return d, c.Err()
}
