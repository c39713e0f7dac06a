package vmdk

import (
	"bytes"
	"context"
	"fmt"
	"sort"

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
		Name: "vmdk", Title: "VMware disk image (VMDK)", Extensions: []string{".vmdk"},
		Signatures: []probe.Probe{
			{ID: "vmdk.sparse", Bytes: append(bytes.Clone(sparseMagic), 1, 0, 0, 0)}, {ID: "vmdk.sparse2", Bytes: append(bytes.Clone(sparseMagic), 2, 0, 0, 0)},
			{ID: "vmdk.sparse3", Bytes: append(bytes.Clone(sparseMagic), 3, 0, 0, 0)}, {ID: "vmdk.descriptor", Bytes: descriptorMagic},
			{ID: "vmdk.esx", Bytes: []byte("COWD\x01\x00\x00\x00")}, {ID: "vmdk.sesparse", Bytes: seSparse},
		},
		Open: Open,
	}
}

var seSparse = []byte{0xbe, 0xba, 0xfe, 0xca, 0, 0, 0, 0} // the magic of SESPARSE, 0xcafebabe

// disk is a disk of some extents.
type disk struct {
	size    int64
	extents []extent
	base    mapped.Base
}

// extent is a part of a disk.
type extent struct {
	place  block.Extent // on the disk
	sparse *sparseExtent
	flat   block.Source // nil for all else
	at     int64        // where it begins in flat
	zero   bool
}

// opener opens a disk and those that it builds on.
type opener struct{ *container.Chain }

// Open opens the disk of which src is the descriptor, or the only extent.
func Open(ctx context.Context, src block.Source, name string, open container.Opener) (*container.Image, error) {
	o := &opener{container.NewChain(name, open)}
	d, _, err := o.disk(ctx, src, name)
	if err != nil {
		return nil, err
	}
	return &container.Image{Format: "vmdk", Source: d, SectorSize: sector, Files: o.Files, Findings: o.Findings}, nil
}

func (o *opener) disk(ctx context.Context, src block.Source, name string) (*mapped.Disk, *descriptor, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	head := make([]byte, 8)
	n, err := src.ReadAt(head, 0)
	if n < len(head) && err != nil && src.Size() >= int64(len(head)) {
		return nil, nil, err
	}
	if bytes.HasPrefix(head, []byte("COWD")) || bytes.Equal(head, seSparse) {
		return nil, nil, &container.UnsupportedError{What: "a sparse extent of ESX", Next: "convert it with `vmkfstools` or `qemu-img convert -O raw`"}
	}
	if bytes.HasPrefix(head, sparseMagic) {
		return o.single(ctx, src, name)
	}
	b, err := read(src, 0, maxDescriptor)
	if err != nil {
		return nil, nil, err
	}
	text, err := parseDescriptor(b)
	if err != nil {
		return nil, nil, err
	}
	o.Use(name)
	d := &disk{}
	for _, line := range text.extents {
		x, err := o.extent(ctx, name, line)
		if err != nil {
			return nil, nil, err
		}
		x.place = block.Extent{Offset: d.size, Length: line.sectors * sector}
		if d.size = x.place.End(); d.size > 1<<60 {
			return nil, nil, cursor.Corrupt("vmdk: descriptor", -1, "a size that can be", d.size)
		}
		d.extents = append(d.extents, x)
	}
	if err := o.parent(ctx, d, text, name); err != nil {
		return nil, nil, err
	}
	return mapped.New(d.size, d), text, nil
}

// read returns up to limit bytes at off: fewer where the file ends.
func read(src block.Source, off, limit int64) ([]byte, error) {
	n := min(limit, src.Size()-off)
	if off < 0 || n <= 0 {
		return nil, nil
	}
	return cursor.Read(src, "vmdk: descriptor", off, n, limit)
}

