package mend

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
)

func digest(p []byte) [sha256.Size]byte { return sha256.Sum256(p) }

const (
	firstLogical = 5
	extendedType = 0x0F // extended, by logical block addresses
	maxMBR       = 1 << 32
)

// MBR encodes a master boot record and the chain of extended boot records for partitions from number 5 on. old is the
// sector that stands at the start of the medium: its boot code and disk signature are kept; nil when there is none.
// An extended boot record stands in the gap before its partition, which must have a sector.
func MBR(t Table, old []byte) ([]Structure, error) {
	if err := t.check(t.SectorSize, min(t.Size, maxMBR*t.SectorSize)); err != nil {
		return nil, err
	}
	list := slices.Clone(t.Partitions)
	slices.SortFunc(list, func(a, b Partition) int { return cmp.Compare(a.Extent.Offset, b.Extent.Offset) })
	first := make([]byte, 512)
	if len(old) >= 512 {
		copy(first, old[:446])
	}
	first[510], first[511] = 0x55, 0xAA
	var logical []Partition
	primaries := map[int]bool{}
	for _, p := range list {
		if p.Number >= firstLogical {
			logical = append(logical, p)
			continue
		}
		primaries[p.Number] = true
		kind, err := mbrType(p.Type)
		if err != nil {
			return nil, fmt.Errorf("mend: MBR: partition %d: %w", p.Number, err)
		}
		mbrEntry(first[446+16*(p.Number-1):], kind, p.Extent, 0, t.SectorSize, p.Active)
	}
	out := []Structure{{"MBR", 0, first}}
	if len(logical) == 0 {
		return out, nil
	}
	slot := 1
	for primaries[slot] {
		slot++
	}
	if slot > 4 {
		return nil, fmt.Errorf("mend: MBR: no entry is left for the extended partition beside four primary ones")
	}
	chain, all, err := t.chain(list, logical)
	if err != nil {
		return nil, err
	}
	mbrEntry(first[446+16*(slot-1):], extendedType, all, 0, t.SectorSize, false)
	return append(out, chain...), nil
}

// chain encodes the extended boot records, and returns the extended partition that holds them.
func (t *Table) chain(list, logical []Partition) ([]Structure, block.Extent, error) {
	places := make([]int64, len(logical))
	for i, p := range logical {
		if p.Number != firstLogical+i {
			return nil, block.Extent{}, fmt.Errorf("mend: MBR: logical partitions are numbered from 5 in order of their places, found %d at %d", p.Number, p.Extent.Offset)
		}
		before := t.SectorSize
		for _, q := range list {
			if q.Extent.End() <= p.Extent.Offset {
				before = max(before, q.Extent.End())
			}
		}
		gap := p.Extent.Offset - before
		if gap < t.SectorSize {
			return nil, block.Extent{}, fmt.Errorf("mend: MBR: no sector is free before the logical partition %d at %d for its extended boot record", p.Number, p.Extent.Offset)
		}
		places[i] = p.Extent.Offset - min(gap, 1<<20) // as formatters do: a whole MiB before
	}
	start, end := places[0], logical[len(logical)-1].Extent.End()
	all := block.Between(start, end)
	for _, q := range list {
		if q.Number < firstLogical && q.Extent.Overlaps(all) {
			return nil, block.Extent{}, fmt.Errorf("mend: MBR: the primary partition %d stands between logical ones", q.Number)
		}
	}
	var out []Structure
	for i, p := range logical {
		b := make([]byte, 512)
		b[510], b[511] = 0x55, 0xAA
		kind, err := mbrType(p.Type)
		if err != nil {
			return nil, block.Extent{}, fmt.Errorf("mend: MBR: partition %d: %w", p.Number, err)
		}
		mbrEntry(b[446:], kind, p.Extent, places[i], t.SectorSize, p.Active)
		if i+1 < len(logical) {
			mbrEntry(b[462:], 0x05, block.Between(places[i+1], logical[i+1].Extent.End()), start, t.SectorSize, false)
		}
		out = append(out, Structure{fmt.Sprintf("extended boot record of partition %d", p.Number), places[i], b})
	}
	return out, all, nil
}

// mbrEntry writes an entry of 16 bytes, its place counted from base. Cylinders, heads and sectors get the values that
// say "by block address".
func mbrEntry(b []byte, kind byte, e block.Extent, base, sector int64, active bool) {
	b[0] = 0
	if active {
		b[0] = 0x80
	}
	copy(b[1:], []byte{0xFE, 0xFF, 0xFF, kind, 0xFE, 0xFF, 0xFF})
	le.PutUint32(b[8:], uint32((e.Offset-base)/sector))
	le.PutUint32(b[12:], uint32(e.Length/sector))
}

func mbrType(text string) (byte, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToLower(text), "0x"), 16, 8)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("expected a type of 0x01 to 0xff, found %.40q", text)
	}
	return byte(n), nil
}
