package bsd

import (
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxEntries is the largest number of partitions that a label may have.
const MaxEntries = 64

const (
	labelMagic = 0x82564557
	headSize   = 148
	slotSize   = 16
	rawIndex   = 2 // partition c, the whole slice or disk
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{checksum, countBad, entryBefore}

var (
	checksum = &finding.Def{Code: "bsd.checksum", Severity: finding.Error,
		Text: "the BSD disklabel has a wrong checksum (what should be 0 is {found})"}
	countBad = &finding.Def{Code: "bsd.count", Severity: finding.Error,
		Text: "the BSD disklabel says that it has {found} partitions; up to {expected} can be"}
	entryBefore = &finding.Def{Code: "bsd.entry.before", Severity: finding.Warning,
		Text: "partition {number} of the BSD disklabel begins before the slice that the label stands in"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	magic := []byte{0x57, 0x45, 0x56, 0x82}
	return volume.Scheme{
		Name: "bsd",
		Probes: []probe.Probe{
			{ID: "bsd.label", Bytes: magic, Align: 512},
			{ID: "bsd.label64", Bytes: magic, At: 64, Align: 512},
		},
		Read: read,
	}
}

// places are where a label may stand in what it describes.
var places = []int64{512, 64, 128, 0, 4096}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	type place struct{ label, base int64 }
	var at []place
	for _, p := range places {
		at = append(at, place{p, 0})
	}
	for _, h := range landmarks {
		switch {
		case h.Offset < 0:
		case h.ID == "bsd.label64":
			at = append(at, place{h.Offset + 64, h.Offset})
		case h.Offset >= 512:
			at = append(at, place{h.Offset, h.Offset - 512})
		}
	}
	var out []volume.Table
	seen := map[int64]bool{}
	for _, p := range at {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seen[p.label] || len(out) >= 32 {
			continue
		}
		seen[p.label] = true
		b, err := cursor.Read(src, "bsd: label", p.label, headSize, headSize)
		if err != nil {
			continue
		}
		if more, err := cursor.Read(src, "bsd: label", p.label, headSize+MaxEntries*slotSize, headSize+MaxEntries*slotSize); err == nil {
			b = more
		} else if more, err := cursor.Read(src, "bsd: label", p.label, 384, 384); err == nil {
			b = more
		}
		l, err := parseLabel(b, p.label)
		if err != nil {
			continue
		}
		out = append(out, table(l, p.label, p.base))
	}
	return out, ctx.Err()
}

// slot is a partition as it stands.
type slot struct {
	first, size int64 // sectors
	kind        byte
}

// label is a disklabel as it stands.
type label struct {
	sector  int64
	name    string
	sectors int64
	count   int
	sum     uint16
	slots   []slot
}

// parseLabel decodes the label that stands at base. Bytes without both of its magic numbers are [cursor.ErrNot].
func parseLabel(b []byte, base int64) (label, error) {
	var l label
	c := cursor.New("bsd: label", base, b)
	first := c.Uint32()
	c.Seek(132)
	if second := c.Uint32(); c.Err() != nil || first != labelMagic || second != labelMagic {
		return l, cursor.ErrNot
	}
	c.Seek(24)
	l.name = c.String(16)
	l.sector = int64(c.Uint32())
	c.Seek(60)
	l.sectors = int64(c.Uint32())
	c.Seek(138)
	l.count = int(c.Uint16())
	if l.sector < 512 || l.sector > 4096 || l.sector&(l.sector-1) != 0 {
		return l, cursor.Corrupt("bsd: label", base+40, "a sector of 512 to 4096 bytes", l.sector)
	}
	n := min(l.count, MaxEntries, (len(b)-headSize)/slotSize)
	// OpenBSD's version 1 has the high halves of its numbers in the place of these fields.
	c.Seek(114)
	open := c.Uint16() >= 1 && l.count > 8
	c.Seek(headSize)
	for range n {
		size, first := int64(c.Uint32()), int64(c.Uint32())
		high := c.Uint32()
		kind := c.Uint8()
		c.Skip(1)
		c.Skip(2)
		if open {
			first |= int64(high&0xffff) << 32
			size |= int64(high>>16) << 32
		}
		l.slots = append(l.slots, slot{first: first, size: size, kind: kind})
	}
	end := headSize + n*slotSize
	for i := 0; i+2 <= end && i+2 <= len(b); i += 2 {
		l.sum ^= binary.LittleEndian.Uint16(b[i:])
	}
	return l, c.Err()
}

// table turns a label into a table of what begins at base on the source.
func table(l label, at, base int64) volume.Table {
	t := volume.Table{Scheme: "bsd", Offset: at, SectorSize: l.sector, Valid: true}
	if l.sum != 0 {
		t.Valid = false
		t.Findings = append(t.Findings, checksum.New(finding.At(at+136, 2), finding.Expected(0, fmt.Sprintf("0x%04x", l.sum))))
	}
	if l.count == 0 || l.count > MaxEntries {
		t.Valid = false
		t.Findings = append(t.Findings, countBad.New(finding.At(at+138, 2), finding.Expected(MaxEntries, l.count)))
	}
	// The raw partition covers the slice: where it begins by its own word is where the slice begins on the disk.
	start := int64(0)
	if len(l.slots) > rawIndex && l.slots[rawIndex].size > 0 {
		start = l.slots[rawIndex].first
	}
	for i, s := range l.slots {
		if s.size == 0 {
			continue
		}
		e := volume.Entry{
			Number: i + 1, Type: fmt.Sprintf("0x%02x", s.kind), TypeName: typeNames[s.kind], Name: string(rune('a' + i%26)),
			Extent:    block.Extent{Offset: base + (s.first-start)*l.sector, Length: s.size * l.sector},
			Container: s.kind == 0,
		}
		if s.first < start {
			e.Findings = append(e.Findings, entryBefore.New(finding.At(at+headSize+int64(i)*slotSize, slotSize), finding.Arg("number", i+1)))
			e.Extent = block.Extent{}
		}
		t.Entries = append(t.Entries, e)
	}
	return t
}

// typeNames are those of fstypenames in sys/disklabel.h.
var typeNames = map[byte]string{
	0: "unused", 1: "swap", 2: "Version 6", 3: "Version 7", 4: "System V", 5: "4.1BSD", 6: "Eighth Edition", 7: "4.2BSD",
	8: "MSDOS", 9: "4.4LFS", 10: "unknown", 11: "HPFS", 12: "ISO9660", 13: "boot", 14: "ADOS", 15: "HFS", 16: "ADFS",
	17: "ext2fs", 18: "NTFS or ccd", 19: "RAID", 20: "JFS2", 21: "LFS", 22: "CGD", 27: "ZFS",
}
