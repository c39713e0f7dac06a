package zigbee

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	magic       = 0x0BEEF11E
	minHeader   = 56
	maxHeader   = 69
	maxElements = 256
	maxSpread   = 64 // of hardware versions that are listed
)

// The tags of elements.
const (
	tagImage     = 0
	tagHash      = 3
	tagPicture   = 4
	firstOfMaker = 0xF000
)

var tags = map[uint16]string{tagImage: "image", 1: "signature (ECDSA)", 2: "certificate", tagHash: "hash", tagPicture: "picture", 5: "signature (ECDSA, 283 bits)", 6: "certificate (283 bits)"}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "zigbee", Title: "Zigbee update", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.zigbee.header", Bytes: []byte{0x1e, 0xf1, 0xee, 0x0b, 0x00, 0x01}}}}
}

type header struct {
	size, total  int64
	manufacturer uint16
	kind         uint16
	version      uint32
	text         string
	hardware     bool
	least, most  uint16
}

func parse(p []byte) (*header, error) {
	c := cursor.New("Zigbee update: header", 0, p)
	if c.Uint32() != magic || c.Uint16() != 0x0100 {
		return nil, cursor.ErrNot
	}
	h := &header{size: int64(c.Uint16())}
	fields := c.Uint16()
	h.manufacturer, h.kind, h.version = c.Uint16(), c.Uint16(), c.Uint32()
	c.Skip(2)
	h.text = c.String(32)
	h.total = int64(c.Uint32())
	want := int64(minHeader)
	for _, f := range []struct {
		bit  uint16
		size int
	}{{1, 1}, {2, 8}} {
		if fields&f.bit != 0 {
			c.Skip(f.size)
			want += int64(f.size)
		}
	}
	if h.hardware = fields&4 != 0; h.hardware {
		h.least, h.most = c.Uint16(), c.Uint16()
		want += 4
	}
	if c.Err() != nil || fields&^7 != 0 || h.size != want || h.total <= h.size || h.most < h.least {
		return nil, cursor.ErrNot
	}
	return h, nil
}

func first(src block.Source) (*header, error) {
	n := min(src.Size(), maxHeader)
	p, err := cursor.Read(src, "Zigbee update: header", 0, n, maxHeader)
	if err != nil {
		return nil, region.NotHere(err)
	}
	return parse(p)
}

func (h *header) words() string { return fmt.Sprintf("0x%08x", h.version) }

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := first(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "Zigbee update", Name: h.text, Version: h.words(), Size: h.total}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	h, err := first(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "Zigbee update", Name: h.text, Role: firmware.Package, Version: h.words(), Announced: h.total}
	if h.manufacturer != 0xFFFF && h.kind < 0xFFC0 { // other types are no images of one device
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Product, Values: []string{fmt.Sprintf("0x%04x%04x", h.manufacturer, h.kind)}})
	}
	if h.hardware {
		var values []string
		for v := int(h.least); v <= int(h.most) && len(values) < maxSpread; v++ {
			values = append(values, fmt.Sprint(v))
		}
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Hardware, Values: values})
	}
	in := "header"
	if err := h.elements(ctx, src, part, o, &in); err != nil {
		part.Checks = append(part.Checks, firmware.Check{What: "list of elements", Method: "structure", State: firmware.Failed, Extent: block.Between(h.size, min(h.total, src.Size())), Expected: fmt.Sprintf("elements up to %d", h.total), Found: err.Error()})
	}
	if h.total > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut(in, h.total, src.Size()))
	}
	region.Behind(ctx, src, part, o, block.Between(h.total, src.Size()))
	return part, ctx.Err()
}

// elements reads all of them; in is what the last one that is here is.
func (h *header) elements(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, in *string) error {
	var frames block.Set
	at := h.size
	for n := 0; at < h.total; n++ {
		if n == maxElements {
			return fmt.Errorf("more than %d", maxElements)
		}
		if at+6 > src.Size() && h.total > src.Size() {
			return nil // told as cut
		}
		p, err := cursor.Read(src, "Zigbee update: element", at, min(6, h.total-at), 6)
		if err != nil {
			return err
		}
		c := cursor.New("Zigbee update: element", at, p)
		tag, size := c.Uint16(), int64(c.Uint32())
		name, known := tags[tag]
		switch {
		case c.Err() != nil:
			return c.Err()
		case !known && tag < firstOfMaker:
			return cursor.Corrupt("Zigbee update: element", at, "a tag that is known, or a maker's own", fmt.Sprintf("0x%04x", tag))
		case at+6+size > h.total:
			return cursor.Corrupt("Zigbee update: element", at, fmt.Sprintf("at most %d bytes", h.total-at-6), size)
		case !known:
			name = fmt.Sprintf("maker's element 0x%04x", tag)
		}
		frames.Add(block.Extent{Offset: at, Length: 6})
		body := block.Extent{Offset: at + 6, Length: size}
		*in = name
		h.element(ctx, src, part, o, tag, name, body)
		at = body.End()
	}
	for e := range frames.All() {
		part.Checks = append(part.Checks, firmware.Check{What: "list of elements", Method: "structure", State: firmware.Passed, Extent: e, Strong: true, Expected: "elements that fill the file", Found: "elements that fill the file"})
	}
	return nil
}

// element makes a part of one, or checks what it says.
func (h *header) element(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, tag uint16, name string, body block.Extent) {
	switch {
	case tag == tagHash:
		if body.Length != 16 || body.End() > src.Size() {
			part.Checks = append(part.Checks, firmware.Check{What: "hash", Method: "size", State: firmware.Failed, Extent: body, Expected: "16 bytes", Found: fmt.Sprintf("%d bytes", body.Length)})
			return
		}
		part.Checks = append(part.Checks, integrity(ctx, src, body)...)
		return
	case tag == 1 || tag == 5:
		part.Signatures = append(part.Signatures, firmware.Signature{What: "the file", Method: "ECDSA with implicit certificates", State: firmware.Cannot, Why: "its root is a Certicom certificate, which only devices have"})
	}
	child := region.Part(src, name, firmware.Data, body)
	switch tag {
	case tagImage:
		child.Role = firmware.Program
		o.Inner(ctx, child)
		part.Installs = append(part.Installs, firmware.Install{Where: "firmware of the device"})
	case 1, 2, 5, 6:
		child.Role = firmware.Signed
	}
	part.Children = append(part.Children, child)
}

// integrity checks the hash that stands in body over all before its element.
func integrity(ctx context.Context, src block.Source, body block.Extent) []firmware.Check {
	over := block.Extent{Length: body.Offset - 6}
	want, err := cursor.Read(src, "Zigbee update: hash", body.Offset, 16, 16)
	var m mmo
	if err == nil {
		err = region.Scan(ctx, src, over, func(p []byte) error { _, err := m.Write(p); return err })
	}
	if err != nil {
		return []firmware.Check{region.Unread("file", "AES-MMO", over, "", src.Size(), err)}
	}
	c := firmware.Digest("file", "AES-MMO", over, want, m.sum())
	own := c
	own.Extent = body
	return []firmware.Check{c, own}
}
