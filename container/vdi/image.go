package vdi

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
)

var signature = []byte{0x7f, 0x10, 0xda, 0xbe}

const (
	signatureAt = 0x40
	headerSize  = 0x200
)

// Kinds of disks.
const (
	differencing = 4
)

// uuid is an ID as it stands in the file.
type uuid [16]byte

// String writes an ID as VirtualBox does: the first three groups stand with their low byte first.
func (u uuid) String() string {
	return fmt.Sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%x-%x", u[3], u[2], u[1], u[0], u[5], u[4], u[7], u[6], u[8:10], u[10:])
}

// header says what disk an image holds and where.
type header struct {
	kind   uint32
	table  int64
	data   int64
	sector int64
	size   int64 // of the disk in bytes
	block  int64
	extra  int64 // bytes before each block
	blocks int64
	id     uuid
	parent uuid
}

// parseHeader reads the first bytes of an image.
func parseHeader(b []byte) (*header, error) {
	if len(b) < signatureAt+4 || string(b[signatureAt:signatureAt+4]) != string(signature) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("vdi: header", 0, b)
	c.Seek(signatureAt + 4)
	version := c.Uint32()
	c.Skip(4)
	h := &header{kind: c.Uint32()}
	c.Skip(4 + 256)
	h.table, h.data = int64(c.Uint32()), int64(c.Uint32())
	c.Skip(12)
	h.sector = int64(c.Uint32())
	c.Skip(4)
	h.size = int64(c.Uint64())
	h.block, h.extra, h.blocks = int64(c.Uint32()), int64(c.Uint32()), int64(c.Uint32())
	c.Skip(4)
	copy(h.id[:], c.Bytes(16))
	c.Skip(16)
	copy(h.parent[:], c.Bytes(16)) // the link; the next one is a copy for snapshots
	if err := c.Err(); err != nil {
		return nil, err
	}
	bad := func(expected, found any) (*header, error) {
		return nil, cursor.Corrupt("vdi: header", 0, expected, found)
	}
	switch {
	case version>>16 == 0:
		return nil, &container.UnsupportedError{What: "version 0 of the format", Next: "convert it with `VBoxManage clonemedium`"}
	case version>>16 != 1:
		return bad("version 1", fmt.Sprintf("%d.%d", version>>16, version&0xffff))
	case h.kind < 1 || h.kind > differencing:
		return bad("a dynamic, fixed, undo or differencing disk", h.kind)
	case h.size <= 0 || h.size > 1<<60:
		return bad("a size that can be", uint64(h.size))
	case h.block < 1<<12 || h.block > 1<<30 || h.block&(h.block-1) != 0 || h.extra > 1<<20:
		return bad("blocks of a power of two", h.block)
	case h.sector != 512 && h.sector != 4096 && h.sector != 0:
		return bad("sectors of 512 or 4096 bytes", h.sector)
	}
	return h, nil
}

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "vdi", Title: "VirtualBox disk image (VDI)", Extensions: []string{".vdi"},
		Signatures: []probe.Probe{{ID: "vdi.header", Bytes: signature, At: signatureAt}},
		Open:       Open,
	}
}

// disk is the disk in an image.
type disk struct {
	*header
	src    block.Source
	tables *mapped.Tables
	base   mapped.Base
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
	return &container.Image{Format: "vdi", Source: mapped.New(d.size, d), SectorSize: d.sector, Files: o.Files, Findings: o.Findings}, nil
}

func (o *opener) disk(ctx context.Context, src block.Source, name string) (*disk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := make([]byte, min(headerSize, src.Size()))
	n, err := src.ReadAt(b, 0)
	if n < len(b) && err != nil {
		if _, ok := block.IsUnreadable(err); !ok {
			return nil, err
		}
	}
	h, err := parseHeader(b[:n])
	if err != nil {
		return nil, err
	}
	o.Use(name)
	d := &disk{header: h, src: src, tables: mapped.NewTables(src)}
	if h.kind == differencing {
		if err := o.parent(ctx, d, name); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// parent opens the disk that d builds on.
func (o *opener) parent(ctx context.Context, d *disk, path string) (err error) {
	id := d.header.parent.String()
	d.base.Source, err = o.Parent(ctx, path, container.Parent{Paths: []string{"{" + id + "}.vdi"}, IDs: []string{id},
		Open: func(ctx context.Context, src block.Source, name string) (block.Source, string, error) {
			base, err := o.disk(ctx, src, name)
			if err != nil {
				return nil, "", err
			}
			return mapped.New(base.size, base), base.id.String(), nil
		}})
	d.base.Missing = d.base.Source == nil
	return err
}

// Entries of the table that are no places.
const (
	unwritten = 0xffffffff
	zero      = 0xfffffffe
)

// maxJoined is how many blocks are looked at for one piece.
const maxJoined = 64

// Locate says what the disk stands on at off.
func (d *disk) Locate(off int64) (mapped.Piece, error) {
	return mapped.Run(off, d.size, maxJoined, d.at)
}

func (d *disk) at(off int64) (mapped.Piece, error) {
	i := off / d.block
	e := block.Extent{Offset: i * d.block, Length: d.block}.Intersect(block.Extent{Length: d.size})
	place := d.table + 4*i
	if i >= d.blocks {
		return mapped.Piece{Extent: block.Between(e.Offset, d.size)}, cursor.Corrupt("vdi: table", place, "an entry for each block", d.blocks)
	}
	v, err := d.tables.Uint32("vdi: table", place)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	switch v {
	case unwritten:
		return d.base.Piece(e, off), nil
	case zero:
		return mapped.Piece{Extent: e}, nil
	}
	at := d.data + int64(v)*(d.block+d.extra) + d.extra
	if at >= d.src.Size() || int64(v) >= d.blocks {
		return mapped.Piece{Extent: e}, cursor.Corrupt("vdi: table", place, "a block inside of the file", v)
	}
	return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: d.src, At: at}, nil
}
