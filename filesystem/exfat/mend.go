package exfat

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"

	"salvor/block"
	"salvor/cursor"
	"salvor/mend"
)

// Mend gives back the main boot region from its backup, the backup from the main one, and both from what the FAT, the
// up-case table and the root directory imply.
func Mend(ctx context.Context, vol block.Source, start int64) (mend.List, error) {
	var list mend.List
	f, err := findBoot(vol)
	if err != nil {
		return list, err
	}
	b := f.b
	if !headFits(vol, b, b.active()) {
		list.Note("The FAT does not begin as one must: nothing says that this boot region is the right one, so that it is left as it is.")
		return list, nil
	}
	region, why := wholeRegion(vol, b)
	if region == nil {
		region, why, err = madeRegion(ctx, vol, b, start)
		if err != nil {
			return list, err
		}
		list.Note("The boot region is made anew where nothing tells what stood there: the volume's serial number and its boot code may be gone; no driver needs them to read files.")
	}
	for i, name := range []string{"exFAT main boot region", "exFAT backup boot region"} {
		at := int64(i) * regionSectors * b.sectorSize
		if checkRegion(vol, at, b.sectorSize) == nil {
			if is, err := readBoot(vol, at); err == nil && is.sameLayout(b) {
				continue // what the sum leaves out, the flags and how full it is, may differ
			}
		}
		region[percentAt] = percentFull(ctx, vol, b) // no checksum covers it
		if err := list.Add(vol, name, at, region, why); err != nil {
			return list, err
		}
	}
	return list, ctx.Err()
}

// wholeRegion returns the boot region that passes its checksum and has the layout that is used, nil when none does.
func wholeRegion(vol block.Source, b *boot) (region []byte, why string) {
	for i, name := range []string{"the main boot region", "the backup of the boot region"} {
		at := int64(i) * regionSectors * b.sectorSize
		is, err := readBoot(vol, at)
		if err != nil || !is.sameLayout(b) || checkRegion(vol, at, b.sectorSize) != nil {
			continue
		}
		p, err := cursor.Read(vol, "exfat: boot region", at, regionSectors*b.sectorSize, regionSectors<<12)
		if err == nil {
			return p, fmt.Sprintf("%s in sector %d, which passes its checksum", name, i*regionSectors)
		}
	}
	return nil, ""
}

// madeRegion encodes a boot region for a layout. Boot code and parameters of a boot sector whose checksum fails are
// kept where it names the same layout.
func madeRegion(ctx context.Context, vol block.Source, b *boot, start int64) ([]byte, string, error) {
	le := binary.LittleEndian
	p := make([]byte, regionSectors*b.sectorSize)
	why := "the head of the FAT, the up-case table, whose checksum fits, and the bitmap, which has the structures as allocated"
	for i := range int64(2) {
		at := i * regionSectors * b.sectorSize
		if is, err := readBoot(vol, at); err == nil && is.sameLayout(b) {
			copy(p, readSome(vol, at, bootSize))
			why = fmt.Sprintf("the boot sector at %d, whose fields agree with the FAT while the checksum behind it fails", at)
			break
		}
	}
	if p[0] == 0 {
		copy(p, "\xEB\x76\x90EXFAT   ")
		le.PutUint64(p[64:], uint64(start/b.sectorSize))
		le.PutUint64(p[72:], uint64(b.sectors))
		le.PutUint32(p[80:], uint32(b.fatOffset))
		le.PutUint32(p[84:], uint32(b.fatLength))
		le.PutUint32(p[88:], uint32(b.heapOffset))
		le.PutUint32(p[92:], b.clusters)
		le.PutUint32(p[96:], b.root)
		head, err := cursor.Read(vol, "exfat: FAT", b.fatAt(0), bootSize, bootSize)
		if err != nil {
			return nil, "", err
		}
		le.PutUint32(p[100:], max(regionSum(head), 1))
		le.PutUint16(p[104:], 0x0100)
		p[108] = byte(bits.TrailingZeros64(uint64(b.sectorSize)))
		p[109] = byte(bits.TrailingZeros64(uint64(b.clusterSize / b.sectorSize)))
		p[110] = byte(b.fats)
		p[111] = 0x80
		p[510], p[511] = 0x55, 0xAA
	}
	for i := int64(1); i <= 8; i++ { // extended boot sectors, without code
		copy(p[(i+1)*b.sectorSize-4:], []byte{0, 0, 0x55, 0xAA})
	}
	n := (regionSectors - 1) * b.sectorSize
	sum := regionSum(p[:n])
	for i := n; i < int64(len(p)); i += 4 {
		le.PutUint32(p[i:], sum)
	}
	if again, err := parseBoot(p, 0); err != nil || !again.sameLayout(b) {
		return nil, "", cursor.Corrupt("exfat: boot sector that was made", 0, "the layout that was found", err)
	}
	return p, why, nil
}

// readSome returns n bytes at off, zeros where they cannot be read.
func readSome(vol block.Source, off, n int64) []byte {
	p := make([]byte, n)
	if m, _ := vol.ReadAt(p, off); int64(m) < n {
		clear(p)
	}
	return p
}

// percentAt is where a boot sector says how full the volume is.
const percentAt = 112

// unknownPercent says that nothing counted how full the volume is.
const unknownPercent = 0xFF

// percentFull returns how many percent of the clusters are allocated, rounded down.
func percentFull(ctx context.Context, vol block.Source, b *boot) byte {
	fsys, err := Open(ctx, vol)
	if err != nil {
		return unknownPercent
	}
	v := fsys.(*volume)
	if v.bitmap.w == nil {
		return unknownPercent
	}
	taken, free, _ := v.bitmap.count(2, b.clusters)
	if uint64(taken)+uint64(free) != uint64(b.clusters) {
		return unknownPercent
	}
	return byte(uint64(taken) * 100 / uint64(b.clusters))
}
