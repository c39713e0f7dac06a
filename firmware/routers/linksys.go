package routers

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	linksys     = "Linksys image"
	linksysHead = 32
	chdr        = "Linksys CHDR image"
	chdrHead    = 16
)

func lookLinksys(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, linksys, 0, linksysHead+4, linksysHead+4)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	if string(p[14:18]) != "U2ND" || string(p[linksysHead:]) != "HDR0" || !plain(string(p[:4])) {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: linksys, Name: string(p[:4]), Version: fmt.Sprintf("%d.%d.%d", p[11], p[12], p[13])}, nil
}

func openLinksys(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := lookLinksys(ctx, src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: linksys, Name: s.Name, Version: s.Version, Role: firmware.Package}
	claim(part, firmware.Board, s.Name)
	vendor.Inside(ctx, src, o, part, "image", firmware.Data, block.Between(linksysHead, src.Size()))
	return part, ctx.Err()
}

// readCHDR returns the length of all, and the sum.
func readCHDR(src block.Source) (size int64, sum uint32, err error) {
	p, err := cursor.Read(src, chdr, 0, chdrHead, chdrHead)
	if err != nil {
		return 0, 0, region.NotHere(err)
	}
	c := cursor.New(chdr, 4, p[4:])
	size, sum = int64(c.Uint32()), c.Uint32()
	if string(p[:4]) != "CHDR" || size <= chdrHead || c.Uint32() != 1 {
		return 0, 0, cursor.ErrNot
	}
	return size, sum, c.Err()
}

func lookCHDR(_ context.Context, src block.Source) (firmware.Sighting, error) {
	size, _, err := readCHDR(src)
	return firmware.Sighting{Title: chdr, Size: size}, err
}

func openCHDR(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	size, sum, err := readCHDR(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: chdr, Role: firmware.Package, Announced: size}
	check := plainCRC(ctx, src, "image", crcMethod, block.Between(12, size), sum, true)
	check.Extent = block.Extent{Length: size} // the length and the sum decide as well
	part.Checks = append(part.Checks, check)
	vendor.Inside(ctx, src, o, part, "image", firmware.Data, block.Between(chdrHead, size))
	fsimage.Behind(ctx, src, size, part, o)
	return part, ctx.Err()
}
