package vhd

import (
	"context"
	"encoding/hex"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "vhd", Title: "virtual hard disk (VHD)", Extensions: []string{".vhd", ".avhd", ".vpc"},
		Signatures: []probe.Probe{
			{ID: "vhd.copy", Bytes: footerMagic}, {ID: "vhd.footer", Bytes: footerMagic, At: -footerSize}, {ID: "vhd.footer511", Bytes: footerMagic, At: 1 - footerSize},
		},
		Open: Open,
	}
}

// disk is a dynamic or a differencing disk.
type disk struct {
	*header
	size   int64
	src    block.Source
	tables *mapped.Tables
	base   mapped.Base
	diff   bool
}

// opener opens a disk and those that it builds on.
type opener struct{ *container.Chain }

// Open opens the disk in src.
func Open(ctx context.Context, src block.Source, name string, open container.Opener) (*container.Image, error) {
	o := &opener{container.NewChain(name, open)}
	d, _, err := o.disk(ctx, src, name)
	if err != nil {
		return nil, err
	}
	return &container.Image{Format: "vhd", Source: d, SectorSize: sector, Files: o.Files, Findings: o.Findings}, nil
}

// disk opens the disk in src, and returns its ID too.
func (o *opener) disk(ctx context.Context, src block.Source, name string) (block.Source, [16]byte, error) {
	none := [16]byte{}
	if err := ctx.Err(); err != nil {
		return nil, none, err
	}
	f, copied, err := readFooter(src)
	if err != nil {
		return nil, none, err
	}
	o.Use(name)
	if copied {
		o.Tell(footerCopy.New())
	}
	if f.saved {
		o.Tell(saved.New())
	}
	if f.kind == fixed {
		return mapped.New(f.size, whole{block.Section(src, block.Extent{Length: src.Size() - footerSize}), block.Extent{Length: f.size}}), f.id, nil
	}
	b, err := cursor.Read(src, "vhd: header", f.header, headerSize, headerSize)
	var h *header
	if err == nil {
		h, err = parseHeader(b, f.header)
	}
	if err != nil {
		return nil, none, err
	}
	d := &disk{header: h, size: f.size, src: src, tables: mapped.NewTables(src), diff: f.kind == differencing}
	if d.diff {
		if err := o.parent(ctx, d, name); err != nil {
			return nil, none, err
		}
	}
	return mapped.New(d.size, d), f.id, nil
}

// whole is a fixed disk.
type whole struct {
	src block.Source
	e   block.Extent
}

func (w whole) Locate(int64) (mapped.Piece, error) {
	return mapped.Piece{Extent: w.e, Kind: mapped.Stored, Source: w.src}, nil
}

// maxPath bounds the path of a parent, in bytes.
const maxPath = 4096

// names returns what the parent may be called.
func (d *disk) names() []string {
	var names []string
	for _, platform := range []string{"W2ru", "W2ku"} {
		for _, l := range d.locators {
			if l.platform != platform || l.length <= 0 || l.length > maxPath {
				continue
			}
			if b, err := cursor.Read(d.src, "vhd: parent", l.at, l.length, maxPath); err == nil {
				names = append(names, utf16Text(b, false))
			}
		}
	}
	return append(names, d.parentName)
}

// parent opens the disk that d builds on.
func (o *opener) parent(ctx context.Context, d *disk, path string) (err error) {
	d.base.Source, err = o.Parent(ctx, path, container.Parent{Paths: d.names(), IDs: []string{hex.EncodeToString(d.header.parent[:])},
		Open: func(ctx context.Context, src block.Source, name string) (block.Source, string, error) {
			base, id, err := o.disk(ctx, src, name)
			return base, hex.EncodeToString(id[:]), err
		}})
	d.base.Missing = d.base.Source == nil
	return err
}

const unused = 0xffffffff

// Locate says what the disk stands on at off.
func (d *disk) Locate(off int64) (mapped.Piece, error) {
	i := off / d.block
	e := block.Extent{Offset: i * d.block, Length: d.block}.Intersect(block.Extent{Length: d.size})
	if i >= d.entries {
		return mapped.Piece{Extent: block.Between(e.Offset, d.size)}, cursor.Corrupt("vhd: table of blocks", d.table, "an entry for each block", d.entries)
	}
	at := d.table + 4*i
	v, err := d.tables.Uint32BE("vhd: table of blocks", at)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	if v == unused {
		return d.base.Piece(e, off), nil
	}
	bitmap := (d.block/sector/8 + sector - 1) / sector * sector
	data := int64(v)*sector + bitmap
	if data >= d.src.Size() || v == 0 {
		return mapped.Piece{Extent: e}, cursor.Corrupt("vhd: table of blocks", at, "a place inside of the file", v)
	}
	if !d.diff {
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: d.src, At: data}, nil
	}
	return d.sectors(off, e, data-bitmap, data)
}

// sectors says where the sectors around off of a block stand: a bit for each tells whether it is here or in the parent.
func (d *disk) sectors(off int64, e block.Extent, bits, data int64) (mapped.Piece, error) {
	in := func(i int64) (bool, error) {
		b, err := d.tables.Bytes("vhd: bitmap of a block", bits+i/8, 1)
		return err == nil && b[0]&(0x80>>(i%8)) != 0, err
	}
	first := (off - e.Offset) / sector
	here, err := in(first)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	last := first + 1
	for ; last*sector < e.Length; last++ {
		if next, err := in(last); err != nil || next != here {
			break
		}
	}
	p := block.Between(e.Offset+first*sector, e.Offset+last*sector).Intersect(e)
	if !here {
		return d.base.Piece(p, off), nil
	}
	return mapped.Piece{Extent: p, Kind: mapped.Stored, Source: d.src, At: data + first*sector}, nil
}
