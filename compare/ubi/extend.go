package ubi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"

	"salvor/block"
)

// Write is bytes that a copy of the flash gets.
type Write struct {
	At   int64
	Data []byte
}

// Extend says how a copy of the flash gets the erase blocks that the first size bytes of a volume lack: it returns the volume
// with them, whose Origin leads to their places, and the headers that these need. Each gets an erase
// block that is free, and is not free any more for what is asked next. A
// marker of an update that was begun and not ended is taken off. Static volumes, whose sums are over all of their blocks,
// are refused, and an image without enough free blocks.
func (img *Image) Extend(v *Volume, size int64) (block.Source, []Write, error) {
	old, ok := v.Source.(*mapped)
	if !ok || v.Static {
		return nil, nil, fmt.Errorf("ubi: %s is a static volume, whose blocks name the sums of all its content", v.Name)
	}
	if size > old.size {
		return nil, nil, fmt.Errorf("ubi: %s has %d bytes, %d are wanted", v.Name, old.size, size)
	}
	next := &mapped{src: old.src, size: old.size, unit: old.unit, at: maps.Clone(old.at)}
	var out []Write
	free, blank := img.free, img.blank
	sequence := img.sequence
	for n := int64(0); n*old.unit < size; n++ {
		if _, ok := next.at[n]; ok {
			continue
		}
		if len(free) == 0 {
			peb, err := img.erased(&blank)
			if err != nil {
				return nil, nil, fmt.Errorf("ubi: block %d of %s: %w", n, v.Name, err)
			}
			out = append(out, Write{peb, eraseHeaderOf(img.first)})
			free = []int64{peb}
		}
		peb := free[0]
		free = free[1:]
		// What stands behind the headers of a free block may be left of a write that was torn: it is erased with them.
		data := bytes.Repeat([]byte{0xFF}, int(img.EraseSize-img.first.data))
		sequence++
		out = append(out, Write{peb + img.first.second, volumeHeaderOf(uint32(v.ID), uint32(n), uint32(img.EraseSize-img.first.data-old.unit), sequence)}, Write{peb + img.first.data, data})
		next.at[n] = peb + img.first.data
	}
	if v.Updating {
		for _, at := range img.tables {
			b := make([]byte, recordSize)
			place := at + int64(v.ID)*recordSize
			if n, err := img.src.ReadAt(b, place); n < len(b) {
				return nil, nil, fmt.Errorf("ubi: %w", err)
			}
			b[13] = 0
			binary.BigEndian.PutUint32(b[168:], sum(b[:168]))
			out = append(out, Write{place, b})
		}
	}
	img.free, img.blank, img.sequence = free, blank, sequence
	return next, out, nil
}

// volumeHeaderOf makes the second header of a block of a dynamic volume.
func volumeHeaderOf(volume, number, pad uint32, sequence uint64) []byte {
	b := make([]byte, headerSize)
	copy(b, "UBI!")
	b[4], b[5] = 1, 1
	binary.BigEndian.PutUint32(b[8:], volume)
	binary.BigEndian.PutUint32(b[12:], number)
	binary.BigEndian.PutUint32(b[28:], pad)
	binary.BigEndian.PutUint64(b[40:], sequence)
	binary.BigEndian.PutUint32(b[60:], sum(b[:60]))
	return b
}

// erased takes the next erase block that holds nothing at all, which UBI takes for a free one as well.
func (img *Image) erased(blank *[]int64) (int64, error) {
	b := make([]byte, img.EraseSize)
	for len(*blank) > 0 {
		at := (*blank)[0]
		*blank = (*blank)[1:]
		n, err := img.src.ReadAt(b, at)
		if _, lost := block.IsUnreadable(err); n < len(b) && !lost {
			return 0, err
		}
		if n == len(b) && len(bytes.Trim(b, "\xff")) == 0 {
			return at, nil
		}
	}
	return 0, errors.New("no erase block is free")
}

// eraseHeaderOf makes the first header of an erase block, as those of the image are; it counts as erased once.
func eraseHeaderOf(h eraseHeader) []byte {
	b := make([]byte, headerSize)
	copy(b, "UBI#")
	b[4], b[15] = 1, 1
	binary.BigEndian.PutUint32(b[16:], uint32(h.second))
	binary.BigEndian.PutUint32(b[20:], uint32(h.data))
	binary.BigEndian.PutUint32(b[24:], h.image)
	binary.BigEndian.PutUint32(b[60:], sum(b[:60]))
	return b
}
