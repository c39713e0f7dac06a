package mcuboot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// The magic at the end of a slot, for writes of up to 8 bytes, and what follows the size of larger ones.
var (
	endMagic  = []byte{0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80}
	endMagic2 = []byte{0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a}
)

// maxStates is the most that states of a swap take in front of the trailer, in bytes: three for each of 1024 sectors.
const maxStates = 3 * 1024 * 32

// trailer is the end of a slot.
type trailer struct {
	extent   block.Extent
	fields   [][]byte // image ok, copy done, swap info, size of the swap
	swapping bool     // a swap was begun, so that its states stand in front
}

var fieldNames = []string{"image_ok", "copy_done", "swap info", "size of the swap"}

// parseTrailer reads the last bytes of a slot of size bytes.
func parseTrailer(tail []byte, size int64) (*trailer, error) {
	if len(tail) < 16 {
		return nil, cursor.ErrNot
	}
	align, end := 8, tail[len(tail)-16:]
	switch {
	case bytes.Equal(end, endMagic):
	case bytes.Equal(end[2:], endMagic2):
		if align = int(binary.LittleEndian.Uint16(end)); align < 8 || align > 512 || align&(align-1) != 0 {
			return nil, cursor.Corrupt("MCUboot: trailer", size-16, "a size of writes of 8 to 512 bytes", align)
		}
	default:
		return nil, cursor.ErrNot
	}
	n := 16 + 4*align
	if n > len(tail) {
		return nil, cursor.Corrupt("MCUboot: trailer", size-16, fmt.Sprintf("%d bytes", n), fmt.Sprintf("%d bytes", len(tail)))
	}
	t := &trailer{extent: block.Extent{Offset: size - int64(n), Length: int64(n)}}
	for i := range fieldNames {
		from := len(tail) - 16 - (i+1)*align
		t.fields = append(t.fields, tail[from:from+align])
	}
	t.swapping = !erased(t.fields[1]) || !erased(t.fields[2]) || !erased(t.fields[3])
	return t, nil
}

func erased(p []byte) bool { return len(bytes.Trim(p, "\xFF")) == 0 }

// trouble says which field is none, "" for a sound trailer.
func (t *trailer) trouble() string {
	for i, f := range t.fields {
		rest := f[1:]
		if i == 3 {
			rest = f[4:]
		}
		ok := erased(f) || i == 3 || f[0] == 1 && i < 2 || i == 2 && f[0]&15 >= 1 && f[0]&15 <= 5
		if !ok || !erased(rest) && len(bytes.Trim(rest, "\x00")) > 0 {
			return fmt.Sprintf("%s is %x", fieldNames[i], f)
		}
	}
	return ""
}

// words say what the trailer says.
func (t *trailer) words() string {
	swap := map[byte]string{1: "none", 2: "on trial", 3: "for good", 4: "back", 5: "failed"}
	var out []string
	if t.fields[2][0] != 0xFF {
		out = append(out, "a swap was begun: "+swap[t.fields[2][0]&15])
	}
	if t.fields[1][0] == 1 {
		out = append(out, "a swap was completed")
	}
	if t.fields[0][0] == 1 {
		out = append(out, "the image is confirmed")
	} else {
		out = append(out, "the image is not confirmed: it is started on trial, and the old one comes back unless it confirms itself")
	}
	return strings.Join(out, ", ")
}

// behind checks what stands behind an image: the rest of its slot with the trailer, or something else.
func behind(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, end int64) {
	size := src.Size()
	n := min(16+4*512, size-end)
	tail, err := cursor.Read(src, "MCUboot: trailer", size-n, n, n)
	if err != nil {
		region.Behind(ctx, src, part, o, block.Between(end, size))
		return
	}
	t, err := parseTrailer(tail, size)
	if err != nil {
		if !errors.Is(err, cursor.ErrNot) {
			part.Checks = append(part.Checks, firmware.Check{What: "trailer", Method: "structure", State: firmware.Failed, Extent: block.Between(size-16, size), Expected: "a trailer", Found: err.Error()})
		}
		region.Behind(ctx, src, part, o, block.Between(end, size))
		return
	}
	c := firmware.Check{What: "trailer", Method: "structure", State: firmware.Passed, Extent: t.extent, Strong: erased(t.fields[2]) && erased(t.fields[3]), Expected: "fields that are set or erased", Found: t.words()}
	if why := t.trouble(); why != "" {
		c.State, c.Found = firmware.Failed, why
	}
	part.Checks = append(part.Checks, c)
	part.Findings = append(part.Findings, swapState.New(finding.At(t.extent.Offset, t.extent.Length), finding.Expected(nil, t.words())))
	gap := block.Between(end, t.extent.Offset)
	if t.swapping {
		// States of the swap are written from the end of the slot on; nothing forces them.
		gap = block.Between(end, max(end, t.extent.Offset-maxStates))
		if whole, ok := region.Filled(ctx, src, "rest of the slot", block.Between(end, t.extent.Offset)); ok {
			part.Checks = append(part.Checks, whole)
			return
		}
	}
	if gap.Length > 0 {
		value := byte(0xFF)
		if zero, ok := region.Filled(ctx, src, "rest of the slot", block.Extent{Offset: end, Length: min(gap.Length, 16)}); ok && strings.HasSuffix(zero.Expected, "0x00") {
			value = 0 // memory that is erased to zeros
		}
		part.Checks = append(part.Checks, region.Padding(ctx, src, "rest of the slot", gap, value))
	}
}
