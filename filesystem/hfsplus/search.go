package hfsplus

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem/internal/cluster"
	"salvor/finding"
)

// How far nodes are searched for where the volume header and its copy are gone: formatters lay the trees down near
// the start, so that a volume without any node in the first part is none.
const (
	searchFirst = 64 << 20
	searchMost  = 1 << 30
)

// Longest keys of the trees, by which their headers are told apart.
const (
	catalogMaxKey    = 516
	overflowMaxKey   = 10
	attributesMaxKey = 266
)

// search finds the trees of a volume without its header, and makes up a header that fits them.
func (v *volume) search(ctx context.Context, inner block.Source) error {
	heads := map[uint16]int64{} // places of header nodes by longest key
	sizes := map[uint16]*treeHeader{}
	var leaves []int64
	buf := make([]byte, 1<<20)
	for at := int64(0); at < min(inner.Size(), searchMost); at += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if at >= searchFirst && len(leaves) == 0 {
			break
		}
		p := buf[:min(int64(len(buf)), inner.Size()-at)]
		clear(p)
		if _, err := cluster.ReadAround(inner, p, at); err != nil {
			return err
		}
		for off := 0; off+minNode <= len(p); off += minNode {
			d := parseDescriptor(p[off:])
			switch {
			case d.kind == nodeHeader && d.height == 0 && d.records == 3:
				h, err := parseTreeHeader(p[off:off+minNode], at+int64(off))
				if _, known := heads[h.key()]; err == nil && !known {
					heads[h.key()], sizes[h.key()] = at+int64(off), h
				}
			case d.kind == nodeLeaf && d.height == 1 && d.records > 0 && d.records < 1024 && looksLikeCatalog(p[off:]):
				if len(leaves) < maxNodes {
					leaves = append(leaves, at+int64(off))
				}
			}
		}
	}
	if len(leaves) == 0 {
		return fmt.Errorf("hfsplus: no volume header, and no leaf of a catalogue: %w", cursor.ErrNot)
	}
	v.catalog = v.assemble(ctx, inner, "catalogue", 0, leaves, heads, sizes[catalogMaxKey], catalogMaxKey)
	if v.catalog == nil {
		return fmt.Errorf("hfsplus: no volume header, and no leaf of a catalogue holds together: %w", cursor.ErrNot)
	}
	for key, name := range map[uint16]string{overflowMaxKey: "extents overflow file", attributesMaxKey: "attributes file"} {
		if h := sizes[key]; h != nil {
			t := v.assemble(ctx, inner, name, 2, nil, heads, h, key)
			if key == overflowMaxKey {
				v.overflow = t
			} else {
				v.attributes = t
			}
		}
	}
	v.note(headerSearched.New(finding.At(v.base+leaves[0], v.catalog.size)))
	return v.inferHeader(inner)
}

func (t *treeHeader) key() uint16 {
	if t == nil {
		return 0
	}
	return t.maxKey
}

// looksLikeCatalog reports whether a node begins with a record of a catalogue.
func looksLikeCatalog(p []byte) bool {
	const at = descriptorSize
	if len(p) < minNode {
		return false
	}
	n, name := int(be.Uint16(p[at:])), int(be.Uint16(p[at+6:]))
	if n != 6+2*name || name > maxName || be.Uint32(p[at+2:]) == 0 {
		return false
	}
	data := at + 2 + n
	if data+2 > len(p) {
		return false
	}
	kind := be.Uint16(p[data:])
	return kind >= recordFolder && kind <= recordFileThread
}

// assemble makes a tree out of the nodes that follow its header node or, without one, of the leaves that were found;
// nil when none of them holds together.
func (v *volume) assemble(ctx context.Context, inner block.Source, name string, numberAt int, leaves []int64, heads map[uint16]int64, h *treeHeader, key uint16) *tree {
	t := &tree{name: name, numberAt: numberAt}
	var runs []block.Run
	add := func(at, n int64) {
		size := int64(0)
		if len(runs) > 0 {
			size = runs[len(runs)-1].LogicalExtent().End()
		}
		runs = append(runs, block.Run{Logical: size, Physical: v.base + at, Length: n})
	}
	if h != nil {
		t.size = h.nodeSize
		if at := heads[key]; at+int64(h.totalNodes)*t.size <= inner.Size() {
			add(at, int64(h.totalNodes)*t.size)
		} else {
			add(at, (inner.Size()-at)/t.size*t.size)
		}
	} else {
		t.size = nodeSizeOf(inner, leaves)
	}
	if t.size == 0 {
		return nil
	}
	inside := func(at int64) bool { return len(runs) > 0 && runs[0].PhysicalExtent().Has(v.base+at) }
	end := int64(0)
	for _, at := range leaves {
		if !inside(at) && at >= end && at+t.size <= inner.Size() {
			add(at, t.size)
			end = at + t.size
		}
	}
	total := int64(0)
	for _, r := range runs {
		total += r.Length
		v.special = append(v.special, r.PhysicalExtent())
	}
	t.runs = block.Normalize(runs, total)
	t.src = block.Join(v.src, t.runs, total)
	// The header's own count does not cover the leaves that were added behind.
	if err := t.scan(ctx, nil); err != nil || len(t.live) == 0 {
		return nil
	}
	return t
}

// nodeSizeOf returns the size with which the most of the leaves hold together, 0 when none does.
func nodeSizeOf(src block.Source, leaves []int64) int64 {
	best, most := int64(0), 0
	for size := int64(maxNode); size >= minNode; size /= 2 {
		good := 0
		p := make([]byte, size)
		for _, at := range leaves[:min(len(leaves), 256)] {
			if n, _ := src.ReadAt(p, at); n == len(p) && wholeLeaf(p) {
				good++
			}
		}
		if good > most {
			best, most = size, good
		}
	}
	return best
}

// inferHeader makes up a volume header: the size of a block is the one by which the most files have just the blocks
// that they need.
func (v *volume) inferHeader(inner block.Source) error {
	type need struct {
		size   int64
		blocks uint32
	}
	var files []need
	last := uint64(0)
	for _, s := range v.catalog.live {
		v.catalog.leaf(s.node, func(r record) bool {
			if o, ok := parseObject(r); ok && !o.folder {
				for _, k := range []*fork{&o.data, &o.resource} {
					if k.size > 0 && k.blocks > 0 {
						files = append(files, need{k.size, k.blocks})
					}
					for _, e := range k.extents {
						last = max(last, uint64(e.start)+uint64(e.count))
					}
				}
			}
			return len(files) < 100_000
		}, func(error) {})
	}
	type vote struct {
		size int64
		n    int
	}
	var votes []vote
	for size := int64(512); size <= 1<<16; size *= 2 {
		n := 0
		for _, f := range files {
			if (f.size+size-1)/size == int64(f.blocks) {
				n++
			}
		}
		if last*uint64(size) <= uint64(inner.Size()) {
			votes = append(votes, vote{size, n})
		}
	}
	if len(votes) == 0 {
		return cursor.Corrupt("hfsplus: catalogue", v.base, fmt.Sprintf("files inside of %d bytes", inner.Size()), fmt.Sprintf("a file up to block %d", last))
	}
	best := slices.MaxFunc(votes, func(a, b vote) int {
		// Where all files are small, the usual size is as good as any.
		return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(bit(a.size == 4096), bit(b.size == 4096)), cmp.Compare(b.size, a.size))
	})
	v.h = &header{blockSize: best.size, blocks: uint32(min(inner.Size()/best.size, 1<<32-1)), attributes: volumeUnmounted}
	return nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
