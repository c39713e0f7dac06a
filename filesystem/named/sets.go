package named

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// LUKS: version 1 has one header; version 2 has two, each with a checksum of its area. Neither says how long
// the volume is. Followed: LUKS On-Disk Format Specification 1.2.3, LUKS2 On-Disk Format 1.1.1.
func luks() format {
	return format{
		name: "luks", title: "LUKS",
		probes: []probe.Probe{
			{ID: "luks.header", Bytes: []byte("LUKS\xba\xbe"), Align: 512},
			{ID: "luks.second", Bytes: []byte("SKUL\xba\xbe"), Align: 4096},
		},
		locate: locateLUKS,
	}
}

func locateLUKS(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 512)
	if b == nil {
		return nil
	}
	c := filesystem.Candidate{Confirmed: 1, Locked: true, UUID: string(b[168:208])}
	second := string(b[:4]) == "SKUL"
	switch version := be.Uint16(b[6:]); {
	case version == 1 && !second:
		payload := int64(be.Uint32(b[104:]))
		if key := be.Uint32(b[108:]); key == 0 || key > 512 {
			return nil
		}
		if bytes.IndexByte(b[8:40], 0) <= 0 || len(strings.Trim(clean(c.UUID), "0123456789abcdefABCDEF-")) != 0 {
			return nil
		}
		c.Extent = block.Extent{Offset: off, Length: max(payload, 1) * 512}
		c.Confirmed++
	case version == 2:
		size, at := int64(be.Uint64(b[8:])), int64(be.Uint64(b[256:]))
		if !powerOfTwo(size, 16<<10, 4<<20) || second != (at == size) || at != 0 && !second || at > off {
			return nil
		}
		c.Extent = block.Extent{Offset: off - at, Length: 2 * size}
		c.Label = string(b[24:72])
		if second {
			c.FromBackup = !r.is(off-at, "LUKS\xba\xbe")
		} else if r.is(off+size, "SKUL\xba\xbe") {
			c.Confirmed++
		}
		if area := r.bytes(off, size); area != nil && string(bytes.TrimRight(b[72:104], "\x00")) == "sha256" {
			stored := bytes.Clone(area[448:480])
			clear(area[448:512])
			got := sha256.Sum256(area)
			sum(&c, "LUKS", bytes.Equal(stored, got[:]))
		}
	default:
		return nil
	}
	return one(c)
}

// Linux RAID: version 0.90 stands in the last full 64 KiB, version 1 at the end (1.0), at the start (1.1) or
// 4 KiB behind it (1.2) and says where. Followed: md(4) and Linux's include/uapi/linux/raid/md_p.h.
func linuxRAID() format {
	return format{
		name: "linux_raid", title: "Linux RAID", set: true,
		probes: []probe.Probe{{ID: "linux_raid.super", Bytes: []byte("\xfc\x4e\x2b\xa9"), Align: 512}},
		locate: locateRAID,
	}
}

func locateRAID(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 4096)
	if b == nil {
		return nil
	}
	switch le.Uint32(b[4:]) {
	case 0:
		return raid0(b, off)
	case 1:
		return raid1(b, off)
	}
	return nil
}

// raid0 reads version 0.90, which does not say where it stands: the room for data before it is at least as
// long as the size that it gives, and by less than a chunk longer.
func raid0(b []byte, off int64) []filesystem.Candidate {
	minor, disks, size := le.Uint32(b[8:]), le.Uint32(b[40:]), int64(le.Uint32(b[32:]))<<10
	if minor < 90 || minor > 91 || disks == 0 || disks > 27 || size == 0 || off%4096 != 0 {
		return nil
	}
	start := off - size
	if chunk := int64(le.Uint32(b[256:])); chunk >= 4096 && chunk <= 16<<20 && powerOfTwo(chunk, 4096, 16<<20) {
		// Members begin on a MiB, or where the medium does: the first such place within a chunk.
		if down := start - start%(1<<20); start-down < chunk {
			start = down
		}
	}
	if start < 0 {
		if start <= -64<<10 {
			return nil
		}
		start = 0
	}
	id := make([]byte, 16)
	for i, at := range []int{20, 52, 56, 60} {
		be.PutUint32(id[4*i:], le.Uint32(b[at:]))
	}
	c := filesystem.Candidate{Extent: block.Between(start, off+64<<10), UUID: uuid(id), Confirmed: 1}
	var total uint64
	for i := 0; i < 4096; i += 4 {
		if i != 152 {
			total += uint64(le.Uint32(b[i:]))
		}
	}
	sum(&c, "Linux RAID", uint32(total)+uint32(total>>32) == le.Uint32(b[152:]))
	return one(c)
}

