package luks

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

const (
	size1        = 592 // of the LUKS1 header, bytes
	slots1       = 8
	active1      = 0x00ac71f3
	inactive1    = 0x0000dead
	digest1      = 20
	salt1        = 32
	sector1      = 512
	maxKey       = 512      // of a volume key, bytes; the longest that cryptsetup makes has 128
	maxStripes   = 1 << 16  // cryptsetup makes 4000
	maxMaterial  = 32 << 20 // of one slot, bytes
	maxSector    = 1 << 40  // keeps products with the size of a sector inside of int64
	firstHeader  = "LUKS\xba\xbe"
	secondHeader = "SKUL\xba\xbe"
)

// parse1 decodes a LUKS1 header, which stands at base.
func parse1(b []byte, base int64) (*header, error) {
	c := cursor.New("luks: header", base, b)
	magic, version := c.Bytes(6), c.Uint16BE()
	if c.Err() != nil {
		return nil, c.Err()
	}
	if string(magic) != firstHeader || version != 1 {
		return nil, cursor.ErrNot
	}
	cipherName, mode, hash := c.String(32), c.String(32), c.String(32)
	payload, keySize := int64(c.Uint32BE()), int(c.Uint32BE())
	sum, salt, iterations := c.Bytes(digest1), c.Bytes(salt1), int(c.Uint32BE())
	h := &header{version: 1, uuid: c.String(40), payload: payload * sector1, checksumOK: true}
	if c.Err() != nil {
		return nil, c.Err()
	}
	if !printable(cipherName, mode, hash, h.uuid) || cipherName == "" || mode == "" || hash == "" {
		return nil, cursor.Corrupt("luks: header", base+8, "names of a cipher, a mode and a hash", fmt.Sprintf("%q, %q, %q", cipherName, mode, hash))
	}
	if keySize < 1 || keySize > maxKey {
		return nil, cursor.Corrupt("luks: header", base+108, fmt.Sprintf("a key of 1 to %d bytes", maxKey), keySize)
	}
	cipher := cipherName + "-" + mode
	h.segments = []segment{{kind: "crypt", offset: h.payload, size: -1, cipher: cipher, sector: sector1}}
	d := digest{segments: []int{0}, hash: hash, salt: salt, iterations: iterations, sum: sum}
	for i := range slots1 {
		state, rounds := c.Uint32BE(), int(c.Uint32BE())
		slotSalt := c.Bytes(salt1)
		offset, stripes := int64(c.Uint32BE())*sector1, int(c.Uint32BE())
		if c.Err() != nil {
			return nil, c.Err()
		}
		if state != active1 {
			if state != inactive1 {
				h.checksumOK = false // there is no checksum: the states are all that can be looked at
			}
			continue
		}
		k := keyslot{number: i, keySize: keySize, cipher: cipher, areaKey: keySize, stripes: stripes, hash: hash, priority: 1,
			kdf: derivation{kind: "pbkdf2", hash: hash, iterations: rounds, salt: slotSalt}}
		k.place(offset, maxMaterial)
		h.keyslots = append(h.keyslots, k)
		d.keyslots = append(d.keyslots, i)
	}
	h.digests = []digest{d}
	return h, nil
}

// place says where the key material stands, of which room bytes are reserved, and whether that can be.
func (k *keyslot) place(offset, room int64) {
	if k.stripes < 1 || k.stripes > maxStripes || k.keySize < 1 || k.keySize > maxKey {
		k.problem = fmt.Sprintf("%d stripes of %d bytes", k.stripes, k.keySize)
		return
	}
	length := (int64(k.stripes)*int64(k.keySize) + sector1 - 1) / sector1 * sector1
	if length > room || length > maxMaterial || offset < 1 || offset > maxSector {
		k.problem = fmt.Sprintf("%d bytes of key material at %d", length, offset)
		return
	}
	k.area = block.Extent{Offset: offset, Length: length}
}

// printable reports whether the names hold ASCII that can be shown.
func printable(names ...string) bool {
	for _, s := range names {
		for i := range len(s) {
			if s[i] < 0x20 || s[i] > 0x7e {
				return false
			}
		}
	}
	return true
}
