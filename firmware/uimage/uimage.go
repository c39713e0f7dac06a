package uimage

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
	"salvor/unpack"
)

const (
	headerSize = 64
	magic      = 0x27051956
	maxFiles   = 1024
)

var be = binary.BigEndian

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "uimage", Title: "U-Boot legacy image",
		Probes: []probe.Probe{{ID: "firmware.uimage.header", Bytes: []byte{0x27, 0x05, 0x19, 0x56}, Align: 4}},
		Look:   look, Open: open,
	}
}

// header is a header that is one: its checksum fits, or all its fields can be.
type header struct {
	sum, dataSum            uint32
	made                    time.Time
	size                    int64
	load, entry             uint32
	system, arch, kind, way byte
	name                    string
	raw                     []byte
}

func parse(p []byte) (*header, error) {
	c := cursor.New("U-Boot legacy image: header", 0, p)
	if c.Uint32BE() != magic || len(p) < headerSize {
		return nil, cursor.ErrNot
	}
	h := &header{raw: p[:headerSize]}
	h.sum = c.Uint32BE()
	h.made = time.Unix(int64(c.Uint32BE()), 0).UTC()
	h.size = int64(c.Uint32BE())
	h.load, h.entry, h.dataSum = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	h.system, h.arch, h.kind, h.way = c.Uint8(), c.Uint8(), c.Uint8(), c.Uint8()
	name, _, _ := strings.Cut(string(c.Bytes(32)), "\x00")
	h.name = name
	return h, c.Err()
}

// headerSum returns the checksum of the header.
func (h *header) headerSum() uint32 {
	p := append([]byte(nil), h.raw...)
	be.PutUint32(p[4:], 0)
	return crc32.ChecksumIEEE(p)
}

// plausible reports whether the numbers of a header whose checksum fails are those of an image all the same.
func (h *header) plausible() bool {
	if h.system == 0 || h.arch == 0 || h.kind == 0 { // each is "invalid"
		return false
	}
	return h.size > 0 && text(systems, h.system) != "" && text(architectures, h.arch) != "" && text(types, h.kind) != "" && text(ways, h.way) != ""
}

func (h *header) title() string {
	out := fmt.Sprintf("%s, %s, %s", text(types, h.kind), text(architectures, h.arch), text(systems, h.system))
	if h.way != 0 {
		out += ", " + text(ways, h.way)
	}
	return out
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, "U-Boot legacy image: header", 0, headerSize, headerSize)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	h, err := parse(p)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if h.headerSum() != h.sum && !h.plausible() {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: h.title(), Name: h.name, Size: headerSize + h.size}, nil
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := cursor.Read(src, "U-Boot legacy image: header", 0, headerSize, headerSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	h, err := parse(p)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "U-Boot legacy image: " + h.title(), Name: h.name, Role: role(h.kind, h.system), Announced: headerSize + h.size}
	part.Checks = append(part.Checks, firmware.Sum32("header", "CRC-32", block.Extent{Length: headerSize}, h.sum, h.headerSum()))
	if name := text(architectures, h.arch); h.arch != 0 && name != "" {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Architecture, Values: []string{name}})
	}
	data := block.Extent{Offset: headerSize, Length: h.size}
	here := data.Intersect(block.Extent{Length: src.Size()})
	check := firmware.Check{What: "data", Method: "CRC-32", Extent: data, Strong: true, Expected: fmt.Sprintf("%08x", h.dataSum)}
	switch sum := crc32.NewIEEE(); {
	case here.Length < data.Length:
		part.Checks = append(part.Checks, firmware.Cut("data", data.End(), src.Size()))
		check.State, check.Why = firmware.Cannot, "the file ends inside of it"
		part.Checks = append(part.Checks, check)
	default:
		if _, err := io.Copy(sum, block.Reader(block.Section(src, data))); err != nil {
			check.State, check.Why = firmware.Cannot, err.Error()
		} else {
			check = firmware.Sum32("data", "CRC-32", data, h.dataSum, sum.Sum32())
		}
		part.Checks = append(part.Checks, check)
	}
	h.children(ctx, src, here, part, o)
	if behind := block.Between(data.End(), src.Size()); behind.Length > 0 {
		if c, ok := region.Filled(ctx, src, "unused rest", behind); ok {
			part.Checks = append(part.Checks, region.Missed(o, c))
			return part, ctx.Err()
		}
		rest := region.Part(src, "behind the image", firmware.Data, behind)
		o.Inner(ctx, rest)
		part.Children = append(part.Children, rest)
	}
	return part, ctx.Err()
}

// children opens what the data is: one image, or several with a list of their sizes.
func (h *header) children(ctx context.Context, src block.Source, data block.Extent, part *firmware.Part, o *firmware.Opening) {
	add := func(name string, r firmware.Role, e block.Extent, packed bool) {
		child := region.Part(src, name, r, e)
		switch way := text(ways, h.way); {
		case packed && way == "":
			child.Compression = fmt.Sprintf("number %d", h.way)
		case packed:
			o.Unpack(ctx, child, way)
		default:
			o.Inner(ctx, child)
		}
		part.Children = append(part.Children, child)
	}
	if h.kind != typeMulti && h.kind != typeScript {
		if data.Length > 0 {
			add(h.name, role(h.kind, h.system), data, h.packed(src, data, 0))
		}
		return
	}
	at := data.Offset
	var sizes []int64
	for len(sizes) <= maxFiles {
		p, err := cursor.Read(src, "U-Boot legacy image: list of files", at, 4, 4)
		if err != nil || at+4 > data.End() {
			part.Checks = append(part.Checks, firmware.Check{What: "list of files", Method: "structure", State: firmware.Failed, Extent: data, Expected: "a list that ends with 0", Found: "the end of the data"})
			return
		}
		at += 4
		n := int64(be.Uint32(p))
		if n == 0 {
			break
		}
		sizes = append(sizes, n)
	}
	for i, n := range sizes {
		e := block.Extent{Offset: at, Length: n}
		if !data.Contains(e) {
			part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("file %d", i+1), Method: "size", State: firmware.Failed, Extent: data,
				Expected: fmt.Sprintf("at most %d bytes", max(data.End()-at, 0)), Found: fmt.Sprintf("%d bytes", n)})
			return
		}
		r := firmware.Data
		switch {
		case h.kind == typeScript:
			r = firmware.Script
		case i < len(multiRoles):
			r = multiRoles[i]
		}
		add(fmt.Sprintf("%s, file %d", h.name, i+1), r, e, h.packed(src, e, i))
		at += (n + 3) &^ 3
	}
}

// packed reports whether file i, which stands at e, is compressed in the way that the header names. U-Boot unpacks the first
// file only, and no ramdisk: what the header says of those is often wrong, and does no harm.
func (h *header) packed(src block.Source, e block.Extent, i int) bool {
	switch {
	case h.way == 0 || i > 0:
		return false
	case h.kind != typeRamdisk:
		return true
	}
	head, err := cursor.Read(src, "U-Boot legacy image: ramdisk", e.Offset, min(e.Length, unpack.HeadSize), unpack.HeadSize)
	if err != nil {
		return true
	}
	_, kind := unpack.Recognise("", head)
	return kind != nil && kind.Name == text(ways, h.way)
}
