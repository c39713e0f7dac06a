package sun

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

const (
	labelSize = 512
	sanity    = 0x600DDEEE
	wholeTag  = 5 // the slice that covers the disk
	sector    = 512
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{checksum, sanityBad}

var (
	checksum = &finding.Def{Code: "sun.checksum", Severity: finding.Error,
		Text: "the Sun disk label has a wrong checksum (what should be 0 is {found})"}
	sanityBad = &finding.Def{Code: "sun.sanity", Severity: finding.Warning,
		Text: "the Sun disk label has no table of tags that can be trusted; the types of its slices are not known"}
)

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name: "sun",
		Probes: []probe.Probe{
			{ID: "sun.vtoc", Bytes: []byte{0x60, 0x0D, 0xDE, 0xEE}, At: 188, Align: 512},
			{ID: "sun.slices", Bytes: []byte{0xEE, 0xDE, 0x0D, 0x60}, At: 512 + 12, Align: 512},
		},
		Read: read,
	}
}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Table, error) {
	places := []int64{0}
	for _, h := range landmarks {
		if h.Offset > 0 {
			places = append(places, h.Offset)
		}
	}
	var out []volume.Table
	seen := map[int64]bool{}
	for _, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if seen[at] || len(out) >= 32 {
			continue
		}
		seen[at] = true
		if b, err := cursor.Read(src, "sun: label", at, labelSize, labelSize); err == nil {
			if l, err := parseLabel(b, at); err == nil {
				out = append(out, sparc(l, at))
			}
		}
		if b, err := cursor.Read(src, "sun: slices", at+sector, labelSize, labelSize); err == nil {
			if l, err := parseSlices(b, at+sector); err == nil {
				out = append(out, pc(l, at))
			}
		}
	}
	return out, ctx.Err()
}

// slice is an entry of either form: a cylinder in that of SPARCs, a sector in that of PCs.
type slice struct {
	tag, flags  uint16
	first, size uint32
}

type label struct {
	name     string
	tagged   bool
	cylinder int64 // sectors
	sector   int64 // bytes
	sum      uint16
	slices   []slice
}

// parseLabel decodes the label of a SPARC. Bytes without its magic number are [cursor.ErrNot].
func parseLabel(b []byte, base int64) (label, error) {
	l := label{sector: sector}
	c := cursor.New("sun: label", base, b)
	c.Seek(508)
	if c.Uint16BE() != 0xDABE || c.Err() != nil {
		return l, cursor.ErrNot
	}
	c.Seek(132)
	l.name = c.String(8)
	l.slices = make([]slice, 8)
	count := c.Uint16BE()
	for i := range l.slices {
		l.slices[i].tag, l.slices[i].flags = c.Uint16BE(), c.Uint16BE()
	}
	c.Seek(188)
	l.tagged = c.Uint32BE() == sanity && count <= 8
	c.Seek(436)
	heads, track := int64(c.Uint16BE()), int64(c.Uint16BE())
	c.Seek(444)
	for i := range l.slices {
		l.slices[i].first, l.slices[i].size = c.Uint32BE(), c.Uint32BE()
	}
	if heads == 0 || track == 0 {
		return l, cursor.Corrupt("sun: label", base+436, "heads and sectors of a track", fmt.Sprintf("%d and %d", heads, track))
	}
	l.cylinder = heads * track
	for i := 0; i+2 <= labelSize; i += 2 {
		l.sum ^= binary.BigEndian.Uint16(b[i:])
	}
	return l, c.Err()
}

// parseSlices decodes the table of a PC. Bytes without its sanity number are [cursor.ErrNot].
func parseSlices(b []byte, base int64) (label, error) {
	var l label
	c := cursor.New("sun: slices", base, b)
	c.Seek(12)
	if c.Uint32() != sanity || c.Err() != nil {
		return l, cursor.ErrNot
	}
	if version := c.Uint32(); version != 1 {
		return l, cursor.Corrupt("sun: slices", base+16, "version 1", version)
	}
	l.name = c.String(8)
	l.sector = int64(c.Uint16())
	count := int(c.Uint16())
	if l.sector != 512 && l.sector != 4096 || count == 0 || count > 16 {
		return l, cursor.Corrupt("sun: slices", base+28, "sectors of 512 or 4096 bytes and up to 16 slices", fmt.Sprintf("%d and %d", l.sector, count))
	}
	c.Seek(72)
	for range count {
		l.slices = append(l.slices, slice{tag: c.Uint16(), flags: c.Uint16(), first: c.Uint32(), size: c.Uint32()})
	}
	l.tagged = true
	return l, c.Err()
}

func sparc(l label, at int64) volume.Table {
	t := volume.Table{Scheme: "sun", Offset: at, SectorSize: l.sector, Valid: l.sum == 0, Entries: entries(l, at, l.cylinder)}
	if l.sum != 0 {
		t.Findings = append(t.Findings, checksum.New(finding.At(at+510, 2), finding.Expected(0, fmt.Sprintf("0x%04x", l.sum))))
	}
	if !l.tagged {
		t.Findings = append(t.Findings, sanityBad.New(finding.At(at+188, 4)))
	}
	return t
}

func pc(l label, at int64) volume.Table {
	return volume.Table{Scheme: "sun", Copy: "x86", Offset: at + sector, SectorSize: l.sector, Valid: true, Entries: entries(l, at, 1)}
}

// entries counts the starts of slices in units of unit sectors. All factors have at most 32 bits.
func entries(l label, base, unit int64) []volume.Entry {
	var out []volume.Entry
	for i, s := range l.slices {
		if s.size == 0 {
			continue
		}
		e := volume.Entry{Number: i + 1, Extent: block.Extent{Offset: base + int64(s.first)*unit*l.sector, Length: int64(s.size) * l.sector}, Flags: uint64(s.flags)}
		if l.tagged {
			e.Type, e.TypeName = fmt.Sprintf("0x%02x", s.tag), typeNames[s.tag]
			e.Container = s.tag == wholeTag
		}
		if !e.Extent.Valid() {
			e.Extent = block.Extent{}
		}
		out = append(out, e)
	}
	return out
}

var typeNames = map[uint16]string{
	1: "boot", 2: "root", 3: "swap", 4: "usr", 5: "whole disk", 6: "stand", 7: "var", 8: "home", 9: "alternate sectors",
	10: "cache", 11: "reserved", 0x82: "Linux swap", 0x83: "Linux native", 0x8e: "Linux LVM", 0xfd: "Linux RAID",
}