// single opens a disk that is one sparse extent with its descriptor in it.
func (o *opener) single(ctx context.Context, src block.Source, name string) (*mapped.Disk, *descriptor, error) {
	x, err := newSparse(src)
	if err != nil {
		return nil, nil, err
	}
	o.Use(name)
	if x.unclean {
		o.Tell(unclean.New())
	}
	d := &disk{size: x.size(), extents: []extent{{place: block.Extent{Length: x.size()}, sparse: x}}}
	var text *descriptor
	if x.text > 0 && x.text < 1<<50 && x.texN > 0 && x.texN <= maxDescriptor/sector {
		if b, err := read(src, x.text*sector, x.texN*sector); err == nil {
			text, _ = parseDescriptor(b) // one that is broken is a lost one
		}
	}
	if text == nil && x.flags&flagPacked == 0 { // packed disks build on none
		o.Tell(descriptorLost.New())
		d.base.Missing = true
	}
	if text != nil {
		if err := o.parent(ctx, d, text, name); err != nil {
			return nil, nil, err
		}
	}
	return mapped.New(d.size, d), text, nil
}

// extent opens an extent that a descriptor names. One that cannot be used has no source.
func (o *opener) extent(ctx context.Context, path string, line extentLine) (extent, error) {
	if line.kind == "ZERO" {
		return extent{zero: true}, nil
	}
	count := finding.Arg("count", line.sectors*sector)
	src, name, moved, err := o.Beside(line.name)
	if err != nil {
		if ctx.Err() != nil {
			return extent{}, ctx.Err()
		}
		o.Tell(extentMissing.New(finding.Arg("name", name), count))
		return extent{}, nil
	}
	if moved {
		o.Tell(extentMoved.New(finding.Arg("name", line.name)))
	}
	broken := func(why any) (extent, error) {
		o.Tell(extentBroken.New(finding.Arg("name", name), count, finding.Arg("why", why)))
		return extent{}, nil
	}
	switch line.kind {
	case "FLAT", "VMFS":
		o.Use(name)
		return extent{flat: src, at: line.offset * sector}, nil
	case "SPARSE":
		if name == path {
			return broken("a descriptor is no extent")
		}
		x, err := newSparse(src)
		if err != nil {
			if ctx.Err() != nil {
				return extent{}, ctx.Err()
			}
			return broken(err)
		}
		if x.capacity < line.sectors {
			return broken(fmt.Sprintf("it has %d sectors, expected %d", x.capacity, line.sectors))
		}
		o.Use(name)
		return extent{sparse: x}, nil
	}
	return broken("extents of the kind " + line.kind + " are not read")
}

// parent opens the disk that d builds on.
func (o *opener) parent(ctx context.Context, d *disk, text *descriptor, path string) (err error) {
	if text.parent == noParent {
		return nil
	}
	d.base.Source, err = o.Parent(ctx, path, container.Parent{Paths: []string{text.parentName}, IDs: []string{idText(text.parent)},
		Open: func(ctx context.Context, src block.Source, name string) (block.Source, string, error) {
			base, its, err := o.disk(ctx, src, name)
			if err != nil {
				return nil, "", err
			}
			if its == nil {
				return base, "unknown", nil
			}
			return base, idText(its.id), nil
		}})
	d.base.Missing = d.base.Source == nil
	return err
}

func idText(id uint32) string { return fmt.Sprintf("%08x", id) }

// Locate says what the disk stands on at off.
func (d *disk) Locate(off int64) (mapped.Piece, error) {
	i := sort.Search(len(d.extents), func(i int) bool { return d.extents[i].place.End() > off })
	x := d.extents[i]
	switch {
	case x.zero:
		return mapped.Piece{Extent: x.place}, nil
	case x.flat != nil:
		return mapped.Piece{Extent: x.place, Kind: mapped.Stored, Source: x.flat, At: x.at}, nil
	case x.sparse == nil:
		return mapped.LostPiece(x.place), nil
	}
	p, err := x.sparse.locate(off-x.place.Offset, func(e block.Extent, off int64) mapped.Piece {
		p := d.base.Piece(e.Shift(x.place.Offset), off+x.place.Offset)
		p.Extent = p.Extent.Shift(-x.place.Offset)
		return p
	})
	p.Extent = p.Extent.Shift(x.place.Offset).Intersect(x.place)
	return p, err
}
