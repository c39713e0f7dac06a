package hfsplus

import (
	"context"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filesystem"
)

// probes find volume headers, and their copies, by signature and version.
func probes() []probe.Probe {
	return []probe.Probe{
		{ID: "hfsplus.header", Bytes: []byte("H+\x00\x04"), At: headerAt, Align: 512},
		{ID: "hfsplus.headerx", Bytes: []byte("HX\x00\x05"), At: headerAt, Align: 512},
	}
}

// locate turns a volume header into the volume that it belongs to: the one that begins 1 KiB before it or, when it is
// the copy, the one that ends 1 KiB behind it. Which of both it is, the catalogue decides, whose header node stands
// at a known distance from the true start only.
func locate(ctx context.Context, src block.Source, hit probe.Hit) ([]filesystem.Candidate, error) {
	h, err := readHeader(src, hit.Offset+headerAt)
	if err != nil {
		return nil, ctx.Err()
	}
	catalog := func(start int64) bool {
		if start < 0 {
			return false
		}
		p := make([]byte, minNode)
		if n, _ := src.ReadAt(p, start+int64(h.catalog.extents[0].start)*h.blockSize); n < len(p) {
			return false
		}
		_, err := parseTreeHeader(p, 0)
		return err == nil
	}
	c := filesystem.Candidate{Kind: "hfsplus", Confirmed: 1, Extent: block.Extent{Offset: hit.Offset, Length: h.size()}}
	if h.x {
		c.Kind = "hfsx"
	}
	back := hit.Offset + 2*headerAt - h.size()
	switch {
	case catalog(hit.Offset):
		c.Confirmed++
	case catalog(back):
		c.Extent.Offset = back
		c.Confirmed++
		primary, err := readHeader(src, back+headerAt)
		c.FromBackup = err != nil || primary.blocks != h.blocks
	default:
		c.Refuted++
	}
	if !c.Extent.Valid() {
		return nil, ctx.Err()
	}
	if other, err := readHeader(src, c.Extent.End()-headerAt); c.Extent.Offset == hit.Offset && err == nil && other.blocks == h.blocks {
		c.Confirmed++
	}
	if h.hasID {
		c.UUID = uuidOf(h.id)
	}
	if c.Confirmed > c.Refuted {
		if fsys, err := Open(ctx, block.Section(src, c.Extent)); err == nil {
			c.Label = fsys.Info().Label
		}
	}
	return []filesystem.Candidate{c}, ctx.Err()
}
