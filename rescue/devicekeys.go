package rescue

import (
	"bytes"
	"context"
	"crypto"
	"slices"

	"salvor/block"
	"salvor/firmware"
	fwall "salvor/firmware/all"
)

// Bounds of the search for the keys of a boot loader.
const (
	maxTrees  = 64       // device trees of one place
	maxLoader = 16 << 20 // bytes of one place where a boot loader may stand
	loaderRun = 1 << 20  // bytes that are read at once
)

// addKeys adds the keys that a boot loader's device tree at the start of src holds.
func addKeys(ctx context.Context, d *firmware.Device, src block.Source) {
	keys, _ := fwall.DeviceKeys(ctx, src) // what is no tree, or a broken key, tells nothing
	for _, k := range keys {
		if !slices.ContainsFunc(d.Keys, func(o firmware.Key) bool { return sameKey(o.Public, k.Public) }) {
			d.Keys = append(d.Keys, k)
		}
	}
}

func sameKey(a, b crypto.PublicKey) bool {
	x, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && x.Equal(b)
}

// bootKeys looks for the device trees of boot loaders: in the partitions that loaders stand in, and in front of the first
// partition, where many chips load theirs from.
func bootKeys(ctx context.Context, d *firmware.Device, m *medium) error {
	first := m.size
	var places []block.Extent
	for _, s := range d.Spaces {
		if s.Offset < 0 {
			continue
		}
		first = min(first, s.Offset)
		if s.Role == "boot" || s.Role == "" {
			places = append(places, block.Extent{Offset: s.Offset, Length: min(s.Size, maxLoader)})
		}
	}
	places = append(places, block.Extent{Length: min(first, maxLoader)})
	for _, e := range places {
		left := maxTrees
		if err := treesIn(ctx, m.source, e.Intersect(block.Extent{Length: m.source.Size()}), func(tree block.Source) bool {
			addKeys(ctx, d, tree)
			left--
			return left > 0
		}); err != nil {
			return err
		}
	}
	return nil
}

// treesIn calls visit for each place in e where a device tree may begin, until it returns false. What cannot be read is
// passed over.
func treesIn(ctx context.Context, src block.Source, e block.Extent, visit func(block.Source) bool) error {
	magic := []byte{0xD0, 0x0D, 0xFE, 0xED}
	buf := make([]byte, min(loaderRun, e.Length))
	for at := e.Offset; at < e.End(); at += loaderRun - int64(len(magic)-1) {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, _ := src.ReadAt(buf[:min(int64(len(buf)), e.End()-at)], at)
		for p, start := buf[:n], at; ; {
			i := bytes.Index(p, magic)
			if i < 0 {
				break
			}
			start, p = start+int64(i), p[i:]
			if !visit(block.Section(src, block.Between(start, e.End()))) {
				return nil
			}
			start, p = start+int64(len(magic)), p[len(magic):]
		}
	}
	return nil
}
