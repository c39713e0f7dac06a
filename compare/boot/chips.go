package boot

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

const espSector = 4096

var espStates = map[uint32]string{0: "new", 1: "pending verify", 2: "valid", 3: "invalid", 4: "aborted", 0xFFFFFFFF: "undefined"}

// otaData reads the two records by which an ESP chip chooses its application.
func otaData(_ context.Context, a Area) ([]Choice, error) {
	if name := strings.ToLower(a.Name); name != "otadata" && !strings.HasPrefix(name, "ota_data") {
		return nil, nil
	}
	c := Choice{Scheme: "ESP otadata", Where: a.Name, Offset: onMedium(a.Source, 0)}
	best, bestState := uint32(0), uint32(0)
	for i := range int64(2) {
		b := readAt(a.Source, i*espSector, 32)
		if b == nil {
			c.note(fmt.Sprintf("record %d cannot be read", i+1))
			continue
		}
		seq, state, sum := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[24:]), binary.LittleEndian.Uint32(b[28:])
		at := onMedium(a.Source, i*espSector)
		if seq == 0xFFFFFFFF {
			c.count(fmt.Sprintf("record %d", i+1), "erased", at)
			continue
		}
		word, known := espStates[state]
		if !known {
			word = fmt.Sprintf("0x%08x", state)
		}
		c.count(fmt.Sprintf("record %d sequence", i+1), strconv.FormatUint(uint64(seq), 10), at)
		c.count(fmt.Sprintf("record %d state", i+1), word, at+24)
		// The ROM's routine begins with all ones behind its own inversion, which is a beginning of zero.
		if got := crc32.Update(0xFFFFFFFF, crc32.IEEETable, b[:4]); got != sum {
			c.note(fmt.Sprintf("record %d does not count: its CRC-32 is %08x, expected %08x", i+1, sum, got))
			continue
		}
		if state != 3 && state != 4 && seq > best {
			best, bestState = seq, state
		}
	}
	if len(c.Counters) == 0 {
		return nil, nil
	}
	if best > 0 {
		// With n applications the chip starts number (sequence - 1) modulo n; nearly all devices have two.
		c.Next, c.Trial = fmt.Sprintf("ota_%d", (best-1)%2), bestState == 0 || bestState == 1
		c.note("for a device of two applications")
	} else {
		c.Next = "factory"
		c.note("no record counts: the chip starts the factory application, or the first one")
	}
	return []Choice{c}, nil
}

// Partition is a row of the partition table of an ESP chip.
type Partition struct {
	Name         string
	Type, Sub    byte
	Offset, Size int64
}

// ESPTable reads the partition table of an ESP chip's flash, of which b are the bytes at 0x8000; nil where none stands.
func ESPTable(b []byte) []Partition {
	var out []Partition
	for ; len(b) >= 32 && b[0] == 0xAA && b[1] == 0x50 && len(out) < 95; b = b[32:] {
		name, _, _ := bytes.Cut(b[12:28], []byte{0})
		p := Partition{Name: text(name), Type: b[2], Sub: b[3], Offset: int64(binary.LittleEndian.Uint32(b[4:])), Size: int64(binary.LittleEndian.Uint32(b[8:]))}
		if p.Size == 0 || p.Offset%espSector != 0 || p.Offset+p.Size > 1<<30 {
			return nil
		}
		out = append(out, p)
	}
	if len(out) > 0 && len(b) >= 2 && !(b[0] == 0xEB && b[1] == 0xEB) && !(b[0] == 0xFF && b[1] == 0xFF) {
		return nil
	}
	return out
}

// The magic numbers at the end of a slot of MCUboot: for writes of up to 8 bytes, and behind a size of writes.
var (
	mcuMagic  = []byte{0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f, 0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80}
	mcuMagic2 = []byte{0x2d, 0xe1, 0x5d, 0x29, 0x41, 0x0b, 0x8d, 0x77, 0x67, 0x9c, 0x11, 0x0f, 0x1f, 0x8a}
)

