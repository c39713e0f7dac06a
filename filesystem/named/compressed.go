package named

import (
	"encoding/binary"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// SquashFS: a superblock that names its tables; inodes and directories lie in blocks with a two-byte length.
// Followed: Linux's Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h; version 3 as in
// squashfs-tools 3.4.
func squashfs() format {
	return format{
		name: "squashfs", title: "SquashFS",
		probes: []probe.Probe{
			{ID: "squashfs.le", Bytes: []byte("hsqs"), Align: 4},
			{ID: "squashfs.be", Bytes: []byte("sqsh"), Align: 4},
		},
		locate: locateSquashFS,
	}
}

func locateSquashFS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 96)
	if b == nil {
		return nil
	}
	var order binary.ByteOrder = le
	if string(b[:4]) == "sqsh" {
		order = be
	}
	major := order.Uint16(b[28:])
	c := filesystem.Candidate{Confirmed: 1}
	var used, inodes, dirs uint64
	switch {
	case major == 4 && order == le:
		size, log := int64(le.Uint32(b[12:])), le.Uint16(b[22:])
		if !powerOfTwo(size, 4096, 1<<20) || size != 1<<min(log, 30) || le.Uint16(b[20:]) == 0 || le.Uint16(b[20:]) > 6 ||
			le.Uint16(b[26:]) == 0 {
			return nil
		}
		used, inodes, dirs = le.Uint64(b[40:]), le.Uint64(b[64:]), le.Uint64(b[72:])
		if id := le.Uint64(b[48:]); id >= used || inodes >= used || dirs >= used || inodes < 96 || dirs < inodes ||
			le.Uint64(b[32:])>>16 > dirs-inodes {
			return nil
		}
		c.Confirmed++
	case major == 3 || major == 2:
		size, log := int64(order.Uint32(b[51:])), order.Uint16(b[34:])
		if !powerOfTwo(size, 4096, 1<<20) || size != 1<<min(log, 30) {
			return nil
		}
		used = order.Uint64(b[63:])
		inodes, dirs = order.Uint64(b[87:]), 0
		if major == 2 {
			used, inodes = uint64(order.Uint32(b[8:])), uint64(order.Uint32(b[20:]))
		}
		if used < 96 || inodes >= used {
			return nil
		}
	default:
		return nil
	}
	if used < 96 || used > 1<<46 {
		return nil
	}
	c.Extent = extent(off, used, 1)
	if h := r.bytes(off+int64(inodes), 2); h != nil {
		n := order.Uint16(h) &^ 0x8000
		tally(&c, n > 0 && n <= 8192)
	}
	return one(c)
}

// EROFS: a superblock at 1 KiB, with a CRC-32C over the rest of its block where a flag says so. Followed:
// Linux's fs/erofs/erofs_fs.h.
func erofs() format {
	return format{
		name: "erofs", title: "EROFS",
		probes: []probe.Probe{{ID: "erofs.super", Bytes: []byte("\xe2\xe1\xf5\xe0"), At: 1024, Align: 512}},
		locate: locateEROFS,
	}
}

func locateEROFS(r *reader, off int64) []filesystem.Candidate {
	if off < 0 {
		return nil
	}
	b := r.bytes(off+1024, 128)
	if b == nil || b[12] < 9 || b[12] > 16 {
		return nil
	}
	size := int64(1) << b[12]
	blocks := uint64(le.Uint32(b[36:]))
	if uint64(le.Uint32(b[40:])) > blocks && blocks > 0 {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(off, max(blocks, 1), size), UUID: uuid(b[48:64]), Label: string(b[64:80]), Confirmed: 1}
	if c.Extent.Length < 1024+128 {
		c.Extent.Length = 2048
	}
	if le.Uint32(b[8:])&1 != 0 {
		n := size - 1024
		if size <= 1024 {
			n = size
		}
		p := r.bytes(off+1024, n)
		if p != nil {
			stored := le.Uint32(p[4:])
			clear(p[4:8])
			sum(&c, "EROFS", rawCRC32C(0xffffffff, p) == stored)
		}
	} else if le.Uint16(b[14:]) == 0 && le.Uint32(b[40:]) == 0 {
		return nil
	}
	return one(c)
}

// cramfs: a superblock with the size of the image and a CRC-32 over it. Followed: Linux's
// include/uapi/linux/cramfs_fs.h.
func cramfs() format {
	return format{
		name: "cramfs", title: "cramfs",
		probes: []probe.Probe{{ID: "cramfs.super", Bytes: []byte("Compressed ROMFS"), At: 16, Align: 4}},
		locate: locateCramfs,
	}
}

func locateCramfs(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 76)
	if b == nil {
		return nil
	}
	var order binary.ByteOrder = le
	switch {
	case le.Uint32(b) == 0x28cd3d45:
	case be.Uint32(b) == 0x28cd3d45:
		order = be
	default:
		return nil
	}
	size := int64(order.Uint32(b[4:]))
	c := filesystem.Candidate{Label: string(b[48:64]), Confirmed: 1}
	if order.Uint32(b[8:])&1 == 0 { // the first version says neither
		size = max(size, 4096)
		c.Extent = block.Extent{Offset: off, Length: size}
		return one(c)
	}
	if size < 76 {
		return nil
	}
	c.Extent = block.Extent{Offset: off, Length: size}
	if ok, whole := r.crc(off, size, 32); whole {
		sum(&c, "cramfs", ok == order.Uint32(b[32:]))
	}
	return one(c)
}

// crc is the CRC-32 of n bytes at off, with the four at hole taken as zero; false when they cannot be read.
func (r *reader) crc(off, n, hole int64) (uint32, bool) {
	var crc uint32
	for at := int64(0); at < n; {
		b := r.bytes(off+at, min(n-at, 1<<20))
		if b == nil {
			return 0, false
		}
		if at <= hole && hole+4 <= at+int64(len(b)) {
			clear(b[hole-at : hole-at+4])
		}
		crc = crc32.Update(crc, crc32.IEEETable, b)
		at += int64(len(b))
	}
	return crc, true
}

// romfs: a header with the size of the image; the big-endian words of its first 512 bytes add up to zero.
// Followed: Linux's Documentation/filesystems/romfs.rst.
func romfs() format {
	return format{
		name: "romfs", title: "romfs",
		probes: []probe.Probe{{ID: "romfs.super", Bytes: []byte("-rom1fs-"), Align: 4}},
		locate: locateRomfs,
	}
}

func locateRomfs(r *reader, off int64) []filesystem.Candidate {
	h := r.bytes(off, 16)
	if h == nil {
		return nil
	}
	size := int64(be.Uint32(h[8:]))
	if size < 32 {
		return nil
	}
	b := r.bytes(off, min(size, 512)&^3)
	if b == nil {
		return nil
	}
	var total uint32
	for i := 0; i+4 <= len(b); i += 4 {
		total += be.Uint32(b[i:])
	}
	c := filesystem.Candidate{Extent: block.Extent{Offset: off, Length: size}, Label: string(b[16:min(len(b), 144)]), Confirmed: 1}
	sum(&c, "romfs", total == 0)
	return one(c)
}
