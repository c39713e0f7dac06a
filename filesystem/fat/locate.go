package fat

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// probes find boot sectors by the type that nearly every formatter writes into them. The bytes 55 AA alone
// would match every boot sector there is. Some devices fill the type up with NULs instead of spaces. Where all boot
// sectors are gone, the first two entries of a FAT of 16 or 32 bits on a fixed disk tell; two bits of the second are flags.
func probes() []probe.Probe {
	return []probe.Probe{
		{ID: "fat.boot12", Bytes: []byte("FAT12"), At: 54, Align: 512},
		{ID: "fat.boot16", Bytes: []byte("FAT16"), At: 54, Align: 512},
		{ID: "fat.boot32", Bytes: []byte("FAT32"), At: 82, Align: 512},
		{ID: "fat.boot", Bytes: []byte("FAT     "), At: 54, Align: 512},
		{ID: table16, Bytes: []byte{0xF8, 0xFF, 0xFF, 0x3F}, Mask: []byte{0xFF, 0xFF, 0xFF, 0x3F}, Align: 512},
		{ID: table32, Bytes: []byte{0xF8, 0xFF, 0xFF, 0x0F, 0xFF, 0xFF, 0xFF, 0x03}, Mask: []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xF3}, Align: 512},
	}
}

// locate turns a boot sector into the volume that it belongs to: the one that it starts or, when it is the
// backup of a FAT32 boot sector, the one that starts as many sectors before it as it says. Which of both it
// is, the FATs decide, since they stand at a known distance from the true start only.
func locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	switch hit.ID {
	case table16:
		return locateTable(ctx, src, hit.Offset, 16)
	case table32:
		return locateTable(ctx, src, hit.Offset, 32)
	}
	b, err := readBoot(src, hit.Offset)
	if err != nil {
		if _, unreadable := block.IsUnreadable(err); unreadable || errors.Is(err, cursor.ErrNot) {
			return nil, ctx.Err()
		}
		if _, corrupt := cursor.IsCorrupt(err); corrupt {
			return nil, ctx.Err()
		}
		return nil, err
	}
	if !b.signed || !b.isTyped() {
		return nil, nil
	}
	starts := []int64{hit.Offset}
	if b.width == 32 && b.backupSector > 0 {
		if start := hit.Offset - b.backupSector*b.sectorSize; start >= 0 {
			starts = append(starts, start)
		}
	}
	var best filesystem.Candidate
	for _, start := range starts {
		c, err := weigh(ctx, src, b, start)
		if err != nil {
			return nil, err
		}
		if c.Confirmed-c.Refuted > best.Confirmed-best.Refuted {
			best = c
		}
	}
	if best.Confirmed <= best.Refuted {
		return nil, nil
	}
	return []filesystem.Candidate{best}, nil
}

// weigh collects what speaks for and against a volume that b describes at start.
func weigh(ctx context.Context, src block.Source, b *boot, start int64) (filesystem.Candidate, error) {
	c := filesystem.Candidate{Kind: b.kind(), Extent: block.Extent{Offset: start, Length: b.size()}}
	here := *b
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
	if !c.FromBackup {
		here = *primary
	}
	fit := 0
	for i := range b.copies {
		if h := head(vol, b, i); h != unknown {
			count(headFits(b, h))
			if headFits(b, h) {
				fit++
			}
		}
	}
	if fit > 0 && b.copies > 1 && b.mirrored {
		count(sameHeads(vol, b))
	}
	if b.width == 32 && b.backupSector > 0 {
		backup, err := readBoot(vol, b.backupSector*b.sectorSize)
		count(err == nil && backup.sameLayout(b))
		if b.infoSector > 0 {
			p, err := cursor.Read(vol, "fat: FSInfo", b.infoSector*b.sectorSize, bootSize, bootSize)
			count(err == nil && parseInfo(p, 0, b.clusters) == nil)
		}
	}
	if b.hidden > 0 && b.hidden*b.sectorSize == start {
		c.Confirmed++
	}
	if b.shortFAT {
		c.Refuted++
	}
	good, odd := rootLooks(vol, b)
	if good > 0 || odd > 0 {
		count(odd*4 <= good)
	}
	// Boot sectors and FSInfo sectors repeat within the boot area, so that they also agree at a false start.
	// Only a FAT or a root directory tells the true one.
	if fit == 0 && (good == 0 || odd*4 > good) {
		c.Confirmed = 0
	}
	if c.Confirmed <= c.Refuted {
		return c, ctx.Err()
	}
	if src.Size() < c.Extent.End() {
		c.Findings = append(c.Findings, bootTruncated.New(finding.At(src.Size(), c.Extent.End()-src.Size()),
			finding.Expected(b.size(), src.Size()-start)))
	}
	v := &volume{src: vol, b: &here, t: newTable(vol, &here)}
	c.Label = v.label(ctx)
	if b.hasSerial {
		c.UUID = uuid(b.serial)
	}
	return c, ctx.Err()
}

// sameHeads reports whether the first sector's worth of both FATs agrees, entries 0 and 1 apart.
func sameHeads(vol block.Source, b *boot) bool {
	const n = 512
	p, q := make([]byte, n), make([]byte, n)
	for i, x := range [][]byte{p, q} {
		if m, _ := vol.ReadAt(x, b.fatAt(i)); m < n {
			return false
		}
	}
	flags := b.width / 4
	return string(p[flags:]) == string(q[flags:])
}

// rootLooks judges the start of the root directory.
func rootLooks(vol block.Source, b *boot) (good, odd int) {
	v := &volume{src: vol, b: b}
	if b.width == 32 {
		if !b.valid(b.rootCluster) {
			return 0, 1
		}
		l := v.lookAt(b.rootCluster)
		return l.good, l.odd
	}
	l := v.lookAtExtent(block.Extent{Offset: b.rootAt(), Length: min(b.rootBytes(), maxLook)}, 0)
	return l.good, l.odd
}
