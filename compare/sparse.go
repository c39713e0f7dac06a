package compare

import (
	"context"

	"salvor/block"
	"salvor/cursor"
)

const (
	sparseHeader = 28
	sparseChunk  = 12
	sparseSkip   = 0xCAC3
	sparseSum    = 0xCAC4
	maxChunks    = 1 << 22
)

// Skipped returns what an Android sparse image leaves as it is on the device: its chunks of the kind "don't care". They read
// as zeros from the image that it describes, and are not written. src is the sparse file itself; what is none, and what
// follows a broken chunk, skips nothing. Followed: AOSP, system/core/libsparse/sparse_format.h.
func Skipped(ctx context.Context, src block.Source) (block.Set, error) {
	var out block.Set
	b, err := cursor.Read(src, "sparse: header", 0, sparseHeader, sparseHeader)
	if err != nil {
		return out, nil // too short for one
	}
	c := cursor.New("sparse: header", 0, b)
	magic := c.Uint32()
	c.Skip(4)
	at, head := int64(c.Uint16()), int64(c.Uint16())
	unit := int64(c.Uint32())
	c.Skip(4)
	count := int64(c.Uint32())
	if magic != 0xED26FF3A || head < sparseChunk || at < sparseHeader || unit <= 0 || count > maxChunks {
		return out, nil
	}
	for block0 := int64(0); count > 0; count-- {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		b, err := cursor.Read(src, "sparse: chunk", at, sparseChunk, sparseChunk)
		if err != nil {
			return out, nil
		}
		c := cursor.New("sparse: chunk", at, b)
		kind := c.Uint16()
		c.Skip(2)
		blocks, size := int64(c.Uint32()), int64(c.Uint32())
		if size < head {
			return out, nil
		}
		switch kind {
		case sparseSkip:
			out.Add(block.Extent{Offset: block0 * unit, Length: blocks * unit})
		case sparseSum:
			blocks = 0
		}
		block0 += blocks
		at += size
	}
	return out, nil
}
