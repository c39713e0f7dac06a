package uefi

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	maxSections = 1024
	maxLevels   = 8
)

// The types of files that are told by name.
var fileKinds = map[uint8]string{
	1: "raw file", 2: "file", 3: "security core", 4: "PEI core", 5: "DXE core", 6: "PEI module", 7: "driver", 8: "driver and PEI module", 9: "application",
	0xA: "management mode module", 0xB: "volume image", 0xD: "management mode core", 0xE: "standalone module", 0xF: "standalone core",
}

const (
	kindRaw = 1
	kindPad = 0xF0
)

// The types of sections.
const (
	typePacked  = 0x01
	typeGUID    = 0x02
	typeVersion = 0x14
	typeName    = 0x15
	typeVolume  = 0x17
)

// file checks a file and opens what is in it.
func (v *volume) file(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, f *fileHeader, at int64) {
	if f.kind == kindPad {
		return
	}
	title := fileKinds[f.kind]
	if title == "" {
		title = fmt.Sprintf("file of the type 0x%02x", f.kind)
	}
	child := region.Part(src, f.name.String(), firmware.Program, block.Extent{Offset: at, Length: f.size})
	child.Title = title
	part.Children = append(part.Children, child)
	data := block.Between(f.header, f.size)
	c := firmware.Check{What: "data", Method: "sum of 8 bits", State: firmware.Passed, Extent: data}
	sum := f.dataSum
	err := region.Scan(ctx, child.Source, data, func(p []byte) error {
		for _, b := range p {
			sum += b
		}
		return nil
	})
	switch {
	case err != nil:
		child.Checks = append(child.Checks, region.Unread(c.What, c.Method, data, "00", child.Size, err))
	case f.attributes&0x40 != 0 || f.dataSum != 0xAA && f.dataSum != 0x5A: // a file without a sum has one of these
		if c.Expected, c.Found = "00", fmt.Sprintf("%02x", sum); sum != 0 {
			c.State = firmware.Failed
		}
		child.Checks = append(child.Checks, c)
	}
	if f.kind != kindRaw && child.Size == f.size {
		sections(ctx, child, child, o, data, 0)
	}
}

// sections walks over the sections in e, of the file part; holder is what they stand in.
func sections(ctx context.Context, part, holder *firmware.Part, o *firmware.Opening, e block.Extent, level int) {
	src := holder.Source
	fail := func(at int64, expected, found string) {
		holder.Checks = append(holder.Checks, firmware.Check{What: "section", Method: "structure", State: firmware.Failed, Extent: block.Between(at, min(at+4, e.End())), Expected: expected, Found: found})
	}
	at := e.Offset
	for n := 0; at+4 <= e.End() && ctx.Err() == nil; n++ {
		p := make([]byte, min(32, e.End()-at))
		if _, err := src.ReadAt(p, at); err != nil {
			fail(at, "a section", err.Error())
			return
		}
		size, head := int64(p[0])|int64(p[1])<<8|int64(p[2])<<16, int64(4)
		if size == 0xFFFFFF && len(p) >= 8 {
			size, head = int64(binary.LittleEndian.Uint32(p[4:])), 8
		}
		if size < head || at+size > e.End() {
			fail(at, fmt.Sprintf("%d to %d bytes", head, e.End()-at), fmt.Sprintf("%d bytes", size))
			return
		}
		if n == maxSections {
			holder.Checks = append(holder.Checks, firmware.Check{What: "sections", Method: "structure", State: firmware.Cannot, Extent: block.Between(at, e.End()), Why: fmt.Sprintf("more than %d sections", maxSections)})
			return
		}
		body := block.Between(at+head, at+size)
		switch p[3] {
		case typeName:
			if s := wide(src, body); s != "" {
				part.Name = s
			}
		case typeVersion:
			body.Offset, body.Length = body.Offset+2, max(body.Length-2, 0)
			part.Version = wide(src, body)
		case typeVolume:
			child := region.Part(src, "", firmware.Program, body)
			o.Inner(ctx, child)
			holder.Children = append(holder.Children, child)
		case typeGUID:
			defined(ctx, part, holder, o, body, p[head:], level, at)
		case typePacked:
			if len(p) >= int(head)+5 && p[head+4] != 0 && body.Length > 5 {
				child := region.Part(src, "packed sections", firmware.Data, block.Between(body.Offset+5, body.End()))
				child.Compression = "tiano"
				holder.Children = append(holder.Children, child)
			} else if level < maxLevels && body.Length > 5 {
				sections(ctx, part, holder, o, block.Between(body.Offset+5, body.End()), level+1)
			}
		}
		at = e.Offset + (at+size-e.Offset+3)&^3
	}
}

// defined opens a section of which a GUID says how. head begins with that.
func defined(ctx context.Context, part, holder *firmware.Part, o *firmware.Opening, body block.Extent, head []byte, level int, at int64) {
	if len(head) < 20 || body.Length < 20 || level >= maxLevels {
		return
	}
	var g guid
	copy(g[:], head)
	data := block.Between(at+int64(binary.LittleEndian.Uint16(head[16:])), body.End())
	if data.Offset < body.Offset+20 || data.Length <= 0 {
		holder.Checks = append(holder.Checks, firmware.Check{What: "section", Method: "structure", State: firmware.Failed, Extent: body, Expected: "data in the section", Found: fmt.Sprintf("data at %d", data.Offset)})
		return
	}
	switch way := packed[g.String()]; {
	case g.String() == sectionCRC32 && len(head) >= 24:
		want, sum := binary.LittleEndian.Uint32(head[20:]), crc32.NewIEEE()
		var c firmware.Check
		if err := region.Sum(ctx, holder.Source, sum, data); err != nil {
			c = region.Unread("section", "CRC-32", data, fmt.Sprintf("%08x", want), holder.Size, err)
		} else {
			c = firmware.Sum32("section", "CRC-32", data, want, sum.Sum32())
		}
		holder.Checks = append(holder.Checks, c)
		sections(ctx, part, holder, o, data, level+1)
	case way == "lzma":
		child := region.Part(holder.Source, "packed sections", firmware.Program, data)
		if out := o.Expand(ctx, child, way); out != nil {
			sections(ctx, part, out, o, block.Extent{Length: out.Size}, level+1)
		}
		holder.Children = append(holder.Children, child)
	default:
		child := region.Part(holder.Source, "section "+g.String(), firmware.Data, data)
		child.Compression = way
		holder.Children = append(holder.Children, child)
	}
}

// wide reads a text of 16-bit characters that ends with a 0.
func wide(src block.Source, e block.Extent) string {
	p, err := cursor.Read(src, "UEFI section: text", e.Offset, min(e.Length, 512)&^1, 512)
	if err != nil {
		return ""
	}
	var u []uint16
	for ; len(p) >= 2; p = p[2:] {
		u = append(u, binary.LittleEndian.Uint16(p))
	}
	s, _, _ := strings.Cut(string(utf16.Decode(u)), "\x00")
	return s
}