// mcuTrailer is the end of a slot of MCUboot.
type mcuTrailer struct {
	imageOK, copyDone, swap byte
	align                   int64
	okAt, doneAt, swapAt    int64
}

// parseTrailer reads the end of a slot; b are its last bytes, and size is that of the slot.
func parseTrailer(b []byte, size int64) (t mcuTrailer, ok bool) {
	if len(b) < 16 {
		return t, false
	}
	magic := b[len(b)-16:]
	switch {
	case bytes.Equal(magic, mcuMagic):
		t.align = 8
	case bytes.Equal(magic[2:], mcuMagic2):
		t.align = int64(binary.LittleEndian.Uint16(magic))
	default:
		return t, false
	}
	if t.align < 8 || t.align > 512 || int64(len(b)) < 16+3*t.align {
		return t, false
	}
	field := func(n int64) (byte, int64) {
		from := int64(len(b)) - 16 - n*t.align
		return b[from], size - 16 - n*t.align
	}
	t.imageOK, t.okAt = field(1)
	t.copyDone, t.doneAt = field(2)
	t.swap, t.swapAt = field(3)
	return t, true
}

var swapWords = map[byte]string{1: "none", 2: "test", 3: "permanent", 4: "revert", 5: "failed", 0xF: "not set"}

func flagWord(b byte) string {
	switch b {
	case 1:
		return "set"
	case 0xFF, 0:
		return "not set"
	}
	return fmt.Sprintf("0x%02x", b)
}

func readTrailer(a Area) (mcuTrailer, bool) {
	n := min(a.Source.Size(), 16+4*512)
	return parseTrailer(readAt(a.Source, a.Source.Size()-n, n), a.Source.Size())
}

// trailer reads the end of a slot of MCUboot.
func trailer(_ context.Context, a Area) ([]Choice, error) {
	if a.Loose {
		return nil, nil
	}
	t, ok := readTrailer(a)
	if !ok {
		return nil, nil
	}
	c := Choice{Scheme: "MCUboot trailer", Where: a.Name, Offset: onMedium(a.Source, a.Source.Size()-16)}
	c.count("image_ok", flagWord(t.imageOK), onMedium(a.Source, t.okAt))
	c.count("copy_done", flagWord(t.copyDone), onMedium(a.Source, t.doneAt))
	word := swapWords[t.swap&15]
	if word == "" {
		word = fmt.Sprintf("0x%02x", t.swap)
	}
	c.count("swap type", word, onMedium(a.Source, t.swapAt))
	return []Choice{c}, nil
}

// swaps says what MCUboot does at the next start, from the trailers of both slots: the tables of its design document,
// "Swap type".
func swaps(areas []Area) []Choice {
	var first, second *Area
	for i := range areas {
		switch strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(areas[i].Name)) {
		case "image0", "slot0", "primary", "primaryslot", "slot0partition":
			first = &areas[i]
		case "image1", "slot1", "secondary", "secondaryslot", "slot1partition":
			second = &areas[i]
		}
	}
	if first == nil || second == nil {
		return nil
	}
	p, okP := readTrailer(*first)
	s, okS := readTrailer(*second)
	c := Choice{Scheme: "MCUboot", Where: first.Name + " and " + second.Name, Offset: -1, Next: first.Name}
	switch {
	case !okP && !okS:
		return nil
	case okS && s.imageOK == 1:
		c.Next, c.Pending = second.Name, "the second slot is swapped in for good at the next start"
	case okS && s.imageOK != 1:
		c.Next, c.Trial, c.Pending = second.Name, true, "the second slot is swapped in on trial at the next start"
	case okP && p.imageOK != 1 && p.copyDone == 1:
		c.Next, c.Pending = second.Name, "the image on trial was not confirmed: the old one is swapped back at the next start"
	}
	if okP && p.copyDone != 1 && p.swap&15 >= 2 && p.swap&15 <= 4 {
		c.note("a swap was begun and is not done: MCUboot goes on with it at the next start")
	}
	return []Choice{c}
}
