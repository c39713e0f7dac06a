package sgi

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
	headerSize = 512
	sector     = 512
	count      = 16
)

// Types of partitions that hold others.
const (
	volumeHeader = 0
	wholeVolume  = 6
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{checksum}

var checksum = &finding.Def{Code: "sgi.checksum", Severity: finding.Error,
	Text: "the SGI volume header has a wrong checksum (what should be 0 is {found})"}

// Scheme returns the row for the table of schemes.
func Scheme() volume.Scheme {
	return volume.Scheme{
		Name:   "sgi",
		Probes: []probe.Probe{{ID: "sgi.header", Bytes: []byte{0x0B, 0xE5, 0xA9, 0x41}, Align: 512}},
		Read:   read,
	}
}

func read(ctx context.Context, src block.Source, _ []probe.Hit) ([]volume.Table, error) {
	b, err := cursor.Read(src, "sgi: volume header", 0, headerSize, headerSize)
	if err != nil {
		return nil, ctx.Err()
	}
	h, err := parseHeader(b, 0)
	if err != nil {
		return nil, ctx.Err()
	}
	t := volume.Table{Scheme: "sgi", SectorSize: sector, Valid: h.sum == 0, Entries: h.entries}
	if h.sum != 0 {
		t.Findings = append(t.Findings, checksum.New(finding.At(504, 4), finding.Expected(0, fmt.Sprintf("0x%08x", h.sum))))
	}
	return []volume.Table{t}, ctx.Err()
}

type header struct {
	sum     uint32
	entries []volume.Entry
}

// parseHeader decodes the volume header. Bytes without its magic number are [cursor.ErrNot].
func parseHeader(b []byte, base int64) (header, error) {
	var h header
	c := cursor.New("sgi: volume header", base, b)
	if c.Uint32BE() != 0x0BE5A941 || c.Err() != nil {
		return h, cursor.ErrNot
	}
	root := int(c.Uint16BE())
	c.Seek(312)
	for i := range count {
		blocks, first, kind := c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
		if blocks == 0 {
			continue
		}
		h.entries = append(h.entries, volume.Entry{
			Number: i + 1, Extent: block.Extent{Offset: int64(first) * sector, Length: int64(blocks) * sector},
			Type: fmt.Sprintf("0x%02x", kind), TypeName: typeNames[kind], Active: i == root && kind != volumeHeader,
			Container: kind == volumeHeader || kind == wholeVolume,
		})
	}
	if c.Err() != nil {
		return h, c.Err()
	}
	for i := 0; i+4 <= headerSize; i += 4 {
		h.sum += binary.BigEndian.Uint32(b[i:])
	}
	return h, nil
}

var typeNames = map[uint32]string{
	volumeHeader: "volume header", 1: "track replacements", 2: "sector replacements", 3: "raw", 4: "BSD", 5: "System V",
	wholeVolume: "whole volume", 7: "EFS", 8: "logical volume", 9: "raw logical volume", 10: "XFS", 11: "XFS log", 12: "XLV",
	13: "XVM", 0x82: "Linux swap", 0x83: "Linux native", 0x8e: "Linux LVM", 0xfd: "Linux RAID",
}
