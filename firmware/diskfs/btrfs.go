package diskfs

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

var le = binary.LittleEndian

const (
	btrfsAt   = 64 << 10
	btrfsSize = 4096
)

var (
	btrfsMagic  = []byte("_BHRfS_M")
	btrfsCopies = []int64{btrfsAt, 64 << 20, 256 << 30}
)

// Formats are the rows of this package in the table of firmware formats. They are not looked for in dumps: volumes of a
// case are found without them.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "btrfs", Title: "btrfs", Look: lookBtrfs, Open: openBtrfs},
		{Name: "f2fs", Title: "F2FS", Look: lookF2FS, Open: openF2FS},
		{Name: "fat", Title: "FAT", Look: lookFAT, Open: openFAT},
	}
}

// btrfs is a superblock.
type btrfs struct {
	size int64
	name string
	kind uint16
	raw  []byte
}

func readBtrfs(src block.Source, at int64) (*btrfs, error) {
	p, err := cursor.Read(src, "btrfs: superblock", at, btrfsSize, btrfsSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	if !bytes.Equal(p[64:72], btrfsMagic) || le.Uint64(p[48:]) != uint64(at) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("btrfs: superblock", at, p)
	c.Seek(112)
	b := &btrfs{size: int64(c.Uint64()), kind: le.Uint16(p[196:]), raw: p}
	c.Seek(299)
	b.name = c.String(256)
	if b.size < btrfsAt+btrfsSize {
		return nil, cursor.ErrNot
	}
	return b, c.Err()
}

func (b *btrfs) check(what string, at int64) firmware.Check {
	e := block.Extent{Offset: at, Length: btrfsSize}
	switch b.kind {
	case 0:
		c := firmware.Sum32(what, "CRC-32C", e, le.Uint32(b.raw), crc32.Checksum(b.raw[32:], crc32.MakeTable(crc32.Castagnoli)))
		c.Extent = block.Between(at+32, at+btrfsSize)
		return c
	case 2:
		sum := sha256.Sum256(b.raw[32:])
		return firmware.Digest(what, "SHA-256", e, b.raw[:32], sum[:])
	}
	return firmware.Check{What: what, Method: fmt.Sprintf("sum %d", b.kind), State: firmware.Cannot, Extent: e, Why: "this kind of sum is not computed here"}
}

func lookBtrfs(_ context.Context, src block.Source) (firmware.Sighting, error) {
	b, err := readBtrfs(src, btrfsAt)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "btrfs", Name: b.name, Size: b.size}, nil
}

func openBtrfs(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	b, err := readBtrfs(src, btrfsAt)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "btrfs", Name: b.name, Role: firmware.RootFS, Announced: b.size}
	if b.size > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(b.size, src.Size(), fsimage.Region{Name: "file system", Extent: block.Extent{Length: b.size}}))
	}
	for i, at := range btrfsCopies {
		if at+btrfsSize > min(b.size, src.Size()) {
			break
		}
		what := fmt.Sprintf("superblock, copy %d", i+1)
		c, err := readBtrfs(src, at)
		if err != nil {
			part.Checks = append(part.Checks, fsimage.Failed(what, "CRC-32C", block.Extent{Offset: at, Length: btrfsSize}, cursor.Corrupt("btrfs: superblock", at, "a copy of the superblock", "something else")))
			continue
		}
		part.Checks = append(part.Checks, c.check(what, at))
	}
	fsimage.Behind(ctx, src, b.size, part, o)
	return part, ctx.Err()
}
