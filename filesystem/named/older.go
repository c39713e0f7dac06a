package named

import (
	"salvor/block/probe"
	"salvor/filesystem"
)

// JFS: a superblock at 32 KiB and a copy at 60 KiB. Followed: Linux's fs/jfs/jfs_superblock.h.
func jfs() format {
	return format{
		name: "jfs", title: "JFS",
		probes: []probe.Probe{{ID: "jfs.super", Bytes: []byte("JFS1"), At: 0x8000, Align: 512}},
		locate: locateJFS,
	}
}

func locateJFS(r *reader, off int64) []filesystem.Candidate {
	const super, second = 0x8000, 0xF000
	b := r.bytes(off+super, 184)
	if b == nil || off < 0 && off != super-second {
		return nil
	}
	size, physical := int64(le.Uint32(b[16:])), int64(le.Uint32(b[24:]))
	if version := le.Uint32(b[4:]); version == 0 || version > 2 || !powerOfTwo(size, 512, 4096) || !powerOfTwo(physical, 512, 4096) {
		return nil
	}
	c := filesystem.Candidate{UUID: uuid(b[136:152]), Label: string(b[152:168]), Confirmed: 1}
	start := off
	switch {
	case r.is(off+second, "JFS1"):
		c.Confirmed++
	case off+super >= second && r.is(off+super-second+super, "JFS1"):
		start = off + super - second
		c.Confirmed++
	default:
		c.Refuted++
	}
	if start < 0 {
		return nil
	}
	c.Extent = extent(start, le.Uint64(b[8:]), physical)
	return one(c)
}

// Reiser4: a master superblock at 64 KiB, and that of its format in the next block of 4 KiB. Followed: the reiser4
// patches for Linux, plugin/disk_format/disk_format40.h.
func reiser4() format {
	return format{
		name: "reiser4", title: "Reiser4",
		probes: []probe.Probe{{ID: "reiser4.super", Bytes: []byte("ReIsEr4\x00"), At: 0x10000, Align: 4096}},
		locate: locateReiser4,
	}
}

func locateReiser4(r *reader, off int64) []filesystem.Candidate {
	b, f := r.bytes(off+0x10000, 72), r.bytes(off+0x11000, 68)
	if b == nil || f == nil || off < 0 {
		return nil
	}
	size := int64(le.Uint16(b[18:]))
	if !powerOfTwo(size, 512, 32<<10) || string(f[52:66]) != "ReIsEr40FoRmAt" || le.Uint64(f[8:]) > le.Uint64(f) {
		return nil
	}
	return one(filesystem.Candidate{Extent: extent(off, le.Uint64(f), size), UUID: uuid(b[20:36]), Label: string(b[36:52]), Confirmed: 3})
}

// HFS, before HFS+: a master directory block at 1 KiB, and a copy 1 KiB before the end. Followed: Inside
// Macintosh: Files (1992), chapter 2.
func hfs() format {
	// The bitmap always begins in block 3, which keeps two letters from being met everywhere.
	pattern, mask := make([]byte, 16), make([]byte, 16)
	copy(pattern, "BD")
	pattern[15] = 3
	for _, i := range []int{0, 1, 14, 15} {
		mask[i] = 0xff
	}
	return format{
		name: "hfs", title: "HFS",
		probes: []probe.Probe{{ID: "hfs.mdb", Bytes: pattern, Mask: mask, At: 1024, Align: 512}},
		locate: locateHFS,
	}
}

func locateHFS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off+1024, 162)
	if b == nil || off < 0 || string(b[124:126]) == "H+" { // a wrapper around HFS+
		return nil
	}
	blocks, size, first := int64(be.Uint16(b[18:])), int64(be.Uint32(b[20:])), int64(be.Uint16(b[28:]))
	length := int(b[36])
	if blocks == 0 || size == 0 || size%512 != 0 || size > 1<<26 || first < 4 || length == 0 || length > 27 || be.Uint16(b[34:]) > be.Uint16(b[18:]) ||
		be.Uint16(b[14:]) < 3 {
		return nil
	}
	c := filesystem.Candidate{Label: macRoman(b[37 : 37+length]), Confirmed: 1}
	end := off + first*512 + blocks*size
	// The copy stands in the next to last sector, behind the last block.
	found := false
	for last := end; last <= end+1024 && !found; last += 512 {
		if m := r.bytes(last, 40); m != nil && string(m[:2]) == "BD" && be.Uint16(m[18:]) == be.Uint16(b[18:]) {
			c.Extent = extent(off, uint64(last+1024-off), 1)
			c.Confirmed++
			found = true
		}
	}
	if !found {
		c.Extent = extent(off, uint64(end+1024-off), 1)
		c.Refuted++
	}
	return one(c)
}

// macRoman keeps what is ASCII; names on such old volumes mostly are.
func macRoman(b []byte) string {
	out := make([]rune, 0, len(b))
	for _, c := range b {
		if c >= 0x80 || c < ' ' {
			out = append(out, '\uFFFD')
			continue
		}
		out = append(out, rune(c))
	}
	return string(out)
}
