package mcuboot

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"

	"salvor/block"
	"salvor/cursor"
)

// The types of entries.
const (
	typeKeyHash    = 0x01
	typePublicKey  = 0x02
	typeKeyID      = 0x03
	typeSHA256     = 0x10
	typeSHA384     = 0x11
	typeSHA512     = 0x12
	typeRSA2048    = 0x20
	typeECDSA224   = 0x21
	typeECDSA      = 0x22
	typeRSA3072    = 0x23
	typeEd25519    = 0x24
	typePure       = 0x25
	typeKeyRSA     = 0x30
	typeKeyWrap    = 0x31
	typeKeyEC      = 0x32
	typeKeyX25519  = 0x33
	typeKeyX25519b = 0x34
	typeDependency = 0x40
	typeCounter    = 0x50
	typeRecord     = 0x60
	typeVendorID   = 0x74
	typeClassID    = 0x75
)

var hashes = map[uint16]crypto.Hash{typeSHA256: crypto.SHA256, typeSHA384: crypto.SHA384, typeSHA512: crypto.SHA512}

// entry is a value behind an image.
type entry struct {
	kind   uint16
	sealed bool // it is covered by the hash
	// extent has the whole entry, value what stands in it.
	extent block.Extent
	value  []byte
}

// area is a list of entries.
type area struct {
	extent  block.Extent
	sealed  bool // it is covered by the hash
	entries []entry
}

// readArea reads the list that begins at off.
func readArea(src block.Source, off int64, sealed bool) (*area, error) {
	name, want := "MCUboot: entries", uint16(plainMagic)
	if sealed {
		name, want = "MCUboot: protected entries", sealedMagic
	}
	head, err := cursor.Read(src, name, off, 4, 4)
	if err != nil {
		return nil, err
	}
	if m := binary.LittleEndian.Uint16(head); m != want {
		return nil, cursor.Corrupt(name, off, fmt.Sprintf("0x%04x", want), fmt.Sprintf("0x%04x", m))
	}
	total := int64(binary.LittleEndian.Uint16(head[2:]))
	if total < 4 {
		return nil, cursor.Corrupt(name, off+2, "a length of 4 bytes or more", total)
	}
	a := &area{extent: block.Extent{Offset: off, Length: total}, sealed: sealed}
	p, err := cursor.Read(src, name, off, total, 1<<16)
	if err != nil {
		return a, err
	}
	c := cursor.New(name, off, p)
	c.Skip(4)
	for c.Len() > 0 {
		at := c.Offset()
		e := entry{kind: c.Uint16(), sealed: sealed}
		e.value = c.Bytes(int(c.Uint16()))
		if err := c.Err(); err != nil {
			return a, err
		}
		e.extent = block.Between(at, c.Offset())
		a.entries = append(a.entries, e)
	}
	return a, nil
}

// shape says what is wrong with an entry; "" for nothing.
func (e *entry) shape() string {
	n, want := len(e.value), 0
	switch e.kind {
	case typeKeyHash:
		if n != 32 && n != 48 && n != 64 {
			return fmt.Sprintf("the hash of a key has %d bytes", n)
		}
	case typePublicKey:
		if e.key() == nil {
			return "a public key that is none"
		}
	case typeSHA256, typeSHA384, typeSHA512:
		want = hashes[e.kind].Size()
	case typeRSA2048, typeKeyRSA:
		want = 256
	case typeRSA3072:
		want = 384
	case typeEd25519:
		want = 64
	case typeKeyID, typeCounter:
		want = 4
	case typeDependency:
		want = 12
	case typeVendorID, typeClassID:
		want = 16
	case typePure:
		if n != 1 || e.value[0] != 1 {
			return fmt.Sprintf("the mark of a pure signature is %x", e.value)
		}
	case typeKeyWrap:
		if n != 24 && n != 40 {
			return fmt.Sprintf("a wrapped key of %d bytes", n)
		}
	case typeKeyEC, typeKeyX25519, typeKeyX25519b:
		if n < 64 || n > 192 {
			return fmt.Sprintf("an encrypted key of %d bytes", n)
		}
	case typeECDSA, typeECDSA224:
		if _, ok := e.ecdsa(); !ok {
			return "a signature that is no ECDSA signature"
		}
	default:
		// Behind the hash the boot loader takes no other types; makers have numbers of their own.
		if low := e.kind & 0xFF; !e.sealed && (e.kind>>8 == 0 || low < 0xA0 || low > 0xFE) {
			return fmt.Sprintf("an entry of the type 0x%04x, which the boot loader refuses here", e.kind)
		}
	}
	if want > 0 && n != want {
		return fmt.Sprintf("an entry of the type 0x%02x has %d bytes and not %d", e.kind, n, want)
	}
	return ""
}

// key is the public key of an entry, nil when there is none.
func (e *entry) key() crypto.PublicKey {
	if k, err := x509.ParsePKIXPublicKey(e.value); err == nil {
		return k
	}
	if k, err := x509.ParsePKCS1PublicKey(e.value); err == nil {
		return k
	}
	return nil
}

// ecdsa returns a signature without the zeros that old versions of imgtool put behind it.
func (e *entry) ecdsa() ([]byte, bool) {
	var s struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(e.value, &s)
	if err != nil {
		return nil, false
	}
	for _, b := range rest {
		if b != 0 {
			return nil, false
		}
	}
	bits := max(s.R.BitLen(), s.S.BitLen())
	if s.R.Sign() <= 0 || s.S.Sign() <= 0 || bits > 384 || e.kind == typeECDSA224 && bits > 224 {
		return nil, false
	}
	return e.value[:len(e.value)-len(rest)], true
}
