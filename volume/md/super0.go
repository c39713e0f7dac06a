package md

import (
	"encoding/binary"
	"fmt"
	"time"

	"salvor/cursor"
)

// The words of a superblock of version 0.90, by their index; each has four bytes.
const (
	wordMinor     = 2
	wordSet       = 5
	wordCreated   = 6
	wordLevel     = 7
	wordSize      = 8 // KiB of each device
	wordRaidDisks = 10
	wordSet1      = 13
	wordUpdated   = 32
	wordState     = 33
	wordSum       = 38
	wordEvents    = 39 // two words, in the order of the machine
	wordSynced    = 43 // sectors
	wordReshape   = 44 // two words; then level, delta, layout, chunk
	wordLayout    = 64
	wordChunk     = 65
	wordDisks     = 128 // 27 of 32 words
	wordThis      = 992
)

// Bits of the state of a set, and of a disk.
const (
	stateClean   = 1 << 0
	stateBitmap  = 1 << 8
	diskFaulty   = 1 << 0
	diskActive   = 1 << 1
	diskSync     = 1 << 2
	diskRemoved  = 1 << 3
	disks0       = 27
	reservedSize = 64 << 10 // superblocks stand in the last whole one
)

// parse0 reads a superblock of version 0.90. Its start is known only from where it was found.
func parse0(b []byte, off int64, big bool) (*super, error) {
	const structure = "md: superblock 0.90"
	if len(b) < superSize {
		return nil, cursor.ErrNot
	}
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	w := make([]uint32, superSize/4)
	for i := range w {
		w[i] = order.Uint32(b[4*i:])
	}
	if w[wordMinor] < 90 || w[wordMinor] > 91 {
		return nil, cursor.ErrNot
	}
	s := &super{version: "0.90", big: big, recovered: -1, synced: -1, older: w[wordMinor] == 91}
	s.set = fmt.Sprintf("%08x:%08x:%08x:%08x", w[wordSet], w[wordSet1], w[wordSet1+1], w[wordSet1+2])
	s.created, s.updated = time.Unix(int64(w[wordCreated]), 0).UTC(), time.Unix(int64(w[wordUpdated]), 0).UTC()
	s.shape = shape{level: int(int32(w[wordLevel])), layout: int(w[wordLayout]), chunk: int64(w[wordChunk])}
	s.used = int64(w[wordSize]) << 10
	s.raid = int(w[wordRaidDisks])
	if s.raid > disks0 {
		return nil, cursor.Corrupt(structure, off, fmt.Sprintf("up to %d disks", disks0), w[wordRaidDisks])
	}
	if s.raid == 0 || s.shape.level < 1 {
		s.used = 0 // the level does not say
	}
	word64 := func(i int) uint64 {
		if big {
			return uint64(w[i])<<32 | uint64(w[i+1])
		}
		return uint64(w[i+1])<<32 | uint64(w[i])
	}
	s.events = word64(wordEvents)
	s.bitmap = w[wordState]&stateBitmap != 0
	s.clean = w[wordState]&stateClean != 0
	if !s.clean {
		s.synced = int64(w[wordSynced]) * sector
	}
	if s.older {
		s.reshape = &reshape{
			delta: int(int32(w[wordReshape+3])),
			to:    shape{level: int(int32(w[wordReshape+2])), layout: int(w[wordReshape+4]), chunk: int64(w[wordReshape+5])},
		}
		s.reshape.position, _ = bytesOf(word64(wordReshape), sector)
		s.reshape.backwards = s.reshape.delta < 0
	}
	for i := range disks0 {
		s.roles = append(s.roles, role0(w[wordDisks+32*i:]))
	}
	s.number = int(w[wordThis])
	s.role = roleSpare
	if s.number >= 0 && s.number < len(s.roles) {
		s.role = s.roles[s.number]
	}
	var total uint64
	for i, v := range w {
		if i != wordSum {
			total += uint64(v)
		}
	}
	s.sumWanted, s.sumFound = w[wordSum], uint32(total)+uint32(total>>32)
	return s, nil
}

// role0 reads the role of a disk from its descriptor: number, major, minor, role, state.
func role0(w []uint32) int {
	switch role, state := w[3], w[4]; {
	case state&(diskFaulty|diskRemoved) != 0:
		return roleFaulty
	case state&(diskActive|diskSync) != diskActive|diskSync || role >= disks0:
		return roleSpare
	default:
		return int(role)
	}
}

// at0 gives a superblock of version 0.90 the start of its member: place and data follow from that.
func (s *super) at0(start, off int64) {
	s.start, s.place = start, off-start
	s.dataAt, s.dataSize = 0, s.place
}
