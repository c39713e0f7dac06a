package named

import (
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// maxFlash is the largest region of flash that is walked over.
const maxFlash = 8 << 30

// UBI: each erase block begins with a header that has a CRC and the number of its image; a second header
// says to which volume it belongs. Two blocks hold the table of volumes. Followed: Linux's
// drivers/mtd/ubi/ubi-media.h.
func ubi() format {
	return format{
		name: "ubi", title: "UBI", set: true,
		probes: []probe.Probe{{ID: "ubi.block", Bytes: []byte("UBI#\x01\x00\x00\x00"), Align: 512}},
		locate: locateUBI,
	}
}

// eraseHeader returns the header at off when its CRC is right.
func (r *reader) eraseHeader(off int64) []byte {
	b := r.bytes(off, 64)
	if b == nil || string(b[:5]) != "UBI#\x01" || be.Uint32(b[60:]) != rawCRC(0xffffffff, b[:60]) {
		return nil
	}
	return b
}

func locateUBI(r *reader, off int64) []filesystem.Candidate {
	h := r.eraseHeader(off)
	if h == nil {
		return nil
	}
	image := string(h[24:28])
	mine := func(at int64) bool {
		b := r.eraseHeader(at)
		return b != nil && string(b[24:28]) == image
	}
	// The size of an erase block is the distance of two headers; one lost block is allowed for.
	size := int64(0)
	for s := int64(16 << 10); s <= 4<<20 && size == 0; s *= 2 {
		if mine(off+s) || mine(off-s) {
			size = s
		}
	}
	if size == 0 {
		// A block alone does not say how long it is; its data begins with its second or third page, and a
		// block has 64 of those in most devices.
		size = 32 * max(int64(be.Uint32(h[20:])), 4096)
		if size > 4<<20 {
			return nil
		}
	}
	const gap = 8
	start, end, n := off, off+size, 1
	for at, lost := end, 0; at < off+maxFlash && at < r.src.Size() && lost <= gap; at += size {
		if r.ctx.Err() != nil {
			return nil
		}
		if !mine(at) {
			lost++
			continue
		}
		end, lost = at+size, 0
		n++
	}
	for at, lost := off-size, 0; at >= 0 && at > off-maxFlash && lost <= gap; at -= size {
		if r.ctx.Err() != nil {
			return nil
		}
		if !mine(at) {
			lost++
			continue
		}
		start, lost = at, 0
		n++
	}
	c := filesystem.Candidate{
		Extent: block.Between(start, end), Confirmed: min(n, 4), UUID: fmt.Sprint(be.Uint32(h[24:])),
	}
	for at := start; at < end && at < start+256*size; at += size {
		if c.Label = r.ubiVolumes(at); c.Label != "" {
			break
		}
	}
	return one(c)
}

// ubiVolumes returns the names in the table of volumes, when the block at off holds it.
func (r *reader) ubiVolumes(off int64) string {
	h := r.eraseHeader(off)
	if h == nil {
		return ""
	}
	vid := r.bytes(off+int64(be.Uint32(h[16:])), 64)
	if vid == nil || string(vid[:4]) != "UBI!" || be.Uint32(vid[8:]) != 0x7fffefff {
		return ""
	}
	b := r.bytes(off+int64(be.Uint32(h[20:])), 128*172)
	var names []string
	for ; len(b) >= 172; b = b[172:] {
		n := int(be.Uint16(b[14:]))
		if be.Uint32(b) == 0 || n == 0 || n > 127 || be.Uint32(b[168:]) != rawCRC(0xffffffff, b[:168]) {
			continue
		}
		names = append(names, string(b[16:16+n]))
	}
	return strings.Join(names, ", ")
}

// UBIFS: nodes with a CRC; the first logical erase block holds the superblock node. Inside of UBI its blocks
// lie in any order, so that the extent is right only for an image that stands by itself. Followed: Linux's
// fs/ubifs/ubifs-media.h.
func ubifs() format {
	pattern := make([]byte, 21)
	copy(pattern, "\x31\x18\x10\x06")
	pattern[17], pattern[20] = 0x10, 6
	mask := make([]byte, 21)
	for _, i := range []int{0, 1, 2, 3, 16, 17, 18, 19, 20} {
		mask[i] = 0xff
	}
	return format{
		name: "ubifs", title: "UBIFS",
		probes: []probe.Probe{{ID: "ubifs.super", Bytes: pattern, Mask: mask, Align: 512}},
		locate: locateUBIFS,
	}
}

func locateUBIFS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 4096)
	if b == nil || le.Uint32(b[4:]) != rawCRC(0xffffffff, b[8:]) {
		return nil
	}
	size, count := int64(le.Uint32(b[36:])), le.Uint32(b[40:])
	if size < 15<<10 || size > 4<<20 || count == 0 {
		return nil
	}
	c := filesystem.Candidate{Extent: extent(off, uint64(count), size), UUID: uuid(b[108:124]), Confirmed: 2}
	// The master node is in the next logical block, when these blocks lie one behind the other.
	if m := r.bytes(off+size, 24); m != nil && string(m[:4]) == "\x31\x18\x10\x06" && m[20] == 7 {
		c.Confirmed++
	} else {
		c.Refuted++
	}
	return one(c)
}

