package exfat

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

const (
	bootSize      = 512 // bytes that are read of a boot sector, whatever the sector size
	regionSectors = 12  // of a boot region; the backup stands right behind the main one
	minFATOffset  = 2 * regionSectors
	maxShift      = 25         // a cluster is at most 32 MiB
	maxClusters   = 0xFFFFFFF5 // 2^32 - 11
	// maxVolume bounds what a boot sector may claim, in bytes, so that no product of two fields overflows.
	maxVolume = 1 << 62
)

// Bits of VolumeFlags.
const (
	flagActiveFAT = 1 << iota
	flagDirty
	flagMediaFailure
)

// boot is what a boot sector says, checked. Offsets are in sectors.
type boot struct {
	sectorSize  int64 // bytes
	clusterSize int64 // bytes
	sectors     int64 // of the volume
	fatOffset   int64
	fatLength   int64
	heapOffset  int64
	clusters    uint32 // the highest cluster number is clusters+1
	root        uint32
	serial      uint32
	partition   uint64
	revision    uint16
	flags       uint16
	fats        int

	shortFAT bool // the FAT is smaller than the clusters need
}

func (b *boot) size() int64          { return b.sectors * b.sectorSize }
func (b *boot) fatAt(copy int) int64 { return (b.fatOffset + int64(copy)*b.fatLength) * b.sectorSize }
func (b *boot) fatBytes() int64 {
	return min(b.fatLength*b.sectorSize, (int64(b.clusters)+2)*4)
}
func (b *boot) heapAt() int64       { return b.heapOffset * b.sectorSize }
func (b *boot) valid(c uint32) bool { return c >= 2 && c-2 < b.clusters }
func (b *boot) at(c uint32) int64   { return b.heapAt() + int64(c-2)*b.clusterSize }

// room is how many clusters there are from c on.
func (b *boot) room(c uint32) uint32 {
	if !b.valid(c) {
		return 0
	}
	return b.clusters - (c - 2)
}

// needed is the number of clusters that n bytes take; at most maxClusters+1.
func (b *boot) needed(n int64) uint32 {
	if n <= 0 {
		return 0
	}
	return uint32(min((n-1)/b.clusterSize+1, maxClusters+1))
}

// active is the copy of the FAT in use.
func (b *boot) active() int {
	if b.fats == 2 && b.flags&flagActiveFAT != 0 {
		return 1
	}
	return 0
}

// sameLayout reports whether two boot sectors describe the same volume.
func (b *boot) sameLayout(o *boot) bool {
	return b.sectorSize == o.sectorSize && b.clusterSize == o.clusterSize && b.sectors == o.sectors &&
		b.fatOffset == o.fatOffset && b.fatLength == o.fatLength && b.heapOffset == o.heapOffset &&
		b.clusters == o.clusters && b.root == o.root && b.fats == o.fats
}

// parseBoot reads a boot sector of at least 512 bytes, which stands at offset off. It answers
// [cursor.ErrNot] for bytes without the name of the format, and a [*cursor.CorruptError] for fields that
// cannot be.
func parseBoot(p []byte, off int64) (*boot, error) {
	c := cursor.New("exfat: boot sector", off, p)
	c.Skip(3)
	name := c.Bytes(8)
	if !bytes.Equal(name, []byte("EXFAT   ")) {
		return nil, fmt.Errorf("exfat: boot sector of %q: %w", name, cursor.ErrNot)
	}
	c.Seek(64)
	b := &boot{partition: c.Uint64()}
	sectors := c.Uint64()
	b.fatOffset, b.fatLength, b.heapOffset = int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32())
	b.clusters, b.root, b.serial = c.Uint32(), c.Uint32(), c.Uint32()
	b.revision, b.flags = c.Uint16(), c.Uint16()
	sectorShift, clusterShift := c.Uint8(), c.Uint8()
	b.fats = int(c.Uint8())
	c.Seek(510)
	signature := c.Uint16BE()
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(at int64, field string, expected, found any) error {
		return cursor.Corrupt("exfat: boot sector: "+field, off+at, expected, found)
	}
	switch {
	case signature != 0x55AA:
		return nil, bad(510, "signature", "55aa", fmt.Sprintf("%04x", signature))
	case sectorShift < 9 || sectorShift > 12:
		return nil, bad(108, "sector size", "a shift of 9 to 12", sectorShift)
	case clusterShift > maxShift-sectorShift:
		return nil, bad(109, "cluster size", fmt.Sprintf("a shift of at most %d", maxShift-sectorShift), clusterShift)
	case b.fats < 1 || b.fats > 2:
		return nil, bad(110, "number of FATs", "1 or 2", b.fats)
	}
	b.sectorSize = 1 << sectorShift
	b.clusterSize = b.sectorSize << clusterShift
	switch {
	case sectors == 0 || sectors > uint64(maxVolume/b.sectorSize):
		return nil, bad(72, "sectors", fmt.Sprintf("1 to %d", maxVolume/b.sectorSize), sectors)
	case b.fatOffset < minFATOffset:
		return nil, bad(80, "offset of the FAT", fmt.Sprintf("at least %d", minFATOffset), b.fatOffset)
	case b.fatLength == 0:
		return nil, bad(84, "sectors of a FAT", "at least 1", 0)
	case b.heapOffset < b.fatOffset+b.fatLength*int64(b.fats):
		return nil, bad(88, "offset of the clusters", fmt.Sprintf("at least %d", b.fatOffset+b.fatLength*int64(b.fats)), b.heapOffset)
	}
	b.sectors = int64(sectors)
	most := (b.sectors - b.heapOffset) * b.sectorSize / b.clusterSize
	if b.sectors <= b.heapOffset || b.clusters == 0 || int64(b.clusters) > min(most, maxClusters) {
		return nil, bad(92, "clusters", fmt.Sprintf("1 to %d", min(max(most, 0), maxClusters)), b.clusters)
	}
	if capacity := b.fatLength*b.sectorSize/4 - 2; int64(b.clusters) > capacity {
		// Files in one piece need no FAT, so that the clusters behind it stay in use.
		b.shortFAT = true
	}
	return b, nil
}

