package matter

import (
	"encoding/binary"

	"salvor/cursor"
)

const (
	magic     = 0x1BEEF11E
	fixedSize = 16
	maxHeader = 64 << 10
)

// The tags of a header.
const (
	tagVendor = iota
	tagProduct
	tagVersion
	tagVersionText
	tagPayload
	tagLeast
	tagMost
	tagNotes
	tagDigestKind
	tagDigest
)

// needed are the tags that each header has.
var needed = []int{tagVendor, tagProduct, tagVersion, tagVersionText, tagPayload, tagDigestKind, tagDigest}

// header is that of an image.
type header struct {
	total, size int64 // size is of the structure
	has         [10]bool
	numbers     [10]uint64
	text        [10][]byte
	// digestAt is where the digest stands.
	digestAt int64
}

func (h *header) payloadAt() int64 { return fixedSize + h.size }

// parseFixed reads what stands in front of the structure.
func parseFixed(p []byte) (*header, error) {
	c := cursor.New("Matter image: header", 0, p)
	if c.Uint32() != magic {
		return nil, cursor.ErrNot
	}
	h := &header{total: int64(c.Uint64()), size: int64(c.Uint32())}
	if c.Err() != nil || h.size < 8 || h.size > maxHeader-fixedSize || h.total <= fixedSize+h.size {
		return nil, cursor.ErrNot
	}
	return h, nil
}

// parse reads the structure.
func (h *header) parse(p []byte) error {
	c := cursor.New("Matter image: header", fixedSize, p)
	if b := c.Uint8(); c.Err() == nil && b != 0x15 {
		return cursor.ErrNot // a structure without a tag
	}
	for {
		at := c.Offset()
		control := c.Uint8()
		if control == 0x18 {
			break
		}
		tag := c.Uint8()
		if err := c.Err(); err != nil {
			return err
		}
		if control&0xE0 != 0x20 {
			return cursor.Corrupt("Matter image: header", at, "a field with a number", control)
		}
		kind, width := control&0x1C, 1<<(control&3)
		var b []byte
		switch kind {
		case 0, 4: // numbers
			b = c.Bytes(width)
		case 0x0C, 0x10: // text, bytes
			n := number(c.Bytes(width))
			if n > uint64(c.Len()) {
				return cursor.Corrupt("Matter image: header", at, "a value in the header", n)
			}
			b = c.Bytes(int(n))
		default:
			return cursor.Corrupt("Matter image: header", at, "a number, a text or bytes", control)
		}
		if err := c.Err(); err != nil {
			return err
		}
		if int(tag) < len(h.has) {
			if wantText := tag == tagVersionText || tag == tagNotes || tag == tagDigest; h.has[tag] || wantText != (kind >= 0x0C) {
				return cursor.Corrupt("Matter image: header", at, "each field once, of its kind", tag)
			}
			h.has[tag] = true
			if kind >= 0x0C {
				h.text[tag] = b
			} else {
				h.numbers[tag] = number(b)
			}
			if tag == tagDigest {
				h.digestAt = c.Offset() - int64(len(b))
			}
		}
	}
	if err := c.Err(); err != nil {
		return err
	}
	if c.Len() > 0 {
		return cursor.Corrupt("Matter image: header", c.Offset(), "its end", "more")
	}
	for _, tag := range needed {
		if !h.has[tag] {
			return cursor.Corrupt("Matter image: header", fixedSize, "a field with the number "+string(rune('0'+tag)), "none")
		}
	}
	return nil
}

func number(p []byte) uint64 {
	var b [8]byte
	copy(b[:], p)
	return binary.LittleEndian.Uint64(b[:])
}
