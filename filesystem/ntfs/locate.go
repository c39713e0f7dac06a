package ntfs

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// probes find boot sectors, and records of the master file table: the first sixteen, which also stand in its
// mirror, and of the others those whose number is a multiple of 256, since a table may have millions.
func probes() []probe.Probe {
	record := func(id string, number, mask [4]byte) probe.Probe {
		p := probe.Probe{ID: id, Bytes: make([]byte, 48), Mask: make([]byte, 48), Align: 512}
		copy(p.Bytes, "FILE\x30\x00")
		copy(p.Mask, "\xff\xff\xff\xff\xff\xff\x00\xff") // the update sequence has at most 129 entries
		copy(p.Bytes[0x2C:], number[:])
		copy(p.Mask[0x2C:], mask[:])
		p.Mask[0x17] = 0xF0 // of the flags, few are defined
		p.Bytes[0x16], p.Mask[0x16] = recordInUse, recordInUse
		return p
	}
	return []probe.Probe{
		{ID: "ntfs.boot", Bytes: []byte(bootName), At: bootNameOffset, Align: 512},
		record("ntfs.first", [4]byte{}, [4]byte{0xF0, 0xFF, 0xFF, 0xFF}),
		record("ntfs.record", [4]byte{}, [4]byte{0xFF, 0x00, 0x00, 0xFF}),
	}
}

// locate turns a boot sector or a record into the volume that it belongs to.
func locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	var start int64
	var b *boot
	if hit.ID == "ntfs.boot" {
		var err error
		if b, err = readBoot(src, hit.Offset); err != nil {
			_, unreadable := block.IsUnreadable(err)
			if _, corrupt := cursor.IsCorrupt(err); corrupt || unreadable || errors.Is(err, cursor.ErrNot) {
				return nil, ctx.Err()
			}
			return nil, err
		}
		start = startOf(src, b, hit.Offset)
	} else {
		var ok bool
		if start, b, ok = solve(ctx, src, hit.Offset); !ok {
			return nil, ctx.Err()
		}
	}
	c := weigh(ctx, src, b, start, hit.ID == "ntfs.boot")
	if c.Confirmed == 0 || c.Extent.Offset >= src.Size() {
		return nil, ctx.Err()
	}
	return []filesystem.Candidate{c}, ctx.Err()
}

// startOf returns where the volume begins whose boot sector, or the backup of that, stands at off. The places
// of the master file table and of its mirror decide, then the other boot sector.
func startOf(src block.Source, b *boot, off int64) int64 {
	behind := off - b.sectors*b.sectorSize // the start when this is the backup
	if behind < 0 {
		return off
	}
	here, there := records(src, b, off), records(src, b, behind)
	switch {
	case here > there:
		return off
	case there > here:
		return behind
	}
	if o, err := readBoot(src, off+b.sectors*b.sectorSize); err == nil && o.sameLayout(b) {
		return off
	}
	if o, err := readBoot(src, behind); err == nil && o.sameLayout(b) {
		return behind
	}
	return off
}

// records counts the places at the start of the table and of its mirror where a record stands, when the
// volume begins at start.
func records(src block.Source, b *boot, start int64) int {
	const look = 16
	n := 0
	count := func(cluster int64, places int64) {
		if cluster == 0 || cluster > maxVolume/b.clusterSize {
			return
		}
		for i := range places {
			if string(readAt(src, start+cluster*b.clusterSize+i*b.recordSize, 4)) == "FILE" {
				n++
			}
		}
	}
	count(b.mft, look)
	count(b.mirror, mirrored)
	return n
}

// weigh collects what speaks for and against a volume that b describes at start.
func weigh(ctx context.Context, src block.Source, b *boot, start int64, booted bool) filesystem.Candidate {
	c := filesystem.Candidate{Kind: "ntfs", Extent: block.Extent{Offset: start, Length: b.size()}}
	if b.serial != 0 {
		c.UUID = uuid(b.serial)
	}
	vol := block.Section(src, c.Extent)
	count := func(holds bool) {
		if holds {
			c.Confirmed++
		} else {
			c.Refuted++
		}
	}
	primary, err := readBoot(vol, 0)
	c.FromBackup = err != nil || !primary.sameLayout(b)
	if booted {
		c.Confirmed++
	}
	found := records(src, b, start) > 0
	count(found)
	if b.mirror > 0 && string(readAt(vol, b.mirror*b.clusterSize, 4)) == "FILE" {
		c.Confirmed++
	}
	at := b.size() - b.sectorSize
	if backup, err := readBoot(vol, at); err == nil && (backup.sameLayout(b) || !c.FromBackup) {
		count(backup.sameLayout(b))
	}
	rooted := false
	if found {
		v := newVolume(vol, b, nil)
		if v.loadTable(ctx) != nil { // its own record is gone; the first ones follow each other all the same
			n := firstFree * b.recordSize
			v.table = newTable(vol, b.recordSize, []block.Run{{Physical: b.mft * b.clusterSize, Length: n}}, n)
		}
		v.readVolume()
		c.Label = v.info.Label
		if root := v.system(recordRoot); root != nil {
			count(root.directory())
			rooted = root.directory()
		}
	}
	if !booted && !rooted {
		c.Refuted += 2 // a copy of a record, in a file or a log
	}
	if src.Size() < c.Extent.End()-b.sectorSize {
		c.Findings = append(c.Findings, volumeShort.New(finding.At(src.Size(), c.Extent.End()-src.Size()), finding.Expected(b.size(), src.Size()-start)))
	}
	return c
}
