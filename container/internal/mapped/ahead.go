package mapped

import (
	"sync"
	"sync/atomic"

	"salvor/block"
	"salvor/guard"
)

// ahead unpacks the packed pieces of a read that spans several of them beside each other, into the cache, from which
// the read takes them in order. What goes wrong is left to the read, which meets it again.
func (d *Disk) ahead(e block.Extent) {
	if !d.packed.Load() {
		return
	}
	var list []Piece
	room := int64(cacheBytes / 2)
	for at := e.Offset; at < e.End(); {
		if u, lost := d.isKnown(at); lost {
			at = u.End()
			continue
		}
		x, err := d.layout.Locate(at)
		x.Extent = x.Extent.Intersect(block.Extent{Length: d.size})
		if err != nil || !x.Extent.Has(at) {
			break
		}
		if at = x.Extent.End(); x.Kind != Packed {
			continue
		}
		if _, ok := d.cache.Get(x.Extent.Offset); ok {
			continue
		}
		if room -= x.Extent.Length; room < 0 {
			break
		}
		list = append(list, x)
	}
	if len(list) < 2 {
		return
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(guard.Workers(), len(list)) {
		workers.Go(func() {
			defer func() { _ = recover() }() // the read meets it where someone may be waiting for it
			for i := next.Add(1) - 1; i < int64(len(list)); i = next.Add(1) - 1 {
				_, _ = d.unpacked(list[i])
			}
		})
	}
	workers.Wait()
}
