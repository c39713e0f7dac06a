package hfsplus

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"salvor/block"
	"salvor/cursor"
)

// Kinds of nodes.
const (
	nodeLeaf   = -1
	nodeIndex  = 0
	nodeHeader = 1
	nodeMap    = 2
)

const (
	descriptorSize = 14
	minNode        = 512
	maxNode        = 32 << 10
)

// descriptor begins every node.
type descriptor struct {
	next, previous uint32
	kind           int8
	height         uint8
	records        int
}

func parseDescriptor(p []byte) descriptor {
	return descriptor{be.Uint32(p), be.Uint32(p[4:]), int8(p[8]), p[9], int(be.Uint16(p[10:]))}
}

// treeHeader is the first record of a tree's first node.
type treeHeader struct {
	depth                 uint16
	leafRecords           uint32
	firstLeaf, lastLeaf   uint32
	nodeSize              int64
	maxKey                uint16
	totalNodes, freeNodes uint32
}

// parseTreeHeader reads the beginning of a header node.
func parseTreeHeader(p []byte, at int64) (*treeHeader, error) {
	c := cursor.New("hfsplus: B-tree header", at, p)
	c.Skip(descriptorSize)
	t := &treeHeader{depth: c.Uint16BE()}
	c.Skip(4)
	t.leafRecords, t.firstLeaf, t.lastLeaf = c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	t.nodeSize, t.maxKey = int64(c.Uint16BE()), c.Uint16BE()
	t.totalNodes, t.freeNodes = c.Uint32BE(), c.Uint32BE()
	if c.Err() != nil {
		return nil, c.Err()
	}
	d := parseDescriptor(p)
	switch {
	case d.kind != nodeHeader || d.records != 3 || d.height != 0:
		return nil, cursor.Corrupt("hfsplus: B-tree header", at, "a header node with 3 records", fmt.Sprintf("kind %d with %d", d.kind, d.records))
	case t.nodeSize < minNode || t.nodeSize > maxNode || t.nodeSize&(t.nodeSize-1) != 0:
		return nil, cursor.Corrupt("hfsplus: B-tree header: node size", at+32, "a power of two from 512 to 32768", t.nodeSize)
	case t.totalNodes == 0 || t.freeNodes > t.totalNodes:
		return nil, cursor.Corrupt("hfsplus: B-tree header: nodes", at+36, "more nodes than free ones", fmt.Sprintf("%d, %d free", t.totalNodes, t.freeNodes))
	}
	return t, nil
}

// record is one record of a leaf, still as bytes.
type record struct {
	key  []byte // without its length
	data []byte
	at   int64 // of the key in the tree's file, with its length
}

// leafRecords splits a leaf into its records. What cannot be a record ends up in err, and hides no other.
func leafRecords(p []byte, at int64, yield func(record) bool) (err error) {
	if len(p) < descriptorSize {
		return cursor.Corrupt("hfsplus: node", at, fmt.Sprintf("at least %d bytes", descriptorSize), len(p))
	}
	d := parseDescriptor(p)
	offsets, limit := offsetTable(p, d.records)
	if offsets == nil {
		return cursor.Corrupt("hfsplus: node", at, fmt.Sprintf("offsets of %d records", d.records), "offsets that cannot be")
	}
	for i, from := range offsets[:d.records] {
		to := offsets[i+1]
		if from < descriptorSize || to <= from || to > limit {
			err = cursor.Corrupt(fmt.Sprintf("hfsplus: node: record %d", i), at, fmt.Sprintf("a place from %d to %d", descriptorSize, limit), fmt.Sprintf("%d to %d", from, to))
			continue
		}
		r, ok := splitRecord(p[from:to])
		if !ok {
			err = cursor.Corrupt(fmt.Sprintf("hfsplus: node: record %d: key", i), at+int64(from), fmt.Sprintf("at most %d bytes", to-from-2), be.Uint16(p[from:]))
			continue
		}
		r.at = at + int64(from)
		if !yield(r) {
			return err
		}
	}
	return err
}

// offsetTable returns the offsets at the end of a node: one for each record and that of the free space. limit
// is where the table begins.
func offsetTable(p []byte, records int) (offsets []int, limit int) {
	limit = len(p) - 2*(records+1)
	if limit < descriptorSize {
		return nil, 0
	}
	offsets = make([]int, records+1)
	for i := range offsets {
		offsets[i] = int(be.Uint16(p[len(p)-2*(i+1):]))
	}
	return offsets, limit
}

func splitRecord(p []byte) (record, bool) {
	if len(p) < 2 {
		return record{}, false
	}
	n := int(be.Uint16(p))
	if n < 6 || 2+n+n&1 > len(p) {
		return record{}, false
	}
	return record{key: p[2 : 2+n], data: p[2+n+n&1:]}, true
}

// span says which first numbers of keys (folders in the catalogue, files in the other trees) a leaf holds.
type span struct {
	first, last uint32
	reach       uint32 // the largest last of this leaf and of all before it
	node        uint32
}

// maxNodes bounds the nodes that are looked at in one tree: at 4 KiB each that is 128 GiB of catalogue.
const maxNodes = 32 << 20

// tree reads the leaves of a B-tree. It does not follow index nodes: going over all leaves once, in the order
// of the file, gives all that they would, and works when they are broken.
type tree struct {
	name string
	src  block.Source // the tree's file
	runs []block.Run  // where it stands on the volume's source, the journal not regarded
	size int64        // of a node
	// numberAt is where the first number of a key stands in it, after its length.
	numberAt int

	live  []span   // in order of first; of leaves that belong to the tree
	stale []uint32 // leaves that once did
	// chained says that the chain of leaves is whole, so that live is exactly the tree.
	chained bool
	broken  int // nodes that cannot be read or are none

	mu    sync.Mutex
	cache map[uint32][]byte
}

