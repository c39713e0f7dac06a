package named

import (
	"hash/crc32"

	"salvor/block/probe"
	"salvor/filesystem"
)

// Btrfs: a superblock of 4 KiB at 64 KiB, copies at 64 MiB and 256 GiB; each holds its own place and a
// checksum. Followed: Linux's include/uapi/linux/btrfs_tree.h.
func btrfs() format {
	return format{
		name: "btrfs", title: "Btrfs",
		probes: []probe.Probe{{ID: "btrfs.super", Bytes: []byte("_BHRfS_M"), At: 0x10040, Align: 4096}},
		locate: locateBtrfs,
	}
}

func locateBtrfs(r *reader, off int64) []filesystem.Candidate {
	at := off + 0x10000
	b := r.bytes(at, 4096)
	if b == nil {
		return nil
	}
	own := le.Uint64(b[48:])
	sector, node := int64(le.Uint32(b[144:])), int64(le.Uint32(b[148:]))
	if own != 0x10000 && own != 64<<20 && own != 256<<30 || !powerOfTwo(sector, 512, 64<<10) || !powerOfTwo(node, 512, 64<<10) {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(at-int64(own), le.Uint64(b[209:]), 1), Label: string(b[299:555]), UUID: uuid(b[32:48]), Confirmed: 1}
	if le.Uint16(b[196:]) == 0 { // CRC-32C; the other algorithms are not checked
		sum(&c, "Btrfs", le.Uint32(b) == crc32.Checksum(b[32:], castagnoli))
	}
	for _, copy := range []int64{0x10000, 64 << 20} {
		if p := r.bytes(c.Extent.Offset+copy, 128); p != nil && string(p[64:72]) == "_BHRfS_M" && string(p[32:48]) == string(b[32:48]) {
			c.Confirmed++
		} else if copy == 0x10000 {
			c.FromBackup = true
		}
	}
	return one(c)
}

// XFS: a superblock at the start of every allocation group, all alike; the group's free space header in the
// next sector says which group it is. Followed: Linux's fs/xfs/libxfs/xfs_format.h.
func xfs() format {
	return format{
		name: "xfs", title: "XFS",
		probes: []probe.Probe{{ID: "xfs.super", Bytes: []byte("XFSB"), Align: 512}},
		locate: locateXFS,
	}
}

func locateXFS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 512)
	if b == nil {
		return nil
	}
	blockSize, blocks := int64(be.Uint32(b[4:])), be.Uint64(b[8:])
	groupBlocks, groups := int64(be.Uint32(b[84:])), int64(be.Uint32(b[88:]))
	version, sector, inode := be.Uint16(b[100:]), int64(be.Uint16(b[102:])), int64(be.Uint16(b[104:]))
	if !powerOfTwo(blockSize, 512, 64<<10) || !powerOfTwo(sector, 512, 32<<10) || !powerOfTwo(inode, 256, 2048) ||
		groups == 0 || groupBlocks == 0 || blocks == 0 || blocks > uint64(groups)*uint64(groupBlocks) ||
		blocks <= uint64(groups-1)*uint64(groupBlocks) || version&0xf == 0 || version&0xf > 5 {
		return nil
	}
	c := filesystem.Candidate{Label: string(b[108:120]), UUID: uuid(b[32:48]), Confirmed: 1}
	start := off
	if h := r.bytes(off+sector, 36); h != nil && string(h[:4]) == "XAGF" && int64(be.Uint32(h[8:])) < groups {
		c.Confirmed++
		start -= int64(be.Uint32(h[8:])) * groupBlocks * blockSize
	} else {
		c.Refuted++
	}
	if start < 0 {
		return nil
	}
	if start != off {
		if r.is(start, "XFSB") {
			c.Confirmed++
		} else {
			c.FromBackup = true
		}
	} else if groups > 1 && r.is(start+groupBlocks*blockSize, "XFSB") {
		c.Confirmed++
	}
	c.Extent = extent(start, blocks, blockSize)
	if version&0xf == 5 {
		if s := r.bytes(off, sector); s != nil {
			stored := le.Uint32(s[224:])
			clear(s[224:228])
			sum(&c, "XFS", crc32.Checksum(s, castagnoli) == stored)
		}
	}
	return one(c)
}

// F2FS: two superblocks, 1 KiB into the first and into the second block of 4 KiB; a checkpoint with a CRC at
// the block that they name. Followed: Linux's include/linux/f2fs_fs.h.
func f2fs() format {
	return format{
		name: "f2fs", title: "F2FS",
		probes: []probe.Probe{{ID: "f2fs.super", Bytes: []byte("\x10\x20\xf5\xf2"), At: 1024, Align: 4096}},
		locate: locateF2FS,
	}
}

func locateF2FS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+1024, 2048)
	if b == nil {
		return nil
	}
	logSector, logPerBlock, logBlock := le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint32(b[16:])
	blocks, checkpoint := le.Uint64(b[36:]), int64(le.Uint32(b[76:]))
	if logBlock < 12 || logBlock > 16 || logSector < 9 || logSector > 16 || logSector+logPerBlock != logBlock ||
		blocks == 0 || blocks > 1<<40 || uint64(checkpoint) >= blocks || le.Uint32(b[20:]) > 20 {
		return nil
	}
	size := int64(1) << logBlock
	valid := func(start int64) bool {
		p := r.bytes(start+checkpoint*size, size)
		if p == nil {
			return false
		}
		at := le.Uint32(p[164:]) // where the checksum stands
		return at >= 192 && int64(at) <= size-4 && le.Uint32(p[at:]) == rawCRC(0xf2f52010, p[:at])
	}
	c := filesystem.Candidate{Label: utf16Text(b[124:124+1024], le), UUID: uuid(b[108:124]), Confirmed: 1}
	start := off
	first := r.is(off+size+1024, "\x10\x20\xf5\xf2")
	second := off >= size && r.is(off-size+1024, "\x10\x20\xf5\xf2")
	switch {
	case first:
		c.Confirmed++
	case second:
		start = off - size
		c.Confirmed++
	case !valid(off) && off >= size && valid(off-size):
		start = off - size
		c.FromBackup = true
	}
	tally(&c, valid(start))
	c.Extent = extent(start, blocks, size)
	return one(c)
}

