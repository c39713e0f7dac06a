package fat

import (
	"bytes"
	"fmt"
	"math/bits"

	"salvor/cursor"
)

// Limits that the width of a FAT entry sets to the number of clusters.
const (
	maxClusters12 = 4084
	maxClusters16 = 65524
	maxClusters32 = 0x0FFFFFF5
)

// maxSectors bounds what a boot sector may claim, so that no product of two fields overflows.
const maxSectors = 1 << 44

// defaultBackup is the sector of the FAT32 backup boot sector when nothing says otherwise.
const defaultBackup = 6

// bootSize is the number of bytes that are read of a boot sector, whatever the sector size.
const bootSize = 512

// boot is what a boot sector says, checked. Sizes of areas are in sectors unless named bytes.
type boot struct {
	width      int // bits of a FAT entry: 12, 16, 32
	sectorSize int64
	perCluster int64 // sectors of a cluster
	reserved   int64
	copies     int
	fatSectors int64
	rootSlots  int64 // entries of the fixed root directory, 0 for FAT32
	total      int64
	hidden     int64
	media      byte
	clusters   uint32 // the highest cluster number is clusters+1

	rootCluster  uint32
	infoSector   int64 // 0 when there is none
	backupSector int64 // 0 when there is none
	mirrored     bool
	active       int // the FAT in use when not mirrored

	flags     byte // bit 0: in use, bit 1: a surface test was asked for
	serial    uint32
	hasSerial bool
	label     [11]byte
	hasLabel  bool
	typeText  string

	signed   bool // 55 AA
	shortFAT bool // the FAT is smaller than the clusters need
}

func (b *boot) clusterSize() int64    { return b.sectorSize * b.perCluster }
func (b *boot) size() int64           { return b.total * b.sectorSize }
func (b *boot) fatAt(copy int) int64  { return (b.reserved + int64(copy)*b.fatSectors) * b.sectorSize }
func (b *boot) fatBytes() int64       { return b.fatSectors * b.sectorSize }
func (b *boot) rootAt() int64         { return b.fatAt(b.copies) }
func (b *boot) rootBytes() int64      { return b.rootSlots * entrySize }
func (b *boot) rootSectors() int64    { return (b.rootBytes() + b.sectorSize - 1) / b.sectorSize }
func (b *boot) dataAt() int64         { return b.rootAt() + b.rootSectors()*b.sectorSize }
func (b *boot) valid(c uint32) bool   { return c >= 2 && c-2 < b.clusters }
func (b *boot) at(c uint32) int64     { return b.dataAt() + int64(c-2)*b.clusterSize() }
func (b *boot) kind() string          { return fmt.Sprintf("fat%d", b.width) }
func (b *boot) isTyped() bool         { return b.typeText != "" }
func (b *boot) needed(n int64) uint32 { return uint32((n + b.clusterSize() - 1) / b.clusterSize()) }

// sameLayout reports whether two boot sectors describe the same volume.
func (b *boot) sameLayout(o *boot) bool {
	return b.width == o.width && b.sectorSize == o.sectorSize && b.perCluster == o.perCluster &&
		b.reserved == o.reserved && b.copies == o.copies && b.fatSectors == o.fatSectors &&
		b.rootSlots == o.rootSlots && b.total == o.total && b.rootCluster == o.rootCluster
}

// foreignNames are the OEM names of other formats whose boot sectors look alike.
var foreignNames = [][]byte{[]byte("NTFS    "), []byte("EXFAT   "), []byte("-FVE-FS-"), []byte("ReFS\x00\x00\x00\x00")}

