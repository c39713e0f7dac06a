package mend

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
)

var le = binary.LittleEndian

// Partition is an entry of a table that is to be written.
type Partition struct {
	Number int          // from 1, as the scheme counts; logical partitions of an MBR begin at 5
	Extent block.Extent // on the medium, whole sectors
	// Type is a GUID in a GPT, two hexadecimal digits with or without "0x" in an MBR.
	Type       string
	UUID       string // GPT only; "" makes one out of the place and size
	Name       string // GPT only, at most 36 UTF-16 units
	Attributes uint64 // GPT only
	Active     bool   // MBR only
}

// Table is a partition table that is to be written.
type Table struct {
	Size       int64 // of the medium, bytes
	SectorSize int64 // bytes
	UUID       string
	Partitions []Partition
}

// Structure is bytes that belong at a place.
type Structure struct {
	Name   string
	Offset int64
	Data   []byte
}

const (
	gptEntrySize  = 128
	gptEntries    = 128
	gptHeaderSize = 92
	maxGPTEntries = 1 << 12
)

// check tests that the partitions lie in whole sectors from first to last, each number and byte once.
func (t *Table) check(first, last int64) error {
	if t.SectorSize < 512 || t.SectorSize > 4096 || t.SectorSize&(t.SectorSize-1) != 0 {
		return fmt.Errorf("mend: table: sectors of 512 to 4096 bytes, found %d", t.SectorSize)
	}
	list := slices.Clone(t.Partitions)
	slices.SortFunc(list, func(a, b Partition) int { return int(min(max(a.Extent.Offset-b.Extent.Offset, -1), 1)) })
	numbers := map[int]bool{}
	for i, p := range list {
		e := p.Extent
		switch {
		case !e.Valid() || e.Length == 0 || e.Offset%t.SectorSize != 0 || e.Length%t.SectorSize != 0:
			return fmt.Errorf("mend: table: partition %d: expected whole sectors of %d bytes, found %v", p.Number, t.SectorSize, e)
		case e.Offset < first || e.End() > last:
			return fmt.Errorf("mend: table: partition %d: expected a place from %d to %d, found %v", p.Number, first, last, e)
		case i > 0 && list[i-1].Extent.End() > e.Offset:
			return fmt.Errorf("mend: table: partitions %d and %d overlap at %d", list[i-1].Number, p.Number, e.Offset)
		case p.Number < 1 || numbers[p.Number]:
			return fmt.Errorf("mend: table: partition number %d: expected each number once, from 1", p.Number)
		}
		numbers[p.Number] = true
	}
	return nil
}

