package vhdx

import (
	"context"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/finding"
)

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "vhdx", Title: "virtual hard disk (VHDX)", Extensions: []string{".vhdx", ".avhdx"},
		Signatures: []probe.Probe{{ID: "vhdx.file", Bytes: fileMagic}},
		Open:       Open,
	}
}

// disk is the disk in an image.
type disk struct {
	*metadata
	src    block.Source
	table  block.Extent // of blocks
	chunk  int64        // blocks for each bitmap of sectors
	tables *mapped.Tables
	base   mapped.Base
	id     guid
}

// opener opens a disk and those that it builds on.
type opener struct{ *container.Chain }

// Open opens the disk in src.
func Open(ctx context.Context, src block.Source, name string, open container.Opener) (*container.Image, error) {
	o := &opener{container.NewChain(name, open)}
	d, err := o.disk(ctx, src, name)
	if err != nil {
		return nil, err
	}
	return &container.Image{Format: "vhdx", Source: mapped.New(d.size, d), SectorSize: d.sector, Files: o.Files, Findings: o.Findings}, nil
}

func (o *opener) disk(ctx context.Context, src block.Source, name string) (*disk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	magic := make([]byte, len(fileMagic))
	if n, err := src.ReadAt(magic, 0); n < len(magic) && err != nil && src.Size() >= int64(len(magic)) {
		return nil, err
	}
	if string(magic) != string(fileMagic) {
		return nil, cursor.ErrNot
	}
	h, one, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	o.Use(name)
	if one {
		o.Tell(headerCopy.New())
	}
	if h.log != (guid{}) {
		after, count, err := replay(src, h)
		switch {
		case err != nil && !bearable(err):
			return nil, err
		case err != nil:
			o.Tell(logBroken.New(finding.Arg("why", err)))
		default:
			src = after
			o.Tell(logReplayed.New(finding.Arg("count", count)))
		}
	}
	regions, copied, err := readRegions(src)
	if err != nil {
		return nil, err
	}
	if copied {
		o.Tell(regionCopy.New())
	}
	if regions[idMetadata].Length == 0 || regions[idBlocks].Length == 0 {
		return nil, cursor.Corrupt("vhdx: region table", region1, "metadata and a table of blocks", fmt.Sprintf("%d regions", len(regions)))
	}
	m, err := readMetadata(src, regions[idMetadata])
	if err != nil {
		return nil, err
	}
	d := &disk{metadata: m, src: src, table: regions[idBlocks], chunk: (1 << 23) * m.sector / m.block, tables: mapped.NewTables(src), id: h.data}
	if m.hasParent {
		if err := o.parent(ctx, d, name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// parent opens the disk that d builds on.
func (o *opener) parent(ctx context.Context, d *disk, path string) (err error) {
	p := container.Parent{Open: func(ctx context.Context, src block.Source, name string) (block.Source, string, error) {
		base, err := o.disk(ctx, src, name)
		if err != nil {
			return nil, "", err
		}
		return mapped.New(base.size, base), base.id.String(), nil
	}}
	for _, key := range []string{"relative_path", "absolute_win32_path", "volume_path"} {
		if way := d.parent[key]; way != "" {
			p.Paths = append(p.Paths, way)
		}
	}
	for _, key := range []string{"parent_linkage", "parent_linkage2"} {
		if id := strings.Trim(d.parent[key], "{}"); id != "" {
			p.IDs = append(p.IDs, id)
		}
	}
	if len(p.IDs) == 0 {
		p.IDs = []string{"unknown"} // any parent could be another state
	}
	d.base.Source, err = o.Parent(ctx, path, p)
	d.base.Missing = d.base.Source == nil
	return err
}

// States of a block.
const (
	notPresent   = 0
	undefined    = 1
	zero         = 2
	unmapped     = 3
	fullyPresent = 6
	partPresent  = 7
)

// Locate says what the disk stands on at off.
func (d *disk) Locate(off int64) (mapped.Piece, error) {
	i := off / d.block
	e := block.Extent{Offset: i * d.block, Length: d.block}.Intersect(block.Extent{Length: d.size})
	state, at, err := d.entry(i + i/d.chunk)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	switch state {
	case notPresent:
		return d.base.Piece(e, off), nil
	case undefined, zero, unmapped:
		return mapped.Piece{Extent: e}, nil
	case fullyPresent:
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: d.src, At: at}, nil
	case partPresent:
		return d.sectors(off, i, e, at)
	}
	return mapped.Piece{Extent: e}, cursor.Corrupt("vhdx: table of blocks", d.table.Offset, "a state that is known", state)
}

// entry reads an entry of the table of blocks: its state, and where it stands in the file.
func (d *disk) entry(i int64) (state uint64, at int64, err error) {
	place := d.table.Offset + 8*i
	if 8*i+8 > d.table.Length {
		return 0, 0, cursor.Corrupt("vhdx: table of blocks", place, "an entry for each block", d.table.Length/8)
	}
	v, err := d.tables.Uint64("vhdx: table of blocks", place)
	if err != nil {
		return 0, 0, err
	}
	state, at = v&7, int64(v>>20)<<20
	if state >= fullyPresent && (at <= 0 || at >= d.src.Size()) {
		return 0, 0, cursor.Corrupt("vhdx: table of blocks", place, "a place inside of the file", fmt.Sprintf("%#x", v))
	}
	return state, at, nil
}

// maxJoined is how many sectors are looked at for one piece.
const maxJoined = 4096

// sectors says where the sectors around off of a block stand: a bit for each tells whether it is here or in the parent.
func (d *disk) sectors(off, i int64, e block.Extent, data int64) (mapped.Piece, error) {
	state, bits, err := d.entry((i/d.chunk+1)*(d.chunk+1) - 1)
	if err == nil && state != fullyPresent {
		err = cursor.Corrupt("vhdx: table of blocks", d.table.Offset, "a bitmap of sectors", state)
	}
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	before := i % d.chunk * (d.block / d.sector) // sectors of the chunk
	in := func(s int64) (bool, error) {
		b, err := d.tables.Bytes("vhdx: bitmap of sectors", bits+(before+s)/8, 1)
		return err == nil && b[0]>>((before+s)%8)&1 != 0, err
	}
	first := (off - e.Offset) / d.sector
	here, err := in(first)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	last := first + 1
	for ; last*d.sector < e.Length && last < first+maxJoined; last++ {
		if next, err := in(last); err != nil || next != here {
			break
		}
	}
	p := block.Between(e.Offset+first*d.sector, e.Offset+last*d.sector).Intersect(e)
	if !here {
		return d.base.Piece(p, off), nil
	}
	return mapped.Piece{Extent: p, Kind: mapped.Stored, Source: d.src, At: data + first*d.sector}, nil
}
