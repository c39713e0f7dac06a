package dmg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"sort"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/container/internal/mapped"
	"salvor/cursor"
	"salvor/finding"
)

// Marks of encrypted images, at the beginning of version 2 and at the end of version 1.
var (
	locked2 = []byte("encrcdsa")
	locked1 = []byte("cdsaencr")
)

// Format returns the row of the table of containers.
func Format() container.Format {
	return container.Format{
		Name: "dmg", Title: "Apple disk image (UDIF)", Extensions: []string{".dmg"},
		Signatures: []probe.Probe{
			{ID: "dmg.trailer", Bytes: magic, At: -trailerSize}, {ID: "dmg.encrypted", Bytes: locked2}, {ID: "dmg.encrypted1", Bytes: locked1, At: -int64(len(locked1))},
		},
		Open: Open,
	}
}

// image is the disk in an image.
type image struct {
	src     block.Source
	size    int64
	tables  []*table
	chunks  []chunk // of all tables, in the order of the disk, apart
	inflate mapped.Inflater
}

// Open opens the disk in src.
func Open(ctx context.Context, src block.Source, name string, _ container.Opener) (*container.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	format := Format()
	if !container.Recognised(&format, src) {
		return nil, cursor.ErrNot
	}
	at := src.Size() - trailerSize
	b, err := cursor.Read(src, "dmg: trailer", at, trailerSize, trailerSize)
	var t *trailer
	if err == nil {
		t, err = parseTrailer(b, at)
	}
	switch {
	case errors.Is(err, cursor.ErrNot), err != nil && at < 0:
		return nil, &container.LockedError{How: "AES, by macOS", Need: "its passphrase, with `hdiutil attach` on a Mac, or `hdiutil convert`"}
	case err != nil:
		return nil, err
	case t.segments > 1:
		return nil, &container.UnsupportedError{What: "an image of several files (.dmgpart)", Next: "join it with `hdiutil convert` on a Mac"}
	}
	im := &image{src: src, size: t.sectors * sector}
	out := &container.Image{Format: "dmg", SectorSize: sector, Files: []string{name}}
	parts, err := im.list(t)
	if err != nil {
		if _, ok := block.IsUnreadable(err); !ok {
			if _, ok := cursor.IsCorrupt(err); !ok {
				return nil, err
			}
		}
		if len(parts) == 0 {
			return nil, err
		}
		out.Findings = append(out.Findings, listBroken.New(finding.Arg("why", err)))
	}
	for _, p := range parts {
		x, err := parseTable(p.data, p.name, t.data.Offset)
		if err != nil {
			out.Findings = append(out.Findings, tableBroken.New(finding.Arg("name", fmt.Sprintf("%q", p.name)), finding.Arg("why", err)))
		}
		if x != nil {
			im.tables = append(im.tables, x)
		}
	}
	if lost := im.order(); !lost.Empty() {
		out.Findings = append(out.Findings, gap.New(finding.Arg("count", lost.Bytes())))
	}
	if len(im.chunks) == 0 {
		return nil, cursor.Corrupt("dmg: list", t.list.Offset, "tables of chunks", "none that is whole")
	}
	disk := mapped.New(im.size, im)
	out.Source = disk
	if slices.ContainsFunc(im.tables, func(t *table) bool { return t.hasSum }) {
		out.Verify = func(ctx context.Context) ([]finding.Finding, error) { return im.verify(ctx, disk) }
	}
	return out, nil
}

// list reads the list of tables: the property list, or the resource fork where that holds none.
func (im *image) list(t *trailer) ([]part, error) {
	err := error(cursor.Corrupt("dmg: trailer", im.src.Size()-trailerSize, "a list of tables", "none"))
	if t.list.Length > 0 {
		var b []byte
		if b, err = cursor.Read(im.src, "dmg: list", t.list.Offset, t.list.Length, maxList); err == nil {
			var parts []part
			if parts, err = parseXML(b); len(parts) > 0 {
				return parts, err
			}
		}
	}
	if t.resources.Length > 0 {
		b, e := cursor.Read(im.src, "dmg: resource fork", t.resources.Offset, t.resources.Length, maxList)
		if e == nil {
			return parseResources(b)
		}
	}
	return nil, err
}

