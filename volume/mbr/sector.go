package mbr

import (
	"salvor/block"
	"salvor/cursor"
)

const mib = 1 << 20

// fits reports whether every partition of r ends on the medium.
func fits(r record, medium, sector int64) bool {
	for _, s := range r.slots {
		if !s.empty() && (int64(s.first)+int64(s.size))*sector > medium {
			return false
		}
	}
	return true
}

// sectorSizes returns the sizes of a sector, the likely one first, that the record can be read with. Only
// plausibility speaks here: where partitions begin and end, and whether a record or a boot sector stands
// where one must. Two sizes are returned when neither is clearly better.
func sectorSizes(src block.Source, r record) []int64 {
	const small, large = 512, 4096
	if !fits(r, src.Size(), large) {
		return []int64{small}
	}
	used := false
	for _, s := range r.slots {
		used = used || !s.empty() && s.kind != typeProtective
	}
	if !used {
		// Nothing but the place of the GPT's header can tell, and the GPT is asked elsewhere.
		return []int64{small}
	}
	a, b := weigh(src, r, small)+1, weigh(src, r, large) // nearly all media have 512
	switch {
	case a > b+1:
		return []int64{small}
	case b > a+1:
		return []int64{large}
	case b > a:
		return []int64{large, small}
	}
	return []int64{small, large}
}

// weigh counts what speaks for a size of sector.
func weigh(src block.Source, r record, sector int64) int {
	w, aligned, last := 0, true, int64(0)
	for _, s := range r.slots {
		if s.empty() {
			continue
		}
		at := int64(s.first) * sector
		last = max(last, at+int64(s.size)*sector)
		aligned = aligned && at%mib == 0
		if isExtended(s.kind) || hasBootSector(s.kind) {
			if signed(src, at) {
				w += 4
			} else {
				w -= 2
			}
		}
	}
	if aligned {
		w += 2
	}
	if last > src.Size()/2 {
		w++
	}
	return w
}

// signed reports whether the sector at off ends in 55 AA.
func signed(src block.Source, off int64) bool {
	b, err := cursor.Read(src, "mbr: signature", off+signatureAt, 2, 2)
	return err == nil && b[0] == 0x55 && b[1] == 0xaa
}
