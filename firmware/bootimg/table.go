package bootimg

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	tableMagic  = 0xd7b7ab1e
	tableHeader = 32
	maxTrees    = 4096
)

// table is a table of device trees.
type table struct {
	total, header, entry, count, at, page int64
	version                               uint32
}

func readTable(src block.Source) (*table, error) {
	p, err := cursor.Read(src, "Android table of device trees: header", 0, tableHeader, tableHeader)
	if err != nil {
		return nil, region.NotHere(err)
	}
	c := cursor.New("Android table of device trees: header", 0, p)
	if c.Uint32BE() != tableMagic {
		return nil, cursor.ErrNot
	}
	next := func() int64 { return int64(c.Uint32BE()) }
	t := &table{total: next(), header: next(), entry: next(), count: next(), at: next(), page: next(), version: c.Uint32BE()}
	if t.header < tableHeader || t.entry < tableHeader || t.entry > 4096 || t.count == 0 || t.count > maxTrees || t.at < t.header || t.at+t.count*t.entry > t.total || t.version > 1 {
		return nil, cursor.ErrNot
	}
	return t, nil
}

func (t *table) title() string { return fmt.Sprintf("Android table of %d device trees", t.count) }

func lookTable(_ context.Context, src block.Source) (firmware.Sighting, error) {
	t, err := readTable(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: t.title(), Size: t.total}, nil
}

func openTable(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	t, err := readTable(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: t.title(), Role: firmware.DeviceTree, Announced: t.total}
	whole := block.Extent{Length: t.total}
	if t.total > src.Size() {
		part.Checks = append(part.Checks, firmware.Cut("table", t.total, src.Size()))
	}
	list := firmware.Check{What: "entries", Method: "structure", State: firmware.Passed, Extent: whole,
		Expected: fmt.Sprintf("%d device trees inside of %d bytes", t.count, t.total), Found: fmt.Sprintf("%d", t.count)}
	used := block.SetOf(block.Extent{Length: t.header}, block.Extent{Offset: t.at, Length: t.count * t.entry})
	seen := map[block.Extent]bool{}
	for i := range t.count {
		p, err := cursor.Read(src, "Android table of device trees: entry", t.at+i*t.entry, t.entry, 4096)
		if err != nil {
			list.State, list.Found = firmware.Failed, err.Error()
			break
		}
		c := cursor.New("Android table of device trees: entry", t.at+i*t.entry, p)
		e := block.Extent{Length: int64(c.Uint32BE()), Offset: int64(c.Uint32BE())}
		id, revision, flags := c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
		if !whole.Contains(e) || e.Length == 0 {
			list.State, list.Found = firmware.Failed, fmt.Sprintf("entry %d at %d with %d bytes", i+1, e.Offset, e.Length)
			continue
		}
		used.Add(e)
		if seen[e] { // several boards can have one tree
			continue
		}
		seen[e] = true
		child := region.Part(src, fmt.Sprintf("device tree %d, id %#x, revision %#x", i+1, id, revision), firmware.DeviceTree, e)
		if t.version == 1 && flags&0xF == 2 {
			o.Unpack(ctx, child, "gzip")
		} else {
			o.Inner(ctx, child)
		}
		part.Children = append(part.Children, child)
	}
	part.Checks = append(part.Checks, list)
	for e := range used.Complement(block.Extent{Length: min(t.total, src.Size())}).All() {
		part.Checks = append(part.Checks, region.Padding(ctx, src, "gap", e, 0))
		if len(part.Checks) > maxTrees {
			break
		}
	}
	region.Behind(ctx, src, part, o, block.Between(t.total, src.Size()))
	return part, ctx.Err()
}
