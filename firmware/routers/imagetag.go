package routers

import (
	"context"
	"hash/crc32"
	"strconv"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	broadcom  = "Broadcom BCM963xx image"
	tagSize   = 256
	tagSumAt  = 236
	crcMethod = "CRC-32 without the last inversion"
)

// tag is the header of an image.
type tag struct {
	maker, version, chip, board string
	loader, root, kernel        block.Extent // Offset is an address
	total                       int64
	imageSum, headSum           uint32
	raw                         []byte
}

// number reads digits in a field, decimal or with 0x.
func number(field []byte) (int64, bool) {
	text := vendor.Text(field)
	if text == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(text, 0, 33)
	return int64(n), err == nil
}

func readTag(src block.Source) (*tag, error) {
	p, err := cursor.Read(src, broadcom, 0, tagSize, tagSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	if p[0] < '0' || p[0] > '9' {
		return nil, cursor.ErrNot
	}
	t := &tag{maker: vendor.Text(p[4:24]), version: vendor.Text(p[24:38]), chip: vendor.Text(p[38:44]), board: vendor.Text(p[44:60]), raw: p}
	good := plain(t.maker) && plain(t.version) && plain(t.chip) && plain(t.board) && t.chip != "" && t.board != "" && t.maker != ""
	for _, f := range []struct {
		at, size int
		to       *int64
	}{{62, 10, &t.total}, {72, 12, &t.loader.Offset}, {84, 10, &t.loader.Length}, {94, 12, &t.root.Offset}, {106, 10, &t.root.Length}, {116, 12, &t.kernel.Offset}, {128, 10, &t.kernel.Length}} {
		n, ok := number(p[f.at : f.at+f.size])
		*f.to, good = n, good && ok
	}
	if !good || t.total <= 0 {
		return nil, cursor.ErrNot
	}
	c := cursor.New(broadcom, 216, p[216:])
	t.imageSum = c.Uint32BE()
	c.Skip(16)
	t.headSum = c.Uint32BE()
	return t, c.Err()
}

func lookTag(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := readTag(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: broadcom, Name: t.board, Version: t.version, Size: tagSize + t.total}, nil
}

func openTag(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, err := readTag(src)
	if err != nil {
		return nil, err
	}
	all := block.Extent{Offset: tagSize, Length: t.total}
	part := &firmware.Part{Title: broadcom + " of " + t.maker, Name: t.board, Version: t.version, Role: firmware.Package, Announced: all.End()}
	claim(part, firmware.Board, t.board)
	claim(part, firmware.Chip, t.chip)
	head := firmware.Sum32("header", crcMethod, block.Extent{Length: tagSumAt + 4}, t.headSum, ^crc32.ChecksumIEEE(t.raw[:tagSumAt]))
	part.Checks = append(part.Checks, head)
	if all.End() > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", all.End(), src.Size()))
	}
	kernel, root := t.places()
	check := plainCRC(ctx, src, "image", crcMethod, all, t.imageSum, true)
	if check.State == firmware.Failed && kernel.Length > 0 && all.Contains(kernel) {
		// Some tools sum the kernel alone.
		if alone := plainCRC(ctx, src, "kernel", crcMethod, kernel, t.imageSum, true); alone.State == firmware.Passed {
			check = alone
		}
	}
	part.Checks = append(part.Checks, check)
	for _, x := range []struct {
		name string
		role firmware.Role
		e    block.Extent
	}{{"boot loader", firmware.BootLoader, block.Extent{Offset: tagSize, Length: t.loader.Length}}, {"kernel", firmware.Kernel, kernel}, {"root file system", firmware.RootFS, root}} {
		if x.e.Length == 0 || !all.Contains(x.e) {
			continue
		}
		child := region.Part(src, x.name, x.role, x.e)
		child.Installs = []firmware.Install{{Where: x.name, Needs: x.e.Length, Loader: x.role == firmware.BootLoader}}
		if child.Size > 0 {
			o.Inner(ctx, child)
		}
		part.Children = append(part.Children, child)
	}
	if all.End() < src.Size() {
		fsimage.Behind(ctx, src, all.End(), part, o)
	}
	return part, ctx.Err()
}

// places turns the addresses of kernel and root file system into places of the file: the lower one comes first, behind the
// boot loader.
func (t *tag) places() (kernel, root block.Extent) {
	base := min(t.kernel.Offset, t.root.Offset)
	switch {
	case t.root.Length == 0:
		base = t.kernel.Offset
	case t.kernel.Length == 0:
		base = t.root.Offset
	}
	first := tagSize + t.loader.Length
	return block.Extent{Offset: first + t.kernel.Offset - base, Length: t.kernel.Length}, block.Extent{Offset: first + t.root.Offset - base, Length: t.root.Length}
}
