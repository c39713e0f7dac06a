package fwtool

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	magic       = 0x46577830 // FWx0
	trailerSize = 16
	headerSize  = 8 // of metadata
	// maxData is twice what the tool allows; maxTrailers more than anyone has, but for hostile files.
	maxData     = 64 << 10
	maxTrailers = 4

	typeSignature = 0
	typeMetadata  = 1
)

var be = binary.BigEndian

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "fwtool", Title: "OpenWrt image with metadata", Look: look, Open: open}
}

// trailer is one that was found, with its data before it.
type trailer struct {
	sum     uint32
	kind    byte
	zeros   []byte
	at, end int64 // of the trailer itself
	start   int64 // of its data
	data    []byte
}

func parse(p []byte, at int64) (*trailer, error) {
	c := cursor.New("OpenWrt image: trailer", at, p)
	if c.Uint32BE() != magic || len(p) < trailerSize {
		return nil, cursor.ErrNot
	}
	t := &trailer{sum: c.Uint32BE(), kind: c.Uint8(), zeros: c.Bytes(3), at: at, end: at + trailerSize}
	size := int64(c.Uint32BE())
	if size < trailerSize || size > maxData || size > t.end {
		return nil, fmt.Errorf("%w: %w", cursor.ErrNot, cursor.Corrupt("OpenWrt image: size of a trailer", at+12, fmt.Sprintf("%d to %d", trailerSize, maxData), size))
	}
	t.start = t.end - size
	return t, c.Err()
}

// last reads the trailer that ends at end.
func last(src block.Source, end int64) (*trailer, error) {
	if end < trailerSize {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "OpenWrt image: trailer", end-trailerSize, trailerSize, trailerSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	t, err := parse(p, end-trailerSize)
	if err != nil {
		return nil, err
	}
	t.data, err = cursor.Read(src, "OpenWrt image: data of a trailer", t.start, t.at-t.start, maxData)
	return t, err
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := last(src, src.Size())
	if err != nil {
		return firmware.Sighting{}, err
	}
	if t.kind > typeMetadata {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "OpenWrt image with metadata", Size: src.Size()}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	var all []*trailer
	end := src.Size()
	for len(all) < maxTrailers {
		t, err := last(src, end)
		if err != nil {
			if len(all) == 0 {
				return nil, err
			}
			break
		}
		all, end = append(all, t), t.start
	}
	part := &firmware.Part{Title: "OpenWrt image with metadata", Role: firmware.Package}
	image := region.Part(src, "", firmware.Package, block.Extent{Length: end})
	o.Inner(ctx, image)
	part.Children = append(part.Children, image)
	part.Checks = sums(ctx, src, all)
	for i, t := range all {
		whole := block.Between(t.start, t.end)
		child := region.Part(src, "", firmware.Metadata, whole)
		check := firmware.Check{What: "trailer", Method: "structure", State: firmware.Passed, Extent: block.Between(t.at-t.start, whole.Length), Strong: true, Expected: "zeros where nothing stands"}
		check.Found = check.Expected
		if !bytes.Equal(t.zeros, []byte{0, 0, 0}) {
			check.State, check.Found = firmware.Failed, fmt.Sprintf("%x", t.zeros)
		}
		child.Checks = append(child.Checks, check)
		switch t.kind {
		case typeMetadata:
			child.Title = "metadata"
			t.metadata(part, child)
		case typeSignature:
			child.Title, child.Role = "signature", firmware.Signed
			t.signature(ctx, src, o.Keys(), i+1 < len(all), part, child)
		default:
			child.Checks = append(child.Checks, firmware.Check{What: "trailer", Method: "structure", State: firmware.Failed, Extent: check.Extent, Expected: "type 0 or 1", Found: fmt.Sprint(t.kind)})
		}
		part.Children = append(part.Children, child)
	}
	return part, ctx.Err()
}

// sums checks the checksums of all trailers in one read; the last one comes first.
func sums(ctx context.Context, src block.Source, all []*trailer) []firmware.Check {
	const method = "CRC-32 of OpenWrt"
	out := make([]firmware.Check, len(all))
	var sum uint32
	var at int64
	for i := len(all) - 1; i >= 0; i-- {
		t := all[i]
		what := "image"
		if t.kind == typeSignature {
			what = "image with metadata"
		}
		over := block.Extent{Length: t.at}
		err := region.Scan(ctx, src, block.Between(at, t.at), func(p []byte) error {
			sum = crc32.Update(sum, crc32.IEEETable, p)
			return nil
		})
		if err != nil {
			out[i] = region.Unread(what, method, over, fmt.Sprintf("%08x", t.sum), src.Size(), err)
			continue
		}
		at = t.at
		out[i] = firmware.Sum32(what, method, over, t.sum, ^sum)
	}
	return out
}
