package ubi

import (
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/fsimage"
)

const (
	headSize    = 64
	layout      = 0x7FFFEFFF
	records     = 128
	recordSize  = 172
	dynamic     = 1
	static      = 2
	ones        = 0xFFFFFFFF
	minBlock    = 4 << 10
	maxBlock    = 16 << 20
	maxBlocks   = 1 << 20
	maxNameSize = 127
	maxErased   = 256 << 20 // bytes of a volume that stand nowhere
)

var be = binary.BigEndian

// eraseHeader is the first header of an erase block.
type eraseHeader struct {
	counter   uint64
	head      int64 // where the second header stands in the block
	data      int64 // where the data stands
	image     uint32
	sum, have uint32
}

// parseErase reads the first header. An error says that there is none; a sum that fails is told by the fields.
func parseErase(p []byte) (*eraseHeader, error) {
	if len(p) < headSize || string(p[:4]) != "UBI#" {
		return nil, cursor.ErrNot
	}
	return &eraseHeader{counter: be.Uint64(p[8:]), head: int64(be.Uint32(p[16:])), data: int64(be.Uint32(p[20:])), image: be.Uint32(p[24:]),
		sum: be.Uint32(p[60:]), have: fsimage.Raw32(ones, p[:60])}, nil
}

func (h *eraseHeader) valid() bool { return h.sum == h.have }

// plausible reports whether the places can be those of a block, whatever the sum says.
func (h *eraseHeader) plausible() bool {
	return h.head >= headSize && h.head < h.data && h.data < maxBlock && h.head%64 == 0 && h.data%64 == 0
}

// volumeHeader is the second header of an erase block.
type volumeHeader struct {
	kind, copied      byte
	volume            uint32
	number            int64 // of the block in its volume
	size              int64 // of data with a sum, bytes
	used              int64 // blocks of a static volume
	padding           int64 // bytes at the end of each block that are not used
	dataSum, sum      uint32
	sequence          uint64
	have              uint32
	erased, otherwise bool
}

// parseVolume reads the second header. erased says that there is none since the block is free; otherwise says that
// something else stands there.
func parseVolume(p []byte) *volumeHeader {
	h := &volumeHeader{}
	if string(p[:4]) != "UBI!" {
		h.erased = true
		for _, b := range p[:headSize] {
			h.erased = h.erased && b == 0xFF
		}
		h.otherwise = !h.erased
		return h
	}
	h.kind, h.copied, h.volume, h.number = p[5], p[6], be.Uint32(p[8:]), int64(be.Uint32(p[12:]))
	h.size, h.used, h.padding = int64(be.Uint32(p[20:])), int64(be.Uint32(p[24:])), int64(be.Uint32(p[28:]))
	h.dataSum, h.sequence, h.sum = be.Uint32(p[32:]), be.Uint64(p[40:]), be.Uint32(p[60:])
	h.have = fsimage.Raw32(ones, p[:60])
	return h
}

// record is one of the volume table.
type record struct {
	reserved  int64 // blocks
	padding   int64
	kind      byte
	updating  bool
	name      string
	flags     byte
	sum, have uint32
	at        []block.Extent // of its copies in the image
}

// parseRecord reads one record; nil for one that is not used.
func parseRecord(p []byte) (*record, error) {
	r := &record{reserved: int64(be.Uint32(p)), padding: int64(be.Uint32(p[8:])), kind: p[12], updating: p[13] != 0, flags: p[144],
		sum: be.Uint32(p[168:]), have: fsimage.Raw32(ones, p[:168])}
	if r.sum != r.have {
		return nil, cursor.Corrupt("ubi: volume table", 168, fmt.Sprintf("%08x", r.sum), fmt.Sprintf("%08x", r.have))
	}
	if r.reserved == 0 {
		return nil, nil
	}
	if n := be.Uint16(p[14:]); n <= maxNameSize {
		r.name = string(p[16 : 16+n])
	}
	if r.kind != dynamic && r.kind != static {
		return nil, cursor.Corrupt("ubi: volume table", 12, "a volume of kind 1 or 2", r.kind)
	}
	return r, nil
}
