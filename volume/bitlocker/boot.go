package bitlocker

import (
	"encoding/binary"
	"fmt"

	"salvor/cursor"
)

const (
	bootSize      = 512
	signature     = "-FVE-FS-"
	togoSignature = "MSWIN4.1"
	idAt          = 160 // of the identifier, Windows 7 and later
	togoIDAt      = 424
	blocks        = 3 // copies of the metadata
)

// The identifiers, as they stand: of a volume that is encrypted from its start to a boundary, and of one that is
// encrypted wherever it is written to.
const (
	idNormal  = "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"
	idOnWrite = "\x3b\x4d\xa8\x92\x80\xdd\x0e\x4d\x9e\x4e\xb1\xe3\x28\x4e\xae\xd8"
)

// guid is stored with its first three fields in little-endian order.
type guid [16]byte

func (g guid) String() string {
	return fmt.Sprintf("%08X-%04X-%04X-%X-%X", binary.LittleEndian.Uint32(g[0:]), binary.LittleEndian.Uint16(g[4:]),
		binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// boot is what the boot sector says.
type boot struct {
	vista, togo, onWrite bool
	sector               int64 // bytes
	cluster              int64 // bytes; 0 where it makes no sense
	sectors              int64 // of the volume; 0 when it does not say
	offsets              [blocks]int64
}

// parseBoot decodes the boot sector that stands at base.
func parseBoot(b []byte, base int64) (boot, error) {
	var h boot
	c := cursor.New("bitlocker: boot sector", base, b)
	jump, name := string(c.Bytes(3)), string(c.Bytes(8))
	sector, per := int64(c.Uint16()), int64(c.Uint8())
	c.Seek(19)
	small := int64(c.Uint16())
	c.Seek(32)
	medium := int64(c.Uint32())
	c.Seek(40)
	large := int64(c.Uint64())
	c.Seek(56)
	cluster := int64(c.Uint64())
	c.Seek(idAt)
	id := string(c.Bytes(16))
	offsets := c.Bytes(8 * blocks)
	c.Seek(togoIDAt)
	togoID := string(c.Bytes(16))
	togoOffsets := c.Bytes(8 * blocks)
	if c.Err() != nil {
		return h, c.Err()
	}
	h.sector = sector
	if sector != 0 && (sector < 512 || sector > 4096 || sector&(sector-1) != 0) {
		h.sector = 0
	}
	if h.sector == 0 { // an exFAT volume of Windows 10 says nothing
		h.sector = 512
	}
	h.cluster = h.sector * per
	switch {
	case id == idNormal || id == idOnWrite:
		h.onWrite = id == idOnWrite
	case togoID == idNormal || togoID == idOnWrite:
		h.togo, h.onWrite, offsets = true, togoID == idOnWrite, togoOffsets
		h.sectors = medium
		if small != 0 {
			h.sectors = small
		}
	case jump == "\xeb\x52\x90" && name == signature:
		h.vista = true
		if per < 1 || per > 128 || cluster < 1 || cluster > maxOffset/h.cluster {
			return h, cursor.Corrupt("bitlocker: boot sector", base+56, "a cluster of the metadata", cluster)
		}
		h.offsets[0] = cluster * h.cluster
		if large > 0 && large < maxOffset/h.sector {
			h.sectors = large
		}
		return h, nil
	case name == signature:
		return h, cursor.Corrupt("bitlocker: boot sector", base+idAt, "an identifier of BitLocker", guid([]byte(id)))
	default:
		return h, cursor.ErrNot
	}
	for i := range h.offsets {
		v := binary.LittleEndian.Uint64(offsets[8*i:])
		if v < bootSize || v > maxOffset || v%512 != 0 {
			v = 0 // the other copies say it too
		}
		h.offsets[i] = int64(v)
	}
	return h, nil
}
