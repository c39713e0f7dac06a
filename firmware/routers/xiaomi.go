package routers

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	xiaomi     = "Xiaomi image"
	xiaomiHead = 48
	xiaomiBlob = 48
	blobMagic  = 0xbabe
	blobLoader = 1 // the type of a boot loader
)

// xiaomiNames are the devices by their numbers, as far as they are known.
var xiaomiNames = map[uint16]string{0x03: "r1cm", 0x04: "r2d", 0x05: "r1cl", 0x07: "r3", 0x08: "r3d", 0x0d: "r3g", 0x12: "r4cm", 0x16: "r2100", 0x25: "ra70"}

// xiaomiHeader is what the header says.
type xiaomiHeader struct {
	signature int64
	sum       uint32
	device    uint16
	blobs     []int64
}

func readXiaomi(src block.Source) (*xiaomiHeader, error) {
	p, err := cursor.Read(src, xiaomi, 0, xiaomiHead, xiaomiHead)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(xiaomi, 0, p)
	magic := string(c.Bytes(4))
	h := &xiaomiHeader{signature: int64(c.Uint32()), sum: c.Uint32()}
	c.Skip(2)
	h.device = c.Uint16()
	last := int64(xiaomiHead)
	for range 8 {
		at := int64(c.Uint32())
		if at == 0 {
			break
		}
		if at < last || at%4 != 0 {
			return nil, cursor.ErrNot
		}
		h.blobs, last = append(h.blobs, at), at+xiaomiBlob
	}
	if c.Err() != nil || magic != "HDR1" || len(h.blobs) == 0 || h.signature < last {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func lookXiaomi(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := readXiaomi(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: xiaomi, Name: xiaomiNames[h.device]}, nil
}

func openXiaomi(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := readXiaomi(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: xiaomi, Role: firmware.Package}
	claim(part, firmware.Product, fmt.Sprintf("0x%04x", h.device))
	claim(part, firmware.Board, xiaomiNames[h.device])
	check := plainCRC(ctx, src, "image", crcMethod, block.Between(12, src.Size()), h.sum, true)
	// The header names where its signature begins: a file that ends before it is cut off.
	check.Extent = block.Extent{Offset: 8, Length: src.Size() - 8}
	magic := firmware.Check{What: "header", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: 4}, Strong: true, Expected: "HDR1", Found: "HDR1"}
	part.Checks = append(part.Checks, check, magic)
	if h.signature >= src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("image", h.signature+16, src.Size()))
	}
	for i, at := range h.blobs {
		end := h.signature
		if i+1 < len(h.blobs) {
			end = h.blobs[i+1]
		}
		xiaomiAdd(ctx, src, o, part, at, end)
	}
	h.sign(src, part)
	return part, ctx.Err()
}

// xiaomiAdd adds the blob at a place, which ends before another.
func xiaomiAdd(ctx context.Context, src block.Source, o *firmware.Opening, part *firmware.Part, at, end int64) {
	p, err := cursor.Read(src, xiaomi, at, xiaomiBlob, xiaomiBlob)
	if err != nil {
		return // the check of the whole says that it ends early
	}
	c := cursor.New(xiaomi, at, p)
	magic, flash, size, kind := c.Uint32(), c.Uint32(), int64(c.Uint32()), c.Uint16()
	name := vendor.Text(p[16:])
	data := block.Extent{Offset: at + xiaomiBlob, Length: size}
	if magic != blobMagic || data.End() > end {
		part.Checks = append(part.Checks, firmware.Check{What: "part " + name, Method: "structure", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: xiaomiBlob},
			Expected: fmt.Sprintf("%08x and an end before %d", blobMagic, end), Found: fmt.Sprintf("%08x and %d", magic, data.End())})
		return
	}
	child := vendor.Inside(ctx, src, o, part, name, firmware.Data, data)
	where := name
	if flash != 0xFFFFFFFF {
		where = fmt.Sprintf("%#x", flash)
	}
	if kind == blobLoader {
		child.Role = firmware.BootLoader
	}
	child.Installs = []firmware.Install{{Where: where, Needs: size, Loader: kind == blobLoader}}
}

// sign tells of the signature, and checks that the file ends where it does.
func (h *xiaomiHeader) sign(src block.Source, part *firmware.Part) {
	place := firmware.Check{What: "signature", Method: "size", State: firmware.Passed, Extent: block.Extent{Offset: 4, Length: 4}, Strong: true, Expected: fmt.Sprint(src.Size())}
	p, err := cursor.Read(src, xiaomi, h.signature, 16, 16)
	if err != nil {
		return
	}
	c := cursor.New(xiaomi, h.signature, p)
	size := int64(c.Uint32())
	place.Found = fmt.Sprint(h.signature + 16 + size)
	switch {
	case size == 0:
		// Images that were not signed have room for a signature all the same.
		place.Found = place.Expected
		part.Signatures = append(part.Signatures, firmware.Signature{What: "image", Method: "RSA-2048", State: firmware.Cannot, Why: "its place is empty: the image is not signed"})
		if h.signature+16+256 != src.Size() {
			place.State, place.Found = firmware.Failed, fmt.Sprint(h.signature+16+256)
		}
	default:
		part.Signatures = append(part.Signatures, firmware.Signature{What: "image", Method: fmt.Sprintf("RSA-%d", size*8), State: firmware.Cannot, Why: "Xiaomi has not published the key"})
		if h.signature+16+size != src.Size() {
			place.State = firmware.Failed
		}
	}
	part.Checks = append(part.Checks, place)
}
