package fat

import (
	"bytes"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// Bounds of the search for structures when no boot sector is left, in bytes.
const (
	maxFATOffset   = 4 << 20   // formatters put the first FAT within this
	maxFATBytes    = 256 << 20 // and this is the largest that FAT32 can have, and more
	maxDirectoryAt = 256 << 20 // how far behind the FATs directories are looked for
	maxRootBytes   = 64 << 10
	maxVotes       = 1 << 12
	maxTries       = 64 // sectors that could begin a FAT
)

// sectorsFrom calls visit with each sector of 512 bytes from off up to end, until that returns false.
func sectorsFrom(src block.Source, off, end int64, visit func(p []byte, at int64) bool) {
	buf := make([]byte, 256<<10)
	for end = min(end, src.Size()); off < end; off += int64(len(buf)) {
		p := buf[:min(int64(len(buf)), end-off)]
		if _, err := cluster.ReadAround(src, p, off); err != nil {
			return
		}
		for i := 0; i+bootSize <= len(p); i += bootSize {
			if !visit(p[i:i+bootSize], off+int64(i)) {
				return
			}
		}
	}
}

// headFitsWidth reports whether a sector can begin a FAT of that width. Two flags of the second entry may be clear.
func headFitsWidth(p []byte, width int) bool {
	if p[0] != 0xF0 && p[0] < 0xF8 || p[1] != 0xFF || p[2] != 0xFF {
		return false
	}
	switch width {
	case 32:
		return p[3] == 0x0F && p[4] == 0xFF && p[5] == 0xFF && p[6] == 0xFF && p[7]&0xF3 == 0x03
	case 16:
		return p[3]|0xC0 == 0xFF
	}
	return true
}

// place is where a directory was found, and the number that it gives to its own cluster.
type place struct {
	at      int64
	cluster uint32
	parent  uint32
}

// imply works out the layout of a volume without any boot sector: the two FATs stand side by side and begin alike,
// and each directory names its own cluster, so that two of them give the size of a cluster and where
// clusters begin. It returns nil where nothing of that is certain.
func imply(vol block.Source) *boot {
	var best *boot
	tries := 0
	sectorsFrom(vol, bootSize, maxFATOffset, func(p []byte, at int64) bool {
		if !headFitsWidth(p, 12) || bytes.Equal(p[8:40], make([]byte, 32)) {
			return true
		}
		if tries++; tries > maxTries {
			return false
		}
		best = implyBy(vol, bytes.Clone(p), at, min(maxFATBytes, vol.Size()/32+bootSize))
		return best == nil
	})
	return best
}

// implyBy works out the layout of a volume whose first FAT begins at the byte at with head and has at most most bytes.
func implyBy(vol block.Source, head []byte, at, most int64) (best *boot) {
	length := int64(0)
	// The entries for the flags may differ between the copies.
	sectorsFrom(vol, at+bootSize, at+bootSize+most, func(q []byte, next int64) bool {
		if q[0] == head[0] && headFitsWidth(q, 12) && bytes.Equal(q[8:], head[8:]) {
			length = next - at
			return false
		}
		return true
	})
	for _, width := range []int{32, 16, 12} {
		if length > 0 && best == nil && headFitsWidth(head, width) {
			best = solve(vol, width, head[0], at, length)
		}
	}
	return best
}

// solve works out the sizes of the clusters and of the root directory by what directories say of themselves.
func solve(vol block.Source, width int, media byte, fat, length int64) *boot {
	end := fat + 2*length
	var found []place
	sectorsFrom(vol, end, end+maxDirectoryAt, func(p []byte, at int64) bool {
		if p[0] != '.' || p[entrySize] != '.' {
			return true
		}
		e, err := parseShort(p[:entrySize], at, width)
		if err != nil {
			return true
		}
		if parent, ok := dots(p[:dotLook], e.start, width); ok && e.start >= 2 {
			found = append(found, place{at, e.start, parent})
		}
		return len(found) < maxVotes
	})
	type layout struct{ size, data int64 }
	votes := map[layout]int{}
	var winner layout
	for _, f := range found {
		for size := int64(512); size <= 64<<10; size *= 2 {
			l := layout{size, f.at - int64(f.cluster-2)*size}
			if l.data < end || width == 32 && l.data != end || width != 32 && (l.data == end || l.data > end+maxRootBytes) {
				continue
			}
			votes[l]++
			// Of two that fit alike, the usual size of a root directory decides: 512 entries.
			if n, most := votes[l], votes[winner]; n > most || n == most && l.data == end+512*entrySize && winner.data != l.data {
				winner = l
			}
		}
	}
	if winner.size == 0 {
		if len(found) > 0 {
			return nil
		}
		winner = layout{0, end}
		if width != 32 {
			winner.data = end + 512*entrySize
		}
		// Without directories, the size of the FAT says how many clusters there are, about.
		capacity := length * 8 / int64(width)
		for size := int64(512); size <= 64<<10; size *= 2 {
			if n := (vol.Size() - winner.data) / size; n <= capacity && n > capacity/2 {
				winner.size = size
			}
		}
		if winner.size == 0 {
			return nil
		}
	}
	b := &boot{width: width, sectorSize: bootSize, perCluster: winner.size / bootSize, reserved: fat / bootSize, copies: 2,
		fatSectors: length / bootSize, rootSlots: (winner.data - end) / entrySize, total: vol.Size() / bootSize, media: media,
		mirrored: true, signed: true}
	if width == 32 {
		b.rootCluster = 2
	}
	most := length*8/int64(width) - 2
	b.total = min(b.total, (winner.data+(most+1)*winner.size)/bootSize-1) // less than one cluster more than the FAT has
	if width == 12 {
		b.width = 16 // the number of clusters decides
	}
	if b.check(0) != nil || b.width != width {
		return nil
	}
	// A root directory that reads is the last word.
	good, odd := rootLooks(vol, b)
	if good == 0 || odd*4 > good {
		return nil
	}
	return b
}