func raid1(b []byte, off int64) []filesystem.Candidate {
	devices := int64(le.Uint32(b[220:]))
	dataAt, data, own := le.Uint64(b[128:]), le.Uint64(b[136:]), le.Uint64(b[144:])
	if devices > 1920 || data == 0 || data > 1<<50 || dataAt > 1<<50 || own > uint64(off)/512 {
		return nil
	}
	start := off - int64(own)*512
	end := max(int64(dataAt+data), int64(own)+8) * 512
	c := filesystem.Candidate{
		Extent: block.Extent{Offset: start, Length: end}, Label: string(b[32:64]), UUID: uuid(b[16:32]), Confirmed: 1,
	}
	var total uint64
	for i := int64(0); i+2 <= 256+2*devices && i+4 <= int64(len(b)); i += 4 {
		switch {
		case i == 216:
		case i+4 > 256+2*devices:
			total += uint64(le.Uint16(b[i:]))
		default:
			total += uint64(le.Uint32(b[i:]))
		}
	}
	sum(&c, "Linux RAID", uint32(total)+uint32(total>>32) == le.Uint32(b[216:]))
	return one(c)
}

// LVM: a label in one of the first four sectors, with a CRC and its own sector, then the volume's size and
// the areas of metadata, which are text. Followed: LVM2's lib/format_text/layout.h as documented there.
func lvm2() format {
	return format{
		name: "lvm2", title: "LVM", set: true,
		probes: []probe.Probe{{ID: "lvm2.label", Bytes: []byte("LABELONE"), Align: 512}},
		locate: locateLVM,
	}
}

func locateLVM(r *reader, off int64) []filesystem.Candidate {
	b := r.bytes(off, 512)
	if b == nil || string(b[24:32]) != "LVM2 001" {
		return nil
	}
	sector, header := le.Uint64(b[8:]), int(le.Uint32(b[20:]))
	if sector > 3 || header < 32 || header > 512-48 || off < int64(sector)*512 {
		return nil
	}
	id := string(b[header : header+32])
	size := le.Uint64(b[header+32:])
	start := off - int64(sector)*512
	c := filesystem.Candidate{Extent: extent(start, size, 1), Confirmed: 1}
	c.UUID = strings.Join([]string{id[0:6], id[6:10], id[10:14], id[14:18], id[18:22], id[22:26], id[26:32]}, "-")
	sum(&c, "LVM", rawCRC(0xf597a6cf, b[20:]) == le.Uint32(b[16:]))
	// Two lists of places follow, each ended by a pair of zeros: data, then metadata.
	at, list := header+40, 0
	for ; at+16 <= 512 && list < 2; at += 16 {
		place := le.Uint64(b[at:])
		if place == 0 && le.Uint64(b[at+8:]) == 0 {
			list++
			continue
		}
		if list == 1 && place < 1<<40 {
			if m := r.bytes(start+int64(place), 512); m != nil && string(m[4:20]) == " LVM2 x[5A%r0N*>" {
				c.Confirmed++
				if text := le.Uint64(m[40:]); text < 1<<40 {
					c.Label = groupName(r.bytes(start+int64(place)+int64(text), 160))
				}
			}
		}
	}
	return one(c)
}

