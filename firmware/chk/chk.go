package chk

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/vendor"
)

const (
	structure = "Netgear CHK image: header"
	magic     = 0x2A23245E
	headSize  = 40
	maxBoard  = 64
	// unset is what the version has where nobody gave one.
	unset = 99
	zeros = 36 // where the sum of the header stands
)

// regions are the names of the regions by their numbers.
var regions = map[byte]string{1: "WW", 2: "NA"}

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "chk", Title: "Netgear CHK image", Probes: []probe.Probe{{ID: "firmware.chk.header", Bytes: []byte{0x2A, 0x23, 0x24, 0x5E}, Align: 4}}, Look: look, Open: open}
}

// sum is the running sum of Netgear.
type sum struct{ bytes, sums uint32 }

func (s *sum) add(p []byte) error {
	a, b := s.bytes, s.sums
	for _, c := range p {
		a += uint32(c)
		b += a
	}
	s.bytes, s.sums = a, b
	return nil
}

func (s *sum) value() uint32 {
	fold := func(v uint32) uint32 {
		v = v&0xFFFF + v>>16
		return (v + v>>16) & 0xFFFF
	}
	return fold(s.sums)<<16 | fold(s.bytes)
}

type header struct {
	size      int64
	region    byte
	version   []byte
	parts     [2]block.Extent
	sums      [2]uint32
	all, head uint32
	board     string
	raw       []byte
}

func parse(src block.Source) (*header, error) {
	p, err := cursor.Read(src, structure, 0, headSize, headSize)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New(structure, 0, p)
	if c.Uint32BE() != magic {
		return nil, cursor.ErrNot
	}
	h := &header{size: int64(c.Uint32BE()), region: c.Uint8(), version: c.Bytes(7)}
	h.sums = [2]uint32{c.Uint32BE(), c.Uint32BE()}
	first, second := int64(c.Uint32BE()), int64(c.Uint32BE())
	h.all, h.head = c.Uint32BE(), c.Uint32BE()
	if h.size < headSize || h.size > headSize+maxBoard || first == 0 {
		return nil, fmt.Errorf("%w: %w", cursor.ErrNot, cursor.Corrupt(structure, 4, fmt.Sprintf("%d to %d bytes of header, and a part", headSize, headSize+maxBoard), h.size))
	}
	if h.raw, err = cursor.Read(src, structure, 0, h.size, headSize+maxBoard); err != nil {
		return nil, region.NotHere(err)
	}
	h.board = vendor.Text(h.raw[headSize:])
	h.parts = [2]block.Extent{{Offset: h.size, Length: first}, {Offset: h.size + first, Length: second}}
	return h, c.Err()
}

// headSum computes the sum of the header.
func (h *header) headSum() uint32 {
	p := append([]byte(nil), h.raw...)
	binary.BigEndian.PutUint32(p[zeros:], 0)
	var s sum
	s.add(p)
	return s.value()
}

// plausible reports whether a header whose sum does not fit is one all the same.
func (h *header) plausible() bool {
	return h.board != "" && !strings.ContainsFunc(h.board, func(r rune) bool { return r < ' ' || r > '~' }) && len(h.board) == len(h.raw)-headSize
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	h, err := parse(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if h.headSum() != h.head && !h.plausible() {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "Netgear CHK image", Name: h.board, Version: h.text(), Size: h.parts[1].End()}, nil
}

// text is the version as file names have it; "" for none.
func (h *header) text() string {
	v := h.version
	if v[0] == unset && v[6] == unset {
		return ""
	}
	return fmt.Sprintf("V%d.%d.%d.%d_%d.%d.%d", v[0], v[1], v[2], v[3], v[4], v[5], v[6])
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	h, err := parse(src)
	if err != nil {
		return nil, err
	}
	end := h.parts[1].End()
	part := &firmware.Part{Title: "Netgear CHK image for " + h.board, Version: h.text(), Role: firmware.Package, Announced: end}
	part.Checks = append(part.Checks, firmware.Sum32("header", "sum of Netgear", block.Extent{Length: h.size}, h.head, h.headSum()))
	if h.board != "" {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Board, Values: []string{h.board}})
	}
	if name := regions[h.region]; name != "" {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Region, Values: []string{name}})
	}
	part.Checks = append(part.Checks, h.check(ctx, src, "both parts", block.Between(h.size, end), h.all))
	for i, name := range []string{"first part", "second part"} {
		if e := h.parts[i]; e.Length > 0 {
			part.Checks = append(part.Checks, h.check(ctx, src, name, e, h.sums[i]))
			vendor.Inside(ctx, src, o, part, name, firmware.Data, e)
		}
	}
	fsimage.Behind(ctx, src, end, part, o)
	return part, ctx.Err()
}

func (h *header) check(ctx context.Context, src block.Source, what string, e block.Extent, want uint32) firmware.Check {
	const method = "sum of Netgear"
	var s sum
	if err := region.Scan(ctx, src, e, s.add); err != nil {
		return region.Unread(what, method, e, fmt.Sprintf("%08x", want), src.Size(), err)
	}
	return firmware.Sum32(what, method, e, want, s.value())
}
