package qcow2

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

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
		Name: "qcow2", Title: "QEMU disk image (qcow2)", Extensions: []string{".qcow2", ".qcow"},
		Signatures: []probe.Probe{{ID: "qcow2.header", Bytes: signature}},
		Open:       Open,
	}
}

// image is the disk in an image without what it builds on.
type image struct {
	*header
	src    block.Source
	data   block.Source // src, or the external data file; nil when that is missing
	tables *mapped.Tables
	unpack unpacker
	base   mapped.Base
}

// Open opens the image in src.
func Open(ctx context.Context, src block.Source, name string, open container.Opener) (*container.Image, error) {
	o := &opener{container.NewChain(name, open)}
	disk, err := o.image(ctx, src, name)
	if err != nil {
		return nil, err
	}
	return &container.Image{Format: "qcow2", Source: disk, Files: o.Files, Findings: o.Findings}, nil
}

// opener opens an image and those that it builds on.
type opener struct{ *container.Chain }

func (o *opener) image(ctx context.Context, src block.Source, name string) (*mapped.Disk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := readHeader(src)
	if err != nil {
		return nil, err
	}
	o.Use(name)
	im := &image{header: h, src: src, data: src, tables: mapped.NewTables(src)}
	im.unpack.zstd = h.zstd
	if h.features&bitDirty != 0 {
		o.Tell(dirty.New())
	}
	if h.features&bitCorrupt != 0 {
		o.Tell(corrupt.New())
	}
	if len(o.Files) == 1 {
		o.snapshots(im)
	}
	if covered := h.l1Entries * h.perTable(); covered < (h.size-1)>>h.clusterBits+1 {
		o.Tell(shortTable.New(finding.Arg("count", h.size-covered<<h.clusterBits)))
	}
	if h.features&bitDataFile != 0 {
		if im.data, err = o.dataFile(ctx, h, name); err != nil {
			return nil, err
		}
	}
	if h.backing != "" {
		if im.base.Source, err = o.backing(ctx, h, name); err != nil {
			return nil, err
		}
		im.base.Missing = im.base.Source == nil
	}
	return mapped.New(h.size, im), nil
}

// dataFile opens the external data file; nil when it does not lie beside the image.
func (o *opener) dataFile(ctx context.Context, h *header, path string) (block.Source, error) {
	src, name, _, err := o.Beside(h.dataFile)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		o.Tell(dataMissing.New(finding.Arg("name", name), finding.Arg("path", path)))
		return nil, nil
	}
	o.Use(name)
	return src, nil
}

// backing opens what an image builds on; nil when that cannot be.
func (o *opener) backing(ctx context.Context, h *header, path string) (block.Source, error) {
	return o.Parent(ctx, path, container.Parent{Paths: []string{h.backing}, Open: func(ctx context.Context, src block.Source, name string) (block.Source, string, error) {
		if h.backingKind != "raw" {
			disk, err := o.image(ctx, src, name)
			if err == nil || !errors.Is(err, cursor.ErrNot) || h.backingKind != "" {
				return disk, "", err
			}
		}
		o.Use(name)
		return src, "", nil
	}})
}

const (
	placeMask  = 0x00fffffffffffe00
	bitPacked  = 1 << 62
	bitZero    = 1
	maxJoined  = 512 // entries of a table that are looked at for one piece
	subPerUnit = 32
)

// Locate says what the disk stands on at off.
func (im *image) Locate(off int64) (mapped.Piece, error) {
	span := im.perTable() << im.clusterBits // of an L2 table
	index := off / span
	table := block.Extent{Offset: index * span, Length: span}.Intersect(block.Extent{Length: im.size})
	if index >= im.l1Entries {
		return mapped.Piece{Extent: block.Between(table.Offset, im.size)}, cursor.Corrupt("qcow2: L1 table", im.l1, "an entry for each place", im.l1Entries)
	}
	l1, err := im.tables.Uint64BE("qcow2: L1 table", im.l1+8*index)
	if err != nil {
		return mapped.Piece{Extent: table}, err
	}
	at := int64(l1 & placeMask)
	switch {
	case at == 0 && l1<<1 == 0:
		return im.base.Piece(table, off), nil
	case at&(im.cluster()-1) != 0 || at == 0 || at >= im.src.Size() || l1&^(1<<63|placeMask) != 0:
		return mapped.Piece{Extent: table}, cursor.Corrupt("qcow2: L1 table", im.l1+8*index, "the place of a cluster of the file", fmt.Sprintf("%#x", l1))
	}
	return im.entry(off, table, at)
}

// entry says what the L2 table at a place of the file has for off. Like neighbours become one piece.
func (im *image) entry(off int64, table block.Extent, at int64) (mapped.Piece, error) {
	first := (off - table.Offset) >> im.clusterBits
	x, err := im.decode(table, at, first, off)
	if err != nil {
		return x, err
	}
	if im.entrySize() > 8 {
		return im.sub(off, at+16*first, x)
	}
	return mapped.Joined(x, min(im.perTable()-first, maxJoined)-1, func(i int64) (mapped.Piece, error) {
		return im.decode(table, at, first+1+i, table.Offset+(first+1+i)<<im.clusterBits)
	}), nil
}