// GPT encodes both copies of a GUID partition table and the protective MBR before them.
func GPT(t Table) ([]Structure, error) {
	array := int64(gptEntries * gptEntrySize)
	sectors := (array + t.SectorSize - 1) / max(t.SectorSize, 1)
	if t.SectorSize <= 0 || t.Size/t.SectorSize < 2*sectors+4 {
		return nil, fmt.Errorf("mend: GPT: the medium of %d bytes has no room for it", t.Size)
	}
	total := t.Size / t.SectorSize
	first, last := 2+sectors, total-2-sectors
	// Formatters begin at whole MiB; what stands before that may still be a partition of another tool.
	if err := t.check(first*t.SectorSize, (last+1)*t.SectorSize); err != nil {
		return nil, err
	}
	entries := make([]byte, array)
	for _, p := range t.Partitions {
		if p.Number > gptEntries {
			return nil, fmt.Errorf("mend: GPT: partition number %d: expected 1 to %d", p.Number, gptEntries)
		}
		b := entries[(p.Number-1)*gptEntrySize:][:gptEntrySize]
		kind, err := parseGUID(p.Type)
		if err != nil {
			return nil, fmt.Errorf("mend: GPT: type of partition %d: %w", p.Number, err)
		}
		own := p.UUID
		if own == "" {
			own = madeUp("partition", t.Size, p.Extent.Offset, p.Extent.Length)
		}
		id, err := parseGUID(own)
		if err != nil {
			return nil, fmt.Errorf("mend: GPT: UUID of partition %d: %w", p.Number, err)
		}
		copy(b, kind[:])
		copy(b[16:], id[:])
		le.PutUint64(b[32:], uint64(p.Extent.Offset/t.SectorSize))
		le.PutUint64(b[40:], uint64(p.Extent.End()/t.SectorSize-1))
		le.PutUint64(b[48:], p.Attributes)
		for i, u := range utf16.Encode([]rune(p.Name)) {
			if i < 36 {
				le.PutUint16(b[56+2*i:], u)
			}
		}
	}
	disk := t.UUID
	if disk == "" {
		disk = madeUp("disk", t.Size, t.SectorSize, int64(crc32.ChecksumIEEE(entries)))
	}
	id, err := parseGUID(disk)
	if err != nil {
		return nil, fmt.Errorf("mend: GPT: UUID of the disk: %w", err)
	}
	header := func(at, other, table int64) []byte {
		b := make([]byte, t.SectorSize)
		copy(b, "EFI PART")
		le.PutUint32(b[8:], 0x00010000)
		le.PutUint32(b[12:], gptHeaderSize)
		le.PutUint64(b[24:], uint64(at))
		le.PutUint64(b[32:], uint64(other))
		le.PutUint64(b[40:], uint64(first))
		le.PutUint64(b[48:], uint64(last))
		copy(b[56:], id[:])
		le.PutUint64(b[72:], uint64(table))
		le.PutUint32(b[80:], gptEntries)
		le.PutUint32(b[84:], gptEntrySize)
		le.PutUint32(b[88:], crc32.ChecksumIEEE(entries))
		le.PutUint32(b[16:], crc32.ChecksumIEEE(b[:gptHeaderSize]))
		return b
	}
	return []Structure{
		{"protective MBR", 0, protective(nil, total, t.SectorSize)},
		{"GPT header", t.SectorSize, header(1, total-1, 2)},
		{"GPT entries", 2 * t.SectorSize, entries},
		{"GPT backup entries", (last + 1) * t.SectorSize, entries},
		{"GPT backup header", (total - 1) * t.SectorSize, header(total-1, 1, last+1)},
	}, nil
}

// protective encodes the MBR before a GPT, with the boot code of the sector that stands there.
func protective(old []byte, total, sector int64) []byte {
	b := make([]byte, sector)
	copy(b, old)
	clear(b[446:510])
	e := b[446:]
	copy(e, []byte{0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0})
	le.PutUint32(e[12:], uint32(min(total-1, 0xFFFFFFFF)))
	b[510], b[511] = 0x55, 0xAA
	return b
}

// RestoreGPT gives the other copy of a GPT back from the one whose header stands at the byte at, and the protective MBR
// where there is no MBR at all. The good copy must pass both of its checksums.
func RestoreGPT(src block.Source, at, sector int64) (List, error) {
	var out List
	h, entries, err := readGPT(src, at, sector)
	if err != nil {
		return out, err
	}
	own, other := int64(le.Uint64(h[24:])), int64(le.Uint64(h[32:]))
	total := src.Size() / sector
	length := (int64(len(entries)) + sector - 1) / sector
	name, table := "GPT", int64(2)
	if own == 1 {
		name, table = "GPT backup", other-length
	} else {
		other = 1
	}
	if other < 1 || other >= total || table < 2 || (table+length)*sector > src.Size() {
		out.Note("The copy at sector %d says that the other one stands at sector %d, which this medium of %d sectors has not.", own, other, total)
		return out, nil
	}
	b := make([]byte, sector)
	copy(b, h[:le.Uint32(h[12:])])
	le.PutUint64(b[24:], uint64(other))
	le.PutUint64(b[32:], uint64(own))
	le.PutUint64(b[72:], uint64(table))
	le.PutUint32(b[16:], 0)
	le.PutUint32(b[16:], crc32.ChecksumIEEE(b[:le.Uint32(h[12:])]))
	why := fmt.Sprintf("the copy at sector %d, whose header and entries pass their checksums", own)
	if err := out.Add(src, name+" header", other*sector, b, why); err != nil {
		return out, err
	}
	if err := out.Add(src, name+" entries", table*sector, entries, why); err != nil {
		return out, err
	}
	first := make([]byte, 512)
	n, err := block.Filled(src).ReadAt(first, 0)
	if n < len(first) {
		return out, err
	}
	marked := first[510] == 0x55 && first[511] == 0xAA
	if !marked || allZero(first[446:510]) {
		err = out.Add(src, "protective MBR", 0, protective(first, total, 512), why, "no entry of an MBR is left in sector 0")
	}
	return out, err
}

