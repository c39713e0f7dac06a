package recovery

import (
	"iter"

	"salvor/block"
	"salvor/layers"
)

// Floors says where bytes of a source of the case stand on the disks at the bottom; a disk answers with itself.
type Floors func(source int, within block.Extent) []layers.Place

// floorWindow is how much of a file is asked for its places at once, in bytes.
const floorWindow = 64 << 20

// OnDisks yields the places of the bytes that e stands on, on the disks at the bottom, in order. Logical counts in the
// file, or in its stored bytes where it is encoded. Bytes without a place are left out: holes, and what stood on a disk
// that is missing.
func (e *Entry) OnDisks(floors Floors) iter.Seq[layers.Place] {
	return func(yield func(layers.Place) bool) {
		var last layers.Place
		for _, r := range e.places() {
			if !r.Kind.Stands() || r.Kind == block.Foreign {
				continue
			}
			for at := int64(0); at < r.Length; at += floorWindow {
				for _, p := range floors(e.Source, block.Extent{Offset: r.Physical + at, Length: min(floorWindow, r.Length-at)}) {
					p.Logical += r.Logical - r.Physical
					if last.Continues(p) {
						last.Length += p.Length
						continue
					}
					if last.Length > 0 && !yield(last) {
						return
					}
					last = p
				}
			}
		}
		if last.Length > 0 {
			yield(last)
		}
	}
}
