package mcuboot

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

const (
	magic       = 0x96f3b83d
	headerSize  = 32
	plainMagic  = 0x6907
	sealedMagic = 0x6908
	maxImage    = 1 << 30
)

// The flags of a header.
const (
	flagAES128   = 0x004
	flagAES256   = 0x008
	flagNoBoot   = 0x010
	flagRAM      = 0x020
	flagFixed    = 0x100
	flagLZMA1    = 0x200
	flagLZMA2    = 0x400
	flagThumb    = 0x800
	flagPosition = 0x001
	knownFlags   = flagPosition | flagAES128 | flagAES256 | flagNoBoot | flagRAM | flagFixed | flagLZMA1 | flagLZMA2 | flagThumb
)

// header is that of an image.
type header struct {
	load        uint32
	size        int64 // of the header, with what fills it
	sealed      int64 // bytes of protected entries
	payload     int64
	flags       uint32
	version     version
	pad         uint32
	plausibleAt int64 // where the entries begin
}

type version struct {
	major, minor uint8
	revision     uint16
	build        uint32
}

// String is the version as imgtool takes it.
func (v version) String() string {
	if v.build == 0 {
		return fmt.Sprintf("%d.%d.%d", v.major, v.minor, v.revision)
	}
	return fmt.Sprintf("%d.%d.%d+%d", v.major, v.minor, v.revision, v.build)
}

func readVersion(c *cursor.Cursor) version {
	return version{c.Uint8(), c.Uint8(), c.Uint16(), c.Uint32()}
}

func parseHeader(p []byte) (*header, error) {
	c := cursor.New("MCUboot: header", 0, p)
	if c.Uint32() != magic || len(p) < headerSize {
		return nil, cursor.ErrNot
	}
	h := &header{load: c.Uint32(), size: int64(c.Uint16()), sealed: int64(c.Uint16()), payload: int64(c.Uint32()), flags: c.Uint32(), version: readVersion(c), pad: c.Uint32()}
	if err := c.Err(); err != nil {
		return nil, err
	}
	h.plausibleAt = h.size + h.payload
	if h.size < headerSize || h.payload == 0 || h.payload > maxImage {
		return nil, cursor.ErrNot
	}
	return h, nil
}

// sure reports whether the rest of the image agrees with its header: its fields are all known ones, or the entries stand
// where they must.
func (h *header) sure(src block.Source) bool {
	if h.flags&^uint32(knownFlags) == 0 && h.pad == 0 && h.flags&(flagAES128|flagAES256) != flagAES128|flagAES256 {
		return true
	}
	p, err := cursor.Read(src, "MCUboot: entries", h.plausibleAt, 2, 2)
	if err != nil {
		return false
	}
	m := uint16(p[0]) | uint16(p[1])<<8
	return m == plainMagic && h.sealed == 0 || m == sealedMagic && h.sealed > 0
}

// hashed is what the hash covers.
func (h *header) hashed() block.Extent {
	return block.Extent{Length: h.size + h.payload + h.sealed}
}

func (h *header) encrypted() bool { return h.flags&(flagAES128|flagAES256) != 0 }

// words are what the flags say, for people.
func (h *header) words() string {
	var out string
	for _, f := range []struct {
		bit  uint32
		text string
	}{
		{flagAES128, "encrypted (AES-128)"}, {flagAES256, "encrypted (AES-256)"}, {flagLZMA1, "LZMA"}, {flagLZMA2, "LZMA2"},
		{flagNoBoot, "not to be started by itself"},
	} {
		if h.flags&f.bit != 0 {
			out += ", " + f.text
		}
	}
	switch {
	case h.flags&flagRAM != 0:
		out += fmt.Sprintf(", runs in memory at 0x%08x", h.load)
	case h.flags&flagFixed != 0:
		out += fmt.Sprintf(", for the slot at 0x%08x", h.load)
	}
	return out
}