// JFFS2: a log of nodes, each with a CRC of its header, in erase blocks that begin with one. There is no
// superblock: the region is where nodes follow each other. Followed: Linux's include/uapi/linux/jffs2.h.
func jffs2() format {
	f := format{name: "jffs2", title: "JFFS2", locate: locateJFFS2}
	for _, n := range []struct {
		id   string
		kind uint16
	}{{"dirent", 0xe001}, {"inode", 0xe002}, {"marker", 0x2003}} {
		f.probes = append(f.probes,
			probe.Probe{ID: "jffs2." + n.id, Bytes: []byte{0x85, 0x19, byte(n.kind), byte(n.kind >> 8)}, Align: 4},
			probe.Probe{ID: "jffs2." + n.id + "be", Bytes: []byte{0x19, 0x85, byte(n.kind >> 8), byte(n.kind)}, Align: 4})
	}
	return f
}

// nodeLength returns the length of the node whose header of 12 bytes is b, 0 when its CRC is wrong.
func nodeLength(b []byte) int64 {
	if len(b) < 12 {
		return 0
	}
	var order byteOrder = le
	switch {
	case b[0] == 0x85 && b[1] == 0x19:
	case b[0] == 0x19 && b[1] == 0x85:
		order = be
	default:
		return 0
	}
	n := int64(order.Uint32(b[4:]))
	if n < 12 || n > 1<<20 || order.Uint32(b[8:]) != rawCRC(0, b[:8]) {
		return 0
	}
	return (n + 3) &^ 3
}

func locateJFFS2(r *reader, off int64) []filesystem.Candidate {
	const (
		page   = 4096
		window = 256 << 10 // of bytes that are no node between two nodes
	)
	end, nodes := int64(0), 0
	buf, base := []byte(nil), int64(0)
	at := func(p int64, n int64) []byte {
		if p < base || p+n > base+int64(len(buf)) {
			base = p
			buf = r.bytes(p, min(1<<20, r.src.Size()-p))
		}
		if p+n > base+int64(len(buf)) {
			return nil
		}
		return buf[p-base : p-base+n]
	}
	for p := off; p < off+maxFlash && p+12 <= r.src.Size() && r.ctx.Err() == nil; {
		if n := nodeLength(at(p, 12)); n > 0 {
			nodes++
			p += n
			end = p
			continue
		}
		if p-max(end, off) > window {
			break
		}
		// The rest of an erase block is erased; nodes go on at the start of a later page.
		p += page - p%page
	}
	if nodes < 3 || r.ctx.Err() != nil {
		return nil
	}
	// Erase blocks before the first landmark that begin with a node belong to it, as do erased ones between.
	start := off
	const unit = 64 << 10
	if off%page != 0 {
		for p := off - off%unit; p >= 0 && p > off-window; p -= unit {
			if nodeLength(r.bytes(p, 12)) > 0 {
				start = p
				break
			}
		}
	}
	for p, gap := start-unit, 0; p >= 0 && gap < window/unit && r.ctx.Err() == nil; p -= unit {
		if nodeLength(r.bytes(p, 12)) > 0 {
			start, gap = p, 0
			continue
		}
		gap++
	}
	end += (unit - (end-start)%unit) % unit
	return one(filesystem.Candidate{Extent: block.Between(start, min(end, r.src.Size())), Confirmed: min(nodes, 4)})
}
