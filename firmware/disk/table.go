package disk

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"unicode/utf16"

	"salvor/block"
	"salvor/cursor"
)

const (
	sector     = 512
	maxEntries = 512
	maxLogical = 256
	headSize   = 92
	maxHead    = 4096
	gptType    = 0xEE
	efiSystem  = "\x28\x73\x2A\xC1\x1F\xF8\xD2\x11\xBA\x4B\x00\xA0\xC9\x3E\xC9\x3B"
	biosBoot   = "\x48\x61\x68\x21\x49\x64\x6F\x6E\x74\x4E\x65\x65\x64\x45\x46\x49"
)

var le = binary.LittleEndian

// partition is one by the table's word.
type partition struct {
	number int
	block.Extent
	name   string
	loader bool
}

// record reads the entries of a master boot record. It answers cursor.ErrNot unless all that it says can be.
func record(p []byte) ([]partition, bool, error) {
	if len(p) < sector || p[510] != 0x55 || p[511] != 0xAA {
		return nil, false, cursor.ErrNot
	}
	var out []partition
	protective := false
	for i := range 4 {
		e := p[446+16*i:][:16]
		if e[0]&0x7F != 0 {
			return nil, false, cursor.ErrNot
		}
		first, count := int64(le.Uint32(e[8:])), int64(le.Uint32(e[12:]))
		if e[4] == 0 {
			if !bytes.Equal(e, make([]byte, 16)) {
				return nil, false, cursor.ErrNot
			}
			continue
		}
		if first == 0 || count == 0 {
			return nil, false, cursor.ErrNot
		}
		protective = protective || e[4] == gptType
		x := partition{number: i + 1, Extent: block.Extent{Offset: first * sector, Length: count * sector}, name: fmt.Sprintf("type %#02x", e[4])}
		for _, o := range out {
			if o.Overlaps(x.Extent) && !protective {
				return nil, false, cursor.ErrNot
			}
		}
		out = append(out, x)
	}
	if len(out) == 0 {
		return nil, false, cursor.ErrNot
	}
	return out, protective, nil
}

// container reports whether a partition of that type holds others.
func container(kind byte) bool { return kind == 5 || kind == 15 || kind == 0x85 }

// readRecord reads the record of a disk with the partitions in its extended one.
func readRecord(src block.Source) (out []partition, records []block.Extent, protective bool, err error) {
	p, err := cursor.Read(src, "disk: boot record", 0, sector, sector)
	if err != nil {
		return nil, nil, false, cursor.ErrNot
	}
	all, protective, err := record(p)
	if err != nil {
		return nil, nil, false, err
	}
	for _, x := range all {
		if kind := p[446+16*(x.number-1)+4]; container(kind) {
			below, more := logical(src, x.Extent)
			out, records = append(out, below...), append(records, more...)
		} else {
			out = append(out, x)
		}
	}
	return out, records, protective, nil
}

// logical follows the records of an extended partition.
func logical(src block.Source, in block.Extent) (out []partition, records []block.Extent) {
	seen := cursor.NewVisited(maxLogical)
	for at := in.Offset; seen.Enter(at); {
		p, err := cursor.Read(src, "disk: boot record", at, sector, sector)
		if err != nil || p[510] != 0x55 || p[511] != 0xAA {
			return out, records
		}
		records = append(records, block.Extent{Offset: at, Length: sector})
		first, next := p[446:462], p[462:478]
		if first[4] != 0 {
			e := block.Extent{Offset: at + int64(le.Uint32(first[8:]))*sector, Length: int64(le.Uint32(first[12:])) * sector}
			out = append(out, partition{number: 5 + len(out), Extent: e, name: fmt.Sprintf("type %#02x", first[4])})
		}
		if next[4] == 0 {
			return out, records
		}
		at = in.Offset + int64(le.Uint32(next[8:]))*sector
	}
	return out, records
}

// gpt is one copy of a GPT.
type gpt struct {
	at, size            int64 // of the header, bytes
	sector              int64
	other               int64 // where the other header should stand
	list                block.Extent
	count, width        int64
	sum, have           uint32 // of the header
	listSum, haveList   uint32
	listed              bool // the list could be read
	partitions          []partition
	firstUsed, lastUsed int64
}

func (g *gpt) valid() bool { return g.sum == g.have }

// readGPT reads the copy whose header stands at the place at. It answers cursor.ErrNot where none does.
func readGPT(src block.Source, at, sectorSize int64) (*gpt, error) {
	p, err := cursor.Read(src, "disk: GPT", at, sectorSize, maxHead)
	if err != nil || !bytes.HasPrefix(p, []byte("EFI PART")) {
		return nil, cursor.ErrNot
	}
	g := &gpt{at: at, sector: sectorSize, size: int64(le.Uint32(p[12:])), sum: le.Uint32(p[16:]), other: int64(le.Uint64(p[32:])) * sectorSize,
		count: int64(le.Uint32(p[80:])), width: int64(le.Uint32(p[84:])), listSum: le.Uint32(p[88:]), firstUsed: int64(le.Uint64(p[40:])) * sectorSize, lastUsed: int64(le.Uint64(p[48:])) * sectorSize}
	if g.size < headSize || g.size > sectorSize || int64(le.Uint64(p[24:]))*sectorSize != at {
		return nil, cursor.ErrNot
	}
	head := bytes.Clone(p[:g.size])
	le.PutUint32(head[16:], 0)
	g.have = crc32.ChecksumIEEE(head)
	if g.count == 0 || g.count > maxEntries || g.width < 128 || g.width > 4096 || g.other < 0 {
		if g.valid() {
			return g, nil // a table without entries that can be
		}
		return nil, cursor.ErrNot
	}
	g.list = block.Extent{Offset: int64(le.Uint64(p[72:])) * sectorSize, Length: g.count * g.width}
	list, err := cursor.Read(src, "disk: GPT entries", g.list.Offset, g.list.Length, maxEntries*4096)
	if err != nil {
		return g, nil
	}
	g.listed, g.haveList = true, crc32.ChecksumIEEE(list)
	for i := range g.count {
		e := list[i*g.width:][:g.width]
		first, last := int64(le.Uint64(e[32:])), int64(le.Uint64(e[40:]))
		if bytes.Equal(e[:16], make([]byte, 16)) || first < 1 || last < first || last > 1<<50/sectorSize {
			continue
		}
		x := partition{number: int(i) + 1, Extent: block.Between(first*sectorSize, (last+1)*sectorSize), loader: string(e[:16]) == efiSystem || string(e[:16]) == biosBoot}
		var name []uint16
		for j := 56; j+1 < 128 && le.Uint16(e[j:]) != 0; j += 2 {
			name = append(name, le.Uint16(e[j:]))
		}
		x.name = string(utf16.Decode(name))
		g.partitions = append(g.partitions, x)
	}
	return g, nil
}
