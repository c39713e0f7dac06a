package dfu

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

const (
	suffixSize = 16
	headSize   = 11
	targetSize = 274
	maxTargets = 255
	maxPieces  = 4096
	plain      = 0x0100
	dfuse      = 0x011A
	every      = 0xFFFF // fits every device
)

var le = binary.LittleEndian

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "dfu", Title: "DFU file", Look: look, Open: open}
}

// suffix is what stands at the end of a file.
type suffix struct {
	release, product, vendor, version uint16
	sum                               uint32
}

func readSuffix(src block.Source) (*suffix, error) {
	if src.Size() < suffixSize {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "DFU suffix", src.Size()-suffixSize, suffixSize, suffixSize)
	if err != nil {
		return nil, err
	}
	s := &suffix{le.Uint16(p), le.Uint16(p[2:]), le.Uint16(p[4:]), le.Uint16(p[6:]), le.Uint32(p[12:])}
	if string(p[8:11]) != "UFD" || p[11] != suffixSize || s.version != plain && s.version != dfuse {
		return nil, cursor.ErrNot
	}
	return s, nil
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	s, err := readSuffix(src)
	if err != nil {
		if se, seErr := readHead(src); seErr == nil {
			return firmware.Sighting{Title: "DfuSe file", Size: se.size}, nil
		}
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: s.title(), Size: src.Size()}, nil
}

func (s *suffix) title() string { return fmt.Sprintf("DFU file for %04x:%04x", s.vendor, s.product) }

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	part := &firmware.Part{Title: "DfuSe file", Role: firmware.Program}
	content := block.Extent{Length: src.Size()}
	head, headErr := readHead(src)
	s, err := readSuffix(src)
	switch {
	case err == nil:
		content.Length -= suffixSize
		part.Title = s.title()
		h := crc32.NewIEEE()
		over := block.Extent{Length: src.Size() - 4}
		if _, err := io.Copy(h, block.Reader(block.Section(src, over))); err != nil {
			part.Checks = append(part.Checks, firmware.Check{What: "file", Method: "CRC-32", State: firmware.Cannot, Extent: over, Strong: true, Why: err.Error()})
		} else {
			// The sum itself is part of what a changed byte would show.
			part.Checks = append(part.Checks, firmware.Sum32("file", "CRC-32", block.Extent{Length: src.Size()}, s.sum, ^h.Sum32()))
		}
		part.Claims = s.claims()
		if s.release != every && s.release != 0 {
			part.Version = fmt.Sprintf("%x.%02x", s.release>>8, s.release&0xFF)
		}
	case headErr != nil:
		return nil, err
	default:
		part.Checks = append(part.Checks, firmware.Check{What: "suffix", Method: "structure", State: firmware.Failed, Extent: content, Expected: fmt.Sprintf("a suffix of %d bytes behind %d", suffixSize, head.size),
			Found: fmt.Sprintf("the end at %d", src.Size()), Why: "the file is cut off"})
	}
	if headErr == nil {
		head.targets(ctx, block.Section(src, content), part, o)
		return part, ctx.Err()
	}
	child := &firmware.Part{Name: "content", Role: firmware.Program, Size: content.Length, Source: block.Section(src, content)}
	o.Inner(ctx, child)
	part.Children = append(part.Children, child)
	return part, ctx.Err()
}

// claims says which devices the file is for; 0xFFFF stands for every one.
func (s *suffix) claims() []firmware.Claim {
	if s.vendor == every && s.product == every {
		return nil
	}
	if s.vendor != every && s.product != every {
		return []firmware.Claim{{Kind: firmware.USB, Values: []string{fmt.Sprintf("%04x:%04x", s.vendor, s.product)}}}
	}
	id := func(n uint16) string {
		if n == every {
			return "*"
		}
		return fmt.Sprintf("%04x", n)
	}
	return []firmware.Claim{{Kind: firmware.Board, Values: []string{"usb:" + id(s.vendor) + ":" + id(s.product)}}}
}

// head is the beginning of a DfuSe file.
type head struct {
	size  int64
	count int
}

func readHead(src block.Source) (*head, error) {
	if src.Size() < headSize {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "DfuSe file", 0, headSize, headSize)
	if err != nil {
		return nil, err
	}
	h := &head{int64(le.Uint32(p[6:])), int(p[10])}
	if string(p[:5]) != "DfuSe" || p[5] != 1 || h.size < headSize || h.count == 0 {
		return nil, cursor.ErrNot
	}
	return h, nil
}

// targets opens the targets of a DfuSe file, which hold elements with addresses.
func (h *head) targets(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	if src.Size() < h.size {
		part.Checks = append(part.Checks, firmware.Cut("DfuSe image", h.size, src.Size()))
	}
	wrong := func(at int64, expected, found any) {
		part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("structure at %d", at), Method: "structure", State: firmware.Failed, Extent: block.Between(at, src.Size()),
			Expected: fmt.Sprint(expected), Found: fmt.Sprint(found)})
	}
	at, pieces := int64(headSize), 0
	for n := range h.count {
		p, err := cursor.Read(src, "DfuSe target", at, targetSize, targetSize)
		if err != nil || string(p[:6]) != "Target" {
			wrong(at, fmt.Sprintf("target %d of %d", n+1, h.count), "something else")
			return
		}
		name := fmt.Sprintf("target %d", p[6])
		if le.Uint32(p[7:]) != 0 {
			text, _, _ := strings.Cut(string(p[11:266]), "\x00")
			name = text
		}
		size, count := int64(le.Uint32(p[266:])), int64(le.Uint32(p[270:]))
		t := &firmware.Part{Title: "DfuSe target", Name: name, Role: firmware.Program, Offset: at, Size: min(targetSize+size, src.Size()-at), Source: block.Section(src, block.Extent{Offset: at, Length: min(targetSize+size, src.Size()-at)})}
		part.Children = append(part.Children, t)
		end := at + targetSize + size
		at += targetSize
		for e := int64(0); e < count; e++ {
			q, err := cursor.Read(src, "DfuSe element", at, 8, 8)
			if err != nil || at+8 > end {
				wrong(at, fmt.Sprintf("element %d of %d of %q", e+1, count, name), "the end of the target")
				return
			}
			address, length := le.Uint32(q), int64(le.Uint32(q[4:]))
			data := block.Extent{Offset: at + 8, Length: length}
			if data.End() > end || data.End() > src.Size() {
				wrong(at+4, fmt.Sprintf("at most %d bytes", max(min(end, src.Size())-data.Offset, 0)), fmt.Sprintf("%d bytes", length))
				return
			}
			if pieces++; pieces > maxPieces {
				wrong(at, fmt.Sprintf("at most %d elements", maxPieces), "more")
				return
			}
			c := &firmware.Part{Name: fmt.Sprintf("0x%08x", address), Role: firmware.Program, Offset: data.Offset - t.Offset, Size: length, Source: block.Section(src, data),
				Installs: []firmware.Install{{Where: fmt.Sprintf("0x%08x", address), Needs: length}}}
			o.Inner(ctx, c)
			t.Children = append(t.Children, c)
			at = data.End()
		}
		if at != end {
			wrong(at, fmt.Sprintf("the end of %q", name), fmt.Sprintf("%d bytes more", end-at))
			return
		}
	}
	if at != h.size {
		wrong(at, "the end of the image", fmt.Sprintf("%d bytes more", h.size-at))
	}
}
