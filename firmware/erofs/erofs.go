package erofs

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
)

const (
	superAt   = 1024
	superSize = 128
	hasSum    = 1
	minLog    = 9
	maxLog    = 16
)

var (
	le    = binary.LittleEndian
	magic = []byte{0xE2, 0xE1, 0xF5, 0xE0}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "erofs", Title: "EROFS", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.erofs.superblock", Bytes: magic, At: superAt, Align: 512}}}
}

// super is a superblock.
type super struct {
	sum, features, must uint32
	log                 uint8
	inodes              uint64
	blocks              int64
	name                string
}

func (s *super) size() int64 { return s.blocks << s.log }

// over is what the sum covers.
func (s *super) over() block.Extent {
	if s.log <= 10 {
		return block.Extent{Offset: superAt, Length: superSize}
	}
	return block.Between(superAt, 1<<s.log)
}

func (s *super) title() string {
	return fmt.Sprintf("EROFS, blocks of %d bytes, %d inodes", 1<<s.log, s.inodes)
}

func read(src block.Source) (*super, error) {
	p, err := cursor.Read(src, "erofs: superblock", superAt, superSize, superSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	if !bytes.HasPrefix(p, magic) {
		return nil, cursor.ErrNot
	}
	c := cursor.New("erofs: superblock", superAt, p)
	c.Skip(4)
	s := &super{sum: c.Uint32(), features: c.Uint32(), log: c.Uint8()}
	c.Seek(16)
	s.inodes = c.Uint64()
	c.Seek(36)
	s.blocks = int64(c.Uint32())
	c.Seek(64)
	s.name = c.String(16)
	s.must = c.Uint32()
	if s.log < minLog || s.log > maxLog || s.blocks == 0 || s.inodes == 0 || s.inodes > 1<<48 {
		return nil, cursor.ErrNot
	}
	return s, c.Err()
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: s.title(), Name: s.name, Size: s.size()}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	s, err := read(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: s.title(), Name: s.name, Role: firmware.RootFS, Announced: s.size()}
	over := s.over()
	check := firmware.Check{What: "superblock", Method: "CRC-32C", State: firmware.Cannot, Extent: over, Strong: true, Expected: fmt.Sprintf("%08x", s.sum)}
	p, err := cursor.Read(src, "erofs: superblock", over.Offset, over.Length, 1<<maxLog)
	switch {
	case s.features&hasSum == 0:
		check.Expected, check.Why = "", "this image was made without one"
	case err != nil:
		check.Why = err.Error()
	default:
		le.PutUint32(p[4:], 0)
		check = firmware.Sum32("superblock", "CRC-32C", over, s.sum, fsimage.Castagnoli(0xFFFFFFFF, p))
	}
	part.Checks = append(part.Checks, check)
	if s.size() > src.Size() {
		part.Checks = append(part.Checks, fsimage.Cut(s.size(), src.Size(), fsimage.Region{Name: "root file system", Extent: block.Extent{Length: s.size()}}))
	}
	fsimage.Behind(ctx, src, s.size(), part, o)
	return part, ctx.Err()
}
