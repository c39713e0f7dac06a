package md

import (
	"fmt"
	"time"

	"salvor/cursor"
)

// parse1 reads a superblock of version 1.
func parse1(b []byte, off int64) (*super, error) {
	const structure = "md: superblock 1"
	c := cursor.New(structure, off, b)
	c.Skip(8)
	s := &super{features: c.Uint32(), synced: -1, recovered: -1, clean: true}
	c.Skip(4)
	s.set = quads(c.Bytes(16))
	s.name = c.String(32)
	s.created = stamp(c.Uint64())
	s.shape.level, s.shape.layout = int(int32(c.Uint32())), int(c.Uint32())
	used, chunk := c.Uint64(), c.Uint32()
	s.raid = int(c.Uint32())
	c.Skip(4) // where the bitmap or the partial parity log stands
	change := reshape{to: shape{level: int(int32(c.Uint32()))}}
	position := c.Uint64()
	change.delta, change.to.layout = int(int32(c.Uint32())), int(c.Uint32())
	newChunk := c.Uint32()
	change.newOffset = int64(int32(c.Uint32())) * sector
	dataAt, dataSize, place, recovered := c.Uint64(), c.Uint64(), c.Uint64(), c.Uint64()
	s.number = int(c.Uint32())
	c.Skip(4)
	s.device = quads(c.Bytes(16))
	c.Skip(1)
	s.badShift = uint(c.Uint8())
	s.badSize = int64(c.Uint16()) * sector
	s.badAt = int64(int32(c.Uint32())) * sector
	s.updated = stamp(c.Uint64())
	s.events = c.Uint64()
	synced := c.Uint64()
	s.sumWanted = c.Uint32()
	devices := c.Uint32()
	if err := c.Err(); err != nil {
		return nil, err
	}
	if devices > maxDevices || s.raid < 0 || s.raid > maxDevices {
		return nil, cursor.Corrupt(structure, off, fmt.Sprintf("up to %d devices", maxDevices), max(int64(devices), int64(s.raid)))
	}
	s.sumFound = sum1(b, int(devices))
	c.Seek(256)
	for range devices {
		s.roles = append(s.roles, role1(c.Uint16()))
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	s.role = roleSpare
	if s.number >= 0 && s.number < len(s.roles) {
		s.role = s.roles[s.number]
	}

	ok := true
	take := func(dst *int64, n uint64, unit int64) {
		v, fits := bytesOf(n, unit)
		*dst, ok = v, ok && fits
	}
	take(&s.used, used, sector)
	take(&s.shape.chunk, uint64(chunk), sector)
	take(&change.to.chunk, uint64(newChunk), sector)
	take(&s.dataAt, dataAt, sector)
	take(&s.dataSize, dataSize, sector)
	take(&s.place, place, sector)
	if !ok || s.dataAt > maxMember || s.dataSize > maxMember || s.place > maxMember || s.used > maxMember {
		return nil, cursor.Corrupt(structure, off, "sizes of a medium", fmt.Sprintf("data of %d sectors at %d, superblock at %d", dataSize, dataAt, place))
	}
	if s.start = off - s.place; s.start < 0 {
		return nil, cursor.Corrupt(structure, off, fmt.Sprintf("its place 0x%x", s.place), fmt.Sprintf("0x%x", off))
	}
	switch s.place {
	case 0:
		s.version = "1.1"
	case 4096:
		s.version = "1.2"
	default:
		s.version = "1.0"
	}
	const inSync = ^uint64(0)
	if synced != inSync {
		if s.synced, ok = bytesOf(synced, sector); ok {
			s.clean = false
		}
	}
	if s.features&featureRecovery != 0 {
		if s.recovered, ok = bytesOf(recovered, sector); !ok {
			s.recovered = 0
		}
	}
	if s.features&featureReshape != 0 {
		change.position, _ = bytesOf(position, sector)
		change.backwards = change.delta < 0 || change.delta == 0 && s.features&featureBackwards != 0
		if s.features&featureNewOffset == 0 {
			change.newOffset = 0
		}
		s.reshape = &change
	}
	if s.features&featureBadBlocks == 0 || s.badSize == 0 || s.badAt == 0 {
		s.badAt, s.badSize = 0, 0
	} else {
		s.badAt += s.place
	}
	if s.shape.level == 0 && s.features&featureStriping == 0 {
		s.shape.layout = 0 // it is written down since Linux 5.4 only
	}
	s.bitmap = s.features&featureBitmap != 0
	s.journal = s.features&featureJournal != 0
	s.ppl = s.features&(featurePPL|featurePPLs) != 0
	return s, nil
}

// maxMember is the largest member that is believed, in bytes.
const maxMember = 1 << 56

func role1(n uint16) int {
	switch n {
	case 0xffff:
		return roleSpare
	case 0xfffe:
		return roleFaulty
	case 0xfffd:
		return roleJournal
	}
	return int(n)
}

// sum1 returns the checksum over the superblock with the roles of devices.
func sum1(b []byte, devices int) uint32 {
	size := 256 + 2*devices
	if size > len(b) {
		return 0
	}
	var total uint64
	c := cursor.New("", 0, b[:size])
	for c.Len() >= 4 {
		if v := c.Uint32(); c.At() != 220 { // the checksum's own place
			total += uint64(v)
		}
	}
	if c.Len() >= 2 {
		total += uint64(c.Uint16())
	}
	return uint32(total) + uint32(total>>32)
}

// quads prints 16 bytes as mdadm does.
func quads(b []byte) string {
	if len(b) != 16 {
		return ""
	}
	return fmt.Sprintf("%x:%x:%x:%x", b[0:4], b[4:8], b[8:12], b[12:16])
}

// stamp returns a time: seconds in the low 40 bits, microseconds above.
func stamp(v uint64) time.Time {
	if v == 0 {
		return time.Time{}
	}
	return time.Unix(int64(v&(1<<40-1)), int64(v>>40)*1000).UTC()
}
