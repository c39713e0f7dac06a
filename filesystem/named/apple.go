package named

import (
	"salvor/block/probe"
	"salvor/filesystem"
)

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
