package mp4

import (
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// item is one item of a HEIF picture.
type item struct {
	kind    string
	extents []block.Extent
}

const (
	maxItems   = 1 << 16
	maxExtents = 1 << 18 // of all items
)

// picture reads the meta box of HEIC and AVIF files: each item must lie inside the file.
func (x *exam) picture() error {
	if x.meta == nil || x.moov != nil && !x.isPicture() {
		return nil
	}
	body := x.meta.body + 4
	kinds := map[uint32]string{}
	var location *box
	primary := uint32(0)
	var inner block.Extent // of idat
	nal := &track{}
	seen := false
	err := x.children(body, x.meta.end, func(b box) error {
		switch b.kind {
		case "pitm":
			c, err := x.fields(b, 6)
			if err != nil {
				return err
			}
			if c.Uint32BE()>>24 == 0 {
				primary = uint32(c.Uint16BE())
			} else if c, err = x.fields(b, 8); err == nil {
				c.Skip(4)
				primary = c.Uint32BE()
			}
			seen = true
			return err
		case "iinf":
			return x.itemInfos(b, kinds)
		case "iloc":
			location = &b
		case "idat":
			inner = block.Between(b.body, b.end)
		case "iprp":
			return x.children(b.body, b.end, func(p box) error {
				if p.kind != "ipco" {
					return nil
				}
				return x.children(p.body, p.end, func(d box) error { return x.nalLength(nal, d) })
			})
		}
		return nil
	})
	if err != nil || location == nil {
		return err
	}
	items, err := x.locations(*location, inner)
	if err != nil {
		return err
	}
	if seen && len(kinds) > 0 && kinds[primary] == "" {
		return cursor.Corrupt("mp4: primary item", x.meta.off, "an item of the picture", primary)
	}
	for id, it := range items {
		it.kind = kinds[id]
		if it.kind == "" && len(kinds) > 0 {
			return cursor.Corrupt("mp4: item location", location.off, "an item of the picture", id)
		}
		total := int64(0)
		for _, e := range it.extents {
			total += e.Length
			if !inner.Contains(e) && !x.inside(e) {
				return cursor.Corrupt(fmt.Sprintf("mp4: item %d", id), location.off, "a place inside the data",
					fmt.Sprintf("%d bytes at %#x", e.Length, e.Offset))
			}
		}
		if it.kind == "hvc1" && nal.nal > 0 && len(it.extents) == 1 && it.extents[0].End() <= x.src.Size() {
			if err := x.note(x.nalUnits(it.extents[0], nal.nal)); err != nil {
				return err
			}
		}
		x.samples++
	}
	x.exifItem(items)
	return nil
}

func (x *exam) itemInfos(b box, kinds map[uint32]string) error {
	c, err := x.fields(b, 8)
	if err != nil {
		return err
	}
	body, count := b.body+6, uint32(0)
	if c.Uint32BE()>>24 == 0 {
		count = uint32(c.Uint16BE())
	} else {
		count = c.Uint32BE()
		body += 2
	}
	n := uint32(0)
	err = x.children(body, b.end, func(e box) error {
		if n++; e.kind != "infe" || n > maxItems {
			return nil
		}
		c, err := x.fields(e, 12)
		if err != nil {
			return err
		}
		version := c.Uint32BE() >> 24
		if version < 2 {
			return nil
		}
		id := uint32(0)
		if version == 2 {
			id = uint32(c.Uint16BE())
		} else {
			id = c.Uint32BE()
		}
		c.Skip(2)
		if version == 3 {
			if c, err = x.fields(e, 14); err != nil {
				return err
			}
			c.Skip(10)
		}
		kinds[id] = string(c.Bytes(4))
		return c.Err()
	})
	if err == nil && n != count {
		err = cursor.Corrupt("mp4: box iinf", b.body+4, n, count)
	}
	return err
}

// locations reads iloc. inner is the content of idat, to which some items count.
func (x *exam) locations(b box, inner block.Extent) (map[uint32]*item, error) {
	if b.end-b.body > bufferSize {
		return nil, cursor.Corrupt("mp4: box iloc", b.off, fmt.Sprintf("up to %d bytes", bufferSize), b.end-b.body)
	}
	c, err := x.fields(b, int(b.end-b.body))
	if err != nil {
		return nil, err
	}
	version := c.Uint32BE() >> 24
	widths := c.Uint16BE()
	number := func(width uint16) int64 {
		switch width {
		case 4:
			return int64(c.Uint32BE())
		case 8:
			return int64(c.Uint64BE() & (1<<62 - 1))
		}
		return 0
	}
	offsetSize, lengthSize, baseSize, indexSize := widths>>12, widths>>8&15, widths>>4&15, widths&15
	for _, s := range []uint16{offsetSize, lengthSize, baseSize} {
		if s != 0 && s != 4 && s != 8 {
			return nil, cursor.Corrupt("mp4: box iloc", b.body+4, "fields of 0, 4 or 8 bytes", s)
		}
	}
	count := uint32(0)
	if version < 2 {
		count = uint32(c.Uint16BE())
	} else {
		count = c.Uint32BE()
	}
	items := map[uint32]*item{}
	total := 0
	for range min(count, maxItems) {
		id := uint32(0)
		if version < 2 {
			id = uint32(c.Uint16BE())
		} else {
			id = c.Uint32BE()
		}
		method := uint16(0)
		if version > 0 {
			method = c.Uint16BE() & 15
		}
		reference := c.Uint16BE()
		base := number(baseSize)
		it := &item{}
		for range c.Uint16BE() {
			if version > 0 {
				number(indexSize)
			}
			e := block.Extent{Offset: base + number(offsetSize), Length: number(lengthSize)}
			if total++; c.Err() != nil || total > maxExtents {
				break
			}
			switch {
			case reference != 0 || method > 1:
				continue // in another file, or made of other items
			case method == 1:
				e.Offset += inner.Offset
			case e.Length == 0:
				continue // the whole file
			}
			it.extents = append(it.extents, e)
		}
		if err := c.Err(); err != nil {
			return nil, err
		}
		items[id] = it
	}
	return items, nil
}
