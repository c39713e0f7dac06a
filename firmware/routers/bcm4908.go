package routers

import (
	"bytes"
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	wfi      = "Broadcom image with trailer"
	wfiTail  = 20
	wfiBlock = 128 << 10
	// wfiMost is how large a boot loader before the image can be, in bytes.
	wfiMost = 4 << 20
)

// flashes are the kinds of flash by their numbers.
var flashes = []string{"", "NOR", "NAND, 16 KiB", "NAND, 128 KiB", "NAND, 256 KiB", "NAND, 512 KiB", "NAND, 1 MiB", "NAND, 2 MiB"}

// trailer is what stands at the end of an image.
type trailer struct {
	sum, version, chip, flash, flags uint32
}

func readWFI(src block.Source) (*trailer, error) {
	at := src.Size() - wfiTail
	if at < 64 {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, wfi, at, wfiTail, wfiTail)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(wfi, at, p)
	t := &trailer{c.Uint32(), c.Uint32(), c.Uint32(), c.Uint32(), c.Uint32()}
	if t.version != 0x5731 && t.version != 0x5732 || t.chip == 0 || t.chip > 0xFFFFF || t.flash == 0 || int(t.flash) >= len(flashes) || t.flags > 0xFF {
		return nil, cursor.ErrNot
	}
	return t, c.Err()
}

func lookWFI(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := readWFI(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: t.title(), Size: src.Size()}, nil
}

func (t *trailer) title() string {
	return fmt.Sprintf("Broadcom image for chip %x, %s", t.chip, flashes[t.flash])
}

func openWFI(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, err := readWFI(src)
	if err != nil {
		return nil, err
	}
	data := block.Extent{Length: src.Size() - wfiTail}
	part := &firmware.Part{Title: t.title(), Role: firmware.Package}
	claim(part, firmware.Chip, fmt.Sprintf("%x", t.chip))
	check := plainCRC(ctx, src, "image", crcMethod, data, t.sum, true)
	check.Extent.Length += 4 // the sum itself
	part.Checks = append(part.Checks, check)
	begin := loaderEnd(src)
	if begin > 0 {
		child := region.Part(src, "boot loader", firmware.BootLoader, block.Extent{Length: begin})
		child.Installs = []firmware.Install{{Where: "cferom", Needs: begin, Loader: true}}
		part.Children = append(part.Children, child)
	}
	child := region.Part(src, "image", firmware.Data, block.Between(begin, data.Length))
	child.Installs = []firmware.Install{{Where: "firmware", Needs: child.Size}}
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
	return part, ctx.Err()
}

// loaderEnd returns where the first JFFS2 begins, at an erase block: before it stands the boot loader. It is 0 when there
// is none.
func loaderEnd(src block.Source) int64 {
	for at := int64(0); at <= wfiMost && at+2 <= src.Size()-wfiTail; at += wfiBlock {
		p, err := cursor.Read(src, wfi, at, 2, 2)
		if err == nil && bytes.Equal(p, []byte{0x85, 0x19}) {
			return at
		}
	}
	return 0
}