// node returns a node, which must not be changed.
func (t *tree) node(i uint32) ([]byte, error) {
	t.mu.Lock()
	p := t.cache[i]
	t.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p = make([]byte, t.size)
	if n, err := t.src.ReadAt(p, int64(i)*t.size); n < len(p) {
		return nil, fmt.Errorf("hfsplus: %s: node %d: %w", t.name, i, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.cache == nil || len(t.cache) >= 256 {
		t.cache = make(map[uint32][]byte, 256)
	}
	t.cache[i] = p
	return p, nil
}

// scan goes over all nodes once, and sorts them into live ones and stale ones. h may be nil.
func (t *tree) scan(ctx context.Context, h *treeHeader) error {
	count := uint32(min(t.src.Size()/t.size, maxNodes))
	if h != nil {
		count = min(count, h.totalNodes)
	}
	next := map[uint32]uint32{} // of leaves
	var leaves []span
	perRead := max(1, (1<<20)/int(t.size))
	buf := make([]byte, perRead*int(t.size))
	for i := uint32(0); i < count; i += uint32(perRead) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(int64(len(buf)), int64(count-i)*t.size)]
		n, _ := t.src.ReadAt(p, int64(i)*t.size)
		for k := 0; (k+1)*int(t.size) <= len(p); k++ {
			node := p[k*int(t.size) : (k+1)*int(t.size)]
			if (k+1)*int(t.size) > n { // behind something unreadable: one by one
				if m, _ := t.src.ReadAt(node, int64(i+uint32(k))*t.size); m < len(node) {
					t.broken++
					continue
				}
			}
			d := parseDescriptor(node)
			if d.kind != nodeLeaf || d.records == 0 {
				continue
			}
			if s, ok := t.span(node, i+uint32(k)); ok {
				leaves = append(leaves, s)
				next[s.node] = d.next
			}
		}
	}
	inTree, chained := t.follow(h, next)
	t.chained = chained
	used := t.usedNodes(h)
	for _, s := range leaves {
		if chained && !inTree[s.node] || !chained && used != nil && !used(s.node) {
			t.stale = append(t.stale, s.node)
		} else {
			t.live = append(t.live, s)
		}
	}
	slices.SortStableFunc(t.live, func(a, b span) int {
		if a.first != b.first {
			return int(int64(a.first) - int64(b.first))
		}
		return int(int64(a.last) - int64(b.last))
	})
	reach := uint32(0)
	for i := range t.live {
		reach = max(reach, t.live[i].last)
		t.live[i].reach = reach
	}
	return nil
}

// usedNodes returns the test whether the tree's own map calls a node used; nil when the map cannot be read. Only
// the part of the map that the header node holds is regarded: the nodes behind it count as used.
func (t *tree) usedNodes(h *treeHeader) func(uint32) bool {
	if h == nil {
		return nil
	}
	p, err := t.node(0)
	if err != nil {
		return nil
	}
	offsets, limit := offsetTable(p, 3)
	if offsets == nil || offsets[2] < descriptorSize || offsets[3] <= offsets[2] || offsets[3] > limit {
		return nil
	}
	bits := p[offsets[2]:offsets[3]]
	if len(bits) == 0 || bits[0]&0x80 == 0 { // the header node itself
		return nil
	}
	return func(i uint32) bool { return int(i/8) >= len(bits) || bits[i/8]&(0x80>>(i%8)) != 0 }
}

// follow follows the chain of leaves and reports whether it is whole.
func (t *tree) follow(h *treeHeader, next map[uint32]uint32) (map[uint32]bool, bool) {
	if h == nil {
		return nil, false
	}
	in := map[uint32]bool{}
	if h.firstLeaf == 0 {
		return in, h.leafRecords == 0
	}
	for i := h.firstLeaf; ; {
		to, ok := next[i]
		if !ok || in[i] {
			return in, false
		}
		in[i] = true
		if to == 0 {
			return in, i == h.lastLeaf
		}
		i = to
	}
}

// span returns which numbers a leaf holds. ok is false when it holds no record that can be.
func (t *tree) span(node []byte, i uint32) (span, bool) {
	s := span{node: i}
	found := false
	_ = leafRecords(node, 0, func(r record) bool {
		if len(r.key) < t.numberAt+4 {
			return true
		}
		n := be.Uint32(r.key[t.numberAt:])
		if !found {
			s.first, s.last, found = n, n, true
		}
		s.first, s.last = min(s.first, n), max(s.last, n)
		return true
	})
	return s, found
}

// records yields the live records whose first number is n, in order of their nodes.
func (t *tree) records(n uint32, yield func(record) bool, fail func(error)) {
	i, _ := slices.BinarySearchFunc(t.live, n, func(s span, n uint32) int {
		if s.reach < n {
			return -1
		}
		return 1
	})
	for ; i < len(t.live) && t.live[i].first <= n; i++ {
		if t.live[i].last < n {
			continue
		}
		if !t.leaf(t.live[i].node, func(r record) bool {
			return be.Uint32(r.key[t.numberAt:]) != n || yield(r)
		}, fail) {
			return
		}
	}
}

// leaf yields the records of a leaf. It reports whether yield never ended it.
func (t *tree) leaf(i uint32, yield func(record) bool, fail func(error)) bool {
	p, err := t.node(i)
	if err != nil {
		fail(err)
		return true
	}
	on := true
	if err := leafRecords(p, int64(i)*t.size, func(r record) bool {
		if len(r.key) >= t.numberAt+4 {
			on = yield(r)
		}
		return on
	}); err != nil && on {
		fail(err)
	}
	return on
}
