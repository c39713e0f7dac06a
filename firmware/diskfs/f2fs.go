package diskfs

import (
	"bytes"
	"context"
	"fmt"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	f2fsAt    = 1024
	f2fsSize  = 3072
	f2fsBlock = 4096
	f2fsSeed  = 0xF2F52010
)

var f2fsMagic = []byte{0x10, 0x20, 0xF5, 0xF2}

// f2fs is a superblock.
type f2fs struct {
	size int64
	name string
	sum  int64 // where it stands in the superblock; 0 without one
	raw  []byte
}

func readF2FS(src block.Source, at int64) (*f2fs, error) {
	p, err := cursor.Read(src, "f2fs: superblock", at, f2fsSize, f2fsSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	log := le.Uint32(p[16:])
	blocks := le.Uint64(p[36:])
	if !bytes.HasPrefix(p, f2fsMagic) || log < 12 || log > 16 || le.Uint32(p[20:]) != 9 && log == 12 || blocks == 0 || blocks > 1<<40 {
		return nil, cursor.ErrNot
	}
	f := &f2fs{size: int64(blocks) << log, sum: int64(le.Uint32(p[32:])), raw: p}
	if f.sum > f2fsSize-4 {
		return nil, cursor.Corrupt("f2fs: superblock", at+32, fmt.Sprintf("a sum at up to %d", f2fsSize-4), f.sum)
	}
	var name []uint16
	for i := 124; i+1 < 124+1024; i += 2 {
		if u := le.Uint16(p[i:]); u != 0 {
			name = append(name, u)
			continue
		}
		break
	}
	f.name = string(utf16.Decode(name))
	return f, nil
}

func lookF2FS(_ context.Context, src block.Source) (firmware.Sighting, error) {
	f, err := readF2FS(src, f2fsAt)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	return firmware.Sighting{Title: "F2FS", Name: f.name, Size: f.size}, nil
}

func openF2FS(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	f, err := readF2FS(src, f2fsAt)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "F2FS", Name: f.name, Role: firmware.RootFS, Announced: f.size}
	if f.size > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(f.size, src.Size(), fsimage.Region{Name: "file system", Extent: block.Extent{Length: f.size}}))
	}
	for i := range int64(2) {
		at := f2fsAt + i*f2fsBlock
		what := fmt.Sprintf("superblock, copy %d", i+1)
		e := block.Extent{Offset: at, Length: f2fsSize}
		c, err := readF2FS(src, at)
		switch {
		case at+f2fsSize > src.Size(): // told as cut
		case err != nil || !bytes.Equal(c.raw[:f2fsSize-4], f.raw[:f2fsSize-4]):
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: e, Expected: "what the first copy says", Found: "something else"})
		case c.sum == 0:
			part.Checks = append(part.Checks, firmware.Check{What: what, Method: "CRC-32", State: firmware.Cannot, Extent: e, Why: "this image was made without one"})
		default:
			over := block.Extent{Offset: at, Length: c.sum}
			part.Checks = append(part.Checks, firmware.Sum32(what, "CRC-32", over, le.Uint32(c.raw[c.sum:]), fsimage.Raw32(f2fsSeed, c.raw[:c.sum])))
		}
	}
	fsimage.Behind(ctx, src, f.size, part, o)
	return part, ctx.Err()
}
