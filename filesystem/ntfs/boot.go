package ntfs

import (
	"fmt"

	"salvor/cursor"
)

const (
	bootSize       = 512
	minSector      = 256
	maxSector      = 4096
	maxCluster     = 2 << 20
	maxVolume      = 1 << 60 // bytes; keeps all sums inside int64
	minRecordSize  = 256
	maxRecordSize  = 64 << 10
	maxIndexBlock  = 64 << 10
	usualRecord    = 1024
	usualIndex     = 4096
	usualCluster   = 4096
	bootName       = "NTFS    "
	bootNameOffset = 3
)

// boot is what a boot sector says, in bytes where no other unit is named.
type boot struct {
	sectorSize  int64
	clusterSize int64
	recordSize  int64 // of the master file table
	indexSize   int64 // of index blocks, where an index does not say it itself
	sectors     int64 // that the volume counts; the backup of the boot sector stands in the one behind the last
	mft, mirror int64 // clusters
	serial      uint64
}

// size returns the bytes of the volume with the backup of its boot sector.
func (b *boot) size() int64 { return (b.sectors + 1) * b.sectorSize }

// clusters returns the number of whole clusters.
func (b *boot) clusters() int64 { return b.sectors * b.sectorSize / b.clusterSize }

// sameLayout reports whether both describe one volume.
func (b *boot) sameLayout(o *boot) bool { return *b == *o }

// unitSize decodes the size of records: clusters when positive, else the negative of a power of two.
func unitSize(v int8, cluster int64) int64 {
	if v > 0 {
		return int64(v) * cluster
	}
	return 1 << min(-int64(v), 40)
}

// parseBoot decodes a boot sector. It answers [cursor.ErrNot] for one of another file system and for values
// that no volume can have.
func parseBoot(p []byte, off int64) (*boot, error) {
	c := cursor.New("ntfs: boot sector", off, p)
	c.Skip(bootNameOffset)
	name := string(c.Bytes(8))
	b := &boot{sectorSize: int64(c.Uint16())}
	per := int64(c.Uint8())
	reserved, fats := c.Uint16(), c.Uint8()
	c.Seek(40)
	sectors, mft, mirror := c.Uint64(), c.Uint64(), c.Uint64()
	record := int8(c.Uint8())
	c.Skip(3)
	index := int8(c.Uint8())
	c.Skip(3)
	b.serial = c.Uint64()
	c.Seek(510)
	mark := c.Uint16BE()
	if err := c.Err(); err != nil {
		return nil, err
	}
	if name != bootName || mark != 0x55AA {
		return nil, fmt.Errorf("ntfs: boot sector: %w", cursor.ErrNot)
	}
	if per >= 0xF4 {
		per = 1 << (256 - per) // larger clusters than 128 sectors are written as the negative of a power of two
	}
	wrong := func(field string, at int64, expected, found any) error {
		return fmt.Errorf("%w: %w", cursor.ErrNot, cursor.Corrupt("ntfs: boot sector: "+field, off+at, expected, found))
	}
	b.clusterSize = per * b.sectorSize
	switch {
	case !powerOfTwo(b.sectorSize, minSector, maxSector):
		return nil, wrong("sector size", 11, "a power of two from 256 to 4096", b.sectorSize)
	case !powerOfTwo(b.clusterSize, b.sectorSize, maxCluster):
		return nil, wrong("sectors of a cluster", 13, "a power of two, at most 2 MiB", per)
	case reserved != 0 || fats != 0:
		return nil, wrong("reserved sectors and FATs", 14, "0", fmt.Sprintf("%d and %d", reserved, fats))
	case sectors == 0 || sectors > uint64(maxVolume/b.sectorSize):
		return nil, wrong("sectors", 40, "from 1 to 2^60 bytes", sectors)
	}
	b.sectors = int64(sectors)
	b.recordSize, b.indexSize = unitSize(record, b.clusterSize), unitSize(index, b.clusterSize)
	switch {
	case mft == 0 || mft >= uint64(max(b.clusters(), 1)):
		return nil, wrong("cluster of the master file table", 48, fmt.Sprintf("1 to %d", b.clusters()-1), mft)
	case !powerOfTwo(b.recordSize, minRecordSize, maxRecordSize):
		return nil, wrong("size of a record", 64, "a power of two from 256 to 65536", b.recordSize)
	}
	if !powerOfTwo(b.indexSize, 256, maxIndexBlock) {
		b.indexSize = usualIndex
	}
	b.mft = int64(mft)
	if mirror < uint64(b.clusters()) {
		b.mirror = int64(mirror)
	}
	return b, nil
}

func powerOfTwo(v, least, most int64) bool { return v >= least && v <= most && v&(v-1) == 0 }

// uuid prints a serial number as systems show it.
func uuid(serial uint64) string { return fmt.Sprintf("%016X", serial) }
