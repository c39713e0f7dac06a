package named

import (
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// BitLocker: a boot sector with the signature "-FVE-FS-" in the place of the file system's name (or, on
// removable media, a FAT name and an identifier), and three copies of metadata that begin with the same
// signature. Followed: the format as documented by libbde.
func bitlocker() format {
	return format{
		name: "bitlocker", title: "BitLocker",
		probes: []probe.Probe{
			{ID: "bitlocker.boot", Bytes: []byte("\xeb\x58\x90-FVE-FS-"), Align: 512},
			{ID: "bitlocker.vista", Bytes: []byte("\xeb\x52\x90-FVE-FS-"), Align: 512},
			{ID: "bitlocker.togo", Bytes: []byte(bitlockerGUID), At: 424, Align: 512},
		},
		locate: locateBitLocker,
	}
}

const bitlockerGUID = "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"

func locateBitLocker(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 512)
	if b == nil || b[510] != 0x55 || b[511] != 0xaa {
		return nil
	}
	sector := int64(le.Uint16(b[11:]))
	if !powerOfTwo(sector, 512, 4096) {
		return nil
	}
	c := filesystem.Candidate{Confirmed: 1, Locked: true}
	meta := []uint64{le.Uint64(b[176:]), le.Uint64(b[184:]), le.Uint64(b[192:])}
	switch {
	case string(b[160:176]) == bitlockerGUID:
	case string(b[424:440]) == bitlockerGUID:
		meta = []uint64{le.Uint64(b[440:]), le.Uint64(b[448:]), le.Uint64(b[456:])}
	default: // Windows Vista gives the cluster of the metadata
		cluster := int64(b[13]) * sector
		lcn := le.Uint64(b[56:])
		if cluster == 0 || lcn > uint64((1<<62)/cluster) {
			return nil
		}
		meta = []uint64{lcn * uint64(cluster)}
	}
	size := uint64(0)
	found := false
	for _, m := range meta {
		if m == 0 || m >= 1<<62 {
			continue
		}
		h := r.bytes(off+int64(m), 64)
		if h == nil || string(h[:8]) != "-FVE-FS-" {
			continue
		}
		found = true
		c.Confirmed++
		if le.Uint16(h[10:]) == 2 {
			size = max(size, le.Uint64(h[16:]))
		}
	}
	if !found {
		c.Refuted++
	}
	for _, total := range []uint64{uint64(le.Uint16(b[19:])), uint64(le.Uint32(b[32:])), le.Uint64(b[40:])} {
		if total > 0 && total < 1<<50 {
			size = max(size, total*uint64(sector))
		}
	}
	if size == 0 {
		size = 1 << 20
	}
	c.Extent = extent(off, size, 1)
	return one(c)
}

// swap: a header in the first page and a signature at that page's end. Followed: mkswap(8) and Linux's
// include/linux/swap.h.
func swap() format {
	f := format{name: "swap", title: "swap", swap: true, locate: locateSwap}
	for _, page := range swapPages {
		f.probes = append(f.probes,
			probe.Probe{ID: fmt.Sprintf("swap.page%d", page), Bytes: []byte("SWAPSPACE2"), At: page - 10, Align: 4096},
			probe.Probe{ID: fmt.Sprintf("swap.old%d", page), Bytes: []byte("SWAP-SPACE"), At: page - 10, Align: 4096})
	}
	return f
}

var swapPages = []int64{4096, 8192, 16384, 65536}

func locateSwap(r *reader, off int64) []filesystem.Candidate {
	h := r.bytes(off+1024, 512)
	if h == nil || r.is(off, "LUKS\xba\xbe") { // what was swap before it was encrypted keeps its signature
		return nil
	}
	for _, page := range swapPages {
		switch string(r.bytes(off+page-10, 10)) {
		case "SWAPSPACE2":
			last, bad := uint64(le.Uint32(h[4:])), le.Uint32(h[8:])
			switch {
			case le.Uint32(h) == 1:
			case be.Uint32(h) == 1:
				last, bad = uint64(be.Uint32(h[4:])), be.Uint32(h[8:])
			default:
				continue
			}
			if last < 1 || uint64(bad) > last {
				continue
			}
			return one(filesystem.Candidate{
				Extent: extent(off, last+1, page), UUID: uuid(h[12:28]), Label: string(h[28:44]), Confirmed: 2,
			})
		case "SWAP-SPACE":
			// The first page is a bitmap of usable pages; the first of them is the header itself.
			b := r.bytes(off, page-10)
			if b == nil || b[0]&1 != 0 {
				continue
			}
			end := len(b)
			for end > 0 && b[end-1] == 0 {
				end--
			}
			if end == 0 {
				continue
			}
			pages := int64(end) * 8
			for bit := 7; bit >= 0 && b[end-1]>>bit == 0; bit-- {
				pages--
			}
			return one(filesystem.Candidate{Extent: block.Extent{Offset: off, Length: pages * page}, Confirmed: 1})
		}
	}
	return nil
}
