package named

import (
	"crypto/md5"

	"salvor/block/probe"
	"salvor/filesystem"
)

// HFS+ and HFSX: a volume header 1 KiB behind the start, a copy 1 KiB before the end; it names the catalog,
// a B-tree whose first leaf holds the volume's name. Followed: Apple's Technical Note TN1150.
func hfsplus() format {
	return format{
		name: "hfsplus", title: "HFS+",
		probes: []probe.Probe{
			{ID: "hfsplus.header", Bytes: []byte("H+\x00\x04"), At: 1024, Align: 512},
			{ID: "hfsplus.headerx", Bytes: []byte("HX\x00\x05"), At: 1024, Align: 512},
		},
		locate: locateHFSPlus,
	}
}

func locateHFSPlus(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+1024, 512)
	if b == nil {
		return nil
	}
	size, blocks, free := int64(be.Uint32(b[40:])), uint64(be.Uint32(b[44:])), uint64(be.Uint32(b[48:]))
	if !powerOfTwo(size, 512, 1<<20) || blocks == 0 || free > blocks {
		return nil
	}
	first := int64(be.Uint32(b[288:])) // of the catalog's first extent
	if first == 0 || uint64(first) >= blocks || be.Uint32(b[292:]) == 0 {
		return nil
	}
	// The header node of a B-tree: kind 1 at 8, three records at 10.
	catalog := func(start int64) []byte {
		if start < 0 {
			return nil
		}
		p := r.bytes(start+first*size, 512)
		if p == nil || p[8] != 1 || be.Uint16(p[10:]) != 3 || !powerOfTwo(int64(be.Uint16(p[32:])), 512, 32<<10) {
			return nil
		}
		return p
	}
	c := filesystem.Candidate{Confirmed: 1}
	start := off
	if back := off + 2048 - int64(blocks)*size; catalog(off) == nil && catalog(back) != nil {
		start = back
		c.FromBackup = true
	}
	c.Extent = extent(start, blocks, size)
	head := catalog(start)
	tally(&c, head != nil)
	if other := c.Extent.End() - 1024; start == off && other > off+1024 {
		if p := r.bytes(other, 2); p != nil && string(p) == string(b[:2]) {
			c.Confirmed++
		}
	}
	if head != nil {
		node, leaf := int64(be.Uint16(head[32:])), int64(be.Uint32(head[24:]))
		c.Label = hfsLabel(r.bytes(start+first*size+leaf*node, node))
	}
	if id := b[104:112]; string(id) != "\x00\x00\x00\x00\x00\x00\x00\x00" {
		// The identifier of eight bytes becomes a UUID of version 3 in Apple's name space.
		space := []byte{0xb3, 0xe2, 0x0f, 0x39, 0xf2, 0x92, 0x11, 0xd6, 0x97, 0xa4, 0x00, 0x30, 0x65, 0x43, 0xec, 0xac}
		h := md5.Sum(append(space, id...))
		h[6] = h[6]&0x0f | 0x30
		h[8] = h[8]&0x3f | 0x80
		c.UUID = uuid(h[:])
	}
	return one(c)
}

// hfsLabel returns the name in the key of the first record of the catalog's first leaf.
func hfsLabel(b []byte) string {
	if len(b) < 24 || int8(b[8]) != -1 {
		return ""
	}
	n := int(be.Uint16(b[20:])) * 2
	if be.Uint32(b[16:]) != 1 || n > 510 || 22+n > len(b) { // the parent of the root folder
		return ""
	}
	return utf16Text(b[22:22+n], be)
}

// APFS: a container superblock in block 0 and copies of it in a ring of checkpoints; every object begins with
// a Fletcher-64 checksum. Followed: Apple File System Reference (2020-06-22).
func apfs() format {
	return format{
		name: "apfs", title: "APFS",
		probes: []probe.Probe{{ID: "apfs.super", Bytes: []byte("NXSB"), At: 32, Align: 4096}},
		locate: locateAPFS,
	}
}

func locateAPFS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 4096)
	if b == nil {
		return nil
	}
	size, blocks := int64(le.Uint32(b[36:])), le.Uint64(b[40:])
	if le.Uint32(b[24:])&0xffff != 1 || !powerOfTwo(size, 4096, 64<<10) || blocks == 0 || blocks > 1<<46 {
		return nil
	}
	object := func(at int64) []byte {
		p := r.bytes(at, size)
		if p == nil || fletcher64(p[8:]) != le.Uint64(p) {
			return nil
		}
		return p
	}
	c := filesystem.Candidate{UUID: uuid(b[72:88]), Confirmed: 1}
	ring, base := int64(le.Uint32(b[104:])), int64(le.Uint64(b[112:]))
	start := off
	if base > 0 && ring > 0 && ring < 1<<20 && uint64(base) < blocks {
		// The ring of descriptors ends with the superblock of its checkpoint.
		index, length := int64(le.Uint32(b[136:])), int64(le.Uint32(b[140:]))
		own := base
		if length > 0 {
			own += (index + length - 1) % ring
		}
		same := func(at int64) bool {
			p := r.bytes(at, 88)
			return p != nil && string(p[32:36]) == "NXSB" && string(p[72:88]) == string(b[72:88])
		}
		switch {
		case off-own*size >= 0 && same(off-own*size): // a copy in the ring
			start = off - own*size
			c.Confirmed++
		case same(off + own*size):
			c.Confirmed++
		case off-own*size >= 0 && object(off-own*size+(base+index)*size) != nil:
			start = off - own*size
			c.FromBackup = true
		default:
			c.Refuted++
		}
	}
	c.Extent = extent(start, blocks, size)
	sum(&c, "APFS", object(off) != nil)
	return one(c)
}

// fletcher64 is the checksum of APFS objects.
func fletcher64(b []byte) uint64 {
	const mod = 0xffffffff
	var s1, s2 uint64
	for ; len(b) >= 4; b = b[4:] {
		s1 = (s1 + uint64(le.Uint32(b))) % mod
		s2 = (s2 + s1) % mod
	}
	low := mod - (s1+s2)%mod
	high := mod - (s1+low)%mod
	return high<<32 | low
}