// parseBoot reads a boot sector of at least 512 bytes, which stands at offset off. It answers
// [cursor.ErrNot] for bytes that do not look like one, and a [*cursor.CorruptError] for those that do and
// cannot be.
func parseBoot(p []byte, off int64) (*boot, error) {
	c := cursor.New("fat: boot sector", off, p)
	jump := c.Bytes(3)
	oem := c.Bytes(8)
	b := &boot{mirrored: true}
	b.sectorSize = int64(c.Uint16())
	b.perCluster = int64(c.Uint8())
	b.reserved = int64(c.Uint16())
	b.copies = int(c.Uint8())
	b.rootSlots = int64(c.Uint16())
	b.total = int64(c.Uint16())
	b.media = c.Uint8()
	b.fatSectors = int64(c.Uint16())
	c.Skip(4) // sectors of a track, heads: nothing here depends on them, and many devices write zeros
	b.hidden = int64(c.Uint32())
	total32 := int64(c.Uint32())
	b.width = 16
	if b.fatSectors == 0 {
		b.width = 32
		b.fatSectors = int64(c.Uint32())
		flags := c.Uint16()
		b.mirrored = flags&0x80 == 0
		if !b.mirrored {
			b.active = int(flags & 0xF)
		}
		c.Skip(2) // version, always 0:0
		b.rootCluster = c.Uint32()
		b.infoSector = int64(c.Uint16())
		b.backupSector = int64(c.Uint16())
		c.Skip(12)
	}
	c.Skip(1) // drive number
	b.flags = c.Uint8()
	switch extended := c.Uint8(); extended {
	case 0x28, 0x29:
		b.serial, b.hasSerial = c.Uint32(), true
		if extended == 0x29 {
			copy(b.label[:], c.Bytes(11))
			b.hasLabel = true
		}
	default:
		b.flags = 0
	}
	typeAt := 54
	if b.width == 32 {
		typeAt = 82
	}
	c.Seek(typeAt)
	typeText := c.Bytes(8)
	c.Seek(510)
	signature := c.Uint16BE()
	if c.Err() != nil {
		return nil, fmt.Errorf("fat: boot sector of %d bytes: %w", len(p), cursor.ErrNot)
	}
	b.signed = signature == 0x55AA
	if bytes.HasPrefix(typeText, []byte("FAT")) {
		b.typeText = string(bytes.TrimRight(typeText, " \x00"))
	}
	for _, name := range foreignNames {
		if bytes.Equal(oem, name) {
			return nil, fmt.Errorf("fat: boot sector of %q: %w", oem, cursor.ErrNot)
		}
	}
	if !(jump[0] == 0xEB || jump[0] == 0xE9) && !(b.signed && b.isTyped()) && !(b.signed && jump[0] == 0) {
		return nil, fmt.Errorf("fat: no jump at the start: %w", cursor.ErrNot)
	}
	if b.total == 0 {
		b.total = total32
	}
	if b.total == 0 && b.width == 32 {
		// Very large sectors counts stand where the type was.
		c.Seek(82)
		if n := c.Uint64(); n < maxSectors {
			b.total = int64(n)
		}
	}
	if err := b.check(off); err != nil {
		if b.signed && b.isTyped() {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", cursor.ErrNot, err)
	}
	return b, nil
}

// check tests the fields against each other and fills in what follows from them.
func (b *boot) check(off int64) error {
	bad := func(at int64, field string, expected, found any) error {
		return cursor.Corrupt("fat: boot sector: "+field, off+at, expected, found)
	}
	switch b.sectorSize {
	case 512, 1024, 2048, 4096:
	default:
		return bad(11, "sector size", "512, 1024, 2048 or 4096", b.sectorSize)
	}
	if bits.OnesCount64(uint64(b.perCluster)) != 1 {
		return bad(13, "sectors of a cluster", "a power of two", b.perCluster)
	}
	if b.reserved == 0 {
		return bad(14, "reserved sectors", "at least 1", 0)
	}
	if b.copies < 1 || b.copies > 4 {
		return bad(16, "number of FATs", "1 to 4", b.copies)
	}
	if b.media != 0xF0 && b.media < 0xF8 {
		return bad(21, "media", "0xf0 or 0xf8 to 0xff", fmt.Sprintf("0x%02x", b.media))
	}
	if b.fatSectors == 0 {
		return bad(36, "sectors of a FAT", "at least 1", 0)
	}
	if b.width == 32 && b.rootSlots != 0 {
		return bad(17, "entries of the root directory", 0, b.rootSlots)
	}
	if b.width == 16 && b.rootSlots == 0 {
		return bad(17, "entries of the root directory", "at least 1", 0)
	}
	if b.total == 0 || b.total > maxSectors {
		return bad(19, "sectors", fmt.Sprintf("1 to %d", int64(maxSectors)), b.total)
	}
	meta := b.reserved + int64(b.copies)*b.fatSectors + b.rootSectors()
	if meta >= b.total {
		return bad(19, "sectors", fmt.Sprintf("more than the %d of boot area, FATs and root", meta), b.total)
	}
	clusters := (b.total - meta) / b.perCluster
	limit := int64(maxClusters32)
	if b.width == 16 {
		limit = maxClusters16
		if clusters <= maxClusters12 {
			b.width = 12
		}
	}
	if clusters < 1 || clusters > limit {
		return bad(32, "clusters", fmt.Sprintf("1 to %d", limit), clusters)
	}
	capacity := b.fatBytes()*8/int64(b.width) - 2
	if capacity < 1 {
		return bad(22, "sectors of a FAT", "room for one cluster", b.fatSectors)
	}
	b.shortFAT = clusters > capacity
	b.clusters = uint32(min(clusters, capacity))
	if b.active >= b.copies {
		b.active, b.mirrored = 0, true
	}
	if b.infoSector == 0xFFFF || b.infoSector >= b.reserved {
		b.infoSector = 0
	}
	if b.backupSector == 0xFFFF || b.backupSector >= b.reserved {
		b.backupSector = 0
	}
	return nil
}
