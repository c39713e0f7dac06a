package cramfs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	magic     = 0x28CD3D45
	signature = "Compressed ROMFS"
	superSize = 76
	bootSize  = 512
	second    = 1 // flag: the size and the sum are there
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "cramfs", Title: "cramfs", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.cramfs.signature", Bytes: []byte(signature), At: 16, Align: 4}}}
}

// super is a superblock.
type super struct {
	at           int64 // where it stands: 0, or behind boot code
	order        binary.ByteOrder
	size         int64
	flags, sum   uint32
	blocks, file uint32
	name         string
}

func parse(p []byte, at int64) (*super, error) {
	if len(p) < superSize || string(p[16:32]) != signature {
		return nil, cursor.ErrNot
	}
	s := &super{at: at}
	switch {
	case binary.LittleEndian.Uint32(p) == magic:
		s.order = binary.LittleEndian
	case binary.BigEndian.Uint32(p) == magic:
		s.order = binary.BigEndian
	default:
		return nil, cursor.ErrNot
	}
	c := cursor.New("cramfs: superblock", at, p)
	c.Seek(48)
	s.name = c.String(16)
	s.size, s.flags, s.sum = int64(s.order.Uint32(p[4:])), s.order.Uint32(p[8:]), s.order.Uint32(p[32:])
	s.blocks, s.file = s.order.Uint32(p[40:]), s.order.Uint32(p[44:])
	if s.flags&second != 0 && s.size < at+superSize {
		return nil, cursor.Corrupt("cramfs: superblock", at+4, fmt.Sprintf("a size of at least %d bytes", at+superSize), s.size)
	}
	return s, nil
}

func (s *super) title() string {
	out := "cramfs, little-endian"
	if s.order == binary.BigEndian {
		out = "cramfs, big-endian"
	}
	if s.flags&second == 0 {
		return out + ", first version"
	}
	return fmt.Sprintf("%s, %d files", out, s.file)
}

func read(src block.Source) (*super, error) {
	for _, at := range []int64{0, bootSize} {
		p, err := cursor.Read(src, "cramfs: superblock", at, superSize, superSize)
		if err != nil {
			return nil, region.NotHere(err)
		}
		if s, err := parse(p, at); err == nil {
			return s, nil
		} else if _, broken := cursor.IsCorrupt(err); broken {
			return nil, err
		}
	}
	return nil, cursor.ErrNot
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := read(src)
	if _, broken := cursor.IsCorrupt(err); broken && !errors.Is(err, cursor.ErrNot) {
		return firmware.Sighting{Title: "cramfs with a broken superblock"}, nil
	}
	if err != nil {
		return firmware.Sighting{}, err
	}
	out := firmware.Sighting{Title: s.title(), Name: s.name}
	if s.flags&second != 0 {
		out.Size = s.size
	}
	return out, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: s.title(), Role: firmware.RootFS}
	if s.name != "Compressed" {
		part.Name = s.name
	}
	if s.flags&second == 0 {
		part.Checks = append(part.Checks, firmware.Check{What: "content", Method: "CRC-32", State: firmware.Cannot, Extent: block.Extent{Length: src.Size()}, Why: "images of the first version carry no checksum and no size"})
		return part, nil
	}
	part.Announced = s.size
	all := block.Between(s.at, s.size)
	if s.size > src.Size() {
		check := region.Unread("image", "CRC-32", all, fmt.Sprintf("%08x", s.sum), src.Size(), cursor.ErrNot)
		check.Why = "the file ends inside of it"
		part.Checks = append(part.Checks, fsimage.Cut(s.size, src.Size(), fsimage.Region{Name: "root file system", Extent: all}), check)
		return part, ctx.Err()
	}
	sum := crc32.NewIEEE()
	err = region.Sum(ctx, src, sum, block.Between(s.at, s.at+32))
	if err == nil {
		sum.Write(make([]byte, 4)) // the sum's own field
		err = region.Sum(ctx, src, sum, block.Between(s.at+36, s.size))
	}
	if err != nil {
		part.Checks = append(part.Checks, region.Unread("image", "CRC-32", all, fmt.Sprintf("%08x", s.sum), src.Size(), err))
	} else {
		part.Checks = append(part.Checks, firmware.Sum32("image", "CRC-32", all, s.sum, sum.Sum32()))
	}
	fsimage.Behind(ctx, src, s.size, part, o)
	return part, ctx.Err()
}
