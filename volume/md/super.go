package md

import (
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/volume/internal/array"
)

// The levels, as superblocks number them.
const (
	levelMultipath = -4
	levelLinear    = -1
)

// roles of a device that has no place in the array.
const (
	roleSpare   = -1
	roleFaulty  = -2
	roleJournal = -3
)

// Bits of the features of a superblock of version 1.
const (
	featureBitmap      = 1 << 0
	featureRecovery    = 1 << 1 // the device is being rebuilt
	featureReshape     = 1 << 2
	featureBadBlocks   = 1 << 3
	featureReplacement = 1 << 4
	featureBackwards   = 1 << 5
	featureNewOffset   = 1 << 6
	featureJournal     = 1 << 9
	featurePPL         = 1 << 10
	featurePPLs        = 1 << 11
	featureStriping    = 1 << 12 // the layout of level 0 is written down
)

// maxDevices is the largest number of devices of a set that is believed: Linux's own limit for version 1.
const maxDevices = 1920

// sector is what the numbers of version 1 count, bytes.
const sector = 512

// super is a superblock of either version. Sizes are bytes.
type super struct {
	version string // "0.90", "1.0", "1.1", "1.2"
	big     bool   // 0.90 in the order of a big-endian machine
	set     string // UUID as mdadm prints it
	device  string // UUID, "" for 0.90
	name    string
	shape   shape
	raid    int // number of disks of the array
	number  int // of this device, which roles are listed by
	role    int // of this device by its own word
	roles   []int

	events  uint64
	created time.Time
	updated time.Time
	clean   bool  // no resync is needed
	synced  int64 // up to there on each device the array is in sync; -1 for all

	start     int64 // of the member on the source it was found on; the rest counts from there
	place     int64 // of the superblock
	dataAt    int64
	dataSize  int64 // of this device, that can be used
	used      int64 // of each device, that is used; 0 where the level does not say
	recovered int64 // up to there the data of this device is its own; -1 for all

	features  uint32
	reshape   *reshape
	badAt     int64 // where the bad block log stands, 0 for none
	badSize   int64
	badShift  uint
	bitmap    bool
	journal   bool // the set has a journal device
	ppl       bool
	sumFound  uint32
	sumWanted uint32
	older     bool // minor version of a reshape, kept as 0.90
}

// shape is what makes an array of its parts.
type shape struct {
	level, layout int
	chunk         int64
}

// reshape is a change of the shape that is going on.
type reshape struct {
	position  int64 // of the array, bytes: behind it (or before it, backwards) the old shape holds
	delta     int   // disks
	backwards bool
	to        shape
	newOffset int64 // added to dataAt in the new shape, bytes
}

func (s *super) valid() bool { return s.sumFound == s.sumWanted }

// end returns the first byte behind all that the superblock gives the member, from its start.
func (s *super) end() int64 { return max(s.dataAt+s.dataSize, s.place+superSize) }

// rotation returns the layout of levels 4 to 6.
func (s shape) rotation() array.Rotation { return array.Rotation(s.layout) }

// superSize is how many bytes a superblock takes at most.
const superSize = 4096

// magic of both versions.
const magic = 0xa92b4efc

// parse reads a superblock that stands at off of a source.
func parse(b []byte, off int64) (*super, error) {
	if len(b) < 256 {
		return nil, cursor.ErrNot
	}
	c := cursor.New("md: superblock", off, b)
	switch m, v := c.Uint32(), c.Uint32(); {
	case m == magic && v == 1:
		return parse1(b, off)
	case m == magic && v == 0:
		return parse0(b, off, false)
	case m == 0xfc4e2ba9 && v == 0:
		return parse0(b, off, true)
	}
	return nil, cursor.ErrNot
}

// bytesOf returns n units of size bytes, or false where that is more than any medium has.
func bytesOf(n uint64, unit int64) (int64, bool) {
	const most = 1 << 58
	if n > most/uint64(unit) {
		return 0, false
	}
	return int64(n) * unit, true
}

// extent returns all that the member covers on its source.
func (s *super) extent() block.Extent { return block.Extent{Offset: s.start, Length: s.end()} }
