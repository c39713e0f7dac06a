package mbr

import (
	"bytes"

	"salvor/cursor"
)

const (
	recordSize   = 512
	entriesAt    = 0x1be
	signatureAt  = 0x1fe
	diskNumberAt = 0x1b8
)

// slot is one of the four entries of a record; its numbers count sectors.
type slot struct {
	status      byte
	kind        byte
	first, size uint32
}

func (s slot) empty() bool { return s.kind == typeEmpty || s.size == 0 && s.first == 0 }

// sane reports whether the fields that have only few legal values have one.
func (s slot) sane() bool {
	return (s.status == 0 || s.status == 0x80) && s.first > 0 && s.size > 0
}

// record is a master boot record or an extended one.
type record struct {
	disk  uint32
	slots [4]slot
}

// parseRecord decodes the record that stands at base. Bytes without its signature are [cursor.ErrNot].
func parseRecord(b []byte, base int64) (record, error) {
	var r record
	c := cursor.New("mbr: record", base, b)
	c.Seek(signatureAt)
	signature := c.Uint16()
	if c.Err() != nil {
		return r, c.Err()
	}
	if signature != 0xaa55 {
		return r, cursor.ErrNot
	}
	c.Seek(diskNumberAt)
	r.disk = c.Uint32()
	c.Seek(entriesAt)
	for i := range r.slots {
		s := &r.slots[i]
		s.status = c.Uint8()
		c.Skip(3)
		s.kind = c.Uint8()
		c.Skip(3)
		s.first = c.Uint32()
		s.size = c.Uint32()
	}
	return r, c.Err()
}

// isBootSector reports whether the sector has the fields of a FAT, exFAT or NTFS volume.
func isBootSector(b []byte) bool {
	if len(b) < recordSize {
		return false
	}
	for _, name := range []string{"NTFS    ", "EXFAT   ", "-FVE-FS-", "ReFS\x00\x00\x00\x00"} {
		if bytes.Equal(b[3:11], []byte(name)) {
			return true
		}
	}
	c := cursor.New("mbr: boot sector", 0, b)
	c.Seek(11)
	sector, cluster, reserved, fats := c.Uint16(), c.Uint8(), c.Uint16(), c.Uint8()
	c.Seek(21)
	media := c.Uint8()
	switch sector {
	case 512, 1024, 2048, 4096:
	default:
		return false
	}
	return cluster > 0 && cluster&(cluster-1) == 0 && reserved > 0 && fats > 0 && fats <= 4 &&
		(media == 0xf0 || media >= 0xf8)
}
