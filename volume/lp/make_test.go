package lp

import (
	"crypto/sha256"
	"encoding/binary"
)

// piece is an extent of a logical partition, in sectors; at -1 is zeros.
type piece struct{ at, sectors int64 }

type wanted struct {
	name   string
	flags  uint32
	pieces []piece
}

var order = binary.LittleEndian

// encode makes metadata from the description of the format.
func encode(parts []wanted) []byte {
	var partitions, extents []byte
	n := uint32(0)
	for _, p := range parts {
		e := make([]byte, 52)
		copy(e, p.name)
		order.PutUint32(e[36:], p.flags)
		order.PutUint32(e[40:], n)
		order.PutUint32(e[44:], uint32(len(p.pieces)))
		partitions = append(partitions, e...)
		for _, x := range p.pieces {
			e := make([]byte, 24)
			order.PutUint64(e, uint64(x.sectors))
			if x.at < 0 {
				order.PutUint32(e[8:], 1)
			} else {
				order.PutUint64(e[12:], uint64(x.at))
			}
			extents = append(extents, e...)
			n++
		}
	}
	groups := make([]byte, 48)
	copy(groups, "default")
	devices := make([]byte, 64)
	order.PutUint64(devices, 2048)
	order.PutUint64(devices[16:], 64<<20)
	copy(devices[24:], "super")
	h := make([]byte, 256)
	order.PutUint32(h, headerMagic)
	order.PutUint16(h[4:], 10)
	order.PutUint16(h[6:], 2)
	order.PutUint32(h[8:], 256)
	var body []byte
	for i, t := range []struct {
		b    []byte
		each int
	}{{partitions, 52}, {extents, 24}, {groups, 48}, {devices, 64}} {
		order.PutUint32(h[80+12*i:], uint32(len(body)))
		order.PutUint32(h[84+12*i:], uint32(len(t.b)/t.each))
		order.PutUint32(h[88+12*i:], uint32(t.each))
		body = append(body, t.b...)
	}
	order.PutUint32(h[44:], uint32(len(body)))
	sum := sha256.Sum256(body)
	copy(h[48:], sum[:])
	sum = sha256.Sum256(h)
	copy(h[12:], sum[:])
	return append(h, body...)
}

const slotSize = 65536

// super makes the start of a super partition with the metadata of each slot, primary and backup.
func super(size int64, slots ...[]byte) []byte {
	b := make([]byte, size)
	g := make([]byte, 4096)
	order.PutUint32(g, geometryMagic)
	order.PutUint32(g[4:], geometrySize)
	order.PutUint32(g[40:], slotSize)
	order.PutUint32(g[44:], uint32(len(slots)))
	order.PutUint32(g[48:], 4096)
	sum := sha256.Sum256(g[:geometrySize])
	copy(g[8:], sum[:])
	copy(b[firstGeometry:], g)
	copy(b[otherGeometry:], g)
	for i, m := range slots {
		copy(b[firstSlot+i*slotSize:], m)
		copy(b[firstSlot+(len(slots)+i)*slotSize:], m)
	}
	return b
}