// ReiserFS: a superblock at 64 KiB. Followed: Linux 6.12's fs/reiserfs/reiserfs.h.
func reiserfs() format {
	f := format{name: "reiserfs", title: "ReiserFS", locate: locateReiser}
	for _, m := range []string{"ReIsErFs", "ReIsEr2Fs", "ReIsEr3Fs"} {
		f.probes = append(f.probes, probe.Probe{ID: "reiserfs." + m, Bytes: []byte(m), At: 0x10034, Align: 512})
	}
	return f
}

func locateReiser(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+0x10000, 204)
	if b == nil || off < 0 {
		return nil
	}
	size := int64(le.Uint16(b[44:]))
	blocks, free, root := le.Uint32(b), le.Uint32(b[4:]), le.Uint32(b[8:])
	if !powerOfTwo(size, 512, 8192) || blocks == 0 || free > blocks || root >= blocks && root != 0xffffffff {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(off, uint64(blocks), size), UUID: uuid(b[84:100]), Label: string(b[100:116]), Confirmed: 2}
	return one(c)
}

// minix: a superblock at 1 KiB with a magic number for each version, in either byte order. It has no
// checksum; the sizes of its maps must fit its counts, and its root must be a directory. Followed: Linux's
// include/uapi/linux/minix_fs.h.
func minix() format {
	f := format{name: "minix", title: "minix", locate: locateMinix}
	mask := []byte{0xff, 0xff, 0xf8, 0xff}
	for _, m := range []struct {
		id    string
		magic string
	}{{"v1", "\x7f\x13"}, {"v1long", "\x8f\x13"}, {"v2", "\x68\x24"}, {"v2long", "\x78\x24"}} {
		f.probes = append(f.probes,
			probe.Probe{ID: "minix." + m.id, Bytes: []byte(m.magic + "\x00\x00"), Mask: mask, At: 1040, Align: 512},
			probe.Probe{ID: "minix." + m.id + "be", Bytes: []byte{m.magic[1], m.magic[0], 0, 0}, Mask: []byte{0xff, 0xff, 0xff, 0xf8}, At: 1040, Align: 512})
	}
	f.probes = append(f.probes, probe.Probe{ID: "minix.v3", Bytes: []byte("\x5a\x4d\x00\x00"), At: 1048, Align: 512})
	return f
}

func locateMinix(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+1024, 32)
	if b == nil || off < 0 {
		return nil
	}
	order := orderOf(b, 0x137f, 0x138f, 0x2468, 0x2478)
	size := int64(1024)
	var inodes, zones, mapInodes, mapZones, first int64
	inodeSize := int64(32)
	v2 := false
	switch {
	case le.Uint16(b[24:]) == 0x4d5a:
		inodes, mapInodes, mapZones, first = int64(le.Uint32(b)), int64(le.Uint16(b[6:])), int64(le.Uint16(b[8:])), int64(le.Uint16(b[10:]))
		zones, size = int64(le.Uint32(b[20:])), int64(le.Uint16(b[28:]))
		order, inodeSize, v2 = le, 64, true
	case order != nil:
		magic := order.Uint16(b[16:])
		v2 = magic == 0x2468 || magic == 0x2478
		inodes, mapInodes, mapZones, first = int64(order.Uint16(b)), int64(order.Uint16(b[4:])), int64(order.Uint16(b[6:])), int64(order.Uint16(b[8:]))
		zones = int64(order.Uint16(b[2:]))
		if order.Uint16(b[10:]) != 0 { // zones larger than a block were never in use
			return nil
		}
		if v2 {
			zones, inodeSize = int64(order.Uint32(b[20:])), 64
		}
	default:
		return nil
	}
	if !powerOfTwo(size, 1024, 4096) || inodes == 0 || zones == 0 || first == 0 {
		return nil
	}
	bits := size * 8
	table := 2*1024/size + mapInodes + mapZones
	if size > 1024 {
		table = 2 + mapInodes + mapZones
	}
	need := table + (inodes*inodeSize+size-1)/size
	if mapInodes < (inodes+bits)/bits || mapZones*bits < zones-first || mapInodes > (inodes+bits)/bits+1 ||
		mapZones > zones/bits+2 || first < need || first > need+2 || first >= zones {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(off, uint64(zones), size), Confirmed: 1}
	root := r.bytes(off+table*size, inodeSize)
	tally(&c, root != nil && order.Uint16(root)&0xf000 == 0x4000)
	if c.Refuted > 0 {
		return nil
	}
	return one(c)
}

type byteOrder interface {
	Uint16([]byte) uint16
	Uint32([]byte) uint32
}

// orderOf returns the byte order in which one of magics stands at 16 in b.
func orderOf(b []byte, magics ...uint16) byteOrder {
	for _, m := range magics {
		if le.Uint16(b[16:]) == m {
			return le
		}
		if be.Uint16(b[16:]) == m {
			return be
		}
	}
	return nil
}
