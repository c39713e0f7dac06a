package fat

import (
	"bytes"
	"context"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
)

// The probes for FATs.
const (
	table16 = "fat.table16"
	table32 = "fat.table32"
)

// maxBareFAT is how long a FAT may be, in bytes, that is taken for one without a boot sector: enough for 256 GiB in
// clusters of 32 KiB.
const maxBareFAT = 32 << 20

// usualStart is what partitioning tools align volumes to, in bytes.
const usualStart = 1 << 20

// locateTable turns a FAT into the volume that it belongs to, when no boot sector is left that does so. Both FATs,
// the root directory and the directories below it must agree. Where exactly the volume began is not known then; it is
// given from the last whole MiB before the FAT on, or from the start of src.
func locateTable(ctx context.Context, src block.Source, at int64, width int) ([]filesystem.Candidate, error) {
	head, err := cursor.Read(src, "fat: FAT", at, bootSize, bootSize)
	if err != nil {
		if _, unreadable := block.IsUnreadable(err); unreadable {
			return nil, ctx.Err()
		}
		if _, corrupt := cursor.IsCorrupt(err); corrupt {
			return nil, ctx.Err()
		}
		return nil, err
	}
	if at < bootSize || !entriesFit(head, width) || hasBoot(src, at) {
		return nil, ctx.Err()
	}
	start := (at - bootSize) / usualStart * usualStart
	b := implyBy(block.Section(src, block.Between(start, src.Size())), bytes.Clone(head), at-start, min(maxBareFAT, src.Size()/32+bootSize))
	if b == nil || b.width != width {
		return nil, ctx.Err()
	}
	c, err := weigh(ctx, src, b, start)
	if err != nil || c.Confirmed <= c.Refuted {
		return nil, err
	}
	return []filesystem.Candidate{c}, nil
}

// entriesFit reports whether the first sector of a FAT holds what a FAT does: free and last entries, and numbers of
// clusters of which most are the next one.
func entriesFit(p []byte, width int) bool {
	links, next, used := 0, 0, 0
	most := uint32(0xFFF0)
	if width == 32 {
		most = 0x0FFFFFF0
	}
	for c := uint32(2); int(c+1)*width/8 <= len(p); c++ {
		e := decodeEntry(width, c, p[int(c)*width/8:])
		if e == entryFree {
			continue
		}
		used++
		switch {
		case e >= entryBad:
		case e < 2 || e >= most:
			return false
		default:
			links++
			if e == c+1 {
				next++
			}
		}
	}
	return used > 0 && 2*next >= links
}

// hasBoot reports whether a boot sector, or the backup of one, stands before the byte at and has a FAT there.
func hasBoot(src block.Source, at int64) (found bool) {
	// The second FAT is as far behind the first as that is long.
	for end, length := at, int64(maxFATOffset); end > 0 && length <= maxBareFAT+maxFATOffset && !found; length += maxBareFAT {
		from := max(at-length, 0)
		sectorsFrom(src, from, end, func(p []byte, off int64) bool {
			if p[510] != 0x55 || p[511] != 0xAA {
				return true
			}
			b, err := parseBoot(p, off)
			if err != nil {
				return true
			}
			for i := range b.copies {
				x := off + b.fatAt(i)
				found = found || x == at || b.backupSector > 0 && x-b.backupSector*b.sectorSize == at
			}
			return !found
		})
		end = from
	}
	return found
}