// decode says what entry i of an L2 table means for off.
func (im *image) decode(table block.Extent, at, i, off int64) (mapped.Piece, error) {
	e := block.Extent{Offset: table.Offset + i<<im.clusterBits, Length: im.cluster()}.Intersect(block.Extent{Length: im.size})
	place := at + i*im.entrySize()
	v, err := im.tables.Uint64BE("qcow2: L2 table", place)
	if err != nil {
		return mapped.Piece{Extent: e}, err
	}
	bad := func(expected string) (mapped.Piece, error) {
		return mapped.Piece{Extent: e}, cursor.Corrupt("qcow2: L2 table", place, expected, fmt.Sprintf("%#x", v))
	}
	if v&bitPacked != 0 {
		return im.packed(e, v, place)
	}
	host := int64(v & placeMask)
	extended := im.entrySize() > 8
	switch {
	case v&^(1<<63|placeMask|bitZero) != 0 || v&bitZero != 0 && (im.version < 3 || extended):
		return bad("an entry without bits that mean nothing")
	case v&bitZero != 0:
		return mapped.Piece{Extent: e}, nil
	case host == 0 && im.features&bitDataFile == 0 || v == 0:
		return im.base.Piece(e, off), nil
	case host&(im.cluster()-1) != 0:
		return bad("the place of a cluster")
	case im.data == nil:
		return mapped.LostPiece(e), nil
	}
	// A place behind the end is what a cut file leaves.
	return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: im.data, At: host}, nil
}

// sub narrows a piece to the subclusters around off that are like it, by the bitmap of an extended entry.
func (im *image) sub(off, place int64, x mapped.Piece) (mapped.Piece, error) {
	if x.Kind == mapped.Packed || x.Extent.Length == 0 {
		return x, nil
	}
	base := off &^ (im.cluster() - 1)
	whole := block.Extent{Offset: base, Length: im.cluster()}.Intersect(block.Extent{Length: im.size})
	map64, err := im.tables.Uint64BE("qcow2: L2 table", place+8)
	if err != nil {
		return mapped.Piece{Extent: whole}, err
	}
	v, err := im.tables.Uint64BE("qcow2: L2 table", place)
	if err != nil {
		return mapped.Piece{Extent: whole}, err
	}
	stored, zero := uint32(map64), uint32(map64>>32)
	if stored&zero != 0 || stored != 0 && v&placeMask == 0 && im.features&bitDataFile == 0 {
		return mapped.Piece{Extent: whole}, cursor.Corrupt("qcow2: L2 table", place+8, "subclusters that are stored or zero", fmt.Sprintf("%#x", map64))
	}
	size := im.cluster() / subPerUnit
	i := int(off-base) / int(size)
	state := func(i int) uint32 { return bits.RotateLeft32(stored, -i)&1 | bits.RotateLeft32(zero, -i)&1<<1 }
	j := i + 1
	for j < subPerUnit && state(j) == state(i) {
		j++
	}
	e := block.Between(base+int64(i)*size, base+int64(j)*size).Intersect(block.Extent{Length: im.size})
	switch state(i) {
	case 1:
		if im.data == nil {
			return mapped.LostPiece(e), nil
		}
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: im.data, At: int64(v&placeMask) + e.Offset - base}, nil
	case 2:
		return mapped.Piece{Extent: e}, nil
	}
	return im.base.Piece(e, off), nil
}

// packed describes a cluster that is stored packed.
func (im *image) packed(e block.Extent, v uint64, place int64) (mapped.Piece, error) {
	shift := 62 - (im.clusterBits - 8)
	at := int64(v & (1<<shift - 1))
	sectors := int64(v>>shift) & (1<<(im.clusterBits-8) - 1)
	n := (sectors+1)*512 - at&511
	if im.features&bitDataFile != 0 || at >= im.src.Size() {
		return mapped.Piece{Extent: e}, cursor.Corrupt("qcow2: L2 table", place, "a packed cluster inside of the file", fmt.Sprintf("%#x", v))
	}
	n = min(n, im.src.Size()-at) // the last sector of a file need not be whole
	return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
		b, err := mapped.ReadPacked(im.src, "qcow2: packed cluster", at, n)
		if err != nil {
			return err
		}
		return im.unpack.run("qcow2: packed cluster", at, b, dst)
	}}, nil
}

// toldSnapshots is how many snapshots are named, maxSnapshot how many bytes of one are read.
const (
	toldSnapshots = 32
	maxSnapshot   = 1 << 12
)

// snapshots names the snapshots that stand in an image.
func (o *opener) snapshots(im *image) {
	at := im.snapshots
	for i := range min(im.snapshotN, toldSnapshots) {
		b := make([]byte, maxSnapshot)
		n, _ := im.src.ReadAt(b, at) // one that cannot be read is a broken one
		name, when, size, err := parseSnapshot(b[:n], at)
		if err != nil {
			o.Tell(snapshotsBroken.New(finding.Arg("why", fmt.Sprintf("number %d: %v", i+1, err))))
			return
		}
		o.Tell(snapshot.New(finding.Arg("name", fmt.Sprintf("%q", name)), finding.Arg("time", when.UTC().Format("2006-01-02 15:04:05"))))
		at += size
	}
	if more := im.snapshotN - toldSnapshots; more > 0 {
		o.Tell(snapshotsMore.New(finding.Arg("count", more)))
	}
}
