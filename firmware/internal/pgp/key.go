package pgp

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"

	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
)

// key is a public key of an owner.
type key struct {
	body      []byte
	algorithm byte
	created   time.Time
	id        uint64
	public    crypto.PublicKey // nil for one that cannot be used
	size      int              // of a number of its signatures, bytes
	allowed   *signature       // the newest one that says what it may do; nil for none
	revoked   bool
}

// owner is a key with its names and subkeys.
type owner struct {
	primary key
	subkeys []*key
	name    string
}

// curves are those of ECDSA by their object identifiers, in hex.
var curves = map[string]elliptic.Curve{"2a8648ce3d030107": elliptic.P256(), "2b81040022": elliptic.P384(), "2b81040023": elliptic.P521()}

const oidEd25519 = "2b06010401da470f01"

// parseKey reads the body of a packet of key.
func parseKey(p []byte) (*key, error) {
	c := cursor.New("OpenPGP key", 0, p)
	version := c.Uint8()
	k := &key{body: p, created: time.Unix(int64(c.Uint32BE()), 0).UTC(), algorithm: c.Uint8()}
	if version != 4 || c.Err() != nil || len(p) > 0xFFFF {
		return nil, cursor.Corrupt("OpenPGP key", 0, "a key of version 4", fmt.Sprintf("version %d", version))
	}
	sum := sha1.Sum(k.framed())
	k.id = binary.BigEndian.Uint64(sum[12:])
	switch k.algorithm {
	case algRSA, algRSASign:
		n, e := number(c, 0), number(c, 0)
		if len(e) > 0 && len(e) <= 4 && len(n) > 0 {
			k.public, k.size = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, len(n)
		}
	case algECDSA:
		curve, point := curves[hex.EncodeToString(c.Bytes(int(c.Uint8())))], number(c, 0)
		if curve != nil && c.Err() == nil {
			if public, err := ecdsa.ParseUncompressedPublicKey(curve, point); err == nil {
				k.public, k.size = public, (curve.Params().N.BitLen()+7)/8
			}
		}
	case algEdDSA:
		name, point := hex.EncodeToString(c.Bytes(int(c.Uint8()))), number(c, 0)
		if name == oidEd25519 && len(point) == 33 && point[0] == 0x40 {
			k.public, k.size = ed25519.PublicKey(point[1:]), 32
		}
	case algEd25519:
		if point := c.Bytes(32); len(point) == 32 {
			k.public, k.size = ed25519.PublicKey(point), 32
		}
	}
	return k, c.Err()
}

// framed is a key as it is hashed.
func (k *key) framed() []byte {
	return append([]byte{0x99, byte(len(k.body) >> 8), byte(len(k.body))}, k.body...)
}

// check reports whether a key made a signature with that digest.
func (k *key) check(s *signature, digest []byte) firmware.Signature {
	c := cursor.New("OpenPGP signature: numbers", 0, s.numbers)
	st := &pubkey.Statement{Scheme: s.scheme(), Hash: s.hash, Digest: digest}
	switch {
	case s.algorithm == algEd25519:
		st.Signature = c.Bytes(64)
	case st.Scheme == pubkey.PKCS1:
		st.Signature = number(c, k.size)
	default:
		r := number(c, k.size)
		st.Signature = append(append([]byte{}, r...), number(c, k.size)...)
	}
	if st.Scheme == pubkey.Ed25519 {
		st.Message, st.Hash = digest, 0
	}
	if c.Err() != nil || k.public == nil || k.algorithm != s.algorithm {
		return firmware.Signature{State: firmware.Failed}
	}
	return pubkey.Check([]firmware.Key{{Name: "key", Public: k.public}}, st)
}

// holds reports whether the primary key made a signature over these bytes.
func (o *owner) holds(s *signature, over ...[]byte) bool {
	if s.hash == 0 || !s.hash.Available() {
		return false
	}
	h := s.hash.New()
	for _, p := range over {
		h.Write(p)
	}
	h.Write(s.trailer())
	return o.primary.check(s, h.Sum(nil)).State == firmware.Passed
}

// newer takes s for what a key may do when it is the newest.
func (k *key) newer(s *signature) {
	if k.allowed == nil || !s.created.Before(k.allowed.created) {
		k.allowed = s
	}
}

// parseOwners reads the keys of a file, with what their owners say of them. A packet that cannot be read counts for nothing.
func parseOwners(data []byte) ([]*owner, error) {
	raw, err := binaryOf(data)
	if err != nil {
		return nil, err
	}
	list, err := packets(raw)
	if err != nil {
		return nil, err
	}
	var out []*owner
	var at *owner
	var sub *key
	var user []byte
	for _, p := range list {
		switch p.tag {
		case tagKey:
			at, sub, user = nil, nil, nil
			if k, err := parseKey(p.body); err == nil {
				at = &owner{primary: *k}
				out = append(out, at)
			}
		case tagSubkey:
			user = nil
			if sub, err = parseKey(p.body); err == nil && at != nil {
				at.subkeys = append(at.subkeys, sub)
			} else {
				sub = &key{} // so that what follows is not taken for the primary key's
			}
		case tagUser:
			user, sub = p.body, nil
			if at != nil && at.name == "" {
				at.name = string(p.body[:min(len(p.body), 200)])
			}
		case tagSignature:
			if s, err := parseSignature(p.body); err == nil && at != nil && s.version == 4 && s.strange == 0 {
				at.take(s, sub, user)
			}
		}
	}
	return out, nil
}

// take takes what the owner says in a signature over a name, a subkey, or the key itself.
func (o *owner) take(s *signature, sub *key, user []byte) {
	primary := o.primary.framed()
	switch {
	case s.kind == typeRevoke && o.holds(s, primary):
		o.primary.revoked = true
	case s.kind == typeDirect && o.holds(s, primary):
		o.primary.newer(s)
	case s.kind >= typeUser && s.kind <= typeUser+3 && user != nil:
		if o.holds(s, primary, binary.BigEndian.AppendUint32([]byte{0xB4}, uint32(len(user))), user) {
			o.primary.newer(s)
		}
	case sub == nil || sub.body == nil:
	case s.kind == typeSubkey && o.holds(s, primary, sub.framed()):
		sub.newer(s)
	case s.kind == typeRevokeSub && o.holds(s, primary, sub.framed()):
		sub.revoked = true
	}
}

// find returns the key with that ID.
func (o *owner) find(id uint64) *key {
	if o.primary.id == id {
		return &o.primary
	}
	for _, k := range o.subkeys {
		if k.id == id {
			return k
		}
	}
	return nil
}

// ends returns when a key ends; the zero time for never.
func (k *key) ends() time.Time {
	if k.allowed == nil || k.allowed.keyExpires == 0 {
		return time.Time{}
	}
	return k.created.Add(time.Duration(k.allowed.keyExpires) * time.Second)
}

// valid reports whether a key was valid at a time.
func (k *key) valid(at time.Time) bool {
	return !at.Before(k.created) && (k.ends().IsZero() || at.Before(k.ends()))
}
