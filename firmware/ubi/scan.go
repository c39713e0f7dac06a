package ubi

import (
	"context"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fsimage"
)

// maxTold is how many failures of one kind are told one by one.
const maxTold = 20

// leb is where a block of a volume stands.
type leb struct {
	at       int64 // of the data in the image
	sequence uint64
	size     int64 // of data with a sum
	used     int64
	kind     byte
	broken   bool // its data does not fit its sum
}

// image is a UBI image while it is read.
type image struct {
	src     block.Source
	win     *fsimage.Window
	size    int64 // of an erase block
	data    int64 // where data begins in a block
	part    *firmware.Part
	told    map[string]int
	proven  block.Set
	volumes map[uint32]map[int64]leb
	doubled int
	free    int
	headers int
}

// blockSize finds how large erase blocks are: the smallest power of two at whose multiples headers stand. 0 when there is
// one block only.
func blockSize(src block.Source) (int64, error) {
	best := int64(0)
	for size := int64(minBlock); size <= maxBlock && size < src.Size(); size *= 2 {
		seen, all := 0, 0
		for at := size; at+headSize <= src.Size() && all < 64; at += size {
			p, err := cursor.Read(src, "ubi: header", at, headSize, headSize)
			if err != nil {
				if _, broken := cursor.IsCorrupt(err); !broken {
					continue // what cannot be read says nothing
				}
				return 0, err
			}
			all++
			if h, err := parseErase(p); err == nil && (h.valid() || h.plausible()) {
				seen++
			}
		}
		if all > 0 && seen*4 >= all*3 {
			return size, nil
		}
		// A dump whose later blocks are damaged or erased still begins with two headers.
		if p, err := cursor.Read(src, "ubi: header", size, headSize, headSize); err == nil && best == 0 {
			if h, err := parseErase(p); err == nil && h.valid() {
				best = size
			}
		}
	}
	return best, nil
}

func (m *image) add(c firmware.Check) {
	if c.State == firmware.Passed {
		m.part.Checks = append(m.part.Checks, c)
		return
	}
	if m.told[c.What]++; m.told[c.What] <= maxTold {
		m.part.Checks = append(m.part.Checks, c)
	}
}

// scan reads the headers of all erase blocks, and the data that has a sum.
func (m *image) scan(ctx context.Context) error {
	for i, at := 0, int64(0); at+headSize <= m.src.Size() && i < maxBlocks; i, at = i+1, at+m.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := block.Between(at, min(at+m.size, m.src.Size()))
		p, err := m.win.Bytes("ubi: header of an erase block", at, headSize)
		if err != nil {
			m.add(fsimage.Failed(fmt.Sprintf("erase block %d", i), "CRC-32", e, err))
			continue
		}
		h, err := parseErase(p)
		if err != nil {
			if fill := fsimage.Fill(ctx, m.src, e); fill.Length == e.Length {
				m.proven.Add(e)
				m.free++
				continue // erased, and never given to UBI
			}
			m.add(firmware.Check{What: fmt.Sprintf("header of erase block %d", i), Method: "CRC-32", State: firmware.Failed, Extent: block.Extent{Offset: at, Length: headSize}, Expected: `"UBI#"`, Found: fmt.Sprintf("%q", p[:4])})
			continue
		}
		m.headers++
		head := block.Extent{Offset: at, Length: headSize}
		if !h.valid() {
			m.add(firmware.Sum32(fmt.Sprintf("header of erase block %d", i), "CRC-32", head, h.sum, h.have))
			if h.head != m.headAt() || h.data != m.data {
				h.head, h.data = m.headAt(), m.data // as in all other blocks
			}
		} else {
			m.proven.Add(head)
		}
		if h.data >= m.size || h.head+headSize > h.data {
			continue
		}
		m.block(ctx, i, at, h)
	}
	return nil
}

// headAt is where the second header stands in most blocks: in the last page before the data, or behind the first header.
func (m *image) headAt() int64 {
	if p, err := cursor.Read(m.src, "ubi: header", 0, headSize, headSize); err == nil {
		if h, err := parseErase(p); err == nil && h.plausible() {
			return h.head
		}
	}
	return headSize
}

// block reads the second header of a block and the data behind it.
func (m *image) block(ctx context.Context, i int, at int64, h *eraseHeader) {
	if at+h.data > m.src.Size() {
		return // told as cut
	}
	m.gap(ctx, block.Between(at+headSize, at+h.head))
	m.gap(ctx, block.Between(at+h.head+headSize, at+h.data))
	e := block.Extent{Offset: at + h.head, Length: headSize}
	what := fmt.Sprintf("volume header of erase block %d", i)
	p, err := m.win.Bytes("ubi: "+what, e.Offset, headSize)
	if err != nil {
		m.add(fsimage.Failed(what, "CRC-32", e, err))
		return
	}
	v := parseVolume(p)
	content := block.Between(at+h.data, min(at+m.size, m.src.Size()))
	switch {
	case v.erased:
		m.proven.Add(e)
		m.free++
		m.gap(ctx, content)
		return
	case v.otherwise:
		m.add(firmware.Check{What: what, Method: "CRC-32", State: firmware.Failed, Extent: e, Expected: `"UBI!", or an erased block`, Found: fmt.Sprintf("%q", p[:4])})
		return
	case v.sum != v.have:
		m.add(firmware.Sum32(what, "CRC-32", e, v.sum, v.have))
		return
	}
	m.proven.Add(e)
	l := leb{at: content.Offset, sequence: v.sequence, size: v.size, used: v.used, kind: v.kind}
	if v.kind == static || v.copied != 0 {
		l.broken = !m.sum(ctx, i, content, v)
	}
	blocks := m.volumes[v.volume]
	if blocks == nil {
		blocks = map[int64]leb{}
		m.volumes[v.volume] = blocks
	}
	if old, ok := blocks[v.number]; ok {
		m.doubled++
		// The newer one counts; a copy that was not finished does not.
		if old.sequence > l.sequence && !old.broken || l.broken && !old.broken {
			return
		}
	}
	blocks[v.number] = l
}

// sum checks the data of a block.
func (m *image) sum(ctx context.Context, i int, content block.Extent, v *volumeHeader) bool {
	over := block.Extent{Offset: content.Offset, Length: v.size}
	what := fmt.Sprintf("data of erase block %d", i)
	if v.size > m.size-m.data {
		m.add(firmware.Check{What: what, Method: "size", State: firmware.Failed, Extent: content, Expected: fmt.Sprintf("at most %d bytes", m.size-m.data), Found: fmt.Sprintf("%d bytes", v.size)})
		return false
	}
	p, err := m.win.Bytes("ubi: "+what, over.Offset, over.Length)
	if err != nil {
		if over.End() <= m.src.Size() {
			m.add(fsimage.Failed(what, "CRC-32", over, err))
		}
		return false
	}
	if have := fsimage.Raw32(ones, p); have != v.dataSum {
		m.add(firmware.Sum32(what, "CRC-32", over, v.dataSum, have))
		return false
	}
	m.proven.Add(over)
	m.gap(ctx, block.Between(over.End(), content.End()))
	return true
}

// gap checks bytes that nothing uses: UBI leaves them erased.
func (m *image) gap(ctx context.Context, e block.Extent) {
	e = e.Intersect(block.Extent{Length: m.src.Size()})
	switch c, known := fsimage.Filling(ctx, m.src, "free bytes", e, 0xFF); {
	case !known:
	case c.State == firmware.Passed:
		m.proven.Add(e)
	default:
		m.add(c)
	}
}