// order brings the chunks of all tables into the order of the disk, and returns the bytes of which none speaks. Of two
// that overlap the first holds, as far as it reaches.
func (im *image) order() block.Set {
	for _, t := range im.tables {
		im.chunks = append(im.chunks, t.chunks...)
	}
	slices.SortStableFunc(im.chunks, func(a, b chunk) int { return cmp.Compare(a.first, b.first) })
	n, end := 0, int64(0)
	have := make([]block.Extent, 0, len(im.chunks))
	for _, c := range im.chunks {
		if c.first < end {
			continue
		}
		im.chunks[n] = c
		n++
		end = c.first + c.sectors
		have = append(have, c.extent())
	}
	im.chunks = im.chunks[:n]
	return block.SetOf(have...).Complement(block.Extent{Length: im.size})
}

// Locate says what the disk stands on at off.
func (im *image) Locate(off int64) (mapped.Piece, error) {
	i := sort.Search(len(im.chunks), func(i int) bool { return im.chunks[i].extent().End() > off })
	if i == len(im.chunks) || im.chunks[i].extent().Offset > off {
		from, to := int64(0), im.size
		if i > 0 {
			from = im.chunks[i-1].extent().End()
		}
		if i < len(im.chunks) {
			to = im.chunks[i].extent().Offset
		}
		return mapped.LostPiece(block.Between(from, to)), nil
	}
	c := im.chunks[i]
	e := c.extent()
	switch c.kind {
	case zero, unused:
		return mapped.Piece{Extent: e}, nil
	case raw:
		if c.size < e.Length {
			return mapped.Piece{Extent: e}, cursor.Corrupt("dmg: chunk", c.at, e.Length, c.size)
		}
		return mapped.Piece{Extent: e, Kind: mapped.Stored, Source: im.src, At: c.at}, nil
	}
	return mapped.Piece{Extent: e, Kind: mapped.Packed, Unpack: func(dst []byte) error {
		b, err := mapped.ReadPacked(im.src, "dmg: chunk", c.at, c.size)
		if err != nil {
			return err
		}
		return im.unpack(c.kind, c.at, b, dst)
	}}, nil
}

// verify compares the CRC-32 of each table.
func (im *image) verify(ctx context.Context, disk block.Source) ([]finding.Finding, error) {
	var out []finding.Finding
	buf := make([]byte, 1<<20)
	for _, t := range im.tables {
		if !t.hasSum {
			continue
		}
		sum, def := uint32(0), sumRight
		chunks := slices.Clone(t.chunks)
		slices.SortStableFunc(chunks, func(a, b chunk) int { return cmp.Compare(a.first, b.first) })
		for _, c := range chunks {
			if c.kind == unused {
				continue
			}
			e := c.extent().Intersect(block.Extent{Length: im.size})
			for at := e.Offset; at < e.End() && def == sumRight; {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				n, err := disk.ReadAt(buf[:min(int64(len(buf)), e.End()-at)], at)
				sum = crc32.Update(sum, crc32.IEEETable, buf[:n])
				at += int64(n)
				if _, ok := block.IsUnreadable(err); ok {
					def = sumUnknown
				} else if err != nil && !errors.Is(err, io.EOF) {
					return nil, err
				}
			}
		}
		if def == sumRight && sum != t.sum {
			def = sumWrong
		}
		out = append(out, def.New(finding.Arg("name", fmt.Sprintf("%q", t.name)), finding.Expected(fmt.Sprintf("%08x", t.sum), fmt.Sprintf("%08x", sum))))
	}
	return out, nil
}
