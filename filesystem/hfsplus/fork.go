package hfsplus

import (
	"salvor/block"
	"salvor/cursor"
)

// Kinds of forks in the overflow file, and a kind of ours for the forks of attributes, which never overflow there.
const (
	forkData     = 0x00
	forkResource = 0xFF
)

// maxPieces bounds the extents of one fork.
const maxPieces = 1 << 20

// layout is where a fork stands.
type layout struct {
	extents []extentDescriptor
	blocks  uint32 // in extents
	beyond  *extentDescriptor
}

// add appends extents until one is empty. It reports whether more may follow.
func (l *layout) add(h *header, list [inFork]extentDescriptor) bool {
	for _, e := range list {
		if e.count == 0 {
			return false
		}
		if !h.inside(e) {
			l.beyond = &e
			return false
		}
		l.extents = append(l.extents, e)
		l.blocks += e.count
	}
	return len(l.extents) < maxPieces
}

// layout collects the extents of a fork: those of its record, then those of the overflow file.
func (v *volume) layout(f *fork, id uint32, kind uint8) layout {
	var l layout
	if !l.add(v.h, f.extents) || l.blocks >= f.blocks || v.overflow == nil {
		return l
	}
	for l.blocks < f.blocks {
		found := false
		v.overflow.records(id, func(r record) bool {
			if len(r.key) < 10 || r.key[0] != kind || be.Uint32(r.key[6:]) != l.blocks || len(r.data) < 64 {
				return true
			}
			before := l.blocks
			l.add(v.h, readExtents(cursor.New("hfsplus: overflow record", r.at, r.data)))
			found = l.blocks > before
			return false
		}, func(error) {})
		if !found || l.beyond != nil || len(l.extents) >= maxPieces {
			break
		}
	}
	return l
}

// runs carries extents to the source of the volume.
func (v *volume) runs(l []extentDescriptor, size int64, kind func(extentDescriptor) block.RunKind) []block.Run {
	runs := make([]block.Run, 0, len(l))
	at := int64(0)
	for _, e := range l {
		n := int64(e.count) * v.h.blockSize
		runs = append(runs, block.Run{Logical: at, Physical: v.place(e.start), Length: n, Kind: kind(e)})
		at += n
	}
	return block.Normalize(runs, size)
}

// place returns where a block stands on the source.
func (v *volume) place(b uint32) int64 { return v.base + int64(b)*v.h.blockSize }

// needed returns how many blocks size bytes take.
func (v *volume) needed(size int64) int64 { return (size + v.h.blockSize - 1) / v.h.blockSize }

func isData(extentDescriptor) block.RunKind { return block.Data }
