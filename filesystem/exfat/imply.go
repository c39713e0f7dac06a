package exfat

import (
	"bytes"
	"encoding/binary"

	"salvor/block"
	"salvor/filesystem/internal/cluster"
)

// Bounds of the search for structures when no boot region is left, in bytes. Formatters put the FAT within
// the first MiBs, and the up-case table and the root directory into the first clusters.
const (
	maxFATOffset = 16 << 20
	maxRootAt    = 256 << 20
)

var (
	fatHeadBytes    = []byte{0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}
	upcaseHeadBytes = []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0}
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

// imply works out the layout of a volume whose boot regions are both gone. The places of the up-case table and of the
// root directory, and the numbers of their clusters, leave a few sizes of a cluster; the FAT and the
// allocation bitmap decide between those. It returns nil where not all of them agree.
func imply(vol block.Source) *boot {
	fat := int64(-1)
	sectorsFrom(vol, minFATOffset*bootSize, maxFATOffset, func(p []byte, at int64) bool {
		if bytes.HasPrefix(p, fatHeadBytes) {
			fat = at
		}
		return fat < 0
	})
	if fat < 0 {
		return nil
	}
	var tables []int64
	var best *boot
	sectorsFrom(vol, fat+bootSize, fat+maxRootAt, func(p []byte, at int64) bool {
		if bytes.HasPrefix(p, upcaseHeadBytes) && len(tables) < 16 {
			tables = append(tables, at)
			return true
		}
		bitmap, up, ok := rootEntries(p, at)
		if !ok {
			return true
		}
		for _, table := range tables {
			buf := make([]byte, min(up.length, maxUpcase))
			if n, _ := vol.ReadAt(buf, table); n < len(buf) || upcaseSum(buf) != up.sum {
				continue
			}
			if best = solve(vol, fat, table, at, bitmap, up); best != nil {
				return false
			}
		}
		return true
	})
	return best
}

// rootEntries finds the entries of the bitmap and of the up-case table in the first sector of a root directory.
func rootEntries(p []byte, at int64) (bitmap, up special, ok bool) {
	for i := 0; i+entrySize <= len(p) && i < 16*entrySize; i += entrySize {
		switch p[i] {
		case typeLabel, typeLabel &^ inUse, typeGUID, typeGUID &^ inUse:
		case typeBitmap:
			if bitmap.kind == 0 {
				bitmap, _ = parseSpecial(p[i:i+entrySize], at+int64(i))
			}
		case typeUpcase:
			up, _ = parseSpecial(p[i:i+entrySize], at+int64(i))
		default:
			return bitmap, up, bitmap.kind != 0 && up.kind != 0 && up.first > 2 && up.length > 0 && bitmap.length > 0
		}
	}
	return bitmap, up, false
}

// solve returns the layout by which the up-case table stands at table and the root directory at root.
func solve(vol block.Source, fat, table, root int64, bitmap, up special) *boot {
	entry := func(c int64) uint32 {
		var p [4]byte
		if n, _ := vol.ReadAt(p[:], fat+4*c); n < 4 {
			return unknown
		}
		return binary.LittleEndian.Uint32(p[:])
	}
	for shift := 9; shift <= maxShift; shift++ {
		size := int64(1) << shift
		heap := table - int64(up.first-2)*size
		if heap <= fat || (root-heap)%size != 0 || root < heap || bitmap.length > maxClusters/8 {
			continue
		}
		c := (root-heap)/size + 2
		n := min((vol.Size()-heap)/size, int64(bitmap.length)*8)
		if n < int64(bitmap.length)*8-7 && vol.Size() > heap+int64(bitmap.length)*8*size {
			continue
		}
		if n < int64(bitmap.length)*8-7 {
			n = int64(bitmap.length) * 8 // the image is cut
		}
		// The chain of the table has the length that its size needs, and the root directory has one.
		last := int64(up.first) + (int64(up.length)-1)/size
		rootNext := entry(c)
		if entry(last) != entryLast || last > int64(up.first) && entry(int64(up.first)) != up.first+1 ||
			rootNext != entryLast && (rootNext < 2 || int64(rootNext) > n+1) || c > n+1 {
			continue
		}
		b := &boot{sectorSize: bootSize, clusterSize: size, fatOffset: fat / bootSize, heapOffset: heap / bootSize,
			fats: 1, clusters: uint32(min(n, maxClusters)), root: uint32(c)}
		b.fatLength = b.heapOffset - b.fatOffset
		b.sectors = b.heapOffset + int64(b.clusters)*size/bootSize
		m := bitmaps{b: b, w: newWindows(block.Section(vol, block.Extent{Offset: b.at(bitmap.first), Length: int64(bitmap.length)}))}
		own, _ := m.allocated(bitmap.first)
		ups, _ := m.allocated(up.first)
		roots, _ := m.allocated(b.root)
		if !b.valid(bitmap.first) || !own || !ups || !roots {
			continue
		}
		if b.fatLength%2 == 0 {
			// TexFAT has two of them, each with the same head.
			two := *b
			two.fats, two.fatLength = 2, b.fatLength/2
			if headFits(vol, &two, 1) {
				b = &two
			}
		}
		return b
	}
	return nil
}
