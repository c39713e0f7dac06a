package exfat

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// probes find boot sectors by the name of the format.
func probes() []probe.Probe {
	return []probe.Probe{{ID: "exfat.boot", Bytes: []byte("EXFAT   "), At: 3, Align: 512}}
}

// locate turns a boot sector into the volume that it belongs to: the one that it starts or, when it is the
// backup, the one that starts 12 sectors before it. The FAT decides, since it stands at a known distance
// from the true start only.
func locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	b, err := readBoot(src, hit.Offset)
	if err != nil {
		_, unreadable := block.IsUnreadable(err)
		_, corrupt := cursor.IsCorrupt(err)
		if unreadable || corrupt || errors.Is(err, cursor.ErrNot) {
			return nil, ctx.Err()
		}
		return nil, err
	}
	var best filesystem.Candidate
	for _, start := range []int64{hit.Offset, hit.Offset - regionSectors*b.sectorSize} {
		if start < 0 {
			continue
		}
		c := weigh(ctx, src, b, start, hit.Offset)
		if c.Confirmed-c.Refuted > best.Confirmed-best.Refuted {
			best = c
		}
	}
	if best.Confirmed <= best.Refuted {
		return nil, ctx.Err()
	}
	return []filesystem.Candidate{best}, ctx.Err()
}

// weigh collects what speaks for and against a volume that b, which stands at off, describes at start.
func weigh(ctx context.Context, src block.Source, b *boot, start, off int64) filesystem.Candidate {
	c := filesystem.Candidate{Kind: "exfat", Extent: block.Extent{Offset: start, Length: b.size()}, UUID: uuid(b.serial)}
	if !c.Extent.Valid() {
		return filesystem.Candidate{}
	}
	vol := block.Section(src, c.Extent)
	count := func(holds bool) {
		if holds {
			c.Confirmed++
		} else {
			c.Refuted++
		}
	}
	sound := checkRegion(src, off, b.sectorSize) == nil
	count(sound)
	if !sound {
		c.Findings = append(c.Findings, bootChecksum.New(finding.At(off, bootSize), finding.Expected(nil, "checksum")))
	}
	primary, err := readBoot(vol, 0)
	c.FromBackup = err != nil || !primary.sameLayout(b)
	if backup, err := readBoot(vol, regionSectors*b.sectorSize); err == nil && backup.sameLayout(b) {
		c.Confirmed++
	}
	if b.partition > 0 && b.partition < uint64(maxVolume/b.sectorSize) && int64(b.partition)*b.sectorSize == start {
		c.Confirmed++
	}
	v := &volume{src: vol, b: b, t: newTable(vol, b)}
	spans, list := v.rootAt(b.root, newBudget(b))
	head := headFits(vol, b, b.active())
	count(head)
	if len(spans) > 0 {
		count(hasBitmap(list))
	}
	// The boot regions agree at a false start too. Only the FAT and the root directory tell the true one.
	if !head && !hasBitmap(list) {
		c.Confirmed = 0
	}
	for _, s := range list {
		if s.kind == typeLabel && c.Label == "" {
			c.Label = s.label
		}
	}
	if src.Size() < c.Extent.End() {
		c.Findings = append(c.Findings, bootTruncated.New(finding.At(src.Size(), c.Extent.End()-src.Size()),
			finding.Expected(b.size(), src.Size()-start)))
	}
	return c
}
