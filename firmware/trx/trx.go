package trx

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	structure = "TRX image: header"
	head      = 32 // of version 2
	sumFrom   = 12
	tailSize  = 64
)

// headers are the sizes of the header by version, in bytes.
var headers = map[uint16]int64{1: 28, 2: 32}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "trx", Title: "TRX image", Probes: []probe.Probe{{ID: "firmware.trx.header", Bytes: []byte("HDR0"), Align: 4}}, Look: look, Open: open}
}

type header struct {
	size    int64
	sum     uint32
	flags   uint16
	version uint16
	at      []int64 // where parts begin
	broken  error   // what in it cannot be
}

func parse(p []byte) (*header, error) {
	c := cursor.New(structure, 0, p)
	if string(c.Bytes(4)) != "HDR0" {
		return nil, cursor.ErrNot
	}
	h := &header{size: int64(c.Uint32()), sum: c.Uint32(), flags: c.Uint16(), version: c.Uint16()}
	begin := headers[h.version]
	if c.Err() != nil || begin == 0 || h.size < begin {
		return nil, cursor.ErrNot
	}
	last := begin
	for range (begin - 16) / 4 {
		at := int64(c.Uint32())
		if at == 0 {
			continue
		}
		if (at < last || at >= h.size) && h.broken == nil {
			h.broken = cursor.Corrupt(structure, c.Offset()-4, fmt.Sprintf("a part from %d to %d", last, h.size), at)
		}
		h.at, last = append(h.at, at), at
	}
	if c.Err() != nil || len(h.at) == 0 {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func read(src block.Source) (*header, error) {
	p, err := cursor.Read(src, structure, 0, min(head, max(src.Size(), 4)), head)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parse(p)
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := read(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if h.broken != nil {
		return firmware.Sighting{}, fmt.Errorf("%w: %w", cursor.ErrNot, h.broken)
	}
	return firmware.Sighting{Title: fmt.Sprintf("TRX image, version %d", h.version), Size: h.size}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := read(src)
	if err != nil {
		return nil, err
	}
	if h.broken != nil {
		return nil, fmt.Errorf("%w: %w", cursor.ErrNot, h.broken)
	}
	part := &firmware.Part{Title: fmt.Sprintf("TRX image, version %d", h.version), Role: firmware.Package, Announced: h.size}
	whole := block.Extent{Length: h.size}
	if h.size > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", h.size, src.Size()))
	}
	// The sum covers the numbers before it too: with another length or magic it is another one.
	sum := uint32(0)
	err = region.Scan(ctx, src, block.Between(sumFrom, h.size), func(p []byte) error { sum = crc32.Update(sum, crc32.IEEETable, p); return nil })
	if err != nil {
		part.Checks = append(part.Checks, region.Unread("image", "CRC-32 of TRX", whole, fmt.Sprintf("%08x", h.sum), src.Size(), err))
	} else {
		part.Checks = append(part.Checks, firmware.Sum32("image", "CRC-32 of TRX", whole, h.sum, ^sum))
	}
	for i, at := range h.at {
		end := h.size
		if i+1 < len(h.at) {
			end = h.at[i+1]
		}
		if at >= src.Size() {
			break
		}
		name, other := h.name(i)
		vendor.Inside(ctx, src, o, part, name, other, block.Between(at, min(end, src.Size())))
	}
	h.asus(src, part)
	part.Installs = []firmware.Install{{Where: "firmware", Needs: h.size}}
	fsimage.Behind(ctx, src, h.size, part, o)
	return part, ctx.Err()
}

// name says what a part is by its number.
func (h *header) name(i int) (string, firmware.Role) {
	switch {
	case len(h.at) == 1:
		return "image", firmware.Data
	case len(h.at) > 2 && i == 0:
		return "loader of the kernel", firmware.Program
	case len(h.at) > 2 && i == 3:
		return "last part", firmware.Data
	case i == len(h.at)-1 || len(h.at) > 2 && i == 2:
		return "root file system", firmware.RootFS
	}
	return "kernel", firmware.Kernel
}

// asus reads the trailer of ASUS, where the last bytes are one.
func (h *header) asus(src block.Source, part *firmware.Part) {
	if h.size > src.Size() || h.size < head+tailSize {
		return
	}
	p, err := cursor.Read(src, "TRX image: trailer of ASUS", h.size-tailSize, tailSize, tailSize)
	if err != nil {
		return
	}
	product := vendor.Text(p[4:16])
	if !word(product) || len(bytes.TrimRight(p[4:16], "\x00")) != len(product) || p[0] == 0 || p[0] > 9 {
		return
	}
	part.Version = fmt.Sprintf("%d.%d.%d.%d", p[0], p[1], p[2], p[3])
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Board, Values: []string{product}})
}

// word reports whether text can be the name of a product: three letters or more, of those that names have.
func word(text string) bool {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' && r != '+' && r != ' ' {
			return false
		}
	}
	return len(text) >= 3
}