// groupName returns the name of the volume group with which the text of metadata begins.
func groupName(b []byte) string {
	name, _, ok := strings.Cut(string(b), " {")
	if !ok || name == "" || strings.ContainsAny(name, " \n\t\x00\"=") {
		return ""
	}
	return name
}

// ZFS: four labels of 256 KiB, two at the start and two at the end of a device; each holds a list of names
// and values. Followed: ZFS On-Disk Specification (Sun, 2006), chapter 1, and RFC 4506 for the encoding.
func zfs() format {
	pattern := []byte("\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07version\x00")
	mask := bytes.Repeat([]byte{0xff}, len(pattern))
	clear(mask[1:2])
	clear(mask[12:20])
	return format{
		name: "zfs", title: "ZFS", set: true,
		probes: []probe.Probe{{ID: "zfs.label", Bytes: pattern, Mask: mask, At: 16 << 10, Align: 4096}},
		locate: locateZFS,
	}
}

func locateZFS(r *reader, off int64) []filesystem.Candidate {
	const label = 256 << 10
	values := r.zfsValues(off)
	size, ok := values["asize"].(uint64)
	if !ok || size < 1<<20 || size > 1<<60 {
		return nil
	}
	pool, _ := values["pool_guid"].(uint64)
	name, _ := values["name"].(string)
	// The space between the labels holds 3.5 MiB for booting and the allocated size.
	total := int64(size) + 4<<20 + 2*label
	before, behind := off >= label && r.zfsValues(off-label) != nil, r.zfsValues(off+label) != nil
	start := off
	switch {
	case before && !behind: // the second of a pair
		start -= label
	}
	c := filesystem.Candidate{Label: name, UUID: fmt.Sprint(pool), Confirmed: 2}
	if before || behind {
		c.Confirmed++
	}
	// A pair at the end belongs to the pair at the start.
	if front := start + 2*label - total; front >= 0 {
		for _, at := range []int64{front, front + front%label, front - front%label} {
			if at != start && at >= 0 && r.zfsValues(at) != nil {
				start = at
				c.Confirmed++
				break
			}
		}
	}
	c.Extent = block.Extent{Offset: start, Length: total}
	return one(c)
}

// zfsValues decodes the list in the label at off: its own numbers and texts and those of the device.
func (r *reader) zfsValues(off int64) map[string]any {
	b := r.bytes(off+16<<10, 112<<10)
	if b == nil || b[0] != 1 || be.Uint32(b[4:]) != 0 {
		return nil
	}
	out := map[string]any{}
	nvlist(b[12:], out, 0)
	if out["version"] == nil {
		return nil
	}
	return out
}

// nvlist adds the pairs of one list to out. Lists inside of it are entered, to a small depth; a name that
// is already known keeps its value, so that the outer one counts.
func nvlist(b []byte, out map[string]any, depth int) {
	if depth > 4 {
		return
	}
	for n := 0; len(b) >= 20 && n < 1000; n++ {
		size := int(be.Uint32(b))
		if size < 20 || size > len(b) {
			return
		}
		pair := b[8:size]
		b = b[size:]
		k := int(be.Uint32(pair))
		pad := (k + 3) &^ 3
		if k <= 0 || k > 256 || 4+pad+8 > len(pair) {
			continue
		}
		key := string(pair[4 : 4+k])
		kind := be.Uint32(pair[4+pad:])
		data := pair[4+pad+8:]
		if _, known := out[key]; known {
			continue
		}
		switch {
		case kind == 8 && len(data) >= 8:
			out[key] = be.Uint64(data)
		case kind == 9 && len(data) >= 4:
			if l := int(be.Uint32(data)); l >= 0 && l <= len(data)-4 {
				out[key] = string(data[4 : 4+l])
			}
		case kind == 19 && len(data) >= 8:
			nvlist(data[8:], out, depth+1)
		}
	}
}