func allZero(b []byte) bool { return bytes.Count(b, []byte{0}) == len(b) }

// readGPT reads the header at the byte at and its entries, and checks both checksums.
func readGPT(src block.Source, at, sector int64) (header, entries []byte, err error) {
	h, err := cursor.Read(src, "GPT header", at, sector, 4096)
	if err != nil {
		return nil, nil, err
	}
	n := le.Uint32(h[12:])
	if string(h[:8]) != "EFI PART" || n < gptHeaderSize || int64(n) > sector {
		return nil, nil, cursor.Corrupt("GPT header", at, "EFI PART and a size of 92 bytes or more", fmt.Sprintf("%q, %d", h[:8], n))
	}
	sum := le.Uint32(h[16:])
	le.PutUint32(h[16:], 0)
	if got := crc32.ChecksumIEEE(h[:n]); got != sum {
		return nil, nil, cursor.Corrupt("GPT header: checksum", at+16, fmt.Sprintf("%08x", sum), fmt.Sprintf("%08x", got))
	}
	le.PutUint32(h[16:], sum)
	count, size := int64(le.Uint32(h[80:])), int64(le.Uint32(h[84:]))
	if count < 1 || count > maxGPTEntries || size < gptEntrySize || size > 4096 || size&(size-1) != 0 {
		return nil, nil, cursor.Corrupt("GPT header: entries", at+80, fmt.Sprintf("1 to %d of 128 to 4096 bytes", maxGPTEntries), fmt.Sprintf("%d of %d", count, size))
	}
	place := le.Uint64(h[72:])
	if place < 2 || place >= uint64(src.Size()/sector) {
		return nil, nil, cursor.Corrupt("GPT header: place of the entries", at+72, "a sector of the medium", place)
	}
	entries, err = cursor.Read(src, "GPT entries", int64(place)*sector, count*size, maxGPTEntries*4096)
	if err != nil {
		return nil, nil, err
	}
	if got, want := crc32.ChecksumIEEE(entries), le.Uint32(h[88:]); got != want {
		return nil, nil, cursor.Corrupt("GPT entries: checksum", int64(place)*sector, fmt.Sprintf("%08x", want), fmt.Sprintf("%08x", got))
	}
	return h, entries, nil
}

// parseGUID turns the usual text of a GUID into the bytes of a table.
func parseGUID(text string) (out [16]byte, err error) {
	p, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(p) != 16 || len(text) != 36 {
		return out, fmt.Errorf("expected a GUID such as 0FC63DAF-8483-4772-8E79-3D69D8477DE4, found %.40q", text)
	}
	copy(out[:], p)
	slices.Reverse(out[0:4])
	slices.Reverse(out[4:6])
	slices.Reverse(out[6:8])
	return out, nil
}

// madeUp returns a GUID of version 8 that follows from what it names, so that mending twice gives the same bytes.
func madeUp(what string, numbers ...int64) string {
	var b bytes.Buffer
	io.WriteString(&b, "salvor "+what)
	for _, n := range numbers {
		b.Write(le.AppendUint64(nil, uint64(n)))
	}
	p := digest(b.Bytes())
	p[6] = p[6]&0x0F | 0x80
	p[8] = p[8]&0x3F | 0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", p[:4], p[4:6], p[6:8], p[8:10], p[10:16]))
}