// readBoot reads and parses the boot sector at off.
func readBoot(src block.Source, off int64) (*boot, error) {
	p, err := cursor.Read(src, "exfat: boot sector", off, bootSize, bootSize)
	if err != nil {
		if _, short := cursor.IsCorrupt(err); short {
			return nil, fmt.Errorf("%w: %w", cursor.ErrNot, err)
		}
		return nil, err
	}
	return parseBoot(p, off)
}

// regionSum is the checksum over the first 11 sectors of a boot region; the fields that change while the
// volume is used do not count.
func regionSum(p []byte) uint32 {
	sum := uint32(0)
	for i, v := range p {
		if i == 106 || i == 107 || i == 112 {
			continue
		}
		sum = sum<<31 | sum>>1
		sum += uint32(v)
	}
	return sum
}

// checkRegion checks the checksum of the boot region at off, which its last sector repeats.
func checkRegion(src block.Source, off, sectorSize int64) error {
	const name = "exfat: boot region: checksum"
	p, err := cursor.Read(src, "exfat: boot region", off, regionSectors*sectorSize, regionSectors<<12)
	if err != nil {
		return err
	}
	n := (regionSectors - 1) * sectorSize
	want := regionSum(p[:n])
	for i := n; i < int64(len(p)); i += 4 {
		if got := binary.LittleEndian.Uint32(p[i:]); got != want {
			return cursor.Corrupt(name, off+i, fmt.Sprintf("%08x", want), fmt.Sprintf("%08x", got))
		}
	}
	return nil
}

// headFits reports whether a copy of the FAT begins with its two fixed entries. The media byte of the first
// differs on volumes of some devices.
func headFits(src block.Source, b *boot, copy int) bool {
	var p [8]byte
	if n, _ := src.ReadAt(p[:], b.fatAt(copy)); n < len(p) {
		return false
	}
	return binary.LittleEndian.Uint32(p[:])|0xFF == ^uint32(0) && binary.LittleEndian.Uint32(p[4:]) == entryLast
}

// found is the boot sector that was chosen, and what is to be said about it.
type found struct {
	b     *boot
	notes []finding.Finding
	// checked says that a checksum covers it.
	checked bool
}

// findBoot chooses between the main boot region, its backup and, when both are gone, what the FAT, the
// up-case table and the root directory imply.
func findBoot(vol block.Source) (found, error) {
	first, err := readBoot(vol, 0)
	firstErr := err
	if err == nil {
		firstErr = checkRegion(vol, 0, first.sectorSize)
	}
	sizes := []int64{512, 1024, 2048, 4096}
	if first != nil {
		sizes = append([]int64{first.sectorSize}, sizes...)
	}
	var second *boot
	secondErr := error(nil)
	at := int64(0)
	for _, size := range sizes {
		b, err := readBoot(vol, regionSectors*size)
		if err == nil && b.sectorSize == size {
			second, at = b, regionSectors*size
			secondErr = checkRegion(vol, at, size)
			break
		}
		if secondErr == nil {
			secondErr = err
		}
	}
	place := finding.At(at, bootSize)
	switch {
	case firstErr == nil:
		f := found{b: first, checked: true}
		at := finding.At(regionSectors*first.sectorSize, bootSize)
		if second == nil || secondErr != nil {
			f.notes = append(f.notes, bootBackup.New(at, finding.Expected(nil, secondErr)))
		} else if !second.sameLayout(first) {
			f.notes = append(f.notes, bootBackup.New(at, finding.Expected(nil, "another layout")))
		}
		return f, nil
	case second != nil && secondErr == nil:
		return found{b: second, checked: true,
			notes: []finding.Finding{bootBackupUsed.New(place, finding.Expected(nil, firstErr))}}, nil
	case first != nil && second != nil && first.sameLayout(second), first != nil && headFits(vol, first, first.active()):
		return found{b: first, notes: []finding.Finding{bootChecksum.New(finding.At(0, bootSize), finding.Expected(nil, firstErr))}}, nil
	case second != nil && headFits(vol, second, second.active()):
		return found{b: second, notes: []finding.Finding{bootBackupUsed.New(place, finding.Expected(nil, firstErr))}}, nil
	}
	if b := imply(vol); b != nil {
		return found{b: b, notes: []finding.Finding{bootImplied.New(finding.At(0, bootSize), finding.Expected(nil, firstErr))}}, nil
	}
	return found{}, firstErr
}
